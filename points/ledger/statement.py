"""A holder's statement: one line per transfer, newest first, over all the accounts (dates, batches) of one unit.

Each account numbers its postings, so a page is a range of numbers in each and the cursor is where each range ended:
page 10,000 costs what page 1 costs. What order two accounts' lines have to one another is told by the transfers they
share, else by the time they were recorded.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, select

from ..db import MAX_ID, Prepared
from .accounts import SCHEME, accounts
from .models import AccountClass
from .posting import postings, transfers
from .sets import BIG, Few

MAX_SIZE = 200


@dataclass(frozen=True)
class Line:
    """One transfer as the holder sees it; ``balance_after`` is over all the holder's accounts of the unit."""

    transfer_id: int
    kind: str
    source_kind: str
    source_id: int | None
    reverses_id: int | None
    amount: int
    balance_after: int
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class Lines:
    """A page of a statement and the cursor of the next, None on the last."""

    rows: Sequence[Line]
    next: str | None


Heads = dict[int, int]  # account → the number of its newest posting that is not shown yet


def statement(
    scheme_id: int,
    holder_id: int,
    unit_id: int,
    klass: AccountClass = AccountClass.WALLET,
    after: str | None = None,
    size: int = 50,
    sign: int | None = None,
) -> Lines:
    """A page of the statement, newest first. A cursor that is not one of ours is the first page.

    sign  1 for what came in only, -1 for what went out
    """
    size = max(1, min(size, MAX_SIZE))
    heads, shown, rows = _heads(scheme_id, holder_id, unit_id, klass), _unpack(after), list[Line]()
    if shown is not None:
        heads = {account: min(seq, shown[account]) for account, seq in heads.items() if account in shown}
    while heads and len(rows) < size:
        window, balances = _window(scheme_id, heads, size)
        for line in _merged(heads, window, sum(balances.values())):
            if sign is None or line.amount * sign > 0:
                rows.append(line)
            if len(rows) == size:
                break
    return Lines(rows, _pack(heads) if heads else None)


def _heads(scheme_id: int, holder_id: int, unit_id: int, klass: AccountClass) -> Heads:
    found = HEADS.all(scheme=scheme_id, holder=holder_id, unit=unit_id, klass=klass.value)
    return {row.id: row.seq for row in found}


def _heading() -> Select[Any]:
    a = accounts.c
    place = (a.holder_id == bindparam("holder"), a.unit_id == bindparam("unit"), a["class"] == bindparam("klass"))
    return select(a.id, a.seq).where(a.scheme_id == SCHEME, *place, a.seq > 0)


NEAR = Few("near", account_id=BIG, seq=BIG)


TOLD = ("id", "kind", "source_kind", "source_id", "reverses_id", "occurred_at", "recorded_at")  # of a transfer


def _looking() -> Select[Any]:
    """``p``: a range of numbers in each account. ``q``: all that those transfers did, also beyond the range."""
    near, p, q, t = NEAR.source(), postings.alias("p"), postings.alias("q"), transfers
    least = near.c.seq - bindparam("size", type_=BIG) + 1
    in_range = and_(p.c.account_id == near.c.account_id, p.c.seq.between(least, near.c.seq))
    return (
        select(q.c.account_id, q.c.seq, q.c.amount, q.c.balance_after, *(t.c[name] for name in TOLD))
        .distinct()
        .select_from(near)
        .join(p, and_(p.c.scheme_id == SCHEME, in_range))
        .join(q, and_(q.c.scheme_id == SCHEME, q.c.transfer_id == p.c.transfer_id))
        .join(t, and_(t.c.scheme_id == SCHEME, t.c.id == p.c.transfer_id))
    )


