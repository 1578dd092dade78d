"""The JSON twins of messages: list, count, read; a resident's recent ones at the counter."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from .. import clock
from ..db import in_own_transaction
from ..people.visitor import Visitor
from ..web import SIGNED_IN, audience, me
from ..web.schemas import IdField, Strict, Text
from .actions import mark_all_read, mark_read
from .queries import messages_of, messages_of_resident, unread_count
from .words import InWords, in_words, told

api = Blueprint("inbox_api", __name__, url_prefix="/api/v1", description="What the system tells a person")


class MessageOut(Schema):
    """One message: the code and its plain values, and the same in the reader's language."""

    id = IdField()
    code = fields.String(metadata={"description": "Stable; see docs/appeals.md and docs/inbox.md"})
    title = fields.String()
    body = fields.String()
    values = fields.Dict(metadata={"description": "`_points` in minor units, `_on` days, `_at` moments"})
    link = fields.String(metadata={"description": "A path of the site, or empty"})
    at = fields.DateTime()
    read_at = fields.DateTime(allow_none=True)


class MessagesAskedSchema(Strict):
    unread = fields.Boolean(load_default=False)
    text = Text(
        load_default="",
        most=40,
        metadata={"description": "Those that say this, in the reader's language, among the next 200"},
    )
    after = Text(load_default="", most=400, metadata={"description": "`next` of the page before"})


class MessagesOut(Schema):
    messages = fields.List(fields.Nested(MessageOut))
    unread = fields.Integer(metadata={"description": "Counted up to 100"})
    next = fields.String(allow_none=True)


class ReadSchema(Strict):
    ids = fields.List(IdField(), load_default=list, validate=validate.Length(max=200))
    until = fields.AwareDateTime(load_default=None, metadata={"description": "Everything that had come by then"})


class ReadOut(Schema):
    marked = fields.Integer()
    unread = fields.Integer()


class ResidentMessagesOut(Schema):
    messages = fields.List(fields.Nested(MessageOut))


def shown(said: InWords) -> dict[str, Any]:
    message = said.message
    return {
        "id": message.id,
        "code": message.code,
        "title": said.title,
        "body": said.body,
        "values": message.values,
        "link": message.link,
        "at": message.at,
        "read_at": message.read_at,
    }


@api.get("/messages")
@api.arguments(MessagesAskedSchema, location="query")
@api.response(200, MessagesOut)
@audience(SIGNED_IN)
def index(asked: dict[str, Any]) -> dict[str, Any]:
    """One's own messages, newest first."""
    who: Visitor = me()
    page = told(messages_of(who.scheme_id, who.person_id, unread=asked["unread"]), asked["text"], 50, asked["after"])
    return {
        "messages": [shown(one) for one in page.rows],
        "unread": unread_count(who.scheme_id, who.person_id),
        "next": page.next,
    }


@api.post("/messages/read")
@api.arguments(ReadSchema)
@api.response(200, ReadOut)
@audience(SIGNED_IN)
def read(wanted: dict[str, Any]) -> dict[str, Any]:
    """Mark messages as read: those named, or all until a moment. Repeating it changes nothing."""
    who, at = me(), clock.now()

    def body() -> int:
        marked = mark_read(who, wanted["ids"], at)
        return marked + (mark_all_read(who, min(wanted["until"], at), at) if wanted["until"] else 0)

    marked = in_own_transaction(body)
    return {"marked": marked, "unread": unread_count(who.scheme_id, who.person_id)}


@api.post("/people/<int:person_id>/messages")
@api.response(200, ResidentMessagesOut)
@audience("messages.see_for")
def of_resident(person_id: int) -> dict[str, Any]:
    """What a resident was told lately, for the counter. That it was looked at is written down, so it is a POST."""
    who, at = me(), clock.now()
    _, messages = in_own_transaction(lambda: messages_of_resident(who, person_id, at))
    return {"messages": [shown(in_words(one)) for one in messages]}


def install(app: Flask) -> None:
    app.extensions["points_api"].register_blueprint(api)
