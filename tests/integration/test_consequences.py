"""What follows from where somebody stands and from what else was done: the same at the desk as in the rulebook."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from points import clock
from points.awards import usage
from points.awards.assessing import reckon
from points.awards.deeds import Deed
from points.awards.models import Claim, Source
from points.awards.periods.levels import standings_of
from points.awards.reversing import Cause, take_back
from points.db import db, transaction
from points.ledger import AccountClass, Draft, Leg, post, request_hash
from points.ledger.models import Transfer
from points.ledger.queries import units_of
from points.people.actions import POINTS
from points.people.models import Person, Scheme
from points.rulebook.models import RulebookVersion
from points.rulebook.queries import rules_of
from points.rulebook.rules import Assessment
from tests.factories import Books, World
from tests.integration.periods_world import VISIT, earn, load, newest

AUGUST = datetime(2026, 8, 10, 3, tzinfo=UTC)
CREDIT: dict[str, Any] = {
    "code": "credit",
    "title": "诚信",
    "over": "points",
    "steps": [
        {"from": -1000, "title": "除名", "effects": [{"type": "bars", "from": ["earn"]}]},
        {"from": 0, "title": "社员"},
    ],
}


def seen(world: World, person: Person, code: str, on: datetime = AUGUST) -> Assessment:
    """What a deed of somebody's would earn now."""
    version = db.session.get_one(RulebookVersion, (world.scheme_id, newest(world)))
    known = next(one for one in rules_of(version) if one.code == code)
    deed = Deed(1000, clock.local_date(on, "Asia/Shanghai"), Source.STAFF, has_note=True, has_place=True)
    return reckon(known, deed, db.session.get_one(Person, (world.scheme_id, person.id)), 0)[0]


def test_who_owes_points_stands_below_nought_and_earns_nothing_until_it_is_paid(books: Books) -> None:
    world = books.world
    load(world, levels=[CREDIT])
    person = world.person()
    assert seen(world, person, "sweep").points == 10
    unit = units_of(world.scheme_id)[POINTS]
    legs = [
        Leg(person.id, unit, AccountClass.DEBT, -5),
        Leg(world.scheme_id, unit, AccountClass.ISSUANCE, 5, ""),
    ]
    draft = Draft("deduction", "debt", 0, request_hash(debt=1), "claim", 1, AUGUST, tuple(legs))
    with transaction():
        post(world.scheme_id, [draft], at=AUGUST, zone="Asia/Shanghai")
    assert [(one.step_title, one.have) for one in standings_of(world.scheme_id, person.id, AUGUST.date())] == [
        ("除名", -5)
    ]
    assert [line.code for line in seen(world, person, "sweep").refusals] == ["level_bars"]


def test_a_deed_counts_for_the_conditions_of_others_and_its_reversal_gives_that_back(world: World) -> None:
    double = {"code": "two", "title": "加倍", "factor": 2, "when": {"did": {"rules": ["visit"], "per": "month"}}}
    coefficients = [{"code": "also", "title": "另做", "by": "system", "choices": [double]}]
    sweep = {**VISIT, "code": "sweep", "trigger": "claim", "amount": {**VISIT["amount"], "coefficients": ["also"]}}
    load(world, rules=[VISIT, sweep], coefficients=coefficients)
    person, other = world.person("甲"), world.person("乙")
    assert seen(world, person, "sweep").points == 10
    visit = earn(world, person, 10, AUGUST)
    assert [seen(world, one, "sweep").points for one in (person, other)] == [20, 10]
    assert seen(world, person, "sweep", AUGUST + timedelta(days=30)).points == 10
    with transaction():
        kept = db.session.get_one(Claim, (world.scheme_id, visit.id)).outcome
        usage.give_back_outcome(world.scheme_id, kept or {})
    assert seen(world, person, "sweep").points == 10


def test_a_new_member_is_known_by_the_day_they_were_registered(world: World) -> None:
    new = {"code": "new", "title": "新人", "factor": 2, "when": {"joined": {"to": 30}}}
    coefficients = [{"code": "new", "title": "新人", "by": "system", "choices": [new]}]
    visit = {**VISIT, "amount": {**VISIT["amount"], "coefficients": ["new"]}}
    load(world, rules=[visit], coefficients=coefficients)
    person = world.person()
    with transaction():
        joined = datetime(2026, 7, 10, 17, tzinfo=UTC)  # past midnight where the scheme is: 11 July
        db.session.get_one(Person, (world.scheme_id, person.id)).created_at = joined
    days = (date(2026, 7, 10), date(2026, 7, 11), date(2026, 8, 10), date(2026, 8, 11))
    noon = [datetime(day.year, day.month, day.day, 4, tzinfo=UTC) for day in days]
    assert [seen(world, person, "visit", on).points for on in noon] == [10, 20, 20, 10]


def test_hours_lent_back_leave_the_minutes_on_the_ledger_and_come_back_when_reversed(books: Books) -> None:
    world = books.world
    with transaction():
        scheme = db.session.get_one(Scheme, world.scheme_id)
        scheme.settings = {**scheme.settings, "reviews": {"deductions_allowed": True}}
    lent = {
        "code": "lent",
        "title": "用时间币换服务",
        "unit": "hour",
        "amount": {"type": "per_unit", "points": -60},
        "into": "minutes",
    }
    terms = {"from": ["minutes"], "below_zero": "stop", "notice_days": 0, "appeal_days": 7, "ends": {"years": 1}}
    visit = {**VISIT, "beside": {"minutes": 90}}
    load(world, rules=[visit, lent], deductions=terms)
    person = world.person()
    earn(world, person, 10, AUGUST)
    assert books.wallet(person.id, books.minutes) == 90
    taken = earn(world, person, 0, AUGUST, "lent")
    assert books.wallet(person.id, books.minutes) == 30
    assert taken.transfer_id is not None
    books.undo(taken.transfer_id)
    assert books.wallet(person.id, books.minutes) == 90


def test_hours_for_points_are_one_transfer_that_is_taken_back_whole(books: Books) -> None:
    world = books.world
    with transaction():
        scheme = db.session.get_one(Scheme, world.scheme_id)
        scheme.settings = {**scheme.settings, "reviews": {"deductions_allowed": True}}
    swap = {"code": "swap", "title": "时长换积分", "unit": "event", "amount": {"type": "per_unit", "points": 7}}
    terms = {"from": ["minutes"], "below_zero": "stop", "notice_days": 0, "appeal_days": 7, "ends": {"years": 1}}
    visit = {**VISIT, "beside": {"minutes": 90}}
    load(world, rules=[visit, {**swap, "beside": {"minutes": -60}}], deductions=terms)
    person = world.person()
    earn(world, person, 10, AUGUST)
    made = earn(world, person, 7, AUGUST, "swap")
    assert made.transfer_id is not None
    assert (books.wallet(person.id), books.wallet(person.id, books.minutes)) == (17, 30)
    assert db.session.get_one(Transfer, (world.scheme_id, made.transfer_id)).kind == "exchange"
    assert [line.code for line in seen(world, person, "swap").refusals] == ["not_enough"]
    kept = db.session.get_one(Claim, (world.scheme_id, made.id))
    with transaction():
        cause = Cause("swap-back", 1, request_hash(back=1), "claim", made.id)
        take_back(world.scheme_id, kept, cause, AUGUST, "Asia/Shanghai")
    assert (books.wallet(person.id), books.wallet(person.id, books.minutes)) == (10, 90)
