"""Messages in words, in the language of whoever reads them now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from sqlalchemy import Select

from ..errors import N_
from ..web.formats import hours, in_english, said
from ..web.paging import Page, latest_of
from .codes import Wording, wording_of
from .models import Message

# tone → badge tint and icon
TONES = {"ok": ("ok", "check"), "wait": ("wait", "clock"), "no": ("", "cross"), "info": ("info", "info")}
LOOKED_THROUGH = 200  # messages on one page of a search
GONE = Wording("", N_("一条通知"), N_("这条通知的说法已经不用了。要问清楚，请点“求助”。"))


class Values(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


@dataclass(frozen=True)
class InWords:
    """A message as it is read."""

    message: Message
    title: str
    body: str
    tint: str
    icon: str

    @property
    def is_unread(self) -> bool:
        return self.message.read_at is None


def in_words(message: Message) -> InWords:
    wording = wording_of(message.code) or GONE
    values = Values({name: value_words(name, value) for name, value in message.values.items()})
    parts = [wording.body, *(sentence for name, sentence in wording.more if message.values.get(name))]
    body = (" " if in_english() else "").join(gettext(part).format_map(values) for part in parts)
    return InWords(message, gettext(wording.title).format_map(values), body, *TONES[wording.tone])


def told(query: Select[Any], text: str, size: int, cursor: str | None = None) -> Page[InWords]:
    """A page of ``messages_of`` in words, newest first.

    text  of the next ``LOOKED_THROUGH`` messages those that say it; what is older follows on the next page
    """
    page = latest_of(query, Message.at, Message.id, size=LOOKED_THROUGH if text else size, cursor=cursor)
    found = [in_words(message) for message in page.rows]
    if text:
        found = [one for one in found if text.casefold() in f"{one.title}\n{one.body}".casefold()]
    return Page(found, page.next)


def value_words(name: str, value: Any) -> str:
    """A value as people read it: its name tells its unit."""
    if name.endswith("_word"):
        return gettext(str(value)) if value else ""
    if name.endswith("_minutes") and isinstance(value, int):
        return hours(value)
    if isinstance(value, str) and value:
        value = moment_in(name, value)
    return said("_points" if name == "points" else name, value)


def moment_in(name: str, value: str) -> Any:
    try:
        if name.endswith("_on"):
            return date.fromisoformat(value)
        if name.endswith("_at"):
            return datetime.fromisoformat(value)
    except ValueError:
        return value
    return value
