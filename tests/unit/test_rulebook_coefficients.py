"""Coefficients that hold at once: multiplied, only the highest, or what each gives beyond added up."""

from __future__ import annotations

import pytest

from points.rulebook.document import BadDocument
from tests.rulebook_book import Book, body, rule_body

TOGETHER = [
    {
        "code": code,
        "title": title,
        "by": "system",
        "choices": [
            {"code": "yes", "title": title, "when": {"roles": [role]}, **worth},
            {"code": "no", "title": "平时", "factor": 1},
        ],
    }
    for code, title, role, worth in (
        ("night", "夜间", "rider", {"factor": "1.5"}),
        ("feast", "节假日", "leader", {"factor": 2}),
        ("easy", "轻活", "clerk", {"factor": "0.2"}),
        ("storm", "暴雨", "staff", {"add": 3}),
    )
]


@pytest.mark.parametrize(
    ("together", "roles", "points"),
    [
        ("multiplied", {"rider", "leader"}, 60),
        ("highest", {"rider", "leader"}, 40),
        ("added", {"rider", "leader"}, 50),
        ("highest", {"rider", "leader", "staff"}, 43),
        ("highest", {"clerk", "staff"}, 7),
        ("highest", {"clerk", "rider"}, 30),
        ("added", {"rider", "clerk"}, 14),
        ("added", set(), 20),
        ("highest", set(), 20),
    ],
)
def test_coefficients_that_hold_at_once_count_as_the_amount_says(together: str, roles: set[str], points: int) -> None:
    codes = [one["code"] for one in TOGETHER]
    amount = {"type": "per_unit", "points": 20, "coefficients": codes, "together": together}
    book = Book(body([rule_body(amount=amount)], coefficients=TOGETHER))
    made, _ = book.look(roles=frozenset({"resident", *roles}))
    assert made.points == points
    assert sum(line.change for line in made.lines) == points


def test_factors_that_are_added_never_come_to_less_than_nothing() -> None:
    light = [{**TOGETHER[2], "code": f"easy{n}"} for n in range(3)]
    amount = {"type": "per_unit", "points": 20, "coefficients": [one["code"] for one in light], "together": "added"}
    made, _ = Book(body([rule_body(amount=amount)], coefficients=light)).look(roles=frozenset({"clerk"}))
    assert made.points == 0 and sum(line.change for line in made.lines) == 0


def test_how_coefficients_meet_is_asked_only_where_there_are_several() -> None:
    amount = {"type": "per_unit", "points": 20, "coefficients": ["night"], "together": "highest"}
    with pytest.raises(BadDocument):
        Book(body([rule_body(amount=amount)], coefficients=TOGETHER))


@pytest.mark.parametrize(("rounding", "points"), [("down", 4), ("half_up", 5), ("up", 5)])
def test_what_a_coefficient_makes_of_a_grade_is_rounded_as_the_amount_says(rounding: str, points: int) -> None:
    grades = [{"code": "small", "title": "一般", "points": 3}, {"code": "fixed", "title": "重大", "points": 10}]
    choice = {"type": "choice", "choices": grades, "coefficients": ["night"], "rounding": rounding}
    fixed = {"type": "fixed", "points": 3, "coefficients": ["night"], "rounding": rounding}
    rules = [rule_body(amount=choice), rule_body(code="r02", amount=fixed)]
    book = Book(body(rules, coefficients=TOGETHER))
    at_night = {"roles": frozenset({"rider"})}
    assert book.look(choices=frozenset({"small"}), **at_night)[0].points == points
    assert book.look("r02", **at_night)[0].points == points
