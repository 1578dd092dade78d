"""What a basket may be: facts in, a decision or the refusal that names everything in the way. No database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from points.errors import InsufficientPoints, LimitReached, NotFound, SoldOut
from points.redemption.refusals import CardDailyLimit, CardLimit, EmptyBasket, NotSold, PriceChanged
from points.redemption.rules import Allowance, Decision, Facts, Offer, decide

TODAY = date(2026, 11, 20)
RICE, SOAP, QUILT = 1, 2, 3
GOODS = {
    RICE: Offer(RICE, "大米", "5公斤", "袋", 30, 10),
    SOAP: Offer(SOAP, "香皂", "", "块", 6, 10),
    QUILT: Offer(QUILT, "被子", "", "床", None, 5),
}


def decided(
    basket: dict[int, int], points: int = 100, limits: tuple[Allowance, ...] = (), used: int = 0, **how: Any
) -> Decision:
    facts = Facts(GOODS, limits, [("never", points)], card_used=used)
    return decide(basket, facts, **{"expected": None, "today": TODAY, "card": None, **how})


def test_a_basket_becomes_lines_with_the_prices_of_the_moment_and_a_total() -> None:
    found = decided({RICE: 2, SOAP: 1})
    assert [(one.item_id, one.quantity, one.points) for one in found.lines] == [(RICE, 2, 60), (SOAP, 1, 6)]
    assert found.total == 66 and found.takes == () and found.card_most is None


@pytest.mark.parametrize(
    ("basket", "refusal", "facts"),
    [
        ({}, EmptyBasket, {}),
        ({9: 1, QUILT: 1}, NotFound, {}),
        ({QUILT: 1, RICE: 99}, NotSold, {"goods": ["被子"], "items": ["3"]}),
        ({RICE: 11, SOAP: 12}, SoldOut, {"goods": ["大米", "香皂"], "available": {"1": 10, "2": 10}}),
        ({RICE: 3, SOAP: 3}, InsufficientPoints, {"missing_points": 8, "enough_without": "香皂"}),
    ],
)
def test_a_refusal_names_everything_in_the_way(basket: dict[int, int], refusal: type, facts: dict[str, Any]) -> None:
    with pytest.raises(refusal) as refused:
        decided(basket)
    assert refused.value.facts == facts


def test_points_whose_day_has_passed_are_not_spent() -> None:
    facts = Facts(GOODS, (), [("2026-10-31", 50), ("2026-11-30", 5), ("never", 1)])
    assert decide({SOAP: 1}, facts, expected=None, today=TODAY, card=None).total == 6
    with pytest.raises(InsufficientPoints) as refused:
        decide({SOAP: 2}, facts, expected=None, today=TODAY, card=None)
    assert refused.value.facts["missing_points"] == 6


def test_another_total_than_the_till_showed_is_refused() -> None:
    assert decided({RICE: 1}, expected=30).total == 30
    with pytest.raises(PriceChanged):
        decided({RICE: 1}, expected=29)


def test_limits_count_pieces_or_redemptions_and_are_taken_in_their_period() -> None:
    pieces, visits = Allowance(11, SOAP, "month", 3, 1), Allowance(12, None, "week", 1, 0)
    assert decided({SOAP: 2}, limits=(pieces, visits)).takes == ((11, "2026-11", 2), (12, "2026-W47", 1))
    with pytest.raises(LimitReached) as refused:
        decided({SOAP: 3}, limits=(pieces, visits))
    assert (refused.value.facts["used"], refused.value.facts["left"]) == (1, 2)
    with pytest.raises(LimitReached) as refused:
        decided({SOAP: 3}, limits=(pieces, Allowance(12, None, "week", 1, 1)))
    assert [one["item_id"] for one in refused.value.facts["reached"]] == [str(SOAP), None]


def test_a_card_pays_so_much_at_once_and_in_a_day() -> None:
    assert decided({RICE: 1}, card=(50, 60), used=30).card_most == 60
    with pytest.raises(CardLimit):
        decided({RICE: 2}, card=(50, 100))
    with pytest.raises(CardDailyLimit) as refused:
        decided({RICE: 1}, card=(50, 60), used=31)
    assert refused.value.facts == {"limit_points": 60, "used_points": 31, "again_on": date(2026, 11, 21)}
