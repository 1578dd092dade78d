"""From claim to credit: filing, review by another person, posting exactly once, correction by two."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask


def install(app: Flask) -> None:
    import_module("points.awards.models") if find_spec("points.awards.models") else None
    for part in ("pages", "api"):
        if find_spec(f"points.awards.{part}"):
            import_module(f"points.awards.{part}").install(app)
