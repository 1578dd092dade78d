"""Photos: re-encoded, bounded, named at random."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from ..db import InScheme, Model, to


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


class PhotoPrint(Model):
    """What a photo looks like, in 64 bits: near pictures differ in few. Four bands of 16, one of which then agrees."""

    __tablename__ = "photo_prints"
    scheme_id: Mapped[int]
    photo_id: Mapped[int]
    bits: Mapped[int]  # signed 64 bits
    band0: Mapped[int]
    band1: Mapped[int]
    band2: Mapped[int]
    band3: Mapped[int]
    __table_args__ = (
        PrimaryKeyConstraint("scheme_id", "photo_id"),
        to("photos", "photo_id"),
        *(Index(None, "scheme_id", f"band{n}") for n in range(4)),
    )
