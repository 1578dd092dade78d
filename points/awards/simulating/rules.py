"""The simulator's reckoning, pure: claims of the past in, what another rulebook would have given out.

Each claim is assessed by ``assess``, in the order in which they were decided, with what earlier ones used of the caps
and what their people had by then: as if the other rulebook had come into force on the first day, with caps, balances
and levels as they really stood that morning. What a reviewer decided on stays decided, within the other rule's bounds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ...clock import period_of
from ...errors import N_
from ...rulebook.pieces import Level
from ...rulebook.rules import Assessment, CapKey, Facts, Line, Rule, assess
from ...rulebook.standings import stand
from ..usage import Row

NOT_THERE = Line("no_such_rule", N_("这份细则里没有这一项。"), {})


@dataclass(frozen=True, slots=True)
class Past:
    """A claim that was granted.

    before   what it was worth then, minor units; decided: what the reviewer set
    at       when it was decided
    rows     the usage rows that its assessment under the other rulebook wants
    holder   whose wallet it goes to: the person's, or a team's
    """

    claim_id: int
    person_id: int
    rule: str
    category: str
    before: int
    facts: Facts
    rows: Mapping[CapKey, Row]
    at: datetime
    decided: int | None = None
    holder: int = 0


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


KEY = re.compile(r"(\d{4})(?:-(?:(\d\d)(?:-(\d\d))?|W(\d\d)|Q(\d)|H(\d)))?", re.ASCII)  # as ``period_of`` makes them


@lru_cache(maxsize=4096)
def begun_since(period: str, first: date) -> bool:
    """Whether a period of usage rows, by its key, began on this day or later: nothing was used of it before. Of what is
    no calendar's period (lifetimes, subjects, acts) that is never sure."""
    found = KEY.fullmatch(period)
    if found is None:
        return False
    year, month, day, week, quarter, half = (int(part) if part else 0 for part in found.groups())
    if week:
        return date.fromisocalendar(year, week, 1) >= first
    return date(year, month or quarter * 3 - 2 * bool(quarter) or half * 6 - 5 * bool(half) or 1, day or 1) >= first


Period = tuple[str, str, int]  # a level, a period of it, whose


@dataclass
class Had:
    """What people had when a claim of theirs was decided: what they really had on the first morning, what the other
    rulebook has given them since, and whatever else happened to them: exchanges, expiry, older claims.

    balances  by holder, of each balance, in minor units; opened for everybody before the first claim
    earned    for levels that count what was earned in a period, by ``period``: of each balance
    """

    levels: tuple[Level, ...] = ()
    scale: int = 0
    balances: dict[int, dict[str, int]] = field(default_factory=dict)
    earned: dict[Period, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def period(self, level: Level, past: Past) -> Period:
        return (level.code, period_of(past.facts.done_on, level.per)[0], past.person_id)

    def move(self, holder: int, balance: str, amount: int) -> None:
        """Something else. Whoever has less than they really had buys less: by it nothing falls below nought."""
        have = self.balances[holder]
        was = have.get(balance, 0)
        have[balance] = max(was + amount, min(was, 0))

    def facts(self, past: Past) -> Facts:
        names: frozenset[str] = frozenset()
        own = self.balances.get(past.person_id, {})
        for level in self.levels:
            amounts = self.earned[self.period(level, past)] if level.measure == "earned" else own
            names |= stand(level, amounts, self.scale, past.facts.done_on).names
        return replace(past.facts, balances=self.balances.get(past.holder, {}), levels=names)

    def give(self, past: Past, seen: Assessment) -> None:
        given = {"points": seen.points, "honour": seen.honour, "minutes": seen.minutes, **seen.others}
        mine = [self.balances.setdefault(past.holder, {})]
        mine += [self.earned[self.period(level, past)] for level in self.levels if level.measure == "earned"]
        for place, amounts in enumerate(mine):
            for balance, amount in given.items():
                if amount > 0 or place == 0:  # what takes away was not earned, and does not lower what was
                    amounts[balance] = amounts.get(balance, 0) + amount


class Replay:
    """Claims judged one after the other. Keeps what is used of each cap and, where a rule asks, what people had.

    used  what was used when it began; ``begin`` adds rows before the claims that want them are judged
    """

    def __init__(self, rules: Mapping[str, Rule], scale: int, had: Had | None = None) -> None:
        self.rules, self.scale, self.had = rules, scale, had
        self.used: dict[Row, int] = {}

    def begin(self, used: Mapping[Row, int]) -> None:
        for row, count in used.items():
            self.used.setdefault(row, count)

    def judge(self, past: Past) -> Judged:
        rule = self.rules.get(past.rule)
        if rule is None:
            return self.answer(past, past.category, 0, NOT_THERE)
        facts = self.had.facts(past) if self.had is not None else past.facts
        usage = {key: self.used.get(row, 0) for key, row in past.rows.items()}
        seen = assess(rule, facts, usage, self.scale)
        if seen.bounds and seen.undecided:
            seen = self.as_decided(rule, past, facts, seen, usage)
        for line in (*seen.refusals, *seen.needs):
            return self.answer(past, rule.category, 0, line)
        for take in seen.takes:
            row = past.rows[take.key]
            self.used[row] = self.used.get(row, 0) + take.amount
        if self.had is not None:
            self.had.give(past, seen)
        return self.answer(past, rule.category, seen.points, None)

    def as_decided(
        self, rule: Rule, past: Past, facts: Facts, seen: Assessment, usage: Mapping[CapKey, int]
    ) -> Assessment:
        least, most = seen.bounds or (0, 0)
        decided = past.decided if past.decided is not None else past.before
        return assess(rule, replace(facts, decided=max(least, min(most, decided))), usage, self.scale)

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
