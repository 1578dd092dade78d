"""What a claimant sees: the form with its forecast, one's own claims, one claim with its path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError
from sqlalchemy import select

from .. import clock
from ..db import db, in_own_transaction
from ..errors import NotFound
from ..files.actions import BadPhoto, Prepared, prepare_photo
from ..people.models import Person
from ..people.visitor import Visitor
from ..rulebook.queries import rule_by_id, rules_on
from ..rulebook.rules import Assessment, Rule
from ..web import audience, id_from, me
from ..web.formats import day, near_day, sentence_of, weekday
from ..web.request import idempotency_key, new_key, payload
from ..web.schemas import tidy
from ..web.sentences import translated
from . import words
from .actions import claim_by_key, file_claim, forecast
from .assessing import roles_of, rule_in_force
from .attaching import keep_photos, own_photos
from .claim_form import asked_of, teams_for
from .models import Claim, ClaimState
from .pages import pages
from .queries import (
    KINDS,
    beneficiary_for,
    can_be_claimed_for,
    seen_by_claimant,
)
from .rules import MAX_PHOTOS, Refused, TooManyPhotos, source_of, window_days
from .schemas import TIMES, DeedSchema, ForecastSchema, forecast_of
from .sending import BY_STAFF
from .settings import reviews_of

FIRST_CHOICES = 6
# Where the rules know no reports, telling the community what is wrong is a suggestion.
NEAREST = {"report": ("report", "suggestion")}
FIELDS = (
    *("rule", "quantity", "done_on", "done_at", "began", "place", "note", "person_id", "team_id", "helped", "sharers"),
    *("subject", "act", "record", "attended"),
)


@dataclass
class Form:
    """The claim form as it is shown: what was typed, what is wrong with it, what it would earn."""

    key: str
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    photo_ids: list[int] = field(default_factory=list)
    file_ids: list[int] = field(default_factory=list)
    grades: frozenset[str] = frozenset()
    forecast: words.Forecast | None = None


def today_of(who: Visitor) -> date:
    return clock.local_date(clock.now(), who.zone)


# ---------------------------------------------------------------- the form


@pages.get("/claims/new")
@audience("claims.file")
def new() -> ResponseReturnValue:
    """The form: for oneself, or with ``person`` for somebody within reach; ``on_behalf`` asks first for whom."""
    who: Visitor = me()
    person_id = id_from(request.args.get("person", ""))
    if person_id is None and (request.args.get("on_behalf") or who.may("claims.review")):
        if who.may("claims.file_for") and "self" not in request.args:
            return render_template("awards/find.html", found=None, sought="", layout=layout(who, True))
    kind = request.args.get("kind", "")
    return show_form(who, person_id, Form(new_key()), kind if kind in KINDS else "")


@pages.post("/claims/find")
@audience("claims.file_for")
def find() -> ResponseReturnValue:
    """People one may claim for. Posted, so that no name or phone stands in an address."""
    who: Visitor = me()
    sought = tidy(request.form.get("sought", ""), 40)
    found = can_be_claimed_for(who, sought)
    return render_template("awards/find.html", found=found, sought=sought, layout=layout(who, True))


@pages.post("/claims")
@audience("claims.file")
def create() -> ResponseReturnValue:
    """File the claim; or, without script, show its forecast. Photos are redrawn before the transaction begins."""
    who: Visitor = me()
    data = payload()
    asked = data.pop("do", "")
    key = idempotency_key(data)
    form = filled(str(key), data)
    person_id = named_person(data)
    photos, files = uploads(form), uploads(form, "files")
    wanted = loaded(data, form)
    if wanted is not None and asked == "forecast":
        foresee_into(who, form, wanted, len(photos), len(files))
    elif wanted is not None and not form.errors:
        try:
            at = clock.now()
            claim_id, state = in_own_transaction(
                lambda: sent(file_claim(who, key=key, at=at, photos=photos, files=files, **wanted))
            )
        except Refused as refusal:
            form.errors = {refusal.field: [sentence_of(refusal)]}
        else:
            if state == ClaimState.CONFIRMING:
                flash(gettext("交上来了。先等受助的那一位说一声，社区再看。"))
            else:
                flash(gettext("已交给社区。一般 3 天内看完，结果写在“明细”里。"))
            return redirect(url_for("awards.show", claim_id=claim_id))
    form.photo_ids = kept_photos(who, data.get("photo_ids", []), photos, key)
    form.file_ids = kept_photos(who, data.get("file_ids", []), files, key)
    return show_form(who, person_id, form), 422 if form.errors else 200


def sent(claim: Claim) -> tuple[int, str]:
    return claim.id, claim.state


@pages.post("/claims/forecast")
@audience("claims.file")
def foresee() -> ResponseReturnValue:
    """The forecast as the form's script asks for it, with each sentence in the reader's language. Writes nothing."""
    who: Visitor = me()
    wanted = forecast_of(ForecastSchema().load(payload()))
    seen = told(who, forecast(who, at=clock.now(), **wanted), wanted)
    lines = [{"icon": icon, "text": text} for icon, text in seen.lines]
    return {"big": seen.big, "lines": lines, "can_be_sent": seen.can_be_sent}


def told(who: Visitor, seen: Assessment, wanted: dict[str, Any]) -> words.Forecast:
    return words.forecast_words(
        seen,
        ruled(who, wanted),
        today_of(who),
        has_team=wanted.get("team_id") is not None,
        has_helped=bool(wanted.get("helped")),
    )


def ruled(who: Visitor, wanted: dict[str, Any]) -> Rule:
    """The rule that a deed names, of the version in force on its day. Raises NoSuchRule."""
    return rule_in_force(who.scheme_id, wanted["rule"], wanted["done_on"]).rule


def filled(key: str, data: dict[str, Any]) -> Form:
    """The form with what was typed, so that nothing is lost when it is shown again."""
    grades = data.get("grades", [])
    typed = {name: str(data.get(name, "")) for name in FIELDS}
    typed |= {name: str(value) for name, value in data.items() if name.startswith("coef-")}
    return Form(key, typed, grades=frozenset(map(str, grades if isinstance(grades, list) else [grades])))


def named_person(data: dict[str, Any]) -> int | None:
    return id_from(data.get("person_id"))


def loaded(data: dict[str, Any], form: Form) -> dict[str, Any] | None:
    try:
        wanted: dict[str, Any] = DeedSchema().load(data)
    except ValidationError as error:
        messages = translated(error.messages)
        form.errors |= {name: flat(found) for name, found in messages.items()}
        return None
    return wanted


def flat(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [sentence for one in found.values() for sentence in flat(one)]
    return [str(one) for one in found] if isinstance(found, list) else [str(found)]


def uploads(form: Form, name: str = "photos") -> list[Prepared]:
    """The photos (or signed papers) sent with the form, redrawn. What cannot be used becomes an error of the form."""
    files = [file for file in request.files.getlist(name) if file.filename]
    if len(files) > MAX_PHOTOS:
        form.errors[name] = [sentence_of(TooManyPhotos())]
        files = files[:MAX_PHOTOS]
    made = []
    for file in files:
        try:
            made.append(prepare_photo(file.stream))
        except BadPhoto as refusal:
            form.errors[name] = [sentence_of(refusal)]
    return made


def kept_photos(who: Visitor, ids: Any, photos: Sequence[Prepared], key: UUID) -> list[int]:
    """The photos of a form that is shown again: nothing that was chosen is lost."""
    given = [found for one in (ids if isinstance(ids, list) else [ids]) if (found := id_from(one))][:MAX_PHOTOS]
    try:
        mine = own_photos(who, given)
    except NotFound:
        mine = []
    fresh = list(photos)[: MAX_PHOTOS - len(mine)]
    if fresh and claim_by_key(who, key) is None:
        mine += in_own_transaction(lambda: keep_photos(who, fresh, clock.now()))
    return mine


def foresee_into(who: Visitor, form: Form, wanted: dict[str, Any], photos: int, files: int) -> None:
    try:
        seen = forecast(who, at=clock.now(), **forecast_of({**wanted, "photos": photos, "files": files}))
    except Refused as refusal:
        form.errors = {refusal.field: [sentence_of(refusal)]}
    else:
        form.forecast = told(who, seen, wanted)


def show_form(who: Visitor, person_id: int | None, form: Form, kind: str = "") -> str:
    person, _, as_staff = beneficiary_for(who, person_id)
    for_other = person.id != who.person_id
    first, rest = choices(who, person, source_of(not for_other, as_staff), form.typed.get("rule", ""), kind)
    codes = {one.code for one in (*first, *rest)}
    asked = {
        known.code: asked_of(known, for_other)
        for known in rules_on(who.scheme_id, today_of(who))
        if known.code in codes
    }
    return render_template(
        "awards/new.html",
        layout=layout(who, for_other),
        person=person if for_other else None,
        form=form,
        first=first,
        rest=rest,
        days=days(who),
        times=[(name, words.time_word(name)) for name in TIMES],
        most_photos=MAX_PHOTOS,
        asked=asked,
        teams=teams_for(who, for_other) if any("team_id" in one.fields for one in asked.values()) else [],
    )


def layout(who: Visitor, for_other: bool) -> str:
    """Staff at a desk claim for others in the console; everybody else on the phone."""
    return "web/console.html" if for_other and who.may("claims.review") else "web/resident.html"


def days(who: Visitor) -> list[tuple[str, str]]:
    """The days a deed may lie on, newest first: (ISO, words)."""
    today = today_of(who)
    found = []
    for back in range(window_days(who.settings) + 1):
        on = today - timedelta(days=back)
        near = near_day(on)
        said = f"{near}{gettext('，')}{day(on)} {weekday(on)}" if back < 2 else f"{day(on)} {weekday(on)}"
        found.append((on.isoformat(), said))
    return found


def choices(
    who: Visitor, person: Person, source: str, chosen: str, kind: str
) -> tuple[list[words.Choice], list[words.Choice]]:
    """The rules this person may earn by: the most likely first, the rest behind a fold."""
    roles = roles_of(who.scheme_id, person.id)
    may_deduct = source in BY_STAFF and reviews_of(who.settings).deductions_allowed
    open_to = [
        known
        for known in rules_on(who.scheme_id, today_of(who))
        if (not known.rule.roles or known.rule.roles & roles)
        and not known.rule.trust_in(source).refuse
        and (not known.rule.takes_away or may_deduct)
        and known.rule.trigger == "claim"
    ]
    recent = db.session.scalars(
        select(Claim.rule_id).where(seen_by_claimant(who)).order_by(Claim.made_at.desc(), Claim.id.desc()).limit(20)
    ).all()
    often = {rule_by_id(who.scheme_id, rule_id).code for rule_id in set(recent)}
    kinds = NEAREST.get(kind, (kind,))
    likely = sorted(
        open_to,
        key=lambda known: (
            kinds.index(known.kind) if known.kind in kinds else len(kinds),
            known.code not in often,
            known.place,
        ),
    )
    made = [words.choice_of(known) for known in likely]
    first, rest = made[:FIRST_CHOICES], made[FIRST_CHOICES:]
    if any(one.code == chosen for one in rest):
        first += [one for one in rest if one.code == chosen]
        rest = [one for one in rest if one.code != chosen]
    return first, rest
