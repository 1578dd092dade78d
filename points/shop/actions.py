"""What changes shops, goods, prices and limits. Stock moves are in ``stock``, taking from limits in ``limits``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from ..db import db, is_id, new_id
from ..errors import N_, Conflict, NotFound
from ..ledger import HolderKind, UnitKind, open_holder, open_unit
from ..people.enrolment import trace
from ..people.models import Area
from ..people.visitor import Visitor, within
from . import rules
from .limits import give_back_limits, take_limits
from .models import Item, Limit, Price, Shop
from .queries import item_of, reaches_every_shop, shop_for

__all__ = [
    "close_shop",
    "create_item",
    "create_shop",
    "disable_item",
    "edit_item",
    "edit_shop",
    "enable_item",
    "end_limit",
    "give_back_limits",
    "reopen_shop",
    "set_limit",
    "set_price",
    "take_limits",
]


class NameTaken(Conflict):
    """A shop or an item of that name (and size) exists. Facts: ``name``."""

    code = "name_taken"
    sentence = N_("已经有“{name}”了。请换个名字或规格，或者改原来那一个。")


class BarcodeTaken(Conflict):
    """The barcode belongs to another item, or to our own labels. Facts: ``name``."""

    code = "barcode_taken"
    sentence = N_("这个条码已经是“{name}”的了。")


class EditedMeanwhile(Conflict):
    """Somebody else saved the item since the form was opened."""

    code = "edited_meanwhile"
    sentence = N_("这件商品刚被另一位同事改过。请看一下现在的内容再改。")


class SharedItem(Conflict):
    """The item is sold in shops outside the visitor's area, so its name and picture are not theirs alone to change."""

    code = "shared_item"
    sentence = N_("别的爱心超市也在卖这件商品，请街道来改。这里可以改本店的价格和限量。")


class AllShopsLimit(Conflict):
    """A limit over all shops needs somebody who is responsible for all of them."""

    code = "all_shops_limit"
    sentence = N_("管所有爱心超市的限量，要请街道来设。这里可以设本店的限量。")


# ---------------------------------------------------------------- shops


def create_shop(
    who: Visitor, *, name: str, place: str, area_id: int, opening: Sequence[Mapping[str, Any]], at: datetime
) -> Shop:
    """A new love supermarket, with its holder (same id) on the ledger. Raises NotFound, NameTaken."""
    check_area(who, area_id)
    check_shop_name(who.scheme_id, name)
    shop_id = open_holder(who.scheme_id, new_id(), HolderKind.SHOP)
    shop = Shop(scheme_id=who.scheme_id, id=shop_id, name=name, place=place, area_id=area_id, opening=list(opening))
    db.session.add(shop)
    trace(who.scheme_id, who.person_id, "shop.create", shop.id, at)
    db.session.flush()
    return shop


def edit_shop(
    who: Visitor,
    shop_id: int,
    *,
    name: str,
    place: str,
    area_id: int,
    opening: Sequence[Mapping[str, Any]],
    at: datetime,
) -> Shop:
    """Change a shop's name, place, area and opening days. Raises NotFound, NameTaken."""
    shop = shop_for(who, "shop.edit", shop_id, lock=True)
    if area_id != shop.area_id:
        check_area(who, area_id)
    check_shop_name(who.scheme_id, name, besides=shop.id)
    shop.name, shop.place, shop.area_id, shop.opening = name, place, area_id, list(opening)
    trace(who.scheme_id, who.person_id, "shop.edit", shop.id, at)
    db.session.flush()
    return shop


def close_shop(who: Visitor, shop_id: int, *, at: datetime) -> Shop:
    """Close a shop for good: nothing is redeemed there; its books and stock remain. Closing twice changes nothing."""
    shop = shop_for(who, "shop.edit", shop_id, lock=True)
    if shop.closed_at is None:
        shop.closed_at = at
        trace(who.scheme_id, who.person_id, "shop.close", shop.id, at)
    return shop


def reopen_shop(who: Visitor, shop_id: int, *, at: datetime) -> Shop:
    shop = shop_for(who, "shop.edit", shop_id, lock=True)
    if shop.closed_at is not None:
        shop.closed_at = None
        trace(who.scheme_id, who.person_id, "shop.reopen", shop.id, at)
    return shop


