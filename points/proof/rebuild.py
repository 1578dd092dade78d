"""Rebuilding: every account's balance, counter and what it has set aside, made again from postings and holds alone,
in a copy, and compared with what is stored. The copy lives in one statement: whoever may read the books may rebuild
them. Nothing is repaired: a difference is a fault to be understood first.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from .snapshot import snapshot

MOST = 1000  # differences that are told


@dataclass(frozen=True)
class Difference:
    """An account that is not stored as its history makes it: balance, held and counter, as stored and as rebuilt."""

    account_id: int
    stored: tuple[int, int, int]
    rebuilt: tuple[int, int, int]

    def __str__(self) -> str:
        names = ("balance", "held", "counter")
        told = [
            f"{name} {was}, rebuilt {made}"
            for name, was, made in zip(names, self.stored, self.rebuilt, strict=True)
            if was != made
        ]
        return f"account {self.account_id}: {'; '.join(told)}"


@dataclass(frozen=True)
class Rebuilt:
    """How many accounts were made again, and those that came out otherwise than they are stored (the first 1,000)."""

    accounts: int
    differences: tuple[Difference, ...]

    @property
    def is_same(self) -> bool:
        return not self.differences


REBUILT = """WITH rebuilt AS (SELECT a.id,
    CAST(COALESCE(p.balance, 0) AS BIGINT) AS balance,
    CAST(COALESCE(h.held, 0) AS BIGINT) AS held,
    CAST(COALESCE(p.seq, 0) AS BIGINT) AS seq
    FROM accounts a
    LEFT JOIN (SELECT account_id, SUM(amount) AS balance, COUNT(*) AS seq FROM postings
        WHERE scheme_id = :scheme GROUP BY account_id) p ON p.account_id = a.id
    LEFT JOIN (SELECT l.account_id, SUM(-l.amount) AS held FROM hold_lines l
        LEFT JOIN hold_resolutions r ON r.scheme_id = l.scheme_id AND r.hold_id = l.hold_id
        WHERE l.scheme_id = :scheme AND l.amount < 0 AND r.hold_id IS NULL GROUP BY l.account_id) h
        ON h.account_id = a.id
    WHERE a.scheme_id = :scheme)"""
COMPARE = text(
    f"""{REBUILT} SELECT a.id, a.balance, a.held, a.seq, r.balance, r.held, r.seq FROM accounts a
    JOIN rebuilt r ON r.id = a.id WHERE a.scheme_id = :scheme
    AND (a.balance <> r.balance OR a.held <> r.held OR a.seq <> r.seq) ORDER BY a.id LIMIT :most"""  # noqa: S608  ours
)
COUNT = text("SELECT COUNT(*) FROM accounts WHERE scheme_id = :scheme")


def rebuild(scheme_id: int) -> Rebuilt:
    """Make a scheme's balances again, as of one moment, and compare."""
    with snapshot() as connection:
        return rebuild_on(connection, scheme_id)


def rebuild_on(connection: Connection, scheme_id: int) -> Rebuilt:
    asked = {"scheme": scheme_id}
    found = connection.execute(COMPARE, asked | {"most": MOST}).all()
    differences = tuple(Difference(row[0], tuple(row[1:4]), tuple(row[4:7])) for row in found)
    return Rebuilt(connection.scalar(COUNT, asked) or 0, differences)
