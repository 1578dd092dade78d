"""Changing the calendar: a list comes in whole or not at all; an officer changes single days. Written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import delete

from ..db import db, insert_into, table_of
from ..errors import N_, DomainError
from ..people.enrolment import chunks, trace
from ..people.visitor import Visitor
from .models import CalendarDay
from .queries import days_known
from .reading import Entry
from .rules import FIRST_YEAR, KINDS, LAST_YEAR, whole_years

table = table_of(CalendarDay)


class NotADay(DomainError):
    """A day outside 2000 to 2100, or a kind that is none."""

    code = "not_a_calendar_day"
    sentence = N_("请填 {first} 年到 {last} 年之间的一天，并选工作日、周末或节假日。")


def set_day(who: Visitor, day: date, kind: str, *, title: str, at: datetime) -> None:
    """Say what one day is. Repeating it changes nothing. Windows that were reckoned before stay as they are.

    Raises NotADay.
    """
    if kind not in KINDS or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise NotADay(first=FIRST_YEAR, last=LAST_YEAR)
    _write(who, {day: Entry(day, kind, title)}, at)
    trace(who.scheme_id, who.person_id, "calendar.set", None, at, day=day.isoformat(), kind=kind)


def clear_day(who: Visitor, day: date, *, at: datetime) -> None:
    """Take a day out of the calendar: it goes by its weekday then, with a warning."""
    db.session.execute(delete(table).where(table.c.scheme_id == who.scheme_id, table.c.day == day))
    trace(who.scheme_id, who.person_id, "calendar.clear", None, at, day=day.isoformat())


def entries_to_write(scheme_id: int, entries: Mapping[date, Entry], fill: bool) -> dict[date, Entry]:
    """What a list writes: its days, and with ``fill`` every other day of the years it names that is not known yet, by
    its weekday. A day that is known and that the list does not name stays as it is."""
    if not fill or not entries:
        return dict(entries)
    filled = whole_years({day: entry.kind for day, entry in entries.items()})
    known = days_known(scheme_id, min(filled), max(filled))
    return {
        day: entries.get(day) or Entry(day, kind, "")
        for day, kind in filled.items()
        if day in entries or day not in known
    }


def changes(scheme_id: int, entries: Mapping[date, Entry]) -> dict[date, str]:
    """What would become of each day of a list: new, changed or same. Titles alone are no change of the day."""
    if not entries:
        return {}
    known = days_known(scheme_id, min(entries), max(entries))
    return {
        day: "new" if day not in known else "same" if known[day] == entry.kind else "changed"
        for day, entry in entries.items()
    }


def import_days(who: Visitor, entries: Mapping[date, Entry], *, fill: bool, at: datetime) -> int:
    """Write a list of days: how many. The same list again changes nothing. Run it inside one transaction."""
    wanted = entries_to_write(who.scheme_id, entries, fill)
    _write(who, wanted, at)
    trace(who.scheme_id, who.person_id, "calendar.import", None, at, days=len(wanted), named=len(entries))
    return len(wanted)


def _write(who: Visitor, entries: Mapping[date, Entry], at: datetime) -> None:
    rows = [
        {
            "scheme_id": who.scheme_id,
            "day": entry.day,
            "kind": entry.kind,
            "title": entry.title,
            "set_by": who.person_id,
            "set_at": at,
        }
        for entry in sorted(entries.values(), key=lambda entry: entry.day)
    ]
    for some in chunks(rows, 500):
        insert = insert_into(table).values(list(some))
        changed = {name: insert.excluded[name] for name in ("kind", "title", "set_by", "set_at")}
        db.session.execute(insert.on_conflict_do_update(index_elements=["scheme_id", "day"], set_=changed))
