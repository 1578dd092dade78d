"""Teams ranked when a period has ended: what was done with them and by their members, for the team or each member."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from points import clock
from points.awards.models import Bar, Claim, ClaimState, PeriodRun, Source
from points.awards.periods.models import RankingRow
from points.awards.periods.work import close_periods
from points.db import db, new_id, transaction
from points.inbox.models import Message
from points.ledger.models import Holder, HolderKind
from points.people.models import AreaKind, Person, Role, Team, TeamKind, TeamMember
from tests.factories import World
from tests.integration.periods_world import VISIT, earn, load, work
from tests.integration.together import in_threads

AUGUST = datetime(2026, 8, 10, 3, tzinfo=UTC)
BEST: dict[str, Any] = {
    "code": "best",
    "title": "最美网格队",
    "over": "points",
    "per": "month",
    "by": "team",
    "prizes": [{"to": 1, "points": 60, "title": "最美网格队"}],
    "review": "none",
}


def best(**more: Any) -> dict[str, Any]:
    return {"rankings": [{**BEST, **more}]}


def team(world: World, name: str, *people: Person, leader: Person | None = None, **more: Any) -> int:
    with transaction():
        holder = world.add(Holder(scheme_id=world.scheme_id, id=new_id(), kind=HolderKind.GROUP))
        made: dict[str, Any] = {
            "code": name,
            "name": name,
            "kind": TeamKind.TEAM,
            "area_id": world.community.id,
            **more,
        }
        made["leader_id"] = leader.id if leader else None
        world.add(Team(scheme_id=world.scheme_id, id=holder.id, made_at=datetime(2026, 1, 1, tzinfo=UTC), **made))
        for person in people:
            row = {"scheme_id": world.scheme_id, "team_id": holder.id, "person_id": person.id}
            world.add(TeamMember(**row, since=clock.now(), added_by=person.id))
        return int(holder.id)


def with_team(claim: Claim, team_id: int) -> None:
    with transaction():
        db.session.get_one(Claim, (claim.scheme_id, claim.id)).team_id = team_id


def rows(world: World) -> list[RankingRow]:
    db.session.rollback()
    query = select(RankingRow).where(RankingRow.scheme_id == world.scheme_id)
    return list(db.session.scalars(query.order_by(RankingRow.part, RankingRow.place, RankingRow.holder_id)))


def given(world: World) -> dict[int, int | None]:
    """What the system gave, by person."""
    db.session.rollback()
    found = select(Claim).where(Claim.scheme_id == world.scheme_id, Claim.source == Source.SYSTEM)
    return {claim.person_id: claim.points for claim in db.session.scalars(found)}


def test_what_members_did_and_what_was_done_with_the_team_count_together(world: World, books: Any) -> None:
    load(world, **best())
    leader, member, guest, other = (world.person(name) for name in "甲乙丙丁")
    first, second = team(world, "一队", leader, member, leader=leader), team(world, "二队", other)
    earn(world, leader, 20, AUGUST)
    earn(world, member, 15, AUGUST)
    with_team(earn(world, guest, 10, AUGUST), first)  # who does not belong to it did this with it
    with_team(earn(world, member, 7, AUGUST), second)  # and this was for the other
    earn(world, other, 30, AUGUST)
    in_threads(world.app, [lambda: close_periods(work(world, date(2026, 9, 1)))] * 2)
    found = [(row.holder_id, row.place, row.amount, row.points) for row in rows(world)]
    assert found == [(first, 1, 45, 60), (second, 2, 37, 0)]
    assert books.wallet(first) == 60, "the team's own"
    prize = db.session.get_one(Claim, (world.scheme_id, rows(world)[0].claim_id))
    assert (prize.person_id, prize.team_id, prize.state) == (leader.id, first, ClaimState.APPROVED)
    told = select(Message.person_id, Message.values).where(Message.scheme_id == world.scheme_id)
    told = told.where(Message.code == "ranking_team")
    heard = {row.person_id: row.values["team"] for row in db.session.execute(told)}
    assert heard == {leader.id: "一队", member.id: "一队"}


def test_each_member_of_the_winning_team_gets_so_much_and_once(world: World) -> None:
    load(world, **best(prizes=[{"to": 1, "points": 5, "for": "members"}]))
    people = [world.person(name) for name in "甲乙丙丁"]
    team(world, "一队", *people[:3])
    team(world, "二队", people[3])
    earn(world, people[0], 20, AUGUST)
    earn(world, people[3], 10, AUGUST)
    for day in (date(2026, 9, 1), date(2026, 9, 2)):
        close_periods(work(world, day))
    assert given(world) == {person.id: 5 for person in people[:3]}


def test_a_prize_may_be_shared_among_the_members_by_what_each_did_or_among_the_teams(world: World, books: Any) -> None:
    shared = {"to": 1, "points": 100, "shared": "by_amount", "for": "members"}
    every = {"percent": 100, "points": 70, "shared": "by_amount"}
    load(world, rankings=[{**BEST, "prizes": [shared]}, {**BEST, "code": "all", "prizes": [every]}])
    people = [world.person(name) for name in "甲乙丙丁"]
    first, second = team(world, "一队", *people[:3], leader=people[2]), team(world, "二队", people[3])
    for person, points in zip(people, (20, 10, 0, 10), strict=True):
        if points:
            earn(world, person, points, AUGUST)
    close_periods(work(world, date(2026, 9, 1)))
    assert (books.wallet(first), books.wallet(second)) == (53, 17), "thirty to ten, of seventy"
    own = select(Claim).where(
        Claim.scheme_id == world.scheme_id, Claim.source == Source.SYSTEM, Claim.team_id.is_(None)
    )
    assert {claim.person_id: claim.points for claim in db.session.scalars(own)} == {people[0].id: 67, people[1].id: 33}


def test_lists_and_teams_out_of_use_are_not_ranked_and_a_barred_member_counts_nothing(world: World) -> None:
    load(world, **best(prizes=[{"to": 3, "points": 5, "for": "members"}]))
    good, bad, old, listed = (world.person(name) for name in "甲乙丙丁")
    first = team(world, "一队", good, bad)
    team(world, "旧队", old, disabled_at=clock.now())
    team(world, "低保", listed, kind=TeamKind.LIST)
    team(world, "帮教", listed, is_restricted=True)
    claims = [earn(world, person, 10, AUGUST) for person in (good, bad, old, listed)]
    with transaction():
        bar = {"person_id": bad.id, "what": "ranking", "until_on": date(2026, 12, 31), "claim_id": claims[1].id}
        world.add(Bar(scheme_id=world.scheme_id, id=new_id(), **bar))
    close_periods(work(world, date(2026, 9, 1)))
    assert [(row.holder_id, row.amount) for row in rows(world)] == [(first, 10)]
    assert given(world) == {good.id: 5}


def test_teams_may_be_ranked_by_community_by_name_and_by_how_often(world: World) -> None:
    load(
        world,
        rules=[VISIT],
        rankings=[
            {**BEST, "split": "area", "prizes": [{"to": 1, "title": "红旗队"}]},
            {
                **{k: v for k, v in BEST.items() if k != "over"},
                "code": "often",
                "counts": "times",
                "members": ["二队", "三队"],
            },
        ],
    )
    with transaction():
        other = world.area(AreaKind.COMMUNITY, "清河社区", world.subdistrict)
    people = [world.person(name) for name in "甲乙丙"]
    teams = [
        team(world, "一队", people[0]),
        team(world, "二队", people[1]),
        team(world, "三队", people[2], area_id=other.id),
    ]
    for person, points in zip(people, (30, 20, 10), strict=True):
        earn(world, person, points, AUGUST)
    earn(world, people[2], 1, AUGUST)
    close_periods(work(world, date(2026, 9, 1)))
    found = {(row.part, row.place, row.holder_id) for row in rows(world)}
    assert {("和苑社区", 1, teams[0]), ("和苑社区", 2, teams[1]), ("清河社区", 1, teams[2])} <= found
    assert {("", 1, teams[2]), ("", 2, teams[1])} == {one for one in found if not one[0]}


def test_the_pages_name_the_teams_and_their_members_find_them(world: World) -> None:
    load(world, **best(prizes=[{"to": 1, "points": 5, "for": "members"}]))
    person, guest = world.person("张三"), world.person("李四")
    team(world, "清风队", person)
    earn(world, person, 20, AUGUST)
    close_periods(work(world, date(2026, 9, 1)))
    query = select(PeriodRun.id).where(PeriodRun.scheme_id == world.scheme_id, PeriodRun.kind == "ranking")
    (run,) = db.session.scalars(query)
    for who in (world.staff(Role.STAFF), person, guest):
        page = world.client(who).get(f"/rankings/{run}").text
        assert "清风队" in page and "上榜 1 队" in page and "队员：5 分" in page
    client = world.client(person)
    assert "清风队" in client.get("/me/standing").text and "清风队" not in world.client(guest).get("/me/standing").text
    assert [one["name"] for one in client.get(f"/api/v1/rankings/{run}").json["places"]] == ["清风队"]
    assert "清风队" in client.get(f"/rankings/{run}.csv").text and "1 队得奖" in client.get("/rankings").text
