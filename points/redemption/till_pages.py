"""The till's pages: which till, the one screen, today's receipts. Its script calls ``till_api``;
without script it posts to ``till_plain``."""

from __future__ import annotations

from typing import Any

from flask import jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from .. import clock
from ..db import db, in_own_transaction, is_id
from ..errors import NotFound
from ..shop.models import Shop
from ..web import audience, in_transaction, me
from ..web.schemas import IdField, Strict
from .models import Till
from .pages import pages
from .queries import latest_receipts, till_today
from .servings import open_till, till_within
from .till_queries import tills_within
from .till_screen import goods_facts, page_facts

RECENT = 3
ALL_OF_TODAY = 200


class ChooseSchema(Strict):
    """One of the tills, or a new one in a shop."""

    till_id = IdField()
    shop_id = IdField()


def till_in_use() -> Till | None:
    """The till this browser works at, if the clerk may still serve there."""
    kept = str(session.get("till", ""))
    if not kept.isdigit() or not is_id(int(kept)):
        return None
    try:
        return till_within(int(kept), me())
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
