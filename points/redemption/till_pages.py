"""The till's pages: which till, the one screen, today's receipts. Its script calls ``till_api``;
without script it posts to ``plain_pages``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from .. import clock
from ..db import db, in_own_transaction
from ..errors import NotFound
from ..people.pinyin import spellings
from ..people.visitor import Visitor
from ..shop.models import Shop
from ..shop.queries import code_of
from ..shop.serving import picture_url
from ..web import audience, id_from, in_transaction, me
from ..web.navigation import static
from ..web.schemas import IdField, Strict
from .models import Till
from .pages import pages
from .queries import latest_receipts, till_today
from .servings import open_till, till_within
from .till_queries import goods_by_use, tills_within
from .till_words import words

RECENT = 3
ALL_OF_TODAY = 200


class ChooseSchema(Strict):
    """One of the tills, or a new one in a shop."""

    till_id = IdField()
    shop_id = IdField()


def till_in_use() -> Till | None:
    """The till this browser works at, if the clerk may still serve there."""
    kept = id_from(session.get("till", ""))
    if kept is None:
        return None
    try:
        return till_within(kept, me())
    except NotFound:
        return None


def only_till() -> Till | None:
    """The till of a clerk who has no choice: one shop with one till, or with none yet, which is then set up."""
    shops = tills_within(me())
    if len(shops) != 1 or len(shops[0][1]) > 1:
        return None
    shop, tills = shops[0]
    return tills[0] if tills else in_own_transaction(lambda: open_till(shop.id, me(), clock.now()))


def shop_at(till: Till) -> Shop:
    shop = db.session.get(Shop, (till.scheme_id, till.shop_id))
    assert shop is not None  # a till's foreign key
    return shop


def frame(till: Till) -> dict[str, Any]:
    """What the bar on top of every till page shows."""
    today = till_today(till.id, me(), clock.local_date(clock.now(), me().zone))
    return {"till": till, "shop": shop_at(till), "today": today}


@pages.get("/till")
@audience("till.serve")
def till() -> ResponseReturnValue:
    here = till_in_use() or only_till()
    if here is None:
        return redirect(url_for(".choose"))
    session["till"] = str(here.id)
    at, parts = clock.now(), frame(here)
    today = [
        one for one in latest_receipts(here.id, me(), RECENT) if one.receipt.day == clock.local_date(at, me().zone)
    ]
    facts = page_facts(me(), here, parts["today"], at)
    return render_template("redemption/till.html", recent=today, data=facts, **parts)


@pages.get("/till/choose")
@audience("till.serve")
def choose() -> ResponseReturnValue:
    return render_template("redemption/till_choose.html", shops=tills_within(me()))


@pages.post("/till/choose")
@audience("till.serve")
@in_transaction
def chosen() -> ResponseReturnValue:
    wanted = ChooseSchema().load({name: value for name, value in request.form.items() if name != "csrf_token"})
    if "till_id" in wanted:
        here = till_within(wanted["till_id"], me())
    else:
        here = open_till(wanted.get("shop_id", 0), me(), clock.now())
    session["till"] = str(here.id)
    return redirect(url_for(".till"))


@pages.get("/till/<int:till_id>/goods")
@audience("till.serve")
def till_goods(till_id: int) -> ResponseReturnValue:
    """Prices and shelves as they are now, for a page that has been open for hours."""
    here = till_within(till_id, me())
    return jsonify(goods=goods_facts(me(), here.shop_id, clock.now()))


@pages.get("/till/<int:till_id>/receipts")
@audience("till.serve")
def receipts(till_id: int) -> ResponseReturnValue:
    """The till's receipts of today, newest first."""
    here = till_within(till_id, me())
    day = clock.local_date(clock.now(), me().zone)
    found = [one for one in latest_receipts(here.id, me(), ALL_OF_TODAY) if one.receipt.day == day]
    return render_template("redemption/receipts.html", found=found, **frame(here))


# ---------------------------------------------------------------- what the page's script begins with


def goods_facts(clerk: Visitor, shop_id: int, at: datetime) -> list[dict[str, Any]]:
    """The goods as plain data: ids are strings, points are minor units."""
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
