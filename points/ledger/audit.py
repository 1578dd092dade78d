"""The audit: works the books out again from their postings and names the first bad row of every law that is broken.

Set statements in plain SQL that both engines speak; a million postings take seconds. Each answers with the row that
breaks the law, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from .models import AccountClass, UnitKind
from .rules import FLOOR, is_mark, may_touch
from .snapshot import snapshot

GUARDED = ", ".join(f"'{klass}'" for klass in FLOOR)

LAWS: Mapping[str, str] = {
    "a posting belongs to a transfer and an account": """
        SELECT p.transfer_id AS transfer, p.line FROM postings p
        LEFT JOIN transfers t ON t.scheme_id = p.scheme_id AND t.id = p.transfer_id
        LEFT JOIN accounts a ON a.scheme_id = p.scheme_id AND a.id = p.account_id
        WHERE p.scheme_id = :scheme AND (t.id IS NULL OR a.id IS NULL) ORDER BY 1, 2 LIMIT 1""",
    "a transfer has two lines or more, numbered from 0": """
        SELECT t.id AS transfer, COUNT(p.line) AS lines FROM transfers t
        LEFT JOIN postings p ON p.scheme_id = t.scheme_id AND p.transfer_id = t.id
        WHERE t.scheme_id = :scheme GROUP BY t.id
        HAVING COUNT(p.line) < 2 OR MIN(p.line) <> 0 OR MAX(p.line) <> COUNT(p.line) - 1 ORDER BY 1 LIMIT 1""",
    "a transfer sums to zero in every unit": """
        SELECT p.transfer_id AS transfer, a.unit_id AS unit, SUM(p.amount) AS sum FROM postings p
        JOIN accounts a ON a.scheme_id = p.scheme_id AND a.id = p.account_id
        WHERE p.scheme_id = :scheme GROUP BY p.transfer_id, a.unit_id
        HAVING SUM(p.amount) <> 0 ORDER BY 1, 2 LIMIT 1""",
    "an account's postings are numbered from 1 and carry its running balance": """
        SELECT account_id AS account, seq, balance_after FROM (
            SELECT account_id, seq, amount, balance_after, LAG(seq, 1, 0) OVER turn AS last_seq,
                LAG(balance_after, 1, 0) OVER turn AS last_balance
            FROM postings WHERE scheme_id = :scheme WINDOW turn AS (PARTITION BY account_id ORDER BY seq)
        ) run WHERE seq <> last_seq + 1 OR balance_after <> last_balance + amount ORDER BY 1, 2 LIMIT 1""",
    "an account's balance and counter are what its postings come to": """
        SELECT a.id AS account, a.balance, sums.balance AS recomputed, a.seq, sums.seq AS counted FROM accounts a
        LEFT JOIN (
            SELECT account_id, SUM(amount) AS balance, COUNT(*) AS seq FROM postings
            WHERE scheme_id = :scheme GROUP BY account_id
        ) sums ON sums.account_id = a.id
        WHERE a.scheme_id = :scheme
        AND (a.balance <> COALESCE(sums.balance, 0) OR a.seq <> COALESCE(sums.seq, 0)) ORDER BY 1 LIMIT 1""",
    "an account stays between its floor and its ceiling": f"""
        SELECT id AS account, balance, held, floor, ceiling FROM accounts
        WHERE scheme_id = :scheme AND (balance - held < floor OR balance > ceiling OR held < 0
            OR (class IN ({GUARDED}) AND (floor IS NULL OR floor < 0))) ORDER BY 1 LIMIT 1""",  # noqa: S608  our own words
    "a guarded account never was below its floor": f"""
        SELECT a.id AS account, p.seq, p.balance_after FROM accounts a
        JOIN postings p ON p.scheme_id = a.scheme_id AND p.account_id = a.id
        WHERE a.scheme_id = :scheme AND a.class IN ({GUARDED}) AND p.balance_after < a.floor
        ORDER BY 1, 2 LIMIT 1""",  # noqa: S608  our own words
    "a transfer is reversed at most once": """
        SELECT reverses_id AS transfer, COUNT(*) AS reversals FROM transfers
        WHERE scheme_id = :scheme AND reverses_id IS NOT NULL
        GROUP BY reverses_id HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1""",
    "a reversal is the opposite of what it reverses": """
        SELECT reversal AS transfer, holder_id AS holder, unit_id AS unit, class, SUM(amount) AS sum FROM (
            SELECT t.id AS reversal, a.holder_id, a.unit_id, a.class, p.amount FROM transfers t
            JOIN postings p ON p.scheme_id = t.scheme_id AND p.transfer_id = t.id
            JOIN accounts a ON a.scheme_id = t.scheme_id AND a.id = p.account_id
            WHERE t.scheme_id = :scheme AND t.reverses_id IS NOT NULL
            UNION ALL
            SELECT t.id, a.holder_id, a.unit_id, a.class, p.amount FROM transfers t
            JOIN postings p ON p.scheme_id = t.scheme_id AND p.transfer_id = t.reverses_id
            JOIN accounts a ON a.scheme_id = t.scheme_id AND a.id = p.account_id
            WHERE t.scheme_id = :scheme AND t.reverses_id IS NOT NULL
        ) pairs GROUP BY reversal, holder_id, unit_id, class HAVING SUM(amount) <> 0 ORDER BY 1, 2, 3, 4 LIMIT 1""",
    "a key names one transfer of its actor": """
        SELECT actor_id AS actor, key, COUNT(*) AS transfers FROM transfers WHERE scheme_id = :scheme
        GROUP BY actor_id, key HAVING COUNT(*) > 1 OR key = '' ORDER BY 1, 2 LIMIT 1""",
    "a transfer keeps the hash of its request": """
        SELECT id AS transfer FROM transfers WHERE scheme_id = :scheme AND LENGTH(request_hash) <> 64
        ORDER BY 1 LIMIT 1""",
}

TOUCHES = """
    SELECT t.kind, undone.kind AS undone, a.class, u.kind AS unit, CASE WHEN p.amount > 0 THEN 1 ELSE -1 END AS sign,
        MIN(p.transfer_id) AS transfer
    FROM postings p
    JOIN transfers t ON t.scheme_id = p.scheme_id AND t.id = p.transfer_id
    JOIN accounts a ON a.scheme_id = p.scheme_id AND a.id = p.account_id
    JOIN units u ON u.scheme_id = p.scheme_id AND u.id = a.unit_id
    LEFT JOIN transfers undone ON undone.scheme_id = t.scheme_id AND undone.id = t.reverses_id
    WHERE p.scheme_id = :scheme GROUP BY 1, 2, 3, 4, 5 ORDER BY 6"""
MARKS = "SELECT class, mark, MIN(id) AS account FROM accounts WHERE scheme_id = :scheme GROUP BY 1, 2 ORDER BY 3"
COUNTS = """
    SELECT (SELECT COUNT(*) FROM accounts WHERE scheme_id = :scheme) AS accounts,
        (SELECT COUNT(*) FROM transfers WHERE scheme_id = :scheme) AS transfers,
        (SELECT COUNT(*) FROM postings WHERE scheme_id = :scheme) AS postings"""


@dataclass(frozen=True)
class Finding:
    """A broken law and the first row that breaks it."""

    law: str
    row: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.law}: {', '.join(f'{name} {value}' for name, value in self.row.items())}"


@dataclass(frozen=True)
class Audit:
    """What was looked at, and every broken law; ``is_clean`` when there is none."""

    accounts: int
    transfers: int
    postings: int
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        return not self.findings


def audit(scheme_id: int) -> Audit:
    """Audit a scheme's books as they stand at one moment."""
    with snapshot() as connection:
        return audit_on(connection, scheme_id)


def audit_on(connection: Connection, scheme_id: int) -> Audit:
    of = {"scheme": scheme_id}
    findings = []
    for law, question in LAWS.items():
        if row := connection.execute(text(question), of).mappings().first():
            findings.append(Finding(law, dict(row)))
    for row in connection.execute(text(TOUCHES), of).mappings():
        if not may_touch(row["kind"], row["undone"], AccountClass(row["class"]), row["sign"], UnitKind(row["unit"])):
            findings.append(Finding("a kind of transfer touches only what the table allows it", dict(row)))
            break
    for row in connection.execute(text(MARKS), of).mappings():
        if not is_mark(AccountClass(row["class"]), row["mark"]):
            findings.append(Finding("a wallet's mark is a month end or never, a shelf's its batch", dict(row)))
            break
    counts = connection.execute(text(COUNTS), of).one()
    return Audit(counts.accounts, counts.transfers, counts.postings, tuple(findings))
