"""From claim to credit: filing, review by others, public notice, posting exactly once, appeal, correction by two.

Verbs: ``actions`` (file_claim, forecast, withdraw, resend), ``confirming`` (confirm, deny, confirm_on_paper),
``reviewing`` (approve, send_back, reject, grant_many), ``undoing`` (undo), ``granting`` and ``crediting`` (what the
last voice and its day bring about), ``correcting`` (ask_correction, confirm_correction, refuse_correction). Questions:
``queries`` (one's own), ``behind`` (a transfer), ``queue_queries``, ``correction_queries``, ``standing`` (who may
decide). ``notice``, ``appeals``, ``batches`` and ``periods`` are stations of the way. docs/awards.md tells it whole.

Laws: nobody decides about their own deed, their household's, a relative's, or what they entered, and nobody twice; a
claim posts one transfer in each of its rounds; caps are taken when it is granted, in locked rows, before any account,
and given back by whatever takes it back; an award keeps the version of the rulebook of its day; a wrong award is
reversed by a second person and stays readable. Every writer locks claim, correction, caps, accounts, in this order.
"""

from __future__ import annotations

from flask import Flask


def install(app: Flask) -> None:
    # those that are only imported make the tables, and what is told, known
    from . import api, appeals, batches, budget_pages, deducting, messages, models, notice, pages  # noqa: F401
    from .appeals import models as appeal_models  # noqa: F401
    from .batches import models as batch_models  # noqa: F401
    from .periods import models as periods  # noqa: F401
    from .periods import pages as period_pages
    from .simulating import models as simulating  # noqa: F401
    from .simulating import pages as simulating_pages

    pages.install(app)
    api.install(app)
    deducting.install()
    notice.install(app)
    simulating_pages.install(app)
    budget_pages.install(app)
    period_pages.install(app)
    appeals.install(app)
    batches.install(app)
