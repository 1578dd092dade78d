"""What a rulebook gives by itself: levels, rankings, grants to groups, opening balances; and gifts between people."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import api, carry_api, carry_pages, models, pages, words, work

    pages.install(app)
    work.install()
    api.install(app)
