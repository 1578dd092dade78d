"""A month's pool of points shared by what each contributed: given once, to the last point, each share explained."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from points import clock
from points.awards.models import Claim, ClaimState, PeriodRun, Source
from points.awards.periods import rankings
from points.awards.periods.models import RankingRow
from points.awards.periods.work import close_periods
from points.awards.reviewing import approve
from points.db import db, transaction
from points.inbox.models import Message
from points.people.models import Role
from points.rulebook.wording import reckoning
from tests.factories import World
from tests.integration.periods_world import VISIT, earn, load, work
from tests.integration.together import in_threads

AUGUST = datetime(2026, 8, 10, 3, tzinfo=UTC)
POOL: dict[str, Any] = {
    "code": "pool",
    "title": "八月时长池",
    "over": "minutes",
    "per": "month",
    "prizes": [{"percent": 100, "points": 500, "shared": "by_amount"}],
    "review": "none",
}


def pool(**more: Any) -> dict[str, Any]:
    made = {**POOL, **more}
    return {"rankings": [{name: value for name, value in made.items() if value is not None}]}


def claims(world: World) -> dict[int, Claim]:
    """What the pool gave, by person."""
    db.session.rollback()
    found = select(Claim).where(Claim.scheme_id == world.scheme_id, Claim.source == Source.SYSTEM)
    return {claim.person_id: claim for claim in db.session.scalars(found)}


def test_a_months_pool_is_shared_by_hours_once_and_says_how(world: World, books: Any) -> None:
    load(world, **pool())
    people = [world.person(name) for name in "甲乙丙丁"]
    for person, points in zip(people, (10, 10, 10, 0), strict=True):  # an hour each, and nothing
        if points:
            earn(world, person, points, AUGUST)
    before = [books.wallet(person.id) for person in people]
    in_threads(world.app, [lambda: close_periods(work(world, date(2026, 9, 1)))] * 2)
    close_periods(work(world, date(2026, 9, 2)))
    given = [books.wallet(person.id) - had for person, had in zip(people, before, strict=True)]
    assert sorted(given) == [0, 166, 167, 167] and sum(given) == 500 and given[3] == 0
    made = claims(world)[people[0].id]
    assert made.state == ClaimState.APPROVED
    with world.app.test_request_context():
        assert "500 分由 3 人按服务小时分：一共 3，这一份占 1，分到 167 分" in reckoning(made.outcome)[0]
    rows = db.session.scalars(select(RankingRow).where(RankingRow.scheme_id == world.scheme_id)).all()
    assert sum(row.points for row in rows) == 500
    told = select(Message).where(Message.scheme_id == world.scheme_id, Message.code == "ranking_share")
    assert {(one.person_id, one.values["points"]) for one in db.session.scalars(told)} == {
        (person.id, points) for person, points in zip(people[:3], given[:3], strict=True)
    }


def test_a_run_that_is_cut_off_goes_on_and_gives_to_everybody_once(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(rankings, "SOME", 1)
    load(world, **pool())
    people = [world.person(name) for name in "甲乙丙丁"]
    for person in people:
        earn(world, person, 10, AUGUST)
    stops = iter([False, False, True])
    day = date(2026, 9, 1)
    close_periods(replace(work(world, day), ask=lambda: next(stops, True)))
    assert len(claims(world)) == 2
    runs = select(PeriodRun.id).where(PeriodRun.scheme_id == world.scheme_id, PeriodRun.kind == "ranking")
    assert db.session.scalars(runs).all() == []
    close_periods(work(world, day))
    assert {claim.points for claim in claims(world).values()} == {125} and len(claims(world)) == 4
    rows = db.session.scalars(select(RankingRow.claim_id).where(RankingRow.scheme_id == world.scheme_id)).all()
    assert sorted(rows) == sorted(claim.id for claim in claims(world).values())


def test_nothing_is_given_when_nobody_contributed(world: World) -> None:
    load(world, **pool(rules=["sweep"]))
    earn(world, world.person(), 10, AUGUST)  # under another rule
    close_periods(work(world, date(2026, 9, 1)))
    runs = db.session.scalars(select(PeriodRun).where(PeriodRun.scheme_id == world.scheme_id)).all()
    assert [run.counts["winners"] for run in runs if run.kind == "ranking"] == [0] and claims(world) == {}


def test_it_may_go_by_how_often_or_by_how_much_under_rules_that_are_named(world: World) -> None:
    hours = {**VISIT, "code": "hours", "unit": "hour", "trigger": "claim"}
    load(world, rules=[VISIT, hours], **pool(over=None, counts="times", rules=["visit", "hours"]))
    often, once = world.person("甲"), world.person("乙")
    for _ in range(3):
        earn(world, often, 10, AUGUST, "hours")
    earn(world, once, 10, AUGUST)
    close_periods(work(world, date(2026, 9, 1)))
    assert {claim.person_id: claim.points for claim in claims(world).values()} == {often.id: 375, once.id: 125}


def test_a_share_goes_through_review_as_any_award(world: World, books: Any) -> None:
    load(world, **pool(review="one"))
    person = world.person()
    earn(world, person, 10, AUGUST)
    close_periods(work(world, date(2026, 9, 1)))
    waiting = claims(world)[person.id]
    assert (waiting.state, waiting.forecast["points"], waiting.points) == (ClaimState.WAITING, 500, None)
    before, reviewer = books.wallet(person.id), world.visitor(world.staff(Role.STAFF))
    with transaction():
        approve(reviewer, waiting.id, key=uuid.uuid4(), at=clock.now())
    assert books.wallet(person.id) - before == 500


def test_the_list_shows_what_each_had_and_got(world: World) -> None:
    load(world, **pool(over=None, counts="times"))
    first, second = world.person("张三"), world.person("李四")
    for person, times in ((first, 3), (second, 1)):
        for _ in range(times):
            earn(world, person, 10, AUGUST)
    close_periods(work(world, date(2026, 9, 1)))
    client = world.client(world.staff(Role.STAFF))
    (run,) = db.session.scalars(
        select(PeriodRun.id).where(PeriodRun.scheme_id == world.scheme_id, PeriodRun.kind == "ranking")
    )
    page = client.get(f"/rankings/{run}").text
    assert "按次数排" in page and "奖 375 分" in page and "<b>3<br>" in page
    found = client.get(f"/api/v1/rankings/{run}").json["places"]
    assert [(one["amount"], one["points"]) for one in found] == [("3", "375"), ("1", "125")]
    assert "按次数排" in client.get("/rankings").text
    assert ",3," in client.get(f"/rankings/{run}.csv").text
