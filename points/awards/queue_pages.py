"""The reviewers' queue: one list over all kinds of deeds, the open item beside it, many decisions in one go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError
from sqlalchemy import select

from .. import clock
from ..db import db, in_own_transaction, is_id
from ..errors import N_, DomainError, NotFound
from ..people.models import Person
from ..people.visitor import Visitor
from ..rulebook.queries import KnownRule, rule_by_id
from ..rulebook.rules import Assessment
from ..rulebook.wording import refusals
from ..web import Page, audience, me, page_of
from ..web.errors import status_of
from ..web.formats import decimal, listed, points, sentence_of
from ..web.request import idempotency_key, new_key
from ..web.schemas import tidy
from ..web.tables import csv_answer, xlsx_answer
from . import words
from .actions import deed_of
from .assessing import reckon
from .correction_queries import corrections_of
from .models import Claim, ClaimState, Correction
from .pages import pages
from .queries import (
    KINDS,
    Filter,
    Line,
    StepLine,
    line_of,
    lines,
    photos_of,
    seen_by_staff,
    steps_of,
)
from .queries import (
    queue as queue_query,
)
from .queue_queries import hints_of, oldest_waiting, recent_of, waiting_by_kind
from .reviewing import approve, reject, send_back
from .rules import Parties, objection
from .schemas import decided_points

PAGE = 50
MOST_DECISIONS = 200
MOST_EXPORTED = 20_000
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
)
DECISIONS = {"approve": approve, "return": send_back, "reject": reject}


@dataclass(frozen=True)
class Row:
    """A row of the queue. ``standing``: why this visitor may not decide, or nothing."""

    line: Line
    standing: str
    hints: tuple[str, ...]


@dataclass(frozen=True)
class Open:
    """The open item: everything a reviewer needs to decide, and nothing else."""

    line: Line
    known: KnownRule
    standing: str
    hints: tuple[str, ...]
    steps: list[StepLine]
    photo_ids: list[int]
    assessment: Assessment
    reckoning: list[str]
    obstacles: list[str]
    recent: tuple[int, int, int]
    corrections: list[tuple[Correction, str]]


@dataclass(frozen=True)
class Result:
    """What became of one decision of a submission."""

    name: str
    title: str
    done: str  # approve, return, reject; or nothing when it was refused
    points: int
    sentence: str


# ---------------------------------------------------------------- the list


def wanted_filter() -> Filter:
    """The filter of this address; what it does not know is as if it were not there. The search is in the session."""
    state, kind = request.args.get("state", ""), request.args.get("kind", "")
    return Filter(
        state=state if state == "all" or state in list(ClaimState) else ClaimState.WAITING,
        kind=kind if kind in KINDS else "",
        text=str(session.get("queue_text", "")),
    )


def page_of_queue(who: Visitor, wanted: Filter) -> Page[Any]:
    """What waits longest comes first; what is decided, latest first."""
    return page_of(
        queue_query(who, wanted),
        Claim.made_at,
        Claim.id,
        shape=(datetime, int),
        descending=wanted.state != ClaimState.WAITING,
        size=PAGE,
        key_of=lambda row: (row[0].made_at, row[0].id),
        scalars=False,
    )


def standing(who: Visitor, line: Line) -> str:
    parties = Parties(line.claim.entered_by, line.claim.person_id, line.household_id)
    refusal = objection(who.person_id, who.household_id, parties)
    return refusal.code if refusal else ""


@pages.route("/queue", methods=["GET", "POST"])
@audience("claims.review")
def queue() -> ResponseReturnValue:
    """The list; posted, all decisions of the form are carried out and their results stand above it."""
    who: Visitor = me()
    return show_queue(who, decide(who) if request.method == "POST" else [])


def show_queue(who: Visitor, results: list[Result]) -> str:
    wanted = wanted_filter()
    page = page_of_queue(who, wanted)
    found = [Line(*row) for row in page.rows]
    hints = hints_of([line.claim for line in found])
    rows = [Row(line, standing(who, line), tuple(hints.get(line.claim.id, ()))) for line in found]
    by_kind = waiting_by_kind(who)
    asked = request.args.get("open", "")
    shown = next((row for row in rows if str(row.line.claim.id) == asked), None)
    shown = shown or next((row for row in rows if not row.standing), None) or (rows[0] if rows else None)
    return render_template(
        "awards/queue.html",
        rows=rows,
        page=page,
        wanted=wanted,
        by_kind={kind: by_kind.get(kind, 0) for kind in KINDS if by_kind.get(kind)},
        total=sum(by_kind.values()),
        oldest=oldest_waiting(who),
        flagged=sum(1 for row in rows if row.hints),
        open=opened(who, shown.line.claim.id) if shown else None,
        key=new_key(),
        results=results,
        tally=tally(results),
        failed=[one for one in results if not one.done],
        error="",
        **reasons(),
    )


def reasons() -> dict[str, Any]:
    return {
        "return_reasons": [gettext(one) for one in words.RETURN_REASONS],
        "reject_reasons": [gettext(one) for one in words.REJECT_REASONS],
    }


@pages.post("/queue/search")
@audience("claims.review")
def search() -> ResponseReturnValue:
    """Keep the search in the session: names do not belong in addresses."""
    session["queue_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    kept = {name: request.form[name] for name in ("state", "kind") if request.form.get(name)}
    return redirect(url_for("awards.queue", **kept))


# ---------------------------------------------------------------- one item


@pages.get("/queue/<int:claim_id>")
@audience("claims.see")
def item(claim_id: int) -> ResponseReturnValue:
    """The item as a page of its own; with ``pane`` only what stands beside the list."""
    who: Visitor = me()
    template = "awards/_item.html" if request.args.get("pane") else "awards/item.html"
    return render_template(template, open=opened(who, claim_id), key=new_key(), error="", **reasons())


def opened(who: Visitor, claim_id: int) -> Open:
    """Raises NotFound outside this visitor's reach."""
    line = line_of(who, claim_id)
    claim = line.claim
    if db.session.scalar(select(Claim.id).where(seen_by_staff(who), Claim.id == claim.id)) is None:
        raise NotFound()
    known = rule_by_id(who.scheme_id, claim.rule_id)
    if claim.outcome:
        seen = Assessment.from_dict(claim.outcome)
    else:
        person = db.session.get_one(Person, (who.scheme_id, claim.person_id))
        today = clock.local_date(clock.now(), who.zone)
        seen, _ = reckon(known, deed_of(claim), person, who.points_scale, credited_on=today)
    return Open(
        line=line,
        known=known,
        standing=standing(who, line),
        hints=tuple(hints_of([claim]).get(claim.id, ())),
        steps=steps_of(who.scheme_id, [claim.id]).get(claim.id, []),
        photo_ids=photos_of(who.scheme_id, [claim.id]).get(claim.id, []),
        assessment=seen,
        reckoning=words.kept_words(seen.to_dict()),
        obstacles=refusals(seen),
        recent=recent_of(who.scheme_id, claim.person_id, clock.now()),
        corrections=corrections_of(who.scheme_id, claim.id),
    )


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
            "awards/item.html", open=shown, key=str(key), error=refusal_words(error), typed=form, **reasons()
        )
        return page, 422 if isinstance(error, ValidationError) else status_of(error)
    flash(result.sentence)
    return redirect(url_for("awards.queue"))


