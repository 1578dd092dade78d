"""Appeals on pages: the claimant's own, filed on behalf at the counter, and the reader's list and decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Flask, Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from ... import clock
from ...db import db, in_own_transaction
from ...errors import DomainError, NotFound
from ...people.visitor import Visitor
from ...rulebook.queries import rule_by_id
from ...web import audience, idempotency_key, in_transaction, me, page_of
from ...web.audience import visitor
from ...web.errors import status_of
from ...web.formats import iso_local, listed, numeric, sentence_of
from ...web.request import new_key, payload
from ...web.schemas import tidy
from ...web.sentences import translated
from ...web.tables import csv_answer, xlsx_answer
from .. import words as claim_words
from ..models import Claim
from ..pages import in_words
from ..queries import line_of, photos_of, steps_of
from ..schemas import decided_points
from . import words
from .deciding import grant_appeal, reader_refusal, refuse_appeal
from .filing import file_appeal, withdraw_appeal
from .models import About, Appeal
from .queries import (
    SHOWN,
    Chance,
    Filed,
    Wanted,
    appeals_in_reach,
    appeals_of,
    chance_of,
    counted,
    counts_of,
    fileable,
    filed_of,
    overdue_count,
)
from .schemas import AppealDecisionSchema, AppealSchema

pages = Blueprint("appeals", __name__)
pages.context_processor(in_words)
PAGE = 30
MOST_EXPORTED = 20_000


def today_of(who: Visitor) -> date:
    return clock.local_date(clock.now(), who.zone)


# ---------------------------------------------------------------- the claimant's side


@dataclass(frozen=True)
class Standing:
    """What a claim's page says of appeals: the ones there were, and whether one can be filed now."""

    filed: list[Filed]
    chance: Chance
    today: date
    can_file: bool

    @property
    def open(self) -> Filed | None:
        return next((one for one in self.filed if one.appeal.state == "open"), None)


def appeal_standing(claim: Claim) -> Standing:
    """For the page of a claim, which the visitor may see."""
    who: Visitor = me()
    mine = claim.person_id == who.person_id
    may = mine or who.may_in("appeals.file_for", claim.area_path)
    filed = appeals_of(who.scheme_id, claim.id)
    chance = chance_of(who, claim, clock.now())
    can_file = may and chance.about is not None and chance.is_open and not claim.has_appeal
    return Standing(filed, chance, today_of(who), can_file)


@pages.get("/claims/<int:claim_id>/appeal")
@audience("own", "appeals.file_for")
def new(claim_id: int) -> ResponseReturnValue:
    """The form, with the decision it is about and the last day to file."""
    return show_form(me(), claim_id, new_key(), "", [])


@pages.post("/claims/<int:claim_id>/appeal")
@audience("own", "appeals.file_for")
def create(claim_id: int) -> ResponseReturnValue:
    """File an appeal: one's own, or on behalf with that person's words."""
    who: Visitor = me()
    key, at = idempotency_key(), clock.now()
    typed = request.form.get("words", "")
    try:
        wanted = AppealSchema().load(payload())
        in_own_transaction(lambda: file_appeal(who, claim_id, words=wanted["words"], key=key, at=at).id)
    except NotFound:
        raise
    except ValidationError as error:
        found = [str(one) for some in translated(error.messages_dict).values() for one in some]
        return show_form(who, claim_id, str(key), typed, found), 422
    except DomainError as refusal:
        return show_form(who, claim_id, str(key), typed, [sentence_of(refusal)]), status_of(refusal)
    flash(gettext("申诉交上去了。会请一位没有经手过的人来看，有了结果在消息里告诉您。"))
    return redirect(after(who, claim_id))


@pages.post("/appeals/<int:appeal_id>/withdraw")
@in_transaction
@audience("own", "appeals.file_for")
def take_back(appeal_id: int) -> ResponseReturnValue:
    who: Visitor = me()
    claim_id = withdraw_appeal(who, appeal_id, at=clock.now()).claim_id
    flash(gettext("申诉撤回了，原来的决定不变。"))
    return redirect(after(who, claim_id))


