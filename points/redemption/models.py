"""Codes and cards, the till, servings (one resident at one till), receipts and returns."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..db import APPEND_ONLY, InScheme, Model, OfBusyTable, one_of, to


class Till(InScheme, Model):
    __tablename__ = "tills"
    shop_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(20))  # "1 号台"
    __table_args__ = (to("shops", "shop_id"), UniqueConstraint("scheme_id", "shop_id", "name"))


class CodeCredential(InScheme, Model):
    """What draws phone codes: one signed-in browser session. Its number (12 digits) stands in the code."""

    __tablename__ = "code_credentials"
    number: Mapped[str] = mapped_column(String(12))
    person_id: Mapped[int]
    sign_in_id: Mapped[int]
    key_sealed: Mapped[str] = mapped_column(String(400))
    drawn_step: Mapped[int] = mapped_column(default=0)
    drawn_seq: Mapped[int] = mapped_column(default=0)
    used_step: Mapped[int] = mapped_column(default=-1)  # the last accepted; all at or below are dead
    used_seq: Mapped[int] = mapped_column(default=-1)
    made_at: Mapped[datetime]
    __table_args__ = (
        to("people", "person_id"),
        UniqueConstraint("scheme_id", "number"),
        UniqueConstraint("scheme_id", "sign_in_id"),
    )


class TypedNumber(Model):
    """The 8 digits below a drawn code: one use, 90 seconds."""

    __tablename__ = "typed_numbers"
    scheme_id: Mapped[int]
    number: Mapped[str] = mapped_column(String(8))
    credential_id: Mapped[int]
    step: Mapped[int]
    seq: Mapped[int]
    expires_at: Mapped[datetime]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "number"),
        to("code_credentials", "credential_id"),
        Index(None, "scheme_id", "credential_id"),
        Index(None, "scheme_id", "expires_at"),
    )


class UsedCode(Model):
    """A code that paid, or authorised a return: written in the same transaction as the transfer. Its key is what makes
    it single-use. Append-only."""

    __tablename__ = "used_codes"
    scheme_id: Mapped[int]
    credential_id: Mapped[int]
    step: Mapped[int]
    seq: Mapped[int]
    receipt_id: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "credential_id", "step", "seq"),
        to("code_credentials", "credential_id"),
        to("receipts", "receipt_id"),
        APPEND_ONLY,
    )


class Card(InScheme, Model):
    """A printed card: 38 random digits, kept as SHA-256."""

    __tablename__ = "cards"
    person_id: Mapped[int]
    digits_hash: Mapped[str] = mapped_column(String(64))
    made_by: Mapped[int]
    made_at: Mapped[datetime]
    blocked_at: Mapped[datetime | None]
    __table_args__ = (
        to("people", "person_id"),
        to("people", "made_by"),
        UniqueConstraint("scheme_id", "digits_hash"),
        Index(None, "scheme_id", "person_id"),
    )


class CardUsage(Model):
    """Points taken by card in a day, against the card's daily limit."""

    __tablename__ = "card_usage"
    scheme_id: Mapped[int]
    person_id: Mapped[int]
    day: Mapped[date]
    used: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "person_id", "day"),
        to("people", "person_id"),
        CheckConstraint("used >= 0", name="used"),
    )


class Serving(OfBusyTable, Model):
    """A resident's code claimed by one till: 5 minutes, renewed by each action, at most 15."""

    __tablename__ = "servings"
    till_id: Mapped[int]
    clerk_id: Mapped[int]
    person_id: Mapped[int]
    means: Mapped[str] = mapped_column(String(8))  # phone, number, card
    credential_id: Mapped[int | None]
    card_id: Mapped[int | None]
    step: Mapped[int | None]
    seq: Mapped[int | None]
    began_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="open")
    claimed: Mapped[str | None] = mapped_column(String(80))  # what is claimed while open; unique, null once ended
    __table_args__ = (
        to("tills", "till_id"),
        to("people", "clerk_id"),
        to("people", "person_id"),
        to("code_credentials", "credential_id"),
        to("cards", "card_id"),
        one_of("means", ("phone", "number", "card")),
        one_of("state", ("open", "done", "cancelled", "lapsed")),
        UniqueConstraint("scheme_id", "claimed"),
        Index(None, "scheme_id", "till_id", "state"),
        Index(None, "scheme_id", "credential_id", "state"),
    )


class TillCounter(Model):
    """Receipt numbers count per till and day."""

    __tablename__ = "till_counters"
    scheme_id: Mapped[int]
    till_id: Mapped[int]
    day: Mapped[date]
    last: Mapped[int]
    __table_args__ = (PrimaryKeyConstraint("scheme_id", "till_id", "day"), to("tills", "till_id"))


class Receipt(OfBusyTable, Model):
    __tablename__ = "receipts"
    till_id: Mapped[int]
    shop_id: Mapped[int]
    day: Mapped[date]
    count: Mapped[int]  # within till and day
    serving_id: Mapped[int]
    person_id: Mapped[int]
    clerk_id: Mapped[int]
    means: Mapped[str] = mapped_column(String(8))
    points: Mapped[int]
    balance_before: Mapped[int]
    balance_after: Mapped[int]
    key: Mapped[str] = mapped_column(String(36))
    request_hash: Mapped[str] = mapped_column(String(64))
    transfer_id: Mapped[int]
    made_at: Mapped[datetime]
    __table_args__ = (
        to("tills", "till_id"),
        to("shops", "shop_id"),
        to("servings", "serving_id"),
        to("people", "person_id"),
        to("people", "clerk_id"),
        to("transfers", "transfer_id"),
        UniqueConstraint("scheme_id", "till_id", "day", "count"),
        UniqueConstraint("scheme_id", "serving_id"),
        UniqueConstraint("scheme_id", "clerk_id", "key"),
        Index(None, "scheme_id", "person_id", "made_at"),
        Index(None, "scheme_id", "transfer_id"),
    )


class ReceiptLine(Model):
    __tablename__ = "receipt_lines"
    scheme_id: Mapped[int]
    receipt_id: Mapped[int]
    line: Mapped[int]
    item_id: Mapped[int]
    quantity: Mapped[int]
    unit_points: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "receipt_id", "line"),
        to("receipts", "receipt_id"),
        to("items", "item_id"),
        CheckConstraint("quantity BETWEEN 1 AND 1000000", name="quantity"),
        APPEND_ONLY,
    )


class Return(InScheme, Model):
    """A whole receipt taken back, with the resident's code or a second member of staff."""

    __tablename__ = "returns"
    receipt_id: Mapped[int]
    clerk_id: Mapped[int]
    serving_id: Mapped[int | None]  # the resident's own code…
    second_id: Mapped[int | None]  # …or the second person
    reason: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(36))
    transfer_id: Mapped[int]
    made_at: Mapped[datetime]
    __table_args__ = (
        to("receipts", "receipt_id"),
        to("people", "clerk_id"),
        to("people", "second_id"),
        to("servings", "serving_id"),
        to("transfers", "transfer_id"),
        UniqueConstraint("scheme_id", "receipt_id"),
        UniqueConstraint("scheme_id", "clerk_id", "key"),
        Index(None, "scheme_id", "transfer_id"),
        CheckConstraint("second_id IS NULL OR second_id <> clerk_id", name="two_people"),
        CheckConstraint("serving_id IS NOT NULL OR second_id IS NOT NULL", name="authorised"),
    )
