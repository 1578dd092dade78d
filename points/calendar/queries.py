"""What the scheme's calendar says about a day, a window of working days, and how far it reaches."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Select, func, select

from ..db import db
from .models import CalendarDay
from .rules import MOST_DAYS, Window, kind_of, known_until, working_days_after

AHEAD = timedelta(days=5 * 366)  # how far the end of the calendar is looked for
A_STEP = timedelta(days=62)  # days read at first for a window: most are of 3 to 10 working days


def days_known(scheme_id: int, first: date, last: date) -> dict[date, str]:
    """The days the calendar names from the first to the last, both included."""
    rows = db.session.execute(
        select(CalendarDay.day, CalendarDay.kind)
        .where(CalendarDay.scheme_id == scheme_id)
        .where(CalendarDay.day >= first, CalendarDay.day <= last)
    )
    return dict(rows.all())


def day_kind(scheme_id: int, day: date) -> str:
    """workday, weekend or holiday; by its weekday where the calendar does not name the day."""
    return kind_of(days_known(scheme_id, day, day), day)[0]


def add_working_days(scheme_id: int, start: date, n: int) -> Window:
    """The window of n working days after a day, and whether it reaches beyond the calendar. 0 to 400 days."""
    ahead = A_STEP if n <= 20 else timedelta(days=3 * MOST_DAYS)
    while True:
        last, beyond = working_days_after(days_known(scheme_id, start, start + ahead), start, n)
        if last <= start + ahead or ahead >= timedelta(days=4 * 366):
            return Window(start, last, beyond)
        ahead = timedelta(days=4 * 366)


def reaches_until(scheme_id: int, today: date) -> date | None:
    """The last day up to which every day from today on is in the calendar; None when today is not."""
    return known_until(days_known(scheme_id, today, today + AHEAD), today)


def span(scheme_id: int) -> tuple[date | None, date | None]:
    """The first and the last day in the calendar, by its key."""
    first, last = db.session.execute(
        select(func.min(CalendarDay.day), func.max(CalendarDay.day)).where(CalendarDay.scheme_id == scheme_id)
    ).one()
    return first, last


def days_of(scheme_id: int, *, kind: str = "", text: str = "", year: int | None = None) -> Select[tuple[CalendarDay]]:
    """The days in the calendar that fit, to be paged through by day."""
    query = select(CalendarDay).where(CalendarDay.scheme_id == scheme_id)
    if kind:
        query = query.where(CalendarDay.kind == kind)
    if year:
        query = query.where(CalendarDay.day >= date(year, 1, 1), CalendarDay.day <= date(year, 12, 31))
    if text := text.strip()[:40]:
        like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(CalendarDay.title.like(f"%{like}%", escape="\\"))
    return query
