"""Assessments a second on one core, under a rulebook of 143 rules with every kind of amount, cap and counter.

Each is what an approval reckons: the usage rows it would lock are named, then the deed is assessed with rows half used.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from points.rulebook.document import document_from
from points.rulebook.rules import Assessment, Facts, Rule, assess, caps_for, rule_from

from .benchmark import SECONDS, Figures, rounded

RULES = 143
BEGUN = date(2026, 1, 1)
OUTCOME = {"code": "late", "title": "迟到早退", "percent": 50}
TIERS = [{"from": 1, "points": 2}, {"from": 4, "points": 5}, {"from": 8, "points": 9}]
GRADES = [{"code": f"g{n}", "title": f"{n}等", "points": 4 - n} for n in range(1, 4)]
AMOUNTS: list[tuple[str, dict[str, Any]]] = [
    ("event", {"type": "fixed", "points": 5}),
    ("event", {"type": "per_unit", "points": 10}),
    ("hour", {"type": "per_unit", "points": 2, "rounding": "half_up", "coefficients": ["time", "day", "hard"]}),
    ("yuan", {"type": "per_unit", "points": 1, "every": 2, "count": "whole", "base": 1, "above": 1}),
    ("hour", {"type": "per_unit", "points": 1, "every": 5, "cumulative": "year"}),
    ("kilogram", {"type": "brackets", "brackets": TIERS}),
    ("session", {"type": "brackets", "mode": "additive", "cumulative": "quarter", "brackets": TIERS}),
    ("yuan", {"type": "brackets", "mode": "progressive", "brackets": TIERS}),
    ("case", {"type": "range", "least": 5, "most": 20, "step": 5}),
    ("event", {"type": "case_by_case", "least": 1, "most": 50}),
    ("event", {"type": "choice", "choices": GRADES}),
    ("event", {"type": "choice", "mode": "several", "choices": GRADES}),
    ("event", {"type": "shared", "points": 90, "most_each": 40}),
    ("event", {"type": "per_unit", "points": -5}),
]
CAPS = [
    {"what": "points", "most": 40, "per": "day"},
    {"what": "points", "most": 300, "per": "month", "who": "household"},
    {"what": "times", "most": 200, "per": "year"},
    {"what": "times", "most": 3, "per": "subject", "who": "all"},
    {"what": "honour", "most": 5000, "per": "year"},
]
BONUSES = [
    {"code": "ten", "title": "满十次", "points": 5, "reach": 10, "per": "month"},
    {"code": "row", "title": "连续三个月", "points": 9, "reach": 1, "per": "month", "in_a_row": 3},
]
HARD = {"code": "h", "title": "难", "factor": "1.2"}
NIGHT = {"code": "night", "title": "夜间", "factor": "1.5", "when": {"from": "22:00", "to": "06:00"}}
HOLIDAY = {"code": "holiday", "title": "节假日", "factor": 2, "when": {"days": ["holiday"]}}


def a_rule(place: int) -> dict[str, Any]:
    unit, amount = AMOUNTS[place % len(AMOUNTS)]
    return {
        "code": f"r{place:03}",
        "title": f"第 {place} 项",
        "unit": unit,
        "amount": amount,
        "caps": CAPS[: place % (len(CAPS) + 1)],
        "groups": ["care", "once"] if place % 3 == 0 else ["care"],
        "roles": ["resident"],
        "evidence": {"photos": 1, "any": [{"note": True}, {"files": 1}], "not_for": ["self_checked"]},
        "trust": {"backfill": {"points": 50}},
        "outcomes": [OUTCOME],
        "late": {"days": 15, "then": {"percent": 50}},
        "beside": {"honour": "same", "minutes": 30} if "points" not in amount or amount["points"] > 0 else {},
        **({"bonuses": BONUSES} if place % 4 == 0 and amount.get("points", 1) > 0 else {}),
    }


def the_book() -> dict[str, Any]:
    return {
        "format": "points-rulebook/1",
        "label": "143",
        "title": "一百四十三条",
        "source": {"title": "为测量而写"},
        "effective_on": BEGUN.isoformat(),
        "decimals": 1,
        "coefficients": [
            {"code": "time", "title": "时段", "by": "system", "choices": [NIGHT]},
            {"code": "day", "title": "日子", "by": "system", "choices": [HOLIDAY]},
            {
                "code": "hard",
                "title": "难度",
                "by": "reviewer",
                "choices": [{"code": "h", "title": "难", "factor": "1.2"}],
            },
        ],
        "deductions": {
            "from": ["points"],
            "below_zero": "stop",
            "notice_days": 5,
            "appeal_days": 7,
            "ends": {"years": 1},
        },
        "ceilings": [{"balance": "points", "most": 5000, "overflow": "pool", "pool": "爱心池"}],
        "groups": [
            {"code": "care", "title": "关爱", "caps": [{"what": "points", "most": 600, "per": "quarter"}]},
            {"code": "once", "title": "同一件事", "once": "highest", "same": "act"},
        ],
        "rules": [a_rule(place) for place in range(1, RULES + 1)],
    }


def deeds_of(rules: list[Rule]) -> list[tuple[Rule, Facts]]:
    """A deed under every rule, seven times: other days, hours, sources and outcomes."""
    return [
        (
            rule,
            Facts(
                quantity=(1 + place % 4) * 1000,
                source=("self", "leader", "backfill")[turn % 3],
                done_on=BEGUN + timedelta(days=31 * turn + place),
                roles=frozenset({"resident"}),
                photos=1,
                outcome="late" if turn == 5 else "",
                decided=100 if rule.amount.decided_by_reviewer else None,
                entered_on=BEGUN + timedelta(days=31 * turn + place + 3 * turn),
                started=("23:30", "10:00")[turn % 2],
                day_kind=("workday", "holiday")[turn % 2],
                choices=frozenset({"g1"}) if rule.amount.type == "choice" else frozenset(),
                coefficients={"hard": "h"},
                sharers=3,
                subject=f"{place} 号",
                act=f"{turn}",
                balances={"points": 1000 * turn},
            ),
        )
        for turn in range(7)
        for place, rule in enumerate(rules)
    ]


def half_used(rule: Rule, facts: Facts) -> Assessment:
    keys = caps_for(rule, facts.done_on, facts.subject, facts.act)
    return assess(rule, facts, {key: place % 2 * 30 for place, key in enumerate(keys)}, 1)


def prepare() -> tuple[Callable[[], float], Callable[[], None]]:
    rules = [rule_from(body) for body in document_from(the_book(), 1).rules]
    deeds = deeds_of(rules)
    made = Counter(bool(half_used(rule, facts).refusals) for rule, facts in deeds)
    if len(rules) != RULES or made[True]:
        raise RuntimeError(f"{made[True]} of {len(deeds)} deeds are refused: that would be measuring something else")

    def measure() -> float:
        begun, done = time.process_time(), 0
        while time.process_time() - begun < SECONDS:
            for rule, facts in deeds:
                half_used(rule, facts)
            done += len(deeds)
        return done / (time.process_time() - begun)

    return measure, lambda: None


def sum_up(rounds: list[float]) -> tuple[float, str]:
    return statistics.median(rounds), f"{RULES} rules, one core; slowest round: {rounded(min(rounds))}"


BENCHMARKS: list[Any] = [Figures("rulebook.assess_per_s", "assessments/s", prepare, sum_up)]
