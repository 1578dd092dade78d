"""Days of the calendar that are not as their weekday says, or all of them, as imported."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Model, one_of


class CalendarDay(Model):
    __tablename__ = "calendar_days"
    scheme_id: Mapped[int] = mapped_column(ForeignKey("schemes.id"), autoincrement=False)
    day: Mapped[date]
    kind: Mapped[str] = mapped_column(String(10))  # workday, weekend, holiday
    title: Mapped[str] = mapped_column(String(40), default="")
    set_by: Mapped[int]
    set_at: Mapped[datetime]
    __table_args__ = (PrimaryKeyConstraint("scheme_id", "day"), one_of("kind", ("workday", "weekend", "holiday")))
