"""Read-only: the resident's balance and statement, printed statements, and the auditors' walk from goods to deeds."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import api, pages

    pages.install(app)
    api.install(app)
