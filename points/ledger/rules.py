"""The laws as plain data and pure functions: lock order, floors, which kind may touch what, spending order, bounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from ..db import MAX_AMOUNT, MAX_BALANCE
from ..errors import LedgerFault
from .drafts import Draft, Leg
from .models import AccountClass, UnitKind

C, U = AccountClass, UnitKind

# Cold to hot: whoever writes locks a resident's own accounts first and what everybody shares last, so that the row
# others wait for is held the shortest. Within a rank by place (holder, unit, mark, stripe), which is known before
# anything is looked up. Every writer keeps to this order, so none can deadlock.
LOCK_ORDER = (
    *(C.DEBT, C.WALLET, C.SHELF, C.TAKINGS, C.GIVEN_OUT, C.WASTE, C.EXPIRED, C.SUPPLY, C.OPENING, C.ISSUANCE),
)
RANK: Mapping[AccountClass, int] = {klass: rank for rank, klass in enumerate(LOCK_ORDER)}

FLOOR: Mapping[AccountClass, int] = {C.WALLET: 0, C.SHELF: 0}  # every other class may run negative
CEILING: Mapping[AccountClass, int] = {C.DEBT: 0}  # a debt is repaid to nothing, never beyond
GIVEN_MARK: Mapping[AccountClass, str] = {C.WALLET: "never", C.SHELF: "0"}  # where a gift without a mark goes
NEVER = "never"

# Accounts that many writers share and no bound makes one row: split into rows whose sum is the balance. On SQLite one
# writer at a time makes that pointless. A budget (an issuance account with a mark) has a floor and so is one row.
STRIPED = frozenset({C.TAKINGS, C.GIVEN_OUT, C.WASTE, C.EXPIRED, C.SUPPLY, C.OPENING, C.ISSUANCE})
STRIPES = 8

Touch = tuple[AccountClass, int, UnitKind]
EARNED = (U.POINTS, U.HONOUR, U.MINUTES)


def _moves(giver: AccountClass, taker: AccountClass, *units: UnitKind) -> set[Touch]:
    return {(giver, -1, unit) for unit in units} | {(taker, 1, unit) for unit in units}


# Which kind of transfer may touch which class of account, with which sign, in which kinds of unit.
MAY: Mapping[str, frozenset[Touch]] = {
    "award": frozenset(_moves(C.ISSUANCE, C.WALLET, *EARNED) | _moves(C.ISSUANCE, C.DEBT, *EARNED)),
    "deduction": frozenset(_moves(C.WALLET, C.ISSUANCE, *EARNED) | _moves(C.DEBT, C.ISSUANCE, *EARNED)),
    # a deed that gives of one unit and takes of another: hours for points
    "exchange": frozenset(
        _moves(C.ISSUANCE, C.WALLET, *EARNED)
        | _moves(C.ISSUANCE, C.DEBT, *EARNED)
        | _moves(C.WALLET, C.ISSUANCE, *EARNED)
        | _moves(C.DEBT, C.ISSUANCE, *EARNED)
    ),
    "waiver": frozenset(_moves(C.ISSUANCE, C.DEBT, *EARNED)),  # what is left of a deduction at its end date
    "gift": frozenset(_moves(C.WALLET, C.WALLET, U.POINTS, U.MINUTES)),  # to a household, a relative, a pool
    "expiry": frozenset(_moves(C.WALLET, C.EXPIRED, *EARNED)),
    # the end of a period: to a later date or a pool, into another unit, or lapsed; what the sweep was quicker with, too
    "carry": frozenset(
        _moves(C.WALLET, C.WALLET, *EARNED)
        | _moves(C.WALLET, C.EXPIRED, *EARNED)
        | _moves(C.EXPIRED, C.WALLET, *EARNED)
        | _moves(C.ISSUANCE, C.WALLET, *EARNED)
    ),
    "redemption": frozenset(_moves(C.WALLET, C.TAKINGS, U.POINTS) | _moves(C.SHELF, C.GIVEN_OUT, U.GOODS)),
    "donation": frozenset(_moves(C.SUPPLY, C.SHELF, U.GOODS)),
    "purchase": frozenset(_moves(C.SUPPLY, C.SHELF, U.GOODS)),
    "waste": frozenset(_moves(C.SHELF, C.WASTE, U.GOODS)),
    "stock_count": frozenset(_moves(C.SHELF, C.WASTE, U.GOODS) | _moves(C.WASTE, C.SHELF, U.GOODS)),
    "opening": frozenset(_moves(C.OPENING, C.WALLET, *EARNED) | _moves(C.OPENING, C.SHELF, U.GOODS)),
}
# A kind that undoes: what it may undo. It touches what the original touched, with the opposite sign.
UNDOES: Mapping[str, frozenset[str]] = {
    "return": frozenset({"redemption"}),
    "reversal": frozenset(
        {"award", "deduction", "exchange", "gift", "donation", "purchase", "waste", "stock_count", "opening"}
    ),
}


# What undoing may touch besides: what a reversed award gave and has expired since comes from there.
BESIDES: Mapping[str, frozenset[Touch]] = {"reversal": frozenset((C.EXPIRED, -1, unit) for unit in EARNED)}


def may_touch(kind: str, undone: str | None, klass: AccountClass, amount: int, unit: UnitKind) -> bool:
    """Whether a transfer of this kind (undoing one of kind ``undone``) may move this amount at such an account."""
    return _may(kind, undone, klass, 1 if amount > 0 else -1, unit)


@lru_cache(1000)
def _may(kind: str, undone: str | None, klass: AccountClass, sign: int, unit: UnitKind) -> bool:
    if undone is None:
        return (klass, sign, unit) in MAY.get(kind, ())
    if undone not in UNDOES.get(kind, ()):
        return False
    return (klass, -sign, unit) in MAY[undone] or (klass, sign, unit) in BESIDES.get(kind, ())


def check_touches(kind: str, legs: Iterable[Leg], kinds: Mapping[int, UnitKind]) -> None:
    """Raises LedgerFault unless this kind may do all that the legs do. ``kinds`` says what their units count."""
    for leg in legs:
        if not may_touch(kind, None, leg.klass, leg.amount, kinds[leg.unit_id]):
            raise LedgerFault("this kind may not touch that", kind=kind, leg=leg)


def check_undoes(kind: str, undone: str) -> None:
    if undone not in UNDOES.get(kind, ()):
        raise LedgerFault("this kind does not undo that one", kind=kind, undone=undone)


def check_shape(draft: Draft, undone: str | None = None) -> None:
    """Everything about a draft that can be judged without the books. Raises LedgerFault."""
    if undone is None and draft.kind not in MAY:
        raise LedgerFault("only a known kind is posted, and an undoing one only by reverse", kind=draft.kind)
    if undone is not None:
        check_undoes(draft.kind, undone)
    if not 1 <= len(draft.key) <= 80 or len(draft.request_hash) != 64:
        raise LedgerFault("a transfer has a key of 1 to 80 characters and a request hash", key=draft.key)
    sums: dict[int, int] = defaultdict(int)
    for leg in draft.legs:
        check_amount(leg.amount)
        if leg.mark is not None and not is_mark(leg.klass, leg.mark):
            raise LedgerFault("a mark is a wallet's month end or never, a shelf's batch, a budget", mark=leg.mark)
        sums[leg.unit_id] += leg.amount
    if not sums or any(sums.values()):
        raise LedgerFault("a transfer sums to zero in every unit", kind=draft.kind, sums=dict(sums))


def merged(legs: Iterable[Leg]) -> list[Leg]:
    """Legs at one account as one, givings with their default mark, in the lock order: the same item on two lines is
    one taking. Legs that undo lines stay apart, so that each line's undoing can be counted."""
    amounts: dict[tuple[object, ...], int] = {}
    first: dict[tuple[object, ...], Leg] = {}
    name: tuple[object, ...]
    for leg in legs:
        if leg.mark is None and not takes_freely(leg):
            leg = Leg(leg.holder_id, leg.unit_id, leg.klass, leg.amount, GIVEN_MARK.get(leg.klass, ""), leg.undoes)
        name = (leg.holder_id, leg.unit_id, leg.klass, leg.mark, leg.amount > 0, leg.undoes)
        first.setdefault(name, leg)
        amounts[name] = amounts.get(name, 0) + leg.amount
    for name, leg in first.items():
        if amounts[name] != leg.amount:
            check_amount(amounts[name])
            first[name] = replace(leg, amount=amounts[name])
    return sorted(first.values(), key=in_lock_order)


