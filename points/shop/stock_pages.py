"""库存: what is on the shelf, receiving, writing off, and the moves behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import in_own_transaction
from ..errors import DomainError, NotFound
from ..people.visitor import Visitor
from ..web import audience, idempotency_key, me, payload
from ..web.formats import yuan
from ..web.request import new_key
from ..web.schemas import refuse
from ..web.sentences import translated
from ..web.tables import csv_answer
from . import listing, stock
from .listing import STOCK_SHOWN
from .models import StockMove
from .pages import Errors, asked_ids, asked_text, chosen_shop, low_stock, one_asked, pages, refusal_of
from .queries import item_by_barcode, items_by_id, pieces_at, shops_for, title_of
from .schemas import ReceiveForm, TakeBackForm, WasteForm

KEEPS = timedelta(days=400)  # how far back receipts tell what is still on the shelf
FIELDS = {"item_disabled": "item", "sold_out": "quantity"}


@pages.get("/stock", endpoint="stock")
@audience("shop.see")
def stock_list() -> ResponseReturnValue:
    return stock_page(one_asked("do", ("receive", "waste")), {}, {})


def stock_page(do: str, typed: dict[str, Any], errors: Errors) -> str:
    """The stock list beside the form that changes it (``do``: receive or waste)."""
    who: Visitor = me()
    shop, shops = chosen_shop(who)
    text, show, low = asked_text(), one_asked("show", STOCK_SHOWN), low_stock(who)
    since = clock.now() - KEEPS
    shop_id = shop.id if shop else 0
    first = asked_ids("item")
    return render_template(
        "shop/stock.html",
        shop=shop,
        shops=shops,
        page=listing.stock_page(who.scheme_id, shop_id, text, show, low, since),
        counts=listing.stock_counts(who.scheme_id, shop_id, low),
        moves=listing.moves_at(who.scheme_id, shop_id, size=8, cursor=""),
        choices=listing.choices(who.scheme_id, shop_id, on_shelf=do == "waste"),
        text=text,
        show=show,
        low=low,
        do=do,
        typed={"item": str(first[0]) if first else "", "kind": "donation", **typed},
        errors=errors,
        key=typed.get("key") or new_key(),
        today=clock.local_date(clock.now(), who.zone),
        can_receive=shop is not None and shop.id in {one.id for one in shops_for(who, "stock.receive")},
    )


@pages.get("/stock/export")
@audience("shop.see")
def export_stock() -> Response:
    """The stock list of a shop as CSV."""
    who = me()
    shop, _ = chosen_shop(who)
    if shop is None:
        raise NotFound()
    header = [gettext("名称"), gettext("规格"), gettext("条码"), gettext("架上"), gettext("单位")]
    header += [gettext("最近收货"), gettext("来自"), gettext("最早到期"), gettext("市价（元）")]
    return csv_answer(
        gettext("库存"),
        header,
        (
            [
                row.item.name,
                row.item.size,
                row.item.barcode or "",
                row.pieces,
                row.item.measure,
                clock.local_date(row.last.made_at, who.zone).isoformat() if row.last else "",
                row.last.partner if row.last else "",
                row.best_before.isoformat() if row.best_before else "",
                yuan(row.item.market_price_cents),
            ]
            for row in listing.whole_stock(who.scheme_id, shop.id, clock.now() - KEEPS)
        ),
    )


@pages.post("/stock/receive")
@audience("stock.receive")
def receive() -> ResponseReturnValue:
    """Goods came in. The same form sent twice is one receipt."""
    who, data = me(), payload()
    key, at = idempotency_key(data), clock.now()
    try:
        wanted = ReceiveForm().load(data)
        item_id = item_named(who, wanted.pop("code"), wanted.pop("item"))
        facts = {name: wanted[name] for name in ("quantity", "kind", "partner", "best_before", "note")}
        facts |= {"shop_id": wanted["shop"], "item_id": item_id, "cost_cents": wanted["cost"]}
        move = in_own_transaction(lambda: stock.receive_stock(who, **facts, key=key, at=at))
    except NotFound:
        raise
    except (ValidationError, DomainError) as error:
        return stock_page("receive", data, refusal_of(error, FIELDS)), 422
    say(who, move, gettext("收好了：%(goods)s %(n)s %(measure)s，架上现在 %(there)s %(measure)s。"))
    return redirect(url_for(".stock", shop=move.shop_id))


def item_named(who: Visitor, code: str, item_id: int | None) -> int:
    """The item that was scanned, else the one chosen."""
    if not code and item_id is not None:
        return item_id
    item = item_by_barcode(who.scheme_id, code)
    if item is None:
        raise refuse("code", gettext("没有这个条码的商品。先在“商品与价格”里加上，或者从下面选。"))
    return item.id


@pages.post("/stock/waste")
@audience("stock.receive")
def waste() -> ResponseReturnValue:
    """Goods went bad, broke or are missing."""
    who, data = me(), payload()
    key, at = idempotency_key(data), clock.now()
    try:
        wanted = WasteForm().load(data)
        facts = {"shop_id": wanted["shop"], "item_id": wanted["item"]}
        facts |= {name: wanted[name] for name in ("quantity", "reason")}
        move = in_own_transaction(lambda: stock.write_off(who, **facts, key=key, at=at))
    except NotFound:
        raise
    except (ValidationError, DomainError) as error:
        return stock_page("waste", data, refusal_of(error, FIELDS)), 422
    say(who, move, gettext("已减掉：%(goods)s %(n)s %(measure)s，架上现在 %(there)s %(measure)s。"))
    return redirect(url_for(".stock", shop=move.shop_id, do="waste"))


def say(who: Visitor, move: StockMove, sentence: str) -> None:
    item = items_by_id(who.scheme_id, [move.item_id])[move.item_id]
    there = pieces_at(who.scheme_id, move.shop_id, [item.id])[item.id]
    flash(
        sentence
        % {"goods": title_of(item.name, item.size), "n": move.quantity, "measure": item.measure, "there": there}
    )


@pages.get("/moves")
@audience("shop.see")
def moves() -> ResponseReturnValue:
    """Every stock move of a shop, newest first."""
    who = me()
    shop, shops = chosen_shop(who, closed=True)
    if shop is None:
        raise NotFound()
    asked = asked_ids("item")
    return render_template(
        "shop/moves.html",
        shop=shop,
        shops=shops,
        page=listing.moves_at(who.scheme_id, shop.id, asked[0] if asked else None),
        item=items_by_id(who.scheme_id, asked[:1]).get(asked[0]) if asked else None,
        new_key=new_key,
        can_receive=shop.id in {one.id for one in shops_for(who, "stock.receive", closed=True)},
    )


@pages.post("/moves/<int:move_id>/take-back")
@audience("stock.receive")
def take_back(move_id: int) -> ResponseReturnValue:
    """A move was a mistake: its opposite is recorded, both stay."""
    who, data = me(), payload()
    key, at = idempotency_key(data), clock.now()
    try:
        wanted = TakeBackForm().load(data)
        back = in_own_transaction(lambda: stock.take_back(who, move_id, reason=wanted["reason"], key=key, at=at))
    except ValidationError as error:
        flash(" ".join(one for each in translated(error.messages).values() for one in each), "bad")
        return redirect(url_for(".moves", shop=data.get("shop") or None))
    flash(gettext("已撤回。原来那一笔留在流水里，标着“已撤回”。"))
    return redirect(url_for(".moves", shop=back.shop_id))
