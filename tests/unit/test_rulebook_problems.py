"""What a wrong document is told: by the names its author wrote, and everything that can be said at once."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from points.rulebook.checking import checked

FIXED = {"type": "fixed", "points": 1}


def told(app: Flask, **parts: Any) -> dict[tuple[Any, ...], str]:
    document = {
        "format": "points-rulebook/1",
        "label": "2026",
        "title": "细则",
        "source": "社区",
        "effective_on": "2026-01-01",
        "decimals": 0,
        **parts,
    }
    with app.test_request_context("/"):
        return {one.path: str(one.problem) for one in checked(document, 1).problems}


def test_an_unknown_field_is_called_as_it_was_written(app: Flask) -> None:
    stage = {"title": "看", "by": ["staff"], "in": "community", "place": "scheme", "points": 3}
    problems = told(app, paths=[{"code": "p", "title": "评", "stages": [stage]}], rules=[])
    at = ("paths", 0, "stages", 0)
    assert problems[(*at, "place")].endswith("› place：没有这一栏。")
    assert problems[(*at, "points")].endswith("› points：没有这一栏。")
    assert (*at, "in") not in problems


def test_names_that_lead_nowhere_are_told_beside_what_is_wrong_with_the_shape(app: Flask) -> None:
    rules = [
        {"code": "a", "title": "甲", "kind": "service", "unit": "basket", "amount": FIXED, "review": "nobody"},
        {"code": "a", "title": "乙", "kind": "nonsense", "unit": "event", "category": "none", "amount": FIXED},
        {"code": "c", "title": "丙", "kind": "service", "unit": "barrow", "amount": FIXED},
    ]
    problems = told(app, rules=rules, units=[{"code": "barrow", "title": "车", "colour": "red"}])
    assert "basket" in problems[("rules", 0, "unit")] and "nobody" in problems[("rules", 0, "review")]
    assert "和第 1 条重复" in problems[("rules", 1, "code")] and "none" in problems[("rules", 1, "category")]
    assert ("rules", 1, "kind") in problems and ("units", 0, "colour") in problems
    assert ("rules", 2, "unit") not in problems  # its unit is there, though it is not right yet


@pytest.mark.parametrize("odd", [None, 7, "x", [None], [7], [{"code": []}], {"a": 1}, [[]]])
def test_whatever_the_parts_are_there_is_an_answer(app: Flask, odd: Any) -> None:
    assert told(app, rules=odd, units=odd, categories=odd, paths=odd)
