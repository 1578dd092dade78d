"""Notice lists (公示) and the objections made to what stands on them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ...db import InScheme, Model, one_of, to


class Notice(InScheme, Model):
    """A list of awards of one area, open to everybody from a day until the end of another."""

    __tablename__ = "notices"
    number: Mapped[str] = mapped_column(String(20))  # 2026-11-003: counts within the month
    area_id: Mapped[int]
    area_path: Mapped[str] = mapped_column(String(120))
    opens_on: Mapped[date]
    closes_on: Mapped[date]  # the last day on which somebody may object
    days: Mapped[int]  # working days promised
    beyond: Mapped[bool] = mapped_column(default=False)  # reckoned by the week, where the calendar had no day
    items: Mapped[int] = mapped_column(default=0)  # how many were ever put on it: the last one's place
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    __table_args__ = (
        to("areas", "area_id"),
        UniqueConstraint("scheme_id", "number"),
        UniqueConstraint("scheme_id", "area_id", "opens_on", "closes_on"),
        Index(
            "ix_notices_open",
            "scheme_id",
            "closes_on",
            "id",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(None, "scheme_id", "opens_on", "id"),
    )


class NoticeGap(Model):
    """A place on a notice whose award was taken back there: nothing else is kept of it. ``is_public``: as the award
    was; a deduction is told to nobody."""

    __tablename__ = "notice_gaps"
    scheme_id: Mapped[int]
    notice_id: Mapped[int]
    place: Mapped[int]
    is_public: Mapped[bool]
    taken_back_at: Mapped[datetime]
    __table_args__ = (PrimaryKeyConstraint("scheme_id", "notice_id", "place"), to("notices", "notice_id"))


class ObjectionState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"  # 异议成立: the award falls
    DISMISSED = "dismissed"  # 异议不成立


class Objection(InScheme, Model):
    """What somebody has against an award on notice. Names and ways to reach the objector are for staff only."""

    __tablename__ = "objections"
    claim_id: Mapped[int]
    notice_id: Mapped[int]
    number: Mapped[str] = mapped_column(String(12))  # with which an objector without an account asks what became of it
    person_id: Mapped[int | None]  # when signed in
    name: Mapped[str] = mapped_column(String(40), default="")
    contact: Mapped[str] = mapped_column(String(60), default="")
    words: Mapped[str] = mapped_column(String(500))
    made_at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36))
    state: Mapped[str] = mapped_column(String(10), default=ObjectionState.OPEN)
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decided_reason: Mapped[str] = mapped_column(String(300), default="")
    __table_args__ = (
        to("claims", "claim_id"),
        to("notices", "notice_id"),
        to("people", "person_id"),
        to("people", "decided_by"),
        UniqueConstraint("scheme_id", "key"),
        UniqueConstraint("scheme_id", "number"),
        one_of("state", ObjectionState),
        CheckConstraint("decided_by IS NULL OR person_id IS NULL OR decided_by <> person_id", name="two_people"),
        Index(None, "scheme_id", "state", "made_at", "id"),
        Index(None, "scheme_id", "claim_id"),
    )
