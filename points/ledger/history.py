"""What somebody had at a moment gone by: looked up, never added up.

An account's postings are recorded in the order of their numbers, so the last one up to a moment is found by halving:
25 looks at most in the longest account there will be, all accounts of a holder at once, each look by two keys.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Row, Select, and_, select

from ..db import db
from .accounts import SCHEME, accounts
from .models import AccountClass
from .posting import postings, transfers
from .sets import BIG, Rows, built_once


def balance_at(
    scheme_id: int, holder_id: int, unit_id: int, moment: datetime, klass: AccountClass = AccountClass.WALLET
) -> int:
    """What the holder had, in minor units, once all that was recorded up to the moment had been: over all dates,
    batches and stripes. By when it was recorded, not when it happened: what is known later changes no balance."""
    return sum(balances_then(scheme_id, _accounts(scheme_id, holder_id, unit_id, klass), moment).values())


def balances_by_mark(
    scheme_id: int, holder_id: int, unit_id: int, moment: datetime, klass: AccountClass, marks: Sequence[str]
) -> dict[str, int]:
    """``balance_at``, told apart by mark; only of these marks, and none that had no account."""
    found = [row for row in _accounts(scheme_id, holder_id, unit_id, klass) if row.mark in marks]
    balances = balances_then(scheme_id, found, moment)
    by_mark: dict[str, int] = {}
    for row in found:
        by_mark[row.mark] = by_mark.get(row.mark, 0) + balances[row.id]
    return by_mark


def moved(
    scheme_id: int, holder_ids: Collection[int], klass: AccountClass, start: datetime, end: datetime
) -> dict[tuple[int, int], int]:
    """By how much the balances of these holders' accounts of a class changed from one moment to another: (holder, unit)
    → minor units. What was recorded at the start itself does not count, at the end it does."""
    a = accounts.c
    wanted: Select[Any] = select(a.id, a.seq, a.holder_id, a.unit_id).where(
        a.scheme_id == scheme_id, a.holder_id.in_(list(holder_ids)), a["class"] == klass, a.seq > 0
    )
    found = db.session.execute(wanted).all()
    at_start, at_end = balances_then(scheme_id, found, start), balances_then(scheme_id, found, end)
    changes: dict[tuple[int, int], int] = {}
    for row in found:
        name = row.holder_id, row.unit_id
        changes[name] = changes.get(name, 0) + at_end[row.id] - at_start[row.id]
    return changes


def wallets_at(
    scheme_id: int,
    holder_ids: Collection[int],
    moment: datetime,
    unit_id: int | None = None,
    classes: Collection[AccountClass] = (AccountClass.WALLET,),
) -> dict[tuple[int, int], int]:
    """What these holders had in their wallets, in minor units, once all that was recorded up to the moment had been:
    (holder, unit) → over all dates. Whoever never had any of a unit is not in it.

    classes  with DEBT, too, what they owed is taken off
    """
    a = accounts.c
    wanted: Select[Any] = select(a.id, a.seq, a.holder_id, a.unit_id).where(
        *(a.scheme_id == scheme_id, a.holder_id.in_(list(holder_ids))),
        *(a["class"].in_(classes), a.seq > 0),
    )
    if unit_id is not None:
        wanted = wanted.where(a.unit_id == unit_id)
    found = db.session.execute(wanted).all()
    balances = balances_then(scheme_id, found, moment)
    had: dict[tuple[int, int], int] = {}
    for row in found:
        name = row.holder_id, row.unit_id
        had[name] = had.get(name, 0) + balances[row.id]
    return had


def _accounts(scheme_id: int, holder_id: int, unit_id: int, klass: AccountClass) -> Sequence[Row[Any]]:
    a = accounts.c
    wanted: Select[Any] = select(a.id, a.seq, a.mark).where(
        *(a.scheme_id == scheme_id, a.holder_id == holder_id, a.unit_id == unit_id),
        *(a["class"] == klass, a.seq > 0),
    )
    return db.session.execute(wanted).all()


def balances_then(scheme_id: int, found: Sequence[Row[Any]], moment: datetime) -> dict[int, int]:
    """``balance_at`` of accounts one by one: rows with ``id`` and ``seq`` in, account → minor units out."""
    # Between these numbers lies the last posting up to the moment; 0 is none.
    ranges = {row.id: (0, row.seq) for row in found}
    balances = dict.fromkeys(ranges, 0)
    while asked := {account: (low + high + 1) // 2 for account, (low, high) in ranges.items() if low < high}:
        for account, seq, balance, recorded_at in db.session.execute(
            _looking(), {"scheme": scheme_id, **ASKED.bind(sorted(asked.items()))}
        ):
            low, high = ranges[account]
            if recorded_at <= moment:
                ranges[account], balances[account] = (seq, high), balance
            else:
                ranges[account] = (low, seq - 1)
    return balances


ASKED = Rows("asked", account_id=BIG, seq=BIG)


@built_once
def _looking() -> Executable:
    asked, p, t = ASKED.source(), postings.c, transfers.c
    return (
        select(p.account_id, p.seq, p.balance_after, t.recorded_at)
        .select_from(asked)
        .join(postings, and_(p.scheme_id == SCHEME, p.account_id == asked.c.account_id, p.seq == asked.c.seq))
        .join(transfers, and_(t.scheme_id == SCHEME, t.id == p.transfer_id))
    )
