"""Second readings over HTTP: what was drawn, one at a time; and for the officer how often readers agree."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from .. import clock
from ..db import in_own_transaction
from ..errors import N_, DomainError, NotFound
from ..people.visitor import Visitor
from ..web import audience, me, page_of
from ..web.errors import status_of
from ..web.formats import listed
from ..web.schemas import tidy
from ..web.tables import csv_answer, xlsx_answer
from .models import SampledReview
from .pages import pages
from .queue_deciding import refusal_words
from .queue_items import opened
from .queue_queries import lines_in_order, samples_for
from .sampling import DAYS, Agreement, agreement_of, disagreements, read_sample, sample_for

HEADER = (N_("审核的人"), N_("复看过"), N_("同意"), N_("不同意"), N_("同意占多少"), N_("还没复看"))


@pages.get("/queue/samples")
@audience("claims.review")
def samples() -> str:
    """What waits for a second reader, the oldest first; never one's own decisions."""
    who: Visitor = me()
    page = page_of(
        samples_for(who),
        SampledReview.picked_at,
        SampledReview.claim_id,
        shape=(datetime, int),
        key_of=lambda row: (row.picked_at, row.claim_id),
        scalars=False,
    )
    found = lines_in_order(who.scheme_id, [row.claim_id for row in page.rows])
    return render_template("awards/queue_samples.html", lines=found, page=page)


@pages.get("/queue/samples/<int:claim_id>")
@audience("claims.review")
def sample(claim_id: int) -> str:
    """One award as its reviewer saw it."""
    return shown(claim_id)


@pages.post("/queue/samples/<int:claim_id>")
@audience("claims.review")
def read(claim_id: int) -> ResponseReturnValue:
    """Whether one agrees."""
    who: Visitor = me()
    agrees, note, at = request.form.get("agrees") == "yes", tidy(request.form.get("note", "")), clock.now()
    try:
        in_own_transaction(lambda: read_sample(who, claim_id, agrees=agrees, note=note, at=at).claim_id)
    except NotFound:
        raise
    except DomainError as refusal:
        return shown(claim_id, refusal_words(refusal), note), status_of(refusal)
    flash(gettext("记下了，谢谢。"))
    return redirect(url_for("awards.samples"))


def shown(claim_id: int, refusal: str = "", note: str = "") -> str:
    who: Visitor = me()
    return render_template(
        "awards/queue_sample.html",
        sample=sample_for(who, claim_id),
        open=opened(who, claim_id),
        error="",
        refusal=refusal,
        note=note,
    )


@pages.get("/queue/agreement")
@audience("samples.see")
def agreement() -> str:
    """How often second readers agree with each reviewer, and what they would have decided otherwise."""
    who: Visitor = me()
    at, days = clock.now(), days_asked()
    found = disagreements(who, at, days)
    lines = {line.claim.id: line for line in lines_in_order(who.scheme_id, [one.claim_id for one in found])}
    return render_template(
        "awards/queue_agreement.html",
        lines=agreement_of(who, at, days),
        found=[(one, lines[one.claim_id]) for one in found if one.claim_id in lines],
        days=days,
    )


@pages.get("/queue/agreement/export")
@audience("samples.see")
def agreement_export() -> Response:
    who: Visitor = me()
    at = clock.now()
    header = [gettext(one) for one in HEADER]
    body = [row(one) for one in agreement_of(who, at, days_asked())]
    name = gettext("复看_%(day)s", day=clock.local_date(at, who.zone).isoformat())
    return xlsx_answer(name, header, body) if request.args.get("format") == "xlsx" else csv_answer(name, header, body)


def row(one: Agreement) -> list[Any]:
    share = "" if one.percent is None else f"{one.percent}%"
    return [listed(one.name), one.read, one.agreed, one.disagreed, share, one.waiting]


def days_asked() -> int:
    text = request.args.get("days", "")
    return int(text) if text in ("30", "90", "365") else DAYS
