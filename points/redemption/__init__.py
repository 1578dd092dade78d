"""Codes, the till, receipts and returns: points leave the wallet in the same stroke in which goods leave the shelf."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask


def install(app: Flask) -> None:
    import_module("points.redemption.models") if find_spec("points.redemption.models") else None
    for part in ("pages", "api"):
        if find_spec(f"points.redemption.{part}"):
            import_module(f"points.redemption.{part}").install(app)
