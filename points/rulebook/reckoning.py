"""An assessment in the making: what is known of a deed, what has been said so far, how long points will live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from ..ledger.rules import expires_on, wallet_mark
from .assessment import Assessment, CapKey, CapTake, Line, Values
from .terms import Life, Rule

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)

Usage = Mapping[CapKey, int]


@dataclass(frozen=True)
class Facts:
    """What is known of a deed.

    quantity       thousandths of the rule's unit
    source         how it became known (``points.awards.models.Source``)
    credited_on    the day the points are credited, from which their life runs; None: the day of the deed
    decided        minor units the reviewer decided on, for rules that leave the amount to the case
    entered_on     the day it was entered; None: in time
    started        "22:15", when the deed began, "" unknown; day_kind: workday, weekend or holiday
    age            of the beneficiary on that day in whole years, None unknown; areas: names of the areas one lives in,
                   up to the scheme's; members: codes of one's teams and lists
    choices        codes of the grades or checklist items; coefficients: code → code of the choice made
    sharers        people among whom a shared amount is split
    subject, act   what was reported, and the one act that several claims may be about: any text that is the same for
                   the same thing, "" unknown
    balances       what the beneficiary has now, in minor units, for ceilings and deductions; what is missing is unknown
    levels         every step reached: "star:1", "star:2"
    barred_until   the last day on which nothing can be earned
    """

    quantity: int
    source: str
    done_on: date
    roles: frozenset[str] = frozenset()
    photos: int = 0
    has_note: bool = True
    has_place: bool = True
    outcome: str = ""
    credited_on: date | None = None
    decided: int | None = None
    entered_on: date | None = None
    started: str = ""
    day_kind: str = "workday"
    age: int | None = None
    areas: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    files: int = 0
    attended: bool = False
    helped_confirmed: bool = False
    has_record: bool = False
    choices: frozenset[str] = frozenset()
    coefficients: Mapping[str, str] = field(default_factory=dict)
    sharers: int = 1
    subject: str = ""
    act: str = ""
    balances: Mapping[str, int] = field(default_factory=dict)
    levels: frozenset[str] = frozenset()
    barred_until: date | None = None


def mark_of(life: Life, credited_on: date) -> str:
    """The last day of points credited on a day ("2026-12-31"), or "never". Relative lives run to their month's end."""
    if life.type in ("never", "calendar_year"):
        return wallet_mark(expires_on(life.type, credited_on))
    if life.type == "fixed":
        return (life.on or LAST_DAY).isoformat()
    if life.type == "yearly":
        this = date(credited_on.year, life.month, life.day)
        return (this if this >= credited_on else this.replace(year=this.year + 1)).isoformat()
    number = life.number * (12 if life.type == "years" else 1)
    return wallet_mark(expires_on("days" if life.type == "days" else "month_end", credited_on, number))


def rounded(value: Fraction, how: str) -> int:
    if how == "up":
        return -((-value.numerator) // value.denominator)
    if how == "half_up":
        return (2 * value.numerator + value.denominator) // (2 * value.denominator)
    return value.numerator // value.denominator


@dataclass
class Reckoning:
    """``points`` is always the sum of the changes of its lines."""

    rule: Rule
    facts: Facts
    usage: Usage
    scale: int
    points: int = 0
    quantity: int = 0
    percent_minutes: int = 100
    percent_honour: int = 100
    lines: list[Line] = field(default_factory=list)
    refusals: list[Line] = field(default_factory=list)
    needs: list[Line] = field(default_factory=list)
    takes: list[CapTake] = field(default_factory=list)
    bounds: tuple[int, int] | None = None

    def minor(self, thousandths: int) -> int:
        """Thousandths of a point in the scheme's minor units; finer than the scheme can hold is rounded."""
        return rounded(Fraction(thousandths * 10**self.scale, 1000), self.rule.amount.rounding)

    def say(self, code: str, sentence: str, values: Values, change: int = 0) -> None:
        self.points += change
        self.lines.append(Line(code, sentence, values, change))

    def refuse(self, code: str, sentence: str, values: Values | None = None) -> None:
        self.refusals.append(Line(code, sentence, values or {}))

    def need(self, code: str, sentence: str, values: Values | None = None) -> None:
        self.needs.append(Line(code, sentence, values or {}))

    def made(self) -> Assessment:
        """The answer. A refusal leaves nothing else standing."""
        if self.refusals:
            return Assessment(refusals=tuple(self.refusals), needs=tuple(self.needs), scale=self.scale)
        facts = self.facts
        return Assessment(
            points=self.points,
            honour=self.honour(),
            minutes=self.minutes(),
            quantity=self.quantity,
            mark=mark_of(self.rule.life, facts.credited_on or facts.done_on),
            lines=tuple(self.lines),
            takes=tuple(sorted(self.takes, key=lambda take: take.key)),
            needs=tuple(self.needs),
            bounds=self.bounds,
            undecided=self.bounds is not None and facts.decided is None,
            scale=self.scale,
        )

    def honour(self) -> int:
        """Points of honour for what counted; "same" follows the points as capped."""
        rule = self.rule
        if rule.honour is None:
            return self.points
        exact = Fraction(self.quantity * rule.honour * self.percent_honour * 10**self.scale, 100 * 10**6)
        return rounded(exact, rule.amount.rounding)

    def minutes(self) -> int:
        """Whole minutes of service for what counted."""
        each = self.rule.minutes
        if each is None:
            each = {"hour": 60_000, "minute": 1000}.get(self.rule.unit, 0)
        return self.quantity * each * self.percent_minutes // (100 * 10**6)
