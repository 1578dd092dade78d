"""Photos: re-encoded without EXIF, bounded, named at random, shown only to whoever may see what they belong to.

Verbs: ``prepare_photo`` (outside any transaction), ``store_photo``, ``print_photos`` (what older photos look like).
Pages use ``serving``: ``uploaded_photo``, ``send_photo``. Laws: no metadata and no byte of the upload itself survives;
a row points at a whole file.
"""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import models
