"""An assessment in the making: what is known of a deed, what has been said so far, how long points will live."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from ..clock import period_of
from ..ledger.rules import expires_on, wallet_mark
from .assessment import CapKey, CapTake, Line, Values
from .terms import CALENDAR_LIVES, Bars, Life, Rule, Span

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)

Usage = Mapping[CapKey, int]


@dataclass(frozen=True)
class Facts:
    """What is known of a deed.

    quantity       thousandths of the rule's unit
    source         how it became known (``points.awards.models.Source``)
    credited_on    the day the points are credited, from which their life runs; None: the day of the deed
    decided        minor units the reviewer decided on, for rules that leave the amount to the case; scores: those that
                   several judges named, where they make one amount of them
    entered_on     the day it was entered; None: in time
    started        "22:15", when the deed began, "" unknown; day_kind: workday, weekend or holiday
    age            of the beneficiary on that day in whole years, None unknown; areas: names of the areas one lives in,
                   up to the scheme's; members: codes of one's teams and lists
    choices        codes of the grades or checklist items; coefficients: code → code of the choice made
    sharers        people among whom a shared amount is split; share: of a pool that a period's end shares out: how many
                   share it, and in thousandths what all of them have and what the beneficiary has of it
    subject, act   what was reported, and the one act that several claims may be about: any text that is the same for
                   the same thing, "" unknown
    balances       what the beneficiary has now, in minor units, for ceilings and deductions; what is missing is unknown
    levels         every step reached: "star:1", "star:2"
    barred_until   the last day on which nothing can be earned
    joined_on      the day on which the beneficiary was registered here
    done           deeds under other rules, by row of usage in thousandths; ``assess`` takes it from the usage itself
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
    joined_on: date | None = None
    scores: tuple[int, ...] = ()
    done: Mapping[CapKey, int] = field(default_factory=dict)
    share: tuple[int, int, int] = (1, 0, 0)


def mark_of(life: Life, credited_on: date) -> str:
    """The last day of points credited on a day ("2026-12-31"), or "never". Relative lives run to their month's end."""
    if life.type == "never":
        return wallet_mark(None)
    if life.type in CALENDAR_LIVES:
        following = credited_on
        for _ in range(life.number + 1):
            following = period_of(following, life.type.removeprefix("calendar_"))[2] or LAST_DAY
        return wallet_mark(following - timedelta(days=1))
    if life.type == "fixed":
        return (life.on or LAST_DAY).isoformat()
    if life.type == "yearly":
        this = date(credited_on.year + life.number, life.month, life.day)
        return (this if this >= credited_on else this.replace(year=this.year + 1)).isoformat()
    number = life.number * (12 if life.type == "years" else 1)
    return wallet_mark(expires_on("days" if life.type == "days" else "month_end", credited_on, number))


def posting_day(credit: str, day: date) -> date:
    """The day on which points decided on a day are credited: that day, or the first day of the next period."""
    return day if credit == "at_once" else period_of(day, credit)[2] or day


def after(span: Span, day: date) -> date:
    """The day so many days, months or years later; in a shorter month its last day."""
    if span.unit == "days":
        return day + timedelta(days=span.number)
    months = day.year * 12 + day.month - 1 + span.number * (12 if span.unit == "years" else 1)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def last_day_of(bars: Bars, day: date) -> date:
    """The last day of what begins on a day."""
    if bars.span is not None:
        return after(bars.span, day)
    following = period_of(day, bars.rest_of)[2]
    return following - timedelta(days=1) if following else day


def rounded(value: Fraction, how: str) -> int:
    """To a whole number; "down" and "up" mean the size, so that a deduction is rounded like a gain."""
    return divided(value.numerator, value.denominator, how)


def divided(amount: int, per: int, how: str) -> int:
    """The same of a quotient that need not become a fraction first: that is most of what rounding costs."""
    sign = -1 if amount < 0 else 1
    size = sign * amount
    if how == "up":
        return -sign * (-size // per)
    if how == "half_up":
        return sign * ((2 * size + per) // (2 * per))
    return sign * (size // per)


@dataclass
class Reckoning:
    """``points`` is always the sum of the changes of its lines; ``exact`` is the amount before it was rounded."""

    rule: Rule
    facts: Facts
    usage: Usage
    scale: int
    points: int = 0
    exact: Fraction = Fraction(0)
    quantity: int = 0
    honour: int = 0
    minutes: int = 0
    percent_minutes: int = 100
    percent_honour: int = 100
    lines: list[Line] = field(default_factory=list)
    refusals: list[Line] = field(default_factory=list)
    needs: list[Line] = field(default_factory=list)
    takes: list[CapTake] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    overflow: list[tuple[str, int, str, str]] = field(default_factory=list)
    nominal: dict[CapKey, int] = field(default_factory=dict)  # what rows count where only a part is given
    bounds: tuple[int, int] | None = None

    def exactly(self, thousandths: int) -> Fraction:
        """Thousandths of a point in minor units, however fine."""
        return Fraction(thousandths * 10**self.scale, 1000)

    def minor(self, thousandths: int) -> int:
        """Thousandths of a point in the scheme's minor units; finer than the scheme can hold is rounded."""
        return divided(thousandths * 10**self.scale, 1000, self.rule.amount.rounding)

    def rounded(self, exact: Fraction) -> int:
        """Minor units, rounded as the rule says."""
        return rounded(exact, self.rule.amount.rounding)

    def in_thousandths(self, exact: Fraction) -> int:
        """Minor units as thousandths of a point, to be shown."""
        return rounded(exact * 1000 / 10**self.scale, "half_up")

    def say(self, code: str, sentence: str, values: Values, change: int = 0) -> None:
        self.points += change
        self.lines.append(Line(code, sentence, values, change))

    def refuse(self, code: str, sentence: str, values: Values | None = None) -> None:
        self.refusals.append(Line(code, sentence, values or {}))

    def need(self, code: str, sentence: str, values: Values | None = None) -> None:
        self.needs.append(Line(code, sentence, values or {}))

    def count(self, key: CapKey, amount: int) -> None:
        """Let a row count without limiting anything."""
        if amount > 0:
            self.takes.append(CapTake(key, amount, None, None))

    @property
    def credited_on(self) -> date:
        return self.facts.credited_on or self.facts.done_on

    @property
    def takes_points(self) -> bool:
        if self.points < 0 or self.honour < 0 or self.minutes < 0:
            return True
        return bool(self.others) and min(self.others.values()) < 0

    @property
    def takes_something(self) -> bool:
        """Whether it takes points away, or what its rule bars from: then it is reviewed, on notice, open to appeal."""
        return self.takes_points or (self.rule.bars is not None and self.quantity > 0)

    @property
    def undecided(self) -> bool:
        return self.bounds is not None and self.facts.decided is None
