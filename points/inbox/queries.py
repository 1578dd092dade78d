"""Questions about messages: one's own, how many are unread, what a resident was told lately."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from ..db import Prepared, db, is_id, table_of
from ..errors import NotFound
from ..people.enrolment import trace
from ..people.models import Person
from ..people.residents import resident_for
from ..people.visitor import Visitor
from .models import Message

MOST_COUNTED = 100  # more is said as "99+": counting on would cost and tell nothing
RECENT = 20


def messages_of(scheme_id: int, person_id: int, *, unread: bool = False) -> Select[Message]:
    """Somebody's messages: a query to page through by (at, id), newest first."""
    query = select(Message).where(Message.scheme_id == scheme_id, Message.person_id == person_id)
    return query.where(Message.read_at.is_(None)) if unread else query


def own_message(who: Visitor, message_id: int) -> Message:
    """One's own message. Raises NotFound."""
    found = None
    if is_id(message_id):
        found = db.session.scalar(messages_of(who.scheme_id, who.person_id).where(Message.id == message_id))
    if found is None:
        raise NotFound()
    return found


def messages_of_resident(who: Visitor, person_id: int, at: datetime) -> tuple[Person, Sequence[Message]]:
    """A resident within reach and the latest 20 messages. That they were looked at is written down. Raises NotFound."""
    person = resident_for(who, person_id, "messages.see_for")
    query = messages_of(who.scheme_id, person.id).order_by(Message.at.desc(), Message.id.desc()).limit(RECENT)
    trace(who.scheme_id, who.person_id, "messages.see", person.id, at)
    return person, db.session.scalars(query).all()


def unread_messages() -> Select[Any]:
    """How many messages :person of :scheme has not read: one look into the index of unread ones."""
    message = table_of(Message).c
    some = (
        select(message.id)
        .where(message.scheme_id == bindparam("scheme"), message.person_id == bindparam("person"))
        .where(message.read_at.is_(None))
        .limit(MOST_COUNTED)
        .subquery()
    )
    return select(func.count().label("unread")).select_from(some)


UNREAD = Prepared(unread_messages)  # asked by every page


def unread_count(scheme_id: int, person_id: int) -> int:
    """How many messages are unread, at most 100."""
    return int(UNREAD.first(scheme=scheme_id, person=person_id).unread)
