"""The simulator over real claims, on both engines: what it finds, that it writes nothing to the books, and its work."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.awards.models import CapUsage, Claim, ClaimState
from points.awards.reviewing import approve
from points.awards.simulating import actions
from points.awards.simulating.actions import BadRange, SimulationOver, cancel, last_quarter, run, start
from points.awards.simulating.models import SimulatedClaim, SimulatedPerson, Simulation, SimulationState
from points.awards.simulating.queries import result_of
from points.awards.simulating.ranges import CHUNK
from points.db import db, in_own_transaction, transaction
from points.errors import KeyReused, NotAllowed, NotFound
from points.jobs import Context, Stopped
from points.ledger.models import Posting, Transfer
from points.people.models import Person, Role
from points.rulebook.actions import add_version
from points.shop.models import Item
from tests.factories import World
from tests.integration.awards_world import HOME, RULES, VISIT, claimed, load_rules, today
from tests.integration.redemption_world import RedemptionWorld

DRAFT = {
    "format": "points-rulebook/1",
    "label": "2027草案",
    "title": "积分细则草案",
    "source": {"title": "草案"},
    "effective_on": "2027-01-01",
    "decimals": 0,
    "categories": [{"code": "care", "title": "照料"}],
    "rules": [
        VISIT | {"amount": {"type": "per_unit", "points": 15}, "category": "care", "caps": []},
        HOME | {"amount": {"type": "per_unit", "points": 2}},
    ],
}


@pytest.fixture
def town(world: World) -> Any:
    load_rules(world, *RULES)
    return world


def credited(world: World, person: Person, staff: Person, rule: str = "visit", **how: Any) -> Claim:
    claim = claimed(world, person, rule, **how)
    who = world.visitor(staff)
    in_own_transaction(lambda: approve(who, claim.id, key=uuid.uuid4(), at=clock.now()))
    found = db.session.get_one(Claim, (world.scheme_id, claim.id), populate_existing=True)
    assert found.state == ClaimState.APPROVED
    return found


def simulated(world: World, officer: Any, body: dict[str, Any] = DRAFT, **how: Any) -> Simulation:
    on = today(world)
    asked = {"from_on": on - timedelta(days=30), "to_on": on, "key": uuid.uuid4(), "at": clock.now(), **how}
    with transaction():
        made = start(officer, body, **asked)
    run(world.scheme_id, made.id, zone="Asia/Shanghai", scale=0)
    return db.session.get_one(Simulation, (world.scheme_id, made.id), populate_existing=True)


def rows(world: World) -> dict[str, Any]:
    counted = [Transfer, Posting, CapUsage, Claim]
    return {
        model.__tablename__: db.session.scalar(
            select(func.count()).select_from(model).where(model.scheme_id == world.scheme_id)
        )
        for model in counted
    } | {"used": db.session.scalar(select(func.sum(CapUsage.used)).where(CapUsage.scheme_id == world.scheme_id))}


def test_a_draft_over_real_claims_tells_who_gains_who_loses_and_what_is_refused(town: World) -> None:
    staff, officer = town.staff(Role.STAFF), town.visitor(town.staff(Role.OFFICER, area=town.subdistrict))
    ann, bob, eve = (town.person(name) for name in ("安", "波", "伊"))
    credited(town, ann, staff)  # 10 → 15
    credited(town, ann, staff, quantity=2000)  # 20 → 30
    credited(town, bob, staff, "home")  # 5 → 2
    gone = credited(town, eve, staff, "sweep", quantity=2000)  # 2 → no such rule in the draft
    claimed(town, bob)  # not decided: left out
    before = rows(town)
    found = simulated(town, officer)
    assert found.state == SimulationState.DONE and (found.done, found.total) == (4, 4)
    result = found.result
    assert result is not None
    assert result["all"] == [37, 47, 4, 1]
    assert result["categories"]["care"] == [30, 45, 2, 0]
    assert result["rules"]["home"] == [5, 2, 1, 0]
    assert (result["gaining"], result["losing"], result["reasons"]) == (1, 2, {"no_such_rule": 1})
    people = {
        row.person_id: (row.before, row.after, row.change, row.claims, row.refused)
        for row in db.session.scalars(select(SimulatedPerson).where(SimulatedPerson.simulation_id == found.id))
    }
    assert people == {ann.id: (30, 45, 15, 2, 0), bob.id: (5, 2, -3, 1, 0), eve.id: (2, 0, -2, 1, 1)}
    refused = db.session.scalars(
        select(SimulatedClaim).where(SimulatedClaim.simulation_id == found.id, SimulatedClaim.reason != "")
    ).all()
    assert [(row.claim_id, row.reason) for row in refused] == [(gone.id, "no_such_rule")]
    assert rows(town) == before  # nothing in the books, nothing in the caps


def test_the_rulebook_in_force_simulated_over_its_own_claims_changes_nothing(town: World) -> None:
    staff, officer = town.staff(Role.STAFF), town.visitor(town.staff(Role.OFFICER, area=town.subdistrict))
    ann = town.person("安")
    for quantity in (3000, 2000):  # the second is cut to 10 by the cap of 40 a month
        credited(town, ann, staff, quantity=quantity, done_on=today(town).replace(day=1))
    credited(town, ann, staff, "home")
    found = simulated(town, officer, {**DRAFT, "categories": [], "rules": [dict(rule) for rule in RULES]})
    assert found.result is not None
    before, after, claims, refused = found.result["all"]
    assert before == after == 45 and (claims, refused) == (3, 0)
    assert db.session.scalar(select(func.count()).where(SimulatedClaim.simulation_id == found.id)) == 0


BOUND: dict[str, Any] = {  # one rule with caps; no more than 100 points are kept, twice as many given from 60 on
    **DRAFT,
    "categories": [],
    "rules": [
        {
            **VISIT,
            "caps": [{"what": "points", "most": 200, "per": "year"}, {"what": "times", "most": 40, "per": "lifetime"}],
        }
    ],
    "ceilings": [{"balance": "points", "most": 100, "overflow": "lapse"}],
    "levels": [
        {
            "code": "star",
            "title": "星级",
            "over": "points",
            "measure": "earned",
            "steps": [{"from": 60, "title": "一星", "effects": [{"type": "coefficient", "factor": 2}]}],
        }
    ],
}


def in_force(world: World, document: dict[str, Any]) -> None:
    with transaction():
        add_version(world.scheme_id, {**document, "effective_on": "2021-01-01"}, loaded_by=1, at=clock.now())


def test_caps_ceilings_and_levels_go_on_from_what_there_really_was_on_the_first_morning(world: World) -> None:
    in_force(world, BOUND)
    staff, officer = world.staff(Role.STAFF), world.visitor(world.staff(Role.OFFICER, area=world.subdistrict))
    ann, bob = world.person("安"), world.person("波")
    now = clock.now()
    with clock.at(now - timedelta(days=12)):
        credited(world, ann, staff, quantity=5000)  # 50 points, five times, before the range begins
    with clock.at(now - timedelta(days=2)):
        credited(world, ann, staff, quantity=2000)  # 20: on 70 of a year's 200; from now on she has a star
        credited(world, ann, staff, quantity=2000)  # twice 20, but 30 fit below the ceiling
        credited(world, bob, staff, quantity=1000)  # 10
    same = simulated(world, officer, BOUND, from_on=today(world) - timedelta(days=5))
    assert same.result is not None
    assert same.result["all"] == [60, 60, 3, 0]
    assert db.session.scalar(select(func.count()).where(SimulatedClaim.simulation_id == same.id)) == 0
    lower = {**BOUND, "ceilings": [{"balance": "points", "most": 60, "overflow": "lapse"}], "levels": []}
    found = simulated(world, officer, lower, from_on=today(world) - timedelta(days=5))
    assert found.result is not None
    assert found.result["all"] == [60, 20, 3, 0]  # of Ann's 20 and 20 ten fit above her 50; Bob's 10 as they were
    six = {**BOUND["rules"][0], "caps": [{"what": "times", "most": 6, "per": "lifetime"}]}
    found = simulated(world, officer, {**BOUND, "rules": [six]}, from_on=today(world) - timedelta(days=5))
    assert found.result is not None and found.result["all"][1] == 10 + 10  # five of Ann's six times were used before


def test_an_exchange_in_the_range_makes_room_below_a_ceiling(world: World) -> None:
    in_force(world, {**BOUND, "levels": []})
    shop, staff = RedemptionWorld(world), world.staff(Role.STAFF)
    officer, ann = world.visitor(world.staff(Role.OFFICER, area=world.subdistrict)), world.person("安")
    credited(world, ann, staff, quantity=5000)
    credited(world, ann, staff, quantity=5000)  # 100: full
    shop.bought(ann, (shop.rice, 2))  # 60 points less
    credited(world, ann, staff, quantity=5000)
    lower = {**BOUND, "levels": [], "ceilings": [{"balance": "points", "most": 80, "overflow": "lapse"}]}
    found = simulated(world, officer, lower)
    assert found.result is not None
    assert found.result["all"] == [150, 130, 3, 0]  # 50, 30 of 50; 20 are left after the exchange, and 50 fit again


def test_the_same_key_asks_once_and_another_range_under_it_is_refused(town: World) -> None:
    officer, key, on = town.visitor(town.staff(Role.OFFICER, area=town.subdistrict)), uuid.uuid4(), today(town)
    asked = {"from_on": on - timedelta(days=9), "to_on": on, "key": key, "at": clock.now()}
    with transaction():
        first = start(officer, DRAFT, **asked)
    with transaction():
        assert start(officer, DRAFT, **asked).id == first.id
    with transaction(), pytest.raises(KeyReused):
        start(officer, DRAFT, **(asked | {"from_on": on}))


def test_only_the_officer_of_the_whole_scheme_simulates_and_only_the_past(town: World) -> None:
    on = today(town)
    asked: dict[str, Any] = {"from_on": on, "to_on": on, "key": uuid.uuid4(), "at": clock.now()}
    for person in (town.staff(Role.STAFF), town.staff(Role.OFFICER), town.person()):
        who = town.visitor(person)
        with transaction(), pytest.raises(NotAllowed):
            start(who, DRAFT, **asked)
    officer = town.visitor(town.staff(Role.OFFICER, area=town.subdistrict))
    for span in ({"to_on": on + timedelta(days=1)}, {"from_on": on - timedelta(days=800)}, {"to_on": date(2020, 1, 1)}):
        with transaction(), pytest.raises(BadRange):
            start(officer, DRAFT, **(asked | span))


def test_a_cancelled_simulation_leaves_nothing_and_is_over(town: World) -> None:
    staff, officer = town.staff(Role.STAFF), town.visitor(town.staff(Role.OFFICER, area=town.subdistrict))
    credited(town, town.person(), staff)
    on = today(town)
    with transaction():
        made = start(officer, DRAFT, from_on=on, to_on=on, key=uuid.uuid4(), at=clock.now())

    def cancel_now(done: int, total: int) -> None:
        with transaction():
            cancel(officer, made.id, at=clock.now())

    assert run(town.scheme_id, made.id, zone="Asia/Shanghai", scale=0, tell=cancel_now) is False
    assert db.session.scalar(select(func.count()).where(SimulatedClaim.simulation_id == made.id)) == 0
    done = simulated(town, officer)
    with transaction(), pytest.raises(SimulationOver):
        cancel(officer, done.id, at=clock.now())
    stranger = town.visitor(staff)
    with transaction(), pytest.raises(NotFound):
        cancel(stranger, done.id, at=clock.now())


def test_a_run_that_was_cut_off_is_done_again_from_the_start(town: World, monkeypatch: pytest.MonkeyPatch) -> None:
    staff, officer = town.staff(Role.STAFF), town.visitor(town.staff(Role.OFFICER, area=town.subdistrict))
    for _ in range(3):
        credited(town, town.person(), staff)
    monkeypatch.setattr("points.awards.simulating.ranges.CHUNK", 1)
    assert CHUNK > 1
    on = today(town)
    said: list[tuple[int, int]] = []
    with transaction():
        made = start(officer, DRAFT, from_on=on, to_on=on, key=uuid.uuid4(), at=clock.now())

    def work(tell: Any) -> Context:
        return Context(town.scheme_id, "Asia/Shanghai", on, clock.now(), tell, lambda: False)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Stopped()

    with pytest.raises(Stopped):
        actions.run_waiting(work(stop))
    with clock.at(clock.now() + timedelta(minutes=5)):
        assert actions.run_waiting(work(lambda done, total: said.append((done, total)))) == 1
    assert said == [(1, 3), (2, 3), (3, 3)]
    found = db.session.get_one(Simulation, (town.scheme_id, made.id), populate_existing=True)
    assert found.state == SimulationState.DONE and found.result is not None
    assert found.result["all"] == [30, 45, 3, 0]


def test_the_quarter_before_this_one() -> None:
    assert last_quarter(date(2026, 11, 21)) == (date(2026, 7, 1), date(2026, 9, 30))
    assert last_quarter(date(2026, 2, 1)) == (date(2025, 10, 1), date(2025, 12, 31))


def test_cost_and_shelf_are_of_the_goods_that_residents_took_home(town: World) -> None:
    shop = RedemptionWorld(town)
    with transaction():
        for item, cents in ((shop.rice, 2500), (shop.soap, 300)):
            db.session.get_one(Item, (town.scheme_id, item.id)).market_price_cents = cents
    buyer, staff = shop.resident(200), town.staff(Role.STAFF)
    shop.bought(buyer, (shop.rice, 2), (shop.soap, 5))  # 2 × 30 + 5 × 6 = 90 points, 2 × 25 + 5 × 3 = 65 yuan
    shop.bought(buyer, (shop.wash, 1))  # 30 points more, without a market price
    for _ in range(3):
        credited(town, town.person(), staff)  # 30 points now, 45 under the draft
    officer = town.visitor(town.staff(Role.OFFICER, area=town.subdistrict))
    on = today(town)
    found = result_of(simulated(town, officer, from_on=on - timedelta(days=9)))
    assert found is not None
    assert (found.worth.cents, found.worth.points, found.worth.basis) == (6500, 90, "sold")
    # 30 and 45 points at 65 yuan for 90
    assert (found.cost_before, found.cost_after) == (2167, 3250)
    # on the shelf: 8 × 30 + 5 × 6 + 9 × 30 = 540 points; 120 spent in 10 days: 12 a day; half as much again: 18 a day
    assert (found.shelf_points, found.spent, found.days) == (540, 120, 10)
    assert (found.present, found.then) == (450, 300)


def test_where_nothing_was_taken_home_the_shelf_says_what_a_point_is_worth(town: World) -> None:
    shop = RedemptionWorld(town)
    with transaction():
        db.session.get_one(Item, (town.scheme_id, shop.soap.id)).market_price_cents = 300
    credited(town, town.person(), town.staff(Role.STAFF))
    officer = town.visitor(town.staff(Role.OFFICER, area=town.subdistrict))
    found = result_of(simulated(town, officer))
    assert found is not None
    assert (found.worth.basis, found.cost_before, found.cost_after) == ("shelf", 500, 750)  # 3 yuan for 6 points
