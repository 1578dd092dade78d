"""A wrong award on a page: asked with a reason by one, confirmed or refused by another."""

from __future__ import annotations

from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from .. import clock
from ..db import in_own_transaction
from ..errors import DomainError, NotFound
from ..ledger.queries import balances_of, units_of
from ..people.actions import POINTS
from ..people.visitor import Visitor
from ..web import audience, me, page_of
from ..web.errors import status_of
from ..web.formats import sentence_of
from ..web.request import idempotency_key, new_key
from ..web.schemas import tidy
from .correcting import ask_correction, confirm_correction, refuse_correction
from .correction_queries import Asked, corrections_in_reach
from .models import Correction, CorrectionState
from .pages import pages
from .queue_items import opened
from .queue_pages import reasons
from .rules import OwnCorrection, Parties, objection


@pages.post("/queue/<int:claim_id>/correction")
@audience("corrections.ask")
def ask(claim_id: int) -> ResponseReturnValue:
    """Ask for an award to be taken back. Nothing moves yet."""
    who: Visitor = me()
    key, at, reason = idempotency_key(), clock.now(), tidy(request.form.get("reason", ""))
    try:
        in_own_transaction(lambda: ask_correction(who, claim_id, reason=reason, key=key, at=at).id)
    except NotFound:
        raise
    except DomainError as refusal:
        shown = opened(who, claim_id)
        page = render_template(
            "awards/item.html",
            open=shown,
            key=str(key),
            error=sentence_of(refusal),
            typed=request.form,
            **reasons(who),
        )
        return page, status_of(refusal)
    flash(gettext("提好了。请另一位同事在“更正”里确认，确认以前账上不变。"))
    return redirect(url_for("awards.item", claim_id=claim_id))


@pages.get("/corrections")
@audience("corrections.confirm")
def corrections() -> ResponseReturnValue:
    """What was asked and waits for a second person, with what was decided before."""
    return show_corrections(me(), "", 0)


def show_corrections(who: Visitor, error: str, about: int) -> str:
    asked_state = request.args.get("state", "")
    state = asked_state if asked_state == "all" or asked_state in list(CorrectionState) else CorrectionState.ASKED
    page = page_of(
        corrections_in_reach(who, state),
        Correction.asked_at,
        Correction.id,
        shape=(datetime, int),
        descending=state != CorrectionState.ASKED,
        size=30,
        key_of=lambda row: (row[0].asked_at, row[0].id),
        scalars=False,
    )
    rows = [Asked(*row) for row in page.rows]
    unit = units_of(who.scheme_id)[POINTS]
    balances = balances_of(who.scheme_id, {row.claim.person_id for row in rows}, unit)
    return render_template(
        "awards/corrections.html",
        rows=[(row, standing(who, row)) for row in rows],
        missing={
            row.correction.id: max(0, (row.claim.points or 0) - balances[row.claim.person_id])
            for row in rows
            if row.correction.state == CorrectionState.ASKED
        },
        page=page,
        state=state,
        keys={row.correction.id: new_key() for row in rows},
        error=error,
        about=about,
    )


def standing(who: Visitor, row: Asked) -> str:
    """Why this visitor may not confirm, as a sentence; or nothing."""
    if row.correction.asked_by == who.person_id:
        return gettext(OwnCorrection.sentence)
    refusal = objection(who.person_id, who.household_id, Parties(0, row.claim.person_id, row.household_id))
    return gettext(refusal.sentence) if refusal else ""


@pages.post("/corrections/<int:correction_id>")
@audience("corrections.confirm")
def decide_correction(correction_id: int) -> ResponseReturnValue:
    """Confirm (the ledger reverses the award) or refuse, with a reason."""
    who: Visitor = me()
    key, at, reason = idempotency_key(), clock.now(), tidy(request.form.get("reason", ""))
    confirming = request.form.get("do") == "confirm"
    try:
        if confirming:
            in_own_transaction(lambda: confirm_correction(who, correction_id, key=key, at=at).id)
        elif request.form.get("do") == "refuse":
            in_own_transaction(lambda: refuse_correction(who, correction_id, reason=reason, at=at).id)
        else:
            raise NotFound()
    except NotFound:
        raise
    except DomainError as refusal:
        return show_corrections(who, sentence_of(refusal), correction_id), status_of(refusal)
    flash(gettext("已更正。原来那一笔留着，账上多了一笔冲回。") if confirming else gettext("没有更正，账上不变。"))
    return redirect(url_for("awards.corrections"))
