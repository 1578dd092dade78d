"""Several judges, one amount: the average, without the highest and the lowest, the middle one; and how it is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.rulebook.assessment import stage_from, stage_to_dict
from points.rulebook.document import BadDocument, document_from
from points.rulebook.judging import agreed_on
from points.rulebook.plain import plain
from points.rulebook.terms import Amount
from points.rulebook.wording import reckoning
from tests.rulebook_book import Book, body, rule_body

RANGE: dict[str, Any] = {"type": "range", "least": 0, "most": 10, "step": "0.5", "rounding": "half_up"}


def book(score: str = "trimmed", votes: int = 5, **amount: Any) -> Book:
    stage = {"title": "评委", "by": ["officer"], "votes": votes, "panel": 5, "in": "scheme", "score": score}
    rules = [rule_body(amount={**RANGE, **amount}, review="jury")]
    paths = [{"code": "jury", "title": "评委打分", "stages": [stage]}]
    return Book(body(rules, paths=paths, decimals=1), scale=1)


@pytest.mark.parametrize(
    ("how", "scores", "points"),
    [
        ("average", [80, 90, 100], 90),
        ("average", [80, 85], 85),
        ("average", [80, 80, 85], 80),  # 8.17, on the step of a half
        ("trimmed", [10, 80, 85, 90, 100], 85),
        ("trimmed", [80, 85], 85),  # 8.25: of two nobody is left out
        ("median", [0, 85, 100], 85),
        ("median", [80, 90, 95, 0], 85),
    ],
)
def test_the_amounts_of_several_judges_come_to_one(how: str, scores: list[int], points: int) -> None:
    assert agreed_on(how, scores, book(how).rules["r01"].amount, 1) == points


@given(
    st.sampled_from(["average", "trimmed", "median"]),
    st.lists(st.integers(-40, 40), min_size=1, max_size=9),
    st.sampled_from(["down", "half_up", "up"]),
    st.integers(1, 7),
)
def test_it_lies_between_the_least_and_the_most_and_on_the_step_whatever_the_order(
    how: str, counts: list[int], rounding: str, step: int
) -> None:
    amount, scores = Amount("range", step=step * 1000, rounding=rounding), [count * step for count in counts]
    found = agreed_on(how, scores, amount, 0)
    assert min(scores) <= found <= max(scores) and found % step == 0
    assert found == agreed_on(how, scores[::-1], amount, 0)


def test_how_it_came_about_is_said_and_adds_up() -> None:
    made = book().award(decided=85, scores=(10, 80, 85, 90, 100))
    assert made.points == 85
    assert reckoning(made) == ["5 人打分（1、8、8.5、9、10），去掉最高和最低，平均是 8.5 分"]
    assert reckoning(book().award(decided=70, scores=(10, 80, 85, 90, 100))) == ["审核定为 7 分（0 到 10 分之间）"]
    each = book("average", per="unit").award(quantity=3, decided=85, scores=(80, 90))
    assert (each.points, reckoning(each)) == (255, ["2 人打分（8、9），平均是每次 8.5 分，3 次是 25.5 分"])


def test_the_path_says_it_in_plain_words_and_keeps_it() -> None:
    rule = book().rules["r01"]
    assert "评委（街道干部，5 人里要 5 票，各人打分，去掉最高和最低，平均）" in plain(rule).aspect("review")
    (stage,) = rule.path.stages
    assert stage_from(stage_to_dict(stage)) == stage


@pytest.mark.parametrize(("score", "votes"), [("average", 1), ("median", 1), ("trimmed", 2), ("mean", 3)])
def test_too_few_judges_are_named(score: str, votes: int) -> None:
    with pytest.raises(BadDocument) as caught:
        document_from(book().document.body | {"paths": [{"code": "jury", "title": "评", "stages": [
            {"title": "评委", "by": ["officer"], "votes": votes, "panel": 5, "score": score}]}]}, 1)  # fmt: skip
    assert caught.value.problems