def check_area(who: Visitor, area_id: int) -> None:
    query = select(Area.id).where(Area.scheme_id == who.scheme_id, Area.id == area_id, Area.disabled_at.is_(None))
    if db.session.scalar(query.where(within(Area.path, who.reach("shop.edit")))) is None:
        raise NotFound()


def check_shop_name(scheme_id: int, name: str, besides: int = 0) -> None:
    query = select(Shop.id).where(Shop.scheme_id == scheme_id, Shop.name == name, Shop.id != besides)
    if db.session.scalar(query) is not None:
        raise NameTaken(name=name)


# ---------------------------------------------------------------- items


def create_item(
    who: Visitor,
    *,
    name: str,
    size: str = "",
    measure: str = "件",
    barcode: str | None = None,
    picture: str = "",
    photo_id: int | None = None,
    market_price_cents: int | None = None,
    at: datetime,
) -> Item:
    """A new kind of goods, with its unit (same id) on the ledger. Raises NotFound, NameTaken, BarcodeTaken."""
    if not who.may("shop.edit"):
        raise NotFound()
    check_item_name(who.scheme_id, name, size)
    barcode = checked_barcode(who.scheme_id, barcode)
    item_id = new_id()
    open_unit(who.scheme_id, rules.unit_code(item_id), UnitKind.GOODS, unit_id=item_id)
    item = Item(
        scheme_id=who.scheme_id,
        id=item_id,
        name=name,
        size=size,
        measure=measure,
        barcode=barcode,
        picture=picture,
        photo_id=photo_id,
        market_price_cents=market_price_cents,
        made_at=at,
    )
    db.session.add(item)
    trace(who.scheme_id, who.person_id, "item.create", item.id, at)
    db.session.flush()
    return item


def edit_item(
    who: Visitor,
    item_id: int,
    *,
    version: int,
    name: str,
    size: str,
    measure: str,
    barcode: str | None,
    picture: str,
    market_price_cents: int | None,
    photo_id: int | None = None,
    drop_photo: bool = False,
    at: datetime,
) -> Item:
    """Change what an item is called and looks like; a new photo replaces the old.

    version  the one the form was opened with. Raises EditedMeanwhile when it is no longer the last; NotFound,
    SharedItem, NameTaken, BarcodeTaken.
    """
    item = own_item(who, item_id)
    won = db.session.execute(
        update(Item)
        .where(Item.scheme_id == who.scheme_id, Item.id == item.id, Item.version == version)
        .values(version=Item.version + 1),
        execution_options={"synchronize_session": False},
    )
    if won.rowcount != 1:  # type: ignore[attr-defined]
        raise EditedMeanwhile()
    db.session.refresh(item)
    check_item_name(who.scheme_id, name, size, besides=item.id)
    item.barcode = checked_barcode(who.scheme_id, barcode, besides=item.id)
    item.name, item.size, item.measure = name, size, measure
    item.picture, item.market_price_cents = picture, market_price_cents
    if photo_id is not None or drop_photo:
        item.photo_id = photo_id
    trace(who.scheme_id, who.person_id, "item.edit", item.id, at)
    db.session.flush()
    return item


def disable_item(who: Visitor, item_id: int, *, at: datetime) -> Item:
    """Take an item out of every shop; its stock and history stay on the books. Twice changes nothing."""
    item = own_item(who, item_id)
    if item.disabled_at is None:
        item.disabled_at = at
        trace(who.scheme_id, who.person_id, "item.disable", item.id, at)
    return item


def enable_item(who: Visitor, item_id: int, *, at: datetime) -> Item:
    item = own_item(who, item_id)
    if item.disabled_at is not None:
        item.disabled_at = None
        trace(who.scheme_id, who.person_id, "item.enable", item.id, at)
    return item


def own_item(who: Visitor, item_id: int) -> Item:
    """An item the visitor may change as a whole. Raises NotFound, SharedItem."""
    if not who.may("shop.edit"):
        raise NotFound()
    item = item_of(who.scheme_id, item_id)
    if not reaches_every_shop(who, "shop.edit", selling=item.id):
        raise SharedItem()
    return item


