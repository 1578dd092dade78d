"""The simulator: what a rulebook would have given for the claims of a time gone by. It writes nothing to the books."""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import actions, api, models, pages

    pages.install(app)
    actions.install()
    api.install(app)
