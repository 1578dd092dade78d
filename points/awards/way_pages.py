"""Pages beside the review: "what would this earn?", the helped person's word, what the officer sets."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError
from sqlalchemy import select

from .. import clock
from ..db import db, in_own_transaction, is_id
from ..errors import DomainError, NotFound
from ..people.models import Area, Person
from ..people.visitor import Visitor, within
from ..rulebook.queries import rule_by_id, rules_on
from ..web import audience, me
from ..web.errors import status_of
from ..web.formats import sentence_of
from ..web.request import idempotency_key, new_key, payload
from ..web.schemas import tidy
from ..web.sentences import translated
from . import words
from .actions import forecast
from .assessing import roles_of
from .claim_form import asked_of, further_words, reviewers_picks
from .claim_pages import days, flat, layout, ruled, today_of
from .confirming import confirm, confirm_on_paper, deny
from .models import Claim, ClaimState
from .pages import pages
from .queries import beneficiary_for
from .rules import Refused, source_of
from .schemas import ForecastSchema, ReviewSettingsSchema, forecast_of
from .sending import BY_STAFF
from .settings import BOUNDS, ReviewSettings, can_change, change_settings, reviews_of


@pages.context_processor
def in_further_words() -> dict[str, Any]:
    return {"further_words": further_words, "reviewers_picks": reviewers_picks}


# ---------------------------------------------------------------- what would this earn?


@pages.get("/claims/preview")
@audience("claims.file")
def preview() -> ResponseReturnValue:
    """Which deed, how much, which day: to be answered line by line. Staff may name a resident."""
    return preview_page(me(), None, {"rule": request.args.get("rule", "")[:40]}, {}, None)


@pages.post("/claims/preview")
@audience("claims.file")
def preview_now() -> ResponseReturnValue:
    """What a deed would earn, line by line, before anything is done or claimed. Posted, so that no number of a person
    stands in an address. Writes nothing."""
    who: Visitor = me()
    data = payload()
    typed = {name: str(value) for name, value in data.items()}
    told = data.get("grades", [])
    grades = frozenset(map(str, told if isinstance(told, list) else [told]))
    errors: dict[str, list[str]] = {}
    seen = None
    person_id = numbered(who, tidy(str(data.pop("number", "")), 40), errors)
    if not errors:
        try:
            wanted = forecast_of(ForecastSchema().load(data | {"person_id": person_id}))
            # Photos, papers and words come with the claim: here only the reckoning is asked for.
            wanted |= {"photos": 4, "files": 4, "note": "-", "place": "-", "record": "-", "helped": "-"}
            wanted["attended"] = True
            seen = words.forecast_words(forecast(who, at=clock.now(), **wanted), ruled(who, wanted), today_of(who))
        except ValidationError as error:
            errors = {name: flat(found) for name, found in translated(error.messages).items()}
        except Refused as refusal:
            errors = {refusal.field: [sentence_of(refusal)]}
    return preview_page(who, person_id, typed, errors, seen, grades), 422 if errors else 200


def preview_page(
    who: Visitor,
    person_id: int | None,
    typed: dict[str, str],
    errors: dict[str, list[str]],
    seen: words.Forecast | None,
    grades: frozenset[str] = frozenset(),
) -> str:
    person, _, as_staff = beneficiary_for(who, person_id)
    rules = rules_for(who, person, as_staff)
    asked = {one["choice"].code: one["asked"] for one in rules}
    return render_template(
        "awards/preview.html",
        layout=layout(who, who.may("claims.review")),
        rules=rules,
        asked=asked,
        first_asked=next(iter(asked.values()), None),
        days=days(who),
        typed=typed,
        grades=grades,
        errors=errors,
        seen=seen,
    )


def numbered(who: Visitor, number: str, errors: dict[str, list[str]]) -> int | None:
    """The resident of this number within reach; the visitor when none is named."""
    if not number or not who.may("claims.file_for"):
        return None
    found = db.session.scalar(
        select(Person.id)
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .where(Person.scheme_id == who.scheme_id, Person.number == number, Person.disabled_at.is_(None))
        .where(within(Area.path, who.reach("claims.file_for")))
    )
    if found is None:
        errors["number"] = [gettext("在您管的地方没有这个编号。请核对一下。")]
    return found


def rules_for(who: Visitor, person: Person, as_staff: bool) -> list[dict[str, Any]]:
    """The rules in force that this person may earn by, with what each asks."""
    roles, for_other = roles_of(who.scheme_id, person.id), person.id != who.person_id
    source = source_of(not for_other, as_staff)
    may_deduct = source in BY_STAFF and reviews_of(who.settings).deductions_allowed
    return [
        {"choice": words.choice_of(known), "asked": asked_of(known, for_other)}
        for known in rules_on(who.scheme_id, today_of(who))
        if (not known.rule.roles or known.rule.roles & roles)
        and not known.rule.trust_in(source).refuse
        and (may_deduct or not known.rule.takes_away)
    ]


# ---------------------------------------------------------------- the helped person's word


@pages.get("/claims/<int:claim_id>/confirm")
@audience("claims.file")
def confirming(claim_id: int) -> ResponseReturnValue:
    """What somebody says to have done for this visitor: was it so?"""
    return confirm_page(me(), claim_id, "")


@pages.post("/claims/<int:claim_id>/confirm")
@audience("claims.file")
def give_word(claim_id: int) -> ResponseReturnValue:
    """Yes, it was so; or no, with words."""
    who: Visitor = me()
    key, at = idempotency_key(), clock.now()
    reason = tidy(request.form.get("reason", ""), 200)
    try:
        if request.form.get("do") == "deny":
            in_own_transaction(lambda: deny(who, claim_id, reason=reason, key=key, at=at).id)
        else:
            in_own_transaction(lambda: confirm(who, claim_id, key=key, at=at).id)
    except NotFound:
        raise
    except DomainError as error:
        return confirm_page(who, claim_id, sentence_of(error)), status_of(error)
    flash(gettext("谢谢您，记下了。"))
    return redirect(url_for("awards.confirming", claim_id=claim_id))


def confirm_page(who: Visitor, claim_id: int, error: str) -> str:
    claim = None
    if is_id(claim_id):
        claim = db.session.scalar(
            select(Claim).where(
                Claim.scheme_id == who.scheme_id, Claim.id == claim_id, Claim.helped_id == who.person_id
            )
        )
    if claim is None:
        raise NotFound()
    person = db.session.get_one(Person, (claim.scheme_id, claim.person_id))
    return render_template(
        "awards/confirm.html",
        claim=claim,
        known=rule_by_id(who.scheme_id, claim.rule_id),
        person=person,
        is_open=claim.state == ClaimState.CONFIRMING,
        error=error,
        key=new_key(),
    )


@pages.post("/queue/<int:claim_id>/confirm")
@audience("claims.review")
def record_word(claim_id: int) -> ResponseReturnValue:
    """Staff record the helped person's word from paper, with how it was given."""
    who: Visitor = me()
    key, at, note = idempotency_key(), clock.now(), tidy(request.form.get("note", ""), 200)
    try:
        in_own_transaction(lambda: confirm_on_paper(who, claim_id, note=note, key=key, at=at).id)
    except NotFound:
        raise
    except DomainError as error:
        flash(sentence_of(error), "bad")
    else:
        flash(gettext("记下了，这一条可以审了。"))
    return redirect(url_for("awards.item", claim_id=claim_id))


