"""Codes, the till, receipts and returns: points leave the wallet in the same stroke in which goods leave the shelf."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import api, models, pages  # noqa: F401  the models make the tables known

    pages.install(app)
    api.install(app)
