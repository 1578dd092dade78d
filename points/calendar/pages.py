"""The calendar on pages: a month, a list, single days by hand, and a year's list by import."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Flask, Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, DomainError, NotFound
from ..people import sheets, workbooks
from ..people.visitor import Visitor
from ..web import audience, me, payload
from ..web.audience import visitor
from ..web.errors import status_of
from ..web.formats import day, sentence_of, weekday
from ..web.request import idempotency_key, new_key
from ..web.schemas import tidy
from ..web.sentences import translated
from ..web.tables import csv_answer, xlsx_answer
from . import reading
from .actions import changes, clear_day, entries_to_write, import_days, set_day
from .models import CalendarDay
from .queries import days_known, days_of, reaches_until, span
from .rules import FIRST_YEAR, KIND_WORDS, KINDS, LAST_YEAR, by_weekday, ends_soon, kind_of, month_weeks
from .schemas import CalendarDaySchema

pages = Blueprint("calendar", __name__)
HEADER = (N_("日期"), N_("类型"), N_("名称"), N_("星期"))
TEMPLATE = (
    (N_("日期"), N_("必填，写成 2026-10-01。连着几天的，写第一天。")),
    (N_("到哪天"), N_("连着几天的，写最后一天；只有一天就空着。")),
    (N_("类型"), N_("必填：工作日（调休上班也写工作日）、周末或节假日。")),
    (N_("名称"), N_("比如国庆节。可以空着。")),
)
# How the State Council's yearly order reads, put into rows: that for 2025 (国办发明电〔2024〕12号). An example of the
# form, on a sheet of its own: nothing of it is in force until somebody imports it.
EXAMPLE_TITLE = N_("样例 2025年国办通知")
EXAMPLE = (
    ("2025-01-01", "", "节假日", "元旦"),
    ("2025-01-26", "", "工作日", "春节调休上班"),
    ("2025-01-28", "2025-02-04", "节假日", "春节"),
    ("2025-02-08", "", "工作日", "春节调休上班"),
    ("2025-04-04", "2025-04-06", "节假日", "清明节"),
    ("2025-04-27", "", "工作日", "劳动节调休上班"),
    ("2025-05-01", "2025-05-05", "节假日", "劳动节"),
    ("2025-05-31", "2025-06-02", "节假日", "端午节"),
    ("2025-09-28", "", "工作日", "国庆节、中秋节调休上班"),
    ("2025-10-01", "2025-10-08", "节假日", "国庆节、中秋节"),
    ("2025-10-11", "", "工作日", "国庆节、中秋节调休上班"),
)
COLUMN_WORDS = {"day": N_("日期"), "until": N_("到哪天"), "kind": N_("类型"), "title": N_("名称")}


def today_of(who: Visitor) -> date:
    return clock.local_date(clock.now(), who.zone)


# ---------------------------------------------------------------- looking


@pages.get("/calendar")
@audience("calendar.see")
def index() -> ResponseReturnValue:
    """A month, or the list of what is in the calendar."""
    who: Visitor = me()
    if request.args.get("view") == "list":
        return show_list(who)
    return show_month(who, month_of(request.args.get("month", ""), today_of(who)), {})


def month_of(text: str, otherwise: date) -> date:
    """The first of the month that an address names, else of the one given."""
    year, _, month = text[:7].partition("-")
    if year.isascii() and year.isdigit() and month.isascii() and month.isdigit():
        if FIRST_YEAR <= int(year) <= LAST_YEAR and 1 <= int(month) <= 12:
            return date(int(year), int(month), 1)
    return otherwise.replace(day=1)


def show_month(who: Visitor, first: date, errors: Mapping[str, list[str]]) -> str:
    weeks = month_weeks(first.year, first.month)
    known = days_known(who.scheme_id, weeks[0][0], weeks[-1][-1])
    titles = {
        row.day: row.title
        for row in db.session.scalars(
            days_of(who.scheme_id).where(CalendarDay.day >= weeks[0][0], CalendarDay.day <= weeks[-1][-1])
        )
    }
    chosen = reading.day_of(request.args.get("day", "")) or reading.day_of(request.form.get("day", ""))
    return render_template(
        "calendar/month.html",
        first=first,
        weeks=[[(one, *kind_of(known, one), titles.get(one, "")) for one in week] for week in weeks],
        before=neighbour(first, -1),
        after=neighbour(first, 1),
        today=today_of(who),
        chosen=chosen,
        chosen_kind=kind_of(days_known(who.scheme_id, chosen, chosen), chosen) if chosen else None,
        chosen_title=titles.get(chosen, "") if chosen else "",
        errors=errors,
        kinds=[(one, gettext(KIND_WORDS[one])) for one in KINDS],
        key=new_key(),
        **reach(who),
    )


def neighbour(first: date, step: int) -> str:
    """The month before or after, as an address names it; empty beyond what a calendar may hold."""
    place = first.year * 12 + first.month - 1 + step
    return f"{place // 12}-{place % 12 + 1:02}" if FIRST_YEAR <= place // 12 <= LAST_YEAR else ""


def show_list(who: Visitor) -> str:
    wanted = asked()
    rows = db.session.scalars(days_of(who.scheme_id, **wanted).order_by(CalendarDay.day)).all()  # a year's at most
    return render_template(
        "calendar/list.html",
        rows=rows,
        wanted=wanted,
        years=years(who),
        kinds=[(one, gettext(KIND_WORDS[one])) for one in KINDS],
        said=said,
        **reach(who),
    )


def asked() -> dict[str, Any]:
    """The filter of this address. A year at a time: a list is at most 366 days long."""
    kind, year = request.args.get("kind", ""), request.args.get("year", "")
    on = int(year) if year.isascii() and year.isdigit() and len(year) == 4 else None
    return {
        "kind": kind if kind in KINDS else "",
        "text": str(session.get("calendar_text", "")),
        "year": on or clock.local_date(clock.now(), me().zone).year,
    }


def years(who: Visitor) -> list[int]:
    first, last = span(who.scheme_id)
    this = today_of(who).year
    return list(range(min(first.year if first else this, this), max(last.year if last else this, this) + 1))


def said(kind: str) -> str:
    return gettext(KIND_WORDS[kind])


def reach(who: Visitor) -> dict[str, Any]:
    """How far the calendar goes, for the note on top of a page."""
    until = reaches_until(who.scheme_id, today_of(who))
    return {"until": until, "ends_soon": ends_soon(until, today_of(who)), "may_edit": who.may("calendar.edit")}


def calendar_reach() -> dict[str, Any] | None:
    """The same for pages of other capabilities; None for those who are not concerned."""
    who = visitor()
    return reach(who) if who is not None and who.may("calendar.see") else None


@pages.post("/calendar/search")
@audience("calendar.see")
def search() -> ResponseReturnValue:
    session["calendar_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    kept = {name: request.form[name] for name in ("kind", "year") if request.form.get(name)}
    return redirect(url_for("calendar.index", view="list", **kept))


@pages.get("/calendar/export.<kind>")
@audience("calendar.see")
def export(kind: str) -> Response:
    """All of it (or what the filter leaves), in a form that the import reads again."""
    who: Visitor = me()
    wanted = asked() if "year" in request.args else {"kind": "", "text": "", "year": None}
    rows = list(db.session.scalars(days_of(who.scheme_id, **wanted).order_by(CalendarDay.day)))
    name = gettext("工作日历")
    if kind == "json":
        days = [{"day": row.day.isoformat(), "kind": row.kind, "title": row.title} for row in rows]
        made = Response(json.dumps({"days": days}, ensure_ascii=False, indent=1) + "\n", mimetype="application/json")
        made.headers["Content-Disposition"] = "attachment; filename=calendar.json"
        return made
    if kind not in ("xlsx", "csv"):
        raise NotFound()
    answer = xlsx_answer if kind == "xlsx" else csv_answer
    cells = ((row.day.isoformat(), gettext(KIND_WORDS[row.kind]), row.title, weekday(row.day)) for row in rows)
    return answer(name, [gettext(one) for one in HEADER], cells)


# ---------------------------------------------------------------- single days


@pages.post("/calendar/days")
@audience("calendar.edit")
def change() -> ResponseReturnValue:
    """Say what one day is, or take it out."""
    who: Visitor = me()
    data, at = payload(), clock.now()
    idempotency_key(data)
    doing = data.pop("do", "set")
    try:
        wanted = CalendarDaySchema().load(data)
        if doing == "clear":
            in_own_transaction(lambda: clear_day(who, wanted["day"], at=at))
        else:
            in_own_transaction(lambda: set_day(who, wanted["day"], wanted["kind"], title=wanted["title"], at=at))
    except ValidationError as error:
        return show_month(who, month_of(str(data.get("day", "")), today_of(who)), translated(error.messages)), 422
    except DomainError as refusal:
        found = {"day": [sentence_of(refusal)]}
        return show_month(who, month_of(str(data.get("day", "")), today_of(who)), found), status_of(refusal)
    flash(gettext("%(day)s改好了。以前算好的日子不变。", day=day(wanted["day"])))
    return redirect(url_for("calendar.index", month=f"{wanted['day']:%Y-%m}", day=wanted["day"].isoformat()))


# ---------------------------------------------------------------- a year's list


@pages.get("/calendar/import")
@audience("calendar.edit")
def load() -> ResponseReturnValue:
    return show_load({})


def show_load(errors: Mapping[str, list[str]], status: int = 200) -> ResponseReturnValue:
    return render_template("calendar/import.html", errors=errors, key=new_key(), **reach(me())), status


@pages.get("/calendar/import/template.xlsx")
@audience("calendar.edit")
def template() -> Response:
    from .workbook import template as made

    columns = [(gettext(name), gettext(how)) for name, how in TEMPLATE]
    body = made(gettext("工作日历"), columns, gettext("怎么填"), gettext(EXAMPLE_TITLE), EXAMPLE)
    answer = Response(body, content_type=workbooks.XLSX)
    answer.headers["Content-Disposition"] = "attachment; filename=calendar-template.xlsx"
    return answer


@pages.post("/calendar/import")
@audience("calendar.edit")
def look() -> ResponseReturnValue:
    """Read a list and say what it would change. Writes nothing."""
    who: Visitor = me()
    given = request.files.get("file")
    if given is None or not given.filename:
        return show_load({"file": [gettext("请选一个文件。")]}, 422)
    try:
        found = reading.read(given.filename, given.read(sheets.MAX_BYTES + 1))
    except sheets.SheetRefused as refusal:
        return show_load({"file": [sentence_of(refusal)]}, status_of(refusal))
    return show_look(who, found, fill="fill" in request.form)


def show_look(who: Visitor, found: reading.Read, *, fill: bool) -> ResponseReturnValue:
    fates = changes(who.scheme_id, found.entries)
    wanted = entries_to_write(who.scheme_id, found.entries, fill)
    shown = sorted(found.entries.values(), key=lambda entry: entry.day)
    days = [{"day": e.day.isoformat(), "kind": e.kind, "title": e.title} for e in shown]
    return render_template(
        "calendar/import_result.html",
        tally=Counter(fates.values()),
        problems=[(one, gettext(COLUMN_WORDS[one.column]), words_of(one)) for one in found.problems[:100]],
        wrong=len(found.problems),
        rows=found.rows,
        entries=[(entry, fates[entry.day], entry.kind != by_weekday(entry.day)) for entry in shown[:400]],
        filled=len(wanted) - len(found.entries),
        writes=len(wanted),
        fill=fill,
        days=json.dumps({"days": days}, ensure_ascii=False, separators=(",", ":")),
        said=said,
        key=new_key(),
        **reach(who),
    ), 422 if found.problems else 200


def words_of(problem: reading.Problem) -> str:
    return gettext(problem.say).format_map(dict(problem.facts))


@pages.post("/calendar/import/write")
@audience("calendar.edit")
def write() -> ResponseReturnValue:
    """Write the list that was looked at: all of it or nothing."""
    who: Visitor = me()
    idempotency_key()
    at, fill = clock.now(), request.form.get("fill") == "1"
    try:
        found = reading.read("days.json", request.form.get("days", "").encode())
    except sheets.SheetRefused as refusal:
        return show_load({"file": [sentence_of(refusal)]}, status_of(refusal))
    if found.problems or not found.entries:
        return show_look(who, found, fill=fill)
    written = in_own_transaction(lambda: import_days(who, found.entries, fill=fill, at=at))
    flash(gettext("写好了 %(n)s 天。以前算好的日子不变，从现在起按新的日历算。", n=written))
    return redirect(url_for("calendar.index", month=f"{min(found.entries):%Y-%m}"))


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.jinja_env.globals["calendar_reach"] = calendar_reach
