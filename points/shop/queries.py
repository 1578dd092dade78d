"""Questions about shops and goods. For a page one query, never one per row."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Select, String, and_, bindparam, case, cast, exists, func, or_, select
from sqlalchemy.sql.selectable import Subquery

from .. import clock
from ..db import Prepared, db, is_id, table_of
from ..errors import NotFound
from ..ledger.models import Account, AccountClass
from ..ledger.queries import stock_of
from ..people.models import Area
from ..people.visitor import Visitor, within
from . import rules
from .models import Item, Limit, LimitUsage, Price, Shop
from .rules import Hours, Standing

accounts, items, prices = map(table_of, (Account, Item, Price))


@dataclass(frozen=True)
class Goods:
    """An item as a shop offers it."""

    item_id: int
    name: str
    size: str
    measure: str
    barcode: str | None
    picture: str
    photo_id: int | None
    market_price_cents: int | None
    price_points: int
    pieces: int  # on the shelf and not held
    disabled: bool = False

    @property
    def title(self) -> str:
        return title_of(self.name, self.size)

    @property
    def id(self) -> int:
        return self.item_id

    @property
    def is_out(self) -> bool:
        return self.pieces < 1


def title_of(name: str, size: str) -> str:
    """大米 5公斤."""
    return f"{name} {size}" if size else name


def shelves_of(scheme_id: Any, shop_id: Any) -> Subquery:
    """Per item of the shop, the pieces that can be given out (balance less held): columns unit_id, pieces."""
    pieces = cast(func.sum(Account.balance - Account.held), BigInteger).label("pieces")
    return (
        select(Account.unit_id, pieces)
        .where(Account.scheme_id == scheme_id, Account.holder_id == shop_id, Account.klass == AccountClass.SHELF)
        .group_by(Account.unit_id)
        .subquery("shelves")
    )


def pieces_at(scheme_id: int, shop_id: int, item_ids: Collection[int]) -> dict[int, int]:
    """Item id → pieces on the shop's shelf, 0 for what never came."""
    return stock_of(scheme_id, shop_id, item_ids)


def goods_at(scheme_id: int, shop_id: int, item_ids: Collection[int] | None = None) -> list[Goods]:
    """What the shop sells (has a price there and is not disabled), in order of name, with the pieces on its shelf."""
    here = {"scheme": scheme_id, "shop": shop_id}
    if item_ids is None:
        found = ALL_GOODS.all(**here)
    else:
        found = db.session.execute(SOME_GOODS, {**here, "items": list(item_ids)})
    return [goods_of(row, row.points, row.pieces) for row in found]


def _goods() -> Select[Any]:
    """Items with price and pieces in :shop. Built once: every page of goods and every redemption asks it."""
    item, price, scheme, shop = items.c, prices.c, bindparam("scheme"), bindparam("shop", type_=BigInteger)
    shelf = accounts.c
    pieces = (
        select(func.coalesce(func.sum(shelf.balance - shelf.held), 0))
        .where(shelf.scheme_id == scheme, shelf.holder_id == shop, shelf.unit_id == item.id)
        .where(shelf["class"] == AccountClass.SHELF)
        .scalar_subquery()
        .label("pieces")
    )
    return (
        select(items, price.points, pieces)
        .join(prices, and_(price.scheme_id == item.scheme_id, price.item_id == item.id, price.shop_id == shop))
        .where(item.scheme_id == scheme, item.disabled_at.is_(None))
        .order_by(item.name, item.size, item.id)
    )


def goods_of(item: Any, points: int, pieces: int) -> Goods:
    """Goods from an item, or from a row with an item's columns."""
    return Goods(
        item_id=item.id,
        name=item.name,
        size=item.size,
        measure=item.measure,
        barcode=item.barcode,
        picture=item.picture,
        photo_id=item.photo_id,
        market_price_cents=item.market_price_cents,
        price_points=points,
        pieces=int(pieces),
        disabled=item.disabled_at is not None,
    )


GOODS, ALL_GOODS = _goods(), Prepared(_goods)
SOME_GOODS = GOODS.where(items.c.id.in_(bindparam("items", expanding=True)))


