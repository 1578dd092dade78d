"""Appeals (申诉) against a rejection, an amount or a deduction: read by somebody who had no part in it before.

Verbs: ``filing`` (file_appeal, withdraw_appeal), ``deciding`` (grant_appeal, refuse_appeal). Questions: ``queries``.

Laws: filed within days of the decision being told, one open at a time, decided once by a stranger with reasons in
writing; a granted one never gives less; the books change by reversal and new award only, in one transaction.
"""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    from ...jobs.kinds import register
    from . import api, models, pages
    from .escalating import KIND

    register(KIND)
    pages.install(app)
    api.install(app)
