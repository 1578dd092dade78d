"""The ledger's tables: units, holders, accounts, transfers, postings. Ids and codes only; words live elsewhere."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..db import InScheme, Model, one_of, to


class UnitKind(StrEnum):
    """What is counted. Each item of goods is a unit of its own."""

    POINTS = "points"
    HONOUR = "honour"
    MINUTES = "minutes"
    GOODS = "goods"


class HolderKind(StrEnum):
    PERSON = "person"
    HOUSEHOLD = "household"
    GROUP = "group"
    ORGANISATION = "organisation"
    SHOP = "shop"
    SCHEME = "scheme"


class AccountClass(StrEnum):
    """What an account is for. ``rules.py`` gives its lock rank, floor, and which kinds of transfer may touch it."""

    WALLET = "wallet"  # a holder's points, honour or minutes; points: one account per expiry date (mark)
    SHELF = "shelf"  # goods in a shop; mark = batch
    TAKINGS = "takings"  # points a shop has taken in
    ISSUANCE = "issuance"  # where points, honour and minutes come from (runs negative)
    SUPPLY = "supply"  # where goods come from: donors, purchase (runs negative)
    GIVEN_OUT = "given_out"  # goods that residents took home
    WASTE = "waste"  # goods thrown away or missing at a count
    EXPIRED = "expired"  # points whose date has passed
    OPENING = "opening"  # counterpart of balances brought in from elsewhere


class Unit(InScheme, Model):
    __tablename__ = "units"
    code: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(12))
    scale: Mapped[int] = mapped_column(default=0)  # decimals of one unit in minor units
    __table_args__ = (
        UniqueConstraint("scheme_id", "code"),
        one_of("kind", UnitKind),
        CheckConstraint("scale BETWEEN 0 AND 6", name="scale"),
    )


class Holder(InScheme, Model):
    __tablename__ = "holders"
    kind: Mapped[str] = mapped_column(String(12))
    __table_args__ = (one_of("kind", HolderKind),)


class Account(InScheme, Model):
    """``balance`` and ``seq`` are caches that ``audit`` recomputes; only ``post`` changes them."""

    __tablename__ = "accounts"
    holder_id: Mapped[int]
    unit_id: Mapped[int]
    klass: Mapped[str] = mapped_column("class", String(12))
    mark: Mapped[str] = mapped_column(String(40), default="")
    stripe: Mapped[int] = mapped_column(default=0)
    floor: Mapped[int | None]
    ceiling: Mapped[int | None]
    balance: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    seq: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        to("holders", "holder_id"),
        to("units", "unit_id"),
        UniqueConstraint("scheme_id", "holder_id", "unit_id", "class", "mark", "stripe"),
        one_of("class", AccountClass),
        CheckConstraint("floor IS NULL OR balance - held >= floor", name="floor"),
        CheckConstraint("ceiling IS NULL OR balance <= ceiling", name="ceiling"),
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("seq >= 0", name="seq"),
        CheckConstraint("balance BETWEEN -9007199254740992 AND 9007199254740992", name="balance"),
    )


class Transfer(InScheme, Model):
    __tablename__ = "transfers"
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(80))
    actor_id: Mapped[int]  # the person who caused it; 0 is the system
    request_hash: Mapped[str] = mapped_column(String(64))
    source_kind: Mapped[str] = mapped_column(String(20))  # the document behind it: claim, receipt, stock_move…
    source_id: Mapped[int | None]
    reverses_id: Mapped[int | None]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    __table_args__ = (
        to("transfers", "reverses_id"),
        UniqueConstraint("scheme_id", "actor_id", "key"),
        UniqueConstraint("scheme_id", "reverses_id"),
        Index(None, "scheme_id", "recorded_at", "id"),
        Index(None, "scheme_id", "source_kind", "source_id"),
    )


class Posting(Model):
    __tablename__ = "postings"
    scheme_id: Mapped[int]
    transfer_id: Mapped[int]
    line: Mapped[int]
    account_id: Mapped[int]
    amount: Mapped[int]
    seq: Mapped[int]
    balance_after: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "transfer_id", "line"),
        to("transfers", "transfer_id"),
        to("accounts", "account_id"),
        UniqueConstraint("scheme_id", "account_id", "seq"),
        CheckConstraint("amount <> 0 AND amount BETWEEN -1000000000000 AND 1000000000000", name="amount"),
    )
