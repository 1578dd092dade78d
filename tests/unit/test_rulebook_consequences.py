"""What follows from where somebody stands, and from what else was done: bars of levels, conditions on other deeds."""

from __future__ import annotations

from typing import Any

import pytest

from points.rulebook.document import BadDocument, document_from
from points.rulebook.plain import plain
from points.rulebook.plain_pieces import sections
from tests.rulebook_book import DEDUCTIONS, Book, body, rule_body

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
