"""The JSON twins of the queue: the list, bulk approval, second readings, reasons. Same verbs as the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask
from flask_smorest import Blueprint

from .. import clock
from ..db import in_own_transaction
from ..people.visitor import Visitor
from ..web import audience, idempotency_key, me, page_of
from ..web.api import register
from ..web.formats import listed
from .api import KEYED, plain
from .models import SampledReview, Step
from .queries import photos_of
from .queue_bulk import approve_many, counts_of
from .queue_filter import QueueFilter
from .queue_items import plain_hints, rows_of
from .queue_queries import lines_in_order, queue_page, samples_for, waiting
from .queue_reason_pages import carried_out
from .queue_reasons import reasons_of
from .queue_schemas import (
    AgreementAskedSchema,
    AgreementOut,
    BulkOut,
    BulkSchema,
    QueueAskedSchema,
    QueueOut,
    ReadingSchema,
    ReasonChangeSchema,
    ReasonsOut,
    SampleOut,
    SamplesAskedSchema,
    SamplesOut,
)
from .sampling import agreement_of, read_sample

api = Blueprint("queue_api", __name__, url_prefix="/api/v1", description="The reviewers' queue")


@api.get("/queue")
@api.arguments(QueueAskedSchema, location="query")
@api.response(200, QueueOut)
@audience("claims.review")
def queue(asked: dict[str, Any]) -> dict[str, Any]:
    """A page of the queue: what waits longest first, what is decided latest first."""
    who: Visitor = me()
    at, after, size = clock.now(), asked.pop("after"), asked.pop("size")
    for name in ("least", "most"):
        if asked[name] is not None:
            asked[name] = int(asked[name] * 10**who.points_scale)
    found, following = queue_page(who, QueueFilter(**asked), at, size=size, cursor=after)
    photos = photos_of(who.scheme_id, [line.claim.id for line in found])
    there = waiting(who, at)
    return {
        "claims": [
            plain(row.line, photos.get(row.line.claim.id, []))
            | {
                "standing": row.standing,
                "stage": row.line.claim.stage + 1,
                "stage_title": row.step,
                "hints": plain_hints(row.hints),
            }
            for row in rows_of(who, found, at)
        ],
        "next": following,
        "waiting": there.total.number,
        "odd": there.odd.number,
    }


@api.post("/queue/bulk")
@api.doc(**KEYED)
@api.arguments(BulkSchema)
@api.response(200, BulkOut)
@audience("claims.review")
def bulk(wanted: dict[str, Any]) -> dict[str, Any]:
    """Approve up to 500 claims as they stand. The odd ones are held back; of the refused it says why."""
    who, key, at = me(), idempotency_key(), clock.now()
    results = approve_many(who, wanted["ids"], key=key, at=at)
    return {"counts": counts_of(results), "results": results}


@api.get("/queue/samples")
@api.arguments(SamplesAskedSchema, location="query")
@api.response(200, SamplesOut)
@audience("claims.review")
def samples(asked: dict[str, Any]) -> dict[str, Any]:
    """The approved awards that were drawn for a second reader and that the caller may read."""
    who: Visitor = me()
    page = page_of(
        samples_for(who),
        SampledReview.picked_at,
        SampledReview.claim_id,
        shape=(datetime, int),
        cursor=asked["after"],
        key_of=lambda row: (row.picked_at, row.claim_id),
        scalars=False,
    )
    found = lines_in_order(who.scheme_id, [row.claim_id for row in page.rows])
    photos = photos_of(who.scheme_id, [line.claim.id for line in found])
    return {"claims": [plain(line, photos.get(line.claim.id, [])) for line in found], "next": page.next}


@api.post("/queue/samples/<int:claim_id>")
@api.arguments(ReadingSchema)
@api.response(200, SampleOut)
@audience("claims.review")
def read(wanted: dict[str, Any], claim_id: int) -> SampledReview:
    """Say whether one would have decided the same. The same answer again is the first one."""
    who, at = me(), clock.now()
    in_own_transaction(lambda: read_sample(who, claim_id, at=at, **wanted).claim_id)
    return read_sample(who, claim_id, at=at, **wanted)


@api.get("/queue/agreement")
@api.arguments(AgreementAskedSchema, location="query")
@api.response(200, AgreementOut(many=True))
@audience("samples.see")
def agreement(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """How often second readers agree with each reviewer."""
    return [
        {
            "reviewer_id": one.reviewer_id,
            "name": listed(one.name),
            "agreed": one.agreed,
            "disagreed": one.disagreed,
            "waiting": one.waiting,
            "percent": one.percent,
        }
        for one in agreement_of(me(), clock.now(), asked["days"])
    ]


@api.get("/queue/reasons")
@api.response(200, ReasonsOut)
@audience("claims.review")
def reasons() -> dict[str, list[str]]:
    """What reviewers are offered to say."""
    return {step: reasons_of(me().scheme_id, step) for step in (Step.RETURNED, Step.REJECTED)}


@api.post("/queue/reasons")
@api.arguments(ReasonChangeSchema)
@api.response(200, ReasonsOut)
@audience("claims.review")
def change_reasons(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Add a reason, put one in other words, offer one no longer, or move one up."""
    who, at = me(), clock.now()
    in_own_transaction(lambda: carried_out(who, wanted["do"], wanted["at"], wanted["words"], at))
    return {step: reasons_of(who.scheme_id, step) for step in (Step.RETURNED, Step.REJECTED)}


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
