"""An uploaded list of deeds, its rows, and who let it through."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ...db import InScheme, Model, one_of, to


class BatchState(StrEnum):
    CHECKED = "checked"  # read and tried out, nothing sent
    WAITING = "waiting"  # sent: a second person decides
    APPROVED = "approved"  # let through: its rows are being awarded
    DONE = "done"
    REJECTED = "rejected"
    DROPPED = "dropped"


class Fate(StrEnum):
    """What becomes of a row."""

    GOOD = "good"
    WRONG = "wrong"
    DOUBLE = "double"  # the same person, rule and day twice in the file, or imported before
    AWARDED = "awarded"
    QUEUED = "queued"  # let through, but the rule or the person asks for a further review: it waits in the queue
    REFUSED = "refused"  # right when it was checked, refused when its turn came


class ClaimBatch(InScheme, Model):
    __tablename__ = "claim_batches"
    name: Mapped[str] = mapped_column(String(120))
    sheet: Mapped[str] = mapped_column(String(60), default="")
    sha256: Mapped[str] = mapped_column(String(64))
    area_id: Mapped[int]
    area_path: Mapped[str] = mapped_column(String(120))
    made_by: Mapped[int]
    made_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default=BatchState.CHECKED)
    sent_at: Mapped[datetime | None]
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decided_reason: Mapped[str] = mapped_column(String(200), default="")
    written: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # fate → rows; points in all
    __table_args__ = (
        to("areas", "area_id"),
        to("people", "made_by"),
        to("people", "decided_by"),
        one_of("state", BatchState),
        CheckConstraint("decided_by IS NULL OR decided_by <> made_by", name="two_people"),
        Index(None, "scheme_id", "state", "made_at", "id"),
        Index(None, "scheme_id", "sha256"),
    )


class ClaimBatchRow(Model):
    __tablename__ = "claim_batch_rows"
    scheme_id: Mapped[int]
    batch_id: Mapped[int]
    row: Mapped[int]  # as numbered in the sheet
    fate: Mapped[str] = mapped_column(String(10))
    person_id: Mapped[int | None]
    rule_id: Mapped[int | None]
    deed: Mapped[str | None] = mapped_column(String(64))  # hash of person, rule, day and what sets it apart: once only
    points: Mapped[int | None]  # forecast, then awarded; minor units
    values: Mapped[dict[str, Any]]
    problems: Mapped[dict[str, Any]] = mapped_column(default=dict)  # column → sentence and its facts
    claim_id: Mapped[int | None]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "batch_id", "row"),
        to("claim_batches", "batch_id"),
        to("people", "person_id"),
        to("earning_rules", "rule_id"),
        one_of("fate", Fate),
        Index(None, "scheme_id", "batch_id", "fate", "row"),
        Index(None, "scheme_id", "deed"),
        # a deed comes in once, whatever the code does and however many lists name it
        Index(
            "uq_claim_batch_rows_deed",
            "scheme_id",
            "deed",
            unique=True,
            sqlite_where=text("fate IN ('awarded', 'queued')"),
            postgresql_where=text("fate IN ('awarded', 'queued')"),
        ),
    )
