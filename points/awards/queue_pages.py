"""The reviewers' queue: one list over all kinds of deeds, the open item beside it, many decisions in one go."""

from __future__ import annotations

from typing import Any
from uuid import uuid5

from flask import Response, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, DomainError, NotFound
from ..people.visitor import Visitor
from ..web import audience, me
from ..web.errors import status_of
from ..web.formats import listed, numeric
from ..web.request import idempotency_key, new_key
from ..web.schemas import tidy
from ..web.tables import csv_answer, xlsx_answer
from . import words
from .models import Claim, ClaimState, Source, Step
from .oddities import CODES
from .pages import pages
from .queries import KINDS, Line
from .queue_deciding import Decision, Result, decide_all, decided, refusal_words, tally
from .queue_filter import AGES, MARKS, MINE, QueueFilter, filter_from
from .queue_items import Row, budgets_for, opened, rows_of
from .queue_queries import choices, ids, lines_in_order, linked, queue_page, waiting
from .queue_reasons import reasons_of
from .queue_words import AGES as AGE_WORDS
from .queue_words import MARKS as MARK_WORDS
from .queue_words import ODDITIES, STANDING
from .settings import reviews_of
from .undoing import undo

MOST_EXPORTED = 20_000
CHUNK = 500
HEADER = (
    N_("编号"),
    N_("姓名"),
    N_("积分项"),
    N_("类别"),
    N_("数量"),
    N_("哪天做的"),
    N_("地点"),
    N_("说明"),
    N_("来源"),
    N_("谁录的"),
    N_("状态"),
    N_("原因"),
    N_("应得"),
    N_("入账"),
    N_("要留意"),
)
STATES = (
    MINE,
    ClaimState.WAITING,
    ClaimState.CONFIRMING,
    ClaimState.RETURNED,
    ClaimState.ON_NOTICE,
    ClaimState.HELD,
    ClaimState.DUE,
    ClaimState.STUCK,
    ClaimState.APPROVED,
    ClaimState.REJECTED,
    ClaimState.WITHDRAWN,
    ClaimState.REVERSED,
    "all",
)


@pages.context_processor
def queue_in_words() -> dict[str, Any]:
    return {
        "hint_words": ODDITIES,
        "standing_words": STANDING,
        "mark_words": MARK_WORDS,
        "age_words": AGE_WORDS,
        "undo_hours": lambda: reviews_of(me().settings).undo_hours,
        "undo_url": lambda claim_id: url_for("awards.undo_decision", claim_id=claim_id),
        "objections_url": lambda: first_of("awards.objections", "notice.objections", mark="objection"),
        "appeals_url": lambda: first_of("awards.appeals", "appeals.index", mark="appeal"),
    }


def first_of(*endpoints: str, mark: str) -> str:
    """The page of that kind of case, or the queue narrowed to it."""
    found = next((one for one in endpoints if one in current_app.view_functions), None)
    return url_for(found) if found else url_for("awards.queue", state="all", mark=mark)


# ---------------------------------------------------------------- the list


def wanted_filter(who: Visitor) -> QueueFilter:
    """The filter of this address. The search is in the session: names do not belong in addresses."""
    return filter_from(request.args, who.points_scale, str(session.get("queue_text", "")))


@pages.route("/queue", methods=["GET", "POST"])
@audience("claims.review")
def queue() -> ResponseReturnValue:
    """The list; posted, all decisions of the form are carried out and their results stand above it."""
    who: Visitor = me()
    return show_queue(who, decide_all(who, request.form, idempotency_key()) if request.method == "POST" else [])


def show_queue(who: Visitor, results: list[Result]) -> str:
    wanted, at = wanted_filter(who), clock.now()
    found, after = queue_page(who, wanted, at)
    rows = rows_of(who, found, at)
    offered, there = choices(who, at), waiting(who, at)
    shown = shown_first(rows)
    return render_template(
        "awards/queue.html",
        rows=rows,
        after=after,
        wanted=wanted,
        address=wanted.args(who.points_scale),
        choices=offered,
        category_titles=offered.titles,
        states=STATES,
        kinds=KINDS,
        sources=tuple(Source),
        codes=CODES,
        ages=AGES,
        marks=MARKS,
        total=there.total,
        odd=there.odd,
        linked=linked(who),
        oldest=there.oldest,
        flagged=sum(1 for row in rows if row.hints),
        budgets=budgets_for(who, {line.category for line in found}, clock.local_date(at, who.zone)),
        open=opened(who, shown.line.claim.id, shown) if shown else None,
        key=new_key(),
        results=results,
        tally=tally(results),
        failed=[one for one in results if not one.done],
        held=[one for one in results if one.done == "held"],
        done=[one for one in results if one.done in ("approve", "return", "reject")],
        error="",
        **reasons(who),
    )


