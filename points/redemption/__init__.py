"""Codes, the till, receipts and returns: points leave the wallet in the same stroke in which goods leave the shelf."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import api, models, pages

    pages.install(app)
    api.install(app)
