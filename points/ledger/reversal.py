"""Reversal: the opposite of a transfer, whole or some of its lines, as a new transfer that names the old."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, and_, bindparam, func, select

from .. import clock
from ..db import Overtaken, db
from ..errors import Conflict, DomainError, InsufficientPoints, LedgerFault, NotFound
from .accounts import SCHEME, accounts, draw_stripes, lock, open_missing
from .drafts import Draft, Leg, Posted
from .models import AccountClass
from .onward import LAPSED, all_of, onward, pools_reached
from .planning import Entry
from .posting import ZONE, earlier, postings, record, transfers
from .rules import check_shape, check_undoes, has_passed, merged, wallet_mark

C = AccountClass


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
    lines: Mapping[int, int] | None = None,
    allow_debt: bool = False,
) -> Posted:
    """Record the opposite of a transfer: of all that is left of it, or of some lines, never beyond them.

    lines       line number → how much of it to take back (minor units, positive); None is all that is left
    grace_days  points go back to the accounts they came from; to a date that has passed they go to an account that
                lives so many more days (to the end of that month)
    allow_debt  an award's points that were spent become the holder's debt, which later awards repay

    What an award gave comes from the account it went to; what has expired of it since, from the expired; what a
    period's end carried on, from where it is now.
    Raises NotFound, Conflict(cause="reversed") when nothing is left, Conflict(cause="beyond", line, left),
    InsufficientPoints when what was given has been spent, KeyReused.
    """
    if first := earlier(scheme_id, actor_id, key, request_hash):
        return first
    undone = db.session.scalar(
        select(transfers.c.kind).where(transfers.c.scheme_id == scheme_id, transfers.c.id == transfer_id)
    )
    if undone is None:
        raise NotFound()
    check_undoes(kind, undone)
    part, originals = _left_of(scheme_id, transfer_id)
    wanted = _wanted(originals, lines)
    today = clock.local_date(at, zone)
    later = wallet_mark(today + timedelta(days=grace_days))
    legs = []
    for line, amount in wanted:
        if line.klass is C.WALLET and amount > 0 and has_passed(line.mark, today):
            legs.append(line.leg(amount, mark=later))
        else:
            legs.append(line.leg(amount))
    if any(leg.klass is C.WALLET and leg.amount < 0 for leg in legs):
        legs = _taking_back(scheme_id, wanted, legs, allow_debt)
    draft = Draft(kind, key, actor_id, request_hash, source_kind, source_id, occurred_at or at, tuple(legs))
    check_shape(draft, undone)
    [answer] = record(scheme_id, [Entry(draft, merged(legs), transfer_id, undone, part + 1)], at, today)
    if isinstance(answer, DomainError):
        raise answer
    return answer


@dataclass(frozen=True)
class Original:
    """A line of the transfer to be reversed; ``left`` is what earlier reversals have left of it, with its sign."""

    line: int
    account_id: int
    holder_id: int
    unit_id: int
    klass: AccountClass
    mark: str
    left: int

    def leg(
        self, amount: int, *, klass: AccountClass | None = None, holder_id: int | None = None, mark: str | None = None
    ) -> Leg:
        place = (holder_id or self.holder_id, self.unit_id, klass or self.klass)
        return Leg(*place, amount, self.mark if mark is None else mark, undoes=self.line)


def _left_of(scheme_id: int, transfer_id: int) -> tuple[int, list[Original]]:
    """How many reversals there are, and the lines with what they left. Two at once that find the same number: the
    unique ``part`` turns one away, and its transaction runs again."""
    named = {"scheme": scheme_id, "transfer": transfer_id}
    parts = db.session.scalar(PARTS, named) or 0
    undone = {row.undoes: int(row.amount) for row in db.session.execute(UNDONE, named)} if parts else {}
    return parts, [
        Original(
            *(row.line, row.account_id, row.holder_id, row.unit_id, C(row.klass), row.mark),
            left=row.amount + undone.get(row.line, 0),
        )
        for row in db.session.execute(LINES, named)
    ]


TRANSFER = bindparam("transfer", type_=BigInteger)
PARTS = select(func.max(transfers.c.part)).where(transfers.c.scheme_id == SCHEME, transfers.c.reverses_id == TRANSFER)
UNDONE = (
    select(postings.c.undoes, func.sum(postings.c.amount).label("amount"))
    .join(transfers, and_(transfers.c.scheme_id == SCHEME, transfers.c.id == postings.c.transfer_id))
    .where(postings.c.scheme_id == SCHEME, transfers.c.reverses_id == TRANSFER)
    .group_by(postings.c.undoes)
)
LINES = (
    select(
        *(postings.c.line, postings.c.account_id, postings.c.amount),
        *(accounts.c.holder_id, accounts.c.unit_id, accounts.c["class"].label("klass"), accounts.c.mark),
    )
    .join(accounts, and_(accounts.c.scheme_id == SCHEME, accounts.c.id == postings.c.account_id))
    .where(postings.c.scheme_id == SCHEME, postings.c.transfer_id == TRANSFER)
    .order_by(postings.c.line)
)


def _wanted(originals: Sequence[Original], lines: Mapping[int, int] | None) -> list[tuple[Original, int]]:
    """The lines to undo, each with the amount that does it."""
    if lines is None:
        wanted = [(line, -line.left) for line in originals if line.left]
        if not wanted:
            raise Conflict(cause="reversed")
        return wanted
    by_number = {line.line: line for line in originals}
    wanted = []
    for number, amount in lines.items():
        line = by_number.get(number)
        if line is None or amount < 1:
            raise LedgerFault("a partial reversal names lines of its transfer", line=number, amount=amount)
        if amount > abs(line.left):
            raise Conflict(cause="reversed" if line.left == 0 else "beyond", line=number, left=abs(line.left))
        wanted.append((line, -amount if line.left > 0 else amount))
    return wanted


def _taking_back(
    scheme_id: int, wanted: Sequence[tuple[Original, int]], plain: Sequence[Leg], allow_debt: bool
) -> list[Leg]:
    """The legs, with what wallets no longer have taken from what expired there, from where a period's end carried it
    or, where allowed, made a debt."""
    given = [(line, -amount) for line, amount in wanted if line.klass is C.WALLET and amount < 0]
    wallets = {(line.holder_id, line.unit_id) for line, _ in given}
    debts = [line.leg(-amount, klass=C.DEBT, mark="") for line, amount in given] if allow_debt else []
    fetched = [line.leg(-amount, klass=C.EXPIRED, holder_id=scheme_id, mark="") for line, amount in given]
    stripes = draw_stripes()
    wanted_at_most = merged([*plain, *debts, *fetched])
    open_missing(scheme_id, wanted_at_most, stripes)
    places = lock(scheme_id, [*wanted_at_most, *all_of({*wallets, *pools_reached(scheme_id, wallets)})], stripes)
    where = {
        locked.id: (holder_id, locked)
        for (holder_id, _, klass), by_mark in places.items()
        for locked in by_mark.values()
        if klass is C.WALLET
    }
    free = Counter({account_id: locked.free() or 0 for account_id, (_, locked) in where.items()})
    found: dict[int, Counter[int]] = {}
    for line, amount in given:  # each its own account first, before another's points are followed there
        found[line.line] = Counter({line.account_id: min(amount, free[line.account_id])})
        free[line.account_id] -= found[line.line].total()
    if any(found[line.line].total() < amount for line, amount in given):
        ways = onward(scheme_id, wallets)
        if not ways.places <= where.keys():  # opened while we waited for the lock: seen in the next run
            raise Overtaken()
        for line, amount in given:
            found[line.line] += ways.fetch(line.account_id, amount - found[line.line].total(), free)
    legs, missing = [leg for leg in plain if leg.klass is not C.WALLET or leg.amount > 0], 0
    for line, amount in given:
        owed = amount - found[line.line].total()
        for account_id, part in found[line.line].items():
            if account_id == LAPSED:
                legs.append(line.leg(-part, klass=C.EXPIRED, holder_id=scheme_id, mark=""))
            else:
                holder_id, locked = where[account_id]
                legs.append(line.leg(-part, holder_id=holder_id, mark=locked.mark))
        if owed and allow_debt:
            legs.append(line.leg(-owed, klass=C.DEBT, mark=""))
        elif owed:
            missing += owed
    if missing:
        raise InsufficientPoints(missing_points=missing)
    return legs
