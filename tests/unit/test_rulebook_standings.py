"""Levels and rankings: plain values in, who stands where out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from points.rulebook.document import BadDocument, document_from
from points.rulebook.pieces import Level, Ranking, pieces_of
from points.rulebook.standings import Placed, Standing, awards_up_to, rank, stand
from tests.rulebook_book import DEDUCTIONS, body, rule_body

NOON = datetime(2026, 6, 30, 4, tzinfo=UTC)
DAY = date(2026, 9, 1)
STARS = {
    "code": "star",
    "title": "星级",
    "over": "minutes",
    "measure": "earned",
    "steps": [
        {"from": 6000, "title": "一星"},
        {"from": 18_000, "title": "二星", "effects": [{"type": "award", "points": "5.5"}]},
    ],
}


def pieces(**parts: Any) -> Any:
    return pieces_of(document_from(body([rule_body()], **parts), 1).body)


def level(**changes: Any) -> Level:
    found: Level = pieces(levels=[{**STARS, **changes}], decimals=1).levels[0]
    return found


def ranking(**changes: Any) -> Ranking:
    made = {"code": "top", "title": "榜", "over": "points", "per": "month", "prizes": [{"to": 3, "points": 10}]}
    found: Ranking = pieces(rankings=[{**made, **changes}], deductions=DEDUCTIONS).rankings[0]
    return found


def standings(*amounts: int) -> list[Standing]:
    return [Standing(n, amount) for n, amount in enumerate(amounts, 1)]


def winners(made: Ranking, given: list[Standing]) -> list[Placed]:
    return [one for one in rank(made, given) if one.prize is not None]


def places(made: Ranking, given: list[Standing]) -> list[tuple[int, int]]:
    return [(one.holder, one.place) for one in winners(made, given)]


# ---------------------------------------------------------------- levels


@pytest.mark.parametrize(
    ("minutes", "step", "missing"),
    [(-5, 0, 6005), (0, 0, 6000), (5999, 0, 1), (6000, 1, 12_000), (17_999, 1, 1), (18_000, 2, 0), (10**9, 2, 0)],
)
def test_a_level_is_the_highest_step_reached(minutes: int, step: int, missing: int) -> None:
    there = stand(level(), {"minutes": minutes}, 1, DAY)
    assert (there.step, there.missing) == (step, missing)
    assert there.names == {f"star:{n}" for n in range(1, step + 1)}


def test_a_step_carries_its_effects_as_long_as_somebody_stands_there() -> None:
    assert [one.type for one in stand(level(), {"minutes": 20_000}, 0, DAY).effects] == ["award"]
    assert stand(level(), {"minutes": 6000}, 0, DAY).effects == ()


def test_a_level_over_points_reads_them_in_the_schemes_decimals() -> None:
    made = level(over="points", measure="balance", steps=[{"from": "12.5", "title": "先进"}])
    assert [stand(made, {"points": have}, 1, DAY).step for have in (124, 125)] == [0, 1]


def test_the_award_of_a_step_is_counted_in_minor_units() -> None:
    assert awards_up_to(level(), 2, 1) == [(1, "一星", 0), (2, "二星", 55)]
    assert awards_up_to(level(), 1, 1) == [(1, "一星", 0)]


def test_a_level_over_what_a_year_earned_begins_anew_every_year() -> None:
    assert stand(level(per="year"), {}, 0, DAY).period == "2026"
    assert stand(level(measure="balance"), {}, 0, DAY).period == "ever"


def test_a_star_that_asks_for_hours_and_for_points() -> None:
    first = {"from": 3000, "title": "一星", "also": [{"over": "points", "from": 500}]}
    second = {"from": 6000, "title": "二星", "also": [{"over": "points", "from": 1000}]}
    made = level(steps=[first, second])
    given = [(6000, 4990), (6000, 9990), (2999, 50_000), (6000, 10_000)]
    assert [stand(made, {"minutes": m, "points": p}, 1, DAY).step for m, p in given] == [0, 1, 0, 2]


def test_a_low_step_keeps_from_redeeming_and_from_rankings_until_it_is_left() -> None:
    low = {"from": -1000, "title": "除名", "effects": [{"type": "bars", "from": ["redeem", "ranking"]}]}
    made = level(over="points", measure="balance", steps=[low, {"from": 0, "title": "社员"}])
    owes, has = stand(made, {"points": -1}, 1, DAY), stand(made, {"points": 0}, 1, DAY)
    assert (owes.step_title, owes.bars("redeem"), owes.bars("ranking"), owes.bars("earn")) == (
        "除名",
        True,
        True,
        False,
    )
    assert not any(has.bars(what) for what in ("redeem", "ranking", "earn"))


# ---------------------------------------------------------------- rankings


def test_the_first_places_win_and_the_order_given_does_not_matter() -> None:
    given = standings(50, 40, 30, 20, 10)
    shuffled = list(given)
    Random(4).shuffle(shuffled)
    assert places(ranking(), given) == places(ranking(), shuffled) == [(1, 1), (2, 2), (3, 3)]


def test_nobody_wins_with_nothing() -> None:
    assert places(ranking(), standings(0, -5, 0)) == []


def test_all_who_tie_share_a_place_and_all_at_the_edge_win() -> None:
    assert places(ranking(), standings(50, 40, 40, 40, 30)) == [(1, 1), (2, 2), (3, 2), (4, 2)]
    assert places(ranking(), standings(50, 50, 40, 30)) == [(1, 1), (2, 1), (3, 3)]


def test_or_of_those_who_tie_the_earliest_wins() -> None:
    given = [Standing(n, 40, at=NOON - timedelta(hours=n)) for n in range(1, 6)]
    assert places(ranking(ties="earliest"), given) == [(5, 1), (4, 2), (3, 3)]
    same = [Standing(n, 40, at=NOON) for n in (9, 7, 8, 6)]
    assert places(ranking(ties="earliest"), same) == [(6, 1), (7, 2), (8, 3)]


@pytest.mark.parametrize(("ranked", "won"), [(1, 1), (19, 1), (20, 1), (39, 1), (40, 2), (100, 5)])
def test_a_share_of_all_ranked_is_rounded_down_and_at_least_one(ranked: int, won: int) -> None:
    made = ranking(prizes=[{"percent": 5, "title": "标兵"}])
    assert len(winners(made, standings(*range(1, ranked + 1)))) == won


def test_each_place_gets_the_first_prize_that_reaches_it() -> None:
    prizes = [{"to": 1, "points": 30}, {"to": 2, "points": 20}, {"to": 4, "honour": 5}]
    assert [one.prize for one in rank(ranking(prizes=prizes), standings(9, 8, 7, 6, 5))] == [1, 2, 3, 3, None]


def test_parts_are_ranked_by_themselves() -> None:
    given = [Standing(1, 5, part="甲"), Standing(2, 9, part="甲"), Standing(3, 1, part="乙")]
    found = rank(ranking(prizes=[{"to": 1, "points": 5}]), given)
    assert [(one.part, one.holder, one.place) for one in found] == [("乙", 3, 1), ("甲", 2, 1), ("甲", 1, 2)]


def last(to: int = 3, **more: Any) -> Ranking:
    return ranking(prizes=[{"to": 1, "points": 10}, {"of": "last", "to": to, "points": -5}], **more)


def test_the_last_three_lose_and_the_first_one_wins() -> None:
    found = rank(last(), standings(50, 40, 30, 20, 10))
    assert [one.prize for one in found] == [1, None, 2, 2, 2]


def test_who_ties_with_the_last_is_last_too_or_the_later_alone() -> None:
    assert [one.prize for one in rank(last(1), standings(50, 40, 10, 10))] == [1, None, 2, 2]
    given = [Standing(1, 50), Standing(2, 10, at=NOON), Standing(3, 10, at=NOON + timedelta(hours=1))]
    assert [one.prize for one in rank(last(1, ties="earliest"), given)] == [1, None, 2]


def test_a_share_from_the_end_and_of_few_the_prize_goes_before() -> None:
    tenth = ranking(prizes=[{"of": "last", "percent": 10, "points": -2}])
    assert [one.holder for one in winners(tenth, standings(*range(30, 0, -1)))] == [28, 29, 30]
    assert [one.prize for one in rank(last(), standings(50))] == [1], "whoever stands alone is first"


def test_who_earned_nothing_is_ranked_only_where_everybody_is() -> None:
    assert [one.holder for one in rank(last(1), standings(50, 40, 0))] == [1, 2]
    assert [(one.holder, one.prize) for one in rank(last(1, everybody=True), standings(50, 40, 0))][-1] == (3, 2)


def test_whoever_stands_last_loses_only_under_the_terms_of_deductions() -> None:
    made = {
        "code": "t",
        "title": "榜",
        "over": "points",
        "per": "month",
        "prizes": [{"of": "last", "to": 1, "points": -5}],
    }
    with pytest.raises(BadDocument) as caught:
        document_from(body([rule_body()], rankings=[made]), 0)
    assert [one.rule for one in caught.value.problems] == ["榜"]
    document_from(body([rule_body()], rankings=[made], deductions=DEDUCTIONS), 0)


@for_all(st.lists(st.integers(-5, 50), max_size=40), st.integers(1, 10), st.booleans())
def test_whoever_earned_more_never_stands_behind_and_n_prizes_go_to_n_unless_they_tie(
    amounts: list[int], to: int, everybody: bool
) -> None:
    given = [Standing(i, amount, NOON + timedelta(hours=i)) for i, amount in enumerate(amounts)]
    made = ranking(prizes=[{"of": "last", "to": to, "points": -1}], everybody=everybody)
    found = rank(made, given)
    assert [one.amount for one in found] == sorted((a for a in amounts if a > 0 or everybody), reverse=True)
    assert [one.place for one in found] == sorted(one.place for one in found)
    lose = [one.prize is not None for one in found]
    assert lose == sorted(lose) and sum(lose) >= min(to, len(found))
    strict = rank(ranking(prizes=[{"to": to, "points": 1}], ties="earliest", everybody=everybody), given)
    assert sum(one.prize is not None for one in strict) == min(to, sum(one.amount > 0 for one in found))


# ---------------------------------------------------------------- by score

BANDS = [
    {"from": 95, "title": "优秀", "points": 20},
    {"from": 80, "below": 95, "title": "良好", "points": 10},
    {"below": 60, "title": "谈话提醒"},
]


def test_a_prize_by_score_goes_to_all_within_it_and_no_further() -> None:
    made = ranking(counts="balance", prizes=BANDS)
    amounts = [1000, 950, 949, 800, 799, 600, 599, 0, -30]
    found = rank(made, standings(*amounts), scale=1)
    assert [(one.amount, one.prize) for one in found] == list(
        zip(amounts, [1, 1, 2, 2, None, None, 3, 3, 3], strict=True)
    )


def test_a_balance_counts_its_own_decimals_whatever_the_points_have() -> None:
    made = replace(ranking(counts="balance", prizes=BANDS), over="month", decimals=0)
    assert [one.prize for one in rank(made, standings(95, 94, 59), scale=1)] == [1, 2, 3]


def test_who_did_nothing_all_quarter_can_be_reminded() -> None:
    made = ranking(everybody=True, prizes=[{"below": 1, "title": "请队长打个电话"}])
    assert [one.prize for one in rank(made, standings(60, 1, 0))] == [None, None, 1]
    assert made.prizes[0].is_warning


def test_a_place_may_ask_for_a_score_too() -> None:
    made = ranking(prizes=[{"to": 2, "from": 90, "points": 50}, {"to": 3, "points": 5}])
    assert [one.prize for one in rank(made, standings(95, 89, 88, 87))] == [1, 2, 2, None]


def test_nobody_wins_a_place_at_the_top_with_nothing() -> None:
    made = ranking(everybody=True, prizes=[{"to": 3, "points": 5}])
    assert [one.prize for one in rank(made, standings(50, 0, 0))] == [1, None, None]
    made = ranking(everybody=True, prizes=[{"percent": 100, "points": 5}])
    assert [one.prize for one in rank(made, standings(50, 0, 0))] == [1, None, None]
