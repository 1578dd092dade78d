"""What a shop offers, for phones and tills: GET /api/v1/goods."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from ..errors import NotFound
from ..web import SIGNED_IN, audience, me
from ..web.api import register
from ..web.schemas import Amount, IdField
from .queries import goods_at, shops_of
from .serving import picture_url

api = Blueprint("goods", __name__, url_prefix="/api/v1", description="What a shop offers")


class GoodsQuery(Schema):
    shop = IdField(metadata={"description": "The shop; may be left out in a scheme with one."})


class GoodsOut(Schema):
    id = IdField()
    name = fields.String()
    size = fields.String()
    measure = fields.String()
    barcode = fields.String(allow_none=True)
    points = fields.String(metadata={"description": "The price in points, as a decimal."})
    market_price = fields.String(allow_none=True, metadata={"description": "Yuan, as a decimal."})
    available = fields.Integer(metadata={"description": "Pieces on the shelf."})
    picture = fields.String()


class GoodsList(Schema):
    shop = IdField()
    goods = fields.List(fields.Nested(GoodsOut))


@api.get("/goods")
@audience(SIGNED_IN)
@api.arguments(GoodsQuery, location="query")
@api.response(200, GoodsList)
def goods(asked: dict[str, Any]) -> dict[str, Any]:
    """The goods of an open shop with price in points and pieces on the shelf."""
    who = me()
    shops = shops_of(who.scheme_id)
    wanted = [shop for shop in shops if shop.id == asked["shop"]] if "shop" in asked else shops
    if len(wanted) != 1:
        raise NotFound()
    points, yuan = Amount(scale=who.points_scale), Amount(scale=2)
    return {
        "shop": wanted[0].id,
        "goods": [
            {
                "id": one.item_id,
                "name": one.name,
                "size": one.size,
                "measure": one.measure,
                "barcode": one.barcode,
                "points": points._serialize(one.price_points, None, None),
                "market_price": yuan._serialize(one.market_price_cents, None, None),
                "available": one.pieces,
                "picture": picture_url(one),
            }
            for one in goods_at(who.scheme_id, wanted[0].id)
        ],
    }


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
