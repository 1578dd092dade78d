"""Points that a rule lets people only donate: no till reaches them, whoever earned them; a pool does."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from points import clock
from points.awards.balances import known_purse
from points.awards.models import Claim
from points.awards.periods.filing import Due, file_given
from points.awards.periods.gifts import donate_of_team
from points.awards.periods.models import Pool
from points.awards.periods.queries import only_donated_by
from points.awards.periods.work import close_periods
from points.awards.posting import key_of
from points.db import db, in_own_transaction, transaction
from points.errors import InsufficientPoints, NotFound
from points.inbox.models import Message
from points.ledger import AccountClass, reverse
from points.ledger.budgets import budget_of, set_budget
from points.ledger.queries import balance_of, units_of
from points.people.models import Person, Scheme
from points.proof.audit import audit
from points.rulebook.queries import rules_of, version_on
from tests.factories import World
from tests.integration.periods_world import VISIT, ZONE, load, newest, work
from tests.integration.redemption_world import RedemptionWorld

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
CADRE: dict[str, Any] = {**VISIT, "code": "cadre", "title": "干部包户", "spend": "donate_only"}
POOL = {"code": "love", "title": "爱心池", "for": "困难群众"}


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    load(world, rules=[VISIT, CADRE], pools=[POOL])
    with clock.at(NOW):
        close_periods(work(world, NOW))
    return RedemptionWorld(world)


def earn(world: World, person: Person, code: str = "cadre") -> Claim:
    """A deed of 10 points and 10 of honour, credited."""
    version = version_on(world.scheme_id, clock.local_date(NOW, ZONE))
    assert version is not None and version.id == newest(world)
    known = next(one for one in rules_of(version) if one.code == code)
    with clock.at(NOW), transaction():
        scheme = db.session.get_one(Scheme, world.scheme_id)
        claim = file_given(scheme, Due(person.id, known, uuid.uuid4().hex, clock.local_date(NOW, ZONE), "包户"), NOW)
        assert claim is not None and claim.transfer_id is not None and key_of(claim)
        return claim


def purse(world: World, person: Person) -> int:
    db.session.rollback()
    found = known_purse(world.scheme_id, person.id)
    return balance_of(world.scheme_id, found, units_of(world.scheme_id)["POINTS"]) if found else 0


def test_they_are_not_spent_at_the_till_and_honour_is_one_s_own(shop: RedemptionWorld, world: World) -> None:
    with transaction():
        set_budget(world.scheme_id, shop.points, "2026", 15)
    person = shop.resident(0)
    earn(world, person)
    assert (purse(world, person), shop.balance(person)) == (10, 0)
    assert balance_of(world.scheme_id, person.id, units_of(world.scheme_id)["HONOUR"]) == 10
    with pytest.raises(InsufficientPoints):
        shop.bought(person, (shop.soap, 1))
    budget = budget_of(world.scheme_id, shop.points, "2026")
    assert budget is not None and budget.left == 5  # they are issued from the budget like all others
    said = db.session.scalars(select(Message.values).where(Message.scheme_id == world.scheme_id)).all()
    assert any(one.get("donated_points") == 10 for one in said)


def test_they_are_donated_to_a_pool_by_who_earned_them_and_by_nobody_else(shop: RedemptionWorld, world: World) -> None:
    person, other = shop.resident(0), shop.resident(0)
    earn(world, person)
    [mine] = only_donated_by(world.scheme_id, person.id)
    assert (mine.name, mine.points) == ("", 10) and only_donated_by(world.scheme_id, other.id) == []
    pool = db.session.scalar(select(Pool.id).where(Pool.scheme_id == world.scheme_id))
    assert pool is not None
    who, thief, key = world.visitor(person), world.visitor(other), uuid.uuid4()
    with pytest.raises(NotFound):
        in_own_transaction(lambda: donate_of_team(thief, mine.id, pool, 1, key=uuid.uuid4(), at=NOW))
    for _ in range(2):
        in_own_transaction(lambda: donate_of_team(who, mine.id, pool, 4, key=key, at=NOW))
    assert purse(world, person) == 6 and balance_of(world.scheme_id, pool, shop.points) == 4
    with pytest.raises(InsufficientPoints):
        in_own_transaction(lambda: donate_of_team(who, mine.id, pool, 7, key=uuid.uuid4(), at=NOW))
    db.session.rollback()
    assert audit(world.scheme_id).is_clean


def test_taken_back_they_leave_the_purse(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(0)
    claim = earn(world, person)
    with transaction():
        reverse(
            world.scheme_id,
            claim.transfer_id or 0,
            kind="reversal",
            key="undo",
            actor_id=1,
            request_hash="0" * 64,
            source_kind="test",
            source_id=None,
            at=NOW,
            zone=ZONE,
        )
    assert purse(world, person) == 0
    assert balance_of(world.scheme_id, person.id, shop.points, AccountClass.DEBT) == 0


def test_the_page_and_the_api_show_them_apart(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(20)
    earn(world, person)
    earn(world, person, "visit")
    page = world.client(person).get("/me/gifts").get_data(as_text=True)
    assert "我自己的（10 分）" in page and "爱心池" in page
    answer = world.api(person).get("/api/v1/me/gifts").get_json()
    assert [(one["title"], one["points"]) for one in answer["only_donated"]] == [("", "10")]
    assert shop.balance(person) == 30 and 'href="/me/gifts"' in world.client(person).get("/me").get_data(as_text=True)


def test_what_came_in_and_what_was_given_away_is_read_line_by_line_by_whose_it_is(
    shop: RedemptionWorld, world: World
) -> None:
    person, other = shop.resident(0), shop.resident(0)
    browser, api = world.client(person), world.api(person)
    assert browser.get("/me/donated").status_code == 404  # there has never been anything
    assert "/me/donated" not in browser.get("/me/statement").get_data(as_text=True)
    earn(world, person)
    [mine] = only_donated_by(world.scheme_id, person.id)
    pool = db.session.scalar(select(Pool.id).where(Pool.scheme_id == world.scheme_id))
    assert pool is not None
    for points in (4, 6):
        body = {"team_id": str(mine.id), "pool_id": str(pool), "points": str(points)}
        assert (
            api.post("/api/v1/me/gifts/team", json=body, headers={"Idempotency-Key": str(uuid.uuid4())}).status_code
            == 201
        )
    for page in ("/me/statement", "/me/gifts"):
        assert 'href="/me/donated"' in browser.get(page).get_data(as_text=True)
    page = browser.get("/me/donated").get_data(as_text=True)
    assert page.index("捐给爱心池") < page.index("干部包户") and "余 6" in page and "−4" in page
    assert "干部包户" not in browser.get("/me/donated?show=out").get_data(as_text=True)
    assert "捐给爱心池,-6,0" in browser.get(f"/me/donated/{mine.id}.csv").get_data(as_text=True)

    assert api.get("/api/v1/me/donated").get_json()["purses"] == [{"id": str(mine.id), "name": "", "points": 0}]
    first = api.get(f"/api/v1/me/donated/{mine.id}/statement?size=2").get_json()
    rest = api.get(f"/api/v1/me/donated/{mine.id}/statement?size=2&after={first['next']}").get_json()
    lines = first["lines"] + rest["lines"]
    assert [(one["words"], one["amount"], one["balance_after"]) for one in lines] == [
        ("捐给爱心池", -6, 0),
        ("捐给爱心池", -4, 6),
        ("干部包户", 10, 10),
    ]
    earn(world, other)  # who has one of their own reads no other's
    for path in (f"/me/donated?purse={mine.id}", f"/me/donated/{mine.id}.csv", "/me/donated?purse=x"):
        assert world.client(other).get(path).status_code == 404
    assert world.api(other).get(f"/api/v1/me/donated/{mine.id}/statement").status_code == 404
    assert world.api(other).get(f"/api/v1/me/donated/{person.id}/statement").status_code == 404