def in_lock_order(leg: Leg) -> tuple[int, int, int, str]:
    return RANK[leg.klass], leg.holder_id, leg.unit_id, leg.mark or ""


def stripe_of(klass: AccountClass, mark: str, writer: int, stripes: int) -> int:
    """Which row of an account a writer uses: one of several, always the same, where no bound needs them to be one.

    By chance instead, two of eight writers would often meet: a shop that everybody is in lost a quarter by that."""
    if stripes == 1 or mark or klass not in STRIPED:
        return 0
    return writer % stripes


def bounds_of(klass: AccountClass, mark: str) -> tuple[int | None, int | None]:
    """Floor and ceiling of a new account. A budget that nobody has set has nothing to give."""
    floor = 0 if klass is C.ISSUANCE and mark else FLOOR.get(klass)
    return floor, CEILING.get(klass)


def takes_freely(leg: Leg) -> bool:
    """Whether the leg takes from as many of the holder's accounts as it needs, rather than from the one it names."""
    return leg.mark is None and leg.amount < 0 and leg.klass in GIVEN_MARK


def spending_order(klass: AccountClass, marks: Iterable[str], today: date) -> list[str]:
    """A wallet's dates, soonest first and "never" last, without those that have passed; a shelf's batches in order.

    Text order does both: digits sort before letters.
    """
    return sorted(mark for mark in marks if klass is not C.WALLET or not has_passed(mark, today))


