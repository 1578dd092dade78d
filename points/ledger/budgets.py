"""Budgets: how much may be issued under a mark ("2026"), as the floor of an issuance account of its own.

So "never more than the budget" is the same rule, and the same statement, as "never below zero" in a wallet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, Select, select, update

from ..db import MAX_AMOUNT, db
from ..errors import LedgerFault
from .accounts import accounts, draw_stripes, open_missing
from .drafts import Leg
from .models import AccountClass
from .rules import is_mark

ISSUANCE = AccountClass.ISSUANCE


@dataclass(frozen=True)
class Budget:
    """Minor units of one unit under one mark. ``left`` is nothing when more was issued than the amount is now."""

    amount: int
    issued: int

    @property
    def left(self) -> int:
        return max(0, self.amount - self.issued)


def set_budget(scheme_id: int, unit_id: int, mark: str, amount: int) -> Budget:
    """Let so much be issued under a mark, what has been issued included; a later call raises or lowers it. Lowered
    below what was issued, nothing more is issued, and all else goes on."""
    if not mark or not is_mark(ISSUANCE, mark) or not 0 <= amount <= MAX_AMOUNT:
        raise LedgerFault("a budget has a mark and an amount from 0 to 10^12", mark=mark, amount=amount)
    open_missing(scheme_id, [Leg(scheme_id, unit_id, ISSUANCE, amount, mark)], draw_stripes())
    a = accounts.c
    changed = db.session.execute(
        update(accounts)
        .where(*_at(scheme_id), a.unit_id == unit_id, a.mark == mark)
        .values(floor=-amount)
        .returning(a.balance)
    ).first()
    if changed is None:
        raise LedgerFault("a budget is of a unit of its scheme", unit=unit_id)
    return Budget(amount, -changed.balance)


def budget_of(scheme_id: int, unit_id: int, mark: str) -> Budget | None:
    """The budget of a unit under a mark, None when there is none."""
    return budgets_of(scheme_id, [unit_id], mark).get(unit_id)


def budgets_of(scheme_id: int, unit_ids: Iterable[int], mark: str) -> dict[int, Budget]:
    """The budgets of these units under a mark; a unit that has none is left out, and issued without one."""
    a = accounts.c
    wanted: Select[int, int, int] = select(a.unit_id, a.floor, a.balance).where(
        *_at(scheme_id), a.unit_id.in_(list(unit_ids)), a.mark == mark
    )
    found: Iterable[Row[int, int, int]] = db.session.execute(wanted)
    return {unit_id: Budget(-floor, -balance) for unit_id, floor, balance in found}


def _at(scheme_id: int) -> tuple[ColumnElement[bool], ...]:
    a = accounts.c
    return a.scheme_id == scheme_id, a.holder_id == scheme_id, a["class"] == ISSUANCE, a.mark != "", a.stripe == 0