def shown_first(rows: list[Row]) -> Row | None:
    """The row that stands open at first: the one asked for, else the first that this visitor may decide."""
    asked = request.args.get("open", "")
    found = next((row for row in rows if str(row.line.claim.id) == asked), None)
    return found or next((row for row in rows if row.can), None) or (rows[0] if rows else None)


def reasons(who: Visitor) -> dict[str, Any]:
    """What the reviewer is offered to say when returning or rejecting."""
    return {
        "return_reasons": reasons_of(who.scheme_id, Step.RETURNED),
        "reject_reasons": reasons_of(who.scheme_id, Step.REJECTED),
    }


@pages.post("/queue/search")
@audience("claims.review")
def search() -> ResponseReturnValue:
    """Keep the search in the session, and the rest of the filter in the address."""
    who: Visitor = me()
    session["queue_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    return redirect(url_for("awards.queue", **filter_from(request.form, who.points_scale).args(who.points_scale)))


# ---------------------------------------------------------------- one item


@pages.get("/queue/<int:claim_id>")
@audience("claims.see")
def item(claim_id: int) -> ResponseReturnValue:
    """The item as a page of its own; with ``pane`` only what stands beside the list."""
    who: Visitor = me()
    template = "awards/_item.html" if request.args.get("pane") else "awards/item.html"
    return render_template(template, open=opened(who, claim_id), key=new_key(), error="", **reasons(who))


@pages.post("/queue/<int:claim_id>")
@audience("claims.review")
def decide_one(claim_id: int) -> ResponseReturnValue:
    """Decide about one claim on its own page; a refusal is said there."""
    who: Visitor = me()
    key = idempotency_key()
    form = request.form
    try:
        wanted = Decision.of(form.get("do", ""), form, "")
        result = decided(who, claim_id, wanted, uuid5(key, str(claim_id)))
    except (DomainError, ValidationError) as error:
        if isinstance(error, NotFound):
            raise
        shown = opened(who, claim_id)
        page = render_template(
            "awards/item.html", open=shown, key=str(key), error=refusal_words(error), typed=form, **reasons(who)
        )
        return page, 422 if isinstance(error, ValidationError) else status_of(error)
    flash(result.sentence)
    return redirect(url_for("awards.queue"))


@pages.post("/queue/<int:claim_id>/undo")
@audience("claims.review")
def undo_decision(claim_id: int) -> ResponseReturnValue:
    """Take one's own decision back: what was credited is reversed, and the claim waits again."""
    who: Visitor = me()
    key, at = idempotency_key(), clock.now()
    try:
        in_own_transaction(lambda: undo(who, claim_id, key=uuid5(key, f"undo:{claim_id}"), at=at).id)
    except NotFound:
        raise
    except DomainError as error:
        flash(refusal_words(error), "bad")
        return redirect(url_for("awards.item", claim_id=claim_id))
    flash(gettext("撤回了，这一条回到待审。"))
    return redirect(url_for("awards.queue", open=claim_id))


# ---------------------------------------------------------------- the list as a file


@pages.get("/queue/export")
@audience("claims.review")
def export() -> Response:
    """The filtered list, whole, for a spreadsheet: names masked, formula cells harmless."""
    who: Visitor = me()
    wanted, at = wanted_filter(who), clock.now()
    header = [gettext(one) for one in HEADER]
    query = ids(who, wanted, at).order_by(Claim.made_at, Claim.id).limit(MOST_EXPORTED)
    claim_ids = [row.id for row in db.session.execute(query)]
    body = [
        export_row(line, who.points_scale)
        for start in range(0, len(claim_ids), CHUNK)
        for line in lines_in_order(who.scheme_id, claim_ids[start : start + CHUNK])
    ]
    name = gettext("申报_%(day)s", day=clock.local_date(at, who.zone).isoformat())
    return xlsx_answer(name, header, body) if request.args.get("format") == "xlsx" else csv_answer(name, header, body)


def export_row(line: Line, scale: int) -> list[Any]:
    claim = line.claim
    return [
        line.person_number,
        listed(line.person),
        line.title,
        words.kind_word(line.kind),
        words.quantity_words(claim.quantity, line.unit),
        claim.done_on.isoformat(),
        claim.place,
        claim.note,
        words.source_word(claim.source),
        listed(line.entered),
        gettext(words.BADGES[ClaimState(claim.state)][2]),
        claim.state_reason,
        numeric(claim.forecast["points"], scale),
        "" if claim.points is None else numeric(claim.points, scale),
        gettext("，").join(gettext(ODDITIES[code]) for code in claim.flags if code in ODDITIES),
    ]
