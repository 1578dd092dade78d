"""The JSON twins of claims: file, forecast, list, approve, reject, return. Same verbs, same refusals as the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from flask_smorest.fields import Upload
from marshmallow import Schema
from werkzeug.datastructures import FileStorage

from .. import clock
from ..db import in_own_transaction
from ..errors import NotAllowed
from ..files.actions import prepare_photo
from ..people.visitor import Visitor
from ..rulebook.assessment import Line as ReckoningLine
from ..rulebook.wording import said
from ..web import audience, idempotency_key, me, page_of
from ..web.api import register
from ..web.formats import listed, masked
from . import words
from .actions import file_claim, forecast
from .attaching import keep_photo
from .models import Claim
from .queries import Filter, Line, claims_of, line_of, photos_of, queue, steps_of
from .reviewing import approve, reject, send_back
from .schemas import (
    ApproveClaimSchema,
    ClaimPhotoOut,
    ClaimReasonSchema,
    ClaimsAskedSchema,
    DeedForecastOut,
    DeedSchema,
    FiledClaimsOut,
    ForecastSchema,
    WholeClaimOut,
    decided_points,
    forecast_of,
)

api = Blueprint("claims_api", __name__, url_prefix="/api/v1", description="Claims and approval")

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


class ClaimPhotoIn(Schema):
    photo = Upload(required=True)


@api.post("/claims")
@api.doc(**KEYED)
@api.arguments(DeedSchema)
@api.response(201, WholeClaimOut)
@audience("claims.file")
def create(wanted: dict[str, Any]) -> dict[str, Any]:
    """File a deed of one's own, or with `person_id` of somebody within reach."""
    who, key, at = me(), idempotency_key(), clock.now()
    return shown(who, in_own_transaction(lambda: file_claim(who, key=key, at=at, **wanted).id))


@api.post("/claims/forecast")
@api.arguments(ForecastSchema)
@api.response(200, DeedForecastOut)
@audience("claims.file")
def foresee(wanted: dict[str, Any]) -> dict[str, Any]:
    """What a deed would earn and why, line by line. Writes nothing."""
    who = me()
    seen = forecast(who, at=clock.now(), **forecast_of(wanted))
    return {
        "points": seen.points,
        "honour": seen.honour,
        "minutes": seen.minutes,
        "others": dict(seen.others),
        "notice_days": seen.notice_days,
        "credit": seen.credit,
        "usable_until": seen.mark,
        "bounds": list(seen.bounds) if seen.bounds else None,
        "can_be_sent": seen.can_be_sent,
        "lines": reckoned(seen.lines, seen.scale),
        "refusals": reckoned(seen.refusals, seen.scale),
        "needs": reckoned(seen.needs, seen.scale),
    }


@api.post("/claims/photos")
@api.doc(**KEYED)
@api.arguments(ClaimPhotoIn, location="files")
@api.response(201, ClaimPhotoOut)
@audience("claims.file")
def add_photo(files: dict[str, FileStorage]) -> dict[str, Any]:
    """Store a photo ahead of its claim. The same picture sent again gives the same id while no claim has it: what makes
    a repeat harmless is the picture, under whatever key."""
    idempotency_key({})
    who, prepared, at = me(), prepare_photo(files["photo"].stream), clock.now()
    return {"id": in_own_transaction(lambda: keep_photo(who, prepared, at))}


@api.get("/claims")
@api.arguments(ClaimsAskedSchema, location="query")
@api.response(200, FiledClaimsOut)
@audience("claims.file")
def claims(asked: dict[str, Any]) -> dict[str, Any]:
    """Claims, newest first: one's own and those one entered, or those in the areas one oversees."""
    who: Visitor = me()
    if asked["whose"] == "reach":
        if not who.reach("claims.see"):
            raise NotAllowed()
        query = queue(who, Filter(asked["state"], asked["kind"]))
    else:
        query = claims_of(who, Filter(asked["state"], asked["kind"]))
    page = page_of(
        query,
        Claim.made_at,
        Claim.id,
        shape=(datetime, int),
        descending=True,
        size=asked["size"],
        cursor=asked["after"],
        key_of=lambda row: (row[0].made_at, row[0].id),
        scalars=False,
    )
    found = [Line(*row) for row in page.rows]
    photos = photos_of(who.scheme_id, [line.claim.id for line in found])
    return {"claims": [plain(line, photos.get(line.claim.id, [])) for line in found], "next": page.next}