def check_item_name(scheme_id: int, name: str, size: str, besides: int = 0) -> None:
    query = select(Item.id).where(Item.scheme_id == scheme_id, Item.name == name, Item.size == size)
    if db.session.scalar(query.where(Item.id != besides)) is not None:
        raise NameTaken(name=f"{name} {size}".strip())


def checked_barcode(scheme_id: int, barcode: str | None, besides: int = 0) -> str | None:
    if not barcode:
        return None
    barcode = barcode.upper()
    if rules.item_of_own_code(barcode) is not None:
        raise BarcodeTaken(name=barcode)
    query = select(Item.name).where(Item.scheme_id == scheme_id, Item.barcode == barcode, Item.id != besides)
    if (name := db.session.scalar(query)) is not None:
        raise BarcodeTaken(name=name)
    return barcode


# ---------------------------------------------------------------- prices and limits


def set_price(who: Visitor, shop_id: int, item_id: int, points: int | None, *, at: datetime) -> None:
    """What an item costs in a shop, in minor units of points; None: it is not sold there. Raises NotFound."""
    shop = shop_for(who, "shop.edit", shop_id, lock=True)
    item = item_of(who.scheme_id, item_id)
    price = db.session.get(Price, (who.scheme_id, shop.id, item.id))
    if (price.points if price else None) == points:
        return
    trace(
        who.scheme_id,
        who.person_id,
        "price.set",
        item.id,
        at,
        shop=str(shop.id),
        before=price.points if price else None,
        after=points,
    )
    if price is not None and points is None:
        db.session.delete(price)
    elif price is not None and points is not None:
        price.points, price.set_by, price.set_at = points, who.person_id, at
    elif points is not None:
        db.session.add(
            Price(
                scheme_id=who.scheme_id,
                shop_id=shop.id,
                item_id=item.id,
                points=points,
                set_by=who.person_id,
                set_at=at,
            )
        )
    db.session.flush()


def set_limit(
    who: Visitor, *, shop_id: int | None, item_id: int | None, period: str, quantity: int, at: datetime
) -> Limit:
    """How much one person may take in a period: pieces of an item or, without item, redemptions.

    shop_id  None: in all shops together, which needs reach over all of them (AllShopsLimit)
    A limit of the same shop, item and period is changed in place, so what people have used of it still counts.
    """
    if shop_id is not None:
        shop_for(who, "shop.edit", shop_id, lock=True)
    elif not who.may("shop.edit") or not reaches_every_shop(who, "shop.edit"):
        raise AllShopsLimit()
    if item_id is not None:
        item_of(who.scheme_id, item_id)
    same = select(Limit).where(Limit.scheme_id == who.scheme_id, Limit.period == period)
    same = same.where(Limit.shop_id == shop_id if shop_id else Limit.shop_id.is_(None))
    same = same.where(Limit.item_id == item_id if item_id else Limit.item_id.is_(None))
    limit = db.session.scalars(same.order_by(Limit.id)).first()
    if limit is None:
        limit = Limit(scheme_id=who.scheme_id, id=new_id(), shop_id=shop_id, item_id=item_id, period=period)
        db.session.add(limit)
    limit.quantity, limit.ended_at = quantity, None
    trace(who.scheme_id, who.person_id, "limit.set", limit.id, at, quantity=quantity, period=period)
    db.session.flush()
    return limit


def end_limit(who: Visitor, limit_id: int, *, at: datetime) -> Limit:
    """Lift a limit. Twice changes nothing. Raises NotFound, AllShopsLimit."""
    limit = db.session.get(Limit, (who.scheme_id, limit_id)) if is_id(limit_id) else None
    if limit is None:
        raise NotFound()
    if limit.shop_id is not None:
        shop_for(who, "shop.edit", limit.shop_id, lock=True)
    elif not who.may("shop.edit") or not reaches_every_shop(who, "shop.edit"):
        raise AllShopsLimit()
    if limit.ended_at is None:
        limit.ended_at = at
        trace(who.scheme_id, who.person_id, "limit.end", limit.id, at)
    return limit
