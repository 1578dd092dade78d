"""Claims (申报), what was decided about them, how much of each cap is used, and corrections of awards."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ..db import APPEND_ONLY, InScheme, Model, one_of, to


class ClaimState(StrEnum):
    WAITING = "waiting"  # 等初审
    RETURNED = "returned"  # 退回补充
    APPROVED = "approved"  # 已入账
    REJECTED = "rejected"  # 不通过
    WITHDRAWN = "withdrawn"  # 已撤回
    REVERSED = "reversed"  # 已更正

    @property
    def is_open(self) -> bool:
        return self in (ClaimState.WAITING, ClaimState.RETURNED)


class Step(StrEnum):
    """What happened to a claim, in the order of its life."""

    SENT = "sent"
    RETURNED = "returned"
    RESENT = "resent"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REVERSED = "reversed"


class CorrectionState(StrEnum):
    ASKED = "asked"  # 等另一位确认
    DONE = "done"  # 已更正
    REFUSED = "refused"  # 不更正


class Source(StrEnum):
    """How the deed became known, from most to least trusted. Rules may pay them differently."""

    SELF_CHECKED = "self_checked"  # checked in and out at the place
    SELF = "self"  # the person's own claim
    LEADER = "leader"  # a team leader or grid worker confirms
    STAFF = "staff"  # entered by staff on behalf of someone
    BACKFILL = "backfill"  # entered afterwards by an administrator (补录)
    IMPORT = "import"


class Claim(InScheme, Model):
    __tablename__ = "claims"
    rule_id: Mapped[int]
    person_id: Mapped[int]  # whose deed: the beneficiary
    entered_by: Mapped[int]
    source: Mapped[str] = mapped_column(String(14))
    quantity: Mapped[int]  # minor units: thousandths of the rule's unit (2.5 hours = 2500)
    done_on: Mapped[date]
    done_at: Mapped[str] = mapped_column(String(40), default="")  # time of day in words or hh:mm
    place: Mapped[str] = mapped_column(String(80), default="")
    note: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(10), default=ClaimState.WAITING)
    state_reason: Mapped[str] = mapped_column(String(200), default="")
    forecast: Mapped[dict[str, Any]]  # the assessment shown before sending
    outcome: Mapped[dict[str, Any] | None]  # the assessment that was posted
    points: Mapped[int | None]  # credited, minor units
    transfer_id: Mapped[int | None]
    key: Mapped[str] = mapped_column(String(36))
    request_hash: Mapped[str] = mapped_column(String(64))  # what was asked under the key; another request is a conflict
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[int | None]
    area_path: Mapped[str] = mapped_column(String(120))  # of the beneficiary when claimed: who may see it
    version: Mapped[int] = mapped_column(default=1)
    __table_args__ = (
        to("earning_rules", "rule_id"),
        to("people", "person_id"),
        to("people", "entered_by"),
        to("transfers", "transfer_id"),
        UniqueConstraint("scheme_id", "entered_by", "key"),
        one_of("state", ClaimState),
        one_of("source", Source),
        CheckConstraint("quantity BETWEEN 1 AND 1000000000000", name="quantity"),
        Index(None, "scheme_id", "state", "made_at", "id"),
        Index(None, "scheme_id", "person_id", "made_at", "id"),
        Index(None, "scheme_id", "transfer_id"),
    )


class ClaimPhoto(Model):
    __tablename__ = "claim_photos"
    scheme_id: Mapped[int]
    claim_id: Mapped[int]
    photo_id: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "claim_id", "photo_id"),
        to("claims", "claim_id"),
        to("photos", "photo_id"),
    )


class Review(InScheme, Model):
    """One step in a claim's life, who took it and why. Append-only: the claimant reads it."""

    __tablename__ = "reviews"
    claim_id: Mapped[int]
    by_id: Mapped[int]
    step: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36))  # the caller's: the same decision sent twice is one step
    __table_args__ = (
        to("claims", "claim_id"),
        to("people", "by_id"),
        one_of("step", Step),
        UniqueConstraint("scheme_id", "by_id", "key"),
        Index(None, "scheme_id", "claim_id", "at"),
        APPEND_ONLY,
    )


class CapUsage(Model):
    """How much of a cap somebody has used in a period. Locked in key order before any account."""

    __tablename__ = "cap_usage"
    scheme_id: Mapped[int]
    subject_id: Mapped[int]  # person or household
    cap: Mapped[str] = mapped_column(String(60))  # rule code or shared group, and what is capped
    period: Mapped[str] = mapped_column(String(20))
    used: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "subject_id", "cap", "period"),
        CheckConstraint("used >= 0", name="used"),
    )


class Correction(InScheme, Model):
    """A request to reverse a wrong award: asked by one, confirmed by another."""

    __tablename__ = "corrections"
    claim_id: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    asked_by: Mapped[int]
    asked_at: Mapped[datetime]
    key: Mapped[str] = mapped_column(String(36))
    state: Mapped[str] = mapped_column(String(10), default=CorrectionState.ASKED)
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decided_reason: Mapped[str] = mapped_column(String(200), default="")
    transfer_id: Mapped[int | None]
    __table_args__ = (
        to("claims", "claim_id"),
        to("people", "asked_by"),
        to("people", "decided_by"),
        to("transfers", "transfer_id"),
        one_of("state", CorrectionState),
        CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="two_people"),
        UniqueConstraint("scheme_id", "asked_by", "key"),
        Index(None, "scheme_id", "state", "asked_at", "id"),
        # one question at a time about an award, whatever the code does
        Index(
            "uq_corrections_open",
            "scheme_id",
            "claim_id",
            unique=True,
            sqlite_where=text("state <> 'refused'"),
            postgresql_where=text("state <> 'refused'"),
        ),
        Index(None, "scheme_id", "claim_id"),
    )
