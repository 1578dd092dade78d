"""The books in other people's formats: plain-text accounting (beancount), and a table of postings (CSV).

Rows stream from one moment of the database; holders stand as their numbers, so no file names anybody.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select

from .. import clock
from .accounts import accounts, units
from .models import AccountClass
from .posting import postings, transfers
from .snapshot import Scheme

C = AccountClass
# Our signs fit these roots as they are: what people, shops and shelves have is positive, where it came from negative.
ROOT = {
    C.WALLET: "Assets:Wallet",
    C.SHELF: "Assets:Shelf",
    C.TAKINGS: "Assets:Takings",
    C.GIVEN_OUT: "Expenses:GivenOut",
    C.WASTE: "Expenses:Waste",
    C.EXPIRED: "Expenses:Expired",
    C.ISSUANCE: "Income:Issuance",
    C.SUPPLY: "Income:Supply",
    C.OPENING: "Equity:Opening",
}
CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,22}")
RESERVED = ("TRUE", "FALSE", "NULL")  # words of beancount's own
COMPONENT = re.compile(r"[A-Z0-9][A-Za-z0-9-]*")
CHUNK = 2000


def beancount(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """Lines of a file that ``bean-check`` accepts: commodities, accounts, all transfers, and what every account holds.

    Balances are asserted to the last minor unit (``~ 0``): beancount would by itself let them be off by one.
    """
    streamed = connection.execution_options(yield_per=CHUNK)
    first, last = _span(connection, scheme)
    yield f'option "title" "{scheme.code}"\n\n'
    for unit in streamed.execute(select(units).where(units.c.scheme_id == scheme.id).order_by(units.c.id)):
        yield f'{first} commodity {commodity(unit.id, unit.code)}\n  code: "{_plain(unit.code)}"\n'
    yield "\n"
    for account in streamed.execute(_accounts(scheme.id)):
        yield f"{first} open {account_name(account)} {commodity(account.unit_id, account.code)}\n"
    for _, lines in groupby(streamed.execute(_lines(scheme.id)), key=lambda line: line.transfer_id):
        yield from _transaction(list(lines), scheme.zone)
    yield "\n"
    for account in streamed.execute(_accounts(scheme.id)):
        amount, currency = quantity(account.balance, account.scale), commodity(account.unit_id, account.code)
        yield f"{last + timedelta(days=1)} balance {account_name(account)} {amount} ~ 0 {currency}\n"


def _transaction(lines: list[Row[Any]], zone: str) -> Iterator[str]:
    head = lines[0]
    yield f'\n{clock.local_date(head.recorded_at, zone)} * "{head.kind}"\n'
    yield f'  transfer: "{head.transfer_id}"\n  key: "{_plain(head.key)}"\n'
    yield f'  source: "{_plain(head.source_kind)} {head.source_id or ""}"\n'
    yield f"  occurred: {clock.local_date(head.occurred_at, zone)}\n"
    if head.reverses_id:
        yield f'  reverses: "{head.reverses_id}"\n'
    for line in lines:
        amount = quantity(line.amount, line.scale)
        yield f"  {account_name(line)}  {amount} {commodity(line.unit_id, line.code)}\n"


COLUMNS = (
    *("transfer", "line", "kind", "occurred_at", "recorded_at", "source_kind", "source_id", "reverses", "actor", "key"),
    *("account", "holder", "class", "mark", "unit", "amount", "seq", "balance_after"),
)


def table(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """Lines of CSV: a header, then one line per posting in the order recorded."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for p in connection.execution_options(yield_per=CHUNK).execute(_lines(scheme.id)):
        words = (_cell(w) for w in (p.klass, p.mark, p.code))
        writer.writerow(
            (
                *(p.transfer_id, p.line, _cell(p.kind), p.occurred_at.isoformat(), p.recorded_at.isoformat()),
                *(
                    _cell(p.source_kind),
                    p.source_id,
                    p.reverses_id,
                    p.actor_id,
                    _cell(p.key),
                    p.account_id,
                    p.holder_id,
                ),
                *(*words, quantity(p.amount, p.scale), p.seq, quantity(p.balance_after, p.scale)),
            )
        )
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


FORMATS = {"beancount": beancount, "csv": table}


def _span(connection: Connection, scheme: Scheme) -> tuple[date, date]:
    """The first and the last day on which something was recorded."""
    t = transfers.c
    recorded = select(t.recorded_at).where(t.scheme_id == scheme.id).limit(1)
    first = connection.scalar(recorded.order_by(t.recorded_at, t.id)) or clock.now()
    last = connection.scalar(recorded.order_by(t.recorded_at.desc(), t.id.desc())) or first
    return clock.local_date(first, scheme.zone), clock.local_date(last, scheme.zone)


def _accounts(scheme_id: int) -> Select[Any]:
    a, u = accounts.c, units.c
    return (
        select(
            *(a.id.label("account_id"), a.holder_id, a.unit_id, a["class"].label("klass"), a.mark, a.stripe),
            *(a.balance, u.code, u.scale),
        )
        .join(units, and_(u.scheme_id == scheme_id, u.id == a.unit_id))
        .where(a.scheme_id == scheme_id)
        .order_by(a.id)
    )


def _lines(scheme_id: int) -> Select[Any]:
    t, p, a, u = transfers.c, postings.c, accounts.c, units.c
    return (
        select(
            *(t.kind, t.occurred_at, t.recorded_at, t.source_kind, t.source_id, t.reverses_id, t.actor_id, t.key),
            *(p.transfer_id, p.line, p.account_id, p.amount, p.seq, p.balance_after),
            *(a.holder_id, a.unit_id, a["class"].label("klass"), a.mark, a.stripe, u.code, u.scale),
        )
        .select_from(transfers)
        .join(postings, and_(p.scheme_id == scheme_id, p.transfer_id == t.id))
        .join(accounts, and_(a.scheme_id == scheme_id, a.id == p.account_id))
        .join(units, and_(u.scheme_id == scheme_id, u.id == a.unit_id))
        .where(t.scheme_id == scheme_id)
        .order_by(t.recorded_at, t.id, p.line)
    )


def commodity(unit_id: int, code: str) -> str:
    """A unit as beancount writes it: its code where that will do, else a name made of its id."""
    usable = CURRENCY.fullmatch(code) and not code.startswith("UNIT") and code not in RESERVED
    return code if usable else f"UNIT{unit_id:X}"


def account_name(row: Row[Any]) -> str:
    """Class, holder, unit and mark; the account's id where the mark has letters that beancount does not allow."""
    name = f"{ROOT[C(row.klass)]}:{row.holder_id}:{commodity(row.unit_id, row.code)}"
    if row.mark:
        mark = row.mark.capitalize()
        name += f":{mark if COMPONENT.fullmatch(mark) and mark.lower() == row.mark else row.account_id}"
    return f"{name}-{row.stripe}" if row.stripe else name


def quantity(amount: int, scale: int) -> Decimal:
    """The amount in whole units, with as many decimals as the unit has."""
    return Decimal(amount).scaleb(-scale)


def _plain(words: str) -> str:
    return re.sub(r"[^\w .:+-]", "_", words)


def _cell(words: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words
