"""What the till's script begins with: the goods, the words, the addresses. Ids are strings, points are minor units."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import url_for

from ..people.pinyin import spellings
from ..people.visitor import Visitor
from ..shop.queries import code_of
from ..shop.serving import picture_url
from ..web.navigation import static
from .models import Till
from .till_queries import goods_by_use
from .till_words import words


def goods_facts(clerk: Visitor, shop_id: int, at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "id": str(goods.item_id),
            "name": goods.name,
            "size": goods.size,
            "measure": goods.measure,
            "barcode": code_of(goods),
            "picture": picture_url(goods),
            "points": goods.price_points,
            "pieces": goods.pieces,
            "letters": spellings(goods.name).strip(),
            "taken": taken,
        }
        for goods, taken in goods_by_use(clerk, shop_id, at)
    ]


def page_facts(clerk: Visitor, till: Till, today: tuple[int, int], at: datetime) -> dict[str, Any]:
    """What the till's script needs to begin with. A 0 in an address stands for the serving's id."""
    people, points = today
    return {
        "till": {"id": str(till.id), "name": till.name},
        "clerk": str(clerk.person_id),
        "scale": clerk.points_scale,
        "today": {"people": people, "points": points},
        "goods": goods_facts(clerk, till.shop_id, at),
        "words": words(),
        "urls": {
            "claim": url_for("redemption.claim", till_id=till.id),
            "renew": url_for("redemption.renew", serving_id=0),
            "cancel": url_for("redemption.cancel", serving_id=0),
            "redeem": url_for("redemption.redeem", serving_id=0),
            "receipt": url_for("redemption.receipt", receipt_id=0),
            "goods": url_for("redemption.till_goods", till_id=till.id),
            "returns": url_for("redemption.returns"),
            "detector": static("vendor/barcode-detector.js"),
            "wasm": static("vendor/zxing_reader.wasm"),
        },
    }


def camera_facts() -> dict[str, Any]:
    """What the camera needs on a page that only reads one code into a field."""
    said = {name: text for name, text in words().items() if name.startswith("camera_")}
    addresses = {"detector": static("vendor/barcode-detector.js"), "wasm": static("vendor/zxing_reader.wasm")}
    return {"words": said, "urls": addresses, "scale": 0}
