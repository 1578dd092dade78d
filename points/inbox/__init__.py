"""What the system tells a person: one message per change that concerns them, read on the phone or at the counter.

Verbs: ``tell``, ``tell_many`` (in the caller's transaction, once per person and key), ``mark_read``, ``mark_all_read``;
``register`` makes a code and its sentences known. Questions: ``messages_of``, ``unread_count``.

Laws: a message is a code with plain values, put into words when it is read, so it follows the reader's language; it
holds nobody else's name; it leads to where something can be done about it.
"""

from __future__ import annotations

from flask import Flask

from .actions import Told, tell, tell_many
from .codes import register

__all__ = ["Told", "install", "register", "tell", "tell_many"]


def install(app: Flask) -> None:
    from . import api, models, pages

    pages.install(app)
    api.install(app)
