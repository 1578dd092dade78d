"""The JSON twins of corrections: ask, list, read, confirm, refuse. Same verbs, same refusals as the pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_smorest import Blueprint

from .. import clock
from ..db import db, in_own_transaction
from ..people.visitor import Visitor
from ..web import audience, idempotency_key, me, page_of
from ..web.formats import listed
from .api import KEYED
from .correcting import ask_correction, confirm_correction, refuse_correction
from .correction_queries import Asked, asked_of, corrections_in_reach, missing_of, refusals_of
from .models import Correction, CorrectionState
from .queries import line_of
from .queue_schemas import CorrectionOut, CorrectionsAskedSchema, CorrectionsOut
from .schemas import ClaimReasonSchema

api = Blueprint("corrections_api", __name__, url_prefix="/api/v1", description="A wrong award, put right by two")

MOST_OF_ONE = 200  # refused ones pile up only by asking again and again


@api.post("/claims/<int:claim_id>/corrections")
@api.doc(**KEYED)
@api.arguments(ClaimReasonSchema)
@api.response(201, CorrectionOut)
@audience("corrections.ask")
def ask(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """Ask for an award to be taken back. Nothing moves until another person confirms."""
    who, key, at = me(), idempotency_key(), clock.now()
    return shown(who, in_own_transaction(lambda: ask_correction(who, claim_id, key=key, at=at, **wanted).id))


@api.get("/claims/<int:claim_id>/corrections")
@api.response(200, CorrectionsOut)
@audience("claims.see")
def of_claim(claim_id: int) -> dict[str, Any]:
    """What was asked about one award, oldest first; at most one of them waits or was carried out."""
    who: Visitor = me()
    line_of(who, claim_id)
    query = corrections_in_reach(who, "all").where(Correction.claim_id == claim_id)
    rows = db.session.execute(query.order_by(Correction.asked_at, Correction.id).limit(MOST_OF_ONE))
    return {"corrections": plain(who, [Asked(*row) for row in rows]), "next": None}


@api.get("/corrections")
@api.arguments(CorrectionsAskedSchema, location="query")
@api.response(200, CorrectionsOut)
@audience("corrections.confirm")
def index(asked: dict[str, Any]) -> dict[str, Any]:
    """Corrections within reach: those that wait oldest first, those decided latest first."""
    who: Visitor = me()
    page = page_of(
        corrections_in_reach(who, asked["state"], asked["text"]),
        Correction.asked_at,
        Correction.id,
        shape=(datetime, int),
        descending=asked["state"] != CorrectionState.ASKED,
        size=asked["size"],
        cursor=asked["after"],
        key_of=lambda row: (row[0].asked_at, row[0].id),
        scalars=False,
    )
    return {"corrections": plain(who, [Asked(*row) for row in page.rows]), "next": page.next}


@api.get("/corrections/<int:correction_id>")
@api.response(200, CorrectionOut)
@audience("corrections.confirm")
def item(correction_id: int) -> dict[str, Any]:
    """One correction, and whether the caller may decide about it."""
    return shown(me(), correction_id)


@api.post("/corrections/<int:correction_id>/confirm")
@api.doc(**KEYED)
@api.response(200, CorrectionOut)
@audience("corrections.confirm")
def confirm(correction_id: int) -> dict[str, Any]:
    """Reverse the award: never by whoever asked. The original stays on the books."""
    who, key, at = me(), idempotency_key(), clock.now()
    return shown(who, in_own_transaction(lambda: confirm_correction(who, correction_id, key=key, at=at).id))


@api.post("/corrections/<int:correction_id>/refuse")
@api.doc(**KEYED)
@api.arguments(ClaimReasonSchema)
@api.response(200, CorrectionOut)
@audience("corrections.confirm")
def refuse(wanted: dict[str, Any], correction_id: int) -> dict[str, Any]:
    """Leave the award as it is, with the reason. Repeating it changes nothing."""
    who, at = me(), clock.now()
    idempotency_key()
    return shown(who, in_own_transaction(lambda: refuse_correction(who, correction_id, at=at, **wanted).id))


# ---------------------------------------------------------------- how it is shown


def shown(who: Visitor, correction_id: int) -> dict[str, Any]:
    return plain(who, [asked_of(who, correction_id)])[0]


def plain(who: Visitor, rows: Sequence[Asked]) -> list[dict[str, Any]]:
    """Corrections as the API gives them: names masked."""
    barred, missing = refusals_of(who, rows, clock.now()), missing_of(who, rows)
    return [
        {
            "id": row.correction.id,
            "claim_id": row.correction.claim_id,
            "person": listed(row.person),
            "title": row.title,
            "done_on": row.claim.done_on,
            "points": row.claim.points,
            "missing_points": missing.get(row.correction.id, 0),
            "state": row.correction.state,
            "standing": barred[row.correction.id].code if row.correction.id in barred else "",
            "reason": row.correction.reason,
            "asked_by": listed(row.asked_by),
            "asked_at": row.correction.asked_at,
            "decided_by": listed(row.decided_by) if row.decided_by else None,
            "decided_at": row.correction.decided_at,
            "decided_reason": row.correction.decided_reason,
            "transfer_id": row.correction.transfer_id,
        }
        for row in rows
    ]