def after(who: Visitor, claim_id: int) -> str:
    """Back to the claim, where whoever filed sees it."""
    claim = fileable(who, claim_id)
    if claim.person_id == who.person_id:
        return url_for("awards.show", claim_id=claim_id)
    return url_for("awards.item", claim_id=claim_id)


def show_form(who: Visitor, claim_id: int, key: str, typed: str, errors: list[str]) -> str:
    claim = fileable(who, claim_id)
    line = line_of(who, claim_id)
    for_other = claim.person_id != who.person_id
    return render_template(
        "appeals/new.html",
        layout="web/console.html" if for_other else "web/resident.html",
        claim=claim,
        line=line,
        for_other=for_other,
        standing=appeal_standing(claim),
        about_words=words.ABOUT_WORDS,
        key=key,
        typed=typed,
        errors={"words": errors} if errors else {},
    )


# ---------------------------------------------------------------- the readers' side


def wanted_now() -> Wanted:
    """The filter of this address; what it does not know is as if it were not there. The search is in the session."""
    state, about = request.args.get("state", ""), request.args.get("about", "")
    return Wanted(
        state=state if state in SHOWN else "open",
        about=about if about in list(About) else "",
        text=str(session.get("appeals_text", "")),
    )


@pages.get("/appeals")
@audience("appeals.see")
def index() -> ResponseReturnValue:
    """What is to be answered, the nearest deadline first; what was answered, the latest first."""
    who: Visitor = me()
    wanted, today = wanted_now(), today_of(who)
    page = page_of(
        appeals_in_reach(who, wanted, today),
        Appeal.decide_by,
        Appeal.id,
        shape=(date, int),
        descending=wanted.state not in ("open", "overdue"),
        size=PAGE,
        key_of=lambda row: (row[0].decide_by, row[0].id),
        scalars=False,
    )
    open_, overdue = counts_of(who, today)
    return render_template(
        "appeals/index.html",
        page=page,
        rows=[Filed(*row) for row in page.rows],
        wanted=wanted,
        today=today,
        open=open_,
        overdue=overdue,
        states=words.STATE_WORDS,
        about_words=words.ABOUT_WORDS,
        appeal_badges=words.BADGES,
    )


@pages.post("/appeals/search")
@audience("appeals.see")
def search() -> ResponseReturnValue:
    """What is searched for may be a name: it is kept in the session, never in an address."""
    session["appeals_text"] = tidy(request.form.get("text", ""), 40)
    kept = {name: value for name in ("state", "about") if (value := request.form.get(name, "")[:20])}
    return redirect(url_for("appeals.index", **kept))


@pages.get("/appeals/export")
@audience("appeals.see")
def export() -> Response:
    """The filtered list, whole, for a spreadsheet: names masked."""
    who: Visitor = me()
    found = db.session.execute(
        appeals_in_reach(who, wanted_now(), today_of(who)).order_by(Appeal.decide_by, Appeal.id).limit(MOST_EXPORTED)
    )
    header = [gettext(one) for one in words.HEADER]
    body = [export_row(Filed(*row), who.points_scale) for row in found]
    name = gettext("申诉_%(day)s", day=today_of(who).isoformat())
    return xlsx_answer(name, header, body) if request.args.get("format") == "xlsx" else csv_answer(name, header, body)


def export_row(one: Filed, scale: int) -> list[Any]:
    appeal = one.appeal

    def amount(minor: int | None) -> Any:
        return "" if minor is None else numeric(minor, scale)

    return [
        one.person_number,
        listed(one.person),
        one.title,
        gettext(words.ABOUT_WORDS[About(appeal.about)]),
        appeal.words,
        iso_local(appeal.filed_at).replace("T", " "),
        listed(one.filer),
        appeal.decide_by.isoformat(),
        gettext(words.BADGES[appeal.state][2]),  # type: ignore[index]
        appeal.decided_reason,
        listed(one.reader),
        iso_local(appeal.decided_at).replace("T", " "),
        amount(appeal.points_before),
        amount(appeal.points_after),
    ]


