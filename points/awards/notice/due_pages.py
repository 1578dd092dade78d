"""Awards that are granted and not credited yet: what is stuck, with what to do about it, and what waits for its day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
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
from ...web.formats import listed, numeric, scale, sentence_of
from ...web.request import idempotency_key, new_key
from ...web.schemas import tidy
from ..models import Claim, ClaimState
from .exceptions import drop, retry
from .pages import pages, table_answer
from .queries import counts, waiting_in_reach

SHOWN = (ClaimState.STUCK, ClaimState.DUE, ClaimState.ON_NOTICE, ClaimState.HELD)
MOST_EXPORTED = 20_000
HEADER = (N_("姓名"), N_("做了什么"), N_("哪天"), N_("积分"), N_("哪天入账"), N_("公示编号"), N_("为什么没入账"))
# What the books said, and what to do about it.
CAUSES: Mapping[str, tuple[str, str]] = {
    "budget_spent": (N_("今年的预算用完了。"), N_("请街道调整预算，再点“再试一次”。")),
    "beneficiary_disabled": (
        N_("这位居民停用了。"),
        N_("还在的，请在“居民”里恢复，再试一次；不在了的，写明原因，不入账。"),
    ),
    "cannot_earn": (N_("余额到了上限。"), N_("等换掉一些再试，或者写明原因，不入账。")),
    "insufficient_points": (N_("账上不够扣。"), N_("等有了再试，或者写明原因，不扣。")),
}
OTHER = (N_("账上没有收下。"), N_("请再试一次。还不行，把这一条告诉管理员。"))


def cause_of(code: str) -> tuple[str, str]:
    """Why it is stuck and what to do, in the reader's language."""
    why, what = CAUSES.get(code, OTHER)
    return gettext(why), gettext(what)


@pages.get("/due")
@audience("due.see")
def due() -> ResponseReturnValue:
    return show_due(me())


def asked_state() -> str:
    state = request.args.get("state", "")
    return state if state in SHOWN else ClaimState.STUCK


def show_due(who: Visitor, error: str = "", about: int = 0, typed: str = "") -> str:
    state, text = asked_state(), str(session.get("due_text", ""))
    page = page_of(
        waiting_in_reach(who, state, text),
        Claim.due_on,
        Claim.id,
        shape=(date, int),
        size=30,
        key_of=lambda row: (row[0].due_on, row[0].id),
        scalars=False,
    )
    return render_template(
        "notice/due.html",
        rows=list(page.rows),
        page=page,
        state=state,
        text=text,
        counts=counts(who),
        keys={row[0].id: new_key() for row in page.rows},
        cause_of=cause_of,
        error=error,
        about=about,
        typed=typed,
        may_settle=who.may("due.settle"),
        points_of=points_of,
    )


def points_of(claim: Claim) -> int:
    return int((claim.outcome or {}).get("points", 0))


@pages.post("/due/search")
@audience("due.see")
def search_due() -> ResponseReturnValue:
    session["due_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    state = request.form.get("state", "")
    return redirect(url_for("notice.due", **({"state": state} if state else {})))


@pages.post("/due/<int:claim_id>")
@audience("due.settle")
def settle(claim_id: int) -> ResponseReturnValue:
    """Try again what was stuck, or drop it with a reason."""
    who: Visitor = me()
    key, at, reason = idempotency_key(), clock.now(), tidy(request.form.get("reason", ""))
    doing = request.form.get("do", "")
    if doing not in ("retry", "drop"):
        raise NotFound()
    try:
        if doing == "retry":
            state = in_own_transaction(lambda: retry(who, claim_id, at=at).state)
        else:
            state = in_own_transaction(lambda: drop(who, claim_id, reason=reason, key=key, at=at).state)
    except NotFound:
        raise
    except DomainError as refusal:
        return show_due(who, sentence_of(refusal), claim_id, reason), status_of(refusal)
    if state == ClaimState.STUCK:
        claim = db.session.get_one(Claim, (who.scheme_id, claim_id))
        return show_due(who, gettext("还是不行：%(why)s", why=cause_of(claim.state_reason)[0]), claim_id), 409
    flash(gettext("入账了。") if state == ClaimState.APPROVED else gettext("不入账了，原因告诉了申报的人。"))
    return redirect(url_for("notice.due"))


@pages.get("/due/export.<any(xlsx, csv):kind>")
@audience("due.see")
def export_due(kind: str) -> Response:
    who: Visitor = me()
    query = waiting_in_reach(who, asked_state(), str(session.get("due_text", "")))
    rows = db.session.execute(query.order_by(Claim.due_on, Claim.id).limit(MOST_EXPORTED))
    cells = [cells_of(row) for row in rows]
    return table_answer(kind)(gettext("待入账"), [gettext(one) for one in HEADER], cells)


def cells_of(row: Any) -> tuple[Any, ...]:
    claim, person, _, title, number = row
    stuck = claim.state == ClaimState.STUCK
    return (
        listed(person),
        title,
        claim.done_on.isoformat(),
        numeric(points_of(claim), scale()),
        claim.due_on.isoformat() if claim.due_on else "",
        number or "",
        cause_of(claim.state_reason)[0] if stuck else "",
    )
