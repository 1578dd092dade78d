"""Points whose date has passed: swept from the wallets into ``expired``, and told of before it comes to that.

Spending never touches a date that has passed, so the sweep may come late. What is held stays until the hold ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, bindparam, literal_column, select, tuple_

from .. import clock
from ..db import db, in_own_transaction
from ..errors import LedgerFault
from .accounts import SCHEME, accounts
from .drafts import Draft, Leg, Posted, request_hash
from .models import AccountClass
from .posting import ZONE, post_each
from .queries import wallet_lots
from .rules import NEVER, has_passed
from .sets import BIG

SYSTEM = 0
CHUNK = 2000  # wallets a transaction
Place = tuple[str, int]  # date and account: where a reading of the wallets by date has come to
BEGINNING: Place = ("", 0)


@dataclass
class Swept:
    """What the sweep took (or, tried dry, would take): wallet accounts, and minor units by unit."""

    accounts: int = 0
    amounts: dict[int, int] = field(default_factory=dict)

    def add(self, rows: Sequence[Row[Any]]) -> None:
        self.accounts += len(rows)
        for row in rows:
            self.amounts[row.unit_id] = self.amounts.get(row.unit_id, 0) + row.amount


def sweep(
    scheme_id: int,
    on: date,
    *,
    at: datetime,
    zone: str = ZONE,
    dry_run: bool = False,
    progress: Callable[[Swept], None] = lambda swept: None,
    stop: Callable[[], bool] = lambda: False,
    size: int = CHUNK,
) -> Swept:
    """Move what is left, and not held, on dates before ``on`` to ``expired``: a transfer per account, a commit per
    chunk. Cut short, the next run goes on with what is left; nothing is swept twice. ``on`` may lie in the future only
    when tried dry."""
    if not dry_run and on > clock.local_date(at, zone):
        raise LedgerFault("points expire once their date has passed", on=on)
    swept, place = Swept(), BEGINNING

    def chunk() -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
        found = _left(scheme_id, BEGINNING[0], on, place, size)
        return found, found if dry_run else _expire(scheme_id, found, at, zone)

    while not stop():
        found, taken = chunk() if dry_run else in_own_transaction(chunk)
        if not found:
            break
        place = (found[-1].mark, found[-1].id)
        swept.add(taken)
        progress(swept)
    return swept


def _expire(scheme_id: int, found: Sequence[Row[Any]], at: datetime, zone: str) -> Sequence[Row[Any]]:
    """Post what was found; those that moved between the reading and the lock are left to the next run."""
    answers = post_each(scheme_id, [_draft(scheme_id, row, at, zone) for row in found], at=at, zone=zone)
    return [
        row for row, answer in zip(found, answers, strict=True) if isinstance(answer, Posted) and not answer.replayed
    ]


def _draft(scheme_id: int, row: Row[Any], at: datetime, zone: str) -> Draft:
    """The key names the account and its counter: whoever sweeps the same points again finds them swept."""
    day_after = date.fromisoformat(row.mark) + timedelta(days=1)
    return Draft(
        kind="expiry",
        key=f"expiry:{row.id}:{row.seq}",
        actor_id=SYSTEM,
        request_hash=request_hash(account=row.id, seq=row.seq, amount=row.amount),
        source_kind="expiry",
        source_id=None,
        occurred_at=min(at, clock.day_start(day_after, zone)),
        legs=(
            Leg(row.holder_id, row.unit_id, AccountClass.WALLET, -row.amount, row.mark),
            Leg(scheme_id, row.unit_id, AccountClass.EXPIRED, row.amount),
        ),
    )


@dataclass(frozen=True)
class Expiring:
    """What somebody loses after a day unless it is spent: minor units, without what is held."""

    holder_id: int
    unit_id: int
    expires_on: date
    amount: int


def expires_soon(scheme_id: int, holder_id: int, unit_id: int, today: date, within_days: int) -> list[tuple[date, int]]:
    """What of a wallet expires within so many days: (last day, minor units), soonest first."""
    until = (today + timedelta(days=within_days)).isoformat()
    return [
        (date.fromisoformat(mark), amount)
        for mark, amount in wallet_lots(scheme_id, holder_id, unit_id)
        if mark != NEVER and not has_passed(mark, today) and mark <= until
    ]


def expiring(
    scheme_id: int, today: date, within_days: int, after: Place = BEGINNING, size: int = 50
) -> tuple[list[Expiring], Place | None]:
    """Who loses how much when: a page by date, and where the next one begins (None on the last)."""
    found = _left(scheme_id, today.isoformat(), today + timedelta(days=within_days + 1), after, size + 1)
    rows = [Expiring(row.holder_id, row.unit_id, date.fromisoformat(row.mark), row.amount) for row in found[:size]]
    return rows, (found[size - 1].mark, found[size - 1].id) if len(found) > size else None


def _left(scheme_id: int, since: str, before: date, after: Place, size: int) -> Sequence[Row[Any]]:
    """Wallet accounts with something left, of dates from ``since`` to before ``before``: by date, then account."""
    named = {"scheme": scheme_id, "since": since, "before": before.isoformat(), "mark": after[0], "id": after[1]}
    return db.session.execute(LEFT, named | {"size": size}).all()


# The words stand in the statement as they stand in the index: a parameter would not find it.
LEFT: Select[Any] = (
    select(
        *(accounts.c.id, accounts.c.mark, accounts.c.holder_id, accounts.c.unit_id, accounts.c.seq),
        (accounts.c.balance - accounts.c.held).label("amount"),
    )
    .where(
        *(accounts.c.scheme_id == SCHEME, accounts.c["class"] == literal_column("'wallet'")),
        *(accounts.c.mark != literal_column("'never'"), accounts.c.balance > accounts.c.held),
        *(accounts.c.mark >= bindparam("since"), accounts.c.mark < bindparam("before")),
        tuple_(accounts.c.mark, accounts.c.id) > tuple_(bindparam("mark"), bindparam("id", type_=BIG)),
    )
    .order_by(accounts.c.mark, accounts.c.id)
    .limit(bindparam("size", type_=BIG))
)
