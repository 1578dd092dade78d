"""The JSON twins of carrying over."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from ... import clock
from ...web import audience, latest_of, me
from ...web.schemas import IdField, PageAsked, Strict, Text
from ..models import PeriodRun
from . import carried
from .api import api


class AmountsOut(Schema):
    """Decimals as text; ``into`` counts the balance that it is turned into."""

    left = fields.String()
    goes_on = fields.String()
    into = fields.String()
    pooled = fields.String()
    lapses = fields.String()


class CarriedOut(Schema):
    id = IdField(metadata={"description": "0 for a try"})
    code = fields.String()
    period = fields.String()
    balance = fields.String()
    to = fields.String()
    rule = fields.String(metadata={"description": "What the rulebook says, in words"})
    holders = fields.Integer()
    amounts = fields.Nested(AmountsOut)
    run_at = fields.DateTime(allow_none=True)
    is_whole = fields.Boolean(metadata={"description": "False: a try that ended before everybody was looked at"})


class CarriedRunsOut(Schema):
    runs = fields.List(fields.Nested(CarriedOut))
    next = fields.String(allow_none=True)


class CarryAsked(Strict):
    code = Text(least=1, most=40, required=True)
    period = Text(least=1, most=20, required=True)


@api.get("/carrying")
@api.arguments(PageAsked, location="query")
@api.response(200, CarriedRunsOut)
@audience("grants.see")
def carrying(asked: dict[str, Any]) -> dict[str, Any]:
    """What became of what was left at the ends of periods, the latest first."""
    runs = carried.runs_of(me().scheme_id)
    page = latest_of(runs, PeriodRun.run_at, PeriodRun.id, cursor=asked.get("after"))
    return {"runs": [carried.moved_by(one) for one in page], "next": page.next}


@api.post("/carrying/try")
@api.arguments(CarryAsked)
@api.response(200, CarriedOut)
@audience("grants.approve")
def try_carrying(asked: dict[str, Any]) -> Any:
    """What would become of what is left if the period ended now. Writes nothing and needs no key."""
    return carried.try_dry(me(), asked["code"], asked["period"], clock.now())
