"""Working days. Pure: the days that are known and a day in, days out.

A day that the calendar does not name goes by its weekday (Monday to Friday works), and whoever asks is told so: the
holidays of a year are published in the autumn before, and whatever was reckoned without them may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ..clock import ONE_DAY
from ..errors import N_

WORKDAY, WEEKEND, HOLIDAY = KINDS = ("workday", "weekend", "holiday")
KIND_WORDS = {WORKDAY: N_("工作日"), WEEKEND: N_("周末"), HOLIDAY: N_("节假日")}
MOST_DAYS = 400  # working days that may be counted at once: more than a year's
SOON = timedelta(days=60)  # so long before its end staff are told that the calendar runs out
FIRST_YEAR, LAST_YEAR = 2000, 2100


@dataclass(frozen=True)
class Window:
    """So many working days after a day.

    start, last  the day from which it counts, which is not counted itself, and the last working day of it
    beyond       whether a day on the way is not in the calendar
    """

    start: date
    last: date
    beyond: bool

    @property
    def ends_on(self) -> date:
        """The first day on which it is over."""
        return self.last + ONE_DAY


def by_weekday(day: date) -> str:
    """What a day is that no calendar names."""
    return WORKDAY if day.weekday() < 5 else WEEKEND


def kind_of(days_known: Mapping[date, str], day: date) -> tuple[str, bool]:
    """What a day is, and whether the calendar does not name it."""
    known = days_known.get(day)
    return (by_weekday(day), True) if known is None else (known, False)


def working_days_after(days_known: Mapping[date, str], start: date, n: int) -> tuple[date, bool]:
    """The n-th working day after ``start``, and whether any day on the way is beyond the calendar.

    The day on which a period begins is not counted (Civil Code, art. 201). 0 gives the day itself. Raises ValueError
    for a negative n, for more than 400, and when 4 years hold too few working days.
    """
    if not 0 <= n <= MOST_DAYS:
        raise ValueError(f"0 to {MOST_DAYS} working days: {n}")
    day, beyond = start, False
    for _ in range(4 * 366):
        if n == 0:
            return day, beyond
        day += ONE_DAY
        kind, unknown = kind_of(days_known, day)
        beyond |= unknown
        n -= kind == WORKDAY
    raise ValueError("the calendar holds too few working days")


def known_until(days_known: Mapping[date, str], today: date) -> date | None:
    """The last day up to which the calendar names every day from today on; None when it does not name today."""
    if today not in days_known:
        return None
    day = today
    while day + ONE_DAY in days_known:
        day += ONE_DAY
    return day


def ends_soon(until: date | None, today: date) -> bool:
    """Whether the calendar ends within 60 days, or has ended."""
    return until is None or until - today < SOON


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from the first to the last, both included."""
    for count in range((last - first).days + 1):
        yield first + timedelta(days=count)


def whole_years(days: Mapping[date, str]) -> dict[date, str]:
    """Every day of the years that are named: the named ones as they are, the others by their weekday."""
    filled: dict[date, str] = {}
    for year in sorted({day.year for day in days}):
        for day in days_between(date(year, 1, 1), date(year, 12, 31)):
            filled[day] = days.get(day) or by_weekday(day)
    return filled


def month_weeks(year: int, month: int) -> list[list[date]]:
    """The weeks that a month touches, Monday first, with the days of its neighbours at both ends."""
    first = date(year, month, 1)
    last = (date(year + month // 12, month % 12 + 1, 1)) - ONE_DAY
    monday = first - timedelta(days=first.weekday())
    weeks = []
    while monday <= last:
        weeks.append([monday + timedelta(days=place) for place in range(7)])
        monday += timedelta(days=7)
    return weeks
