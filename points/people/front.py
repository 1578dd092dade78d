"""The front door: "/" leads each role to its first screen; /healthz tells a proxy that the database answers."""

from __future__ import annotations

from flask import Blueprint, Flask, current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from ..db import db
from ..web.audience import PUBLIC, audience, visitor
from .models import Role, Scheme
from .visitor import Visitor

pages = Blueprint("front", __name__)

# The first screen of each role, the first that fits wins (LOOK.md, section 5).
FIRST = (
    (Role.STAFF, "awards.queue"),
    (Role.OFFICER, "awards.queue"),
    (Role.ADMIN, "people.index"),
    (Role.AUDITOR, "reporting.audit"),
    (Role.CLERK, "redemption.till"),
    (Role.RESIDENT, "reporting.home"),
)


def first_screen(who: Visitor) -> str:
    return next(endpoint for role, endpoint in FIRST if role in who.roles)


@pages.get("/")
@audience(PUBLIC)
def index() -> ResponseReturnValue:
    who = visitor()
    if who is not None:
        return redirect(url_for(first_screen(who)))
    if "first_run.show" in current_app.view_functions and db.session.scalar(select(Scheme.id).limit(1)) is None:
        return redirect(url_for("first_run.show"))
    return redirect(url_for("sign_in.show"))


@pages.get("/healthz")
@audience(PUBLIC)
def healthz() -> ResponseReturnValue:
    """200 when the database answers."""
    db.session.execute(select(1))
    return {"status": "ok"}


def install(app: Flask) -> None:
    app.register_blueprint(pages)
