"""The JSON twins of appeals: file, withdraw, list, read, decide. Same verbs, same refusals as the pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Flask
from flask_smorest import Blueprint

from ... import clock
from ...db import in_own_transaction
from ...people.visitor import Visitor
from ...web import audience, idempotency_key, me, page_of
from ..queries import claim_for
from .filing import file_appeal, withdraw_appeal
from .models import Appeal
from .pages import decided
from .queries import Filed, Wanted, appeals_in_reach, appeals_of, chance_of, counts_of, filed_of
from .schemas import (
    AppealDecisionSchema,
    AppealOut,
    AppealsAskedSchema,
    AppealSchema,
    AppealsOut,
    ClaimAppealsOut,
    shown,
)

api = Blueprint("appeals_api", __name__, url_prefix="/api/v1", description="Appeals")

KEYED = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
            "description": "Made by the caller. Sent again with the same request it gives the first answer.",
        }
    ]
}


def today_of(who: Visitor) -> date:
    return clock.local_date(clock.now(), who.zone)


@api.get("/claims/<int:claim_id>/appeals")
@api.response(200, ClaimAppealsOut)
@audience("own", "appeals.see")
def of_claim(claim_id: int) -> dict[str, Any]:
    """The appeals of a claim one may see, and whether and until when it can be appealed."""
    who: Visitor = me()
    claim = claim_for(who, claim_id)
    chance = chance_of(who, claim, clock.now())
    return {
        "appeals": [shown(one, today_of(who)) for one in appeals_of(who.scheme_id, claim.id)],
        "can_appeal": chance.about is not None and chance.is_open and not claim.has_appeal,
        "about": chance.about,
        "until_on": chance.until_on,
    }


@api.post("/claims/<int:claim_id>/appeals")
@api.doc(**KEYED)
@api.arguments(AppealSchema)
@api.response(201, AppealOut)
@audience("own", "appeals.file_for")
def create(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """File an appeal about one's own claim, or on behalf with that person's words."""
    who, key, at = me(), idempotency_key(), clock.now()
    made = in_own_transaction(lambda: file_appeal(who, claim_id, words=wanted["words"], key=key, at=at).id)
    return shown(next(one for one in appeals_of(who.scheme_id, claim_id) if one.appeal.id == made), today_of(who))


@api.post("/appeals/<int:appeal_id>/withdraw")
@api.response(200, AppealOut)
@audience("own", "appeals.file_for")
def take_back(appeal_id: int) -> dict[str, Any]:
    """Take an open appeal back. Repeating it changes nothing."""
    who, at = me(), clock.now()
    claim_id = in_own_transaction(lambda: withdraw_appeal(who, appeal_id, at=at).claim_id)
    return shown(next(one for one in appeals_of(who.scheme_id, claim_id) if one.appeal.id == appeal_id), today_of(who))


@api.get("/appeals")
@api.arguments(AppealsAskedSchema, location="query")
@api.response(200, AppealsOut)
@audience("appeals.see")
def index(asked: dict[str, Any]) -> dict[str, Any]:
    """Appeals within reach, the nearest deadline first, with how many are open and overdue."""
    who: Visitor = me()
    today = today_of(who)
    page = page_of(
        appeals_in_reach(who, Wanted(asked["state"], asked["about"]), today),
        Appeal.decide_by,
        Appeal.id,
        shape=(date, int),
        descending=asked["state"] not in ("open", "overdue"),
        cursor=asked["after"],
        key_of=lambda row: (row[0].decide_by, row[0].id),
        scalars=False,
    )
    open_, overdue = counts_of(who, today)
    return {
        "appeals": [shown(Filed(*row), today) for row in page.rows],
        "open": open_,
        "overdue": overdue,
        "next": page.next,
    }


@api.get("/appeals/<int:appeal_id>")
@api.response(200, AppealOut)
@audience("appeals.see")
def item(appeal_id: int) -> dict[str, Any]:
    who: Visitor = me()
    return shown(filed_of(who, appeal_id), today_of(who))


@api.post("/appeals/<int:appeal_id>/decision")
@api.doc(**KEYED)
@api.arguments(AppealDecisionSchema)
@api.response(200, AppealOut)
@audience("appeals.decide")
def decide(wanted: dict[str, Any], appeal_id: int) -> dict[str, Any]:
    """Grant or refuse an appeal, with the reason that the claimant reads."""
    who, key, at = me(), idempotency_key(), clock.now()
    decided(who, appeal_id, wanted, key, at)
    return shown(filed_of(who, appeal_id), today_of(who))


def install(app: Flask) -> None:
    app.extensions["points_api"].register_blueprint(api)
