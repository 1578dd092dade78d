"""A rule as plain data: what a document says of it. Every number here is thousandths of what it counts.

Thousandths of a point and thousandths of a unit (2.5 hours = 2500): a rule does not depend on the scheme's decimals,
``assess`` turns points into minor units. ``parsing`` reads rules; docs/rulebook.md describes the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from .amounts import Amount as Amount
from .amounts import Bracket as Bracket
from .amounts import Choice as Choice
from .amounts import Coefficient as Coefficient
from .amounts import CoefficientChoice as CoefficientChoice
from .amounts import Did as Did
from .amounts import Told as Told
from .amounts import When as When
from .limits import Bonus as Bonus
from .limits import Cap as Cap
from .limits import Once as Once
from .limits import Spacing as Spacing
from .limits import Span as Span

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
    "session": 100,
    "referral": 100,
    "meal": 1000,
    "month": 12,
    "square_metre": 100_000,
    "mu": 10_000,
    "millilitre": 10_000,
}
# Others come in whole numbers.
MEASURED = frozenset({"hour", "minute", "day", "kilogram", "yuan", "kilometre", "square_metre", "mu", "millilitre"})
AMOUNTS = ("fixed", "per_unit", "brackets", "range", "case_by_case", "choice", "shared", "share")
COUNTS = ("whole", "whole_up", "whole_half_up", "proportional")
ROUNDINGS = ("down", "half_up", "up")
CAPPED = ("points", "times", "units", "honour", "minutes")
CAP_PERIODS = ("activity", "day", "week", "month", "quarter", "half_year", "year", "lifetime", "subject", "act")
CALENDAR = ("day", "week", "month", "quarter", "half_year", "year")  # periods that begin again
SAME = ("day", "act", *CALENDAR[1:], "lifetime")  # what makes several rules one act
WHO = ("person", "household", "team", "area", "all")
CALENDAR_LIVES = ("calendar_month", "calendar_quarter", "calendar_half_year", "calendar_year")
LIVES = ("never", "days", "months", "years", *CALENDAR_LIVES, "yearly", "fixed")
SOURCES = ("self_checked", "self", "leader", "staff", "backfill", "import")
ALSO = ("team", "helped")
SUBJECTS = ("person", "household", "team")
TRIGGERS = ("claim", "first_sign_in")
BALANCES = ("points", "honour", "minutes")  # those every scheme has; a document may add others
DAY_KINDS = ("workday", "weekend", "holiday")
CREDITS = ("at_once", *CALENDAR)
ANEW = ("month", "quarter", "half_year", "year")  # periods in which an opening is given anew
CHOSEN_BY = ("claimant", "reviewer", "system", "number")
OVERFLOWS = ("pool", "lapse", "refuse")
BARRED = ("earn", "ranking", "redeem")  # what a deed, or a step of a level, may keep somebody from
ENDS = ("first", "last")
TO_WHOM = ("team", "members")  # who gets the prize of a team
SHARED = ("by_amount", "evenly")  # how those whom a prize reaches share its points
# What a ranking may count instead of a balance, in thousandths: deeds (events where these are counted), or their units.
NO_BALANCES = ("times", "units", "named")
SCORES = ("last", "average", "trimmed", "median")


@dataclass(frozen=True)
class Proof:
    """One way of proving a deed: everything named here together."""

    photos: int = 0
    note: bool = False
    place: bool = False
    papers: str = ""
    attendance: bool = False
    files: int = 0
    helped: bool = False
    record: bool = False


@dataclass(frozen=True)
class Evidence(Proof):
    """What a claim needs beside the deed itself; ``any``: and one of these; ``not_for``: sources that need none."""

    any: tuple[Proof, ...] = ()
    not_for: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Trust:
    """How much of each a source is worth, in percent (up to 1000); or that it is refused."""

    points: int = 100
    honour: int = 100
    minutes: int = 100
    refuse: bool = False


@dataclass(frozen=True)
class Bars:
    """What somebody is barred from, and for how long; after so many times within a period, or each of so many running.

    span   so long from the day it is credited; None: for the rest of the month, quarter… of ``rest_of``
    """

    start: frozenset[str]
    span: Span | None
    times: int = 1
    per: str = "lifetime"
    rest_of: str = ""
    in_a_row: int = 1

    @property
    def at_once(self) -> bool:
        return self.times <= 1 and self.in_a_row <= 1


@dataclass(frozen=True)
class Outcome:
    """What became of the deed (a complaint upheld), and how much of it still counts, in percent."""

    code: str
    title: str
    percent: int = 0
    bars: Bars | None = None


@dataclass(frozen=True)
class Life:
    """How long the points live, from the day they are credited. Relative lives end with their month.

    number  of days, months or years; of a calendar period or a day of the year: so many later
    """

    type: str = "never"
    number: int = 0
    month: int = 12
    day: int = 31
    on: date | None = None


@dataclass(frozen=True)
class Late:
    """Entered more than so many days after the deed: worth so many percent, or refused (None); and after ``never``
    days refused in any case (0: never is)."""

    days: int
    percent: int | None = None
    never: int = 0

    @property
    def refused_after(self) -> int | None:
        """The days after which nothing is taken any more; None: it is always worth a part."""
        return self.days if self.percent is None else self.never or None


@dataclass(frozen=True)
class Stage:
    """One stage of review: so many votes by people of these roles; ``panel``: of how many asked; ``place``: whose;
    ``score``: what becomes of the amounts that they name, where the reviewer decides on the amount."""

    title: str
    by: tuple[str, ...]
    votes: int = 1
    panel: int = 1
    place: str = "community"
    score: str = "last"


@dataclass(frozen=True)
class Path:
    """A way of review. ``code`` may be one of the built-in ones: none, one, two, panel, committee."""

    code: str = "one"
    title: str = ""
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True)
class Balance:
    """A further balance (a base score, an index), never spent. ``decimals``: 0 or 1."""

    code: str
    title: str
    title_en: str = ""
    decimals: int = 0
    life: Life = Life()


@dataclass(frozen=True)
class Ceiling:
    """The most one holder may have of a balance (thousandths), and what becomes of the rest."""

    balance: str
    most: int
    overflow: str
    pool: str = ""


@dataclass(frozen=True)
class Deductions:
    """What negative rules may take from, and on which terms."""

    start: frozenset[str]
    below_zero: str
    notice_days: int
    appeal_days: int
    ends: Span


@dataclass(frozen=True)
class LevelFactor:
    """What a level reached does to the rule: "star:3" earns times so much (thousandths)."""

    level: str
    step: int
    title: str
    factor: int


@dataclass(frozen=True)
class LevelBar:
    """Whoever stands on this very step of a level earns nothing by the rule."""

    level: str
    step: int
    title: str

    def holds(self, levels: frozenset[str]) -> bool:
        """Whether these steps reached end at this one."""
        return f"{self.level}:{self.step}" in levels and f"{self.level}:{self.step + 1}" not in levels


@dataclass(frozen=True)
class Beside:
    """What a rule gives in a further balance: so much per unit, or an amount of its own; None: as much as points."""

    balance: Balance
    each: int | None = 0
    amount: Amount | None = None


@dataclass(frozen=True)
class Also:
    """What somebody else gets for the deed when it is credited: the team that did it, or whoever was helped."""

    to: str
    points: int


@dataclass(frozen=True)
class Rule:
    """One earning rule, complete in itself: all that the document defines for several rules is already in it."""

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
    category: str = ""
    category_title: str = ""
    unit_title: str = ""  # of a unit of the document's own, "套" or "套|set"
    measured: bool = False
    ages: tuple[int | None, int | None] = (None, None)  # whole years, both included; None: open
    areas: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    subject: str = "person"
    spend: str = "any"
    into: str = ""  # the balance that the amount goes to instead of points
    into_balance: Balance | None = None
    late: Late | None = None
    path: Path = Path()
    second_above: int | None = None
    notice_days: int = 0
    notice_above: int = 0
    credit: str = "at_once"
    trigger: str = "claim"
    bars: Bars | None = None
    honour_amount: Amount | None = None
    minutes_amount: Amount | None = None
    beside: tuple[Beside, ...] = ()
    once: tuple[Once, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    spacing: tuple[Spacing, ...] = ()
    also: tuple[Also, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    deductions: Deductions | None = None
    level_factors: tuple[LevelFactor, ...] = ()
    level_bars: tuple[LevelBar, ...] = ()
    counted: tuple[tuple[str, str], ...] = ()  # whose deeds, in which period, conditions of other rules ask for

    @cached_property
    def conditions(self) -> tuple[When, ...]:
        """Everything that the system looks at by itself, in coefficients and in grades."""
        amounts = (self.amount, self.honour_amount, self.minutes_amount, *(one.amount for one in self.beside))
        choices = [choice.when for amount in amounts if amount is not None for choice in amount.choices]
        choices += [choice.when for one in self.amount.coefficients for choice in one.choices]
        return tuple(when for when in choices if when is not None)

    @cached_property
    def looks_back(self) -> tuple[Did, ...]:
        """The deeds under other rules that its conditions ask for."""
        return tuple({when.did: None for when in self.conditions if when.did is not None})

    def trust_in(self, source: str) -> Trust:
        return dict(self.trust).get(source, Trust())

    def outcome(self, code: str) -> Outcome | None:
        return next((one for one in self.outcomes if one.code == code), None)

    @property
    def unit_name(self) -> str:
        """The unit as a value of a sentence: a code that ``wording`` knows, or the title of the document's own."""
        return self.unit_title or self.unit

    @property
    def takes_away(self) -> bool:
        """Whether it may take points away, or bar from something."""
        return self.deductions is not None
