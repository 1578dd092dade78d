"""What follows from where somebody stands, and from what else was done: bars of levels, conditions on other deeds."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from points.rulebook.completion import completed
from points.rulebook.document import BadDocument, document_from
from points.rulebook.given import given_rules
from points.rulebook.parsing import rule_from
from points.rulebook.plain import plain
from points.rulebook.plain_pieces import sections
from tests.rulebook_book import DEDUCTIONS, FRIDAY, Book, body, rule_body
from tests.speaking import speaking

words = speaking()
LOW = {"from": 0, "title": "待改进", "effects": [{"type": "bars", "from": ["earn"], "rules": ["prize"]}]}
CREDIT: dict[str, Any] = {
    "code": "credit",
    "title": "诚信",
    "over": "points",
    "steps": [
        {"from": -1000, "title": "除名", "effects": [{"type": "bars", "from": ["earn", "redeem", "ranking"]}]},
        LOW,
        {"from": 60, "title": "合格"},
    ],
}
RULES = [
    rule_body(),
    rule_body(code="prize", title="评优", amount={"type": "fixed", "points": 20}),
    rule_body(code="fine", title="违约", amount={"type": "fixed", "points": -5}),
]


def book() -> Book:
    return Book(body(RULES, levels=[CREDIT], deductions=DEDUCTIONS))


# ---------------------------------------------------------------- what a low step keeps somebody from


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ((), set()),  # not known to stand anywhere
        ((1,), {"r01", "prize"}),
        ((1, 2), {"prize"}),
        ((1, 2, 3), set()),
    ],
)
def test_a_low_step_keeps_from_earning_while_somebody_stands_there_and_never_from_losing(
    steps: tuple[int, ...], refused: set[str]
) -> None:
    levels = frozenset(f"credit:{step}" for step in steps)
    made = book()
    for code in ("r01", "prize"):
        assert made.refuses(code, levels=levels) == (["level_bars"] if code in refused else [])
    assert made.earns("fine", levels=levels, balances={"points": 50}) == -5


def test_what_a_step_keeps_from_is_said_in_plain_words() -> None:
    made = book()
    (levels,) = (one.said for one in sections(made.document.body) if one.name == "levels")
    assert levels == (
        "诚信“除名”：积分满 −1000：在这一级时不能得分、不参加排名、不能兑换",
        "诚信“待改进”：积分满 0：在这一级时有些项目不能得分",
        "诚信“合格”：积分满 60",
    )
    assert "在“待改进”这一级时不能得" in plain(made.rules["prize"]).aspect("roles")


@pytest.mark.parametrize(
    "effect",
    [
        {"type": "bars"},
        {"type": "bars", "from": []},
        {"type": "bars", "from": ["sleep"]},
        {"type": "bars", "from": ["earn"], "rules": ["nowhere"]},
        {"type": "bars", "from": ["redeem"], "rules": ["r01"]},
        {"type": "bars", "from": ["earn"], "points": 5},
        {"type": "words", "text": "好", "from": ["earn"]},
    ],
)
def test_a_bar_that_contradicts_itself_is_named(effect: dict[str, Any]) -> None:
    steps = [{"from": 0, "title": "待改进", "effects": [effect]}]
    with pytest.raises(BadDocument) as caught:
        document_from(body([rule_body()], levels=[{**CREDIT, "steps": steps}]), 0)
    assert caught.value.problems


# ---------------------------------------------------------------- what else was done


def asking(did: dict[str, Any], watched: dict[str, Any] | None = None, **more: Any) -> Book:
    """A rule that is worth twice as much where the condition holds, beside the rule that it looks at."""
    double = {"code": "two", "title": "加倍", "factor": 2, "when": {"did": did}}
    return Book(
        body(
            [
                rule_body(amount={"type": "per_unit", "points": 10, "coefficients": ["also"]}),
                rule_body(code="x", title="大扫除", **(watched or {})),
            ],
            coefficients=[{"code": "also", "title": "另做", "by": "system", "choices": [double]}],
            **more,
        )
    )


def test_a_deed_is_doubled_when_another_was_done_in_the_same_month() -> None:
    made = asking({"rules": ["x"], "per": "month"})
    october = date(2026, 10, 3)
    made.award("x", done_on=october)
    assert made.earns() == 10, "not this month"
    assert made.earns(done_on=october) == 20
    made.award("x", person="b")
    assert made.earns() == 10, "somebody else"
    made.award("x")
    assert made.earns() == 20
    said = made.look()[0].lines[-1]
    assert (said.code, said.values["name"]) == ("coefficient", "另做")


def test_five_more_if_somebody_of_the_team_also_won() -> None:
    grade = {
        "code": "won",
        "title": "团队获奖",
        "points": 15,
        "when": {"did": {"rules": ["x"], "per": "year", "who": "team"}},
    }
    plain_grade = {"code": "no", "title": "个人", "points": 10}
    rules = [rule_body(amount={"type": "choice", "choices": [grade, plain_grade]}), rule_body(code="x", title="团队奖")]
    made = Book(body(rules))
    assert made.earns(team="red") == 10
    made.award("x", person="b", team="red")
    assert (made.earns(team="red"), made.earns(team="blue")) == (15, 10)


def test_more_for_a_year_without_anything_wrong_and_for_three_deeds_at_least() -> None:
    none_wrong = asking(
        {"rules": ["x"], "per": "year", "most": 0}, {"amount": {"type": "fixed", "points": -5}}, deductions=DEDUCTIONS
    )
    assert none_wrong.earns() == 20
    none_wrong.award("x", balances={"points": 50})
    assert none_wrong.earns() == 10
    thrice = asking({"rules": ["x", "r01"], "per": "lifetime", "least": 3})
    assert [thrice.earns() for _ in range(2)] == [10, 10]
    thrice.award("x")
    assert thrice.earns() == 20


def test_what_came_to_nothing_or_is_worth_nothing_was_not_done() -> None:
    watched = {"outcomes": [{"code": "bad", "title": "投诉属实"}], "trust": {"backfill": {"points": 0}}}
    made = asking({"rules": ["x"], "per": "month"}, watched)
    made.award("x", outcome="bad")
    made.award("x", source="backfill")
    assert made.earns() == 10


def test_a_prize_of_the_documents_own_may_be_asked_for_as_well() -> None:
    ranking = {"code": "star", "title": "之星", "over": "points", "per": "month", "prizes": [{"to": 1, "points": 5}]}
    made = asking({"rules": ["star.prize1"], "per": "year"}, rankings=[ranking])
    prize = rule_from(given_rules(made.document.body)[0])
    made.rules["prize"] = prize
    made.award("prize", source="system")
    assert made.earns() == 20


@pytest.mark.parametrize(("days", "points"), [(-1, 10), (0, 20), (30, 20), (31, 10), (None, 10)])
def test_a_new_member_gets_twice_as_much_in_the_first_month(days: int | None, points: int) -> None:
    when = {"joined": {"to": 30}}
    choices = [{"code": "new", "title": "新人", "factor": 2, "when": when}]
    rules = [rule_body(amount={"type": "per_unit", "points": 10, "coefficients": ["new"]})]
    made = Book(body(rules, coefficients=[{"code": "new", "title": "新人", "by": "system", "choices": choices}]))
    known = {} if days is None else {"joined_on": FRIDAY - timedelta(days=days)}
    assert made.earns(**known) == points


def test_conditions_on_other_deeds_are_said_in_plain_words() -> None:
    def said(did: dict[str, Any]) -> str:
        return plain(asking(did).rules["r01"]).aspect("amount")[-1]

    assert "同一个月本人已有“x” 1 次" in said({"rules": ["x"], "per": "month"})
    assert "同一年同队的人没有过“x”" in said({"rules": ["x"], "per": "year", "most": 0, "who": "team"})
    assert "以前本人已有“x” 2 到 5 次" in said({"rules": ["x"], "per": "lifetime", "least": 2, "most": 5})


@pytest.mark.parametrize(
    "did",
    [
        {},
        {"rules": ["x"]},
        {"rules": [], "per": "month"},
        {"rules": ["nowhere"], "per": "month"},
        {"rules": ["x"], "per": "act"},
        {"rules": ["x"], "per": "month", "least": 3, "most": 2},
        {"rules": ["x"] * 21, "per": "month"},
    ],
)
def test_a_condition_that_leads_nowhere_is_named(did: dict[str, Any]) -> None:
    with pytest.raises(BadDocument) as caught:
        asking(did)
    assert caught.value.problems


# ---------------------------------------------------------------- hours lent back

BANK = {**DEDUCTIONS, "from": ["minutes"], "notice_days": 0}
LENT = rule_body(
    code="lent", title="用时间币换服务", unit="hour", amount={"type": "per_unit", "points": -60}, into="minutes"
)


@pytest.mark.parametrize(("scale", "have", "taken"), [(0, 500, -120), (1, 500, -120), (0, 90, -90), (0, 0, 0)])
def test_hours_lent_back_are_taken_from_the_minutes_of_service(scale: int, have: int, taken: int) -> None:
    made = Book(body([LENT], deductions=BANK, decimals=scale), scale).award("lent", 2, balances={"minutes": have})
    assert (made.points, made.minutes, made.honour) == (0, taken, 0)
    assert made.notice_days == 0


def test_minutes_as_the_amount_itself_are_given_as_well() -> None:
    rules = [rule_body(amount={"type": "per_unit", "points": 90}, into="minutes", second_above=100)]
    made = Book(body(rules))
    assert [(one.minutes, one.points, len(one.path)) for one in (made.award(), made.award(quantity=2))] == [
        (90, 0, 1),
        (180, 0, 1),
    ]
    assert sum(stage.votes for stage in made.look(quantity=2)[0].path) == 2, "so many need a second reviewer"


def test_minutes_are_only_taken_where_the_document_says_so() -> None:
    with pytest.raises(BadDocument) as caught:
        document_from(body([LENT], deductions=DEDUCTIONS), 0)
    assert caught.value.problems


def test_an_exchange_is_made_whole_or_not_at_all() -> None:
    swap = rule_body(code="swap", title="时长换积分", beside={"minutes": -60})
    made = Book(body([swap], deductions=BANK))
    done = made.award("swap", 2, balances={"minutes": 120})
    assert (done.points, done.minutes, len(done.path)) == (20, -120, 1)
    assert made.refuses("swap", 2, balances={"minutes": 119}) == ["not_enough"]


def test_a_step_multiplies_deeds_and_no_prize_of_a_ranking() -> None:
    def factors(effect: dict[str, Any]) -> list[list[str]]:
        steps = [{"from": 50, "title": "一星", "effects": [{"type": "coefficient", "factor": 2, **effect}]}]
        stars = [{"code": "star", "title": "星级", "over": "honour", "steps": steps}]
        prizes = [{"to": 1, "points": 20}]
        deed, care = {"category": "care", "also": [{"for": "helped", "points": 5}]}, [{"code": "care", "title": "照料"}]
        top = [{"code": "top", "title": "月度之星", "over": "points", "per": "month", "prizes": prizes}]
        made = Book(body([rule_body(**deed)], categories=care, levels=stars, rankings=top))
        rules = [*completed(made.document.body), *given_rules(made.document.body)]
        return [[one["title"] for one in rule.get("level_factors", ())] for rule in rules]

    assert factors({}) == [["一星"], [], []]
    assert factors({"categories": ["care"]}) == [["一星"], [], []], "what others get is of the deed's category"


# ---------------------------------------------------------------- barred after so many months running

FLAG: dict[str, Any] = {
    "code": "flag",
    "amount": {"type": "fixed", "points": 0},
    "quantity": {"most": 1},
    "bars": {"from": ["redeem"], "for": {"months": 6}, "after": {"times": 1, "per": "month", "in_a_row": 3}},
}


def test_three_months_running_bar_whichever_was_confirmed_last() -> None:
    flags = Book(body([rule_body(**FLAG)], deductions=DEDUCTIONS))
    months = [date(2025, 12, 5), date(2026, 1, 31), date(2026, 3, 1), date(2026, 2, 28), date(2026, 2, 3)]
    found = [flags.award("flag", done_on=day, credited_on=date(2026, 4, 1)).bars for day in months]
    assert found == [None, None, None, date(2026, 10, 1), date(2026, 10, 1)]
    assert flags.award("flag", done_on=date(2026, 6, 1)).bars is None
    assert flags.award("flag", done_on=date(2026, 4, 1), person="b").bars is None


def test_a_rule_that_only_bars_is_reviewed_on_notice_and_open_to_appeal_and_says_so() -> None:
    flags = Book(body([rule_body(**{**FLAG, "review": "none"})], deductions=DEDUCTIONS))
    made = flags.award("flag")
    assert (made.points, made.notice_days, made.appeal_days, len(made.path), made.ends) == (0, 5, 7, 1, None)
    assert made.is_sanction and not made.is_deduction
    with words.test_request_context():
        said = plain(flags.rules["flag"]).aspect("deductions")
    assert "连续 3 个月都满 1 次，6 个月内不能兑换" in said


@pytest.mark.parametrize("after", [{"times": 1, "per": "month"}, {"times": 1, "per": "lifetime", "in_a_row": 2}])
def test_once_is_no_after_and_a_lifetime_has_no_row(after: dict[str, Any]) -> None:
    with pytest.raises(BadDocument):
        Book(body([rule_body(**{**FLAG, "bars": {**FLAG["bars"], "after": after}})], deductions=DEDUCTIONS))
