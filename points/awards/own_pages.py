"""One's own claims and those one entered for others: the list, one claim with its path, what can be done about it."""

from __future__ import annotations

from datetime import datetime

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import db, in_own_transaction
from ..errors import NotFound
from ..files.serving import send_photo
from ..people.visitor import Visitor
from ..rulebook.queries import rule_by_id
from ..rulebook.wording import question_of
from ..web import audience, in_transaction, me, page_of
from ..web.formats import decimal, sentence_of
from ..web.request import idempotency_key, new_key, payload
from ..web.schemas import tidy
from ..web.sentences import translated
from ..web.tables import xlsx_answer
from . import words
from .actions import resend, withdraw
from .claim_form import asked_of
from .claim_pages import Form, flat, layout, today_of, uploads
from .models import Claim, ClaimState
from .pages import pages
from .queries import Filter, Line, claims_of, line_of, photo_for, photos_of, steps_of
from .queue_pages import HEADER, MOST_EXPORTED, export_row
from .rules import MAX_PHOTOS, Refused
from .schemas import ResendSchema
from .way_words import ahead_of

OWN_STATES = tuple(ClaimState)


@pages.get("/claims")
@audience("claims.file")
def mine() -> ResponseReturnValue:
    """Every claim of one's own and every one entered for others, newest first, each with its state."""
    who: Visitor = me()
    wanted = own_filter()
    page = page_of(
        claims_of(who, wanted),
        Claim.made_at,
        Claim.id,
        shape=(datetime, int),
        descending=True,
        size=20,
        key_of=lambda row: (row[0].made_at, row[0].id),
        scalars=False,
    )
    found = [Line(*row) for row in page.rows]
    return render_template("awards/mine.html", page=page, lines=found, wanted=wanted, states=OWN_STATES)


def own_filter() -> Filter:
    """What the list of one's own is narrowed to: the state by the address, the words by the session."""
    state = request.args.get("state", "")
    return Filter(state if state in OWN_STATES else "all", text=str(session.get("claims_text", "")))


@pages.post("/claims/search")
@audience("claims.file")
def search_mine() -> ResponseReturnValue:
    """Keep the search in the session: names do not belong in addresses."""
    session["claims_text"] = "" if "clear" in request.form else tidy(request.form.get("text", ""), 40)
    state = request.form.get("state", "")
    return redirect(url_for("awards.mine", **({"state": state} if state in OWN_STATES else {})))


@pages.get("/claims/export")
@audience("claims.file")
def export_mine() -> Response:
    """The same list, whole, for a spreadsheet: names masked, formula cells harmless."""
    who: Visitor = me()
    query = claims_of(who, own_filter()).order_by(Claim.made_at.desc(), Claim.id.desc()).limit(MOST_EXPORTED)
    body = [export_row(Line(*row), who.points_scale) for row in db.session.execute(query)]
    name = gettext("申报_%(day)s", day=today_of(who).isoformat())
    return xlsx_answer(name, [gettext(one) for one in HEADER], body)


@pages.get("/claims/<int:claim_id>")
@audience("claims.file")
def show(claim_id: int) -> ResponseReturnValue:
    """One claim with its path, its reasons, and what can be done about it now."""
    return show_claim(me(), claim_id, {})


def show_claim(who: Visitor, claim_id: int, errors: dict[str, list[str]]) -> str:
    line = line_of(who, claim_id)
    claim = line.claim
    if who.person_id not in (claim.person_id, claim.entered_by):
        raise NotFound()
    known = rule_by_id(who.scheme_id, claim.rule_id)
    for_other = claim.person_id != who.person_id
    return render_template(
        "awards/show.html",
        layout=layout(who, for_other),
        line=line,
        claim=claim,
        known=known,
        for_other=for_other,
        steps=steps_of(who.scheme_id, [claim.id]).get(claim.id, []),
        photo_ids=photos_of(who.scheme_id, [claim.id]).get(claim.id, []),
        reckoning=words.kept_words(claim.outcome or claim.forecast),
        errors=errors,
        key=new_key(),
        most_photos=MAX_PHOTOS,
        asked=asked_of(known, for_other),
        question=question_of(known.rule),
        quantity=decimal(claim.quantity, 3),
        ahead=ahead_of(claim, known.rule, today_of(who)),
    )


@pages.post("/claims/<int:claim_id>/withdraw")
@in_transaction
@audience("claims.file")
def take_back(claim_id: int) -> ResponseReturnValue:
    withdraw(me(), claim_id, key=idempotency_key(), at=clock.now())
    flash(gettext("已撤回。要再报，重新填一条就行。"))
    return redirect(url_for("awards.show", claim_id=claim_id))


@pages.post("/claims/<int:claim_id>/resend")
@audience("claims.file")
def send_again(claim_id: int) -> ResponseReturnValue:
    """Send a returned claim again with what was asked for."""
    who: Visitor = me()
    key = idempotency_key()
    form = Form(str(key))
    photos, files = uploads(form), uploads(form, "files")
    if not form.errors:
        try:
            wanted = ResendSchema().load(payload())
            at = clock.now()
            in_own_transaction(lambda: resend(who, claim_id, key=key, at=at, photos=photos, files=files, **wanted).id)
        except ValidationError as error:
            form.errors = {name: flat(found) for name, found in translated(error.messages).items()}
        except Refused as refusal:
            form.errors = {refusal.field: [sentence_of(refusal)]}
        else:
            flash(gettext("补好了，又交给社区看了。"))
            return redirect(url_for("awards.show", claim_id=claim_id))
    return show_claim(who, claim_id, form.errors), 422


@pages.get("/claims/photos/<int:photo_id>")
@audience("claims.file", "claims.see")
def photo(photo_id: int) -> Response:
    """A photo of a claim, to those who may see the claim."""
    return send_photo(photo_for(me(), photo_id))
