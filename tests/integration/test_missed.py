"""What was not done by the end of a period: filed once as a claim of the system's, a deduction through review."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select, update

from points.awards.models import Claim, ClaimState, Source
from points.awards.periods.also import file_also
from points.awards.periods.work import close_periods
from points.db import db, new_id, transaction
from points.ledger import HolderKind, open_holder
from points.people.models import Person, Scheme, Team, TeamKind
from tests.factories import World
from tests.integration.periods_world import VISIT, earn, load, work
from tests.rulebook_book import DEDUCTIONS

LONG_AGO = datetime(2025, 12, 1, tzinfo=UTC)
IDLE: dict[str, Any] = {"code": "idle", "title": "连续三个月不参加", "per": "month", "in_a_row": 3, "points": -5}


def allow_deductions(world: World) -> None:
    with transaction():
        scheme = db.session.get_one(Scheme, world.scheme_id)
        reviews = {**scheme.settings.get("reviews", {}), "deductions_allowed": True}
        scheme.settings = {**scheme.settings, "reviews": reviews}


def new_team(world: World) -> Team:
    with transaction():
        holder = open_holder(world.scheme_id, new_id(), HolderKind.GROUP)
        team = Team(
            id=holder,
            code="t",
            name="队",
            kind=TeamKind.TEAM,
            area_id=world.community.id,
            made_at=LONG_AGO,
            scheme_id=world.scheme_id,
        )
        db.session.add(team)
    return team


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


def test_the_team_and_whoever_was_recommended_get_theirs_once(world: World, books: Any) -> None:
    recommend = {**VISIT, "also": [{"for": "team", "points": 1}, {"for": "helped", "points": 5}]}
    load(world, rules=[recommend])
    giver, friend, team = world.person("甲"), world.person("乙"), new_team(world)
    claim = earn(world, giver, 10, datetime(2026, 8, 10, tzinfo=UTC))
    with transaction():
        db.session.execute(update(Claim).where(Claim.id == claim.id).values(team_id=team.id, helped_id=friend.id))
    now = work(world, date(2026, 8, 11))
    assert file_also(now) == 2
    assert file_also(now) == 0
    db.session.rollback()
    query = select(Claim).where(Claim.scheme_id == world.scheme_id, Claim.source == Source.SYSTEM)
    made = {one.key[-1]: one for one in db.session.scalars(query) if one.key.startswith(f"c{claim.id}")}
    assert {name: (one.state, one.points) for name, one in made.items()} == {
        "t": (ClaimState.APPROVED, 1),
        "h": (ClaimState.APPROVED, 5),
    }
    assert made["h"].person_id == friend.id and made["t"].team_id == team.id
    assert (books.wallet(friend.id), books.wallet(team.id)) == (5, 1)


def also_of(deed: Claim) -> list[tuple[str, str, int | None]]:
    db.session.rollback()
    query = select(Claim).where(Claim.scheme_id == deed.scheme_id, Claim.source == Source.SYSTEM)
    found = [one for one in db.session.scalars(query.order_by(Claim.id)) if one.key.startswith(f"c{deed.id}.")]
    return [(one.key.partition(".")[2], str(one.state), one.points) for one in found]


def set_state(deed: Claim, **values: Any) -> None:
    with transaction():
        db.session.execute(update(Claim).where(Claim.id == deed.id).values(**values))


def test_who_gets_something_for_a_deed_on_public_notice_stands_there_too(world: World, books: Any) -> None:
    load(world, rules=[{**VISIT, "notice_days": 3, "notice_above": 20, "also": [{"for": "helped", "points": 50}]}])
    deed, nominee = earn(world, world.person(), 10, datetime(2026, 8, 10, tzinfo=UTC)), world.person()
    set_state(deed, helped_id=nominee.id)
    assert file_also(work(world, date(2026, 8, 14))) == 1
    assert [state for _, state, _ in also_of(deed)] == [str(ClaimState.ON_NOTICE)]
    assert books.wallet(nominee.id) == 0


def test_beyond_the_quota_of_winners_nobody_else_gets_anything_either(world: World, books: Any) -> None:
    quota = [{"what": "times", "most": 2, "per": "quarter", "who": "all"}]
    load(world, rules=[{**VISIT, "caps": quota, "also": [{"for": "helped", "points": 50}]}])
    deeds, nominees = [], [world.person(name) for name in "甲乙丙"]
    for day, nominee in enumerate(nominees, 10):
        deed = earn(world, world.person(), 10, datetime(2026, 8, day, tzinfo=UTC))
        set_state(deed, helped_id=nominee.id)
        deeds.append(deed)
    assert file_also(work(world, date(2026, 8, 14))) == 2
    assert [books.wallet(nominee.id) for nominee in nominees] == [50, 50, 0]
    assert also_of(deeds[2]) == []


def test_what_others_got_is_taken_back_with_the_deed_and_given_again_with_it(world: World, books: Any) -> None:
    load(world, rules=[{**VISIT, "also": [{"for": "team", "points": 1}, {"for": "helped", "points": 5}]}])
    giver, friend, team = world.person("甲"), world.person("乙"), new_team(world)
    deed = earn(world, giver, 10, datetime(2026, 8, 10, tzinfo=UTC))
    set_state(deed, team_id=team.id, helped_id=friend.id)
    now = work(world, date(2026, 8, 11))
    assert file_also(now) == 2
    set_state(deed, state=ClaimState.REVERSED)
    assert (file_also(now), file_also(now)) == (2, 0)
    assert also_of(deed) == [("h", "reversed", 5), ("t", "reversed", 1)] or also_of(deed) == [
        ("t", "reversed", 1),
        ("h", "reversed", 5),
    ]
    assert (books.wallet(friend.id), books.wallet(team.id)) == (0, 0)
    set_state(deed, state=ClaimState.APPROVED)
    assert file_also(now) == 0, "in the same round what was taken back stays so"
    set_state(deed, round=2)
    assert (file_also(now), file_also(now)) == (2, 0)
    assert (books.wallet(friend.id), books.wallet(team.id)) == (5, 1)
    assert sorted(also_of(deed))[1::2] == [("h2", "approved", 5), ("t2", "approved", 1)]
    set_state(deed, state=ClaimState.WAITING, round=3)
    set_state(deed, state=ClaimState.APPROVED)
    assert file_also(now) == 0, "what they still have is not given twice"
    set_state(deed, state=ClaimState.ON_NOTICE, round=4)
    assert file_also(now) == 0, "it is on its way: nothing is taken back meanwhile"


def test_what_was_spent_meanwhile_is_taken_back_when_it_is_there_again(world: World, books: Any) -> None:
    load(world, rules=[{**VISIT, "also": [{"for": "helped", "points": 5}]}])
    giver, friend = world.person("甲"), world.person("乙")
    deed = earn(world, giver, 10, datetime(2026, 8, 10, tzinfo=UTC))
    set_state(deed, helped_id=friend.id)
    now = work(world, date(2026, 8, 11))
    file_also(now)
    books.redeem(friend.id, 3, {books.goods(1): 1})
    set_state(deed, state=ClaimState.REVERSED)
    assert file_also(now) == 0 and books.wallet(friend.id) == 2
    earn(world, friend, 10, datetime(2026, 8, 12, tzinfo=UTC))
    assert file_also(now) == 1 and books.wallet(friend.id) == 7


def test_what_others_were_to_get_and_waits_is_withdrawn_with_the_deed(world: World) -> None:
    allow_deductions(world)
    fine = {**VISIT, "also": [{"for": "helped", "points": -2}]}
    load(world, rules=[fine], deductions=DEDUCTIONS)
    giver, friend = world.person("甲"), world.person("乙")
    earn(world, friend, 10, datetime(2026, 8, 9, tzinfo=UTC))
    deed = earn(world, giver, 10, datetime(2026, 8, 10, tzinfo=UTC))
    set_state(deed, helped_id=friend.id)
    now = work(world, date(2026, 8, 11))
    assert file_also(now) == 1 and also_of(deed) == [("h", "waiting", None)], "what takes away is reviewed"
    set_state(deed, state=ClaimState.REVERSED)
    assert file_also(now) == 1 and also_of(deed) == [("h", "withdrawn", None)]
