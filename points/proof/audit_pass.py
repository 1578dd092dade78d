"""The one pass over all postings, in the order of their transfers: what a transfer is, and what its lines do.

Plain loops over plain rows: a million postings take about three seconds on either engine. Statements that group and
sort as much for each law took eight times as long on SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, String, TextClause, text

from .. import clock
from ..db import UtcDateTime
from ..ledger.models import AccountClass, UnitKind
from ..ledger.rules import has_passed, may_touch
from .audit_accounts import RUNNING, Account, Accounts, Note

ORPHAN = "a posting belongs to a transfer and an account"
LINES = "a transfer has two lines or more, numbered from 0"
ZERO = "a transfer sums to zero in every unit"
WAS = "a guarded account never was below its floor or above its ceiling"
HASH = "a transfer keeps its key and the hash of its request"
TOUCH = "a kind of transfer touches only what the table allows it"
EXPIRY = "points expire after their date, never before"

WALLET = AccountClass.WALLET.value
AT_ONCE = 500  # rows fetched: of more, the collector of garbage reads them again and again

POSTINGS = text(
    "SELECT transfer_id, line, account_id, amount, seq, balance_after FROM postings WHERE scheme_id = :scheme "
    "ORDER BY transfer_id, line"
)
TRANSFERS = text(
    "SELECT id, kind, CASE WHEN kind = 'expiry' THEN recorded_at END AS expired_at, LENGTH(request_hash) AS hashed, "
    "LENGTH(key) AS keyed FROM transfers WHERE scheme_id = :scheme ORDER BY id"
).columns(id=BigInteger, kind=String, expired_at=UtcDateTime, hashed=Integer, keyed=Integer)
UNDONE = text(
    "SELECT t.id, o.kind FROM transfers t JOIN transfers o ON o.scheme_id = t.scheme_id AND o.id = t.reverses_id "
    "WHERE t.scheme_id = :scheme AND t.reverses_id IS NOT NULL"
)


def check_postings(
    connection: Connection, scheme_id: int, zone: str, accounts: Accounts, note: Note
) -> tuple[int, int]:
    """Check every transfer with its lines, and let each account count its own. How many of both there are."""
    undone = {row[0]: row[1] for row in connection.execute(UNDONE, {"scheme": scheme_id})}
    books = Transfers(_stream(connection, TRANSFERS, scheme_id), undone, zone, note)
    number, lines, sums, count = -1, 0, dict[int, int](), 0
    for number_, line, account_id, amount, seq, after in _stream(connection, POSTINGS, scheme_id):
        count += 1
        if number_ != number:
            books.end(number, lines, sums)
            number, lines, sums = number_, 0, {}
            books.begin(number)
        if line != lines:
            note(LINES, transfer=number, line=line)
        lines += 1
        account = accounts.get(account_id)
        if account is None:
            note(ORPHAN, transfer=number, line=line)
            continue
        unit = account.unit_id
        sums[unit] = sums.get(unit, 0) + amount
        books.touch(account, amount, line)
        if not account.least <= after <= account.most:
            note(WAS, account=account_id, seq=seq, balance_after=after)
        if seq == account.last_seq + 1 and after == account.last_balance + amount:
            account.last_seq, account.last_balance = seq, after
            if account.waiting:
                _catch_up(account)
        elif seq in account.waiting:
            note(RUNNING, account=account_id, seq=seq, balance_after=after)
        else:  # transfers at the same time may have counted in another order than they were named
            account.waiting[seq] = (amount, after)
    books.end(number, lines, sums)
    return books.finish(), count


def _catch_up(account: Account) -> None:
    """Those that waited, as long as the next is there and right."""
    waiting = account.waiting
    while (one := waiting.get(account.last_seq + 1)) and one[1] == account.last_balance + one[0]:
        account.last_seq, account.last_balance = account.last_seq + 1, one[1]
        del waiting[account.last_seq]


class Transfers:
    """The transfers, read along with their lines."""

    def __init__(self, rows: Iterator[Any], undone: dict[int, str], zone: str, note: Note) -> None:
        self.rows, self.undone, self.zone, self.note = rows, undone, zone, note
        self.count = 0
        self.kind: str = ""
        self.undone_kind: str | None = None
        self.expired_at: datetime | None = None
        self.allowed: dict[tuple[str, str | None, tuple[str, str], bool], bool] = {}
        self.next: Any = None
        self._read()

    def _read(self) -> None:
        self.next = next(self.rows, None)
        if self.next is not None:
            self.count += 1
            if self.next[3] != 64 or not self.next[4]:
                self.note(HASH, transfer=self.next[0])

    def begin(self, number: int) -> None:
        """The lines of this transfer follow: those before it have none."""
        while self.next is not None and self.next[0] < number:
            self.note(LINES, transfer=self.next[0], lines=0)
            self._read()
        if self.next is None or self.next[0] != number:
            self.note(ORPHAN, transfer=number, line=0)
            self.kind = ""
            return
        _, self.kind, self.expired_at, *_ = self.next
        self.undone_kind = self.undone.get(number)
        self._read()
        self.number = number

    def touch(self, account: Account, amount: int, line: int) -> None:
        """One of its lines moves so much at an account."""
        touch = (self.kind, self.undone_kind, account.touch, amount > 0)
        if not self.kind:
            return
        if touch not in self.allowed:
            self.allowed[touch] = _may(*touch)
        if not self.allowed[touch]:
            klass, unit = account.touch
            facts = {"kind": self.kind, "undone": self.undone_kind, "klass": klass, "unit": unit}
            self.note(TOUCH, transfer=self.number, line=line, **facts, amount=amount)
        if self.expired_at is not None and account.klass == WALLET:
            if not has_passed(account.mark, clock.local_date(self.expired_at, self.zone)):
                self.note(EXPIRY, transfer=self.number, line=line, mark=account.mark, recorded_at=self.expired_at)

    def end(self, number: int, lines: int, sums: dict[int, int]) -> None:
        """All its lines have been seen."""
        if lines == 1:
            self.note(LINES, transfer=number, lines=lines)
        for unit, amount in sums.items():
            if amount:
                self.note(ZERO, transfer=number, unit=unit, sum=amount)

    def finish(self) -> int:
        """Those after the last line have none. How many transfers there are."""
        while self.next is not None:
            self.note(LINES, transfer=self.next[0], lines=0)
            self._read()
        return self.count


def _may(kind: str, undone: str | None, at: tuple[str, str], is_giving: bool) -> bool:
    try:
        klass, unit = AccountClass(at[0]), UnitKind(at[1])
    except ValueError:
        return False
    return may_touch(kind, undone, klass, 1 if is_giving else -1, unit)


def _stream(connection: Connection, question: TextClause | Any, scheme_id: int) -> Iterator[Any]:
    """Rows as they come, without keeping them all."""
    options = {"stream_results": True, "max_row_buffer": AT_ONCE}
    found = connection.execute(question, {"scheme": scheme_id}, execution_options=options)
    return chain.from_iterable(found.partitions(AT_ONCE))
