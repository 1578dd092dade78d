"""A rule as plain data: what a document says, parsed once. Every number here is thousandths of what it counts.

Thousandths of a point and thousandths of a unit (2.5 hours = 2500): a rule does not depend on the scheme's decimals,
``assess`` turns points into minor units. The format is described in docs/rulebook.md; ``schemas`` checks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

FORMAT = "points-rulebook/1"
KINDS = ("volunteering", "report", "service", "mediation", "suggestion", "other")
# What is counted, and the most one claim may hold unless the rule says otherwise.
UNITS: Mapping[str, int] = {
    "event": 100,
    "hour": 24,
    "minute": 1440,
    "day": 31,
    "person": 1000,
    "case": 100,
    "piece": 10_000,
    "kilogram": 10_000,
    "yuan": 1_000_000,
    "household": 1000,
    "stairwell": 1000,
    "microgrid": 100,
    "kilometre": 1000,
}
MEASURED = frozenset({"hour", "minute", "day", "kilogram", "yuan", "kilometre"})  # others come in whole numbers
AMOUNTS = ("fixed", "per_unit", "brackets", "case_by_case")
ROUNDINGS = ("down", "half_up", "up")
CAPPED = ("points", "times", "units")
CAP_PERIODS = ("activity", "day", "week", "month", "quarter", "half_year", "year", "lifetime")
LIVES = ("never", "days", "months", "years", "calendar_year", "yearly", "fixed")
SOURCES = ("self_checked", "self", "leader", "staff", "backfill", "import")


def thousandths(value: Any) -> int:
    """A number of the document in thousandths: "2.5" → 2500. The schema has made sure that it fits."""
    return int(Decimal(str(value)) * 1000)


@dataclass(frozen=True)
class Bracket:
    """From this quantity on, these points."""

    start: int
    points: int


@dataclass(frozen=True)
class Amount:
    """How much: ``points`` for every ``every`` units, once, by bracket, or as decided within ``least`` and ``most``.

    whole      only whole lots of ``every`` count; otherwise in proportion, rounded to the scheme's decimals
    additive   the brackets reached are added up; otherwise only the highest counts
    """

    type: str
    points: int = 0
    every: int = 1000
    whole: bool = False
    rounding: str = "down"
    least: int = 0
    most: int = 0
    brackets: tuple[Bracket, ...] = ()
    additive: bool = False


@dataclass(frozen=True)
class Cap:
    """At most so much per period: points, times or units; for the rule alone, or for the group it shares with others.

    A time is an event where the rule counts events, and a claim where it counts anything else.
    """

    what: str
    most: int
    per: str
    who: str = "person"
    over: str = "cut"
    group: str = ""
    group_title: str = ""


@dataclass(frozen=True)
class Evidence:
    """What a claim needs beside the deed itself; ``not_for`` names sources that need not bring it."""

    photos: int = 0
    note: bool = False
    place: bool = False
    papers: str = ""
    not_for: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Trust:
    """How much of each a source is worth, in percent; or that it is refused."""

    points: int = 100
    honour: int = 100
    minutes: int = 100
    refuse: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of the deed (a complaint upheld), and how much of it still counts, in percent."""

    code: str
    title: str
    percent: int = 0


@dataclass(frozen=True)
class Life:
    """How long the points live, from the day they are credited. Relative lives end with their month."""

    type: str = "never"
    number: int = 0
    month: int = 12
    day: int = 31
    on: date | None = None


@dataclass(frozen=True)
class Rule:
    """One earning rule, complete in itself: shared caps and the document's defaults are already in it."""

    code: str
    title: str
    kind: str
    unit: str
    amount: Amount
    text: str = ""
    least: int = 1
    most: int = 100_000
    step: int = 1000
    caps: tuple[Cap, ...] = ()
    roles: frozenset[str] = frozenset()  # empty: everybody
    evidence: Evidence = Evidence()
    trust: tuple[tuple[str, Trust], ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    life: Life = Life()
    honour: int | None = 0  # points of honour per unit; None: as many as points
    minutes: int | None = 0  # minutes of service per unit; None: the time served
    verify: str = ""

    def trust_in(self, source: str) -> Trust:
        return dict(self.trust).get(source, Trust())

    def outcome(self, code: str) -> Outcome | None:
        return next((one for one in self.outcomes if one.code == code), None)


def amount_from(body: Mapping[str, Any], measured: bool) -> Amount:
    return Amount(
        type=body["type"],
        points=thousandths(body.get("points", 0)),
        every=thousandths(body.get("every", 1)),
        whole=body.get("count", "proportional" if measured else "whole") == "whole",
        rounding=body.get("rounding", "down"),
        least=thousandths(body.get("least", 0)),
        most=thousandths(body.get("most", 0)),
        brackets=tuple(Bracket(thousandths(b["from"]), thousandths(b["points"])) for b in body.get("brackets", ())),
        additive=body.get("mode") == "additive",
    )


def caps_from(bodies: Iterable[Mapping[str, Any]], group: str = "", title: str = "") -> tuple[Cap, ...]:
    return tuple(
        Cap(
            what=body["what"],
            most=thousandths(body["most"]),
            per=body["per"],
            who=body.get("who", "person"),
            over=body.get("over", "cut"),
            group=body.get("group", group),
            group_title=body.get("group_title", title),
        )
        for body in bodies
    )


def life_from(body: Mapping[str, Any]) -> Life:
    on = date.fromisoformat(body["on"]) if "on" in body else None
    return Life(body["type"], body.get("number", 0), body.get("month", 12), body.get("day", 31), on)


def beside_from(value: Any) -> int | None:
    """What stands beside the points per unit; the words "same" and "served" mean: as much as the deed itself."""
    return None if value in ("same", "served") else thousandths(value)


def rule_from(body: Mapping[str, Any]) -> Rule:
    """A rule from its JSON, as ``schemas`` leaves it (checked, defaults and shared caps filled in)."""
    quantity, evidence, beside = body.get("quantity", {}), body.get("evidence", {}), body.get("beside", {})
    measured = body["unit"] in MEASURED
    return Rule(
        code=body["code"],
        title=body["title"],
        kind=body["kind"],
        unit=body["unit"],
        amount=amount_from(body["amount"], measured),
        text=body.get("text", ""),
        least=thousandths(quantity.get("least", "0.001" if measured else 1)),
        most=thousandths(quantity.get("most", UNITS[body["unit"]])),
        step=thousandths(quantity.get("step", "0.001" if measured else 1)),
        caps=caps_from(body.get("caps", ())),
        roles=frozenset(body.get("roles", ())),
        evidence=Evidence(
            photos=evidence.get("photos", 0),
            note=evidence.get("note", False),
            place=evidence.get("place", False),
            papers=evidence.get("papers", ""),
            not_for=frozenset(evidence.get("not_for", ())),
        ),
        trust=tuple((source, Trust(**worth)) for source, worth in sorted(body.get("trust", {}).items())),
        outcomes=tuple(Outcome(o["code"], o["title"], o.get("percent", 0)) for o in body.get("outcomes", ())),
        life=life_from(body.get("life", {"type": "never"})),
        honour=beside_from(beside.get("honour", 0)),
        minutes=beside_from(beside.get("minutes", 0)),
        verify=body.get("verify", ""),
    )
