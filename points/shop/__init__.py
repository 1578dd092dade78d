"""The love supermarket: shops, items, prices, limits, stock. Every stock move is a ledger transfer.

Verbs: ``actions`` (shops, items, prices, limits), ``stock`` (``receive_stock``, ``write_off``, ``take_back``),
``take_limits`` and ``give_back_limits``, called by redemption before any account is locked. Questions: ``queries``
(``goods_at``, ``item_by_barcode``, ``limit_standing``, ``opening_today``…). Laws: shop id = holder id, item id = unit
id; a stock move is one row and one transfer, exactly once by key; nobody takes more than a limit allows.
"""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import api, models, pages

    pages.install(app)
    api.install(app)
