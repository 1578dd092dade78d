"""Due work: what runs by itself, once in every scheme, however many workers there are and whatever becomes of them.

Verbs: ``register`` a kind of work (each capability does it in ``install``); ``ask`` for it at once; the ``Worker`` does
what is due. Questions: ``queries``.

Laws: due-ness is a day in the scheme's zone, so downtime only delays; nothing due is ever dropped; a job is claimed
with a lease, which lapses with its worker; a run may be cut off anywhere and overlap with another, because whatever it
does is done by key in transactions of its own; a failure stays on record and is tried again.
"""

from __future__ import annotations

from flask import Flask

from .context import Context, LeaseLost, Stopped
from .kinds import Kind, register
from .rules import Daily, Every

__all__ = ["Context", "Daily", "Every", "Kind", "LeaseLost", "Stopped", "install", "register"]


def install(app: Flask) -> None:
    from . import api, ledger_work, models, pages

    ledger_work.install()
    pages.install(app)
    api.install(app)