@pages.get("/appeals/<int:appeal_id>")
@audience("appeals.see")
def item(appeal_id: int) -> ResponseReturnValue:
    """One appeal with all that was known and decided, and the form for whoever may read it."""
    return show_item(me(), appeal_id, new_key(), {}, "")


@pages.post("/appeals/<int:appeal_id>")
@audience("appeals.decide")
def decide(appeal_id: int) -> ResponseReturnValue:
    """Grant or refuse, with the reason in writing."""
    who: Visitor = me()
    key, at = idempotency_key(), clock.now()
    try:
        wanted = AppealDecisionSchema().load(payload())
        granted = decided(who, appeal_id, wanted, key, at)
    except NotFound:
        raise
    except ValidationError as error:
        found = translated(error.messages_dict)
        sentence = " ".join(str(one) for some in found.values() for one in (some if isinstance(some, list) else [some]))
        return show_item(who, appeal_id, str(key), request.form, sentence), 422
    except DomainError as refusal:
        return show_item(who, appeal_id, str(key), request.form, sentence_of(refusal)), status_of(refusal)
    flash(gettext("申诉成立，已经改过来了，也告诉了本人。") if granted else gettext("维持原来的决定，已经告诉本人。"))
    return redirect(url_for("appeals.index"))


def decided(who: Visitor, appeal_id: int, wanted: dict[str, Any], key: Any, at: Any) -> bool:
    """Carry a decision out in a transaction of its own; whether it was granted."""
    if wanted["do"] == "refuse":
        in_own_transaction(lambda: refuse_appeal(who, appeal_id, reason=wanted["reason"], key=key, at=at).id)
        return False
    points = decided_points(wanted["points"], who.points_scale)
    in_own_transaction(
        lambda: (
            grant_appeal(
                who,
                appeal_id,
                reason=wanted["reason"],
                points=points,
                outcome=wanted["outcome"],
                key=key,
                at=at,
            ).id
        )
    )
    return True


def show_item(who: Visitor, appeal_id: int, key: str, typed: Any, error: str) -> str:
    filed = filed_of(who, appeal_id)
    claim = filed.claim
    refusal = reader_refusal(who, filed.appeal, claim) if who.may("appeals.decide") else None
    return render_template(
        "appeals/item.html",
        filed=filed,
        appeal=filed.appeal,
        claim=claim,
        line=line_of(who, claim.id),
        known=rule_by_id(who.scheme_id, claim.rule_id),
        steps=steps_of(who.scheme_id, [claim.id]).get(claim.id, []),
        photo_ids=photos_of(who.scheme_id, [claim.id]).get(claim.id, []),
        reckoning=claim_words.kept_words(claim.outcome or claim.forecast),
        standing=sentence_of(refusal) if isinstance(refusal, DomainError) else "",
        today=today_of(who),
        about_words=words.ABOUT_WORDS,
        appeal_badges=words.BADGES,
        key=key,
        typed=typed,
        error=error,
    )


# ---------------------------------------------------------------- on other pages


def rail_count(who: Visitor) -> dict[str, int]:
    return {"appeals.index": counted(who)} if who.reach("appeals.see") else {}


def overdue_appeals() -> int:
    """For the first screen of officers and staff: how many appeals should have been answered by now."""
    who: Visitor | None = visitor()
    return overdue_count(who, today_of(who)) if who is not None and who.reach("appeals.see") else 0


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.extensions.setdefault("rail_counts", []).append(rail_count)
    app.jinja_env.globals.update(
        appeal_standing=appeal_standing, overdue_appeals=overdue_appeals, appeal_badges=words.BADGES
    )
