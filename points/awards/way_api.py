"""The JSON twins of what happens beside a review: confirming, taking back, withdrawing, sending again, settings."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from flask_smorest import Blueprint

from .. import clock
from ..db import in_own_transaction
from ..people.visitor import Visitor
from ..web import audience, idempotency_key, me
from .actions import resend, withdraw
from .api import KEYED, shown
from .confirming import confirm, confirm_on_paper, deny
from .schemas import ClaimReasonSchema, ResendSchema, ReviewSettingsSchema, WholeClaimOut
from .settings import change_settings, reviews_of
from .undoing import undo

api = Blueprint("claim_way_api", __name__, url_prefix="/api/v1", description="Confirming, taking back, review settings")


def carried_out(verb: Any, claim_id: int, **wanted: Any) -> tuple[Visitor, int]:
    who, key, at = me(), idempotency_key(), clock.now()
    in_own_transaction(lambda: verb(who, claim_id, key=key, at=at, **wanted).id)
    return who, claim_id


@api.post("/claims/<int:claim_id>/withdraw")
@api.doc(**KEYED)
@api.response(200, WholeClaimOut)
@audience("claims.file")
def withdraw_claim(claim_id: int) -> dict[str, Any]:
    """Take a claim of one's own back while nothing is decided."""
    return shown(*carried_out(withdraw, claim_id))


@api.post("/claims/<int:claim_id>/resend")
@api.doc(**KEYED)
@api.arguments(ResendSchema)
@api.response(200, WholeClaimOut)
@audience("claims.file")
def resend_claim(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """Send a returned claim again with what was asked for; its review begins anew."""
    return shown(*carried_out(resend, claim_id, **wanted))


@api.post("/claims/<int:claim_id>/confirm")
@api.doc(**KEYED)
@audience("claims.file")
def confirm_claim(claim_id: int) -> dict[str, Any]:
    """The helped person says that it was so."""
    carried_out(confirm, claim_id)
    return {"id": str(claim_id), "confirmed": True}


@api.post("/claims/<int:claim_id>/deny")
@api.doc(**KEYED)
@api.arguments(ClaimReasonSchema)
@audience("claims.file")
def deny_claim(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """The helped person says that it was not so; the claim goes back to whoever filed it."""
    carried_out(deny, claim_id, **wanted)
    return {"id": str(claim_id), "confirmed": False}


@api.post("/claims/<int:claim_id>/confirm-on-paper")
@api.doc(**KEYED)
@api.arguments(ClaimReasonSchema)
@api.response(200, WholeClaimOut)
@audience("claims.review")
def confirm_claim_on_paper(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """Staff record the helped person's word; `reason` says how it was given."""
    return shown(*carried_out(confirm_on_paper, claim_id, note=wanted["reason"]))


@api.post("/claims/<int:claim_id>/undo")
@api.doc(**KEYED)
@api.arguments(ClaimReasonSchema)
@api.response(200, WholeClaimOut)
@audience("claims.review")
def undo_decision(wanted: dict[str, Any], claim_id: int) -> dict[str, Any]:
    """Take one's own last decision back within the scheme's hours: by reversal where it was credited."""
    return shown(*carried_out(undo, claim_id, **wanted))


@api.get("/review-settings")
@api.response(200, ReviewSettingsSchema)
@audience("claims.review")
def show_settings() -> dict[str, Any]:
    """What the scheme has set about reviews, appeals and deductions."""
    return asdict(reviews_of(me().settings))


@api.patch("/review-settings")
@api.arguments(ReviewSettingsSchema)
@api.response(200, ReviewSettingsSchema)
@audience("rulebook.load")
def set_settings(wanted: dict[str, Any]) -> dict[str, Any]:
    """Change some of it, for the whole scheme. Repeating it changes nothing."""
    who: Visitor = me()
    at, knows = clock.now(), wanted.pop("knows")
    made = in_own_transaction(
        lambda: change_settings(who, replace(reviews_of(who.settings), **wanted), knows=knows, at=at)
    )
    return asdict(made)
