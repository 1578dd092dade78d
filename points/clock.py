"""The one clock. Everything that asks for the time asks here, so a test can say what time it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_fixed: ContextVar[datetime | None] = ContextVar("fixed", default=None)


def now() -> datetime:
    """This moment, in UTC, to the microsecond."""
    return _fixed.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Stop the clock at a moment (tests and the demo's history)."""
    token = _fixed.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _fixed.reset(token)


def local(moment: datetime, zone: str) -> datetime:
    """The moment as the scheme's clocks show it."""
    return moment.astimezone(ZoneInfo(zone))


def local_date(moment: datetime, zone: str) -> date:
    """The calendar day on which the moment falls in the scheme's zone."""
    return local(moment, zone).date()


def day_start(day: date, zone: str) -> datetime:
    """The first moment of a day in the scheme's zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


ONE_DAY = timedelta(days=1)
A_MICROSECOND = timedelta(microseconds=1)
PERIODS = ("day", "week", "month", "quarter", "half_year", "year", "lifetime")


@lru_cache(maxsize=16_384)  # some days in a few periods are asked for again and again
def period_of(day: date, period: str) -> tuple[str, date, date | None]:
    """The period a day falls in: its key ("2026-11", "2026-W47", "2026-Q4"…), first day and first day of the next.

    Weeks begin on Monday (ISO). ``lifetime`` has no next.
    """
    y, m = day.year, day.month
    if period == "day":
        return day.isoformat(), day, day + timedelta(days=1)
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        iso = day.isocalendar()
        return f"{iso.year}-W{iso.week:02}", monday, monday + timedelta(days=7)
    months = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}.get(period)
    if months:
        first = (m - 1) // months * months + 1
        nxt = date(y + 1, 1, 1) if first + months > 12 else date(y, first + months, 1)
        name = {1: f"{y}-{m:02}", 3: f"{y}-Q{(m + 2) // 3}", 6: f"{y}-H{(m + 5) // 6}", 12: f"{y}"}[months]
        return name, date(y, first, 1), nxt
    if period == "lifetime":
        return "ever", date.min, None
    raise ValueError(f"no such period: {period}")
