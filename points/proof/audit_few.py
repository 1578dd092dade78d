"""The laws about what is few beside the postings: keys, reversals, holds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, String, text

from ..db import UtcDateTime
from ..ledger.models import AccountClass, Outcome
from ..ledger.rules import GIVEN_MARK
from .audit_accounts import Account, Accounts, Note

KEY = "a key names one transfer of its actor, and one hold"
PARTS = "the reversals of a transfer are numbered from 1"
OPPOSITE = "a reversal's line is the opposite of the line it undoes"
BEYOND = "a line is never undone beyond itself"
UNDOES = "only a reversal undoes lines"
HELD = "what an account has set aside is what its open holds come to"
WAITING = "a hold takes from wallets and shelves, and sums to zero in every unit"
ENDING = "a hold ends once: in one transfer of its kind that takes no more than it held, or by its time"

C = AccountClass

FIRST_BAD = {
    KEY: """
        SELECT actor_id AS actor, key, COUNT(*) AS named FROM transfers WHERE scheme_id = :scheme
        GROUP BY actor_id, key HAVING COUNT(*) > 1 UNION ALL
        SELECT actor_id, key, COUNT(*) FROM holds WHERE scheme_id = :scheme
        GROUP BY actor_id, key HAVING COUNT(*) > 1 ORDER BY 1, 2 LIMIT 1""",
    PARTS: """
        SELECT reverses_id AS transfer, COUNT(*) AS reversals, MAX(part) AS part FROM transfers
        WHERE scheme_id = :scheme AND reverses_id IS NOT NULL GROUP BY reverses_id
        HAVING COUNT(DISTINCT part) <> COUNT(*) OR MIN(part) <> 1 OR MAX(part) <> COUNT(*) ORDER BY 1 LIMIT 1""",
    UNDOES: """
        SELECT p.transfer_id AS transfer, p.line FROM postings p
        LEFT JOIN transfers t ON t.scheme_id = p.scheme_id AND t.id = p.transfer_id
        WHERE p.scheme_id = :scheme AND p.undoes IS NOT NULL AND t.reverses_id IS NULL ORDER BY 1, 2 LIMIT 1""",
    ENDING: """
        SELECT r.hold_id AS hold, r.outcome FROM hold_resolutions r
        LEFT JOIN holds h ON h.scheme_id = r.scheme_id AND h.id = r.hold_id
        WHERE r.scheme_id = :scheme AND h.id IS NULL ORDER BY 1 LIMIT 1""",
    WAITING: """
        SELECT l.hold_id AS hold, l.line FROM hold_lines l
        LEFT JOIN holds h ON h.scheme_id = l.scheme_id AND h.id = l.hold_id
        WHERE l.scheme_id = :scheme AND h.id IS NULL ORDER BY 1, 2 LIMIT 1""",
}
REVERSED = text(
    """SELECT t.id, t.reverses_id, p.line, p.account_id, p.amount, p.undoes, o.account_id, o.amount FROM transfers t
    JOIN postings p ON p.scheme_id = t.scheme_id AND p.transfer_id = t.id
    LEFT JOIN postings o ON o.scheme_id = t.scheme_id AND o.transfer_id = t.reverses_id AND o.line = p.undoes
    WHERE t.scheme_id = :scheme AND t.reverses_id IS NOT NULL ORDER BY t.id, p.line"""
)
# To a later date of the holder's own wallet, or (a pool) by a transfer that touches that wallet.
CARRIED = text(
    """SELECT SUM(p.amount) FROM postings p
    JOIN transfers t ON t.scheme_id = p.scheme_id AND t.id = p.transfer_id AND t.kind = 'carry'
    WHERE p.scheme_id = :scheme AND p.account_id = :here AND p.amount > 0 AND NOT EXISTS (
        SELECT 1 FROM postings i JOIN accounts a ON a.scheme_id = i.scheme_id AND a.id = i.account_id
        WHERE i.scheme_id = p.scheme_id AND i.transfer_id = p.transfer_id AND a.unit_id = :unit
        AND a.class = 'issuance')
    AND (:own = 1 OR EXISTS (
        SELECT 1 FROM postings o JOIN accounts a ON a.scheme_id = o.scheme_id AND a.id = o.account_id
        WHERE o.scheme_id = p.scheme_id AND o.transfer_id = p.transfer_id
        AND a.class = 'wallet' AND a.holder_id = :holder AND a.unit_id = :unit))"""
)
HOLDS = text(
    """SELECT h.id, h.kind, h.until, r.outcome, r.resolved_at, r.transfer_id, t.kind AS posted FROM holds h
    LEFT JOIN hold_resolutions r ON r.scheme_id = h.scheme_id AND r.hold_id = h.id
    LEFT JOIN transfers t ON t.scheme_id = h.scheme_id AND t.id = r.transfer_id
    WHERE h.scheme_id = :scheme ORDER BY h.id, r.resolved_at"""
).columns(
    **{"id": BigInteger, "kind": String, "until": UtcDateTime, "outcome": String, "resolved_at": UtcDateTime},
    **{"transfer_id": BigInteger, "posted": String},
)
HOLD_LINES = text("SELECT hold_id, account_id, amount FROM hold_lines WHERE scheme_id = :scheme")
CAPTURED = text(
    """SELECT r.hold_id, p.account_id, p.amount FROM hold_resolutions r
    JOIN postings p ON p.scheme_id = r.scheme_id AND p.transfer_id = r.transfer_id WHERE r.scheme_id = :scheme"""
)


def check_few(connection: Connection, scheme_id: int, accounts: Accounts, note: Note) -> None:
    for law, question in FIRST_BAD.items():
        if row := connection.execute(text(question), {"scheme": scheme_id}).mappings().first():
            note(law, **row)
    _check_reversals(connection, scheme_id, accounts, note)
    holds = _holds_of(connection, scheme_id, accounts, note)
    transfers: set[int] = set()
    for hold in holds.values():
        if not hold.balances:
            note(WAITING, hold=hold.id)
        if not hold.ended_well or hold.transfer_id in transfers:
            note(ENDING, hold=hold.id, outcome=hold.outcome, transfer=hold.transfer_id)
        if hold.transfer_id:
            transfers.add(hold.transfer_id)
    _check_held(holds.values(), accounts, note)


# ---------------------------------------------------------------- reversals


def _check_reversals(connection: Connection, scheme_id: int, accounts: Accounts, note: Note) -> None:
    sums: dict[tuple[int, int], int] = defaultdict(int)
    carried: dict[tuple[int, int], int] = {}  # from an account to another, less what was followed there
    for number, undone, line, account_id, amount, undoes, original_id, original in connection.execute(
        REVERSED, {"scheme": scheme_id}
    ):
        here, there = accounts.get(account_id), accounts.get(original_id)
        if here is None or there is None or (amount > 0) == (original > 0):
            note(OPPOSITE, transfer=number, line=line, undoes=undoes)
            continue
        if not _is_way_back(here, there, amount):
            if (there.id, here.id) not in carried:
                carried[there.id, here.id] = _carried(connection, scheme_id, there, here)
            carried[there.id, here.id] += amount
            if amount > 0 or carried[there.id, here.id] < 0:
                note(OPPOSITE, transfer=number, line=line, undoes=undoes)
                continue
        sums[undone, undoes] += amount
        if abs(sums[undone, undoes]) > abs(original):
            note(BEYOND, transfer=number, line=line, undoes=undoes, undone=sums[undone, undoes], original=original)


def _is_way_back(here: Account, there: Account, amount: int) -> bool:
    """Back where it came from; to a later date of the same wallet; or, for what a wallet no longer has, from what
    expired or from its holder's debt. (From where it was carried: ``_carried``.)"""
    if here.unit_id != there.unit_id:
        return False
    if here.place == there.place:
        return True
    if there.klass != C.WALLET:
        return False
    if amount > 0:
        return here.klass == C.WALLET and here.holder_id == there.holder_id and here.mark > there.mark
    return here.klass == C.EXPIRED or (here.klass == C.DEBT and here.holder_id == there.holder_id)


