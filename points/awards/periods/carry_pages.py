"""Carrying over for the staff: the runs with what they moved, and a try before the period ends."""

from __future__ import annotations

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from ... import clock
from ...db import db
from ...errors import N_
from ...web import audience, latest_of, me
from ...web.formats import moment
from ...web.tables import csv_answer, xlsx_answer
from ..models import PeriodRun
from . import carried
from .pages import pages

HEADER = (
    *(N_("哪一期"), N_("什么积分"), N_("细则怎么写"), N_("人数"), N_("期末剩下"), N_("结转")),
    *(N_("转成"), N_("转成多少"), N_("进公益池"), N_("清零"), N_("什么时候办的")),
)
MOST = 5_000


@pages.get("/carrying")
@audience("grants.see")
def carrying() -> ResponseReturnValue:
    return carrying_page()


def carrying_page(tried: carried.Moved | None = None) -> ResponseReturnValue:
    who, at = me(), clock.now()
    page = latest_of(carried.runs_of(who.scheme_id), PeriodRun.run_at, PeriodRun.id, size=20)
    may_try = carried.may_try(who)
    return render_template(
        "periods/carrying.html",
        page=page,
        moved_by=carried.moved_by,
        tried=tried,
        triable=carried.triable(who, clock.local_date(at, who.zone)) if may_try else [],
        entry_words=carried.entry_words,
    )


@pages.post("/carrying/try")
@audience("grants.approve")
def try_carrying() -> ResponseReturnValue:
    """What would become of what is left; nothing is written."""
    code, _, period = request.form.get("entry", "")[:80].rpartition("@")
    return carrying_page(carried.try_dry(me(), code, period, clock.now()))


@pages.get("/carrying.<any(xlsx, csv):kind>")
@audience("grants.see")
def carrying_file(kind: str) -> Response:
    """Every run, the latest first."""
    runs = carried.runs_of(me().scheme_id).order_by(PeriodRun.run_at.desc(), PeriodRun.id.desc()).limit(MOST)
    rows = (
        [
            *(one.period, one.balance, one.rule, one.holders, one.amounts["left"], one.amounts["goes_on"]),
            *(one.to if one.is_turned else "", one.amounts["into"], one.amounts["pooled"], one.amounts["lapses"]),
            moment(one.run_at) if one.run_at else "",
        ]
        for one in map(carried.moved_by, db.session.scalars(runs))
    )
    answer = csv_answer if kind == "csv" else xlsx_answer
    return answer(gettext("期末结转"), [gettext(word) for word in HEADER], rows)
