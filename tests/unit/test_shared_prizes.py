"""A period's pool that those whom a prize reaches share: exactly, by what each has, whatever the numbers."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from openpyxl import load_workbook

from points.rulebook.checking import checked
from points.rulebook.document import BadDocument, document_from
from points.rulebook.document_file import document_of_file
from points.rulebook.given import given_rules, prize_code
from points.rulebook.pieces import Ranking, pieces_of
from points.rulebook.plain_pieces import sections
from points.rulebook.rules import Facts, assess, rule_from
from points.rulebook.standings import Share, Standing, divided_by, rank, shared_in_team
from points.rulebook.wording import reckoning
from points.rulebook.workbook import workbook_of
from tests.rulebook_book import DEDUCTIONS, FRIDAY, body, rule_body
from tests.speaking import speaking

words = speaking()
POOL: dict[str, Any] = {"percent": 100, "points": 500, "shared": "by_amount"}
HOURS = rule_body(unit="hour")


def document(*rules: dict[str, Any], **ranking: Any) -> dict[str, Any]:
    made = {"code": "pool", "title": "志愿时长积分池", "over": "minutes", "per": "month", "prizes": [POOL], **ranking}
    made = {name: value for name, value in made.items() if value is not None}
    made = body(list(rules) or [HOURS], rankings=[made], deductions=DEDUCTIONS)
    return document_from(made, 0).body


def pool(**ranking: Any) -> Ranking:
    return pieces_of(document(**ranking)).rankings[0]


def shares(made: Ranking, *amounts: int, scale: int = 0) -> list[int | None]:
    placed = {one.holder: one for one in rank(made, [Standing(n, a) for n, a in enumerate(amounts)], scale)}
    return [placed[n].share.points if n in placed and placed[n].share else None for n in range(len(amounts))]  # type: ignore[union-attr]


def test_five_hundred_points_a_month_are_shared_by_hours_to_the_last_point() -> None:
    assert shares(pool(), 600, 300, 100) == [300, 150, 50]
    assert shares(pool(), 60, 60, 60) == [167, 167, 166]
    assert shares(pool(), 60, 60, 60, scale=1) == [1667, 1667, 1666]


def test_nothing_is_given_when_nobody_contributed_and_nothing_to_who_did_not() -> None:
    assert shares(pool(), 0, 0) == [None, None]
    assert shares(pool(everybody=True), 120, 0) == [500, None]
    below = pool(over="points", counts="balance", prizes=[{"from": -10, "points": 9, "shared": "by_amount"}])
    assert shares(below, -5, 0) == [0, 0]


def test_a_pool_may_be_shared_evenly_by_those_who_reached_a_score_and_beside_single_prizes() -> None:
    prizes = [{"to": 1, "points": 50}, {"from": 10, "points": 100, "shared": "evenly"}]
    assert shares(pool(over="points", prizes=prizes), 99, 30, 20, 10, 9) == [None, 34, 33, 33, None]


def test_nobody_gets_more_of_a_pool_than_each_may() -> None:
    made = document(prizes=[{**POOL, "most_each": 200}])
    assert shares(pieces_of(made).rankings[0], 600, 300, 100) == [200, 150, 50]
    (rule,) = map(rule_from, given_rules(made))
    found = assess(rule, Facts(200_000, "system", FRIDAY, share=(3, 16_667, 10_000)), {}, 0)
    with words.test_request_context():
        assert reckoning(found) == ["500 分由 3 人分，每人最多 200 分，是 200 分"]
        assert "所有上榜的一共500 分，按各自的多少分，每人最多 200 分" in sections(made)[1].said[0]


def test_every_community_has_a_pool_of_its_own() -> None:
    given = [Standing(1, 10, part="甲"), Standing(2, 30, part="甲"), Standing(3, 7, part="乙")]
    found = {one.holder: one.share.points for one in rank(pool(), given) if one.share}
    assert found == {1: 125, 2: 375, 3: 500}


@for_all(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), max_size=60))
def test_the_shares_add_up_to_the_pool_and_are_less_than_one_off(points: int, weights: list[int]) -> None:
    found = divided_by(points, weights)
    total = sum(weights)
    assert sum(found) == (points if total else 0)
    assert all(
        abs(share * total - points * weight) < max(1, total) for share, weight in zip(found, weights, strict=True)
    )
    assert all(share == 0 for share, weight in zip(found, weights, strict=True) if not weight)
    more = sorted(zip(weights, found, strict=True))
    assert [share for _, share in more] == sorted(share for _, share in more), "who has more never gets less"


def test_a_share_explains_itself_in_both_languages() -> None:
    (rule,) = map(rule_from, given_rules(document()))
    assert rule.code == prize_code("pool", 1)
    facts = Facts(37_000, "system", FRIDAY, share=(7, 160_500, 12_000))
    made = assess(rule, facts, {}, 0)
    assert (made.points, sum(line.change for line in made.lines)) == (37, 37)
    with words.test_request_context():
        assert reckoning(made) == ["500 分由 7 人按服务小时分：一共 160.5，这一份占 12，分到 37 分"]
        assert [one.said for one in sections(document()) if one.name == "rankings"] == [
            ("志愿时长积分池：每月按得到的服务时长排名，所有上榜的一共500 分，按各自的多少分；并列的都算",)
        ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"prizes": [{"percent": 100, "title": "先进", "shared": "evenly"}]},
        {"prizes": [{"percent": 100, "points": 5, "honour": 5, "shared": "evenly"}]},
        {"prizes": [{"percent": 10, "of": "last", "points": -5, "shared": "evenly"}]},
        {"prizes": [{"to": 1, "points": 9, "most_each": 5}]},
        {"over": "points", "counts": "times"},
        {"over": None, "counts": "balance"},
        {"over": None, "counts": "units"},
        {"over": "hours"},
    ],
)
def test_what_cannot_be_shared_or_counted_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadDocument):
        document(HOURS, rule_body(code="r02", unit="kilogram"), **wrong)
    assert checked(body([HOURS]), 0).document is not None


def test_a_ranking_by_units_names_rules_of_one_unit() -> None:
    document(HOURS, rule_body(code="r02", unit="kilogram"), over=None, counts="units", rules=["r02"])


def test_shared_prizes_and_what_they_count_come_back_from_excel() -> None:
    made = document(HOURS, rule_body(code="r02"), over=None, counts="times", rules=["r02"])
    saved = io.BytesIO()
    with words.test_request_context():
        load_workbook(io.BytesIO(workbook_of(made))).save(saved)
        assert document_of_file(saved.getvalue(), 1).body == made


# ---------------------------------------------------------------- teams


def teams(**ranking: Any) -> dict[str, Any]:
    return document(by="team", **ranking)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ages": {"from": 60}},
        {"roles": ["leader"]},
        {"split": "role"},
        {"over": "points", "counts": "balance"},
        {"by": "person", "prizes": [{"to": 1, "points": 5, "for": "members"}]},
    ],
)
def test_of_teams_only_what_they_are_called_and_where_they_are_can_be_asked(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadDocument):
        document(**{"by": "team", **wrong})


def test_a_prize_for_the_team_is_the_teams_and_one_for_its_members_is_theirs() -> None:
    made = teams(prizes=[{"to": 1, "points": 50}, {"to": 3, "points": 5, "for": "members", "title": "优秀网格队"}])
    assert [rule_from(one).subject for one in given_rules(made)] == ["team", "person"]
    with words.test_request_context():
        (said,) = (one.said for one in sections(made) if one.name == "rankings")
    assert said == (
        "志愿时长积分池：每月按得到的服务时长排名，前 1 名得50 分、前 3 名的队员得优秀网格队和5 分；并列的都算；一个队一个队排",
    )


def test_a_teams_prize_is_shared_by_its_members_as_each_of_them_did() -> None:
    by_amount, evenly, each = (
        pieces_of(teams(prizes=[{"to": n, "points": 100, "for": "members", **how} for n, how in enumerate(HOWS, 1)]))
        .rankings[0]
        .prizes
    )
    did = {1: 20, 2: 10, 3: 0}
    assert {one: share.points for one, share in shared_in_team(by_amount, did, 0).items() if share} == {
        1: 67,
        2: 33,
        3: 0,
    }
    assert {one: share.points for one, share in shared_in_team(evenly, did, 0).items() if share} == {
        1: 34,
        2: 33,
        3: 33,
    }
    assert shared_in_team(each, did, 0) == dict.fromkeys(did)
    assert shared_in_team(by_amount, dict.fromkeys(did, 0), 0)[1] == Share(0, 0, 0)
    placed = rank(
        pieces_of(teams(prizes=[{"to": 1, "points": 100, "shared": "evenly", "for": "members"}])).rankings[0],
        [Standing(1, 5)],
    )
    assert placed[0].share is None, "what a team's members share is theirs to share"


HOWS: tuple[dict[str, Any], ...] = ({"shared": "by_amount"}, {"shared": "evenly"}, {})
