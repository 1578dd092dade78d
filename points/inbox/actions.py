"""Telling, and having read. Messages join the caller's transaction: they are there when what they tell is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import update

from ..db import MAX_ID, db, insert_into, new_id
from ..people.visitor import Visitor
from .codes import checked
from .models import Message

MOST_TEXT = 500  # characters of one value
MOST_LINK = 120
CHUNK = 500  # rows of one statement


@dataclass(frozen=True)
class Told:
    """One message to be told: see ``tell``."""

    person_id: int
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""
    key: str = ""


def tell(
    scheme_id: int, person_id: int, code: str, values: Mapping[str, Any], link: str, key: str, at: datetime
) -> None:
    """Tell somebody once what concerns them.

    code    registered with ``register``: how it is said
    values  what the sentence is filled with; plain numbers, words, days and moments; nobody else's name
    link    a path of this site where it can be looked at or acted on, or ""
    key     what it is about ("claim:123:returned:1"): the same key tells the same person no second time
    Raises ValueError for an unknown code, a missing value, a link that is no path.
    """
    tell_many(scheme_id, [Told(person_id, code, values, link, key)], at)


def tell_many(scheme_id: int, messages: Iterable[Told], at: datetime) -> None:
    """Tell many, set-based. In the order of person and key, so that two who tell the same wait and never deadlock."""
    rows = sorted((row_of(scheme_id, one, at) for one in messages), key=lambda row: (row["person_id"], row["key"]))
    for start in range(0, len(rows), CHUNK):
        db.session.execute(insert_into(Message).values(rows[start : start + CHUNK]).on_conflict_do_nothing())


def row_of(scheme_id: int, one: Told, at: datetime) -> dict[str, Any]:
    checked(one.code, one.values)
    if not 0 < len(one.key) <= 80:
        raise ValueError(f"a message has a key of at most 80 characters: {one.key!r}")
    if one.link and (not one.link.startswith("/") or one.link.startswith("//") or len(one.link) > MOST_LINK):
        raise ValueError(f"a message leads to a path of this site: {one.link!r}")
    return {
        "scheme_id": scheme_id,
        "id": new_id(),
        "person_id": one.person_id,
        "code": one.code,
        "values": {name: plain(value) for name, value in one.values.items() if value is not None},
        "link": one.link,
        "key": one.key,
        "at": at,
        "read_at": None,
    }


def plain(value: Any) -> Any:
    """A value as JSON keeps it: days and moments as text, long words cut."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (bool, int)):
        return value
    return str(value)[:MOST_TEXT]


def mark_read(who: Visitor, ids: Sequence[int], at: datetime) -> int:
    """The messages were read; those of others and those read before are left alone. Gives how many it were."""
    wanted = [one for one in ids if 0 < one <= MAX_ID][:200]
    if not wanted:
        return 0
    return read(who, Message.id.in_(wanted), at)


def mark_all_read(who: Visitor, until: datetime, at: datetime) -> int:
    """Everything that had come by ``until`` was read: what comes while the button is pressed stays unread."""
    return read(who, Message.at <= until, at)


def read(who: Visitor, condition: Any, at: datetime) -> int:
    marked = db.session.execute(
        update(Message)
        .where(Message.scheme_id == who.scheme_id, Message.person_id == who.person_id, Message.read_at.is_(None))
        .where(condition)
        .values(read_at=at),
        execution_options={"synchronize_session": False},
    )
    return int(marked.rowcount)
