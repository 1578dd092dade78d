"""The lists staff work with: the catalogue of a shop, its stock, its moves. A fixed number of queries per page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from ..db import db
from ..people.models import Person
from ..web.paging import Page, page_of
from . import rules
from .models import RECEIPTS, Item, Limit, Price, StockMove
from .queries import limits_of, shelves_of, title_of

SHOWN = ("all", "sold", "unpriced", "disabled")
STOCK_SHOWN = ("all", "low", "out")


@dataclass(frozen=True)
class Row:
    """An item on a shop's list."""

    item: Item
    price_points: int | None
    pieces: int
    limits: list[Limit] = field(default_factory=list)
    last: StockMove | None = None  # the last receipt
    best_before: date | None = None  # the soonest among what is still there

    @property
    def title(self) -> str:
        return title_of(self.item.name, self.item.size)


def like(text: str) -> str:
    """A LIKE pattern that finds the text anywhere; its own wildcards are letters."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def items_at(scheme_id: int, shop_id: int, text: str = "") -> Any:
    """Items with their price (or None) and pieces in a shop, narrowed to a name, size or barcode."""
    shelves = shelves_of(scheme_id, shop_id)
    pieces = func.coalesce(shelves.c.pieces, 0)
    query: Any = (
        select(Item, Price.points, pieces.label("pieces"))
        .outerjoin(Price, (Price.scheme_id == Item.scheme_id) & (Price.item_id == Item.id) & (Price.shop_id == shop_id))
        .outerjoin(shelves, shelves.c.unit_id == Item.id)
        .where(Item.scheme_id == scheme_id)
    )
    for word in text.split()[:4]:
        found = like(word)
        query = query.where(
            or_(
                Item.name.like(found, escape="\\"),
                Item.size.like(found, escape="\\"),
                Item.barcode == word.upper(),
                Item.id == (rules.item_of_own_code(word) or 0),
            )
        )
    return query


def shown(query: Any, show: str) -> Any:
    """The catalogue narrowed to what is sold, has no price, or is out of use."""
    if show == "disabled":
        return query.where(Item.disabled_at.is_not(None))
    query = query.where(Item.disabled_at.is_(None))
    if show == "sold":
        return query.where(Price.points.is_not(None))
    return query.where(Price.points.is_(None)) if show == "unpriced" else query


def catalogue(scheme_id: int, shop_id: int, text: str, show: str) -> Page[Row]:
    """A page of the catalogue, in order of name, with the limits that hold in the shop."""
    page = by_name(shown(items_at(scheme_id, shop_id, text), show))
    return Page(with_limits(scheme_id, shop_id, page.rows), page.next)


def whole_catalogue(scheme_id: int, shop_id: int, text: str, show: str) -> list[Row]:
    """The same without pages, for export and labels."""
    query = shown(items_at(scheme_id, shop_id, text), show).order_by(Item.name, Item.size, Item.id)
    return with_limits(scheme_id, shop_id, db.session.execute(query).all())


def labelled(scheme_id: int, shop_id: int, item_ids: Collection[int]) -> list[Row]:
    """Items for labels: those named, or everything sold in the shop."""
    query = shown(items_at(scheme_id, shop_id), "sold").order_by(Item.name, Item.size, Item.id)
    if item_ids:
        query = query.where(Item.id.in_(item_ids))
    return [Row(item, points, int(pieces)) for item, points, pieces in db.session.execute(query)]


def by_name(query: Any) -> Page[Any]:
    return page_of(
        query,
        Item.name,
        Item.size,
        Item.id,
        shape=(str, str, int),
        key_of=lambda row: (row[0].name, row[0].size, row[0].id),
        scalars=False,
    )


def with_limits(scheme_id: int, shop_id: int, rows: Any) -> list[Row]:
    limits: dict[int, list[Limit]] = {}
    for limit in limits_of(scheme_id, shop_id):
        limits.setdefault(limit.item_id or 0, []).append(limit)
    return [Row(item, points, int(pieces), limits.get(item.id, [])) for item, points, pieces in rows]


# ---------------------------------------------------------------- stock


def stock_query(scheme_id: int, shop_id: int, text: str, show: str, low: int) -> Any:
    """What a shop sells or still has on the shelf; narrowed to what is running out (low) or has run out."""
    query = items_at(scheme_id, shop_id, text)
    pieces = query.selected_columns.pieces
    query = query.where(or_(Price.points.is_not(None) & Item.disabled_at.is_(None), pieces > 0))
    if show == "all":
        return query
    query = query.where(Item.disabled_at.is_(None))
    return query.where(pieces.between(1, low) if show == "low" else pieces < 1)


def stock_page(scheme_id: int, shop_id: int, text: str, show: str, low: int, since: datetime) -> Page[Row]:
    """A page of the stock list with last receipts and best-before dates (judged by the receipts since a moment)."""
    page = by_name(stock_query(scheme_id, shop_id, text, show, low))
    return Page(with_receipts(scheme_id, shop_id, page.rows, since), page.next)


def whole_stock(scheme_id: int, shop_id: int, since: datetime) -> list[Row]:
    query = stock_query(scheme_id, shop_id, "", "all", 0).order_by(Item.name, Item.size, Item.id)
    return with_receipts(scheme_id, shop_id, db.session.execute(query).all(), since)


def stock_counts(scheme_id: int, shop_id: int, low: int) -> dict[str, int]:
    """How many items the stock list holds, how many run low, how many have run out."""
    rows = db.session.execute(stock_query(scheme_id, shop_id, "", "all", low)).all()
    wanted = [int(pieces) for item, _, pieces in rows if item.disabled_at is None]
    return {"all": len(rows), "low": sum(0 < n <= low for n in wanted), "out": sum(n < 1 for n in wanted)}


def with_receipts(scheme_id: int, shop_id: int, rows: Any, since: datetime) -> list[Row]:
    pieces = {item.id: int(count) for item, _, count in rows}
    last = last_receipts(scheme_id, shop_id, pieces)
    dates = best_before_of(scheme_id, shop_id, pieces, since)
    return [Row(item, points, pieces[item.id], [], last.get(item.id), dates.get(item.id)) for item, points, _ in rows]


def not_taken_back(scheme_id: int, shop_id: int) -> Any:
    """The condition that a move still stands."""
    taken_back = select(StockMove.corrects_id).where(
        StockMove.scheme_id == scheme_id, StockMove.shop_id == shop_id, StockMove.corrects_id.is_not(None)
    )
    return StockMove.id.not_in(taken_back)


def last_receipts(
    scheme_id: int, shop_id: int, item_ids: Collection[int], before: datetime | None = None
) -> dict[int, StockMove]:
    """Item id → the last receipt that was not taken back; with ``before``, the last until that moment."""
    newest = (
        select(func.max(StockMove.id))
        .where(StockMove.scheme_id == scheme_id, StockMove.shop_id == shop_id, StockMove.item_id.in_(item_ids))
        .where(StockMove.kind.in_(RECEIPTS), not_taken_back(scheme_id, shop_id))
        .group_by(StockMove.item_id)
    )
    if before is not None:
        newest = newest.where(StockMove.made_at <= before)
    query = select(StockMove).where(StockMove.scheme_id == scheme_id, StockMove.id.in_(newest))
    return {move.item_id: move for move in db.session.scalars(query)}


def best_before_of(scheme_id: int, shop_id: int, pieces: dict[int, int], since: datetime) -> dict[int, date]:
    """Item id → soonest best-before date of what is on the shelf, judged by the receipts since a moment."""
    query = (
        select(StockMove.item_id, StockMove.quantity, StockMove.best_before)
        .where(StockMove.scheme_id == scheme_id, StockMove.shop_id == shop_id, StockMove.made_at >= since)
        .where(StockMove.kind.in_(RECEIPTS), StockMove.item_id.in_(pieces), not_taken_back(scheme_id, shop_id))
        .order_by(StockMove.id.desc())
    )
    receipts: dict[int, list[tuple[int, date | None]]] = {}
    for item_id, quantity, best_before in db.session.execute(query):
        receipts.setdefault(item_id, []).append((quantity, best_before))
    found = {i: rules.soonest_best_before(pieces[i], each) for i, each in receipts.items()}
    return {item_id: day for item_id, day in found.items() if day is not None}


# ---------------------------------------------------------------- moves


@dataclass(frozen=True)
class Move:
    """A stock move as a list shows it."""

    move: StockMove
    item: Item
    by: str  # the name of whoever made it
    taken_back: StockMove | None

    @property
    def title(self) -> str:
        return title_of(self.item.name, self.item.size)

    @property
    def can_be_taken_back(self) -> bool:
        return self.taken_back is None and self.move.kind != "correction"

    @property
    def is_in(self) -> bool:
        return self.move.kind in RECEIPTS


def moves_at(
    scheme_id: int, shop_id: int, item_id: int | None = None, size: int = 50, cursor: str | None = None
) -> Page[Any]:
    """The shop's stock moves, newest first."""
    back = aliased(StockMove)
    query: Any = (
        select(StockMove, Item, Person.name, back)
        .join(Item, (Item.scheme_id == StockMove.scheme_id) & (Item.id == StockMove.item_id))
        .join(Person, (Person.scheme_id == StockMove.scheme_id) & (Person.id == StockMove.made_by))
        .outerjoin(back, (back.scheme_id == StockMove.scheme_id) & (back.corrects_id == StockMove.id))
        .where(StockMove.scheme_id == scheme_id, StockMove.shop_id == shop_id)
    )
    if item_id is not None:
        query = query.where(StockMove.item_id == item_id)
    page = page_of(
        query,
        StockMove.id,
        shape=(int,),
        descending=True,
        size=size,
        cursor=cursor,
        key_of=lambda row: (row[0].id,),
        scalars=False,
    )
    return Page([Move(*row) for row in page.rows], page.next)


def choices(scheme_id: int, shop_id: int, on_shelf: bool) -> list[Row]:
    """What a stock form offers: what is on the shelf, or everything in use."""
    query = items_at(scheme_id, shop_id).order_by(Item.name, Item.size, Item.id).limit(2000)
    pieces = query.selected_columns.pieces
    query = query.where(pieces > 0) if on_shelf else query.where(Item.disabled_at.is_(None))
    return [Row(item, points, int(count)) for item, points, count in db.session.execute(query)]
