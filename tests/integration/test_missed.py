"""What was not done by the end of a period: filed once as a claim of the system's, a deduction through review."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select, update

from points.awards.models import Claim, ClaimState, Source
from points.awards.periods.work import close_periods
from points.db import db, transaction
from points.people.models import Person, Scheme
from tests.factories import World
from tests.integration.periods_world import earn, load, work
from tests.rulebook_book import DEDUCTIONS

LONG_AGO = datetime(2025, 12, 1, tzinfo=UTC)
IDLE: dict[str, Any] = {"code": "idle", "title": "连续三个月不参加", "per": "month", "in_a_row": 3, "points": -5}


def allow_deductions(world: World) -> None:
    with transaction():
        scheme = db.session.get_one(Scheme, world.scheme_id)
        reviews = {**scheme.settings.get("reviews", {}), "deductions_allowed": True}
        scheme.settings = {**scheme.settings, "reviews": reviews}


def joined(world: World, *people: Person) -> None:
    with transaction():
        ids = [person.id for person in people]
        db.session.execute(update(Person).where(Person.id.in_(ids)).values(created_at=LONG_AGO))


def filed(world: World) -> list[Claim]:
    db.session.rollback()
    query = select(Claim).where(Claim.scheme_id == world.scheme_id, Claim.source == Source.SYSTEM)
    return [one for one in db.session.scalars(query.order_by(Claim.person_id)) if "不参加" in one.note]


def test_three_idle_months_are_found_once_wait_for_review_and_spare_the_new_and_the_busy(
    world: World, books: Any
) -> None:
    allow_deductions(world)
    load(world, missed=[IDLE], deductions=DEDUCTIONS)
    idle, busy, new = world.person("甲"), world.person("乙"), world.person("丙")
    joined(world, idle, busy)
    with transaction():
        db.session.execute(
            update(Person).where(Person.id == new.id).values(created_at=datetime(2026, 7, 20, tzinfo=UTC))
        )
    earn(world, busy, 10, datetime(2026, 8, 10, tzinfo=UTC))
    close_periods(work(world, date(2026, 10, 1)))
    mine = [one for one in filed(world) if one.person_id in (idle.id, busy.id, new.id)]
    assert [(one.person_id, one.state, one.done_on) for one in mine] == [
        (idle.id, ClaimState.WAITING, date(2026, 9, 30))
    ]
    close_periods(work(world, date(2026, 10, 2)))
    close_periods(work(world, date(2026, 11, 1)))
    assert [one.person_id for one in filed(world) if one.person_id == idle.id] == [idle.id], "August counts but once"


def test_a_year_without_a_breach_is_rewarded_at_once(world: World, books: Any) -> None:
    clean = {"code": "clean", "title": "全年无违规，不参加评议", "per": "year", "rules": ["sweep"], "points": 20}
    load(world, missed=[{**clean, "review": "none"}])
    person = world.person("丁")
    joined(world, person)
    close_periods(work(world, date(2027, 1, 1)))
    mine = [one for one in filed(world) if one.person_id == person.id]
    assert [(one.state, one.points) for one in mine] == [(ClaimState.APPROVED, 20)]
