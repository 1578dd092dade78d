"""Where a photo lies."""

from __future__ import annotations

from pathlib import Path

from ..db import db
from ..errors import NotFound
from ..web.settings import setting
from .models import Photo


def photo_of(scheme_id: int, photo_id: int) -> Photo:
    """The photo's row. Raises NotFound. Whether somebody may see it is the caller's question."""
    photo = db.session.get(Photo, (scheme_id, photo_id))
    if photo is None:
        raise NotFound()
    return photo


def path_of(photo: Photo) -> Path:
    """Where the photo's file lies."""
    return Path(setting("FILES_DIR")) / photo.name


def photo_file(scheme_id: int, photo_id: int) -> Path:
    """The path of a photo's file. Raises NotFound when there is no such row."""
    return path_of(photo_of(scheme_id, photo_id))
