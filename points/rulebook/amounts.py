"""Amounts as plain data: what a deed is worth, and the coefficients that multiply it. In thousandths."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Bracket:
    """From this quantity on, these points; with ``every``, so many for each of them.

    Of progressive brackets each slice is worth its own rate, of others the whole quantity that of the highest reached.
    """

    start: int
    points: int
    every: int = 0


@dataclass(frozen=True)
class Did:
    """So many deeds under other rules, in the period of the deed's day, before it was decided. In thousandths.

    most  None: any number; 0: none of them, "nothing wrong this year"
    """

    rules: tuple[str, ...]
    per: str
    least: int = 1000
    most: int | None = None
    who: str = "person"


@dataclass(frozen=True)
class When:
    """When a choice holds, for those the system chooses. What is empty asks for nothing.

    begins, ends  of the deed's starting time ("22:00"); a span that ends before it begins runs over midnight
    months, weekdays, month_days, first_on, last_on  of the day of the deed; Monday is 1
    since, until  "06-20", "08-31": a part of every year, both ends included; it may run over New Year
    levels        levels reached, as "star:3" (or higher); ages in whole years, both ends included
    did           what else was done, "if the team won this month too"
    joined        days since somebody was registered here, both ends included; None: open
    """

    days: frozenset[str] = frozenset()
    begins: str = ""
    ends: str = ""
    roles: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    first_on: date | None = None
    last_on: date | None = None
    least_age: int | None = None
    most_age: int | None = None
    levels: frozenset[str] = frozenset()
    since: str = ""
    until: str = ""
    did: Did | None = None
    joined: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True)
class Choice:
    """One of the grades or the items of a checklist, and its points; ``when`` where the system chooses."""

    code: str
    title: str
    points: int
    when: When | None = None


@dataclass(frozen=True)
class CoefficientChoice:
    """A factor in thousandths (1500 = 1.5), and points to be added; ``when`` only where the system chooses."""

    code: str
    title: str
    factor: int = 1000
    add: int = 0
    when: When | None = None


@dataclass(frozen=True)
class Told:
    """A further number that the claimant tells (people, kilometres), in thousandths.

    points  None: the amount is multiplied by the number; else so many are added for each ``every`` beyond ``above``
    """

    unit: str = ""
    least: int = 1000
    most: int = 1_000_000
    step: int = 1000
    points: int | None = None
    every: int = 1000
    above: int = 0

    def read(self, text: str) -> int | None:
        """What was told, in thousandths; None when it is no number within the bounds and on the step."""
        if not NUMBER.fullmatch(text):
            return None
        whole, _, part = text.partition(".")
        number = int(whole) * 1000 + int(part.ljust(3, "0"))
        return number if self.least <= number <= self.most and number % self.step == 0 else None


@dataclass(frozen=True)
class Coefficient:
    """A named coefficient (night, holiday, hardship) and its choices; a choice without ``when`` is the default.

    told  instead of choices, for those that are a number (``by`` "number")
    """

    code: str
    title: str
    by: str
    choices: tuple[CoefficientChoice, ...] = ()
    told: Told | None = None

    def choice(self, code: str) -> CoefficientChoice | None:
        return next((one for one in self.choices if one.code == code), None)


@dataclass(frozen=True)
class Amount:
    """How much a deed is worth.

    count       per lot of ``every``: whole lots only, begun lots too, lots from their half, or in proportion
    base, above points once beside the lots; quantity before which nothing is earned
    cumulative  the period over which the quantity adds up: a deed is worth f(used + quantity) − f(used)
    mode        brackets: "highest", "additive" or "progressive"; choices: "one" or "several"
    group       of rules over which it adds up together; percent: of what the holder has, in thousandths
    by          "shared" at the end of a period: what the shares go by; the quantity is then the share itself
    zero        whether the reviewer may decide on nought; each: decided per unit, not once
    """

    type: str
    points: int = 0
    every: int = 1000
    count: str = "whole"
    rounding: str = "down"
    base: int = 0
    above: int = 0
    cumulative: str = ""
    cumulative_who: str = "person"
    least: int = 0
    most: int = 0
    step: int = 0
    zero: bool = True
    each: bool = False
    mode: str = ""
    brackets: tuple[Bracket, ...] = ()
    choices: tuple[Choice, ...] = ()
    most_each: int = 0
    coefficients: tuple[Coefficient, ...] = ()
    together: str = "multiplied"
    group: str = ""
    percent: int = 0
    by: str = ""

    @property
    def whole(self) -> bool:
        return self.count != "proportional"

    @property
    def chosen_by_system(self) -> bool:
        """Whether conditions choose the grade, and nobody has to."""
        return any(one.when is not None for one in self.choices)

    @property
    def decided_by_reviewer(self) -> bool:
        return self.type in ("case_by_case", "range")
