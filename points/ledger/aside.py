"""What holds set aside: locked, looked up, added to ``held`` and resolved by statements over many holds at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Executable, and_, bindparam, insert, or_, select, update

from .. import clock
from ..db import db, table_of
from ..errors import LedgerFault
from .accounts import SCHEME, accounts, lock_rank
from .models import Hold, HoldLine, HoldResolution, Outcome
from .sets import BIG, Rows, built_once

holds, lines, resolutions = table_of(Hold), table_of(HoldLine), table_of(HoldResolution)


def lock_held(scheme_id: int, hold_ids: Sequence[int]) -> None:
    """Lock the accounts that the holds sit on, in the order in which everybody locks."""
    db.session.execute(_locking(), {"scheme": scheme_id, **HOLDS.bind([(hold_id,) for hold_id in hold_ids])}).all()


def given_back(scheme_id: int, hold_ids: Sequence[int]) -> Iterable[tuple[int, int]]:
    found = db.session.execute(_taking(), {"scheme": scheme_id, **HOLDS.bind([(hold_id,) for hold_id in hold_ids])})
    return ((row.account_id, row.amount) for row in found)


HOLDS = Rows("these", hold_id=BIG)
ASIDES = Rows("asides", id=BIG, amount=BIG)


@built_once
def _locking() -> Executable:
    these, a = HOLDS.source(), accounts.c
    return (
        select(a.id)
        .select_from(these)
        .join(lines, and_(lines.c.scheme_id == SCHEME, lines.c.hold_id == these.c.hold_id, lines.c.amount < 0))
        .join(accounts, and_(a.scheme_id == SCHEME, a.id == lines.c.account_id))
        .order_by(lock_rank, a.holder_id, a.unit_id, a.mark, a.stripe)
        .with_for_update(of=accounts, key_share=True)
    )


@built_once
def _taking() -> Executable:
    these, x = HOLDS.source(), lines.c
    here = and_(x.scheme_id == SCHEME, x.hold_id == these.c.hold_id, x.amount < 0)
    return select(x.account_id, x.amount).select_from(these).join(lines, here)


@built_once
def overdue() -> Executable:
    ended = and_(resolutions.c.scheme_id == SCHEME, resolutions.c.hold_id == holds.c.id)
    return (
        select(holds.c.id)
        .where(holds.c.scheme_id == SCHEME, holds.c.until <= bindparam("at", type_=holds.c.until.type))
        .where(~select(resolutions.c.hold_id).where(ended).exists())
        .order_by(holds.c.until, holds.c.id)
        .limit(bindparam("size", type_=BIG))
    )


@built_once
def still_open() -> Executable:
    these = HOLDS.source()
    ended = and_(resolutions.c.scheme_id == SCHEME, resolutions.c.hold_id == these.c.hold_id)
    return select(these.c.hold_id).where(~select(resolutions.c.hold_id).where(ended).exists())


def set_aside(scheme_id: int, changes: Iterable[tuple[int, int]]) -> None:
    """Add (account, amount) to what is held: the one statement that changes ``held``, guarded as balances are."""
    sums: dict[int, int] = defaultdict(int)
    for account_id, amount in changes:
        sums[account_id] += amount
    changed = db.session.execute(_setting_aside(), {"scheme": scheme_id, **ASIDES.bind(sorted(sums.items()))}).all()
    if len(changed) != len(sums):
        raise LedgerFault("an account does not change between its lock and its update", planned=dict(sums))


@built_once
def _setting_aside() -> Executable:
    aside, a = ASIDES.source().c, accounts.c
    return (
        update(accounts)
        .where(
            *(a.scheme_id == SCHEME, a.id == aside.id),
            or_(aside.amount < 0, a.balance - a.held - aside.amount >= a.floor),
        )
        .values(held=a.held + aside.amount)
        .returning(a.id)
    )


def resolve(
    scheme_id: int,
    hold_ids: Sequence[int],
    outcome: Outcome,
    actor_id: int,
    at: datetime,
    transfer_id: int | None = None,
) -> None:
    """Of two who get here for one hold, the key turns one away, and its transaction runs again."""
    facts = {"outcome": outcome, "transfer_id": transfer_id, "actor_id": actor_id, "resolved_at": max(at, clock.now())}
    rows = [{"scheme_id": scheme_id, "hold_id": hold_id, **facts} for hold_id in hold_ids]
    db.session.execute(insert(resolutions), rows)
