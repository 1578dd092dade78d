"""One's messages on the phone and in the console; a resident's recent ones at the counter, which is written down."""

from __future__ import annotations

from flask import Blueprint, Flask, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from .. import clock
from ..db import in_own_transaction
from ..people.models import Role
from ..people.visitor import Visitor
from ..web import SIGNED_IN, audience, in_transaction, me
from ..web.audience import visitor
from ..web.language import here
from ..web.paging import moment_from
from ..web.schemas import tidy
from .actions import mark_all_read, mark_read
from .queries import MOST_COUNTED, messages_of, messages_of_resident, own_message, unread_count
from .words import in_words, told

pages = Blueprint("inbox", __name__)

AT_A_DESK = frozenset({Role.STAFF, Role.OFFICER, Role.AUDITOR, Role.ADMIN})
PAGE = 20


@pages.get("/messages")
@audience(SIGNED_IN)
def index() -> ResponseReturnValue:
    """One's own, newest first; ``show=unread`` those not read yet; those that say what is looked for."""
    who: Visitor = me()
    show = "unread" if request.args.get("show") == "unread" else "all"
    text = str(session.get("messages_text", ""))
    page = told(messages_of(who.scheme_id, who.person_id, unread=show == "unread"), text, PAGE)
    return render_template(
        "inbox/messages.html",
        layout="web/console.html" if who.roles & AT_A_DESK else "web/resident.html",
        page=page,
        messages=page.rows,
        show=show,
        text=text,
        shown_at=clock.now().isoformat(),
    )


@pages.post("/messages/search")
@audience(SIGNED_IN)
def search() -> ResponseReturnValue:
    """Keep the search in the cookie: what somebody was told does not belong in an address."""
    session["messages_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    show = request.form.get("show", "")
    return redirect(url_for("inbox.index", **({"show": show} if show == "unread" else {})))


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