def _carried(connection: Connection, scheme_id: int, there: Account, here: Account) -> int:
    """What periods' ends carried to a wallet's account of what the holder of another had in the same unit."""
    if not (there.klass == here.klass == C.WALLET and there.unit_id == here.unit_id):
        return 0
    named = {"scheme": scheme_id, "here": here.id, "holder": there.holder_id, "unit": there.unit_id}
    return int(connection.scalar(CARRIED, named | {"own": int(here.holder_id == there.holder_id)}) or 0)


# ---------------------------------------------------------------- holds


Place = tuple[int, int, str, str]


@dataclass
class Hold:
    """A hold as it is stored: what it holds and what capturing moved, by account (whatever the stripe)."""

    id: int
    kind: str
    until: datetime
    outcome: str | None
    resolved_at: datetime | None
    transfer_id: int | None
    posted: str | None
    lines: list[tuple[Account, int]] = field(default_factory=list)
    moved: dict[Place, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def balances(self) -> bool:
        sums: dict[int, int] = defaultdict(int)
        for account, amount in self.lines:
            sums[account.unit_id] += amount
            if amount < 0 and account.klass not in GIVEN_MARK:
                return False
        return bool(self.lines) and not any(sums.values())

    @property
    def ended_well(self) -> bool:
        if self.outcome is None or self.resolved_at is None:
            return self.outcome is None
        if self.outcome != Outcome.CAPTURED:
            is_late = self.outcome == Outcome.EXPIRED
            return self.transfer_id is None and (not is_late or self.resolved_at >= self.until)
        held: dict[Place, int] = defaultdict(int)
        for account, amount in self.lines:
            held[account.place] += amount
        within = (0 < moved * (1 if held[place] > 0 else -1) <= abs(held[place]) for place, moved in self.moved.items())
        return self.posted == self.kind and bool(self.moved) and all(within)


def _holds_of(connection: Connection, scheme_id: int, accounts: Accounts, note: Note) -> dict[int, Hold]:
    asked = {"scheme": scheme_id}
    holds: dict[int, Hold] = {}
    for row in connection.execute(HOLDS, asked):
        if row[0] in holds:
            note(ENDING, hold=row[0], outcome=row.outcome, transfer=row.transfer_id)
        holds.setdefault(row[0], Hold(*row))
    for hold_id, account_id, amount in connection.execute(HOLD_LINES, asked):
        if hold_id in holds and account_id in accounts:
            holds[hold_id].lines.append((accounts[account_id], amount))
    for hold_id, account_id, amount in connection.execute(CAPTURED, asked):
        if hold_id in holds and account_id in accounts:
            holds[hold_id].moved[accounts[account_id].place] += amount
    return holds


def _check_held(holds: Any, accounts: Accounts, note: Note) -> None:
    held: dict[int, int] = defaultdict(int)
    for hold in holds:
        for account, amount in hold.lines:
            if amount < 0 and hold.outcome is None:
                held[account.id] -= amount
    for account in accounts.values():
        if account.held != held.get(account.id, 0):
            note(HELD, account=account.id, held=account.held, recomputed=held.get(account.id, 0))
