"""Rules of the field about the end of a period and the way to the shop: said as data, answered without a database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.rulebook.document import BadDocument, document_from
from points.rulebook.pieces import Carry, Missed, Pieces, Profile, pieces_of
from points.rulebook.plain_pieces import sections
from points.rulebook.rules import Facts, assess, caps_for, rule_from
from points.rulebook.standings import carried, is_missed, last_periods, may_redeem
from tests.rulebook_book import DEDUCTIONS, Book, body, rule_body


def pieces(**parts: Any) -> Pieces:
    return pieces_of(document_from(body([rule_body()], **parts), 1).body)


@pytest.mark.parametrize(
    ("carry", "left", "goes_on"),
    [
        ({"balance": "points", "per": "year", "percent": 50}, 75, 37),
        ({"balance": "points", "per": "year", "percent": 50, "rounding": "half_up"}, 75, 38),
        ({"balance": "points", "per": "year", "percent": 100, "most": 50}, 75, 50),
        ({"balance": "honour", "per": "year", "percent": 10, "to": "points"}, 129, 12),
        ({"balance": "points", "per": "year", "percent": 0}, 75, 0),
    ],
)
def test_what_is_left_at_the_end_of_a_year_goes_on_in_part_or_turns_into_something_else(
    carry: dict[str, Any], left: int, goes_on: int
) -> None:
    (one,) = pieces(carry=[carry]).carry
    assert carried(one, left, 0, 0) == goes_on


@given(st.integers(-100, 10**9), st.integers(0, 100_000))
def test_never_more_goes_on_than_was_left(left: int, percent: int) -> None:
    assert 0 <= carried(Carry("points", "year", percent, "points"), left, 0, 0) <= max(0, left)


def test_three_idle_months_in_a_row_are_missed_and_two_are_not() -> None:
    idle = Missed("idle", "三个月", "month", -5000, in_a_row=3)
    assert [is_missed(idle, one) for one in ([0, 0, 0], [0, 1, 0], [0, 0], [2, 0, 0, 0])] == [True, False, False, True]
    assert is_missed(Missed("few", "一年不到 4 次", "year", -10_000, least=4), [3])


def test_the_last_periods_are_those_that_have_ended() -> None:
    found = last_periods("quarter", 3, date(2026, 2, 3))
    assert [(key, first) for key, first, _ in found] == [
        ("2025-Q2", date(2025, 4, 1)),
        ("2025-Q3", date(2025, 7, 1)),
        ("2025-Q4", date(2025, 10, 1)),
    ]
    assert found[-1][2] == date(2026, 1, 1)


def test_from_fifty_points_on_and_some_goods_only_for_some() -> None:
    said = {"conditions": [{"balance": "points", "least": 50}, {"goods": ["体检卡"], "ages": {"from": 60}}]}
    conditions = pieces(redemption=said).conditions
    old, young = Profile(age=70), Profile(age=30)
    assert may_redeem(conditions, "大米", young, {"points": 50_000}, frozenset()) == []
    assert may_redeem(conditions, "大米", young, {"points": 49_000}, frozenset()) == [conditions[0]]
    assert may_redeem(conditions, "体检卡", young, {"points": 80_000}, frozenset()) == [conditions[1]]
    assert may_redeem(conditions, "体检卡", old, {"points": 80_000}, frozenset()) == []


def test_every_part_is_said_in_plain_words() -> None:
    document = document_from(
        body(
            [rule_body()],
            missed=[{"code": "m", "title": "不参加", "per": "month", "in_a_row": 3, "points": -5}],
            carry=[{"balance": "honour", "per": "year", "percent": 10, "to": "points", "most": 20}],
            redemption={"conditions": [{"balance": "points", "least": 50}]},
            deductions=DEDUCTIONS,
        ),
        0,
    )
    said = {one.name: one.said for one in sections(document.body)}
    assert said["missed"] == ("不参加：连续 3 个月都不到 1 次，积分记 −5 分",)
    assert said["carry"] == ("每年底剩下的荣誉积分按 10% 转成积分，最多 20，其余清零",)
    assert said["conditions"] == ("积分满 50",)


@pytest.mark.parametrize(
    "parts",
    [
        {"missed": [{"code": "m", "title": "不参加", "per": "month", "points": -5}]},
        {"missed": [{"code": "m", "title": "不参加", "per": "month", "points": 5, "rules": ["nowhere"]}]},
        {"carry": [{"balance": "nowhere", "per": "year", "percent": 50}]},
        {"redemption": {"conditions": [{"balance": "points"}]}},
        {"redemption": {"conditions": [{"level": "star:1"}]}},
        {"redemption": {"limits": [{"per": "month"}]}},
        {"coefficients": [{"code": "n", "title": "人数", "by": "number"}]},
        {"coefficients": [{"code": "n", "title": "人数", "by": "number", "number": {"every": 2}}]},
    ],
)
def test_what_contradicts_itself_is_named(parts: dict[str, Any]) -> None:
    with pytest.raises(BadDocument) as caught:
        document_from(body([rule_body()], **parts), 0)
    assert caught.value.problems


@pytest.mark.parametrize(
    "changes",
    [
        {"spacing": [{"days": 7, "months": 1}]},
        {"spacing": [{"most": 2, "months": 3}]},
        {"spacing": [{"most": 2, "days": 32}]},
        {"amount": {"type": "share"}},
        {"amount": {"type": "per_unit", "points": 1, "cumulative_group": "care"}},
        {"amount": {"type": "per_unit", "points": 1, "cumulative": "year", "cumulative_group": "care"}},
        {"amount": {"type": "share", "percent": -100}},
    ],
)
def test_a_rule_that_contradicts_itself_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(BadDocument) as caught:
        document_from(body([rule_body(**changes)]), 0)
    assert caught.value.problems


DAYS = st.dates(date(2026, 1, 1), date(2027, 6, 30))


@given(
    st.lists(DAYS, max_size=25),
    st.sampled_from([{"days": 1}, {"days": 14}, {"days": 30}, {"months": 1}, {"months": 6}, {"years": 1}]),
)
def test_two_deeds_are_never_nearer_than_their_span_whatever_their_order(
    days: list[date], span: dict[str, int]
) -> None:
    book = Book(body([rule_body(amount={"type": "fixed", "points": 1}, spacing=[span])]))
    counted: list[date] = []
    for one in days:
        near = [other for other in counted if far(span, min(one, other)) > max(one, other)]
        made = book.award(done_on=one)
        assert bool(made.refusals) == bool(near), (one, counted)
        if not near:
            counted.append(one)


def far(span: dict[str, int], day: date) -> date:
    from points.rulebook.reckoning import after
    from points.rulebook.terms import Span

    ((unit, number),) = span.items()
    return after(Span(unit, number), day)


@given(st.lists(DAYS, max_size=25), st.integers(2, 4), st.integers(1, 31))
def test_no_moving_window_holds_more_than_it_may(days: list[date], most: int, length: int) -> None:
    book = Book(
        body([rule_body(unit="hour", amount={"type": "fixed", "points": 1}, spacing=[{"days": length, "most": most}])])
    )
    counted = [one.toordinal() for one in days if not book.award(done_on=one).refusals]
    assert all(sum(first <= other < first + length for other in counted) <= most for first in counted)


@given(st.text(max_size=12), st.integers(0, 10**12), st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_any_number_told_on_any_day_has_an_answer(text: str, quantity: int, day: date) -> None:
    told = {"code": "n", "title": "人数", "by": "number", "number": {"points": 2, "every": 3, "above": 1}}
    document = document_from(
        body(
            [rule_body(amount={"type": "per_unit", "points": 1, "coefficients": ["n"]}, spacing=[{"years": 100}])],
            coefficients=[told],
        ),
        0,
    )
    rule = rule_from(document.rules[0])
    made = assess(
        rule, Facts(quantity, "self", day, coefficients={"n": text}), dict.fromkeys(caps_for(rule, day), 10**15)
    )
    assert sum(line.change for line in made.lines) == made.points
