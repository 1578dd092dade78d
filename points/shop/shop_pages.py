"""爱心超市与开门日: the shops, when they open, and how often a person may redeem there."""

from __future__ import annotations

from datetime import time
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError
from sqlalchemy import select

from .. import clock
from ..clock import PERIODS
from ..db import db, in_own_transaction
from ..errors import DomainError, NotFound
from ..people.models import Area, AreaKind
from ..people.visitor import Visitor, within
from ..web import audience, me, payload
from . import actions
from .item_pages import set_limit
from .models import Shop
from .pages import Errors, pages, refusal_of
from .queries import limits_of, next_opening, opening_today, reaches_every_shop, shop_for, shops_for
from .rules import MAX_SLOTS, checked_opening
from .schemas import LimitForm, ShopForm, slot_names

FIELDS = {"name_taken": "name", "bad_opening": "opening"}


@pages.get("/shops")
@audience("shop.see")
def shops() -> ResponseReturnValue:
    who: Visitor = me()
    today = clock.local_date(clock.now(), who.zone)
    found = shops_for(who, "shop.see", closed=True)
    areas = area_names(who.scheme_id, {shop.area_id for shop in found})
    return render_template(
        "shop/shops.html",
        rows=[(shop, areas[shop.area_id], opening_today(shop, today), next_opening(shop, today)) for shop in found],
        mine={shop.id for shop in shops_for(who, "shop.edit", closed=True)},
    )


@pages.get("/shops/new")
@audience("shop.edit")
def new_shop() -> ResponseReturnValue:
    return shop_form(None, {}, {})


@pages.post("/shops")
@audience("shop.edit")
def create_shop() -> ResponseReturnValue:
    who, data, at = me(), payload(), clock.now()
    try:
        facts = shop_facts(data)
        made = in_own_transaction(lambda: actions.create_shop(who, **facts, at=at))
    except NotFound:
        raise
    except (ValidationError, DomainError) as error:
        return shop_form(None, data, refusal_of(error, FIELDS)), 422
    flash(gettext("开好了：%(name)s。下一步加商品、收货。", name=made.name))
    return redirect(url_for(".shop", shop_id=made.id))


@pages.get("/shops/<int:shop_id>")
@audience("shop.edit")
def shop(shop_id: int) -> ResponseReturnValue:
    found = shop_for(me(), "shop.edit", shop_id)
    return shop_form(found, {}, {})


@pages.post("/shops/<int:shop_id>")
@audience("shop.edit")
def edit_shop(shop_id: int) -> ResponseReturnValue:
    who, data, at = me(), payload(), clock.now()
    try:
        facts = shop_facts(data)
        in_own_transaction(lambda: actions.edit_shop(who, shop_id, **facts, at=at))
    except NotFound:
        raise
    except (ValidationError, DomainError) as error:
        return shop_form(shop_for(who, "shop.edit", shop_id), data, refusal_of(error, FIELDS)), 422
    flash(gettext("已保存。"))
    return redirect(url_for(".shop", shop_id=shop_id))


def shop_facts(data: dict[str, Any]) -> dict[str, Any]:
    """The form as the verbs take it. Raises ValidationError, BadOpening."""
    wanted = ShopForm().load(data)
    slots: list[tuple[int, time, time]] = []
    for weekday, opens, closes in slot_names():
        if bool(wanted[opens]) != bool(wanted[closes]):
            raise ValidationError({"opening": [gettext("开门和关门时间要都填，或者都空着。")]})
        if wanted[opens] is not None and wanted[closes] is not None:
            slots.append((weekday, wanted[opens].replace(tzinfo=None), wanted[closes].replace(tzinfo=None)))
    return {
        "name": wanted["name"],
        "place": wanted["place"],
        "area_id": wanted["area"],
        "opening": checked_opening(slots),
    }


def shop_form(found: Shop | None, data: dict[str, Any], errors: Errors) -> str:
    who: Visitor = me()
    areas = list(
        db.session.scalars(
            select(Area)
            .where(Area.scheme_id == who.scheme_id, Area.disabled_at.is_(None))
            .where(within(Area.path, who.reach("shop.edit")))
            .order_by(Area.path)
        )
    )
    # A shop usually belongs to a community: its clerks are given their post there and would not reach one above it.
    likely = next((area for area in areas if area.kind == AreaKind.COMMUNITY), areas[0] if areas else None)
    typed: dict[str, Any] = {"name": "", "place": "", "area": str(likely.id) if likely else ""}
    if found is not None:
        typed = {"name": found.name, "place": found.place, "area": str(found.area_id), **typed_opening(found)}
    limits = [one for one in limits_of(who.scheme_id, found.id) if one.item_id is None] if found else []
    return render_template(
        "shop/shop.html",
        shop=found,
        typed={**typed, **data},
        errors=errors,
        areas=areas,
        depth={area.id: area.path.count("/") - 2 for area in areas},
        limits=limits,
        periods=PERIODS,
        slots=range(1, MAX_SLOTS + 1),
        all_shops=reaches_every_shop(who, "shop.edit"),
    )


def typed_opening(shop: Shop) -> dict[str, str]:
    """The shop's opening times as its form shows them."""
    typed: dict[str, str] = {}
    for weekday in range(1, 8):
        for part, slot in enumerate((s for s in shop.opening if s["weekday"] == weekday), start=1):
            typed |= {f"from_{weekday}_{part}": slot["from"], f"to_{weekday}_{part}": slot["to"]}
    return typed


@pages.post("/shops/<int:shop_id>/limits")
@audience("shop.edit")
def limit_shop(shop_id: int) -> ResponseReturnValue:
    """How often a person may redeem in a period."""
    data = payload() | {"shop": str(shop_id)}
    found = shop_for(me(), "shop.edit", shop_id)
    try:
        set_limit(LimitForm().load(data), None)
    except NotFound:
        raise
    except (ValidationError, DomainError) as error:
        return shop_form(found, data, refusal_of(error, {"all_shops_limit": "scope"})), 422
    flash(gettext("限量已设好。"))
    return redirect(url_for(".shop", shop_id=shop_id))


@pages.post("/shops/<int:shop_id>/open")
@audience("shop.edit")
def open_or_close(shop_id: int) -> ResponseReturnValue:
    """Close a shop for good, or open it again (``open=1``)."""
    who, at = me(), clock.now()
    if request.form.get("open") == "1":
        in_own_transaction(lambda: actions.reopen_shop(who, shop_id, at=at))
        flash(gettext("又开了。"))
    else:
        in_own_transaction(lambda: actions.close_shop(who, shop_id, at=at))
        flash(gettext("已关店，不再兑换和收货。库存和记录都还在。"))
    return redirect(url_for(".shop", shop_id=shop_id))


def area_names(scheme_id: int, area_ids: set[int]) -> dict[int, str]:
    rows = db.session.execute(select(Area.id, Area.name).where(Area.scheme_id == scheme_id, Area.id.in_(area_ids)))
    return dict(rows.all())
