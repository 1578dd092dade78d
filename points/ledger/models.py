"""The ledger's tables: units, holders, accounts, transfers, postings. Ids and codes only; words live elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ..db import APPEND_ONLY, InScheme, Model, kept, one_of, to


class UnitKind(StrEnum):
    """What is counted. Each item of goods is a unit of its own."""

    __hash__ = str.__hash__

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

    __hash__ = str.__hash__  # looked up for every line of every transfer; Enum's own takes ten times as long

    WALLET = "wallet"  # a holder's points, honour or minutes; points: one account per expiry date (mark)
    SHELF = "shelf"  # goods in a shop; mark = batch
    TAKINGS = "takings"  # points a shop has taken in
    ISSUANCE = "issuance"  # where points, honour and minutes come from (runs negative); mark = budget, "" has none
    SUPPLY = "supply"  # where goods come from: donors, purchase (runs negative)
    GIVEN_OUT = "given_out"  # goods that residents took home
    WASTE = "waste"  # goods thrown away or missing at a count
    EXPIRED = "expired"  # points whose date has passed
    DEBT = "debt"  # what a reversed award could not take back because it was spent (runs negative); awards repay it
    OPENING = "opening"  # counterpart of balances brought in from elsewhere


Word = String(40).with_variant(
    String(40, collation="C"), "postgresql"
)  # sorts as Python sorts: the lock order needs it


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


DATED = text("class = 'wallet' AND mark <> 'never'")


class Account(InScheme, Model):
    """``balance``, ``held`` and ``seq`` are caches that ``audit`` recomputes; only ``post`` and holds change them.

    All bounds are one constraint, on PostgreSQL in a function (migration 0017): it reads each constraint's tree anew
    for every update, and even this one took a seventh of a posting. A budget may be lowered below what has been issued,
    so issuance may stand below its floor.
    """

    __tablename__ = "accounts"
    holder_id: Mapped[int]
    unit_id: Mapped[int]
    klass: Mapped[str] = mapped_column("class", Word)
    mark: Mapped[str] = mapped_column(Word, default="")
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
        Index("ix_accounts_dated", "scheme_id", "mark", "id", sqlite_where=DATED, postgresql_where=DATED),
        CheckConstraint(
            "(balance - held >= COALESCE(floor, -9007199254740992) OR class = 'issuance') "
            "AND balance BETWEEN -9007199254740992 AND COALESCE(ceiling, 9007199254740992) AND held >= 0",
            name="bounds",
        ),
        kept("balance", "held", "seq", "floor", "ceiling"),
    )


class Transfer(Model):
    """``part`` counts the reversals of one transfer: 1 and no more when it was taken back whole. No foreign key to
    the directory: every writer would lock the scheme's row there. Its postings' accounts belong to the scheme."""

    __tablename__ = "transfers"
    scheme_id: Mapped[int]
    id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(80))
    actor_id: Mapped[int]  # the person who caused it; 0 is the system
    request_hash: Mapped[str] = mapped_column(String(64))
    source_kind: Mapped[str] = mapped_column(String(20))  # the document behind it: claim, receipt, stock_move…
    source_id: Mapped[int | None]
    reverses_id: Mapped[int | None]
    part: Mapped[int | None]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "id"),
        to("transfers", "reverses_id"),
        UniqueConstraint("scheme_id", "actor_id", "key"),
        Index(
            "uq_transfers_part",
            *("scheme_id", "reverses_id", "part"),
            unique=True,
            sqlite_where=text("reverses_id IS NOT NULL"),
            postgresql_where=text("reverses_id IS NOT NULL"),
        ),
        Index(None, "scheme_id", "recorded_at", "id"),
        Index(None, "scheme_id", "source_kind", "source_id"),
        CheckConstraint("(reverses_id IS NULL) = (part IS NULL)", name="part"),
        APPEND_ONLY,
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
    undoes: Mapped[int | None]  # in a reversal: which line of the reversed transfer this takes back
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "transfer_id", "line"),
        to("transfers", "transfer_id"),
        to("accounts", "account_id"),
        UniqueConstraint("scheme_id", "account_id", "seq"),
        CheckConstraint("amount <> 0 AND amount BETWEEN -1000000000000 AND 1000000000000", name="amount"),
        APPEND_ONLY,
    )


class Hold(Model):
    """A draft that waits: what it will take is set aside (``held``) in the accounts of its lines. Append-only."""

    __tablename__ = "holds"
    scheme_id: Mapped[int]
    id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))  # of the transfer that capturing records
    key: Mapped[str] = mapped_column(String(80))
    actor_id: Mapped[int]
    request_hash: Mapped[str] = mapped_column(String(64))
    source_kind: Mapped[str] = mapped_column(String(20))
    source_id: Mapped[int | None]
    occurred_at: Mapped[datetime]
    held_at: Mapped[datetime]
    until: Mapped[datetime]  # from this moment on it is refused, swept or not
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "id"),
        UniqueConstraint("scheme_id", "actor_id", "key"),
        Index(None, "scheme_id", "until", "id"),
        APPEND_ONLY,
    )


class HoldLine(Model):
    """A line of a held draft: a taking one (amount < 0) is set aside at its account, a giving one says where to."""

    __tablename__ = "hold_lines"
    scheme_id: Mapped[int]
    hold_id: Mapped[int]
    line: Mapped[int]
    account_id: Mapped[int]
    amount: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "hold_id", "line"),
        to("holds", "hold_id"),
        to("accounts", "account_id"),
        Index(None, "scheme_id", "account_id"),
        CheckConstraint("amount <> 0 AND amount BETWEEN -1000000000000 AND 1000000000000", name="amount"),
        APPEND_ONLY,
    )


class Outcome(StrEnum):
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


class HoldResolution(Model):
    """How a hold ended. Its key is the hold: that it ends once is a fact of the database. Append-only."""

    __tablename__ = "hold_resolutions"
    scheme_id: Mapped[int]
    hold_id: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10))
    transfer_id: Mapped[int | None]  # what capturing recorded
    actor_id: Mapped[int]
    resolved_at: Mapped[datetime]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "hold_id"),
        to("holds", "hold_id"),
        to("transfers", "transfer_id"),
        Index(None, "scheme_id", "transfer_id"),
        one_of("outcome", Outcome),
        CheckConstraint("(outcome = 'captured') = (transfer_id IS NOT NULL)", name="transfer"),
        APPEND_ONLY,
    )


class Seal(Model):
    """A day of the scheme's transfers as one hash that holds the day before's: publish it, and no day can change.

    Hashes are hexadecimal. The key is the day: that it is sealed once is a fact of the database. Append-only.
    """

    __tablename__ = "seals"
    scheme_id: Mapped[int]
    day: Mapped[date]
    number: Mapped[int]  # from 1, without gaps
    count: Mapped[int]  # transfers sealed
    root: Mapped[str] = mapped_column(String(64))
    previous: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "day"),
        UniqueConstraint("scheme_id", "number"),
        CheckConstraint("number > 0 AND count >= 0", name="number"),
        APPEND_ONLY,
    )


class SealLeaf(Model):
    """Into which day's seal a transfer went, and as what. Append-only. No foreign key to the transfer: checking it
    would lock, and so write, every transfer's row anew; ``verify`` tells when one is missing.

    ``prints``: four hexadecimal digits for the transfer's row and for each of its lines, to tell which one changed.
    """

    __tablename__ = "seal_leaves"
    scheme_id: Mapped[int]
    transfer_id: Mapped[int]
    day: Mapped[date]
    position: Mapped[int]
    salt: Mapped[str] = mapped_column(String(32))
    leaf: Mapped[str] = mapped_column(String(64))
    prints: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "transfer_id"),
        ForeignKeyConstraint(["scheme_id", "day"], ["seals.scheme_id", "seals.day"]),
        UniqueConstraint("scheme_id", "day", "position"),
        CheckConstraint("position >= 0", name="position"),
        APPEND_ONLY,
    )
