"""What the till and the API send, and what they get back. Ids are strings, points are minor units."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import gettext
from marshmallow import fields, validate

from ..errors import N_
from ..shop.rules import Standing
from ..web.formats import iso_local, masked, tail, time_of
from ..web.schemas import IdField, Strict, Text, Whole
from .queries import ServingView
from .receipts import LineView, ReceiptView
from .rules import Wanted
from .till_words import limit_words

MOST_LINES = 100
MOST_PIECES = 10_000


class LineSchema(Strict):
    item_id = IdField(required=True)
    quantity = Whole(least=1, most=MOST_PIECES, required=True)


class ClaimSchema(Strict):
    code = Text(most=200, required=True)


class RedeemSchema(Strict):
    lines = fields.List(
        fields.Nested(LineSchema),
        required=True,
        validate=validate.Length(min=1, max=MOST_LINES, error=N_("请放 {min} 到 {max} 种商品。")),
    )
    expected_points = Whole(least=0, load_default=None, allow_none=True)


class RedemptionSchema(RedeemSchema):
    """Claim and redeem in one."""

    code = Text(most=200, required=True)
    till_id = IdField(required=True)


class ReturnSchema(Strict):
    """Either the resident's own code (a serving), or a second person's sign-in."""

    reason = Text(least=2, most=200, required=True)
    serving_id = IdField(load_default=None, allow_none=True)
    second_name = Text(most=40, load_default="")
    second_password = fields.String(load_default="", validate=validate.Length(max=800))
    second_code = Text(most=20, load_default="")


class ApiReturnSchema(ReturnSchema):
    receipt_id = IdField(required=True)
    till_id = IdField(load_default=None, allow_none=True)
    code = Text(most=200, load_default="")  # the resident's code, claimed and used in one


def wanted_lines(lines: list[dict[str, int]]) -> list[Wanted]:
    return [Wanted(line["item_id"], line["quantity"]) for line in lines]


# ---------------------------------------------------------------- answers


def serving_answer(view: ServingView, at: datetime) -> dict[str, Any]:
    serving = view.serving
    return {
        "id": str(serving.id),
        "till_id": str(serving.till_id),
        "shop_id": str(view.shop_id),
        "masked": masked(view.name),
        "tail": tail(view.number),
        "means": serving.means,
        "state": serving.state,
        "balance_points": view.balance_points,
        "expires_at": serving.expires_at.isoformat(),
        "seconds": max(0, int((serving.expires_at - at).total_seconds())),
        "limits": [limit_answer(one) for one in view.standing],
        "terms": {"cannot": view.forecast.cannot, "left": list(view.forecast.left)},
        "card": {"once": view.card_once_points, "left": view.card_left_points} if view.is_card else None,
    }


def limit_answer(one: Standing) -> dict[str, Any]:
    return {
        "item": str(one.item_id) if one.item_id else None,
        "what": limit_words(one),
        "used": one.used,
        "limit": one.limit,
        "left": one.left,
        "measure": one.measure or gettext("次"),
        "again_on": one.again_on.isoformat() if one.again_on else None,
    }


def receipt_answer(view: ReceiptView, replayed: bool = False) -> dict[str, Any]:
    receipt = view.receipt
    return {
        "id": str(receipt.id),
        "number": view.number,
        "short": f"{receipt.count:04}",
        "shop": view.shop,
        "till": view.till,
        "name": masked(view.name),
        "tail": tail(view.person_number),
        "means": receipt.means,
        "made_at": receipt.made_at.isoformat(),
        "local_time": iso_local(receipt.made_at),
        "time": time_of(receipt.made_at),
        "points": receipt.points,
        "before": receipt.balance_before,
        "after": receipt.balance_after,
        "pieces": sum(line.quantity for line in view.lines),
        "lines": [line_answer(line) for line in view.lines],
        "returned": view.is_returned,
        "replayed": replayed,
    }


def line_answer(line: LineView) -> dict[str, Any]:
    return {
        "item_id": str(line.item_id),
        "name": line.name,
        "what": f"{line.title} × {line.quantity}",
        "quantity": line.quantity,
        "measure": line.measure,
        "unit_points": line.unit_points,
        "points": line.points,
    }
