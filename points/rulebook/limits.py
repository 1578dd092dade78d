"""What counts over time, as plain data: caps, one act under several rules, bonuses, deeds kept apart; thousandths."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """So many days, months or years."""

    unit: str
    number: int


@dataclass(frozen=True)
class Cap:
    """At most so much per period: points, honour, minutes, times or units; for the rule, or the group it shares with.

    A time is an event where the rule counts events, and a claim where it counts anything else.
    starts  "09-01": the first day of a year that does not begin in January
    same    "subject": counted for each thing or person reported alone
    """

    what: str
    most: int
    per: str
    who: str = "person"
    over: str = "cut"
    group: str = ""
    group_title: str = ""
    starts: str = ""
    percent: int = 0  # of what goes beyond it, where ``over`` is "percent"
    same: str = ""


@dataclass(frozen=True)
class Once:
    """One act under several rules of the group counts once, at the highest; or the ``best`` so many of it do."""

    group: str
    title: str
    same: str = "day"
    who: str = "person"
    best: int = 1


@dataclass(frozen=True)
class Bonus:
    """Points on top when the total reaches ``reach`` within a period, or in so many periods running.

    of     "times" (deeds) or "units"; ``again``: for every further ``reach`` anew
    """

    code: str
    title: str
    points: int
    reach: int
    per: str
    of: str = "times"
    in_a_row: int = 1
    again: bool = False
    group: str = ""  # of rules that count towards it together
    who: str = "person"


@dataclass(frozen=True)
class Spacing:
    """At most so many deeds within any so many days, months or years: no calendar period, but a moving one.

    One in a span means that two lie at least the span apart. same  "subject": counted for each thing reported alone
    """

    span: Span
    most: int = 1
    who: str = "person"
    same: str = ""
    over: str = "refuse"
    group: str = ""
    group_title: str = ""
