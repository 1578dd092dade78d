"""The year's budgets: how much may be given, how much is, and who changed it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError, fields

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, DomainError
from ..people.actions import HONOUR, MINUTES, POINTS
from ..people.models import Trace
from ..people.visitor import Visitor
from ..web import audience, idempotency_key, me, page_of
from ..web.formats import decimal, numeric, sentence_of
from ..web.request import new_key, payload
from ..web.schemas import Amount, Strict, Text, Whole
from ..web.tables import csv_answer, xlsx_answer
from .budgets import Line, can_set, categories_of, changes_of, lines_of, months_of, set_year_budget

pages = Blueprint("budgets", __name__)
UNIT_WORDS = {POINTS: N_("积分"), HONOUR: N_("荣誉积分"), MINUTES: N_("服务时长（分钟）")}
HEADER = (N_("类别"), N_("预算"), N_("已发"), N_("还剩"))


def wanted(who: Visitor) -> tuple[int, str]:
    """The year and the unit of this address; what it does not know is as if it were not there."""
    this_year = clock.local_date(clock.now(), who.zone).year
    text, unit = request.values.get("year", ""), request.values.get("unit", "")
    year = (
        int(text) if text.isascii() and text.isdigit() and len(text) == 4 and 2000 <= int(text) <= 2199 else this_year
    )
    return year, unit if unit in UNIT_WORDS else POINTS


def places(who: Visitor, unit: str) -> int:
    """Decimals of a unit."""
    return 0 if unit == MINUTES else who.points_scale


@pages.get("/budgets")
@audience("budgets.see")
def index() -> ResponseReturnValue:
    return budget_page()


def budget_page(error: str = "", typed: dict[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    who: Visitor = me()
    at, (year, unit) = clock.now(), wanted(who)
    titles = categories_of(who.scheme_id, at, who.zone)
    lines = lines_of(who.scheme_id, year, titles, unit)
    shown = {line.category: line.title for line in lines if line.category}
    history = page_of(
        changes_of(who.scheme_id),
        *(Trace.at, Trace.id),
        shape=(datetime, int),
        descending=True,
        size=20,
        key_of=lambda row: (row[0].at, row[0].id),
        scalars=False,
    )
    answer = render_template(
        "budgets/index.html",
        year=year,
        this_year=clock.local_date(at, who.zone).year,
        unit=unit,
        units=UNIT_WORDS,
        lines=lines,
        titles=shown,
        months=months_of(who.scheme_id, year, shown, at, who.zone, unit),
        history=history,
        may_set=can_set(who),
        key=new_key(),
        error=error,
        typed={"category": "", "amount": "", "reason": "", **(typed or {})},
        figure=lambda minor: decimal(minor, places(who, unit)),
        figure_of=lambda minor, code: decimal(minor, places(who, code)),
    )
    return answer, status


class BudgetSchema(Strict):
    year = Whole(least=2000, most=2199, required=True)
    unit = Text(most=10, load_default=POINTS)
    category = Text(most=40, load_default="")
    reason = Text(most=200, load_default="")
    key = fields.String()


@pages.post("/budgets")
@audience("budgets.set")
def change() -> ResponseReturnValue:
    who, at = me(), clock.now()
    sent = {name: value for name, value in payload().items() if name != "amount"}
    typed = {name: str(request.form.get(name, ""))[:200] for name in ("category", "amount", "reason")}
    try:
        asked: dict[str, Any] = BudgetSchema().load(sent)
        amount = Amount(scale=places(who, asked["unit"])).deserialize(request.form.get("amount", ""))
        idempotency_key()  # setting it twice to the same is once; the form says so all the same
        asked.pop("key", None)
        line: Line = in_own_transaction(lambda: set_year_budget(who, amount=amount, at=at, **asked))
    except ValidationError as error:
        return budget_page(first_of(error.messages), typed, 422)
    except DomainError as error:
        db.session.rollback()
        return budget_page(sentence_of(error), typed, 422)
    if line.budget and line.budget.issued >= line.budget.amount:
        flash(gettext("记下了。这笔预算已经发完，再要发的会停下来，等您调高预算。"))
    else:
        flash(gettext("记下了，马上按新的预算发。"))
    return redirect(url_for("budgets.index", year=asked["year"], unit=asked["unit"]))


def first_of(messages: Any) -> str:
    while isinstance(messages, (dict, list)) and messages:
        messages = next(iter(messages.values())) if isinstance(messages, dict) else messages[0]
    return str(messages).format(scale=1, min=0, max="")


@pages.get("/budgets.<any(xlsx, csv):kind>")
@audience("budgets.see")
def file(kind: str) -> Response:
    """The year's budgets, and what each month issued from them."""
    who: Visitor = me()
    at, (year, unit) = clock.now(), wanted(who)
    lines = lines_of(who.scheme_id, year, categories_of(who.scheme_id, at, who.zone), unit)
    codes = [line.category for line in lines if line.category]
    months = months_of(who.scheme_id, year, codes, at, who.zone, unit)
    scale = places(who, unit)
    header = [gettext(word) for word in HEADER] + [gettext("%(n)s月", n=month.month) for month in months]
    rows = [[*cells(line, scale), *(numeric(m.issued.get(line.category, 0), scale) for m in months)] for line in lines]
    return (csv_answer if kind == "csv" else xlsx_answer)(f"{gettext('预算')}-{year}", header, rows)


def cells(line: Line, scale: int) -> list[Any]:
    budget = line.budget
    amounts = (budget.amount, budget.issued, budget.left) if budget else (None, None, None)
    title = line.title or gettext("全年总预算")
    return [title, *("" if amount is None else numeric(amount, scale) for amount in amounts)]


def install(app: Flask) -> None:
    app.register_blueprint(pages)
