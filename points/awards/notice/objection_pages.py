"""Objections on staff pages: what waits, what was decided, and the decision with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from ... import clock
from ...db import db, in_own_transaction
from ...errors import N_, DomainError, NotFound
from ...people.visitor import Visitor
from ...web import audience, me, page_of
from ...web.errors import status_of
from ...web.formats import listed, moment, sentence_of
from ...web.request import idempotency_key, new_key
from ...web.schemas import tidy
from ..standing import objections_to
from .models import Objection, ObjectionState
from .objecting import decide, is_party, read_by
from .pages import pages, table_answer
from .queries import Objected, objections_in_reach
from .rules import OwnObjection, OwnReview

MOST_EXPORTED = 20_000
STATES = {
    ObjectionState.OPEN: N_("等处理"),
    ObjectionState.UPHELD: N_("成立"),
    ObjectionState.DISMISSED: N_("不成立"),
}
HEADER = (
    N_("回执号"),
    N_("公示编号"),
    N_("序号"),
    N_("姓名"),
    N_("做了什么"),
    N_("异议"),
    N_("哪天提的"),
    N_("状态"),
    N_("原因"),
)


@pages.get("/objections")
@audience("objections.see")
def objections() -> ResponseReturnValue:
    """What waits for a decision, with what was decided before."""
    return show_objections(me())


def asked_state() -> str:
    state = request.args.get("state", "")
    return state if state == "all" or state in list(ObjectionState) else ObjectionState.OPEN


def show_objections(who: Visitor, error: str = "", about: int = 0, typed: str = "") -> str:
    state, text = asked_state(), str(session.get("objection_text", ""))
    page = page_of(
        objections_in_reach(who, state, text),
        Objection.made_at,
        Objection.id,
        shape=(datetime, int),
        descending=state != ObjectionState.OPEN,
        size=20,
        key_of=lambda row: (row[0].made_at, row[0].id),
        scalars=False,
    )
    rows = [Objected(*row) for row in page.rows]
    standing = standings(who, rows)
    return render_template(
        "notice/objections.html",
        rows=[(row, standing.get(row.objection.id, "")) for row in rows],
        page=page,
        state=state,
        text=text,
        keys={row.objection.id: new_key() for row in rows},
        said=STATES,
        error=error,
        about=about,
        typed=typed,
        may_decide=who.may("objections.decide"),
    )


def standings(who: Visitor, rows: Sequence[Objected]) -> dict[int, str]:
    """Why this visitor may not decide, by objection, as a sentence: asked once for all rows of the page."""
    waiting = [row for row in rows if row.objection.state == ObjectionState.OPEN]
    if not waiting or not who.may("objections.decide"):
        return {}
    claims = list({row.claim.id: row.claim for row in waiting}.values())
    refusals: dict[int, Any] = dict(objections_to(who, claims, clock.now(), is_vote=False))
    read_before = read_by(who, [claim.id for claim in claims])
    found = {}
    for row in waiting:
        refusal = refusals.get(row.claim.id)
        if refusal is None and (row.claim.id in read_before or is_party(who, row.claim)):
            refusal = OwnReview()
        if refusal is None and row.objection.person_id == who.person_id:
            refusal = OwnObjection()
        if refusal is not None:
            found[row.objection.id] = sentence_of(refusal)
    return found


@pages.post("/objections/search")
@audience("objections.see")
def search_objections() -> ResponseReturnValue:
    session["objection_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    state = request.form.get("state", "")
    return redirect(url_for("notice.objections", **({"state": state} if state else {})))


@pages.post("/objections/<int:objection_id>")
@audience("objections.decide")
def decide_objection(objection_id: int) -> ResponseReturnValue:
    """Uphold it (the award falls) or set it aside (the award goes on), with the reason."""
    who: Visitor = me()
    key, at, reason = idempotency_key(), clock.now(), tidy(request.form.get("reason", ""), 300)
    doing = request.form.get("do", "")
    if doing not in ("uphold", "dismiss"):
        raise NotFound()
    uphold = doing == "uphold"
    try:
        in_own_transaction(lambda: decide(who, objection_id, uphold=uphold, reason=reason, key=key, at=at).id)
    except NotFound:
        raise
    except DomainError as refusal:
        return show_objections(who, sentence_of(refusal), objection_id, reason), status_of(refusal)
    flash(
        gettext("异议成立，那一笔不入账。双方都告诉了。")
        if uphold
        else gettext("异议不成立，照常往下走。双方都告诉了。")
    )
    return redirect(url_for("notice.objections"))


@pages.get("/objections/export.<any(xlsx, csv):kind>")
@audience("objections.see")
def export_objections(kind: str) -> Response:
    """Without who objected: that stays on the page."""
    who: Visitor = me()
    query = objections_in_reach(who, asked_state(), str(session.get("objection_text", "")))
    rows = db.session.execute(query.order_by(Objection.made_at.desc(), Objection.id.desc()).limit(MOST_EXPORTED))
    cells = [cells_of(Objected(*row)) for row in rows]
    return table_answer(kind)(gettext("异议"), [gettext(one) for one in HEADER], cells)


def cells_of(row: Objected) -> tuple[Any, ...]:
    objection = row.objection
    return (
        objection.number,
        row.notice.number,
        row.claim.notice_place,
        listed(row.person),
        row.title,
        objection.words,
        moment(objection.made_at),
        gettext(STATES[ObjectionState(objection.state)]),
        objection.decided_reason,
    )
