"""Taking from a limit and giving back: guarded rows, locked in key order before any account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, literal_column, select, update

from .. import clock
from ..db import Prepared, db, insert_into, table_of
from ..ledger.sets import BIG, WORD, Rows
from . import rules
from .models import Limit, LimitUsage
from .queries import items_by_id, limits_on, standing_of, usage_of


def take_limits(
    scheme_id: int, person_id: int, shop_id: int, quantities: Mapping[int, int], *, at: datetime, zone: str
) -> None:
    """Count a basket (item id → pieces) against the person's limits of this period; a redemption counts one.

    Raises LimitReached naming every limit in the way; nothing has been taken then. Two at once cannot both take the
    last: each row is checked and changed in one statement.
    """
    day = clock.local_date(at, zone)
    wanted = {
        limit.id: (limit, quantities[limit.item_id] if limit.item_id is not None else 1)
        for limit in limits_on(scheme_id, shop_id, quantities)
    }
    takes = [(limit.id, rules.period_key(day, limit.period), count) for limit, count in wanted.values() if count > 0]
    taken = take(scheme_id, person_id, takes)
    refused = [wanted[limit_id][0] for limit_id, _, _ in takes if limit_id not in taken]
    if not refused:
        return
    for limit_id, period, count in takes:
        if limit_id in taken:
            _give_back(wanted[limit_id][0], person_id, period, count)
    used = usage_of(scheme_id, person_id, refused, day)
    items = items_by_id(scheme_id, {limit.item_id for limit in refused if limit.item_id})
    raise rules.limit_reached(
        [standing_of(limit, items.get(limit.item_id or 0), used.get(limit.id, 0), day) for limit in refused]
    )


def give_back_limits(
    scheme_id: int, person_id: int, shop_id: int, quantities: Mapping[int, int], *, at: datetime, zone: str
) -> None:
    """Undo ``take_limits``: ``at`` is the moment of the redemption given back, so its period gets it, not today's.

    Never falls below zero: a limit that began after the redemption had counted nothing of it.
    """
    day = clock.local_date(at, zone)
    for limit in limits_on(scheme_id, shop_id, quantities, ended=True):  # a limit set again goes on with its usage
        count = quantities[limit.item_id] if limit.item_id is not None else 1
        _give_back(limit, person_id, rules.period_key(day, limit.period), count)


TAKES = Rows("takes", limit_id=BIG, period=WORD, used=BIG)


def take(scheme_id: int, person_id: int, takes: Sequence[tuple[int, str, int]]) -> set[int]:
    """Add (limit, period, pieces) to what a person has used, unless it would pass the limit: check and change are one
    statement, and rows are locked in key order. Returns the limits that were not passed."""
    if not takes:
        return set()
    taken = TAKING.all(scheme=scheme_id, person=person_id, **TAKES.bind(takes))
    return {row.limit_id for row in taken}


def _taking() -> Any:
    wanted, usage, limit = TAKES.source(), table_of(LimitUsage), table_of(Limit)
    scheme, person = bindparam("scheme", type_=BIG), bindparam("person", type_=BIG)
    rows = (
        select(scheme, person, wanted.c.limit_id, wanted.c.period, wanted.c.used)
        .join_from(wanted, limit, and_(limit.c.scheme_id == scheme, limit.c.id == wanted.c.limit_id))
        .where(wanted.c.used <= limit.c.quantity)
        .order_by(wanted.c.limit_id)
    )
    taking = insert_into(usage).from_select(["scheme_id", "person_id", "limit_id", "period", "used"], rows)
    most = (
        select(limit.c.quantity)
        .where(limit.c.scheme_id == scheme, limit.c.id == literal_column("excluded.limit_id", BIG))
        .scalar_subquery()
    )
    after = usage.c.used + taking.excluded.used
    return taking.on_conflict_do_update(
        index_elements=["scheme_id", "person_id", "limit_id", "period"], set_={"used": after}, where=after <= most
    ).returning(usage.c.limit_id)


TAKING = Prepared(_taking)


def _give_back(limit: Limit, person_id: int, period: str, count: int) -> None:
    db.session.execute(
        update(LimitUsage)
        .where(LimitUsage.scheme_id == limit.scheme_id, LimitUsage.person_id == person_id)
        .where(LimitUsage.limit_id == limit.id, LimitUsage.period == period, LimitUsage.used > 0)
        .values(used=LimitUsage.used - _least(LimitUsage.used, count)),
        execution_options={"synchronize_session": False},
    )


def _least(column: Any, count: int) -> Any:
    return case((column < count, column), else_=count)
