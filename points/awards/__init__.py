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
    # those of them that are not installed add their views to those of ``pages``, or make tables and messages known
    from . import (
        api,
        appeals,
        batches,
        budget_api,
        budget_pages,
        claim_pages,
        correction_pages,
        deducting,
        messages,
        models,
        notice,
        own_pages,
        pages,
        periods,
        queue_api,
        queue_bulk_pages,
        queue_pages,
        queue_reason_pages,
        queue_sampling_pages,
        simulating,
        vote_pages,
        way_pages,
    )

    deducting.install()
    for part in (pages, queue_api, api, budget_pages, budget_api, notice, simulating, periods, appeals, batches):
        part.install(app)
