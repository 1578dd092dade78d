"""Public notice (公示): awards that wait in the open for some working days, objections, and credit when it is due.

Verbs: ``put_on_notice`` (part of a grant), ``leave_gap`` (part of undoing), ``objecting`` (object, decide), ``due``
(what comes due by itself), ``exceptions`` (retry, drop). Laws: a list is open until the end of its last day and is
never shortened; what stands on it is public, and nothing of it is of use elsewhere; an objection holds the award until
somebody who had no part in it has decided; whatever is due is credited exactly once, and what cannot be is shown until
somebody settles it.
"""

from __future__ import annotations

from flask import Flask

from .opening import leave_gap, put_on_notice

__all__ = ["install", "leave_gap", "put_on_notice"]


def install(app: Flask) -> None:
    from . import api, due, due_pages, models, objection_pages, pages, public_pages, staff_pages

    pages.install(app)
    api.install(app)
    due.install()