# ---------------------------------------------------------------- what the officer sets


@pages.get("/review-settings")
@audience("claims.review")
def settings() -> ResponseReturnValue:
    """What the scheme has set about reviews, appeals and deductions; the officer of the whole scheme changes it."""
    return settings_page(me(), reviews_of(me().settings), {})


@pages.post("/review-settings")
@audience("rulebook.load")
def set_settings() -> ResponseReturnValue:
    """Keep what was typed; switching deductions on asks for a word that it is meant."""
    who: Visitor = me()
    at, data = clock.now(), payload()
    data.pop("key", None)
    for one in fields(ReviewSettings):
        if isinstance(one.default, bool):
            data[one.name] = data.get(one.name) == "true"
    data["knows"] = data.get("knows") == "true"
    try:
        wanted = ReviewSettingsSchema().load(data)
        knows = wanted.pop("knows")
        made = ReviewSettings(**{**asdict(reviews_of(who.settings)), **wanted})
        in_own_transaction(lambda: change_settings(who, made, knows=knows, at=at))
    except ValidationError as error:
        errors = {name: flat(found) for name, found in translated(error.messages).items()}
        return settings_page(who, data, errors), 422
    except DomainError as error:
        return settings_page(who, data, {"deductions_allowed": [sentence_of(error)]}), status_of(error)
    flash(gettext("保存好了，从现在起照这样办。"))
    return redirect(url_for("awards.settings"))


def settings_page(who: Visitor, shown: ReviewSettings | dict[str, Any], errors: dict[str, list[str]]) -> str:
    values = asdict(shown) if isinstance(shown, ReviewSettings) else asdict(reviews_of(who.settings)) | shown
    return render_template(
        "awards/settings.html",
        values=values,
        errors=errors,
        can_change=can_change(who),
        bounds=BOUNDS,
        was_allowed=reviews_of(who.settings).deductions_allowed,
        key=new_key(),
    )