def item_by_barcode(scheme_id: int, code: str) -> Item | None:
    """The item a scanned code names: the maker's barcode, or the code we print for goods without one."""
    code = code.strip()
    if not re.fullmatch(r"[0-9A-Za-z-]{4,32}", code, re.ASCII):
        return None
    if (own := rules.item_of_own_code(code)) is not None:
        return db.session.get(Item, (scheme_id, own)) if is_id(own) else None
    return db.session.scalar(select(Item).where(Item.scheme_id == scheme_id, Item.barcode == code.upper()))


def code_of(item: Item | Goods) -> str:
    """What the item's label says to a scanner."""
    return item.barcode or rules.own_code(item.id)


def items_by_id(scheme_id: int, item_ids: Collection[int]) -> dict[int, Item]:
    """Items, disabled ones too, by id."""
    query = select(Item).where(Item.scheme_id == scheme_id, Item.id.in_(item_ids))
    return {item.id: item for item in db.session.scalars(query)}


def item_of(scheme_id: int, item_id: int) -> Item:
    """Raises NotFound."""
    item = db.session.get(Item, (scheme_id, item_id)) if is_id(item_id) else None
    if item is None:
        raise NotFound()
    return item


# ---------------------------------------------------------------- shops


def shops_of(scheme_id: int, closed: bool = False) -> list[Shop]:
    """The scheme's shops by name; closed ones only when asked for."""
    query = select(Shop).where(Shop.scheme_id == scheme_id).order_by(Shop.name, Shop.id)
    return list(db.session.scalars(query if closed else query.where(Shop.closed_at.is_(None))))


def shops_and_paths(scheme_id: int) -> list[Any]:
    """The scheme's open shops by name: the columns of each, and the ``path`` of its area."""
    return OPEN_SHOPS.all(scheme=scheme_id)


def _open_shops() -> Select[Any]:
    shop, area = table_of(Shop), table_of(Area)
    return (
        select(shop, area.c.path)
        .join(area, and_(area.c.scheme_id == shop.c.scheme_id, area.c.id == shop.c.area_id))
        .where(shop.c.scheme_id == bindparam("scheme"), shop.c.closed_at.is_(None))
        .order_by(shop.c.name, shop.c.id)
    )


OPEN_SHOPS = Prepared(_open_shops)


def shops_for(who: Visitor, action: str, closed: bool = False) -> list[Shop]:
    """The shops in whose area the visitor may do the action."""
    query = (
        select(Shop)
        .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
        .where(Shop.scheme_id == who.scheme_id, within(Area.path, who.reach(action)))
        .order_by(Shop.name, Shop.id)
    )
    return list(db.session.scalars(query if closed else query.where(Shop.closed_at.is_(None))))


def shop_for(who: Visitor, action: str, shop_id: int, lock: bool = False) -> Shop:
    """The shop, if the visitor may do the action in its area. Raises NotFound, whatever the reason."""
    query = (
        select(Shop)
        .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
        .where(Shop.scheme_id == who.scheme_id, Shop.id == shop_id, within(Area.path, who.reach(action)))
    )
    if lock:
        query = query.with_for_update(of=Shop)
    shop = db.session.scalar(query) if is_id(shop_id) else None
    if shop is None:
        raise NotFound()
    return shop


def reaches_every_shop(who: Visitor, action: str, selling: int | None = None) -> bool:
    """Whether the visitor may do the action in every shop of the scheme, or in every one that sells an item."""
    beyond = (
        select(Shop.id)
        .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
        .where(Shop.scheme_id == who.scheme_id, ~within(Area.path, who.reach(action)))
    )
    if selling is not None:
        sold = exists().where(Price.scheme_id == Shop.scheme_id, Price.shop_id == Shop.id, Price.item_id == selling)
        beyond = beyond.where(sold)
    return db.session.scalar(beyond.limit(1)) is None


def opening_today(shop: Shop, day: date) -> list[Hours]:
    """When the shop opens on a day; empty when it does not."""
    return [] if shop.closed_at else rules.hours_on(shop.opening, day)


