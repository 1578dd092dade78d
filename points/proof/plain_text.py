"""The books in plain-text accounting: what ``bean-check`` and ``hledger check`` accept, and refuse after any change.

Both name accounts and units alike. The last day asserts what every account holds, to the last minor unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row

from .. import clock
from ..ledger.models import AccountClass
from .export_rows import account_rows, lines, quantity, span, streaming, unit_rows
from .snapshot import Scheme

C = AccountClass
# Our signs fit these roots as they are: what people, shops and shelves have is positive; where it came from, and what
# somebody owes, negative.
ROOT = {
    C.WALLET: "Assets:Wallet",
    C.SHELF: "Assets:Shelf",
    C.TAKINGS: "Assets:Takings",
    C.GIVEN_OUT: "Expenses:GivenOut",
    C.WASTE: "Expenses:Waste",
    C.EXPIRED: "Expenses:Expired",
    C.ISSUANCE: "Income:Issuance",
    C.SUPPLY: "Income:Supply",
    C.DEBT: "Liabilities:Debt",
    C.OPENING: "Equity:Opening",
}
CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,22}")
RESERVED = ("TRUE", "FALSE", "NULL")  # words of beancount's own
COMPONENT = re.compile(r"[A-Z0-9][A-Za-z0-9-]*")


def beancount(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """Commodities, accounts, all transfers, and what every account holds.

    Balances are asserted exactly (``~ 0``): beancount would by itself let them be off by one.
    """
    rows = streaming(connection)
    first, last = span(connection, scheme)
    yield f'option "title" "{scheme.code}"\n\n'
    for unit in rows.execute(unit_rows(scheme.id)):
        yield f'{first} commodity {commodity(unit.id, unit.code)}\n  code: "{_plain(unit.code)}"\n'
    yield "\n"
    for account in rows.execute(account_rows(scheme.id)):
        yield f"{first} open {account_name(account)} {commodity(account.unit_id, account.code)}\n"
    for _, of_one in groupby(rows.execute(lines(scheme.id)), key=lambda line: line.transfer_id):
        yield from _beancount_transfer(list(of_one), scheme.zone)
    yield "\n"
    for account in rows.execute(account_rows(scheme.id)):
        amount, currency = quantity(account.balance, account.scale), commodity(account.unit_id, account.code)
        yield f"{last + timedelta(days=1)} balance {account_name(account)} {amount} ~ 0 {currency}\n"


def _beancount_transfer(of_one: list[Row[Any]], zone: str) -> Iterator[str]:
    head = of_one[0]
    yield f'\n{clock.local_date(head.recorded_at, zone)} * "{head.kind}"\n'
    for name, value in _facts(head, zone):
        yield f"  {name}: {value}\n" if name in ("occurred", "part") else f'  {name}: "{value}"\n'
    for line in of_one:
        yield f"  {account_name(line)}  {quantity(line.amount, line.scale)} {commodity(line.unit_id, line.code)}\n"
        if line.undoes is not None:
            yield f"    undoes: {line.undoes}\n"


def hledger(connection: Connection, scheme: Scheme) -> Iterator[str]:
    """Commodities with their decimals, accounts, all transfers, and what every account holds, in ASCII whatever the
    codes: hledger refuses other letters where the locale is C. ``hledger check --strict ordereddates`` passes."""
    rows = streaming(connection)
    _, last = span(connection, scheme)
    yield f"; {scheme.code}\ndecimal-mark .\n\n"
    for unit in rows.execute(unit_rows(scheme.id)):
        one = f"1.{'0' * unit.scale}"
        yield f'commodity {one} "{commodity(unit.id, unit.code)}"  ; code: {_ascii(unit.code)}\n'
    yield "\n"
    for account in rows.execute(account_rows(scheme.id)):
        yield f"account {account_name(account)}\n"
    for _, of_one in groupby(rows.execute(lines(scheme.id)), key=lambda line: line.transfer_id):
        yield from _hledger_transfer(list(of_one), scheme.zone)
    for account in rows.execute(account_rows(scheme.id)):
        amount, currency = quantity(account.balance, account.scale), commodity(account.unit_id, account.code)
        yield f"\n{last + timedelta(days=1)} * balance\n"
        yield f'    {account_name(account)}  0 "{currency}" = {amount} "{currency}"\n'


def _hledger_transfer(of_one: list[Row[Any]], zone: str) -> Iterator[str]:
    head = of_one[0]
    yield f"\n{clock.local_date(head.recorded_at, zone)} * ({head.transfer_id}) {head.kind}\n"
    for name, value in _facts(head, zone):
        yield f"    ; {name}: {_ascii(str(value))}\n"
    for line in of_one:
        amount = f'{quantity(line.amount, line.scale)} "{commodity(line.unit_id, line.code)}"'
        undoes = "" if line.undoes is None else f"  ; undoes: {line.undoes}"
        yield f"    {account_name(line)}  {amount}{undoes}\n"


# ---------------------------------------------------------------- names and words


def _facts(head: Row[Any], zone: str) -> Iterator[tuple[str, object]]:
    yield "transfer", head.transfer_id
    yield "key", _plain(head.key)
    yield "source", f"{_plain(head.source_kind)} {head.source_id or ''}"
    yield "occurred", clock.local_date(head.occurred_at, zone)
    if head.reverses_id:
        yield "reverses", head.reverses_id
        yield "part", head.part


def commodity(unit_id: int, code: str) -> str:
    """A unit as plain-text accounting writes it: its code where that will do, else a name made of its id."""
    usable = CURRENCY.fullmatch(code) and not code.startswith("UNIT") and code not in RESERVED
    return code if usable else f"UNIT{unit_id:X}"


def account_name(row: Row[Any]) -> str:
    """Class, holder and unit, and last the mark (the account's id where a mark has letters that are not allowed) or the
    row of an account that has several. All are siblings: a balance that beancount asserts counts what lies below.

    A mark has no capitals but its first, so none can look like an id or a row.
    """
    place = f"{ROOT[C(row.klass)]}:{row.holder_id}:{commodity(row.unit_id, row.code)}"
    if not row.mark:
        return f"{place}:ROW{row.stripe}"
    mark = row.mark.capitalize()
    name = mark if COMPONENT.fullmatch(mark) and mark.lower() == row.mark else f"ID{row.account_id}"
    return f"{place}:{name}-ROW{row.stripe}" if row.stripe else f"{place}:{name}"


def _plain(words: str) -> str:
    return re.sub(r"[^\w .:+-]", "_", words)


def _ascii(words: str) -> str:
    return _plain(words).encode("ascii", "backslashreplace").decode()
