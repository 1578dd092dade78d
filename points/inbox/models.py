"""Messages: a code and its values, put into words in the reader's language when they are read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ..db import InScheme, Model, to


class Message(InScheme, Model):
    __tablename__ = "messages"
    person_id: Mapped[int]
    code: Mapped[str] = mapped_column(String(40))
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)  # plain values of the sentence; no names of others
    link: Mapped[str] = mapped_column(String(120), default="")  # a path of the site
    key: Mapped[str] = mapped_column(String(80))  # what it is about: the same is told once
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    __table_args__ = (
        to("people", "person_id"),
        UniqueConstraint("scheme_id", "person_id", "key"),
        Index(None, "scheme_id", "person_id", "at", "id"),
        Index(
            "ix_messages_unread",
            "scheme_id",
            "person_id",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
    )
