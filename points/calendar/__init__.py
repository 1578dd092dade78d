"""The scheme's working days: an imported calendar, and beyond its end Monday to Friday."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import models  # noqa: F401  makes the table known
