"""Taking in a photo: first made harmless outside any transaction, then kept."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from ..db import db, new_id
from ..people.visitor import Visitor
from ..web.settings import setting
from .models import Photo
from .pictures import MAX_BYTES, BadPhoto, redrawn
from .queries import photo_file

__all__ = ["BadPhoto", "Prepared", "photo_file", "prepare_photo", "store_photo"]


@dataclass(frozen=True)
class Prepared:
    """A photo fit to be kept: JPEG bytes without metadata, their SHA-256 (the same bytes show a photo used twice)."""

    data: bytes
    width: int
    height: int
    sha256: str


def prepare_photo(stream: BinaryIO) -> Prepared:
    """Read and redraw an uploaded photo. Takes up to a second: call it outside any transaction. Raises BadPhoto."""
    data, width, height = redrawn(stream.read(MAX_BYTES + 1))
    return Prepared(data, width, height, hashlib.sha256(data).hexdigest())


def store_photo(who: Visitor, prepared: Prepared, at: datetime) -> Photo:
    """Keep a prepared photo: a file under FILES_DIR/<scheme>/ and its row.

    The file is there, whole, before the row is. A transaction that fails leaves a file nobody points at: harmless.
    """
    name = f"{who.scheme_id}/{secrets.token_hex(16)}.jpg"
    write_file(Path(setting("FILES_DIR")) / name, prepared.data)
    photo = Photo(
        scheme_id=who.scheme_id,
        id=new_id(),
        name=name,
        sha256=prepared.sha256,
        width=prepared.width,
        height=prepared.height,
        size_bytes=len(prepared.data),
        made_by=who.person_id,
        made_at=at,
    )
    db.session.add(photo)
    db.session.flush()
    return photo


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that it is seen whole or not at all, readable by the application alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
