"""One's messages on the phone and in the console; a resident's recent ones at the counter, which is written down."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Flask, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from .. import clock
from ..db import in_own_transaction
from ..people.models import Role
from ..people.visitor import Visitor
from ..web import SIGNED_IN, audience, in_transaction, me, page_of
from ..web.audience import visitor
from ..web.language import here
from ..web.paging import moment_from
from .actions import mark_all_read, mark_read
from .models import Message
from .queries import MOST_COUNTED, messages_of, messages_of_resident, own_message, unread_count
from .words import in_words

pages = Blueprint("inbox", __name__)

AT_A_DESK = frozenset({Role.STAFF, Role.OFFICER, Role.AUDITOR, Role.ADMIN})
PAGE = 20


@pages.get("/messages")
@audience(SIGNED_IN)
def index() -> ResponseReturnValue:
    """One's own, newest first; ``show=unread`` those not read yet."""
    who: Visitor = me()
    show = "unread" if request.args.get("show") == "unread" else "all"
    page = page_of(
        messages_of(who.scheme_id, who.person_id, unread=show == "unread"),
        Message.at,
        Message.id,
        shape=(datetime, int),
        descending=True,
        size=PAGE,
        key_of=lambda one: (one.at, one.id),
    )
    return render_template(
        "inbox/messages.html",
        layout="web/console.html" if who.roles & AT_A_DESK else "web/resident.html",
        page=page,
        messages=[in_words(one) for one in page.rows],
        show=show,
        shown_at=clock.now().isoformat(),
    )


@pages.post("/messages/<int:message_id>/open")
@in_transaction
@audience(SIGNED_IN)
def open_(message_id: int) -> ResponseReturnValue:
    """Mark a message as read and go where it leads."""
    who: Visitor = me()
    message = own_message(who, message_id)
    mark_read(who, [message.id], clock.now())
    return redirect(here(message.link) if message.link else url_for("inbox.index"))


@pages.post("/messages/read")
@in_transaction
@audience(SIGNED_IN)
def read_all() -> ResponseReturnValue:
    """Mark everything as read that had come when the page was shown."""
    at = clock.now()
    shown_at = moment_from(request.form.get("until", ""))
    mark_all_read(me(), min(shown_at, at) if shown_at else at, at)
    return redirect(url_for("inbox.index"))


@pages.post("/people/<int:person_id>/messages")
@audience("messages.see_for")
def of_resident(person_id: int) -> ResponseReturnValue:
    """What a resident who has no phone was told lately, read at the counter. A write, for it leaves a trace."""
    who, at = me(), clock.now()
    person, messages = in_own_transaction(lambda: messages_of_resident(who, person_id, at))
    return render_template("inbox/resident.html", person=person, messages=[in_words(one) for one in messages])


# ---------------------------------------------------------------- on every page


def unread_messages() -> int:
    """How many messages the visitor has not read, at most 100. Asked once a request."""
    who = visitor()
    if who is None:
        return 0
    if "unread_messages" not in g:
        know_unread(unread_count(who.scheme_id, who.person_id))
    return int(g.unread_messages)


def know_unread(found: int) -> None:
    """For a page that has asked it along with something else."""
    g.unread_messages = found


def unread_words() -> str:
    found = unread_messages()
    return f"{MOST_COUNTED - 1}+" if found >= MOST_COUNTED else str(found)


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.jinja_env.globals.update(unread_messages=unread_messages, unread_words=unread_words)
