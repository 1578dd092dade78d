"""商品与价格: the catalogue, one item with its price and limits, shelf labels."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..clock import PERIODS
from ..db import db, in_own_transaction
from ..errors import DomainError, NotFound
from ..files.actions import Prepared, store_photo
from ..files.serving import uploaded_photo
from ..people.visitor import Visitor
from ..web import audience, id_from, me, payload
from ..web.formats import decimal, yuan
from ..web.tables import csv_answer
from . import actions, listing
from .barcodes import drawn
from .models import Item, Price, Shop
from .pages import Errors, asked_ids, asked_text, chosen_shop, one_asked, pages, refusal_of
from .queries import code_of, item_of, limits_of, pieces_at, reaches_every_shop, shops_for, title_of
from .schemas import MEASURES, PICTURES, ItemForm, LimitForm, new_item_form, price_form

FIELDS = {"name_taken": "name", "barcode_taken": "barcode", "bad_photo": "photo"}


@pages.get("/items")
@audience("shop.see")
def items() -> ResponseReturnValue:
    who = me()
    shop, shops = chosen_shop(who)
    text, show = asked_text(), one_asked("show", listing.SHOWN)
    page = listing.catalogue(who.scheme_id, shop.id if shop else 0, text, show)
    return render_template("shop/items.html", shop=shop, shops=shops, page=page, text=text, show=show)


@pages.get("/items/export")
@audience("shop.see")
def export_items() -> Response:
    """The catalogue of a shop as CSV."""
    who = me()
    shop, _ = chosen_shop(who)
    rows = listing.whole_catalogue(
        who.scheme_id, shop.id if shop else 0, asked_text(), one_asked("show", listing.SHOWN)
    )
    header = [gettext("名称"), gettext("规格"), gettext("单位"), gettext("条码"), gettext("市价（元）")]
    header += [gettext("价格（分）"), gettext("架上"), gettext("状态")]
    return csv_answer(
        gettext("商品与价格"),
        header,
        (
            [
                row.item.name,
                row.item.size,
                row.item.measure,
                row.item.barcode or "",
                yuan(row.item.market_price_cents),
                "" if row.price_points is None else decimal(row.price_points, who.points_scale),
                row.pieces,
                gettext("停用") if row.item.disabled_at else gettext("在用"),
            ]
            for row in rows
        ),
    )


@pages.get("/items/new")
@audience("shop.edit")
def new_item() -> ResponseReturnValue:
    return new_form({}, {})


@pages.post("/items")
@audience("shop.edit")
def create_item() -> ResponseReturnValue:
    who, data, at = me(), payload(), clock.now()

    def create(wanted: dict[str, Any], photo: Prepared | None) -> Item:
        kept = store_photo(who, photo, at) if photo else None
        item = actions.create_item(who, **item_facts(wanted), photo_id=kept.id if kept else None, at=at)
        if wanted["shop"] and wanted["price"]:
            actions.set_price(who, wanted["shop"], item.id, wanted["price"], at=at)
        return item

    try:
        wanted = new_item_form(who.points_scale)().load(data)
        photo = uploaded_photo()  # redraws the picture: before the transaction
        item = in_own_transaction(lambda: create(wanted, photo))
    except NotFound:
        raise
    except (ValidationError, DomainError) as error:
        return new_form(data, refusal_of(error, FIELDS)), 422
    flash(gettext("已加上：%(name)s", name=title_of(item.name, item.size)))
    return redirect(url_for(".item", item_id=item.id, shop=wanted["shop"]))


def new_form(data: dict[str, Any], errors: Errors) -> str:
    shop, shops = chosen_shop(me(), "shop.edit")
    typed = {"picture": "", "measure": MEASURES[0], **data}
    return render_template(
        "shop/new_item.html", typed=typed, errors=errors, shop=shop, shops=shops, measures=MEASURES, pictures=PICTURES
    )


@pages.get("/items/<int:item_id>")
@audience("shop.see")
def item(item_id: int) -> ResponseReturnValue:
    return item_form(item_id)


@pages.post("/items/<int:item_id>")
@audience("shop.edit")
def edit_item(item_id: int) -> ResponseReturnValue:
    who, data, at = me(), payload(), clock.now()
    shop = data.pop("shop", None)

    def edit(wanted: dict[str, Any], photo: Prepared | None) -> None:
        version, drop = wanted.pop("version"), wanted.pop("drop_photo")
        kept = store_photo(who, photo, at) if photo else None
        actions.edit_item(
            who,
            item_id,
            version=version,
            **item_facts(wanted),
            photo_id=kept.id if kept else None,
            drop_photo=drop and kept is None,
            at=at,
        )

    try:
        wanted = ItemForm().load(data)
        photo = uploaded_photo()
        in_own_transaction(lambda: edit(dict(wanted), photo))
    except NotFound:
        raise
    except (ValidationError, DomainError) as error:
        return item_form(item_id, data, refusal_of(error, FIELDS)), 422
    flash(gettext("已保存。"))
    return redirect(url_for(".item", item_id=item_id, shop=shop))


def item_facts(wanted: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: wanted[name] for name in ("name", "size", "measure", "barcode", "picture")},
        "market_price_cents": wanted["market_price"],
    }


def item_form(item_id: int, data: dict[str, Any] | None = None, errors: Errors | None = None) -> str:
    """The page of an item: what it is, its price and limits in the chosen shop."""
    who: Visitor = me()
    found = item_of(who.scheme_id, item_id)
    shop, shops = chosen_shop(who)
    price = db.session.get(Price, (who.scheme_id, shop.id, item_id)) if shop else None
    limits = [limit for limit in limits_of(who.scheme_id, shop.id) if limit.item_id == item_id] if shop else []
    typed = {
        "name": found.name,
        "size": found.size,
        "measure": found.measure,
        "barcode": found.barcode or "",
        "picture": found.picture,
        "market_price": "" if found.market_price_cents is None else decimal(found.market_price_cents, 2),
        "price": "" if price is None else decimal(price.points, who.points_scale),
        "version": found.version,
        **(data or {}),
    }
    return render_template(
        "shop/item.html",
        item=found,
        shop=shop,
        shops=shops,
        typed=typed,
        errors=errors or {},
        price=price,
        limits=limits,
        pieces=pieces_at(who.scheme_id, shop.id, [item_id])[item_id] if shop else 0,
        code=code_of(found),
        measures=MEASURES,
        pictures=PICTURES,
        periods=PERIODS,
        can_edit=may_edit(who, shop),
        owns=who.may("shop.edit") and reaches_every_shop(who, "shop.edit", selling=item_id),
        all_shops=who.may("shop.edit") and reaches_every_shop(who, "shop.edit"),
    )


def may_edit(who: Visitor, shop: Shop | None) -> bool:
    return shop is not None and shop.id in {one.id for one in shops_for(who, "shop.edit")}


@pages.post("/items/<int:item_id>/price")
@audience("shop.edit")
def price(item_id: int) -> ResponseReturnValue:
    who, data, at = me(), payload(), clock.now()
    try:
        wanted = price_form(who.points_scale)().load(data)
    except ValidationError as error:
        return item_form(item_id, {"price": data.get("price", "")}, refusal_of(error, {})), 422
    in_own_transaction(lambda: actions.set_price(who, wanted["shop"], item_id, wanted["price"], at=at))
    flash(gettext("价格已改。") if wanted["price"] else gettext("这家店不再卖这件商品。"))
    return redirect(url_for(".item", item_id=item_id, shop=wanted["shop"]))


@pages.post("/items/<int:item_id>/limits")
@audience("shop.edit")
def limit_item(item_id: int) -> ResponseReturnValue:
    data = payload()
    try:
        wanted = LimitForm().load(data)
        set_limit(wanted, item_id)
    except NotFound:
        raise
    except (ValidationError, DomainError) as error:
        kept = {name: data.get(name, "") for name in ("quantity", "period", "scope")}
        return item_form(item_id, kept, refusal_of(error, {"all_shops_limit": "scope"})), 422
    flash(gettext("限量已设好。"))
    return redirect(url_for(".item", item_id=item_id, shop=wanted["shop"]))


def set_limit(wanted: dict[str, Any], item_id: int | None) -> None:
    who, at = me(), clock.now()
    facts = {"period": wanted["period"], "quantity": wanted["quantity"], "item_id": item_id}
    facts["shop_id"] = None if wanted["scope"] == "all" else wanted["shop"]
    in_own_transaction(lambda: actions.set_limit(who, **facts, at=at))


@pages.post("/limits/<int:limit_id>/end")
@audience("shop.edit")
def end_limit(limit_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    limit = in_own_transaction(lambda: actions.end_limit(who, limit_id, at=at))
    flash(gettext("这条限量取消了。"))
    shop = asked_shop() or limit.shop_id
    if limit.item_id is not None:
        return redirect(url_for(".item", item_id=limit.item_id, shop=shop))
    return redirect(url_for(".shop", shop_id=shop) if shop else url_for(".shops"))


@pages.post("/items/<int:item_id>/use")
@audience("shop.edit")
def use(item_id: int) -> ResponseReturnValue:
    """Take an item out of use, or put it back (``use=1``)."""
    who, at = me(), clock.now()
    if request.form.get("use") == "1":
        in_own_transaction(lambda: actions.enable_item(who, item_id, at=at))
        flash(gettext("已恢复，有价格的店里又能换了。"))
    else:
        in_own_transaction(lambda: actions.disable_item(who, item_id, at=at))
        flash(gettext("已停用，哪家店都换不到了。库存和记录都还在。"))
    return redirect(url_for(".item", item_id=item_id, shop=asked_shop()))


def asked_shop() -> int | None:
    """The shop a form came from, to go back to it."""
    return id_from(request.form.get("shop", ""))


@pages.get("/labels")
@audience("shop.see")
def labels() -> ResponseReturnValue:
    """Shelf labels to print: points beside the market price, and a code that says which item, never the price."""
    who = me()
    shop, _ = chosen_shop(who)
    if shop is None:
        raise NotFound()
    rows = listing.labelled(who.scheme_id, shop.id, asked_ids("item"))
    return render_template(
        "shop/labels.html", shop=shop, labels=[(row, code_of(row.item), *drawn(code_of(row.item))) for row in rows]
    )
