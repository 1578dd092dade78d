"""Taking from a limit and giving back: guarded rows, locked in key order before any account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import case, update
from sqlalchemy.dialects import postgresql, sqlite

from .. import clock
from ..db import db
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
    limits = limits_on(scheme_id, shop_id, quantities)
    taken: dict[int, int] = {}
    refused: list[Limit] = []
    for limit in limits:
        wanted = quantities[limit.item_id] if limit.item_id is not None else 1
        if wanted < 1:
            continue
        if _take(limit, person_id, rules.period_key(day, limit.period), wanted):
            taken[limit.id] = wanted
        else:
            refused.append(limit)
    if not refused:
        return
    for limit in limits:
        if limit.id in taken:
            _give_back(limit, person_id, rules.period_key(day, limit.period), taken[limit.id])
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


def _take(limit: Limit, person_id: int, period: str, count: int) -> bool:
    """Add to the usage unless it would pass the limit: check and change in one statement."""
    if count > limit.quantity:
        return False
    insert: Any = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    taking = insert(LimitUsage).values(
        scheme_id=limit.scheme_id, person_id=person_id, limit_id=limit.id, period=period, used=count
    )
    taking = taking.on_conflict_do_update(
        index_elements=["scheme_id", "person_id", "limit_id", "period"],
        set_={"used": LimitUsage.used + count},
        where=LimitUsage.used + count <= limit.quantity,
    ).returning(LimitUsage.used)
    return db.session.execute(taking).scalar() is not None


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