def _looking_at_one() -> Select[Any]:
    p, t, newest = postings, transfers, bindparam("seq", type_=BIG)
    return (
        select(p.c.account_id, p.c.seq, p.c.amount, p.c.balance_after, *(t.c[name] for name in TOLD))
        .join(t, and_(t.c.scheme_id == p.c.scheme_id, t.c.id == p.c.transfer_id))
        .where(p.c.scheme_id == SCHEME, p.c.account_id == bindparam("account", type_=BIG))
        .where(p.c.seq.between(newest - bindparam("size", type_=BIG), newest))
    )


HEADS, WINDOW, ONE = Prepared(_heading), Prepared(_looking), Prepared(_looking_at_one)


@dataclass
class Candidate:
    """A transfer that may stand on this page, what it comes to, and its first and last number in each of the holder's
    accounts: a return may bring back to one account what it took from two."""

    transfer: Row[Any]
    amount: int
    places: dict[int, tuple[int, int]]

    def line(self, balance_after: int) -> Line:
        t = self.transfer
        return Line(
            transfer_id=t.id,
            kind=t.kind,
            source_kind=t.source_kind,
            source_id=t.source_id,
            reverses_id=t.reverses_id,
            amount=self.amount,
            balance_after=balance_after,
            occurred_at=t.occurred_at,
            recorded_at=t.recorded_at,
        )


def _window(scheme_id: int, heads: Heads, size: int) -> tuple[dict[tuple[int, int], Candidate], dict[int, int]]:
    """The newest postings of each account, by (account, seq), and the balance with which each account begins."""
    found = _of_one(scheme_id, *next(iter(heads.items())), size) if len(heads) == 1 else None
    if found is None:
        found = WINDOW.all(scheme=scheme_id, size=size, **NEAR.bind(sorted(heads.items())))
    by_transfer: dict[int, Candidate] = {}
    window: dict[tuple[int, int], Candidate] = {}
    balances: dict[int, int] = {}
    for row in (row for row in found if row.account_id in heads):
        candidate = by_transfer.setdefault(row.id, Candidate(row, 0, {}))
        candidate.amount += row.amount
        first, last = candidate.places.get(row.account_id, (row.seq, row.seq))
        candidate.places[row.account_id] = (min(first, row.seq), max(last, row.seq))
        window[row.account_id, row.seq] = candidate
        if heads[row.account_id] == row.seq:
            balances[row.account_id] = row.balance_after
    return window, balances


def _of_one(scheme_id: int, account_id: int, seq: int, size: int) -> list[Row[Any]] | None:
    """The window of a single account, which has no other to wait for: the numbers of a transfer follow one another
    there, and one number more tells whether the last transfer ends within. None when it does not."""
    found = sorted(ONE.all(scheme=scheme_id, account=account_id, seq=seq, size=size), key=lambda row: row.seq)
    if len(found) <= size:
        return found
    below, *window = found
    return None if below.id == window[0].id else window


def _merged(heads: Heads, window: dict[tuple[int, int], Candidate], balance: int) -> Iterator[Line]:
    """The next lines, as far as the window reaches (a transfer may have several numbers in one account). Moves the
    heads on before it yields."""
    while heads and all(head in window for head in heads.items()):
        newest = [window[head] for head in heads.items()]
        # A transfer's turn has come when it is the newest left in every account that it touched.
        ready = [one for one in newest if all(heads[account] == last for account, (_, last) in one.places.items())]
        chosen = max(ready, key=lambda one: (one.transfer.recorded_at, one.transfer.id))
        for account, (first, _) in chosen.places.items():
            if first == 1:
                del heads[account]
            else:
                heads[account] = first - 1
        yield chosen.line(balance)
        balance -= chosen.amount


def _pack(heads: Heads) -> str:
    return base64.urlsafe_b64encode(json.dumps(sorted(heads.items())).encode()).decode().rstrip("=")


def _unpack(cursor: str | None) -> Heads | None:
    try:
        heads: Heads = dict(json.loads(base64.urlsafe_b64decode((cursor or "") + "===")))
    except (ValueError, TypeError):
        return None
    fits = all(type(n) is int and 0 < n <= MAX_ID for head in heads.items() for n in head)
    return heads if fits and heads else None