# ---------------------------------------------------------------- many decisions


def decide(who: Visitor) -> list[Result]:
    """Each decision in a transaction of its own and with its own result. A reload repeats none: each claim's key
    follows from the form's."""
    key = idempotency_key()
    results = []
    for claim_id, wanted in list(decisions_in(request.form))[:MOST_DECISIONS]:
        one = uuid5(key, str(claim_id))
        try:
            results.append(decided(who, claim_id, wanted, one))
        except (DomainError, ValidationError) as error:
            results.append(refused(who, claim_id, error))
    return results


@dataclass(frozen=True)
class Decision:
    """What a form decides about one claim."""

    verb: str
    reason: str
    points: str
    outcome: str

    @classmethod
    def of(cls, verb: str, form: Mapping[str, str], mark: str) -> Decision:
        reason, given, outcome = (form.get(name + mark, "") for name in ("reason", "points", "outcome"))
        return cls(verb, tidy(reason), given, outcome[:40])


def decisions_in(form: Mapping[str, str]) -> Iterator[tuple[int, Decision]]:
    """The decisions of a form: ``do-<id>``, ``reason-<id>``, ``points-<id>``…; picked rows take ``all``."""
    for name, verb in form.items():
        kind, _, number = name.partition("-")
        if kind != "do" or not (number.isascii() and number.isdigit() and len(number) <= 19):
            continue
        verb = verb or (form.get("all", "") if form.get(f"pick-{number}") else "")
        if verb in DECISIONS and is_id(int(number)):
            yield int(number), Decision.of(verb, form, f"-{number}")


