"""Decisions at the till, with plain values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from points.db import MAX_AMOUNT
from points.redemption import rules
from points.redemption.refusals import CardLimit, NotSold, PriceChanged
from points.redemption.rules import Priced, Wanted

RICE, SOAP, WASH = Priced(1, "大米", "袋", 1, 30), Priced(2, "香皂", "块", 2, 6), Priced(3, "洗衣液", "瓶", 1, 30)


def test_lines_of_one_item_are_summed_in_the_order_of_their_first() -> None:
    assert list(rules.summed([Wanted(2, 1), Wanted(1, 3), Wanted(2, 4)]).items()) == [(2, 5), (1, 3)]


def test_the_total_is_compared_with_what_the_till_showed() -> None:
    assert rules.total_of([RICE, SOAP]) == rules.total_of([RICE, SOAP], 42) == 42
    with pytest.raises(PriceChanged):
        rules.total_of([RICE, SOAP], 41)
    with pytest.raises(NotSold):
        rules.total_of([Priced(1, "大米", "袋", 10**6, MAX_AMOUNT)])


@pytest.mark.parametrize(("missing", "without"), [(12, "香皂"), (13, "大米"), (30, "大米"), (31, None)])
def test_the_cheapest_line_that_helps_is_named(missing: int, without: str | None) -> None:
    assert rules.enough_without([RICE, SOAP, WASH], missing) == without


def test_a_basket_of_one_line_has_nothing_to_leave_out() -> None:
    assert rules.enough_without([RICE], 5) is None


def test_card_limits_are_whole_points_of_the_scheme() -> None:
    assert rules.card_limits({}, 0) == (100, 100)
    assert rules.card_limits({"card_redemption_points": 30, "card_daily_points": 60}, 1) == (300, 600)
    rules.check_card(300, 300)
    with pytest.raises(CardLimit):
        rules.check_card(301, 300)


def test_one_home_is_the_same_person_or_the_same_household() -> None:
    assert rules.same_home(1, None, 1, None)
    assert rules.same_home(1, 7, 2, 7)
    assert not rules.same_home(1, 7, 2, 8)
    assert not rules.same_home(1, None, 2, None), "people without a household do not live together"


def test_a_claim_is_renewed_by_five_minutes_and_ends_after_fifteen() -> None:
    began = datetime(2026, 11, 20, 1, 42, tzinfo=UTC)
    assert rules.renewed(began, began) == began + timedelta(minutes=5)
    assert rules.renewed(began, began + timedelta(minutes=12)) == began + timedelta(minutes=15)


def test_a_receipt_is_numbered_by_day_and_count() -> None:
    assert rules.number_of(date(2026, 11, 20), 18) == "1120-0018"
    assert rules.number_of(date(2026, 1, 2), 12345) == "0102-12345"


def test_a_receipt_is_returned_within_the_schemes_days() -> None:
    assert rules.return_until(date(2026, 11, 28), {}) == (7, date(2026, 12, 5))
    assert rules.return_until(date(2026, 11, 28), {"return_days": 0}) == (0, date(2026, 11, 28))
