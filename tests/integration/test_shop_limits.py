"""Limits per person and period: kept across visits and tills, given back with what comes back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from points.db import db, transaction
from points.errors import LimitReached
from points.shop import actions, limits, queries
from points.shop.models import Limit, LimitUsage
from tests.factories import World
from tests.integration.shop_world import ShopWorld

NOVEMBER = datetime(2026, 11, 20, 2, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 2, tzinfo=UTC)
ZONE = "Asia/Shanghai"


@pytest.fixture
def market(world: World) -> ShopWorld:
    return ShopWorld(world)


def used(market: ShopWorld, person_id: int) -> dict[str, int]:
    rows = db.session.execute(
        select(LimitUsage.period, LimitUsage.used).where(
            LimitUsage.scheme_id == market.scheme_id, LimitUsage.person_id == person_id
        )
    )
    return dict(rows.all())


def take(market: ShopWorld, person_id: int, basket: dict[int, int], at: datetime = NOVEMBER) -> None:
    market.take(person_id, basket, at)


def test_a_limit_holds_per_person_and_period(market: ShopWorld) -> None:
    soap, one, two = market.item("香皂", "", measure="块"), market.world.person(), market.world.person()
    market.limit(soap, 3)
    take(market, one.id, {soap.id: 2})
    take(market, one.id, {soap.id: 1})
    take(market, two.id, {soap.id: 3})
    with pytest.raises(LimitReached) as refused:
        take(market, one.id, {soap.id: 1})
    assert refused.value.facts["goods"] == ["香皂"]
    assert (refused.value.facts["used"], refused.value.facts["again_on"]) == (3, date(2026, 12, 1))
    take(market, one.id, {soap.id: 3}, at=DECEMBER)
    assert used(market, one.id) == {"2026-11": 3, "2026-12": 3}


def test_the_month_is_that_of_the_schemes_zone(market: ShopWorld) -> None:
    soap, person = market.item("香皂"), market.world.person()
    market.limit(soap, 1)
    take(market, person.id, {soap.id: 1}, at=datetime(2026, 11, 30, 15, 59, tzinfo=UTC))
    take(market, person.id, {soap.id: 1}, at=datetime(2026, 11, 30, 16, 0, tzinfo=UTC))
    assert used(market, person.id) == {"2026-11": 1, "2026-12": 1}


def test_a_refused_basket_names_every_limit_and_takes_from_none(market: ShopWorld) -> None:
    soap, paste, rice = market.item("香皂"), market.item("牙膏"), market.item("大米")
    person = market.world.person()
    for item, most in ((soap, 2), (paste, 1), (rice, 5)):
        market.limit(item, most)
    take(market, person.id, {soap.id: 2})
    with pytest.raises(LimitReached) as refused, transaction():
        limits.take_limits(
            market.scheme_id,
            person.id,
            market.shop.id,
            {soap.id: 1, paste.id: 2, rice.id: 4},
            at=NOVEMBER,
            zone=ZONE,
        )
    assert sorted(refused.value.facts["goods"]) == sorted(["香皂 5公斤", "牙膏 5公斤"])
    standing = {
        one.name: one.left
        for one in queries.limit_standing(market.scheme_id, person.id, market.shop.id, date(2026, 11, 20))
    }
    assert standing == {"香皂 5公斤": 0, "牙膏 5公斤": 1, "大米 5公斤": 5}


def test_a_refusal_that_is_caught_has_taken_nothing(market: ShopWorld) -> None:
    soap, paste = market.item("香皂"), market.item("牙膏")
    person = market.world.person()
    market.limit(soap, 5), market.limit(paste, 1)

    def catching() -> None:
        with pytest.raises(LimitReached):
            limits.take_limits(
                market.scheme_id, person.id, market.shop.id, {soap.id: 3, paste.id: 2}, at=NOVEMBER, zone=ZONE
            )

    market.do(catching)
    assert set(used(market, person.id).values()) <= {0}


def test_visits_can_be_limited_and_over_all_shops_together(market: ShopWorld) -> None:
    other, rice, person = market.new_shop("分店"), market.item(), market.world.person()
    market.limit(None, 1, period="week", every=True)
    take(market, person.id, {rice.id: 2})
    with pytest.raises(LimitReached) as refused:
        market.do(
            lambda: limits.take_limits(market.scheme_id, person.id, other.id, {rice.id: 1}, at=NOVEMBER, zone=ZONE)
        )
    assert refused.value.facts["goods"] == [] and refused.value.facts["again_on"] == date(2026, 11, 23)


def test_what_comes_back_can_be_taken_again_in_its_own_period(market: ShopWorld) -> None:
    soap, person = market.item("香皂"), market.world.person()
    market.limit(soap, 3)
    take(market, person.id, {soap.id: 3})
    market.do(
        lambda: limits.give_back_limits(
            market.scheme_id, person.id, market.shop.id, {soap.id: 2}, at=NOVEMBER, zone=ZONE
        )
    )
    assert used(market, person.id) == {"2026-11": 1}
    for _ in range(2):
        market.do(
            lambda: limits.give_back_limits(
                market.scheme_id, person.id, market.shop.id, {soap.id: 2}, at=NOVEMBER, zone=ZONE
            )
        )
    assert used(market, person.id) == {"2026-11": 0}


def test_of_twelve_tills_at_once_three_take_what_is_allowed(market: ShopWorld) -> None:
    soap, person = market.item("香皂"), market.world.person()
    market.limit(soap, 3)
    scheme_id, shop_id, basket = market.scheme_id, market.shop.id, {soap.id: 1}

    def one() -> bool:
        limits.take_limits(scheme_id, person.id, shop_id, basket, at=NOVEMBER, zone=ZONE)
        return True

    results = market.together([one] * 12)
    assert results.count(True) == 3
    assert all(one is True or isinstance(one, LimitReached) for one in results), results
    assert used(market, person.id) == {"2026-11": 3}


def test_baskets_over_the_same_limits_in_any_order_never_deadlock(market: ShopWorld) -> None:
    items = [market.item(f"商品{n}") for n in range(4)]
    person = market.world.person()
    for item in items:
        market.limit(item, 100)
    scheme_id, shop_id = market.scheme_id, market.shop.id
    orders = [{item.id: 1 for item in (items if n % 2 else reversed(items))} for n in range(8)]
    results = market.together(
        [
            lambda basket=basket: limits.take_limits(scheme_id, person.id, shop_id, basket, at=NOVEMBER, zone=ZONE)
            for basket in orders
        ]
    )
    assert results == [None] * 8
    assert [one.used for one in queries.limit_standing(scheme_id, person.id, shop_id, date(2026, 11, 20))] == [8] * 4


def test_changing_or_lifting_a_limit_keeps_what_was_used_of_it(market: ShopWorld) -> None:
    soap, person = market.item("香皂"), market.world.person()
    limit = market.limit(soap, 3)
    take(market, person.id, {soap.id: 3})
    assert market.limit(soap, 4).id == limit.id
    take(market, person.id, {soap.id: 1})
    market.do(lambda: actions.end_limit(market.staff, limit.id, at=NOVEMBER))
    take(market, person.id, {soap.id: 9})
    market.limit(soap, 4)
    with pytest.raises(LimitReached):
        take(market, person.id, {soap.id: 1})


def test_two_who_set_the_same_limit_make_one(market: ShopWorld) -> None:
    soap, who, shop_id = market.item("香皂"), market.staff, market.shop.id
    facts: dict[str, Any] = {"shop_id": shop_id, "item_id": soap.id, "period": "month", "at": NOVEMBER}
    market.together([lambda n=n: actions.set_limit(who, quantity=n, **facts).id for n in range(1, 7)])
    db.session.rollback()
    assert db.session.scalar(select(func.count(Limit.id)).where(Limit.scheme_id == market.scheme_id)) == 1