def check_amount(amount: int) -> None:
    if type(amount) is not int or not 1 <= abs(amount) <= MAX_AMOUNT:
        raise LedgerFault("an amount is a whole number of minor units, not zero, at most 10^12", amount=amount)


def check_balance(balance: int) -> None:
    if abs(balance) > MAX_BALANCE:
        raise LedgerFault("a balance stays within 2^53", balance=balance)


def month_end(day: date) -> date:
    first_of_next = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return first_of_next - timedelta(days=1)


def expires_on(life: str, earned_on: date, number: int = 0) -> date | None:
    """The last day of points earned on a day, None for never.

    life    "days" or "months" (rolling, ``number`` of them), "month_end" (of the month ``number`` months later),
            "calendar_year" (of the year ``number`` years later), "never"
    Raises ValueError for another life.
    """
    if life == "never":
        return None
    if life == "days":
        return earned_on + timedelta(days=number)
    if life == "calendar_year":
        return date(earned_on.year + number, 12, 31)
    if life not in ("months", "month_end"):
        raise ValueError(f"no such life: {life}")
    months = earned_on.year * 12 + earned_on.month - 1 + number
    last = month_end(date(months // 12, months % 12 + 1, 1))
    return last if life == "month_end" else last.replace(day=min(last.day, earned_on.day))


def wallet_mark(expires_on: date | None) -> str:
    """The mark of the wallet account for points that live until a date: rounded up to the month's end, or "never"."""
    return NEVER if expires_on is None else month_end(expires_on).isoformat()


def is_mark(klass: AccountClass, mark: str) -> bool:
    if klass is C.WALLET:
        return mark == NEVER or _is_month_end(mark)
    if klass is C.SHELF:
        return 1 <= len(mark) <= 40
    return mark == "" or (klass is C.ISSUANCE and len(mark) <= 40)


def _is_month_end(mark: str) -> bool:
    try:
        return mark == wallet_mark(date.fromisoformat(mark))
    except ValueError:
        return False


def has_passed(mark: str, today: date) -> bool:
    """Whether a wallet's date lies before today. The date itself still counts."""
    return mark != NEVER and mark < today.isoformat()
