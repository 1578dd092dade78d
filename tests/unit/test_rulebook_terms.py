"""What surrounds an amount: the way of review, public notice, when it is credited, what contradicts in a document."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from points.rulebook.document import BadDocument, document_from
from points.rulebook.reckoning import after, posting_day
from points.rulebook.terms import Span
from tests.rulebook_book import DEDUCTIONS, Book, body, rule_body
from tests.speaking import speaking

words = speaking()


def made(scale: int = 0, parts: dict[str, Any] | None = None, **rule: Any) -> Book:
    return Book(body([rule_body(**rule)], **(parts or {})), scale)


def votes(book: Book, **known: Any) -> list[tuple[int, int]]:
    return [(stage.votes, stage.panel) for stage in book.award(**known).path]


# ---------------------------------------------------------------- review


@pytest.mark.parametrize(
    ("review", "expected"),
    [
        ("one", [(1, 1)]),
        ("two", [(2, 2)]),
        ("panel", [(2, 3)]),
        ("committee", [(1, 1), (1, 1), (2, 3)]),
        ("none", [(1, 1)]),
    ],
)
def test_each_built_in_way_of_review(review: str, expected: list[tuple[int, int]]) -> None:
    assert votes(made(review=review)) == expected


def test_without_a_word_one_person_reviews() -> None:
    assert votes(made()) == [(1, 1)]


def test_only_what_a_machine_recorded_goes_without_review() -> None:
    assert votes(made(review="none"), source="self_checked") == []
    assert votes(made(review="none", trigger="first_sign_in"), source="self") == []
    taking = made(review="none", amount={"type": "fixed", "points": -5}, parts={"deductions": DEDUCTIONS})
    assert votes(taking, source="self_checked") == [(1, 1)]


def test_above_its_limit_a_second_person_reviews() -> None:
    book = made(second_above=20)
    assert votes(book, quantity=2) == [(1, 1)]
    assert votes(book, quantity=3) == [(2, 2)]
    assert votes(made(second_above=20, review="none"), quantity=3, source="self_checked") == [(2, 2)]
    assert votes(made(second_above=20, review="panel"), quantity=3) == [(2, 3)], "a panel is more than two"


def test_a_rule_takes_from_the_document_what_it_does_not_say() -> None:
    own = [{"title": "楼长看", "by": ["leader"]}, {"title": "网格会", "by": ["staff"], "votes": 2, "panel": 3}]
    parts = {"paths": [{"code": "grid", "title": "网格", "stages": own}], "review": "grid", "notice_days": 5}
    assert votes(made(parts=parts)) == [(1, 1), (2, 3)]
    assert votes(made(parts=parts, review="two")) == [(2, 2)]
    assert made(parts=parts).award().notice_days == 5
    assert made(parts=parts, notice_days=0).award().notice_days == 0


def test_notice_is_for_what_goes_above_its_limit() -> None:
    book = made(notice_days=3, notice_above=30)
    assert [book.award(quantity=n).notice_days for n in (3, 4)] == [0, 3]
    full = made(notice_days=3, caps=[{"what": "points", "most": 10, "per": "day"}])
    assert [full.award().notice_days, full.award().notice_days] == [3, 0], "nothing earned, nothing to show"


def test_a_deduction_is_on_notice_whatever_its_size() -> None:
    parts = {"deductions": {**DEDUCTIONS, "notice_days": 7}}
    awarded = made(amount={"type": "fixed", "points": -1}, notice_days=2, notice_above=50, parts=parts).award()
    assert (awarded.notice_days, awarded.appeal_days, awarded.ends) == (7, 7, date(2027, 11, 20))


@pytest.mark.parametrize(
    ("credit", "day"),
    [
        ("at_once", date(2026, 11, 20)),
        ("day", date(2026, 11, 21)),
        ("week", date(2026, 11, 23)),
        ("month", date(2026, 12, 1)),
        ("quarter", date(2027, 1, 1)),
        ("half_year", date(2027, 1, 1)),
        ("year", date(2027, 1, 1)),
    ],
)
def test_a_period_is_credited_on_the_first_day_of_the_next(credit: str, day: date) -> None:
    assert posting_day(credit, date(2026, 11, 20)) == day
    assert made(credit=credit).award().credit == credit


@pytest.mark.parametrize(
    ("span", "day"),
    [
        (Span("days", 30), date(2026, 3, 2)),
        (Span("months", 1), date(2026, 2, 28)),
        (Span("months", 13), date(2027, 2, 28)),
        (Span("years", 2), date(2028, 1, 31)),
    ],
)
def test_a_span_ends_on_the_same_day_or_the_months_last(span: Span, day: date) -> None:
    assert after(span, date(2026, 1, 31)) == day


# ---------------------------------------------------------------- money's edges


def test_coefficients_are_not_rounded_in_between() -> None:
    double = {"code": "d", "title": "双倍", "by": "reviewer", "choices": [{"code": "x", "title": "是", "factor": 2}]}
    book = made(
        unit="hour", amount={"type": "per_unit", "points": 1, "coefficients": ["d"]}, parts={"coefficients": [double]}
    )
    awarded = book.award(quantity=1.5, coefficients={"d": "x"})
    assert awarded.points == 3
    assert [line.change for line in awarded.lines] == [1, 2]


def test_a_deduction_is_rounded_by_its_size_like_a_gain() -> None:
    parts = {"deductions": DEDUCTIONS}
    assert made(unit="hour", amount={"type": "per_unit", "points": -1}, parts=parts).earns(quantity=2.5) == -2
    up = {"type": "per_unit", "points": -1, "rounding": "up"}
    assert made(unit="hour", amount=up, parts=parts).earns(quantity=2.5) == -3


def test_a_deduction_stops_at_nought_or_becomes_a_debt() -> None:
    taking = {"type": "fixed", "points": -30}
    debt = {"deductions": {**DEDUCTIONS, "below_zero": "debt"}}
    assert made(amount=taking, parts={"deductions": DEDUCTIONS}).earns(balances={"points": 10}) == -10
    assert made(amount=taking, parts=debt).earns(balances={"points": 10}) == -30
    assert made(amount=taking, parts={"deductions": DEDUCTIONS}).earns() == -30, "what is not known limits nothing"


def test_gain_and_loss_are_capped_apart() -> None:
    judged = {"type": "range", "least": -10, "most": 10}
    book = made(amount=judged, caps=[{"what": "points", "most": 15, "per": "month"}], parts={"deductions": DEDUCTIONS})
    assert [book.earns(decided=n) for n in (10, -10, 10, -10)] == [10, -10, 5, -5]


def test_a_bonus_is_not_weighed_and_needs_deeds_that_count() -> None:
    full = {"code": "two", "title": "两次", "points": 20, "reach": 2, "per": "month"}
    book = made(bonuses=[full], trust={"leader": {"points": 50}, "backfill": {"points": 0}})
    assert [book.earns(source=source) for source in ("backfill", "self", "backfill", "leader", "self")] == [
        0,
        10,
        0,
        5 + 20,
        10,
    ]


def test_a_reversal_gives_a_total_over_time_back() -> None:
    book = made(
        unit="hour", amount={"type": "per_unit", "points": 1, "every": 5, "count": "whole", "cumulative": "year"}
    )
    book.award(quantity=4)
    second = book.award(quantity=4)
    for take in second.takes:
        book.used["a", take.key] -= take.amount
    assert [second.points, book.earns(quantity=1)] == [1, 1]


# ---------------------------------------------------------------- contradictions

BROKEN: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"unit": "parsec"}, {}, "没有“parsec”"),
    ({"category": "x"}, {}, "没有“x”"),
    ({"review": "friends"}, {}, "没有“friends”"),
    ({"beside": {"index": 1}}, {}, "没有“index”"),
    ({"into": "hours"}, {}, "没有“hours”"),
    ({"amount": {"type": "per_unit", "points": 1, "coefficients": ["night"]}}, {}, "没有“night”"),
    ({"amount": {"type": "fixed", "points": -1}}, {}, "不能是负数"),
    ({"amount": {"type": "fixed", "points": -1}, "into": "honour"}, {"deductions": DEDUCTIONS}, "不在可以扣的里面"),
    ({"amount": {"type": "fixed", "points": -1}, "beside": {"honour": "same"}}, {"deductions": DEDUCTIONS}, "不在可以扣的里面"),
    ({"bars": {"from": ["earn"], "for": {"days": 3}}}, {}, "只有扣分、记 0 分的规则"),
    ({"bars": {"from": ["earn"], "for": {"days": 3}}}, {"deductions": DEDUCTIONS}, "只有扣分、记 0 分的规则"),
    ({"amount": {"type": "fixed", "points": 0}, "bars": {"from": ["redeem"], "for": {"days": 3}}}, {}, "要限制谁，先写明"),
    ({"into": "honour", "beside": {"honour": 1}}, {}, "已经记到这里了"),
    ({}, {"units": [{"code": "hour", "title": "小时"}]}, "本来就有"),
    ({}, {"balances": [{"code": "points", "title": "积分"}]}, "本来就有"),
    ({}, {"paths": [{"code": "one", "title": "一", "stages": [{"title": "看", "by": ["staff"]}]}]}, "本来就有"),
    ({}, {"ceilings": [{"balance": "stars", "most": 5, "overflow": "lapse"}]}, "没有“stars”"),
    ({}, {"rankings": [{"code": "a", "title": "榜", "over": "points", "per": "month", "rules": ["r99"], "prizes": [{"to": 1, "points": 1}]}]}, "没有“r99”"),
    ({}, {"groups": [{"code": "a", "title": "空"}]}, "至少要写一样"),
    ({"amount": {"type": "range", "least": 5, "most": 1}}, {}, "最少的比最多的还多"),
    ({"amount": {"type": "range", "least": 1, "most": 5, "rate": 2}}, {}, "rate"),
    ({"amount": {"type": "fixed", "points": 1, "cumulative": "year"}}, {}, "用不着这一栏"),
    ({"amount": {"type": "brackets", "cumulative": "year", "brackets": [{"from": 0, "points": 1}, {"from": 1, "points": -1}]}}, {"deductions": DEDUCTIONS}, "有的加分有的扣分"),
    ({"late": {"days": 3, "then": "later"}}, {}, "补报"),
    (
        {"groups": ["a", "b", "c"]},
        {"groups": [{"code": c, "title": c, "bonuses": [{"code": f"n{n}", "title": "满", "points": 1, "reach": n, "per": "day"} for n in range(1, 5)]} for c in "abc"]},
        "最多 10 样",
    ),
    ({"caps": [{"what": "points", "most": 5, "per": "month", "starts": "09-01"}]}, {}, "只有按年的上限"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "parts", "sentence"), BROKEN)
def test_what_contradicts_is_refused_in_words(rule: dict[str, Any], parts: dict[str, Any], sentence: str) -> None:
    with words.test_request_context(), pytest.raises(BadDocument) as refused:
        document_from(body([rule_body(**rule)], **parts), 0)
    assert any(sentence in str(problem) for problem in refused.value.problems), refused.value.problems
