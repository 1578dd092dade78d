"""What the till's page asks besides ``queries``: which tills there are, and which goods go out most."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from .. import clock
from ..db import db
from ..people.visitor import Visitor
from ..shop.models import Shop
from ..shop.queries import Goods, goods_at, shops_for
from .models import Receipt, ReceiptLine, Till

OFTEN = timedelta(days=30)


def tills_within(clerk: Visitor) -> list[tuple[Shop, list[Till]]]:
    """The open shops the clerk may serve in, each with its tills (none yet in a new shop)."""
    shops = shops_for(clerk, "till.serve")
    tills = db.session.scalars(
        select(Till)
        .where(Till.scheme_id == clerk.scheme_id, Till.shop_id.in_([shop.id for shop in shops]))
        .order_by(func.length(Till.name), Till.name)
    ).all()
    return [(shop, [till for till in tills if till.shop_id == shop.id]) for shop in shops]


def taken_lately(clerk: Visitor, shop_id: int, at: datetime) -> dict[int, int]:
    """Item id → pieces that the shop gave out in the last 30 days."""
    query = (
        select(ReceiptLine.item_id, func.sum(ReceiptLine.quantity))
        .join(Receipt, (Receipt.scheme_id == ReceiptLine.scheme_id) & (Receipt.id == ReceiptLine.receipt_id))
        .where(Receipt.scheme_id == clerk.scheme_id, Receipt.shop_id == shop_id)
        .where(Receipt.day >= clock.local_date(at - OFTEN, clerk.zone))
        .group_by(ReceiptLine.item_id)
    )
    return {item_id: int(pieces) for item_id, pieces in db.session.execute(query)}


def goods_by_use(clerk: Visitor, shop_id: int, at: datetime) -> list[tuple[Goods, int]]:
    """What the shop sells with the pieces that went out lately: most first, what is there before what is gone."""
    taken = taken_lately(clerk, shop_id, at)
    found = [(goods, taken.get(goods.item_id, 0)) for goods in goods_at(clerk.scheme_id, shop_id)]
    return sorted(found, key=lambda one: (one[0].is_out, -one[1]))
