"""The table of due work: one row per scheme and kind of work."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Model, to


class Job(Model):
    """One kind of work in one scheme: when it is due, who is at it until when, and how it went."""

    __tablename__ = "jobs"
    scheme_id: Mapped[int] = mapped_column(ForeignKey("schemes.id"), autoincrement=False)
    name: Mapped[str] = mapped_column(String(40))
    due_at: Mapped[datetime]  # from when it may be claimed: the next day's work, the next try, or asked for now
    through: Mapped[date | None]  # the last day, in the scheme's zone, whose work is done
    holder: Mapped[str | None] = mapped_column(String(80))  # the claim of one worker, never the same twice
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]  # of the present run, else of the last
    done: Mapped[int] = mapped_column(default=0)  # of the present run, in whatever the work counts
    total: Mapped[int] = mapped_column(default=0)  # 0: not known
    finished_at: Mapped[datetime | None]  # of the last run that went through
    took_ms: Mapped[int | None]
    result: Mapped[int | None]  # how much the last run that went through has done
    tries: Mapped[int] = mapped_column(default=0)  # failures in a row
    failed_at: Mapped[datetime | None]  # the last failure stays on record after a success
    error: Mapped[str | None] = mapped_column(String(40))  # a stable reason: words.py
    detail: Mapped[str | None] = mapped_column(String(200))  # what kind of error; never what it was about
    asked_by: Mapped[int | None]  # who wanted it at once; None: the operator, or nobody
    asked_key: Mapped[str | None] = mapped_column(String(36))
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "name"),
        to("people", "asked_by"),
        CheckConstraint("(holder IS NULL) = (lease_until IS NULL)", name="lease"),
        CheckConstraint("tries >= 0 AND done >= 0 AND total >= 0", name="counts"),
    )
