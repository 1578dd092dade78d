"""The love supermarket: shops, items, prices, limits, and the papers behind every stock move."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..clock import PERIODS
from ..db import InScheme, Model, one_of, to


class Shop(InScheme, Model):
    """A love supermarket; the same id is its holder on the ledger."""

    __tablename__ = "shops"
    name: Mapped[str] = mapped_column(String(80))
    place: Mapped[str] = mapped_column(String(120), default="")
    area_id: Mapped[int]
    opening: Mapped[list[Any]] = mapped_column(default=list)  # [{"weekday": 5, "from": "09:00", "to": "11:00"}]
    closed_at: Mapped[datetime | None]
    __table_args__ = (to("holders", "id"), to("areas", "area_id"), UniqueConstraint("scheme_id", "name"))


class Item(InScheme, Model):
    """A kind of goods; the same id is its unit on the ledger."""

    __tablename__ = "items"
    name: Mapped[str] = mapped_column(String(60))
    size: Mapped[str] = mapped_column(String(30), default="")  # 5公斤
    measure: Mapped[str] = mapped_column(String(6), default="件")  # 袋, 瓶, 块
    barcode: Mapped[str | None] = mapped_column(String(32))
    picture: Mapped[str] = mapped_column(String(20), default="")  # one of static/art, when there is no photo
    photo_id: Mapped[int | None]
    market_price_cents: Mapped[int | None]
    made_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    __table_args__ = (
        to("units", "id"),
        to("photos", "photo_id"),
        UniqueConstraint("scheme_id", "barcode"),
        UniqueConstraint("scheme_id", "name", "size"),
        CheckConstraint("market_price_cents IS NULL OR market_price_cents BETWEEN 0 AND 1000000000", name="price"),
    )


class Price(Model):
    """What an item costs in points at a shop. An item without a price is not sold there."""

    __tablename__ = "prices"
    scheme_id: Mapped[int]
    shop_id: Mapped[int]
    item_id: Mapped[int]
    points: Mapped[int]
    set_by: Mapped[int]
    set_at: Mapped[datetime]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "shop_id", "item_id"),
        to("shops", "shop_id"),
        to("items", "item_id"),
        CheckConstraint("points BETWEEN 1 AND 1000000000", name="points"),
    )


class Limit(InScheme, Model):
    """How much one person may take in a period: pieces of an item, or (no item) redemptions."""

    __tablename__ = "limits"
    shop_id: Mapped[int | None]  # None: in all shops together
    item_id: Mapped[int | None]  # None: number of redemptions
    period: Mapped[str] = mapped_column(String(12))
    quantity: Mapped[int]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        to("shops", "shop_id"),
        to("items", "item_id"),
        one_of("period", PERIODS),
        CheckConstraint("quantity BETWEEN 1 AND 1000000", name="quantity"),
    )


class LimitUsage(Model):
    """What somebody has taken under a limit in a period. Locked in key order before any account."""

    __tablename__ = "limit_usage"
    scheme_id: Mapped[int]
    person_id: Mapped[int]
    limit_id: Mapped[int]
    period: Mapped[str] = mapped_column(String(20))
    used: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "person_id", "limit_id", "period"),
        to("people", "person_id"),
        to("limits", "limit_id"),
        CheckConstraint("used >= 0", name="used"),
    )


RECEIPTS = ("donation", "purchase")


class StockMove(InScheme, Model):
    """The paper behind goods that came in or went out other than by redemption."""

    __tablename__ = "stock_moves"
    kind: Mapped[str] = mapped_column(String(12))  # donation, purchase, waste; correction takes a mistaken one back
    shop_id: Mapped[int]
    item_id: Mapped[int]
    quantity: Mapped[int]
    partner: Mapped[str] = mapped_column(String(80), default="")  # donor or supplier
    cost_cents: Mapped[int | None]
    best_before: Mapped[date | None]
    note: Mapped[str] = mapped_column(String(200), default="")
    made_by: Mapped[int]
    made_at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36))
    transfer_id: Mapped[int]
    corrects_id: Mapped[int | None]
    __table_args__ = (
        to("shops", "shop_id"),
        to("items", "item_id"),
        to("people", "made_by"),
        to("transfers", "transfer_id"),
        to("stock_moves", "corrects_id"),
        UniqueConstraint("scheme_id", "made_by", "key"),
        UniqueConstraint("scheme_id", "transfer_id"),
        UniqueConstraint("scheme_id", "corrects_id"),
        one_of("kind", (*RECEIPTS, "waste", "correction")),
        CheckConstraint("quantity BETWEEN 1 AND 1000000", name="quantity"),
        CheckConstraint("cost_cents IS NULL OR cost_cents BETWEEN 0 AND 1000000000000", name="cost"),
        CheckConstraint("(kind = 'correction') = (corrects_id IS NOT NULL)", name="corrects"),
        Index(None, "scheme_id", "shop_id", "id"),
        Index(None, "scheme_id", "shop_id", "item_id", "id"),
    )
