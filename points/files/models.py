"""Photos: re-encoded, bounded, named at random."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ..db import InScheme, Model


class Photo(InScheme, Model):
    __tablename__ = "photos"
    name: Mapped[str] = mapped_column(String(80))  # path below FILES_DIR, random
    sha256: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    made_by: Mapped[int]
    made_at: Mapped[datetime]
    __table_args__ = (Index(None, "scheme_id", "sha256"),)
