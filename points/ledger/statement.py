"""A holder's statement: one line per transfer, newest first, over all the accounts (dates, batches) of one unit.

Each account numbers its postings, so a page is a range of numbers in each and the cursor is where each range ended:
page 10,000 costs what page 1 costs. What order two accounts' lines have to one another is told by the transfers they
share, else by the time they were recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, select

from ..db import Prepared
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
Moment = tuple[datetime, int]  # when a transfer was recorded, and its id: what order lines have that share no account
MANY = 12  # so many accounts are looked into at once; with a new one every month, most have nothing on this page


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
    mine, rows, many = _accounts(scheme_id, holder_id, unit_id, klass), list[Line](), MANY
    shown = _unpack(after, mine)
    if shown is not None:
        mine = mine[: len(shown)]
    heads = {one.id: one.seq if shown is None else min(one.seq, shown[place]) for place, one in enumerate(mine)}
    heads = {account: seq for account, seq in heads.items() if seq}
    while heads and len(rows) < size:
        near, beyond, limit = _nearest(scheme_id, heads, many)
        window, balance = _window(scheme_id, heads, near, size)
        for line in _merged(heads, near, window, beyond + balance, limit):
            if sign is None or line.amount * sign > 0:
                rows.append(line)
            if len(rows) == size:
                break
        many *= 2
    return Lines(rows, _pack(mine, heads) if heads else None)


def _accounts(scheme_id: int, holder_id: int, unit_id: int, klass: AccountClass) -> list[Row[Any]]:
    """The holder's accounts in the order of their ids, which is the one in which they were opened."""
    found = ACCOUNTS.all(scheme=scheme_id, holder=holder_id, unit=unit_id, klass=klass.value)
    return sorted(found, key=lambda row: row.id)


def _finding() -> Select[Any]:
    a = accounts.c
    place = (a.holder_id == bindparam("holder"), a.unit_id == bindparam("unit"), a["class"] == bindparam("klass"))
    return select(a.id, a.seq).where(a.scheme_id == SCHEME, *place)


NEAR = Few("near", account_id=BIG, seq=BIG)


TOLD = ("id", "kind", "source_kind", "source_id", "reverses_id", "occurred_at", "recorded_at")  # of a transfer


def _looking() -> Select[Any]:
    """``p``: a range of numbers in each account. ``q``: all that those transfers did, also beyond the range."""
    near, p, q, t = NEAR.source(), postings.alias("p"), postings.alias("q"), transfers
    least = near.c.seq - bindparam("size", type_=BIG) + 1
    in_range = and_(p.c.account_id == near.c.account_id, p.c.seq.between(least, near.c.seq))
    return (
        select(q.c.account_id, q.c.seq, q.c.amount, q.c.balance_after, *(t.c[name] for name in TOLD))
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


def _heading() -> Select[Any]:
    near, p, t = NEAR.source(), postings, transfers
    newest = and_(p.c.scheme_id == SCHEME, p.c.account_id == near.c.account_id, p.c.seq == near.c.seq)
    return (
        select(p.c.account_id, p.c.balance_after, t.c.recorded_at, t.c.id)
        .select_from(near)
        .join(p, newest)
        .join(t, and_(t.c.scheme_id == SCHEME, t.c.id == p.c.transfer_id))
    )


ACCOUNTS, HEADS = Prepared(_finding), Prepared(_heading)
WINDOW, ONE = Prepared(_looking), Prepared(_looking_at_one)


@dataclass
class Candidate:
    """A transfer that may stand on this page, what it comes to, and its first and last number in each of the holder's
    accounts: a return may bring back to one account what it took from two."""

    transfer: Row[Any]
    amount: int
    places: dict[int, tuple[int, int]]

    def moment(self) -> Moment:
        return self.transfer.recorded_at, self.transfer.id

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


def _nearest(scheme_id: int, heads: Heads, many: int) -> tuple[Heads, int, Moment | None]:
    """The accounts where the newest lines are, what the others hold together, and the newest moment in these."""
    if len(heads) <= many:
        return heads, 0, None
    found = HEADS.all(scheme=scheme_id, **NEAR.bind(sorted(heads.items())))
    found.sort(key=lambda row: (row.recorded_at, row.id), reverse=True)
    beyond = found[many:]
    near = {row.account_id: heads[row.account_id] for row in found[:many]}
    return near, sum(row.balance_after for row in beyond), (beyond[0].recorded_at, beyond[0].id)


Window = dict[tuple[int, int], Candidate]  # by account and number


def _window(scheme_id: int, heads: Heads, near: Heads, size: int) -> tuple[Window, int]:
    """The newest postings of each account that is near, and what these accounts held with them."""
    found = _of_one(scheme_id, *next(iter(heads.items())), size) if len(heads) == 1 else None
    if found is None:
        found = WINDOW.all(scheme=scheme_id, size=size, **NEAR.bind(sorted(near.items())))
    by_transfer: dict[int, Candidate] = {}
    window: Window = {}
    balance = 0
    for row in found:
        place = (row.account_id, row.seq)
        if row.account_id not in heads or place in window:  # somebody else's; reached from two accounts
            continue
        window[place] = candidate = by_transfer.setdefault(row.id, Candidate(row, 0, {}))
        candidate.amount += row.amount
        first, last = candidate.places.get(row.account_id, (row.seq, row.seq))
        candidate.places[row.account_id] = (min(first, row.seq), max(last, row.seq))
        if near.get(row.account_id) == row.seq:
            balance += row.balance_after
    return window, balance


def _of_one(scheme_id: int, account_id: int, seq: int, size: int) -> list[Row[Any]] | None:
    """The window of a single account, which has no other to wait for: the numbers of a transfer follow one another
    there, and one number more tells whether the last transfer ends within. None when it does not."""
    found = sorted(ONE.all(scheme=scheme_id, account=account_id, seq=seq, size=size), key=lambda row: row.seq)
    if len(found) <= size:
        return found
    below, *window = found
    return None if below.id == window[0].id else window


def _merged(heads: Heads, near: Heads, window: Window, balance: int, limit: Moment | None) -> Iterator[Line]:
    """The next lines, as far as the window reaches (a transfer may have several numbers in one account) and nothing
    that is not near may be newer. Moves the heads on before it yields."""
    accounts_near = list(near)
    while places := [(account, heads[account]) for account in accounts_near if account in heads]:
        if not all(place in window for place in places):
            return
        # A transfer's turn has come when it is the newest left in every account that it touched.
        newest = [window[place] for place in places]
        ready = [one for one in newest if all(heads[account] == last for account, (_, last) in one.places.items())]
        chosen = max(ready, key=Candidate.moment, default=None)
        if chosen is None or (limit is not None and chosen.moment() < limit):
            return
        for account, (first, _) in chosen.places.items():
            if first == 1:
                del heads[account]
            else:
                heads[account] = first - 1
        yield chosen.line(balance)
        balance -= chosen.amount


# A cursor is the id of the newest account and the next number in each, by the order of their ids: short with a hundred
# accounts too, and read as places among the reader's own.


def _pack(mine: Sequence[Row[Any]], heads: Heads) -> str:
    return ".".join(map(str, (mine[-1].id, *(heads.get(one.id, 0) for one in mine))))


def _unpack(cursor: str | None, mine: Sequence[Row[Any]]) -> list[int] | None:
    try:
        newest, *shown = map(int, (cursor or "").split("."))
    except ValueError:
        return None
    fits = shown and min(shown) >= 0 and len(shown) == sum(one.id <= newest for one in mine)
    return shown if fits else None
