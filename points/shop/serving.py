"""A good's picture: its photo, or one of the flat pictures."""

from __future__ import annotations

from typing import Any

from flask import url_for

from ..web.navigation import static
from .schemas import PICTURES


def picture_url(goods: Any) -> str:
    """The address of a picture of an item or of goods (``item_id``/``id``, ``photo_id``, ``picture``)."""
    if goods.photo_id is not None:
        return url_for("shop.photo", item_id=goods.id, v=goods.photo_id)
    return static(f"art/{goods.picture if goods.picture in PICTURES else 'goods'}.svg")
