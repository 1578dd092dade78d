"""Holds: a draft that waits. What it will take is set aside on the accounts it would take from, under the same floors
and in the same lock order as a posting; capturing records it, whole or less, releasing or its time gives it back.

How a hold ended is a row whose key is the hold, so it ends once. Until then a hold sits on the accounts it took: their
date may pass meanwhile, and it can still be captured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, insert, select

from .. import clock
from ..db import db, in_own_transaction
from ..errors import Conflict, HoldEnded, KeyReused, LedgerFault, NotFound
from .accounts import SCHEME, accounts, draw_stripes, lock, open_missing
from .aside import HOLDS, given_back, holds, lines, lock_held, overdue, resolutions, resolve, set_aside, still_open
from .drafts import Draft, Leg, Posted
from .models import AccountClass, Outcome
from .planning import Entry, plan
from .posting import ZONE, post, replay, transfers
from .rules import GIVEN_MARK, check_shape, merged
from .server import is_used
from .sets import BIG

SYSTEM = 0
CHUNK = 500  # holds a transaction when their time has come


@dataclass(frozen=True)
class Held:
    """A hold. ``replayed`` when the key had been held before and this is the first result."""

    hold_id: int
    replayed: bool


@dataclass(frozen=True)
class HeldLine:
    """A line of a hold: ``amount`` is negative at the accounts where it is set aside."""

    line: int
    holder_id: int
    unit_id: int
    klass: AccountClass
    mark: str
    amount: int


def hold(scheme_id: int, draft: Draft, *, until: datetime, at: datetime, zone: str = ZONE) -> Held:
    """Set aside what a draft takes (from wallets and shelves) and keep the rest of it for when it is captured.

    until  from this moment on the hold is refused, whether or not it has been timed out
    Raises InsufficientPoints(missing_points), SoldOut(available), KeyReused; LedgerFault when a law would be broken.
    """
    check_shape(draft)
    if others := [leg for leg in draft.legs if leg.amount < 0 and leg.klass not in GIVEN_MARK]:
        raise LedgerFault("a hold takes from wallets and shelves", legs=others)
    db.session.flush()
    entry, stripes = Entry(draft, merged(draft.legs)), draw_stripes()
    open_missing(scheme_id, entry.legs, stripes)
    places = lock(scheme_id, entry.legs, stripes)
    named = {"scheme": scheme_id, "actor": draft.actor_id, "key": draft.key}
    if first := db.session.execute(BY_KEY, named).first():  # asked once the accounts are locked, as ``post`` does
        return Held(replay(first.id, first.request_hash, draft.request_hash).transfer_id, replayed=True)
    if until <= at:  # asked again later than that, it was answered above
        raise LedgerFault("a hold ends after it begins", at=at, until=until)
    if refusal := plan(entry, places, clock.local_date(at, zone)):
        raise refusal
    set_aside(scheme_id, ((move.account_id, -move.amount) for move in entry.moves if move.amount < 0))
    facts = {name: getattr(draft, name) for name in COPIED}
    held_at = max(at, clock.now())
    db.session.execute(
        insert(holds), facts | {"scheme_id": scheme_id, "id": entry.id, "held_at": held_at, "until": until}
    )
    db.session.execute(
        insert(lines),
        [
            {"scheme_id": scheme_id, "hold_id": entry.id, "line": n, "account_id": x.account_id, "amount": x.amount}
            for n, x in enumerate(entry.moves)
        ],
    )
    return Held(entry.id, replayed=False)


COPIED = ("kind", "key", "actor_id", "request_hash", "source_kind", "source_id", "occurred_at")
BY_KEY = select(holds.c.id, holds.c.request_hash).where(
    holds.c.scheme_id == SCHEME, holds.c.actor_id == bindparam("actor", type_=BIG), holds.c.key == bindparam("key")
)


def capture(
    scheme_id: int,
    hold_id: int,
    *,
    key: str,
    actor_id: int,
    request_hash: str,
    source_kind: str,
    source_id: int | None,
    at: datetime,
    zone: str = ZONE,
    parts: Mapping[int, int] | None = None,
) -> Posted:
    """Record what was held as one transfer, from the very accounts that it sits on, and give back the rest.

    parts  line → how much of it (minor units, positive; together they balance); None is the whole hold
    Raises NotFound, HoldEnded(outcome), Conflict(cause="beyond", line, left), KeyReused.
    """
    whole = lines_of(scheme_id, hold_id)
    if not is_used():  # the statements open what is missing, which must come before any lock
        open_missing(scheme_id, _legs(whole, None), draw_stripes())
    lock_held(scheme_id, [hold_id])
    held = _state(scheme_id, hold_id)
    if held.transfer_id and (held.by, held.named) == (actor_id, key):
        return replay(held.transfer_id, held.hashed, request_hash)
    _check_alive(held, at)
    legs = _legs(whole, parts)
    set_aside(scheme_id, given_back(scheme_id, [hold_id]))
    draft = Draft(held.kind, key, actor_id, request_hash, source_kind, source_id, at, legs)
    [posted] = post(scheme_id, [draft], at=at, zone=zone)
    if posted.replayed:  # of something else: this hold had no transfer
        raise KeyReused()
    resolve(scheme_id, [hold_id], Outcome.CAPTURED, actor_id, at, posted.transfer_id)
    return posted


def release(scheme_id: int, hold_id: int, *, actor_id: int, at: datetime) -> bool:
    """Give back what was held. False when it had been released before. Raises NotFound, HoldEnded(outcome)."""
    lock_held(scheme_id, [hold_id])
    held = _state(scheme_id, hold_id)
    if held.outcome == Outcome.RELEASED:
        return False
    _check_alive(held, at)
    set_aside(scheme_id, given_back(scheme_id, [hold_id]))
    resolve(scheme_id, [hold_id], Outcome.RELEASED, actor_id, at)
    return True


def time_out(scheme_id: int, *, at: datetime, size: int = CHUNK, stop: Callable[[], bool] = lambda: False) -> int:
    """Give back what is held beyond its time: how many holds that ended. A commit per chunk of ``size``; whatever cuts
    it short, the next run goes on with what is left."""
    ended, chunk = 0, 1
    while chunk and not stop():
        chunk = in_own_transaction(lambda: _time_out(scheme_id, at, size))
        ended += chunk
    return ended


def _time_out(scheme_id: int, at: datetime, size: int) -> int:
    late = db.session.scalars(overdue(), {"scheme": scheme_id, "at": at, "size": size}).all()
    lock_held(scheme_id, late)
    found = db.session.scalars(still_open(), {"scheme": scheme_id, **HOLDS.bind([(hold_id,) for hold_id in late])})
    mine = found.all()  # those that nobody has ended while we waited for their accounts
    set_aside(scheme_id, given_back(scheme_id, mine))
    if mine:
        resolve(scheme_id, mine, Outcome.EXPIRED, SYSTEM, at)
    return len(mine)


def lines_of(scheme_id: int, hold_id: int) -> list[HeldLine]:
    """The lines of a hold, by number; none when there is no such hold."""
    found = db.session.execute(WHOLE, {"scheme": scheme_id, "hold": hold_id})
    return [HeldLine(r.line, r.holder_id, r.unit_id, AccountClass(r[3]), r.mark, r.amount) for r in found]


WHOLE = (
    select(lines.c.line, accounts.c.holder_id, accounts.c.unit_id, accounts.c["class"], accounts.c.mark, lines.c.amount)
    .join(accounts, and_(accounts.c.scheme_id == SCHEME, accounts.c.id == lines.c.account_id))
    .where(lines.c.scheme_id == SCHEME, lines.c.hold_id == bindparam("hold", type_=BIG))
    .order_by(lines.c.line)
)


# ---------------------------------------------------------------- how it is done


def _legs(whole: Sequence[HeldLine], parts: Mapping[int, int] | None) -> tuple[Leg, ...]:
    """The legs of what is captured, at the accounts that are held."""
    most = {line.line: abs(line.amount) for line in whole}
    wanted = most if parts is None else parts
    for number, amount in wanted.items():
        if number not in most or amount < 1:
            raise LedgerFault("a partial capture names lines of its hold", line=number, amount=amount)
        if amount > most[number]:
            raise Conflict(cause="beyond", line=number, left=most[number])
    return tuple(
        Leg(x.holder_id, x.unit_id, x.klass, wanted[x.line] if x.amount > 0 else -wanted[x.line], x.mark)
        for x in whole
        if x.line in wanted
    )


def _check_alive(held: Row[Any], at: datetime) -> None:
    if held.outcome:
        raise HoldEnded(outcome=held.outcome)
    if at >= held.until:
        raise HoldEnded(outcome=Outcome.EXPIRED.value)


def _state(scheme_id: int, hold_id: int) -> Row[Any]:
    """The hold and how it ended, if it has: read once its accounts are locked. Raises NotFound."""
    found = db.session.execute(STATE, {"scheme": scheme_id, "hold": hold_id}).first()
    if found is None:
        raise NotFound()
    return found


STATE: Select[Any] = (
    select(
        *(holds.c.kind, holds.c.until, resolutions.c.outcome, resolutions.c.transfer_id),
        *(transfers.c.actor_id.label("by"), transfers.c.key.label("named"), transfers.c.request_hash.label("hashed")),
    )
    .outerjoin(resolutions, and_(resolutions.c.scheme_id == SCHEME, resolutions.c.hold_id == holds.c.id))
    .outerjoin(transfers, and_(transfers.c.scheme_id == SCHEME, transfers.c.id == resolutions.c.transfer_id))
    .where(holds.c.scheme_id == SCHEME, holds.c.id == bindparam("hold", type_=BIG))
)
