"""The points standard as data: versions with effective dates, rules, and ``assess``, which explains every point."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask


def install(app: Flask) -> None:
    import_module("points.rulebook.models") if find_spec("points.rulebook.models") else None
    import_module("points.rulebook.loading_pages")  # adds its views to those of ``pages``
    import_module("points.rulebook.keeping_pages")  # to those of ``editor_pages``
    for part in ("pages", "versions_pages", "editor_pages", "api", "drafts_api"):
        if find_spec(f"points.rulebook.{part}"):
            import_module(f"points.rulebook.{part}").install(app)