def decided(who: Visitor, claim_id: int, wanted: Decision, key: UUID) -> Result:
    """Carry one decision out. Raises whatever the action raises, ValidationError for points that are no number."""
    action, verb = DECISIONS.get(wanted.verb), wanted.verb
    if action is None:
        raise NotFound()
    at = clock.now()
    more: dict[str, Any] = {"reason": wanted.reason}
    if verb == "approve":
        more |= {"points": decided_points(wanted.points, who.points_scale), "outcome": wanted.outcome}
    claim = in_own_transaction(lambda: action(who, claim_id, key=key, at=at, **more))
    credited = claim.points or 0
    line = Line(*row_of(who, claim_id))
    name, title = listed(line.person), line.title
    sentence = {
        "approve": gettext(
            "%(name)s，%(title)s：通过，%(points)s 分已入账", name=name, title=title, points=points(credited)
        ),
        "return": gettext("%(name)s，%(title)s：退回补充", name=name, title=title),
        "reject": gettext("%(name)s，%(title)s：不通过", name=name, title=title),
    }[verb]
    return Result(name, title, verb, credited if verb == "approve" else 0, sentence)


def row_of(who: Visitor, claim_id: int) -> Any:
    found = db.session.execute(lines().where(seen_by_staff(who), Claim.id == claim_id)).one_or_none()
    if found is None:
        raise NotFound()
    return found


def refused(who: Visitor, claim_id: int, error: DomainError | ValidationError) -> Result:
    try:
        line = Line(*row_of(who, claim_id))
        name, title = listed(line.person), line.title
    except NotFound:
        name, title = "", ""
    return Result(name, title, "", 0, refusal_words(error))


def refusal_words(error: DomainError | ValidationError) -> str:
    if isinstance(error, DomainError):
        return sentence_of(error)
    found = error.messages_dict if isinstance(error.messages, dict) else {"": error.messages}
    return " ".join(gettext(str(one)) for some in found.values() for one in some)


def tally(results: list[Result]) -> str:
    """What was done, in words: only what there is."""
    count = {verb: sum(1 for one in results if one.done == verb) for verb in DECISIONS}
    credited = points(sum(one.points for one in results))
    parts = [
        (count["approve"], gettext("通过 %(n)s 条共 %(points)s 分", n=count["approve"], points=credited)),
        (count["return"], gettext("退回 %(n)s 条", n=count["return"])),
        (count["reject"], gettext("不通过 %(n)s 条", n=count["reject"])),
    ]
    return gettext("，").join(said for n, said in parts if n)


# ---------------------------------------------------------------- the list as a file


@pages.get("/queue/export")
@audience("claims.review")
def export() -> Response:
    """The filtered list, whole, for a spreadsheet: names masked, formula cells harmless."""
    who: Visitor = me()
    wanted = wanted_filter()
    found = db.session.execute(queue_query(who, wanted).order_by(Claim.made_at, Claim.id).limit(MOST_EXPORTED))
    header = [gettext(one) for one in HEADER]
    body = [export_row(Line(*row), who.points_scale) for row in found]
    name = gettext("申报_%(day)s", day=clock.local_date(clock.now(), who.zone).isoformat())
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
        float(decimal(claim.forecast["points"], scale).replace("−", "-")),
        "" if claim.points is None else float(decimal(claim.points, scale).replace("−", "-")),
    ]