@api.get("/claims/<int:claim_id>")
@api.response(200, WholeClaimOut)
@audience("claims.file")
def show(claim_id: int) -> dict[str, Any]:
    """One claim with its steps and its reckoning."""
    return shown(me(), claim_id)


@api.post("/claims/<int:claim_id>/approve")
@api.doc(**KEYED)
@api.arguments(ApproveClaimSchema)
@api.response(200, WholeClaimOut)
@audience("claims.review", "claims.vote")
def approve_claim(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """Approve a waiting claim and credit it, exactly once."""
    who, key, at = me(), idempotency_key(), clock.now()
    wanted["points"] = decided_points(wanted["points"], who.points_scale)
    in_own_transaction(lambda: approve(who, claim_id, key=key, at=at, **wanted).id)
    return shown(who, claim_id)


@api.post("/claims/<int:claim_id>/reject")
@api.doc(**KEYED)
@api.arguments(ClaimReasonSchema)
@api.response(200, WholeClaimOut)
@audience("claims.review", "claims.vote")
def reject_claim(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """Refuse a claim; the claimant reads the reason."""
    who, key, at = me(), idempotency_key(), clock.now()
    in_own_transaction(lambda: reject(who, claim_id, key=key, at=at, **wanted).id)
    return shown(who, claim_id)


@api.post("/claims/<int:claim_id>/return")
@api.doc(**KEYED)
@api.arguments(ClaimReasonSchema)
@api.response(200, WholeClaimOut)
@audience("claims.review", "claims.vote")
def return_claim(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """Return a claim to be completed; the reason says what is missing."""
    who, key, at = me(), idempotency_key(), clock.now()
    in_own_transaction(lambda: send_back(who, claim_id, key=key, at=at, **wanted).id)
    return shown(who, claim_id)


# ---------------------------------------------------------------- how it is shown


def shown(who: Visitor, claim_id: int) -> dict[str, Any]:
    line = line_of(who, claim_id)
    steps = steps_of(who.scheme_id, [claim_id]).get(claim_id, [])
    return plain(line, photos_of(who.scheme_id, [claim_id]).get(claim_id, [])) | {
        "reckoning": words.kept_words(line.claim.outcome or line.claim.forecast),
        "steps": [{"step": s.step, "reason": s.reason, "at": s.at, "by": listed(s.by)} for s in steps],
    }


def plain(line: Line, photo_ids: list[int]) -> dict[str, Any]:
    claim = line.claim
    return {
        "id": claim.id,
        "person_id": claim.person_id,
        "person": masked(line.person),
        "rule": line.code,
        "title": line.title,
        "kind": line.kind,
        "version": line.version,
        "quantity": claim.quantity,
        "unit": line.unit,
        "done_on": claim.done_on,
        "done_at": claim.done_at,
        "place": claim.place,
        "note": claim.note,
        "source": claim.source,
        "state": claim.state,
        "reason": claim.state_reason,
        "forecast_points": claim.forecast["points"],
        "points": claim.points,
        "transfer_id": claim.transfer_id,
        "made_at": claim.made_at,
        "decided_at": claim.decided_at,
        "photo_ids": photo_ids,
        "team_id": claim.team_id,
        "confirmed_at": claim.helped_at,
        "sharers": claim.sharers,
        "subject": claim.subject,
        "act": claim.act,
        "record": claim.record,
        "choices": claim.choices or {},
        "stage": claim.stage or 0,
        "path": claim.path or [],
        "round": claim.round or 1,
        "due_on": claim.due_on,
    }


def reckoned(found: tuple[ReckoningLine, ...], scale: int) -> list[dict[str, Any]]:
    return [{"code": line.code, "text": said(line, scale), "change": line.change} for line in found]


def install(app: Flask) -> None:
    from . import correction_api, way_api

    with app.app_context():
        register(api)
        register(way_api.api)
        register(correction_api.api)