def next_opening(shop: Shop, after: date) -> Hours | None:
    """The first opening on a later day."""
    return None if shop.closed_at else rules.next_hours(shop.opening, after)


# ---------------------------------------------------------------- limits


EVER_LIMITS = (
    select(Limit)
    .where(Limit.scheme_id == bindparam("scheme"), or_(Limit.shop_id.is_(None), Limit.shop_id == bindparam("shop")))
    .order_by(Limit.id)
)
LIMITS = EVER_LIMITS.where(Limit.ended_at.is_(None))


def limits_of(scheme_id: int, shop_id: int, ended: bool = False) -> list[Limit]:
    """The limits that apply in a shop: its own and those of all shops together. ``item_id`` None counts redemptions.
    Those that have ended only when asked for."""
    return list(db.session.scalars(EVER_LIMITS if ended else LIMITS, {"scheme": scheme_id, "shop": shop_id}))


def limits_on(scheme_id: int, shop_id: int, item_ids: Iterable[int], ended: bool = False) -> list[Limit]:
    """The limits that a basket of these items meets, in key order; those that have ended only when asked for."""
    wanted = {None, *item_ids}
    return [limit for limit in limits_of(scheme_id, shop_id, ended) if limit.item_id in wanted]


def limit_standing(scheme_id: int, person_id: int, shop_id: int, day: date) -> list[Standing]:
    """Where a person stands under every limit of the shop on a day, redemptions first, then by name."""
    periods = {period: rules.period_key(day, period) for period in clock.PERIODS}
    found = [
        Standing(
            limit_id=row.id,
            item_id=row.item_id,
            name=title_of(row.name, row.size) if row.item_id else "",
            measure=row.measure or "",
            period=row.period,
            used=row.used or 0,
            limit=row.quantity,
            again_on=rules.again_on(day, row.period),
        )
        for row in STANDING.all(scheme=scheme_id, shop=shop_id, person=person_id, **periods)
    ]
    return sorted(found, key=lambda one: (one.item_id is not None, one.name, one.limit_id))


def _standing() -> Select[Any]:
    """The limits that hold in :shop, with what :person has used of each in the period named for its kind."""
    limit, used, item, scheme = table_of(Limit), table_of(LimitUsage), items, bindparam("scheme", type_=BigInteger)
    period = case({name: bindparam(name, type_=String) for name in clock.PERIODS}, value=limit.c.period, else_="")
    mine = and_(used.c.scheme_id == scheme, used.c.person_id == bindparam("person", type_=BigInteger))
    return (
        select(limit.c.id, limit.c.item_id, limit.c.period, limit.c.quantity, used.c.used)
        .add_columns(item.c.name, item.c.size, item.c.measure)
        .select_from(limit)
        .outerjoin(used, and_(mine, used.c.limit_id == limit.c.id, used.c.period == period))
        .outerjoin(item, and_(item.c.scheme_id == scheme, item.c.id == limit.c.item_id))
        .where(limit.c.scheme_id == scheme, limit.c.ended_at.is_(None))
        .where(or_(limit.c.shop_id.is_(None), limit.c.shop_id == bindparam("shop", type_=BigInteger)))
    )


STANDING = Prepared(_standing)


def usage_of(scheme_id: int, person_id: int, limits: Sequence[Limit], day: date) -> dict[int, int]:
    """Limit id → what the person has used of it in the period the day falls in."""
    if not limits:
        return {}
    each = [
        and_(LimitUsage.limit_id == one.id, LimitUsage.period == rules.period_key(day, one.period)) for one in limits
    ]
    query = select(LimitUsage.limit_id, LimitUsage.used).where(
        LimitUsage.scheme_id == scheme_id, LimitUsage.person_id == person_id, or_(*each)
    )
    return dict(db.session.execute(query).all())


def standing_of(limit: Limit, item: Item | None, used: int, day: date) -> Standing:
    return Standing(
        limit_id=limit.id,
        item_id=limit.item_id,
        name=title_of(item.name, item.size) if item else "",
        measure=item.measure if item else "",
        period=limit.period,
        used=used,
        limit=limit.quantity,
        again_on=rules.again_on(day, limit.period),
    )
