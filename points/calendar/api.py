"""The JSON twins of the calendar: its days, a window of working days, single days, and a list."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from flask import Flask
from flask_smorest import Blueprint

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, NotFound
from ..people.visitor import Visitor
from ..web import audience, me
from ..web.api import register
from ..web.schemas import refuse
from .actions import changes, clear_day, entries_to_write, import_days, set_day
from .models import CalendarDay
from .queries import add_working_days, days_of, reaches_until
from .reading import Entry, day_of
from .schemas import (
    CalendarAskedSchema,
    CalendarDaySchema,
    CalendarImportOut,
    CalendarImportSchema,
    CalendarOut,
    WindowAskedSchema,
    WindowOut,
)

api = Blueprint("calendar_api", __name__, url_prefix="/api/v1", description="Working days")


@api.get("/calendar")
@api.arguments(CalendarAskedSchema, location="query")
@api.response(200, CalendarOut)
@audience("calendar.see")
def days(asked: dict[str, Any]) -> dict[str, Any]:
    """The days of the calendar from one to another, at most 366 of them."""
    who: Visitor = me()
    if not 0 <= (asked["last"] - asked["first"]).days <= 366:
        raise refuse("last", N_("最多看 366 天。"))
    between = days_of(who.scheme_id).where(CalendarDay.day >= asked["first"], CalendarDay.day <= asked["last"])
    today = clock.local_date(clock.now(), who.zone)
    return {
        "days": db.session.scalars(between.order_by(CalendarDay.day)).all(),
        "until": reaches_until(who.scheme_id, today),
    }


@api.get("/calendar/window")
@api.arguments(WindowAskedSchema, location="query")
@api.response(200, WindowOut)
@audience("calendar.see")
def window(asked: dict[str, Any]) -> Any:
    """So many working days after a day, which itself is not counted."""
    return add_working_days(me().scheme_id, asked["start"], asked["days"])


@api.post("/calendar/days")
@api.arguments(CalendarDaySchema)
@api.response(204)
@audience("calendar.edit")
def change(wanted: dict[str, Any]) -> None:
    """Say what one day is. Repeating it changes nothing."""
    who, at = me(), clock.now()
    in_own_transaction(lambda: set_day(who, wanted["day"], wanted["kind"], title=wanted["title"], at=at))


@api.delete("/calendar/days/<day>")
@api.response(204)
@audience("calendar.edit")
def clear(day: str) -> None:
    """Take a day out: it goes by its weekday then. Repeating it changes nothing."""
    who, at, on = me(), clock.now(), day_of(day)
    if on is None:
        raise NotFound()
    in_own_transaction(lambda: clear_day(who, on, at=at))


@api.post("/calendar/import")
@api.arguments(CalendarImportSchema)
@api.response(200, CalendarImportOut)
@audience("calendar.edit")
def import_list(wanted: dict[str, Any]) -> dict[str, Any]:
    """Write a list of days, all or nothing; the same list again changes nothing. By default it only looks."""
    who, at = me(), clock.now()
    entries: dict[date, Entry] = {}
    for one in wanted["days"]:
        entry = Entry(one["day"], one["kind"], one["title"])
        if entries.setdefault(entry.day, entry).kind != entry.kind:
            raise refuse("days", N_("同一天写了两次，写的不一样。"))
    tally = Counter(changes(who.scheme_id, entries).values())
    whole = entries_to_write(who.scheme_id, entries, wanted["fill"])
    written = 0
    if not wanted["dry_run"]:
        written = in_own_transaction(lambda: import_days(who, entries, fill=wanted["fill"], at=at))
    return {
        "new": tally["new"],
        "changed": tally["changed"],
        "same": tally["same"],
        "filled": len(whole) - len(entries),
        "written": written,
    }


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
