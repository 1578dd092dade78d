"""Read-only: the resident's balance and statement, printed statements, and the auditors' walk from goods to deeds."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask


def install(app: Flask) -> None:
    import_module("points.reporting.models") if find_spec("points.reporting.models") else None
    for part in ("pages", "api"):
        if find_spec(f"points.reporting.{part}"):
            import_module(f"points.reporting.{part}").install(app)
