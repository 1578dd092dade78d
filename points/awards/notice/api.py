"""The JSON twins of notices, objections and what is due: same verbs, same refusals as the pages. The public lists have
theirs beside the pages: ``/s/<code>/notice.json``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Flask
from flask_smorest import Blueprint

from ... import clock
from ...db import db, in_own_transaction
from ...people.models import Scheme
from ...people.sign_in import address
from ...people.visitor import Visitor
from ...web import SIGNED_IN, audience, idempotency_key, me, page_of
from ...web.api import register
from ...web.formats import listed
from ..models import Claim
from .edge import object_publicly
from .exceptions import drop, retry
from .listing import head, mask
from .models import Notice, Objection
from .objecting import Said, decide
from .queries import (
    Objected,
    Tally,
    entries_from,
    entries_of,
    notice_for,
    notices_in_reach,
    objections_in_reach,
    tallies,
    waiting_in_reach,
)
from .schemas import (
    DropSchema,
    DueAskedSchema,
    DueListOut,
    DueOut,
    NoticesAskedSchema,
    NoticesOut,
    ObjectionDecisionSchema,
    ObjectionOut,
    ObjectionReceiptOut,
    ObjectionsAskedSchema,
    ObjectionSchema,
    ObjectionsOut,
    PagedSchema,
    WholeNoticeOut,
)

api = Blueprint("notices_api", __name__, url_prefix="/api/v1", description="Public notice and objections")

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


# ---------------------------------------------------------------- notices


@api.get("/notices")
@api.arguments(NoticesAskedSchema, location="query")
@api.response(200, NoticesOut)
@audience("notices.see")
def notices(asked: dict[str, Any]) -> dict[str, Any]:
    """The notice lists of one's areas, the newest first."""
    who: Visitor = me()
    page = page_of(
        notices_in_reach(who, asked["state"]),
        Notice.opens_on,
        Notice.id,
        shape=(date, int),
        descending=True,
        size=asked["size"],
        cursor=asked["after"],
        key_of=lambda row: (row[0].opens_on, row[0].id),
        scalars=False,
    )
    found = tallies(who.scheme_id, {row[0].id for row in page.rows})
    return {"notices": [plain(row[0], row[1], found.get(row[0].id)) for row in page.rows], "next": page.next}


@api.get("/notices/<int:notice_id>")
@api.arguments(PagedSchema, location="query")
@api.response(200, WholeNoticeOut)
@audience("notices.see")
def notice(asked: dict[str, Any], notice_id: int) -> dict[str, Any]:
    """One list with a page of its awards, by place."""
    who: Visitor = me()
    found, area = notice_for(who, notice_id)
    page = page_of(
        entries_of(who.scheme_id, found.id),
        Claim.notice_place,
        Claim.id,
        shape=(int, int),
        size=asked["size"],
        cursor=asked["after"],
        key_of=lambda row: (row[0].notice_place or 0, row[0].id),
        scalars=False,
    )
    entries = [
        {
            "place": entry.place,
            "claim_id": entry.claim.id,
            "name": mask(entry),
            "grid": entry.grid,
            "title": entry.title,
            "day": entry.claim.done_on,
            "points": entry.points,
            "state": entry.claim.state,
        }
        for entry in entries_from(who.scheme_id, page.rows)
    ]
    tally = tallies(who.scheme_id, {found.id}).get(found.id)
    return plain(found, area, tally) | {"entries": entries, "next": page.next}


def plain(found: Notice, area: str, tally: Tally | None) -> dict[str, Any]:
    there = tally or Tally()
    days = {"opens_on": found.opens_on, "closes_on": found.closes_on}
    counts = {"awards": there.count, "points": there.points, "held": there.held}
    return {"id": found.id} | head(found, area) | days | counts


# ---------------------------------------------------------------- objections


@api.post("/notices/<number>/<int:place>/objections")
@api.doc(**KEYED)
@api.arguments(ObjectionSchema)
@api.response(201, ObjectionReceiptOut)
@audience(SIGNED_IN)
def object_now(wanted: dict[str, Any], number: str, place: int) -> Any:
    """Object to what stands at a place of a notice, as oneself. The award is held until somebody else has decided."""
    who, key, at = me(), idempotency_key(), clock.now()
    scheme = db.session.get_one(Scheme, who.scheme_id)
    said = Said(person_id=who.person_id, **wanted)
    return object_publicly(scheme, number, place, said, key=key, address=address(), at=at)


