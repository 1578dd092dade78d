"""Rankings when a period has ended: run once by due work, by role or area, with ties; prizes go the way of awards."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from points import clock
from points.awards.granting import grant
from points.awards.models import Bar, Claim, ClaimState, PeriodRun, Source
from points.awards.periods.models import RankingRow
from points.awards.periods.work import close_periods
from points.db import db, in_own_transaction, transaction
from points.inbox.models import Message
from points.ledger import AccountClass, Draft, Leg, post, request_hash
from points.ledger.expiry import sweep
from points.ledger.queries import units_of
from points.people.models import AreaKind, Person, Role, Scheme
from points.rulebook.document import BadDocument
from tests.factories import World
from tests.integration.periods_world import ZONE, earn, load, work
from tests.integration.together import in_threads

SUMMER = datetime(2026, 8, 10, 3, tzinfo=UTC)
STAR: dict[str, Any] = {
    "code": "star",
    "title": "季度之星",
    "over": "points",
    "per": "quarter",
    "prizes": [{"to": 1, "points": 30, "honour": 50, "title": "之星"}, {"to": 3, "title": "先进"}],
    "review": "none",
}


def ranking(**more: Any) -> dict[str, Any]:
    return {"rankings": [{name: value for name, value in {**STAR, **more}.items() if value is not None}]}


def rows(world: World) -> list[RankingRow]:
    db.session.rollback()
    query = select(RankingRow).where(RankingRow.scheme_id == world.scheme_id)
    return list(db.session.scalars(query.order_by(RankingRow.part, RankingRow.place, RankingRow.holder_id)))


def test_the_winners_of_a_quarter_get_their_prize_as_a_claim_and_only_once(world: World, books: Any) -> None:
    load(world, **ranking())
    first, second, outside = world.person("甲"), world.person("乙"), world.person("丙")
    earn(world, first, 60, SUMMER)
    earn(world, first, 10, SUMMER)
    earn(world, second, 40, SUMMER)
    earn(world, outside, 500, datetime(2026, 6, 30, 15, tzinfo=UTC))  # still June in the scheme's zone
    assert close_periods(work(world, date(2026, 10, 1))) >= 1
    before = books.wallet(first.id)
    assert [(row.holder_id, row.place, row.amount, row.title) for row in rows(world)] == [
        (first.id, 1, 70, "之星"),
        (second.id, 2, 40, "先进"),
    ]
    prize = db.session.get_one(Claim, (world.scheme_id, rows(world)[0].claim_id))
    assert (prize.source, prize.state, prize.points) == (Source.SYSTEM, ClaimState.APPROVED, 30)
    assert prize.outcome is not None and prize.outcome["honour"] == 50
    close_periods(work(world, date(2026, 10, 1)))
    close_periods(work(world, date(2026, 10, 2)))
    assert len(rows(world)) == 2 and books.wallet(first.id) == before
    runs = db.session.scalars(
        select(PeriodRun).where(PeriodRun.scheme_id == world.scheme_id, PeriodRun.kind == "ranking")
    )
    assert [(run.period, run.counts["winners"]) for run in runs] == [("2026-Q3", 2)]


def test_two_workers_at_once_rank_a_period_once(world: World, books: Any) -> None:
    load(world, **ranking())
    person = world.person()
    earn(world, person, 60, SUMMER)
    in_threads(world.app, [lambda: close_periods(work(world, date(2026, 10, 1)))] * 2)
    assert len(rows(world)) == 1
    prizes = select(Claim).where(Claim.scheme_id == world.scheme_id, Claim.source == Source.SYSTEM)
    assert len(db.session.scalars(prizes).all()) == 1


def test_a_prize_waits_for_review_and_stands_on_public_notice_when_the_rulebook_says_so(world: World) -> None:
    load(world, **ranking(review="one", notice_days=3))
    person = world.person()
    earn(world, person, 60, SUMMER)
    close_periods(work(world, date(2026, 10, 1)))
    prize = db.session.get_one(Claim, (world.scheme_id, rows(world)[0].claim_id))
    assert prize.state == ClaimState.WAITING and len(prize.path) == 1 and prize.forecast["notice_days"] == 3


def test_roles_and_communities_are_ranked_by_themselves(world: World) -> None:
    load(world, rankings=[{**STAR, "code": "r", "split": "role"}, {**STAR, "code": "a", "split": "area"}])
    with transaction():
        other = world.area(AreaKind.COMMUNITY, "清河社区", world.subdistrict)
    here, there = world.person("甲"), world.person("乙", area=other)
    worker = world.staff(Role.GRID_WORKER, name="丙")
    for person, points in ((here, 10), (there, 50), (worker, 20)):
        earn(world, person, points, SUMMER)
    close_periods(work(world, date(2026, 10, 1)))
    found = {(row.part, row.place, row.holder_id) for row in rows(world)}
    assert found == {
        ("resident", 1, there.id),
        ("resident", 2, here.id),
        ("grid_worker", 1, worker.id),
        ("清河社区", 1, there.id),
        ("和苑社区", 1, worker.id),
        ("和苑社区", 2, here.id),
    }


def test_only_its_categories_and_its_group_count_and_whoever_is_barred_is_left_out(world: World) -> None:
    load(world, **ranking(categories=["green"], ages={"from": 60}))
    old, young, bad = world.person("甲"), world.person("乙"), world.person("丙")
    with transaction():
        for person, year in ((old, 1950), (young, 2000), (bad, 1950)):
            db.session.get_one(type(person), (world.scheme_id, person.id)).birth_year = year
    earn(world, old, 60, SUMMER)  # of another category
    claims = [earn(world, person, 5, SUMMER, "sweep") for person in (old, young, bad)]
    with transaction():
        bar = Bar(person_id=bad.id, what="ranking", until_on=date(2026, 12, 31), claim_id=claims[2].id)
        bar.scheme_id = world.scheme_id
        world.add(bar)
    close_periods(work(world, date(2026, 10, 1)))
    assert [(row.holder_id, row.amount) for row in rows(world)] == [(old.id, 5)]


@pytest.mark.parametrize(("over", "amount"), [("honour", 60), ("minutes", 360)])
def test_honour_and_minutes_are_ranked_from_what_was_credited(world: World, over: str, amount: int) -> None:
    load(world, **ranking(over=over))
    earn(world, world.person(), 60, SUMMER)
    close_periods(work(world, date(2026, 10, 1)))
    assert [row.amount for row in rows(world)] == [amount]


def test_nothing_is_ranked_before_its_period_has_ended(world: World) -> None:
    load(world, **ranking())
    earn(world, world.person(), 60, SUMMER)
    close_periods(work(world, date(2026, 9, 30)))
    assert rows(world) == []
    with clock.at(datetime(2026, 9, 30, 16, 30, tzinfo=UTC)):  # past midnight where the scheme is
        close_periods(work(world, clock.now()))
    assert len(rows(world)) == 1


TERMS = {"from": ["points"], "below_zero": "stop", "notice_days": 3, "appeal_days": 7, "ends": {"months": 6}}
LAST = {"of": "last", "to": 2, "points": -5}


def test_the_last_of_a_ranking_lose_on_review_and_notice_once_and_are_not_put_in_the_pillory(
    world: World, books: Any
) -> None:
    with transaction():
        scheme = db.session.get_one(Scheme, world.scheme_id)
        scheme.settings = {**scheme.settings, "reviews": {"deductions_allowed": True}}
    people = [world.person(name) for name in "甲乙丙丁"]
    load(world, **ranking(prizes=[{"to": 1, "points": 30}, LAST], everybody=True), deductions=TERMS)
    with transaction():
        for person in people[:3]:  # the last one came in the middle of the quarter
            db.session.get_one(Person, (world.scheme_id, person.id)).created_at = datetime(2026, 5, 1, tzinfo=UTC)
    earn(world, people[0], 60, SUMMER)
    earn(world, people[1], 20, SUMMER)
    earn(world, people[2], 20, datetime(2026, 6, 2, tzinfo=UTC))  # in the quarter before
    close_periods(work(world, date(2026, 10, 1)))
    found = [(row.holder_id, row.place, row.points) for row in rows(world) if row.points]
    assert found == [(people[0].id, 1, 30), (people[1].id, 2, -5), (people[2].id, 3, -5)]
    lost = [db.session.get_one(Claim, (world.scheme_id, row.claim_id)) for row in rows(world)[1:]]
    assert {(claim.state, claim.points) for claim in lost} == {(ClaimState.WAITING, None)}, "a person looks at it"
    assert {claim.forecast[name] for claim in lost for name in ("points", "notice_days", "appeal_days")} == {-5, 3, 7}
    with clock.at(datetime(2026, 10, 1, 5, tzinfo=UTC)), transaction():
        grant(db.session.get_one(Scheme, world.scheme_id), lost[0], by_id=None, at=clock.now())
        assert lost[0].state == ClaimState.ON_NOTICE
    close_periods(work(world, date(2026, 10, 2)))
    assert len([row for row in rows(world) if row.points < 0]) == 2
    run = db.session.scalars(
        select(PeriodRun).where(PeriodRun.scheme_id == world.scheme_id, PeriodRun.kind == "ranking")
    ).one()
    assert run.counts["winners"] == 1 and run.counts["ranked"] == 3


def test_who_stands_at_the_end_and_gets_no_more_than_a_name_for_it_is_shown_to_staff_alone(world: World) -> None:
    end = {"code": "end", "title": "月末两名", "over": "points", "per": "quarter", "everybody": True}
    prizes = [{"to": 1, "title": "热心邻居"}, {"of": "last", "to": 1, "title": "要多走动"}]
    load(world, rankings=[{**end, "prizes": prizes}])
    first, last = world.person("甲一"), world.person("乙二")
    with transaction():
        for person in (first, last):
            db.session.get_one(Person, (world.scheme_id, person.id)).created_at = datetime(2026, 5, 1, tzinfo=UTC)
    earn(world, first, 30, SUMMER)
    close_periods(work(world, date(2026, 10, 1)))
    staff, resident = world.client(world.staff(Role.STAFF)), world.client(first)
    where = "/rankings/" + staff.get("/rankings").text.split('href="/rankings/')[1].split('"')[0]
    assert "要多走动" in staff.get(where).text and "乙○○" in staff.get(where).text
    seen = resident.get(where).text
    assert "热心邻居" in seen and "要多走动" not in seen and "乙○○" not in seen
    assert "1 人得奖" in staff.get("/rankings").text
    told = resident.get("/messages").text
    assert "您排第 1，称号是“热心邻居”" in told and "审核和公示" not in told
    assert "请您留意" in world.client(last).get("/messages").text


def test_a_household_is_ranked_by_what_its_members_earned_together(world: World, books: Any) -> None:
    load(world, **ranking(by="household", least=50))
    home = world.household()
    mother, son, alone, little = (
        *(world.person(name, household=home) for name in ("甲", "乙")),
        world.person("丙"),
        world.person("丁"),
    )
    for person, points in ((mother, 30), (son, 40), (alone, 60), (little, 49)):
        earn(world, person, points, SUMMER)
    close_periods(work(world, date(2026, 10, 1)))
    assert [(row.holder_id, row.place, row.amount, row.points) for row in rows(world)] == [
        (son.id, 1, 70, 30),
        (alone.id, 2, 60, 0),
    ]
    page = world.client(alone).get(f"/rankings/{rows(world)[0].run_id}").get_data(as_text=True)
    assert "一家" in page


def test_whom_a_low_step_keeps_from_rankings_is_not_ranked(world: World) -> None:
    low = {"from": 0, "title": "失信", "effects": [{"type": "bars", "from": ["ranking"]}]}
    trust = {"code": "trust", "title": "诚信", "over": "honour", "measure": "earned", "per": "year"}
    load(world, **ranking(), levels=[{**trust, "steps": [low, {"from": 50, "title": "守信"}]}])
    good, bad = world.person("甲"), world.person("乙")
    earn(world, good, 60, SUMMER)
    earn(world, bad, 49, SUMMER)
    close_periods(work(world, date(2026, 10, 1)))
    assert [row.holder_id for row in rows(world)] == [good.id]


def book(world: World, at: datetime, *legs: Leg) -> None:
    key = str(uuid.uuid4())
    kind = "deduction" if legs[0].amount < 0 else "award"
    draft = Draft(kind, key, 1, request_hash(key=key), "test", None, at, legs)
    with clock.at(at):
        in_own_transaction(lambda: post(world.scheme_id, [draft], at=at, zone=ZONE))


def test_scores_at_the_end_of_a_period_are_prized_warned_of_and_not_shown_around(world: World) -> None:
    bands = [{"from": 90, "title": "优秀", "points": 20}, {"below": 60, "title": "请社区干部谈话提醒"}]
    load(world, **ranking(counts="balance", prizes=bands))
    good, middling, poor, _ = (world.person(name) for name in "甲乙丙丁")
    unit = units_of(world.scheme_id)["POINTS"]

    def has(person: Person, amount: int, at: datetime, klass: AccountClass = AccountClass.WALLET) -> None:
        leg = Leg(person.id, unit, klass, amount, "never" if klass is AccountClass.WALLET else "")
        book(world, at, leg, Leg(world.scheme_id, unit, AccountClass.ISSUANCE, -amount))

    has(good, 50, datetime(2026, 5, 1, 3, tzinfo=UTC))  # what there was before counts, too
    has(good, 40, SUMMER)
    has(middling, 70, SUMMER)
    has(poor, 61, SUMMER)
    has(poor, -2, SUMMER, AccountClass.DEBT)  # and what is owed is taken off
    has(poor, 30, datetime(2026, 9, 30, 16, tzinfo=UTC))  # the next quarter, in the scheme's zone
    close_periods(work(world, date(2026, 10, 1)))
    found = {row.holder_id: (row.amount, row.title, row.points) for row in rows(world)}
    assert found == {
        good.id: (90, "优秀", 20),
        middling.id: (70, "", 0),
        poor.id: (59, "请社区干部谈话提醒", 0),
    }, "who never had any is in no ranking of balances"
    told = select(Message.person_id, Message.code).where(Message.scheme_id == world.scheme_id)
    assert {(good.id, "ranking_band"), (poor.id, "ranking_warning")} <= {tuple(row) for row in db.session.execute(told)}
    run_id = rows(world)[0].run_id
    seen = world.client(middling).get(f"/rankings/{run_id}").text
    assert "优秀" in seen and "谈话提醒" not in seen and "丙" not in seen
    assert "谈话提醒" in world.client(world.staff(Role.STAFF)).get(f"/rankings/{run_id}").text


def test_a_base_score_that_begins_anew_each_month_counts_with_what_was_taken_from_it(world: World) -> None:
    score = {"code": "score", "title": "考核分", "life": {"type": "calendar_month"}}
    load(
        world,
        balances=[score],
        opening=[{"balance": "score", "amount": 100, "per": "month"}],
        **ranking(over="score", per="month", counts="balance", prizes=[{"from": 95, "title": "达标"}]),
    )
    whole, less = world.person("甲"), world.person("乙")
    with clock.at(datetime(2026, 8, 1, 4, tzinfo=UTC)):
        close_periods(work(world, date(2026, 8, 1)))
    unit = units_of(world.scheme_id)["BALANCE.score"]
    legs = (
        Leg(less.id, unit, AccountClass.WALLET, -6, "2026-08-31"),
        Leg(world.scheme_id, unit, AccountClass.ISSUANCE, 6),
    )
    book(world, SUMMER, *legs)
    with clock.at(datetime(2026, 8, 31, 16, 5, tzinfo=UTC)):
        sweep(world.scheme_id, date(2026, 9, 1), at=clock.now(), zone=ZONE)  # at midnight, before the ranking
    close_periods(work(world, date(2026, 9, 1)))
    august = {row.holder_id: (row.amount, row.title) for row in rows(world) if row.amount}
    assert august[whole.id] == (100, "达标") and august[less.id] == (94, "")


def named(world: World, by: Person, whom: Person, on: datetime, rule: str = "visit") -> None:
    """A nomination that was found right."""
    claim = earn(world, by, 1, on, rule)
    with transaction():
        db.session.get_one(Claim, (world.scheme_id, claim.id)).helped_id = whom.id


def test_those_named_by_most_people_until_the_closing_day_win_and_the_others_are_told(world: World, books: Any) -> None:
    load(
        world,
        **ranking(over=None, counts="named", rules=["visit"], prizes=[{"to": 1, "points": 30, "title": "好邻居"}]),
    )
    first, second, late = world.person("甲"), world.person("乙"), world.person("丙")
    voters = [world.person(f"邻居{number}") for number in range(3)]
    for voter in voters:
        named(world, voter, first, SUMMER)
    for voter in voters[:2]:
        named(world, voter, second, SUMMER)
    named(world, voters[0], second, SUMMER)  # twice by one neighbour is one voice
    named(world, second, second, SUMMER)  # nobody names themselves
    named(world, voters[2], second, SUMMER, "sweep")  # another rule
    named(world, voters[0], late, datetime(2026, 9, 30, 16, tzinfo=UTC))  # October in the scheme's zone
    close_periods(work(world, date(2026, 10, 1)))
    assert [(row.holder_id, row.place, row.amount, row.title) for row in rows(world)] == [
        (first.id, 1, 3000, "好邻居"),
        (second.id, 2, 2000, ""),
    ]
    prize = db.session.get_one(Claim, (world.scheme_id, rows(world)[0].claim_id))
    assert (prize.person_id, prize.points) == (first.id, 30)
    told = {one.person_id: one for one in db.session.scalars(select(Message).where(Message.code == "ranking_named"))}
    assert list(told) == [second.id] and told[second.id].values["voices"] == 2
    page = world.client(first).get("/rankings").get_data(as_text=True)
    assert "提名" in page


def test_teams_and_households_are_not_ranked_by_who_was_named(world: World) -> None:
    for by in ("team", "household"):
        with pytest.raises(BadDocument) as refused:
            load(world, **ranking(over=None, counts="named", by=by))
        assert "按提名排的，只能一个人一个人排。" in str(refused.value.facts)
