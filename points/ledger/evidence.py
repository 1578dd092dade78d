"""From the shelf back to the deeds: which credits of a wallet paid for which of its debits.

Points in one wallet account are spent first in, first out. A return puts back what the redemption had taken, under the
name of the original deeds; a reversal takes the award's own points first, as far as they are left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, select

from ..db import db
from ..errors import LedgerFault
from .accounts import accounts, units
from .models import AccountClass, UnitKind
from .posting import postings, transfers

WALLET = AccountClass.WALLET


@dataclass(frozen=True)
class Part:
    """A transfer's share in something, in minor units, and the wallet's date (mark) under which it lay."""

    transfer_id: int
    kind: str
    source_kind: str
    source_id: int | None
    amount: int
    account_id: int
    mark: str


@dataclass(frozen=True)
class PaidFor:
    """What became of an award: its uses in order (what came back is negative), and what is left of it."""

    uses: Sequence[Part]
    left: int


def paid_by(scheme_id: int, transfer_id: int) -> list[Part]:
    """The deeds (awards, balances brought in) whose points paid for a redemption: by date, in the order spent."""
    parts = [
        trail.part(lot.deed, lot.amount, account_id)
        for trail in _trails(scheme_id, transfer_id)
        for account_id, taken in trail.taken.get(transfer_id, {}).items()
        for lot in taken
    ]
    return sorted(parts, key=lambda part: part.mark)


def paid_for(scheme_id: int, transfer_id: int) -> PaidFor:
    """What an award's points were spent on, and what is left of them."""
    uses: list[Part] = []
    left = 0
    for trail in _trails(scheme_id, transfer_id):
        uses += [trail.part(use.user, use.amount, use.account_id) for use in trail.uses if use.deed == transfer_id]
        left += sum(lot.amount for lots in trail.queues.values() for lot in lots if lot.deed == transfer_id)
    return PaidFor(uses, left)


def _trails(scheme_id: int, transfer_id: int) -> list[Trail]:
    """The histories of the wallets of points that a transfer touched."""
    p, a, u = postings.c, accounts.c, units.c
    found = db.session.execute(
        select(a.holder_id, a.unit_id)
        .distinct()
        .join(postings, and_(p.scheme_id == scheme_id, p.account_id == a.id))
        .join(units, and_(u.scheme_id == scheme_id, u.id == a.unit_id))
        .where(a.scheme_id == scheme_id, p.transfer_id == transfer_id, a["class"] == WALLET, u.kind == UnitKind.POINTS)
        .order_by(a.holder_id, a.unit_id)
    ).all()
    return [Trail(_history(scheme_id, row.holder_id, row.unit_id)) for row in found]


def _history(scheme_id: int, holder_id: int, unit_id: int) -> Sequence[Row[Any]]:
    """Everything that ever moved in a holder's wallet of a unit, account by account in order."""
    p, t, a = postings.c, transfers.c, accounts.c
    wanted: Select[Any] = (
        select(
            *(p.account_id, a.mark, p.transfer_id, p.line, p.amount, p.undoes),
            *(t.kind, t.source_kind, t.source_id, t.reverses_id),
        )
        .select_from(accounts)
        .join(postings, and_(p.scheme_id == scheme_id, p.account_id == a.id))
        .join(transfers, and_(t.scheme_id == scheme_id, t.id == p.transfer_id))
        .where(
            a.scheme_id == scheme_id,
            a.holder_id == holder_id,
            a.unit_id == unit_id,
            a["class"] == WALLET,
        )
        .order_by(p.account_id, p.seq)
    )
    return db.session.execute(wanted).all()


@dataclass(frozen=True)
class Lot:
    deed: int
    amount: int


@dataclass(frozen=True)
class Use:
    user: int
    deed: int
    amount: int
    account_id: int


class Trail:
    """A wallet's history, replayed. ``taken``: debit → account → the lots it took; ``owing``: the same without what
    has been brought back since; ``uses``: what every deed was used for, account by account in order; ``queues``:
    account → the lots that are left."""

    def __init__(self, history: Sequence[Row[Any]]) -> None:
        self.taken: dict[int, dict[int, list[Lot]]] = {}
        self.owing: dict[int, dict[int, list[Lot]]] = {}
        self.uses: list[Use] = []
        self.queues: dict[int, list[Lot]] = {}
        self._marks = {row.account_id: row.mark for row in history}
        self._transfers = {row.transfer_id: row for row in history}
        self._debits: dict[int, set[int]] = {}  # transfer → accounts
        self._lines = {(row.transfer_id, row.line): row.account_id for row in history}
        waiting: dict[int, deque[Row[Any]]] = {}
        for row in history:
            waiting.setdefault(row.account_id, deque()).append(row)
            if row.amount < 0:
                self._debits.setdefault(row.transfer_id, set()).add(row.account_id)
        self._replay_all(list(waiting.values()))

    def part(self, transfer_id: int, amount: int, account_id: int) -> Part:
        t = self._transfers[transfer_id]
        return Part(transfer_id, t.kind, t.source_kind, t.source_id, amount, account_id, self._marks[account_id])

    def _replay_all(self, waiting: list[deque[Row[Any]]]) -> None:
        """Account by account. They are independent of each other, but for returns: those wait for the redemption."""
        moved = True
        while moved:
            moved = False
            for rows in waiting:
                while rows and self._is_ready(rows[0]):
                    self._replay(rows.popleft())
                    moved = True
        if stuck := [rows[0].transfer_id for rows in waiting if rows]:
            raise LedgerFault("what is undone was done before", transfers=stuck)

    def _is_ready(self, row: Row[Any]) -> bool:
        needed = self._debits.get(row.reverses_id, set()) if row.amount > 0 else set()
        return needed <= self.taken.get(row.reverses_id, {}).keys()

    def _replay(self, row: Row[Any]) -> None:
        queue = self.queues.setdefault(row.account_id, [])
        if row.amount > 0 and row.reverses_id is None:
            queue.append(Lot(row.transfer_id, row.amount))
        elif row.amount > 0:
            back = self._back(row)
            queue += back
            self.uses += [Use(row.transfer_id, lot.deed, -lot.amount, row.account_id) for lot in back]
        else:
            lots = take(queue, -row.amount, first=row.reverses_id)
            for book in (self.taken, self.owing):
                book.setdefault(row.transfer_id, {}).setdefault(row.account_id, []).extend(lots)
            self.uses += [Use(row.transfer_id, lot.deed, lot.amount, row.account_id) for lot in lots]

    def _back(self, row: Row[Any]) -> list[Lot]:
        """What a return brings back: of what was taken by the line that it undoes, and is not back yet. (Lines of old
        returns may stand for two: then also of what the other lines took.)"""
        owing = self.owing[row.reverses_id]
        own = self._lines.get((row.reverses_id, row.undoes))
        back: list[Lot] = []
        for account_id in sorted(owing, key=lambda account_id: account_id != own):
            back += take(owing[account_id], row.amount - sum(lot.amount for lot in back))
        return back


def take(lots: list[Lot], amount: int, first: int | None = None) -> list[Lot]:
    """Take an amount off the front of the lots (and before all, those of the deed ``first``); the rest stays there."""
    taken, rest = [], []
    for lot in sorted(lots, key=lambda lot: lot.deed != first):
        part = min(lot.amount, amount)
        amount -= part
        if part:
            taken.append(Lot(lot.deed, part))
        if lot.amount > part:
            rest.append(Lot(lot.deed, lot.amount - part))
    lots[:] = rest
    return taken
