"""Appeals: what a claimant asks to be looked at again, by when, by whom, and what came of it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ...db import InScheme, Model, one_of, to


class AppealState(StrEnum):
    OPEN = "open"
    GRANTED = "granted"  # 申诉成立
    REFUSED = "refused"  # 维持原来的决定
    WITHDRAWN = "withdrawn"


class About(StrEnum):
    REJECTION = "rejection"
    AMOUNT = "amount"
    DEDUCTION = "deduction"


class Appeal(InScheme, Model):
    __tablename__ = "appeals"
    claim_id: Mapped[int]
    about: Mapped[str] = mapped_column(String(10))
    words: Mapped[str] = mapped_column(String(500))
    filed_by: Mapped[int]
    filed_at: Mapped[datetime]
    decide_by: Mapped[date]  # the last working day of the clock
    key: Mapped[str] = mapped_column(String(36))
    area_path: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(10), default=AppealState.OPEN)
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decided_reason: Mapped[str] = mapped_column(String(500), default="")
    points_before: Mapped[int | None]
    points_after: Mapped[int | None]
    reversal_id: Mapped[int | None]  # the transfer that took the former award or deduction back
    award_id: Mapped[int | None]  # the transfer that gave the new one
    __table_args__ = (
        to("claims", "claim_id"),
        to("people", "filed_by"),
        to("people", "decided_by"),
        to("transfers", "reversal_id"),
        to("transfers", "award_id"),
        UniqueConstraint("scheme_id", "filed_by", "key"),
        one_of("state", AppealState),
        one_of("about", About),
        Index(None, "scheme_id", "state", "decide_by", "id"),
        Index(None, "scheme_id", "claim_id"),
        Index(
            "uq_appeals_open",
            "scheme_id",
            "claim_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )
