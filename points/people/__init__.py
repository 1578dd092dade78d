"""People and places: schemes, areas, residents, households, roles, sign-in.

Laws: everything is scoped by scheme; a role reaches its area and below; names are masked unless somebody unmasks them,
which is written down; nobody signs in without a slip, a password, or an administrator's command.
"""

from __future__ import annotations

from flask import Flask
from flask_login import LoginManager


def install(app: Flask) -> None:
    from ..web.audience import visitor as asking
    from . import first_run, front, pages, security, sign_in, sign_in_api, slip_pages, team_api, visitor

    login = LoginManager()
    login.session_protection = None  # sessions are rows of ours, revocable; a changed address is no reason to end one
    login.request_loader(lambda request: visitor.find_visitor())
    login.init_app(app)
    app.extensions["waiting_for"] = lambda who: None
    app.context_processor(lambda: {"visitor": asking()})
    for part in (sign_in, sign_in_api, front, first_run, pages, team_api):
        part.install(app)
