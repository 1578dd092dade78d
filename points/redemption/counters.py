"""Counted rows that hold under any crowd: receipt numbers of a till, and what a person's card has paid in a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from ..db import Prepared, db, insert_into, table_of
from ..people.visitor import Visitor
from .models import CardUsage, TillCounter
from .refusals import CardDailyLimit
from .rules import card_limits, check_card


def next_number(scheme_id: int, till_id: int, day: date) -> int:
    """The till's next receipt number of the day: counted in one statement, without gaps."""
    return int(COUNTING.first(scheme_id=scheme_id, till_id=till_id, day=day, last=1).last)


def _counting() -> Any:
    counters = table_of(TillCounter)
    first = {column.name: bindparam(column.name, type_=column.type) for column in counters.c}
    return (
        insert_into(counters)
        .values(**first)
        .on_conflict_do_update(index_elements=["scheme_id", "till_id", "day"], set_={"last": counters.c.last + 1})
        .returning(counters.c.last)
    )


COUNTING = Prepared(_counting)


def take_card(clerk: Visitor, person_id: int, day: date, total: int) -> None:
    """Count what is paid by card against its limits; check and change in one statement.

    Raises CardLimit, CardDailyLimit.
    """
    once, daily = card_limits(clerk.settings, clerk.points_scale)
    check_card(total, once)
    taken = None
    if total <= daily:
        taking = insert_into(CardUsage).values(scheme_id=clerk.scheme_id, person_id=person_id, day=day, used=total)
        taking = taking.on_conflict_do_update(
            index_elements=["scheme_id", "person_id", "day"],
            set_={"used": CardUsage.used + total},
            where=CardUsage.used + total <= daily,
        ).returning(CardUsage.used)
        taken = db.session.execute(taking).scalar()
    if taken is None:
        used = card_used(clerk.scheme_id, person_id, day)
        raise CardDailyLimit(limit_points=daily, used_points=used, again_on=day + timedelta(days=1))


def card_used(scheme_id: int, person_id: int, day: date) -> int:
    return (
        db.session.scalar(
            select(CardUsage.used).where(
                CardUsage.scheme_id == scheme_id, CardUsage.person_id == person_id, CardUsage.day == day
            )
        )
        or 0
    )