@api.get("/objections")
@api.arguments(ObjectionsAskedSchema, location="query")
@api.response(200, ObjectionsOut)
@audience("objections.see")
def objections(asked: dict[str, Any]) -> dict[str, Any]:
    """The objections in one's areas, the newest first."""
    page = page_of(
        objections_in_reach(me(), asked["state"]),
        Objection.made_at,
        Objection.id,
        shape=(datetime, int),
        descending=True,
        size=asked["size"],
        cursor=asked["after"],
        key_of=lambda row: (row[0].made_at, row[0].id),
        scalars=False,
    )
    return {"objections": [plain_objection(Objected(*row)) for row in page.rows], "next": page.next}


def plain_objection(row: Objected) -> dict[str, Any]:
    objection = row.objection
    return {
        "id": objection.id,
        "number": objection.number,
        "state": objection.state,
        "made_at": objection.made_at,
        "notice": row.notice.number,
        "place": row.claim.notice_place,
        "claim_id": row.claim.id,
        "person": listed(row.person),
        "title": row.title,
        "words": objection.words,
        "decided_at": objection.decided_at,
        "reason": objection.decided_reason,
    }


def decided(objection_id: int, reason: str, *, uphold: bool) -> dict[str, Any]:
    who, key, at = me(), idempotency_key(), clock.now()
    in_own_transaction(lambda: decide(who, objection_id, uphold=uphold, reason=reason, key=key, at=at).id)
    row = db.session.execute(objections_in_reach(who, "all").where(Objection.id == objection_id)).one()
    return plain_objection(Objected(*row))


@api.post("/objections/<int:objection_id>/uphold")
@api.doc(**KEYED)
@api.arguments(ObjectionDecisionSchema)
@api.response(200, ObjectionOut)
@audience("objections.decide")
def uphold_objection(wanted: dict[str, Any], objection_id: int) -> dict[str, Any]:
    """Uphold it: the award falls, its caps are given back, both sides read the reason."""
    return decided(objection_id, wanted["reason"], uphold=True)


@api.post("/objections/<int:objection_id>/dismiss")
@api.doc(**KEYED)
@api.arguments(ObjectionDecisionSchema)
@api.response(200, ObjectionOut)
@audience("objections.decide")
def dismiss_objection(wanted: dict[str, Any], objection_id: int) -> dict[str, Any]:
    """Set it aside: the award goes on, never sooner than its notice ends."""
    return decided(objection_id, wanted["reason"], uphold=False)


# ---------------------------------------------------------------- what is due


@api.get("/due")
@api.arguments(DueAskedSchema, location="query")
@api.response(200, DueListOut)
@audience("due.see")
def due(asked: dict[str, Any]) -> dict[str, Any]:
    """Granted awards that are not credited yet: stuck, waiting for their day, on notice, held."""
    page = page_of(
        waiting_in_reach(me(), asked["state"]),
        Claim.due_on,
        Claim.id,
        shape=(date, int),
        size=asked["size"],
        cursor=asked["after"],
        key_of=lambda row: (row[0].due_on, row[0].id),
        scalars=False,
    )
    return {"awards": [plain_due(*row) for row in page.rows], "next": page.next}


def plain_due(claim: Claim, person: str, _household: int | None, title: str, number: str | None) -> dict[str, Any]:
    return {
        "claim_id": claim.id,
        "person": listed(person),
        "title": title,
        "state": claim.state,
        "points": (claim.outcome or {}).get("points", 0),
        "due_on": claim.due_on,
        "notice": number,
        "reason": claim.state_reason if claim.state == "stuck" else "",
    }


def shown(who: Visitor, claim_id: int) -> dict[str, Any]:
    claim = db.session.get_one(Claim, (who.scheme_id, claim_id))
    return {"claim_id": claim.id, "state": claim.state, "due_on": claim.due_on, "reason": claim.state_reason}


@api.post("/due/<int:claim_id>/retry")
@api.doc(**KEYED)
@api.response(200, DueOut)
@audience("due.settle")
def retry_now(claim_id: int) -> dict[str, Any]:
    """Try again now to credit what was stuck; the answer says whether it still is."""
    who, at = me(), clock.now()
    idempotency_key({})
    in_own_transaction(lambda: retry(who, claim_id, at=at).id)
    return shown(who, claim_id)


@api.post("/due/<int:claim_id>/drop")
@api.doc(**KEYED)
@api.arguments(DropSchema)
@api.response(200, DueOut)
@audience("due.settle")
def drop_now(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """Give up what cannot be credited, with the reason the claimant reads."""
    who, key, at = me(), idempotency_key(), clock.now()
    in_own_transaction(lambda: drop(who, claim_id, reason=wanted["reason"], key=key, at=at).id)
    return shown(who, claim_id)


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
