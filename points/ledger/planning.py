"""Planning: from drafts and the accounts as they stand, locked, to the lines that will be written. No statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from ..db import new_id
from ..errors import BudgetSpent, Conflict, DomainError, InsufficientPoints, LedgerFault, SoldOut
from .accounts import Locked, Places
from .drafts import Draft, Leg
from .models import AccountClass
from .rules import check_balance, in_lock_order, may_touch, spending_order, takes_freely


class Move(NamedTuple):
    """A line of a transfer, worked out."""

    account_id: int
    amount: int
    seq: int
    balance_after: int
    undoes: int | None


@dataclass(slots=True)
class Entry:
    """A draft on its way into the books; ``moves`` are its lines once they are planned."""

    draft: Draft
    legs: Sequence[Leg]  # merged, in the lock order
    reverses_id: int | None = None
    undone: str | None = None  # the kind of what it reverses
    part: int | None = None
    id: int = field(default_factory=new_id)
    moves: list[Move] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """What one leg moves at one account."""

    account: Locked
    amount: int
    leg: Leg


@dataclass(slots=True)
class Shortage:
    """Everything a draft is short of, so that it is put right in one go."""

    missing: int = 0
    sold_out: dict[int, int] = field(default_factory=dict)
    budgets: list[tuple[int, int]] = field(default_factory=list)

    def note(self, leg: Leg, had: int, left: int) -> None:
        if leg.klass is AccountClass.SHELF:
            self.sold_out[leg.unit_id] = had
        elif leg.klass is AccountClass.ISSUANCE:
            self.budgets.append((had, -leg.amount))
        else:
            self.missing = self.missing or left

    def refusal(self) -> DomainError | None:
        if self.sold_out:
            return SoldOut(available=self.sold_out, goods=())
        if self.missing:
            return InsufficientPoints(missing_points=self.missing)
        if self.budgets:
            left, wanted = self.budgets[0]
            return BudgetSpent(left_points=left, wanted_points=wanted)
        return None


def plan(entry: Entry, places: Places, today: date) -> DomainError | None:
    """Decide which accounts the legs move, and move them in ``places``; or change nothing and say why not."""
    short, changes = Shortage(), dict[int, int]()
    steps: list[Step] = []
    for leg in sorted(entry.legs, key=takes_freely):  # what names its account first, then what takes where it can
        reached = _reach(leg, places, today)
        left, had = -leg.amount, 0
        for account in reached:
            if not may_touch(entry.draft.kind, entry.undone, leg.klass, leg.amount, account.unit_kind):
                raise LedgerFault("this kind may not touch that", kind=entry.draft.kind, leg=leg)
            free = account.free(changes.get(account.id, 0))
            had += free or 0
            part = left if left < 0 or free is None else min(left, free)
            if part:
                left -= part
                changes[account.id] = changes.get(account.id, 0) - part
                steps.append(Step(account, -part, leg))
        if left:
            short.note(leg, had, left)
    if refusal := short.refusal() or _too_much(steps, changes):
        return refusal
    for account, amount, undoes in _joined(sorted(steps, key=lambda step: in_lock_order(step.leg))):
        account.balance += amount
        account.seq += 1
        entry.moves.append(Move(account.id, amount, account.seq, account.balance, undoes))
    return None


def _reach(leg: Leg, places: Places, today: date) -> list[Locked]:
    """The accounts a leg may move, in the order in which it does."""
    place = places.get((leg.holder_id, leg.unit_id, leg.klass), {})
    if takes_freely(leg):
        return [place[mark] for mark in spending_order(leg.klass, place, today)]
    account = place.get(leg.mark or "")
    if account is None:
        raise LedgerFault("a leg names a holder and a unit of its scheme", leg=leg)
    return [account]


def _too_much(steps: Sequence[Step], changes: dict[int, int]) -> DomainError | None:
    for step in steps:
        account = step.account
        after = account.balance + changes[account.id]
        if step.amount > 0 and account.ceiling is not None and after > account.ceiling:
            return Conflict(cause="ceiling")
        check_balance(after)
    return None


def _joined(steps: Sequence[Step]) -> list[tuple[Locked, int, int | None]]:
    """Steps at one account as one line, unless they undo different lines. Raises LedgerFault when one moves nothing."""
    amounts: dict[tuple[int, int | None], int] = {}
    first: dict[tuple[int, int | None], Locked] = {}
    for step in steps:
        name = (step.account.id, step.leg.undoes)
        amounts[name] = amounts.get(name, 0) + step.amount
        first.setdefault(name, step.account)
    if not all(amounts.values()):
        raise LedgerFault("a transfer moves something at every account it names", accounts=[a for a, _ in amounts])
    return [(account, amounts[name], name[1]) for name, account in first.items()]
