"""The love supermarket: shops, items, prices, limits, stock. Every stock move is a ledger transfer."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask


def install(app: Flask) -> None:
    import_module("points.shop.models") if find_spec("points.shop.models") else None
    for part in ("pages", "api"):
        if find_spec(f"points.shop.{part}"):
            import_module(f"points.shop.{part}").install(app)
