"""The one writer. ``post`` records transfers, ``reverse`` the opposite of one; nothing else changes a balance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import Executable, Table, and_, insert, or_, select, update

from .. import clock
from ..db import db, new_id
from ..errors import Conflict, InsufficientPoints, KeyReused, LedgerFault, NotFound, SoldOut
from .accounts import SCHEME, Locked, Place, accounts, lock, open_missing
from .drafts import Draft, Leg, Posted
from .models import AccountClass, Posting, Transfer
from .rules import (
    check_balance,
    check_shape,
    has_passed,
    may_touch,
    merged,
    spending_order,
    stripe_of,
    takes_freely,
    wallet_mark,
)
from .sets import BIG, WORD, Rows, built_once

ZONE = "Asia/Shanghai"

transfers = cast(Table, Transfer.__table__)
postings = cast(Table, Posting.__table__)


def earlier(scheme_id: int, actor_id: int, key: str, hashed: str) -> Posted | None:
    """What the key named before, or None. Raises KeyReused when it named another request. Ask before pricing."""
    found = db.session.execute(_asking(), {"scheme": scheme_id, **NAMES.bind([(actor_id, key)])}).first()
    return _replay(found.id, found.request_hash, hashed) if found else None


def _replay(transfer_id: int, first_hash: str, hashed: str) -> Posted:
    if first_hash != hashed:
        raise KeyReused()
    return Posted(transfer_id, replayed=True)


def post(scheme_id: int, drafts: Sequence[Draft], *, at: datetime, zone: str = ZONE) -> list[Posted]:
    """Record transfers, all or none. Raises InsufficientPoints(missing_points), SoldOut(available={unit id: pieces}),
    KeyReused; LedgerFault when a law would be broken.

    at    the caller's now; ``recorded_at`` is read from the clock once the accounts are locked, and is never before it
    zone  whose calendar says which wallet dates have passed: those points are spent no more, swept or not
    """
    for draft in drafts:
        check_shape(draft)
    return _record(scheme_id, [Entry(draft) for draft in drafts], at, clock.local_date(at, zone))


def reverse(
    scheme_id: int,
    transfer_id: int,
    *,
    kind: str,
    key: str,
    actor_id: int,
    request_hash: str,
    source_kind: str,
    source_id: int | None,
    at: datetime,
    occurred_at: datetime | None = None,
    zone: str = ZONE,
    grace_days: int = 30,
) -> Posted:
    """Record the opposite of a transfer, at most once. Points go back to the accounts they came from; to a date that
    has passed they go to an account that lives ``grace_days`` more days (to the end of that month).

    Raises NotFound, Conflict(cause="reversed"), InsufficientPoints when what was given has been spent, KeyReused.
    """
    if first := earlier(scheme_id, actor_id, key, request_hash):
        return first
    t, p, a = transfers.c, postings.c, accounts.c
    undone = db.session.scalar(select(t.kind).where(t.scheme_id == scheme_id, t.id == transfer_id))
    if undone is None:
        raise NotFound()
    today = clock.local_date(at, zone)
    later = wallet_mark(today + timedelta(days=grace_days))
    legs = []
    for holder_id, unit_id, word, mark, amount in db.session.execute(
        select(a.holder_id, a.unit_id, a["class"], a.mark, p.amount)
        .join(accounts, (a.scheme_id == scheme_id) & (a.id == p.account_id))
        .where(p.scheme_id == scheme_id, p.transfer_id == transfer_id)
        .order_by(p.line)
    ):
        klass = AccountClass(word)
        if klass is AccountClass.WALLET and amount < 0 and has_passed(mark, today):
            mark = later
        legs.append(Leg(holder_id, unit_id, klass, -amount, mark))
    draft = Draft(kind, key, actor_id, request_hash, source_kind, source_id, occurred_at or at, tuple(legs))
    check_shape(draft, undone)
    return _record(scheme_id, [Entry(draft, transfer_id, undone)], at, today)[0]


# ---------------------------------------------------------------- how it is done


@dataclass(frozen=True)
class Move:
    account_id: int
    amount: int
    seq: int
    balance_after: int


@dataclass
class Entry:
    """A draft on its way into the books; ``moves`` are its lines once they are planned."""

    draft: Draft
    reverses_id: int | None = None
    undone: str | None = None
    id: int = field(default_factory=new_id)
    moves: list[Move] = field(default_factory=list)


def _record(scheme_id: int, entries: list[Entry], at: datetime, today: date) -> list[Posted]:
    """Open, lock, look up the keys, plan, write: six statements however many transfers there are."""
    if not entries:
        return []
    db.session.flush()  # holders and units that were added a moment ago
    legs = {id(entry): merged(entry.draft.legs) for entry in entries}
    every_leg = [leg for some in legs.values() for leg in some]
    stripes = {klass: stripe_of(klass) for klass in AccountClass}
    open_missing(scheme_id, every_leg, stripes)
    places = lock(scheme_id, every_leg, stripes)
    known = _known(scheme_id, entries)
    answers, fresh = [], []
    for entry in entries:
        name = (entry.draft.actor_id, entry.draft.key)
        if name in known:
            answers.append(_replay(*known[name], entry.draft.request_hash))
            continue
        known[name] = (entry.id, entry.draft.request_hash)
        answers.append(Posted(entry.id, replayed=False))
        _plan(entry, legs[id(entry)], places, today)
        fresh.append(entry)
    if fresh:
        _write(scheme_id, fresh, max(at, clock.now()))
    return answers


def _known(scheme_id: int, entries: list[Entry]) -> dict[tuple[int, str], tuple[int, str]]:
    """What the keys named before: (actor, key) → (transfer, request hash). Raises Conflict when what an entry reverses
    is reversed already.

    Asked once the accounts are locked: two requests with one key share an account, so the second, which waited for
    the first, sees it here. Asked before, it would go on and find the wallet empty.
    """
    names = {(entry.draft.actor_id, entry.draft.key) for entry in entries}
    found = db.session.execute(_asking(), {"scheme": scheme_id, **NAMES.bind(sorted(names))})
    known = {(row.actor_id, row.key): (row.id, row.request_hash) for row in found}
    fresh = [entry for entry in entries if (entry.draft.actor_id, entry.draft.key) not in known]
    if undone := [entry.reverses_id for entry in fresh if entry.reverses_id is not None]:
        t = transfers.c
        if db.session.scalar(select(t.id).where(t.scheme_id == scheme_id, t.reverses_id.in_(undone))):
            raise Conflict(cause="reversed")
    return known


NAMES = Rows("names", actor_id=BIG, key=WORD)


@built_once
def _asking() -> Executable:
    names, t = NAMES.source(), transfers.c
    same = and_(t.scheme_id == SCHEME, t.actor_id == names.c.actor_id, t.key == names.c.key)
    return select(names, t.id, t.request_hash).select_from(names.join(transfers, same))


def _plan(entry: Entry, legs: list[Leg], places: dict[Place, dict[str, Locked]], today: date) -> None:
    """Decide which accounts the legs move, and refuse naming everything that is short, so it is put right in one go."""
    sold_out: dict[int, int] = {}
    missing: dict[int, int] = {}
    moved: dict[int, tuple[Locked, int]] = {}
    for leg in sorted(legs, key=takes_freely):  # what names its account first, then what takes where something is left
        reached = _reach(leg, places, today)
        had, left = sum(account.free or 0 for account in reached), -leg.amount
        for account in reached:
            if not may_touch(entry.draft.kind, entry.undone, leg.klass, leg.amount, account.unit_kind):
                raise LedgerFault("this kind may not touch that", kind=entry.draft.kind, leg=leg)
            part = left if left < 0 or account.free is None else min(left, account.free)
            if part:
                left -= part
                account.balance -= part
                moved[account.id] = (account, moved.get(account.id, (account, 0))[1] - part)
        if left and leg.klass is AccountClass.SHELF:
            sold_out[leg.unit_id] = had
        elif left:
            missing[leg.unit_id] = missing.get(leg.unit_id, 0) + left
    if sold_out:
        raise SoldOut(available=sold_out, goods=())
    if missing:
        raise InsufficientPoints(missing_points=next(iter(missing.values())))
    for account, amount in moved.values():
        if amount == 0:
            raise LedgerFault("a transfer moves something at every account it names", account=account.id)
        if account.ceiling is not None and amount > 0 and account.balance > account.ceiling:
            raise Conflict(cause="ceiling")
        check_balance(account.balance)
        account.seq += 1
        entry.moves.append(Move(account.id, amount, account.seq, account.balance))


def _reach(leg: Leg, places: dict[Place, dict[str, Locked]], today: date) -> list[Locked]:
    """The accounts a leg may move, in the order in which it does."""
    place = places.get((leg.holder_id, leg.unit_id, leg.klass), {})
    if takes_freely(leg):
        return [place[mark] for mark in spending_order(leg.klass, place, today)]
    if leg.mark not in place:
        raise LedgerFault("a leg names a holder and a unit of its scheme", leg=leg)
    return [place[leg.mark]]


def _write(scheme_id: int, entries: list[Entry], recorded_at: datetime) -> None:
    totals: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for move in (move for entry in entries for move in entry.moves):
        amount, steps = totals[move.account_id]
        totals[move.account_id] = (amount + move.amount, steps + 1)
    planned = {move.account_id: (move.balance_after, move.seq) for entry in entries for move in entry.moves}
    became = _change(scheme_id, [(account_id, *total) for account_id, total in totals.items()])
    if became != planned:
        raise LedgerFault("an account does not change between its lock and its update", planned=planned, became=became)
    db.session.execute(
        insert(transfers),
        [
            {
                "scheme_id": scheme_id,
                "id": entry.id,
                "kind": entry.draft.kind,
                "key": entry.draft.key,
                "actor_id": entry.draft.actor_id,
                "request_hash": entry.draft.request_hash,
                "source_kind": entry.draft.source_kind,
                "source_id": entry.draft.source_id,
                "reverses_id": entry.reverses_id,
                "part": 1 if entry.reverses_id else None,
                "occurred_at": entry.draft.occurred_at,
                "recorded_at": recorded_at,
            }
            for entry in entries
        ],
    )
    lines = [
        (entry.id, line, move.account_id, move.amount, move.seq, move.balance_after)
        for entry in entries
        for line, move in enumerate(entry.moves)
    ]
    db.session.execute(_writing_lines(), {"scheme": scheme_id, **LINES.bind(lines)})


LINES = Rows("lines", **dict.fromkeys(("transfer_id", "line", "account_id", "amount", "seq", "balance_after"), BIG))
CHANGES = Rows("changes", id=BIG, amount=BIG, steps=BIG)


@built_once
def _writing_lines() -> Executable:
    """One statement for all the lines: the trigger that sums them up sees whole transfers."""
    lines = LINES.source().c
    return insert(postings).from_select(["scheme_id", *lines.keys()], select(SCHEME, *lines.values()))


def _change(scheme_id: int, changes: list[tuple[int, int, int]]) -> dict[int, tuple[int, int]]:
    """Add (account, amount, steps) to balances and counters: account → the balance and counter they became."""
    rows = db.session.execute(_changing(), {"scheme": scheme_id, **CHANGES.bind(changes)})
    return {row.id: (row.balance, row.seq) for row in rows}


@built_once
def _changing() -> Executable:
    """The one statement that changes a balance, guarded by floor and ceiling: it repeats what the plan has checked
    under the lock, and a row that it turns away is missing from its answer."""
    change, a = CHANGES.source().c, accounts.c
    return (
        update(accounts)
        .where(
            a.scheme_id == SCHEME,
            a.id == change.id,
            or_(a.floor.is_(None), change.amount > 0, a.balance - a.held + change.amount >= a.floor),
            or_(a.ceiling.is_(None), change.amount < 0, a.balance + change.amount <= a.ceiling),
        )
        .values(balance=a.balance + change.amount, seq=a.seq + change.steps)
        .returning(a.id, a.balance, a.seq)
    )
