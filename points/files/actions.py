"""Taking in a photo: first made harmless outside any transaction, then kept."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from sqlalchemy import select

from ..db import db, new_id
from ..people.visitor import Visitor
from ..web.settings import setting
from .models import Photo, PhotoPrint
from .pictures import MAX_BYTES, BadPhoto, redrawn
from .prints import bands_of, bits_of
from .queries import path_of, photo_file

__all__ = ["BadPhoto", "Prepared", "photo_file", "prepare_photo", "print_photos", "store_photo"]


@dataclass(frozen=True)
class Prepared:
    """A photo fit to be kept: JPEG bytes without metadata, their SHA-256 (the same bytes show a photo used twice), and
    what it looks like (``prints``: so does the same picture saved anew)."""

    data: bytes
    width: int
    height: int
    sha256: str
    bits: int = 0


def prepare_photo(stream: IO[bytes]) -> Prepared:
    """Read and redraw an uploaded photo. Takes up to a second: call it outside any transaction. Raises BadPhoto."""
    data, width, height = redrawn(stream.read(MAX_BYTES + 1))
    return Prepared(data, width, height, hashlib.sha256(data).hexdigest(), bits_of(data))


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
    db.session.add(print_row(who.scheme_id, photo.id, prepared.bits))
    return photo


def print_row(scheme_id: int, photo_id: int, bits: int) -> PhotoPrint:
    band0, band1, band2, band3 = bands_of(bits)
    return PhotoPrint(
        scheme_id=scheme_id, photo_id=photo_id, bits=bits, band0=band0, band1=band1, band2=band2, band3=band3
    )


def print_photos(scheme_id: int, after: int = 0, limit: int = 200) -> tuple[int, int, int]:
    """Take the prints of photos that came before prints were taken, by id. Doing it again changes nothing.

    Gives (the last photo looked at, or 0 when there are no more; prints taken; files that are lost or unreadable).
    """
    found = db.session.execute(
        select(Photo, PhotoPrint.photo_id)
        .outerjoin(PhotoPrint, (PhotoPrint.scheme_id == Photo.scheme_id) & (PhotoPrint.photo_id == Photo.id))
        .where(Photo.scheme_id == scheme_id, Photo.id > after)
        .order_by(Photo.id)
        .limit(limit)
    ).all()
    taken = lost = 0
    for photo, there in found:
        if there is not None:
            continue
        try:
            bits = bits_of(path_of(photo).read_bytes())
        except OSError:
            lost += 1
            continue
        db.session.add(print_row(scheme_id, photo.id, bits))
        taken += 1
    db.session.flush()
    return (found[-1][0].id if len(found) == limit else 0), taken, lost


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that it is seen whole or not at all, readable by the application alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
