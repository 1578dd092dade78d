"""Stock moves: goods come in by gift or purchase, go out as waste; a mistake is taken back. One transfer each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from .. import ledger
from ..db import db, is_id, new_id
from ..errors import N_, Conflict, NotFound, SoldOut
from ..ledger import AccountClass, Draft, Leg
from ..people.visitor import Visitor
from .models import RECEIPTS, Item, Shop, StockMove
from .queries import item_of, pieces_at, shop_for, title_of


class TakenBack(Conflict):
    """The move has been taken back already, or is itself a taking back."""

    code = "taken_back"
    sentence = N_("这一笔已经撤回过了。")


class ItemDisabled(Conflict):
    """The item is no longer in use. Facts: ``name``."""

    code = "item_disabled"
    sentence = N_("“{name}”已经停用。要收货，先在“商品与价格”里恢复。")


class ShopClosed(Conflict):
    """The shop is closed for good. Facts: ``name``."""

    code = "shop_closed"
    sentence = N_("“{name}”已经关了，不再收货。")


def receive_stock(
    who: Visitor,
    *,
    shop_id: int,
    item_id: int,
    quantity: int,
    kind: str,
    partner: str = "",
    cost_cents: int | None = None,
    best_before: date | None = None,
    note: str = "",
    key: UUID,
    at: datetime,
) -> StockMove:
    """Put goods on the shelf: one transfer from supply, and the paper that says from whom.

    kind  donation or purchase; key made with the form: the same twice is one receipt
    Raises NotFound, KeyReused, ItemDisabled, ShopClosed.
    """
    shop = shop_for(who, "stock.receive", shop_id)
    item = item_of(who.scheme_id, item_id)
    paper = {"partner": partner, "cost_cents": cost_cents, "best_before": best_before, "note": note}
    legs = (
        Leg(who.scheme_id, item.id, AccountClass.SUPPLY, -quantity),
        Leg(shop.id, item.id, AccountClass.SHELF, quantity),
    )
    return _move(who, shop, item, kind, quantity, paper, legs, key, at)


def write_off(
    who: Visitor, *, shop_id: int, item_id: int, quantity: int, reason: str, key: UUID, at: datetime
) -> StockMove:
    """Take spoilt, broken or missing goods off the shelf. Raises NotFound, KeyReused, SoldOut when fewer are there."""
    shop = shop_for(who, "stock.receive", shop_id)
    item = item_of(who.scheme_id, item_id)
    legs = (
        Leg(shop.id, item.id, AccountClass.SHELF, -quantity),
        Leg(shop.id, item.id, AccountClass.WASTE, quantity),
    )
    return _move(who, shop, item, "waste", quantity, {"note": reason}, legs, key, at)


def _move(
    who: Visitor,
    shop: Shop,
    item: Item,
    kind: str,
    quantity: int,
    paper: dict[str, Any],
    legs: tuple[Leg, ...],
    key: UUID,
    at: datetime,
) -> StockMove:
    """Record a move once: its transfer and its paper, found again by key."""
    hashed = ledger.request_hash(kind=kind, shop=shop.id, item=item.id, quantity=quantity, **paper)
    if done := ledger.earlier(who.scheme_id, who.person_id, f"stock:{key}", hashed):
        return move_of_transfer(who.scheme_id, done.transfer_id)
    if kind in RECEIPTS and item.disabled_at is not None:
        raise ItemDisabled(name=title_of(item.name, item.size))
    if kind in RECEIPTS and shop.closed_at is not None:
        raise ShopClosed(name=shop.name)
    move_id = new_id()
    draft = Draft(
        kind=kind,
        key=f"stock:{key}",
        actor_id=who.person_id,
        request_hash=hashed,
        source_kind="stock_move",
        source_id=move_id,
        occurred_at=at,
        legs=legs,
    )
    try:
        posted = ledger.post(who.scheme_id, [draft], at=at)[0]
    except SoldOut as error:
        there = pieces_at(who.scheme_id, shop.id, [item.id]).get(item.id, 0)
        raise short_of(item, there) from error
    if posted.replayed:
        return move_of_transfer(who.scheme_id, posted.transfer_id)
    move = StockMove(
        scheme_id=who.scheme_id,
        id=move_id,
        kind=kind,
        shop_id=shop.id,
        item_id=item.id,
        quantity=quantity,
        made_by=who.person_id,
        made_at=at,
        key=str(key),
        transfer_id=posted.transfer_id,
        **paper,
    )
    db.session.add(move)
    db.session.flush()
    return move


def take_back(who: Visitor, move_id: int, *, reason: str, key: UUID, at: datetime) -> StockMove:
    """Undo a mistaken move by the opposite transfer; the original stays on the books.

    Raises NotFound, TakenBack, SoldOut when the goods have left the shelf meanwhile.
    """
    move = db.session.get(StockMove, (who.scheme_id, move_id)) if is_id(move_id) else None
    if move is None:
        raise NotFound()
    shop = shop_for(who, "stock.receive", move.shop_id, lock=True)
    taken = db.session.scalar(
        select(StockMove).where(StockMove.scheme_id == who.scheme_id, StockMove.corrects_id == move.id)
    )
    if taken is not None and (taken.key, taken.made_by) == (str(key), who.person_id):
        return taken
    if taken is not None or move.kind == "correction":
        raise TakenBack()
    item = item_of(who.scheme_id, move.item_id)
    back_id = new_id()
    try:
        posted = ledger.reverse(
            who.scheme_id,
            move.transfer_id,
            kind="reversal",
            key=f"stock:{key}",
            actor_id=who.person_id,
            request_hash=ledger.request_hash(kind="correction", move=move.id, reason=reason),
            source_kind="stock_move",
            source_id=back_id,
            at=at,
        )
    except SoldOut as error:
        there = pieces_at(who.scheme_id, shop.id, [item.id]).get(item.id, 0)
        raise short_of(item, there) from error
    back = StockMove(
        scheme_id=who.scheme_id,
        id=back_id,
        kind="correction",
        shop_id=shop.id,
        item_id=item.id,
        quantity=move.quantity,
        note=reason,
        made_by=who.person_id,
        made_at=at,
        key=str(key),
        transfer_id=posted.transfer_id,
        corrects_id=move.id,
    )
    db.session.add(back)
    db.session.flush()
    return back


class NotThatMany(SoldOut):
    """Fewer pieces are on the shelf than should leave it. Facts: ``goods``, ``there``, ``measure``, ``available``."""

    sentence = N_("{goods}架上只有 {there} {measure}，减不了这么多。")


def short_of(item: Item, there: int) -> NotThatMany:
    return NotThatMany(
        goods=title_of(item.name, item.size), there=there, measure=item.measure, available={str(item.id): there}
    )


def move_of_transfer(scheme_id: int, transfer_id: int) -> StockMove:
    """The paper behind a transfer of stock."""
    return db.session.scalars(
        select(StockMove).where(StockMove.scheme_id == scheme_id, StockMove.transfer_id == transfer_id)
    ).one()
