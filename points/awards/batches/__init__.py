"""Claims and awards from a spreadsheet or for a whole team, checked row by row, approved as one by a second person.

Verbs: ``checking.check_rows``, ``actions`` (stage, send, decide, drop), ``awarding.award_chunk`` and its due work.
Laws: nothing is awarded before somebody else let the list through; each row is awarded exactly once; a deed comes in
by one list only; what the approver may not decide alone goes to the queue.
"""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from . import api, awarding, models, pages, team_pages

    awarding.install()
    pages.install(app)
    api.install(app)
