"""The simulator's reckoning, pure: claims of the past in, what another rulebook would have given out.

Each claim is assessed by ``assess``, in the order in which they were decided, with what earlier ones used of the caps:
as if the other rulebook had been in force from the first day, with every cap empty then. What a reviewer decided on
stays decided, within the bounds of the other rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from ...errors import N_
from ...rulebook.rules import Assessment, CapKey, Facts, Line, Rule, assess, caps_for
from ..usage import Row, Subjects

NOT_THERE = Line("no_such_rule", N_("这份细则里没有这一项。"), {})


@dataclass(frozen=True)
class Past:
    """A claim that was granted. ``before``: what it was worth then, minor units; ``decided``: what the reviewer set."""

    claim_id: int
    person_id: int
    rule: str
    category: str
    before: int
    facts: Facts
    subjects: Subjects
    decided: int | None = None


@dataclass(frozen=True)
class Judged:
    """What the other rulebook would have given for a claim; ``refusal``: why nothing, in words."""

    claim_id: int
    person_id: int
    rule: str
    category: str
    before: int
    after: int
    refusal: Line | None = None

    @property
    def differs(self) -> bool:
        return self.refusal is not None or self.before != self.after


class Replay:
    """Claims judged one after the other. Keeps what is used of each cap, nothing else."""

    def __init__(self, rules: Mapping[str, Rule], scale: int) -> None:
        self.rules, self.scale = rules, scale
        self.used: dict[Row, int] = {}

    def judge(self, past: Past) -> Judged:
        rule = self.rules.get(past.rule)
        if rule is None:
            return self.answer(past, past.category, 0, NOT_THERE)
        facts = past.facts
        rows = {key: past.subjects.row(key) for key in caps_for(rule, facts.done_on, facts.subject, facts.act)}
        usage = {key: self.used.get(row, 0) for key, row in rows.items()}
        seen = assess(rule, facts, usage, self.scale)
        if seen.bounds and seen.undecided:
            seen = self.as_decided(rule, past, seen, usage)
        for line in (*seen.refusals, *seen.needs):
            return self.answer(past, rule.category, 0, line)
        for take in seen.takes:
            row = past.subjects.row(take.key)
            self.used[row] = self.used.get(row, 0) + take.amount
        return self.answer(past, rule.category, seen.points, None)

    def as_decided(self, rule: Rule, past: Past, seen: Assessment, usage: Mapping[CapKey, int]) -> Assessment:
        least, most = seen.bounds or (0, 0)
        decided = past.decided if past.decided is not None else past.before
        facts = replace(past.facts, decided=max(least, min(most, decided)))
        return assess(rule, facts, usage, self.scale)

    def answer(self, past: Past, category: str, after: int, refusal: Line | None) -> Judged:
        return Judged(past.claim_id, past.person_id, past.rule, category, past.before, after, refusal)


# ---------------------------------------------------------------- adding up


@dataclass
class Tally:
    """Points before and after, minor units, over so many claims, of which so many were refused."""

    before: int = 0
    after: int = 0
    claims: int = 0
    refused: int = 0

    @property
    def change(self) -> int:
        return self.after - self.before

    def add(self, one: Judged) -> None:
        self.before += one.before
        self.after += one.after
        self.claims += 1
        self.refused += one.refusal is not None

    def to_list(self) -> list[int]:
        return [self.before, self.after, self.claims, self.refused]

    @classmethod
    def from_list(cls, body: list[int]) -> Tally:
        return cls(*body)


@dataclass
class Totals:
    """All that was judged: together, by category, by rule, by reason of refusal, by person."""

    all: Tally = field(default_factory=Tally)
    categories: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    rules: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    reasons: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    people: dict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def add(self, one: Judged) -> None:
        for tally in (self.all, self.categories[one.category], self.rules[one.rule], self.people[one.person_id]):
            tally.add(one)
        if one.refusal is not None:
            self.reasons[one.refusal.code] += 1

    @property
    def gaining(self) -> int:
        return sum(tally.change > 0 for tally in self.people.values())

    @property
    def losing(self) -> int:
        return sum(tally.change < 0 for tally in self.people.values())


# ---------------------------------------------------------------- what it costs, how long the shelf lasts


@dataclass(frozen=True)
class Sold:
    """Pieces of one kind of goods, its price in points (minor units) and its market price in cents."""

    pieces: int
    points: int
    cents: int | None


@dataclass(frozen=True)
class Worth:
    """What points buy: so many cents for so many minor units; ``basis``: of goods "sold" or on the "shelf", "" unknown.

    What has no market price is left out on both sides.
    """

    cents: int = 0
    points: int = 0
    basis: str = ""

    def cost(self, points: int) -> int | None:
        """Cents for so many minor units, to the nearest; None when no goods have a market price."""
        return round(Fraction(points * self.cents, self.points)) if self.points else None


def worth_of(sold: Iterable[Sold], shelf: Iterable[Sold]) -> Worth:
    """What a point was worth in goods: of what was sold; when nothing was, of what stands on the shelf."""
    for basis, goods in (("sold", sold), ("shelf", shelf)):
        priced = [(one.pieces, one.points, one.cents) for one in goods if one.pieces > 0 and one.cents is not None]
        cents = sum(pieces * each for pieces, _, each in priced)
        points = sum(pieces * each for pieces, each, _ in priced)
        if points:
            return Worth(cents, points, basis)
    return Worth()


@dataclass(frozen=True)
class Shelf:
    """How long the shelf lasts, in tenths of a day, at the present rate and at the new one; None: for ever.

    points  what stands on the shelf is priced at; spent: what residents spent in the range; both minor units
    """

    points: int
    spent: int
    days: int
    present: int | None
    then: int | None


def shelf_of(points: int, spent: int, days: int, before: int, after: int) -> Shelf:
    """Residents go on spending the same share of what they earn: if they earn a tenth more, the shelf empties a tenth
    faster. Where nothing was spent in the range, all that is earned counts as spent."""
    now = Fraction(spent or before, max(1, days))
    then = now * Fraction(after, before) if before else Fraction(after, max(1, days))
    return Shelf(points, spent, days, lasting(points, now), lasting(points, then))


def lasting(points: int, rate: Fraction) -> int | None:
    return int(points * 10 / rate) if rate > 0 else None


def described(totals: Totals, worth: Worth, shelf: Shelf) -> dict[str, Any]:
    """The whole result as JSON keeps it; people and claims have tables of their own."""
    return {
        "all": totals.all.to_list(),
        "categories": {code: tally.to_list() for code, tally in totals.categories.items()},
        "rules": {code: tally.to_list() for code, tally in totals.rules.items()},
        "reasons": dict(totals.reasons),
        "people": len(totals.people),
        "gaining": totals.gaining,
        "losing": totals.losing,
        "worth": [worth.cents, worth.points, worth.basis],
        "shelf": [shelf.points, shelf.spent, shelf.days, shelf.present, shelf.then],
    }
