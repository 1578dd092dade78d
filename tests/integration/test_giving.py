"""Levels, opening balances, the first sign-in, grants to groups, gifts and pools, on both engines."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.awards.budgets import set_year_budget
from points.awards.models import Claim, ClaimState
from points.awards.periods import gifts, levels, opening
from points.awards.periods.gifts import GiftOverCap, GiftsOff, GiftTooOften, NoSuchReceiver, donate_of_team, give
from points.awards.periods.grants import GrantedAlready, OwnGrant, approve, ask, begin_due, give_approved
from points.awards.periods.levels import standings_of
from points.awards.periods.models import GrantOrder, GrantState, LevelReached, Pool
from points.awards.periods.work import close_periods
from points.db import db, in_own_transaction, new_id, transaction
from points.errors import InsufficientPoints, NotAllowed
from points.inbox.models import Message
from points.ledger import HolderKind, open_holder
from points.ledger.expiry import sweep
from points.ledger.models import Transfer
from points.ledger.queries import units_of, wallet_lots
from points.people.models import Person, Relative, Role, Team, TeamKind, TeamMember
from tests.factories import Books, World
from tests.integration.periods_world import VISIT, earn, load, work
from tests.integration.together import in_threads

AUGUST = datetime(2026, 8, 10, 3, tzinfo=UTC)
STARS = {
    "code": "star",
    "title": "星级",
    "over": "honour",
    "measure": "earned",
    "steps": [
        {"from": 50, "title": "一星", "effects": [{"type": "award", "points": 5}]},
        {"from": 100, "title": "二星", "effects": [{"type": "award", "points": 8}]},
    ],
}


def told(world: World, code: str) -> int:
    query = select(func.count()).where(Message.scheme_id == world.scheme_id, Message.code == code)
    return db.session.scalar(query) or 0


# ---------------------------------------------------------------- levels


def test_a_step_is_reached_rewarded_and_told_once(books: Books) -> None:
    world = books.world
    load(world, levels=[STARS])
    person = world.person()
    earn(world, person, 60, AUGUST)
    before = books.wallet(person.id)
    assert levels.look(work(world, AUGUST + timedelta(hours=1))) == 1
    assert levels.look(work(world, AUGUST + timedelta(hours=2))) == 0
    assert books.wallet(person.id) == before + 5
    earn(world, person, 50, AUGUST + timedelta(days=1))
    in_threads(world.app, [lambda: levels.look(work(world, AUGUST + timedelta(days=2)))] * 2)
    assert books.wallet(person.id) == before + 10 + 5 + 8  # the deed's own ten, and each step once
    steps = db.session.scalars(select(LevelReached.step).where(LevelReached.scheme_id == world.scheme_id)).all()
    assert sorted(steps) == [1, 2] and told(world, "level_reached") == 2


def test_where_somebody_stands_and_what_is_next(world: World) -> None:
    load(world, levels=[STARS])
    person = world.person()
    earn(world, person, 60, AUGUST)
    (there,) = standings_of(world.scheme_id, person.id, AUGUST.date())
    assert (there.step_title, there.next_title, there.have, there.missing) == ("一星", "二星", 60, 40)
    assert there.names == {"star:1"}
    assert standings_of(world.scheme_id, world.person().id, AUGUST.date())[0].step == 0


def test_a_spent_budget_leaves_the_step_for_later(books: Books) -> None:
    world = books.world
    load(world, levels=[STARS])
    officer = world.visitor(world.staff(Role.OFFICER, area=world.subdistrict))
    person = world.person()
    earn(world, person, 60, AUGUST)
    with transaction():
        set_year_budget(officer, year=2026, amount=0, at=AUGUST)
    assert levels.look(work(world, AUGUST)) == 0
    with transaction():
        set_year_budget(officer, year=2026, amount=100, at=AUGUST)
    assert levels.look(work(world, AUGUST + timedelta(hours=1))) == 1


# ---------------------------------------------------------------- opening balances, the first sign-in


def test_everybody_gets_the_opening_balance_once_whenever_they_join(books: Books) -> None:
    world = books.world
    load(
        world, opening=[{"balance": "points", "amount": 20, "ages": {"from": 60}}, {"balance": "honour", "amount": 100}]
    )
    old, young = world.person("甲"), world.person("乙")
    with transaction():
        for person, year in ((old, 1950), (young, 2000)):
            db.session.get_one(Person, (world.scheme_id, person.id)).birth_year = year
    for _ in range(2):
        opening.give_opening(work(world, date(2026, 9, 1)))
    assert (books.wallet(old.id), books.wallet(young.id)) == (20, 0)
    assert books.wallet(young.id, books.honour) == 100
    late = world.person("丙")
    in_threads(world.app, [lambda: opening.give_opening(work(world, date(2026, 9, 2)))] * 2)
    assert books.wallet(late.id, books.honour) == 100
    assert told(world, "opening_received") == 1


def test_a_base_score_begins_anew_every_year_and_what_was_left_of_the_last_ends(books: Books) -> None:
    world = books.world
    load(
        world,
        balances=[{"code": "score", "title": "记分", "life": {"type": "calendar_year"}}],
        opening=[{"balance": "score", "amount": 12, "per": "year"}],
        grants=[{"code": "extra", "title": "另给", "balance": "score", "points": 2, "per": "once"}],
        rules=[{**VISIT, "amount": {"type": "fixed", "points": 3}, "into": "score"}],
    )
    person = world.person()
    for day in (1, 20):
        opening.give_opening(work(world, date(2026, 9, day)))
    score = units_of(world.scheme_id)["BALANCE.score"]
    earn(world, person, 3, AUGUST)
    assert books.wallet(person.id, score) == 15, "whoever joins in September begins with the whole of it"
    asker, giver = (world.visitor(world.staff(Role.OFFICER, area=world.subdistrict)) for _ in range(2))
    with transaction():
        order = ask(asker, "extra", key=uuid.uuid4(), at=AUGUST)
        approve(giver, order.id, at=AUGUST)
    give_approved(work(world, AUGUST))
    assert books.wallet(person.id, score) == 17
    new_year = work(world, date(2027, 1, 1))
    assert sweep(world.scheme_id, new_year.day, at=new_year.at).accounts > 0
    assert books.wallet(person.id, score) == 0, "what a deed, an opening and a grant gave ends alike"
    for _ in range(2):
        opening.give_opening(new_year)
    assert books.wallet(person.id, score) == 12


def test_opening_points_live_as_long_as_the_rulebook_says(books: Books) -> None:
    world = books.world
    load(world, life={"type": "calendar_quarter"}, opening=[{"balance": "points", "amount": 20, "per": "quarter"}])
    person = world.person()
    opening.give_opening(work(world, date(2026, 9, 1)))
    lots = wallet_lots(world.scheme_id, person.id, books.points)
    assert lots == [("2026-09-30", 20)]
    assert told(world, "opening_received") == 1
    opening.give_opening(work(world, date(2026, 10, 1)))
    assert wallet_lots(world.scheme_id, person.id, books.points) == [("2026-09-30", 20), ("2026-12-31", 20)]
    assert told(world, "opening_received") == 2


def test_the_first_sign_in_is_filed_once_and_credited_where_nobody_need_review_it(books: Books) -> None:
    world = books.world
    load(world)
    person = world.person()  # has agreed to the notice, as whoever signs in does
    for _ in range(2):
        opening.file_first_sign_ins(work(world, clock.now()))
    claims = db.session.scalars(select(Claim).where(Claim.scheme_id == world.scheme_id)).all()
    assert [(claim.person_id, claim.state, claim.source) for claim in claims] == [
        (person.id, ClaimState.APPROVED, "system")
    ]
    assert books.wallet(person.id) == 10


def test_a_cap_of_winners_stops_the_system_too(world: World) -> None:
    """Nomination with a quota: two in the whole scheme, the third finds it full."""
    load(
        world, rules=[{**VISIT, "caps": [{"what": "times", "most": 2, "per": "year", "who": "all", "over": "refuse"}]}]
    )
    for _ in range(3):
        world.person()
    opening.file_first_sign_ins(work(world, clock.now()))
    assert db.session.scalar(select(func.count()).where(Claim.scheme_id == world.scheme_id)) == 2


# ---------------------------------------------------------------- grants


GRANT = {"code": "party", "title": "党员先锋", "points": 15, "per": "month", "members": ["party"]}


@pytest.fixture
def party(world: World) -> Any:
    """A list of two, and one outside it; two officers of the whole scheme."""
    load(world, grants=[GRANT])
    people = [world.person(name) for name in ("甲", "乙", "丙")]
    with transaction():
        holder = open_holder(world.scheme_id, new_id(), HolderKind.GROUP)
        at = clock.now()
        team = Team(id=holder, code="party", name="党员", kind=TeamKind.LIST, area_id=world.community.id, made_at=at)
        team.scheme_id = world.scheme_id
        world.add(team)
        for person in people[:2]:
            member = TeamMember(team_id=holder, person_id=person.id, since=at, added_by=people[0].id)
            member.scheme_id = world.scheme_id
            world.add(member)
    officers = [world.visitor(world.staff(Role.OFFICER, area=world.subdistrict)) for _ in range(2)]
    return people, officers


def test_a_grant_is_started_by_one_approved_by_another_and_given_once(books: Books, party: Any) -> None:
    people, (one, other) = party
    at = datetime(2026, 9, 3, 4, tzinfo=UTC)
    with transaction():
        order = ask(one, "party", key=uuid.uuid4(), at=at)
    assert order.people == 2
    with transaction(), pytest.raises(OwnGrant):
        approve(one, order.id, at=at)
    with transaction(), pytest.raises(GrantedAlready):
        ask(other, "party", key=uuid.uuid4(), at=at)
    assert give_approved(work(books.world, at)) == 0  # not before it is approved
    with transaction():
        approve(other, order.id, at=at)
    in_threads(books.world.app, [lambda: give_approved(work(books.world, at))] * 2)
    give_approved(work(books.world, at))
    assert [books.wallet(person.id) for person in people] == [15, 15, 0]
    found = db.session.get_one(GrantOrder, (books.scheme_id, order.id), populate_existing=True)
    assert (found.state, found.given, found.missed) == (GrantState.DONE, 2, 0)
    assert told(books.world, "grant_received") == 2


def test_due_work_starts_a_grant_of_every_period_and_somebody_approves_it(books: Books, party: Any) -> None:
    _, (one, _) = party
    for day in (date(2026, 9, 1), date(2026, 9, 20), date(2026, 10, 1)):
        begin_due(work(books.world, day))
    orders = db.session.scalars(select(GrantOrder).where(GrantOrder.scheme_id == books.scheme_id)).all()
    assert sorted(order.period for order in orders) == ["2026-09", "2026-10"]
    assert {order.state for order in orders} == {GrantState.ASKED}
    with transaction():
        approve(one, orders[0].id, at=clock.now())
    assert give_approved(work(books.world, date(2026, 10, 2))) == 2


def test_a_grant_from_a_pool_stops_when_the_pool_is_empty_and_goes_on_when_it_is_filled(
    books: Books, party: Any
) -> None:
    people, (one, other) = party
    at = datetime(2026, 9, 3, 4, tzinfo=UTC)
    with transaction():
        pool = open_pool(books.world, "互助")
    books.award(pool, 20)
    with transaction():
        order = ask(one, "party", key=uuid.uuid4(), at=at, pool_id=pool)
    with transaction():
        approve(other, order.id, at=at)
    give_approved(work(books.world, at))
    found = db.session.get_one(GrantOrder, (books.scheme_id, order.id), populate_existing=True)
    assert (found.state, found.given, found.missed) == (GrantState.APPROVED, 1, 1)
    books.award(pool, 10)
    give_approved(work(books.world, at))
    assert sorted(books.wallet(person.id) for person in people) == [0, 15, 15] and books.wallet(pool) == 0


def test_staff_of_one_community_start_no_grant_of_the_whole_scheme(party: Any, world: World) -> None:
    staff = world.visitor(world.staff(Role.STAFF))
    with transaction(), pytest.raises(NotAllowed):
        ask(staff, "party", key=uuid.uuid4(), at=clock.now())


def open_pool(world: World, title: str) -> int:
    from points.awards.periods import pools

    return pools.open_pool(world.scheme_id, {"code": title, "title": title, "for": "帮人"}, clock.now()).id


# ---------------------------------------------------------------- gifts


def allow(world: World, **gifts_: Any) -> None:
    load(world, gifts={"to": ["household", "relative", "pool"], **gifts_})


def family(world: World) -> tuple[Any, Person, Person]:
    """Somebody with a wife in the household and a daughter elsewhere, noted as a relative."""
    home = world.household()
    giver, wife, daughter = world.person("甲", home), world.person("乙", home), world.person("丙")
    with transaction():
        for one, other in ((giver, daughter), (daughter, giver)):
            note = Relative(person_id=one.id, other_id=other.id, kind="child", noted_by=giver.id, noted_at=clock.now())
            note.scheme_id = world.scheme_id
            world.add(note)
    return world.visitor(giver), wife, daughter


def sent(who: Any, to: int, points: int, key: uuid.UUID | None = None) -> Any:
    key = key or uuid.uuid4()
    return in_own_transaction(lambda: give(who, to, points, key=key, at=clock.now()))


def test_gifts_are_off_unless_the_rulebook_allows_them(books: Books) -> None:
    load(books.world)
    who, wife, _ = family(books.world)
    books.award(who.person_id, 50)
    with pytest.raises(GiftsOff):
        sent(who, wife.id, 5)


def test_points_go_to_household_and_relatives_keep_their_day_and_go_once(books: Books) -> None:
    allow(books.world)
    who, wife, daughter = family(books.world)
    books.award(who.person_id, 30, "2098-12-31")
    books.award(who.person_id, 50)
    key = uuid.uuid4()
    first = sent(who, wife.id, 40, key)
    assert sent(who, wife.id, 40, key).transfer_id == first.transfer_id
    assert wallet_lots(books.scheme_id, wife.id, books.points) == [("2098-12-31", 30), ("never", 10)]
    sent(who, daughter.id, 5)
    assert (books.wallet(who.person_id), books.wallet(daughter.id)) == (35, 5)
    assert told(books.world, "gift_received") == 2 and told(books.world, "gift_sent") == 2


def test_nobody_else_can_be_given_to_and_nobody_gives_what_they_have_not(books: Books) -> None:
    allow(books.world)
    who, wife, _ = family(books.world)
    books.award(who.person_id, 10)
    for stranger in (books.world.person().id, who.person_id, 77):
        with pytest.raises(NoSuchReceiver):
            sent(who, stranger, 1)
    with pytest.raises(InsufficientPoints):
        sent(who, wife.id, 11)


def test_caps_on_gifts_are_never_exceeded_even_at_once(books: Books) -> None:
    allow(
        books.world, caps=[{"what": "points", "most": 20, "per": "month"}, {"what": "times", "most": 3, "per": "year"}]
    )
    who, wife, _ = family(books.world)
    books.award(who.person_id, 100)
    to = wife.id  # a plain number: threads share no rows
    with pytest.raises(GiftOverCap):
        sent(who, to, 21)
    outcomes = in_threads(books.world.app, [lambda: sent(who, to, 12)] * 3)
    assert sorted(one if isinstance(one, str) else "sent" for one in outcomes) == ["GiftOverCap", "GiftOverCap", "sent"]
    sent(who, to, 1)
    sent(who, to, 1)
    with pytest.raises(GiftTooOften):
        sent(who, to, 1)
    assert books.wallet(to) == 14


def test_a_pool_takes_points_and_keeps_them_for_ever(books: Books) -> None:
    world = books.world
    allow(world, **{})
    load(world, gifts={"to": ["pool"]}, pools=[{"code": "help", "title": "互助池", "for": "帮困难家庭"}])
    close_periods(work(world, clock.now()))
    pool = db.session.scalars(select(Pool).where(Pool.scheme_id == world.scheme_id)).one()
    who, wife, _ = family(world)
    books.award(who.person_id, 30, "2098-12-31")
    sent(who, pool.id, 10)
    assert wallet_lots(books.scheme_id, pool.id, books.points) == [("never", 10)]
    with pytest.raises(NoSuchReceiver):
        sent(who, wife.id, 1)


def test_what_a_team_has_earned_can_only_be_given_to_a_pool_by_its_leader(books: Books) -> None:
    world = books.world
    load(world)
    leader, other = world.visitor(world.person()), world.visitor(world.person())
    with transaction():
        holder = open_holder(world.scheme_id, new_id(), HolderKind.GROUP)
        team = Team(id=holder, code="t", name="队", kind=TeamKind.TEAM, area_id=world.community.id, made_at=clock.now())
        team.scheme_id, team.leader_id = world.scheme_id, leader.person_id
        world.add(team)
        pool = open_pool(world, "公益池")
    books.award(holder, 40)
    key = uuid.uuid4()
    for _ in range(2):
        in_own_transaction(lambda: donate_of_team(leader, holder, pool, 15, key=key, at=clock.now()))
    assert (books.wallet(holder), books.wallet(pool)) == (25, 15)
    with transaction(), pytest.raises(NotAllowed):
        donate_of_team(other, holder, pool, 1, key=uuid.uuid4(), at=clock.now())
    kinds = db.session.scalars(select(Transfer.kind).where(Transfer.scheme_id == world.scheme_id)).all()
    assert sorted(kinds) == ["award", "gift"]
    assert gifts.receivers(leader, clock.local_date(clock.now(), "Asia/Shanghai")) == []
