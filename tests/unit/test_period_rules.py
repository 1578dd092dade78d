"""Levels and rankings, pure: places with ties, prizes by number and by share, steps reached."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.awards.periods.rules import Score, awards_between, grant_period, last_period, ranked, stand
from points.rulebook.given import given_rules, prize_code
from points.rulebook.parsing import rule_from

AT = datetime(2026, 9, 1, tzinfo=UTC)
STARS = {
    "code": "star",
    "title": "星级",
    "over": "honour",
    "steps": [
        {"from": "100", "title": "一星"},
        {"from": "300", "title": "二星", "effects": [{"type": "award", "points": "5.5"}]},
        {
            "from": "600",
            "title": "三星",
            "effects": [{"type": "award", "points": "10"}, {"type": "words", "text": "好"}],
        },
    ],
}


def places(amounts: list[int], prizes: list[dict[str, object]], ties: str = "all") -> list[tuple[int, int | None]]:
    scores = [Score(i, "", amount, AT + timedelta(hours=i)) for i, amount in enumerate(amounts)]
    return [(one.place, one.prize) for one in ranked(scores, prizes, ties)]


def test_equal_amounts_share_a_place_and_all_of_them_win() -> None:
    assert places([50, 80, 50, 10], [{"to": 2}]) == [(1, 1), (2, 1), (2, 1), (4, None)]


def test_or_the_one_who_was_there_first_stands_before_the_others() -> None:
    assert places([50, 80, 50, 10], [{"to": 2}], "earliest") == [(1, 1), (2, 1), (3, None), (4, None)]


def test_a_share_is_rounded_down_but_never_to_nobody() -> None:
    assert [prize for _, prize in places(list(range(1, 40)), [{"percent": "5"}])].count(1) == 1  # 39 × 5% = 1.95
    assert [prize for _, prize in places([3, 2, 1], [{"percent": "5"}])] == [1, None, None]


def test_each_wins_the_first_prize_that_reaches_that_far_and_nobody_is_ranked_for_nothing() -> None:
    assert places([9, 7, 5, 3, 0, -4], [{"to": 1}, {"to": 3}]) == [(1, 1), (2, 2), (3, 2), (4, None)]


def test_parts_are_ranked_by_themselves() -> None:
    scores = [Score(1, "甲", 5, AT), Score(2, "甲", 9, AT), Score(3, "乙", 1, AT)]
    assert [(one.person_id, one.part, one.place) for one in ranked(scores, [{"to": 1}])] == [
        (3, "乙", 1),
        (2, "甲", 1),
        (1, "甲", 2),
    ]


@given(st.lists(st.integers(-5, 50), max_size=40), st.integers(1, 10))
def test_whoever_earned_more_never_stands_behind_and_a_prize_of_n_goes_to_n_unless_they_tie(
    amounts: list[int], to: int
) -> None:
    scores = [Score(i, "", amount, AT + timedelta(hours=i)) for i, amount in enumerate(amounts)]
    found = ranked(scores, [{"to": to}])
    assert [one.amount for one in found] == sorted((a for a in amounts if a > 0), reverse=True)
    assert [one.place for one in found] == sorted(one.place for one in found)
    strict = ranked(scores, [{"to": to}], "earliest")
    assert sum(one.prize is not None for one in strict) == min(to, len(found))


@pytest.mark.parametrize(
    ("have", "step", "missing"), [(0, 0, 100), (99, 0, 1), (100, 1, 200), (300, 2, 300), (5000, 3, 0)]
)
def test_a_step_is_reached_at_its_amount(have: int, step: int, missing: int) -> None:
    there = stand(STARS, have, 0, date(2026, 9, 1))
    assert (there.step, there.missing, there.period) == (step, missing, "ever")


def test_the_award_of_a_step_is_counted_in_minor_units_and_only_for_new_steps() -> None:
    assert awards_between(STARS, 0, 3, 1) == [(1, "一星", 0), (2, "二星", 55), (3, "三星", 100)]
    assert awards_between(STARS, 2, 3, 0) == [(3, "三星", 10)]


def test_a_level_over_what_a_year_earned_begins_anew_every_year() -> None:
    yearly = STARS | {"measure": "earned", "per": "year"}
    assert stand(yearly, 0, 0, date(2026, 9, 1)).period == "2026"


def test_the_period_that_has_ended_and_the_one_that_runs() -> None:
    assert last_period(date(2026, 10, 1), "quarter") == ("2026-Q3", date(2026, 7, 1), date(2026, 10, 1))
    assert last_period(date(2026, 1, 1), "year") == ("2025", date(2025, 1, 1), date(2026, 1, 1))
    assert (grant_period(date(2026, 3, 9), "once"), grant_period(date(2026, 3, 9), "month")) == ("ever", "2026-03")


def test_a_prize_is_a_rule_of_its_own_that_goes_the_way_of_every_award() -> None:
    body = {
        "notice_days": 3,
        "review": "two",
        "life": {"type": "calendar_year"},
        "rankings": [
            {"code": "q", "title": "季度之星", "over": "points", "per": "quarter", "notice_days": 5,
             "prizes": [{"to": 1, "points": "30", "honour": "50"}, {"to": 3, "title": "称号"}]},
        ],
        "rules": [],
    }  # fmt: skip
    (made,) = given_rules(body)
    rule = rule_from(made)
    assert (rule.code, rule.amount.points, rule.notice_days, rule.path.code) == (prize_code("q", 1), 30_000, 5, "two")
    assert rule.trigger == "given" and rule.life.type == "calendar_year"
