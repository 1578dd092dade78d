"""A wrong award on a page: asked with a reason by one, confirmed or refused by another."""

from __future__ import annotations

from datetime import datetime

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, DomainError, NotFound
from ..people.visitor import Visitor
from ..web import audience, me, page_of
from ..web.errors import status_of
from ..web.formats import day, listed, moment, numeric, sentence_of
from ..web.request import idempotency_key, new_key
from ..web.schemas import tidy
from ..web.tables import csv_answer, xlsx_answer
from .correcting import ask_correction, confirm_correction, refuse_correction
from .correction_queries import Asked, corrections_in_reach, missing_of, refusals_of
from .models import Correction, CorrectionState
from .pages import pages
from .queue_items import opened
from .queue_pages import reasons

MOST_EXPORTED = 20_000
HEADER = (
    *(N_("编号"), N_("姓名"), N_("做了什么"), N_("哪天"), N_("原来入账"), N_("状态"), N_("谁提的"), N_("什么时候提的")),
    *(N_("原因"), N_("为什么没更正"), N_("什么时候办的")),
)
STATES = {
    CorrectionState.ASKED: N_("等确认"),
    CorrectionState.DONE: N_("已更正"),
    CorrectionState.REFUSED: N_("没有更正"),
}


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


def wanted_now() -> tuple[str, str]:
    """Which corrections are asked for: their state by the address, the words by the session."""
    state = request.args.get("state", "")
    known = state == "all" or state in list(CorrectionState)
    return state if known else CorrectionState.ASKED, str(session.get("corrections_text", ""))


@pages.post("/corrections/search")
@audience("corrections.confirm")
def search_corrections() -> ResponseReturnValue:
    """Keep the search in the session: names do not belong in addresses."""
    session["corrections_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    state = request.form.get("state", "")
    known = state == "all" or state in list(CorrectionState)
    return redirect(url_for("awards.corrections", **({"state": state} if known else {})))


@pages.get("/corrections/export.<any(xlsx, csv):kind>")
@audience("corrections.confirm")
def export_corrections(kind: str) -> Response:
    """The same list, whole, for a spreadsheet: names masked."""
    who: Visitor = me()
    query = corrections_in_reach(who, *wanted_now()).order_by(Correction.asked_at, Correction.id)
    rows = [Asked(*row) for row in db.session.execute(query.limit(MOST_EXPORTED))]
    cells = [
        [
            row.person_number,
            listed(row.person),
            row.title,
            day(row.claim.done_on, True),
            numeric(row.claim.points or 0, who.points_scale),
            gettext(STATES[CorrectionState(row.correction.state)]),
            listed(row.asked_by),
            moment(row.correction.asked_at),
            row.correction.reason,
            row.correction.decided_reason,
            moment(row.correction.decided_at),
        ]
        for row in rows
    ]
    answer = xlsx_answer if kind == "xlsx" else csv_answer
    return answer(gettext("更正"), [gettext(one) for one in HEADER], cells)


def show_corrections(who: Visitor, error: str, about: int) -> str:
    state, text = wanted_now()
    page = page_of(
        corrections_in_reach(who, state, text),
        Correction.asked_at,
        Correction.id,
        shape=(datetime, int),
        descending=state != CorrectionState.ASKED,
        size=30,
        key_of=lambda row: (row[0].asked_at, row[0].id),
        scalars=False,
    )
    rows = [Asked(*row) for row in page.rows]
    barred = refusals_of(who, rows, clock.now())
    return render_template(
        "awards/corrections.html",
        rows=[(row, sentence_of(barred[row.correction.id]) if row.correction.id in barred else "") for row in rows],
        missing=missing_of(who, rows),
        page=page,
        state=state,
        text=text,
        keys={row.correction.id: new_key() for row in rows},
        error=error,
        about=about,
    )


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
