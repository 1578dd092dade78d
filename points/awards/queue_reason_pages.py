"""The page on which reviewers edit the reasons they often give."""

from __future__ import annotations

from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from .. import clock
from ..db import in_own_transaction
from ..errors import DomainError, NotFound
from ..people.visitor import Visitor
from ..web import audience, me
from ..web.errors import status_of
from .models import Step
from .pages import pages
from .queue_deciding import refusal_words
from .queue_reasons import LONGEST, MOST, STEPS, add_reason, change_reason, drop_reason, raise_reason, reasons_of


@pages.get("/queue/reasons", endpoint="reasons")
@audience("claims.review")
def reasons_page() -> str:
    return shown(me())


def shown(who: Visitor, error: str = "", at_fault: str = "") -> str:
    """The lists; ``at_fault``: the field that the error belongs to."""
    return render_template(
        "awards/queue_reasons.html",
        lists=[(step, reasons_of(who.scheme_id, step)) for step in STEPS],
        longest=LONGEST,
        most=MOST,
        error=error,
        at_fault=at_fault,
        typed=request.form.get("words", ""),
    )


@pages.post("/queue/reasons")
@audience("claims.review")
def change_reasons() -> ResponseReturnValue:
    """One change: ``do`` is add, change, drop or up; ``at`` is where ("returned-2", or "returned" to add)."""
    who: Visitor = me()
    verb, position = request.form.get("do", ""), request.form.get("at", "")[:40]
    words, at = request.form.get("words", "")[:400], clock.now()
    try:
        in_own_transaction(lambda: carried_out(who, verb, position, words, at))
    except NotFound:
        raise
    except DomainError as refusal:
        return shown(who, refusal_words(refusal), position), status_of(refusal)
    flash(gettext("改好了。"))
    return redirect(url_for("awards.reasons"))


def carried_out(who: Visitor, verb: str, position: str, words: str, at: datetime) -> None:
    if verb == "add" and position in STEPS:
        add_reason(who, Step(position), words, at)
    elif verb == "change":
        change_reason(who, position, words, at)
    elif verb == "drop":
        drop_reason(who, position, at)
    elif verb == "up":
        raise_reason(who, position, at)
    else:
        raise NotFound()
