"""A rulebook in use, without a database: deeds one after another, each using up what the earlier ones left."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from points.rulebook.document import Document, document_from
from points.rulebook.pieces import Pieces, pieces_of
from points.rulebook.rules import Assessment, CapKey, Facts, Rule, assess, caps_for, rule_from

FRIDAY = date(2026, 11, 20)
DEDUCTIONS = {
    "from": ["points"],
    "below_zero": "stop",
    "notice_days": 5,
    "appeal_days": 7,
    "ends": {"months": 12},
}


def rule_body(**changes: Any) -> dict[str, Any]:
    return {
        "code": "r01",
        "title": "楼道劳动",
        "unit": "event",
        "amount": {"type": "per_unit", "points": 10},
        **changes,
    }


def body(rules: list[dict[str, Any]], **parts: Any) -> dict[str, Any]:
    return {
        "format": "points-rulebook/1",
        "label": "试行",
        "title": "试行细则",
        "source": {"title": "试行细则"},
        "effective_on": "2026-01-01",
        "decimals": 0,
        "rules": rules,
        **parts,
    }


class Book:
    """The rules of a document, and what has been used of their caps by whom."""

    def __init__(self, document: dict[str, Any], scale: int = 0) -> None:
        self.document: Document = document_from(document, scale)
        self.scale = scale
        self.rules: dict[str, Rule] = {one["code"]: rule_from(one) for one in self.document.rules}
        self.pieces: Pieces = pieces_of(self.document.body)
        self.used: defaultdict[tuple[str, CapKey], int] = defaultdict(int)

    def look(self, code: str = "r01", quantity: float = 1, **known: Any) -> tuple[Assessment, dict[str, str]]:
        """What the deed would earn; and whose rows it would use."""
        whose = {"person": "a", "household": "h", "team": "t", "area": "area", "all": "all"}
        whose |= {who: known.pop(who) for who in tuple(whose) if who in known}
        known = {"source": "self", "done_on": FRIDAY, "roles": frozenset({"resident"}), **known}
        facts, rule = Facts(quantity=round(quantity * 1000), **known), self.rules[code]
        keys = caps_for(rule, facts.done_on, facts.subject, facts.act)
        usage = {key: self.used[whose[key.who], key] for key in keys}
        made = assess(rule, facts, usage, self.scale)
        assert sum(line.change for line in made.lines) == made.points
        assert {take.key for take in made.takes} <= set(keys)
        assert Assessment.from_dict(made.to_dict()) == made == assess(rule, facts, usage, self.scale)
        return made, whose

    def award(self, code: str = "r01", quantity: float = 1, **known: Any) -> Assessment:
        """The deed is awarded: its caps are used up."""
        made, whose = self.look(code, quantity, **known)
        for take in made.takes:
            row = (whose[take.key.who], take.key)
            self.used[row] += take.amount
            assert take.limit is None or self.used[row] <= take.limit
        return made

    def earns(self, code: str = "r01", quantity: float = 1, **known: Any) -> int:
        made = self.award(code, quantity, **known)
        assert not made.refusals, made.refusals
        return made.points

    def refuses(self, code: str = "r01", quantity: float = 1, **known: Any) -> list[str]:
        return [line.code for line in self.look(code, quantity, **known)[0].refusals]

    def needs(self, code: str = "r01", quantity: float = 1, **known: Any) -> list[str]:
        return [line.code for line in self.look(code, quantity, **known)[0].needs]
