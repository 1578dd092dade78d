"""Rules as they stand in the points standards of villages, communities and volunteer teams, each tried in use.

Not from one text: wordings of the kinds found in 文明积分, 信用积分, 时间银行, 党员积分, 垃圾分类, 平安积分 and 网格员绩效.
A row is the wording, the rules and parts that express it, and deeds in order: what each earns, or how it is refused.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.field_rules import CASES as FIRST
from tests.field_rules import Case
from tests.field_rules_more import CASES as SECOND
from tests.field_rules_moving import CASES as THIRD
from tests.field_rules_published import CASES as FOURTH
from tests.field_rules_shared import CASES as FIFTH
from tests.rulebook_book import DEDUCTIONS, Book, body, rule_body

CASES = [*FIRST, *SECOND, *THIRD, *FOURTH, *FIFTH]


@pytest.mark.parametrize("case", CASES, ids=[case.text for case in CASES])
def test_a_rule_of_the_field_is_expressed_and_pays_what_it_says(case: Case) -> None:
    book = Book(body(case.rules, **case.parts), case.scale)
    for number, (given, expected) in enumerate(case.deeds, 1):
        known = {"code": "r01", "quantity": 1, **given}
        if isinstance(expected, int):
            assert book.earns(**known) == expected, f"deed {number}"
        elif expected.startswith("need:"):
            assert book.needs(**known) == [expected.removeprefix("need:")], f"deed {number}"
        else:
            assert expected in book.refuses(**known), f"deed {number}"


def test_there_are_more_than_eighty() -> None:
    assert len({case.text for case in CASES}) >= 80


def book_of(start: str) -> Book:
    case = next(case for case in CASES if case.text.startswith(start))
    return Book(body(case.rules, **case.parts), case.scale)


def test_a_base_score_is_given_once_lowered_by_rules_and_never_spent() -> None:
    book = book_of("信用基础分")
    made = book.award(balances={"credit": 100})
    assert (made.points, dict(made.others)) == (0, {"credit": -5})
    assert dict(book.award(balances={"credit": 3}).others) == {"credit": -3}, "no lower than nought"
    assert [(one.balance, one.amount) for one in book.pieces.opening] == [("credit", 100_000)]
    assert [(one.balance, one.points, one.per) for one in book.pieces.grants] == [("credit", 100_000, "year")]
    assert book.pieces.balances[0].life.type == "calendar_year", "the old hundred ends with its year"


def test_a_veto_bars_for_a_year_from_earning_and_from_rankings() -> None:
    made = book_of("受刑事处罚").award(balances={"points": 60}, credited_on=date(2026, 12, 1))
    assert (made.bars, made.bars_from) == (date(2027, 12, 1), ("earn", "ranking"))
    assert (made.ends, made.notice_days, made.appeal_days) == (date(2027, 12, 1), 5, 7)


def test_three_times_in_a_year_bar_and_two_do_not() -> None:
    after = {"from": ["earn"], "for": {"months": 6}, "after": {"times": 3, "per": "year"}}
    book = Book(body([rule_body(amount={"type": "fixed", "points": -2}, bars=after)], deductions=DEDUCTIONS))
    assert [book.award(done_on=date(2026, month, 1)).bars for month in (2, 3, 4, 5)] == [
        None,
        None,
        date(2026, 10, 1),
        date(2026, 11, 1),
    ]
    assert book.award(done_on=date(2027, 1, 1)).bars is None


@pytest.mark.parametrize(
    ("ends", "last"),
    [
        ({"for": {"months": 3}}, date(2026, 8, 20)),
        ({"rest_of": "month"}, date(2026, 5, 31)),
        ({"rest_of": "quarter"}, date(2026, 6, 30)),
        ({"rest_of": "half_year"}, date(2026, 6, 30)),
        ({"rest_of": "year"}, date(2026, 12, 31)),
    ],
)
def test_an_outcome_bars_from_redeeming_for_a_span_or_for_the_rest_of_a_period(ends: Any, last: date) -> None:
    bars = {"from": ["redeem"], **ends}
    book = Book(body([rule_body(outcomes=[{"code": "false", "title": "虚报", "bars": bars}])]))
    made = book.award(outcome="false", credited_on=date(2026, 5, 20))
    assert (made.points, made.bars, made.bars_from) == (0, last, ("redeem",))


def test_service_time_has_its_own_limit() -> None:
    book = book_of("志愿服务时长")
    assert [book.award(quantity=6).minutes, book.award(quantity=6).minutes] == [360, 120]


def test_an_index_stands_beside_points_and_honour() -> None:
    made = book_of("先锋指数").award(quantity=2)
    assert (made.points, made.honour, dict(made.others)) == (2, 2, {"pioneer": 6})


def test_what_a_ceiling_does_not_let_in_goes_to_its_pool() -> None:
    made = book_of("个人账户").award(balances={"points": 490})
    assert made.overflow == (("points", 10, "pool", "爱心池"),)


def test_a_mediation_is_judged_by_a_panel() -> None:
    made = book_of("矛盾调解").award(decided=15)
    assert [(stage.votes, stage.panel) for stage in made.path] == [(2, 3)]
