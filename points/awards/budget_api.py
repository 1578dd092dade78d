"""The JSON twin of the budgets' page."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from .. import clock
from ..db import in_own_transaction
from ..people.actions import MINUTES, POINTS
from ..people.visitor import Visitor
from ..web import audience, me
from ..web.api import register
from ..web.formats import plain
from ..web.schemas import Amount, Strict, Text, Whole
from .budgets import UNITS, Line, categories_of, lines_of, months_of, set_year_budget

api = Blueprint("budgets_api", __name__, url_prefix="/api/v1", description="Budgets")


class BudgetsAsked(Strict):
    year = Whole(least=2000, most=2199, required=True)
    unit = fields.String(validate=validate.OneOf(UNITS), load_default=POINTS)


class BudgetSet(BudgetsAsked):
    category = Text(most=40, load_default="", metadata={"description": "its code; empty: the year's own budget"})
    amount = fields.String(required=True, metadata={"description": "a decimal, what is issued included"})
    reason = Text(most=200, load_default="")


class BudgetOut(Schema):
    category = fields.String()
    title = fields.String()
    amount = fields.String(allow_none=True, metadata={"description": "null: no budget, issued without a limit"})
    issued = fields.String(allow_none=True)
    left = fields.String(allow_none=True)


class BudgetMonthOut(Schema):
    month = fields.Integer()
    issued = fields.Dict(keys=fields.String(), values=fields.String())


class BudgetsOut(Schema):
    year = fields.Integer()
    unit = fields.String()
    budgets = fields.List(fields.Nested(BudgetOut))
    months = fields.List(fields.Nested(BudgetMonthOut))


def scale_of(who: Visitor, unit: str) -> int:
    return 0 if unit == MINUTES else who.points_scale


def shown(line: Line, scale: int) -> dict[str, Any]:
    budget = line.budget
    amounts = {"amount": None, "issued": None, "left": None}
    if budget is not None:
        known = {"amount": budget.amount, "issued": budget.issued, "left": budget.left}
        return {"category": line.category, "title": line.title} | {n: plain(v, scale) for n, v in known.items()}
    return {"category": line.category, "title": line.title, **amounts}


@api.get("/budgets")
@api.arguments(BudgetsAsked, location="query")
@api.response(200, BudgetsOut)
@audience("budgets.see")
def listing(asked: dict[str, Any]) -> dict[str, Any]:
    """A year's budgets: the general one, then those of categories; and what each month issued from them."""
    who, at = me(), clock.now()
    year, unit = asked["year"], asked["unit"]
    lines = lines_of(who.scheme_id, year, categories_of(who.scheme_id, at, who.zone), unit)
    codes = [line.category for line in lines if line.category]
    scale = scale_of(who, unit)
    return {
        "year": year,
        "unit": unit,
        "budgets": [shown(line, scale) for line in lines],
        "months": [
            {"month": month.month, "issued": {code: plain(n, scale) for code, n in month.issued.items()}}
            for month in months_of(who.scheme_id, year, codes, at, who.zone, unit)
        ],
    }


@api.put("/budgets")
@api.arguments(BudgetSet)
@api.response(200, BudgetOut)
@audience("budgets.set")
def change(asked: dict[str, Any]) -> dict[str, Any]:
    """Set, raise or lower a budget. Lowered below what is issued, nothing more is issued and all else goes on."""
    who, at = me(), clock.now()
    scale = scale_of(who, asked["unit"])
    asked["amount"] = Amount(scale=scale).deserialize(asked["amount"])
    return shown(in_own_transaction(lambda: set_year_budget(who, at=at, **asked)), scale)


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
