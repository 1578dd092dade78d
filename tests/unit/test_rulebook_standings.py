"""Levels, rankings, openings and grants: plain values in, who stands where out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from points.rulebook.pieces import Profile, Ranking, pieces_of
from points.rulebook.standings import Standing, grants_for, levels_of, names_of, openings_for, rank
from tests.rulebook_book import body, rule_body

NOON = datetime(2026, 6, 30, 4, tzinfo=UTC)
STARS = {
    "code": "star",
    "title": "星级",
    "over": "minutes",
    "measure": "earned",
    "steps": [
        {"from": 6000, "title": "一星"},
        {"from": 18_000, "title": "二星", "effects": [{"type": "award", "points": 50}]},
    ],
}


def pieces(**parts: Any) -> Any:
    return pieces_of(body([rule_body()], **parts))


def ranking(**changes: Any) -> Ranking:
    made = {"code": "top", "title": "榜", "over": "points", "per": "month", "prizes": [{"to": 3, "points": 10}]}
    found: Ranking = pieces(rankings=[{**made, **changes}]).rankings[0]
    return found


def standings(*amounts: int, **known: Any) -> list[Standing]:
    return [Standing(n, amount, **known) for n, amount in enumerate(amounts, 1)]


def places(made: Ranking, given: list[Standing], scale: int = 0) -> list[tuple[int, int]]:
    return [(winner.holder, winner.place) for winner in rank(made, given, scale)]


# ---------------------------------------------------------------- levels


@pytest.mark.parametrize(("minutes", "step"), [(0, 0), (5999, 0), (6000, 1), (17_999, 1), (18_000, 2), (10**9, 2)])
def test_a_level_is_the_highest_step_reached(minutes: int, step: int) -> None:
    reached = levels_of(pieces(levels=[STARS]).levels, {"star": minutes}, 1)
    assert [one.step for one in reached] == ([step] if step else [])
    assert names_of(reached) == {f"star:{n}" for n in range(1, step + 1)}


def test_a_step_carries_its_effects() -> None:
    reached = levels_of(pieces(levels=[STARS]).levels, {"star": 20_000}, 0)[0]
    assert [(one.type, one.points) for one in reached.effects] == [("award", 50_000)]


def test_a_level_over_points_reads_them_in_the_schemes_decimals() -> None:
    level = {"code": "a", "title": "称号", "over": "points", "steps": [{"from": "12.5", "title": "先进"}]}
    assert levels_of(pieces(levels=[level]).levels, {"a": 124}, 1) == []
    assert len(levels_of(pieces(levels=[level]).levels, {"a": 125}, 1)) == 1


# ---------------------------------------------------------------- rankings


def test_the_first_places_win_and_the_order_given_does_not_matter() -> None:
    given = standings(50, 40, 30, 20, 10)
    shuffled = list(given)
    Random(4).shuffle(shuffled)
    assert places(ranking(), given) == places(ranking(), shuffled) == [(1, 1), (2, 2), (3, 3)]


def test_nobody_wins_with_nothing_below_the_least_or_barred() -> None:
    assert places(ranking(), standings(0, -5, 0)) == []
    assert places(ranking(least=20), standings(50, 19)) == [(1, 1)]
    assert places(ranking(least="2.5"), standings(25, 24), scale=1) == [(1, 1)]
    assert places(ranking(), [Standing(1, 50, barred=True), Standing(2, 40)]) == [(2, 1)]


def test_all_who_tie_share_a_place_and_all_at_the_edge_win() -> None:
    assert places(ranking(), standings(50, 40, 40, 40, 30)) == [(1, 1), (2, 2), (3, 2), (4, 2)]
    assert places(ranking(), standings(50, 50, 40, 30)) == [(1, 1), (2, 1), (3, 3)]


def test_or_of_those_who_tie_the_earliest_wins() -> None:
    given = [Standing(n, 40, at=NOON - timedelta(hours=n)) for n in range(1, 6)]
    assert places(ranking(ties="earliest"), given) == [(5, 1), (4, 2), (3, 3)]
    same = [Standing(n, 40, at=NOON) for n in (9, 7, 8, 6)]
    assert places(ranking(ties="earliest"), same) == [(6, 1), (7, 2), (8, 3)]


@pytest.mark.parametrize(("ranked", "winners"), [(1, 1), (19, 1), (20, 1), (39, 1), (40, 2), (100, 5)])
def test_a_share_of_all_ranked_is_rounded_down_and_at_least_one(ranked: int, winners: int) -> None:
    made = ranking(prizes=[{"percent": 5, "title": "标兵"}])
    assert len(rank(made, standings(*range(1, ranked + 1)), 0)) == winners


def test_each_place_gets_the_first_prize_that_reaches_it() -> None:
    prizes = [{"to": 1, "points": 30}, {"to": 2, "points": 20}, {"to": 4, "honour": 5}]
    won = rank(ranking(prizes=prizes), standings(9, 8, 7, 6, 5), 0)
    assert [(one.prize.points, one.prize.honour) for one in won] == [
        (30_000, 0),
        (20_000, 0),
        (0, 5000),
        (0, 5000),
    ]


def test_areas_are_ranked_apart_and_only_those_it_is_for() -> None:
    made = ranking(split="area", prizes=[{"to": 1, "points": 5}], ages={"from": 60})
    old, young = Profile(age=66), Profile(age=20)
    given = [
        Standing(1, 50, area="东街", profile=old),
        Standing(2, 90, area="东街", profile=young),
        Standing(3, 10, area="西街", profile=old),
        Standing(4, 99, area="西街"),
    ]
    assert [(one.part, one.holder) for one in rank(made, given, 0)] == [("东街", 1), ("西街", 3)]


# ---------------------------------------------------------------- given to members


def test_an_opening_is_the_first_of_each_balance_that_is_for_somebody() -> None:
    given = [
        {"balance": "points", "amount": 20, "members": ["party"]},
        {"balance": "points", "amount": 10},
        {"balance": "honour", "amount": 5, "roles": ["leader"]},
    ]
    openings = pieces(opening=given).opening
    assert [one.amount for one in openings_for(openings, Profile())] == [10_000]
    party = Profile(roles=frozenset({"leader"}), members=frozenset({"party"}))
    assert [one.amount for one in openings_for(openings, party)] == [20_000, 5000]


def test_a_grant_is_for_everybody_it_names() -> None:
    given = [
        {"code": "post", "title": "楼长岗位积分", "points": 10, "per": "month", "roles": ["leader"]},
        {"code": "old", "title": "敬老", "points": 5, "per": "year", "ages": {"from": 80}},
    ]
    grants = pieces(grants=given).grants
    assert [one.code for one in grants_for(grants, Profile(roles=frozenset({"leader"}), age=80))] == ["post", "old"]
    assert grants_for(grants, Profile(age=79)) == []
