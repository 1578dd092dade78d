"""Of several deeds of a period only the highest so many count; and lives that end with a later period."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from points.rulebook.document import BadDocument, document_from
from points.rulebook.plain import plain
from points.rulebook.reckoning import mark_of
from points.rulebook.terms import Life
from points.rulebook.wording import reckoning
from tests.rulebook_book import DEDUCTIONS, Book, body, rule_body
from tests.speaking import speaking

words = speaking()
GRADED = {"type": "range", "least": 0, "most": 50}


def best(n: int, **more: Any) -> dict[str, Any]:
    return {"groups": [{"code": "day", "title": "随手拍", "once": "highest", "best": n, **more}]}


def book(n: int, rules: int = 1, **more: Any) -> Book:
    made = [rule_body(code=f"r{place}", amount=GRADED, groups=["day"], quantity={"most": 1}) for place in range(rules)]
    return Book(body(made, **best(n, **more)))


def test_the_three_highest_of_a_day_count_whatever_comes_first() -> None:
    found = book(3)
    assert [found.earns("r0", decided=points) for points in (10, 20, 10, 30, 20, 5)] == [10, 20, 10, 20, 10, 0]
    assert found.earns("r0", decided=10, done_on=date(2026, 11, 21)) == 10, "another day begins anew"
    assert found.earns("r0", decided=10, person="b") == 10


def test_it_explains_what_a_higher_one_takes_the_place_of() -> None:
    found = book(2)
    for points in (10, 20):
        found.award("r0", decided=points)
    with words.test_request_context():
        assert reckoning(found.award("r0", decided=30))[-1] == (
            "“随手拍”只算最高的 2 次：算过的里面最低的是 10 分，这次再算 20 分"
        )
        said = [aspect.words for aspect in plain(found.rules["r0"]).aspects]
        assert any("“随手拍”里同一天只算最高的 2 次" in one for one in said)


@for_all(st.lists(st.integers(0, 50), max_size=12), st.integers(1, 5), st.randoms(use_true_random=False))
def test_in_any_order_it_comes_to_the_sum_of_the_highest(points: list[int], n: int, chance: Random) -> None:
    chance.shuffle(points)
    found = book(n, 2, same="month")
    earned = sum(found.earns(f"r{place % 2}", decided=one) for place, one in enumerate(points))
    assert earned == sum(sorted(points, reverse=True)[:n])


def test_gains_and_losses_are_ordered_apart() -> None:
    made = [rule_body(code="r0", amount={"type": "range", "least": -50, "most": 50}, groups=["day"])]
    found = Book(body(made, **best(2), deductions=DEDUCTIONS))
    earned = [found.earns("r0", decided=one, balances={"points": 99}) for one in (10, -5, -20, -5, 8, -6)]
    assert earned == [10, -5, -20, 0, 8, -1]


@pytest.mark.parametrize("wrong", [{"best": 0}, {"best": 11}, {"once": None, "best": 2, "note": "说明"}])
def test_how_many_belongs_to_what_counts_at_the_highest(wrong: dict[str, Any]) -> None:
    group = {name: one for name, one in {**best(2)["groups"][0], **wrong}.items() if one is not None}
    with pytest.raises(BadDocument):
        document_from(body([rule_body(groups=["day"])], groups=[group]), 0)


# ---------------------------------------------------------------- lives of a later period


@pytest.mark.parametrize(
    ("life", "credited_on", "mark"),
    [
        (Life("calendar_year"), date(2026, 3, 1), "2026-12-31"),
        (Life("calendar_year", 1), date(2026, 3, 1), "2027-12-31"),
        (Life("calendar_year", 2), date(2026, 12, 31), "2028-12-31"),
        (Life("calendar_quarter", 1), date(2026, 12, 1), "2027-03-31"),
        (Life("calendar_month", 1), date(2026, 1, 31), "2026-02-28"),
        (Life("yearly", 0, 3, 31), date(2026, 2, 1), "2026-03-31"),
        (Life("yearly", 1, 3, 31), date(2026, 2, 1), "2027-03-31"),
        (Life("yearly", 1, 3, 31), date(2026, 12, 31), "2027-03-31"),
        (Life("calendar_year", 40), date(2199, 1, 1), "2239-12-31"),
    ],
)
def test_points_may_live_to_the_end_of_a_later_year_or_to_a_day_of_it(life: Life, credited_on: date, mark: str) -> None:
    assert mark_of(life, credited_on) == mark


def test_a_later_life_is_said_and_bounded_and_no_base_score_piles_up() -> None:
    made = Book(body([rule_body()], life={"type": "calendar_year", "number": 1}))
    with words.test_request_context():
        (said,) = [aspect.words for aspect in plain(made.rules["r01"]).aspects if aspect.name == "life"]
    assert said == "用到 1 年后的 12月31日"
    for life in ({"type": "calendar_year", "number": 41}, {"type": "never", "number": 1}):
        with pytest.raises(BadDocument):
            document_from(body([rule_body()], life=life), 0)
    score = {"code": "score", "title": "考核分", "life": {"type": "calendar_year", "number": 1}}
    with pytest.raises(BadDocument):
        opening = [{"balance": "score", "amount": 100, "per": "year"}]
        document_from(body([rule_body()], balances=[score], opening=opening), 0)


def test_what_counts_more_beyond_one_cap_stays_within_the_others() -> None:
    caps = [{"what": "points", "most": 20, "per": "day"}, {"what": "points", "most": 10, "per": "week"}]
    caps[1]["over"] = {"percent": 110}
    found = Book(body([rule_body(code="r", amount={"type": "fixed", "points": 20}, caps=caps)]))
    assert found.earns("r") == 20, "10, and 11 for the 10 beyond: but 20 a day"
