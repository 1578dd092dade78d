"""The JSON twins: redeem in one call, return, balance. Amounts are minor units of points; see ``scale``."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from .. import clock
from ..ledger.queries import balance_of, unit_of, wallet_lots
from ..ledger.rules import has_passed
from ..people.actions import HONOUR, MINUTES, POINTS
from ..web import audience, idempotency_key, me
from ..web.api import RefusalSchema, register
from .doors import doors_for
from .edge import counted
from .forecast import forecast_of
from .giving import Redeemed
from .models import Receipt, Return
from .queries import points_of
from .receipts import receipt_for_clerk, receipt_made
from .redeeming import redeem_code
from .returning import return_by_key, return_receipt
from .schemas import ApiReturnSchema, RedemptionSchema, receipt_answer, wanted_lines
from .servings import claim_code
from .till_api import returned_with

api = Blueprint("redemption_api", __name__, url_prefix="/api/v1", description="Redemptions, returns, balance")

KEYED = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
            "description": "Made by the caller. Sent again with the same request it gives the first answer.",
        }
    ]
}


class LineOut(Schema):
    item_id = fields.String()
    name = fields.String()
    what = fields.String()
    quantity = fields.Integer()
    measure = fields.String()
    unit_points = fields.Integer()
    points = fields.Integer()


class ReceiptOut(Schema):
    """A receipt. The resident's name is masked."""

    id = fields.String()
    number = fields.String(metadata={"description": "Month, day and count within the till: 1120-0018"})
    short = fields.String()
    shop = fields.String()
    till = fields.String()
    name = fields.String()
    tail = fields.String()
    means = fields.String(validate=validate.OneOf(("phone", "number", "card")))
    made_at = fields.String()
    local_time = fields.String()
    time = fields.String()
    points = fields.Integer()
    before = fields.Integer()
    after = fields.Integer()
    pieces = fields.Integer()
    lines = fields.List(fields.Nested(LineOut))
    returned = fields.Boolean()
    replayed = fields.Boolean()


class LotOut(Schema):
    until = fields.String(metadata={"description": "The last day on which these points count, or never"})
    points = fields.Integer()


class BalanceOut(Schema):
    points = fields.Integer()
    honour = fields.Integer()
    minutes = fields.Integer()
    scale = fields.Integer(metadata={"description": "Decimals of points and honour points"})
    lots = fields.List(fields.Nested(LotOut), metadata={"description": "Soonest first; spent in this order"})


@api.get("/balance")
@audience("own")
@api.response(200, BalanceOut)
@api.alt_response(401, schema=RefusalSchema)
def balance() -> dict[str, Any]:
    """One's own balance: spendable points with their dates, honour points, service minutes."""
    who = me()
    points, honour, minutes = (unit_of(who.scheme_id, code) for code in (POINTS, HONOUR, MINUTES))
    today = clock.local_date(clock.now(), who.zone)
    lots = wallet_lots(who.scheme_id, who.person_id, points)
    lots = [(mark, points) for mark, points in lots if not has_passed(mark, today)]
    return {
        "points": sum(points for _, points in lots),
        "honour": balance_of(who.scheme_id, who.person_id, honour),
        "minutes": balance_of(who.scheme_id, who.person_id, minutes),
        "scale": who.points_scale,
        "lots": [{"until": mark, "points": points} for mark, points in lots],
    }


class HindranceOut(Schema):
    code = fields.String(metadata={"description": "As the till would refuse with"})
    message = fields.String()


class DoorOut(Schema):
    id = fields.String()
    name = fields.String()
    place = fields.String()
    today = fields.Boolean(metadata={"description": "Something can be redeemed there today"})
    opens = fields.Boolean(metadata={"description": "The shop opens today, whether or not the rulebook lets it redeem"})
    words = fields.String(metadata={"description": "Today's hours, or when next"})
    next_on = fields.Date(allow_none=True)


class ForecastOut(Schema):
    """What the rulebook in force lets the caller redeem now; goods, prices and the shop's own limits stand apart."""

    may = fields.Boolean()
    cannot = fields.List(
        fields.Nested(HindranceOut), metadata={"description": "All that stands in the way, whatever the basket"}
    )
    left = fields.List(fields.String(), metadata={"description": "The terms and what is left of each limit, in words"})
    shops = fields.List(fields.Nested(DoorOut))


@api.get("/me/redeeming")
@audience("own")
@api.response(200, ForecastOut)
@api.alt_response(401, schema=RefusalSchema)
def redeeming() -> dict[str, Any]:
    """What the rulebook's terms of redeeming mean for the caller now."""
    who, at = me(), clock.now()
    has = points_of(who.scheme_id, who.person_id, clock.local_date(at, who.zone))
    found = forecast_of(who.scheme_id, who.person_id, has, scale=who.points_scale, zone=who.zone, at=at)
    said = zip(found.refusals, found.cannot, strict=True)
    return {
        "may": not found.refusals,
        "cannot": [{"code": one.code, "message": words} for one, words in said],
        "left": list(found.left),
        "shops": doors_for(who, found),
    }


@api.post("/redemptions")
@audience("till.serve")
@api.doc(**KEYED)
@api.arguments(RedemptionSchema())  # an instance: made once, not each time
@api.response(201, ReceiptOut)
@api.alt_response(404, schema=RefusalSchema)
@api.alt_response(409, schema=RefusalSchema)
@api.alt_response(422, schema=RefusalSchema)
@api.alt_response(429, schema=RefusalSchema)
def redeem(wanted: dict[str, Any]) -> Response:
    """Claim a resident's code and give the goods out, in one: points and goods move together or not at all."""
    who, at, key = me(), clock.now(), idempotency_key({})
    code, till_id, lines = wanted["code"], wanted["till_id"], wanted_lines(wanted["lines"])

    def body() -> Receipt | Redeemed:
        return redeem_code(code, till_id, lines, key=key, clerk=who, at=at, expected=wanted["expected_points"])

    made = counted(code, till_id, who, at, body)
    answer = jsonify(receipt_answer(receipt_made(made, who), replayed=made.made_at < at))
    answer.status_code = 201  # as it is: the schema, which only documents it, would copy it field by field
    return answer


@api.post("/returns")
@audience("till.serve")
@api.doc(**KEYED)
@api.arguments(ApiReturnSchema)
@api.response(201, ReceiptOut)
@api.alt_response(404, schema=RefusalSchema)
@api.alt_response(409, schema=RefusalSchema)
@api.alt_response(422, schema=RefusalSchema)
@api.alt_response(429, schema=RefusalSchema)
def take_back(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return a whole receipt, with the resident's code (``till_id`` and ``code``, or a ``serving_id``) or a second
    person (``second_name``, ``second_password`` and, where they have an authenticator, ``second_code``)."""
    who, at = me(), clock.now()
    if wanted["code"] and wanted["till_id"]:
        with_code(wanted, who, at)
    else:
        returned_with(wanted["receipt_id"], wanted, {})
    return receipt_answer(receipt_for_clerk(wanted["receipt_id"], who))


def with_code(wanted: dict[str, Any], who: Any, at: Any) -> Return:
    """Claim the resident's code and return with it, in one transaction."""
    key, receipt_id, reason = idempotency_key({}), wanted["receipt_id"], wanted["reason"]

    def body() -> Return:
        if earlier := return_by_key(who, key, receipt_id, reason):
            return earlier
        serving = claim_code(wanted["code"], wanted["till_id"], who, at)
        return return_receipt(receipt_id, key=key, reason=reason, clerk=who, at=at, serving_id=serving.id)

    return counted(wanted["code"], wanted["till_id"], who, at, body)


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
