"""Where a rule's path asks team leaders, grid workers and others for their word: their list, and one claim of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError
from sqlalchemy import and_, select

from .. import clock
from ..db import db, in_own_transaction
from ..errors import DomainError, NotFound
from ..people.visitor import Visitor
from ..rulebook.queries import rule_by_id
from ..rulebook.rules import Assessment
from ..web import audience, me
from ..web.errors import status_of
from ..web.formats import sentence_of
from ..web.paging import Page, page_of
from ..web.request import idempotency_key, new_key
from ..web.schemas import tidy
from . import words
from .claim_form import further_words
from .models import Claim
from .pages import pages
from .queries import Line, line_of, lines, photos_of, waits_for
from .queue_filter import searched, spoken_about
from .reviewing import approve, reject, send_back
from .schemas import decided_points
from .standing import objections_to

PAGE = 20
VERBS = {"approve": approve, "return": send_back, "reject": reject}


def to_vote(who: Visitor, text: str = "", cursor: str | None = None) -> tuple[list[Line], str | None]:
    """A page of what waits for this visitor's word and the cursor of the next: the oldest first, without what is their
    own or what they spoke about. What somebody close to them did is left out of its page, which is shorter then."""
    if not who.duties:
        return [], None
    query = (
        lines()
        .where(waits_for(who), ~spoken_about(who.person_id))
        .where(Claim.person_id != who.person_id, Claim.entered_by != who.person_id)
    )
    if text:
        query = query.where(searched(who.scheme_id, text))
    page: Page[Any] = page_of(
        query,
        Claim.made_at,
        Claim.id,
        shape=(datetime, int),
        size=PAGE,
        cursor=cursor,
        key_of=lambda row: (row[0].made_at, row[0].id),
        scalars=False,
    )
    found = [Line(*row) for row in page.rows]
    barred = objections_to(who, [line.claim for line in found], clock.now())
    return [line for line in found if line.claim.id not in barred], page.next


def votes_wait(who: Visitor) -> bool:
    """Whether anything waits for this visitor's word, as far as one look tells: the list itself looks closer."""
    others = and_(Claim.person_id != who.person_id, Claim.entered_by != who.person_id)
    wanted = select(Claim.id).where(waits_for(who), others, ~spoken_about(who.person_id)).limit(1)
    return db.session.scalar(wanted) is not None


@pages.get("/claims/votes")
@audience("claims.vote")
def votes() -> ResponseReturnValue:
    """What waits for this visitor's word."""
    text = str(session.get("votes_text", ""))
    found, after = to_vote(me(), text)
    return render_template("awards/votes.html", lines=found, after=after, text=text)


@pages.post("/claims/votes/search")
@audience("claims.vote")
def search_votes() -> ResponseReturnValue:
    """Keep the search in the session: names do not belong in addresses."""
    session["votes_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    return redirect(url_for("awards.votes"))


@pages.get("/claims/<int:claim_id>/vote")
@audience("claims.vote")
def vote(claim_id: int) -> ResponseReturnValue:
    """One claim, with all that was told of it."""
    return vote_page(me(), claim_id, "")


@pages.post("/claims/<int:claim_id>/vote")
@audience("claims.vote")
def give_vote(claim_id: int) -> ResponseReturnValue:
    """Say yes, send it back, or say no."""
    who: Visitor = me()
    key, at, form = idempotency_key(), clock.now(), request.form
    verb = VERBS.get(form.get("do", ""))
    if verb is None:
        raise NotFound()
    try:
        more: dict[str, Any] = {"reason": tidy(form.get("reason", ""), 200)}
        if verb is approve:
            more |= {"points": decided_points(form.get("points", ""), who.points_scale)}
        in_own_transaction(lambda: verb(who, claim_id, key=key, at=at, **more).id)
    except ValidationError:
        return vote_page(who, claim_id, gettext("分数要填数字。")), 422
    except NotFound:
        raise
    except DomainError as error:
        return vote_page(who, claim_id, sentence_of(error)), status_of(error)
    flash(gettext("记下了，谢谢您。"))
    return redirect(url_for("awards.votes"))


def vote_page(who: Visitor, claim_id: int, error: str) -> str:
    line = line_of(who, claim_id)
    claim = line.claim
    waiting = select(Claim.id).where(Claim.scheme_id == who.scheme_id, Claim.id == claim.id, waits_for(who))
    if db.session.scalar(waiting) is None:
        raise NotFound()
    known = rule_by_id(who.scheme_id, claim.rule_id)
    seen = Assessment.from_dict(claim.forecast)
    return render_template(
        "awards/vote.html",
        line=line,
        claim=claim,
        known=known,
        seen=seen,
        reckoning=words.kept_words(claim.forecast),
        further=further_words(claim, known),
        photo_ids=photos_of(who.scheme_id, [claim.id]).get(claim.id, []),
        error=error,
        key=new_key(),
    )
