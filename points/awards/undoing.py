"""Taking back one's own last decision within the scheme's window: by reversal where it was credited. The claim waits
again, in another round; what was decided stays readable."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from .. import ledger
from ..db import db
from ..people.visitor import Visitor
from . import usage
from .bars import lift_bars
from .correcting import correction_open
from .messages import tell_of
from .models import Claim, ClaimState, Review, SampledReview, Step
from .notice import leave_gap
from .paths import others_in, stages_in
from .reversing import Cause, take_back
from .reviewing import reviewable
from .rules import (
    AppealOpen,
    CorrectionAsked,
    NothingToUndo,
    NotYourDecision,
    UndoOver,
)
from .settings import reviews_of
from .steps import note_step, step_by_key

DECISIONS = (Step.AGREED, Step.AGAINST, Step.APPROVED, Step.RETURNED, Step.REJECTED)
# What says nothing about the claim's review: who decided last is not asked of these.
BESIDE = (Step.POSTED, Step.FAILED)


def undo(who: Visitor, claim_id: int, *, key: UUID, at: datetime, reason: str = "") -> Claim:
    """Take back one's own decision, if it is the last and no older than the scheme allows. What was credited is
    reversed, caps get back what it took, bars are lifted, and the claim waits for its first review again.

    Raises NotFound, NothingToUndo, NotYourDecision, UndoOver, AppealOpen, CorrectionAsked, AlreadySpent.
    """
    claim = reviewable(who, claim_id)
    if step_by_key(who, claim, Step.UNDONE, key, reason):
        return claim
    check_undoable(who, claim, at)
    was_granted = ClaimState(claim.state).is_granted
    credited, spoken_at = claim.points or 0, claim.stage or 0
    if was_granted:
        usage.give_back_outcome(who.scheme_id, claim.outcome or {})
    if claim.state == ClaimState.APPROVED:
        name = f"undo:{claim.id}:{claim.round or 1}"
        hashed = ledger.request_hash(undo=claim.id, round=claim.round or 1)
        take_back(who.scheme_id, claim, Cause(name, who.person_id, hashed, "claim", claim.id), at, who.zone)
    lift_bars(claim, at)
    db.session.execute(
        delete(SampledReview).where(
            SampledReview.scheme_id == claim.scheme_id,
            SampledReview.claim_id == claim.id,
            SampledReview.state == "waiting",
        ),
        execution_options={"synchronize_session": False},
    )
    leave_gap(claim, at)
    begin_again(claim)
    note_step(claim, who.person_id, Step.UNDONE, reason, key, at, stage=spoken_at)
    more: dict[str, Any] = {"points": credited} if was_granted and credited else {}
    if reason:
        more["reason"] = reason
    tell_of(claim, "claim_undone", at, **more)
    return claim


def check_undoable(who: Visitor, claim: Claim, at: datetime) -> None:
    """Raises why this visitor cannot take the claim's last decision back."""
    if claim.state in (ClaimState.WITHDRAWN, ClaimState.REVERSED, ClaimState.HELD, ClaimState.CONFIRMING):
        raise NothingToUndo(state=claim.state)
    last = db.session.scalar(
        select(Review)
        .where(Review.scheme_id == who.scheme_id, Review.claim_id == claim.id, Review.step.not_in(BESIDE))
        .order_by(Review.at.desc(), Review.id.desc())
        .limit(1)
    )
    if last is None or last.step not in DECISIONS or last.round != (claim.round or 1):
        raise NothingToUndo(state=claim.state)
    if last.by_id != who.person_id:
        raise NotYourDecision()
    hours = reviews_of(who.settings).undo_hours
    if at - last.at > timedelta(hours=hours):
        raise UndoOver(hours=hours)
    if claim.has_appeal:
        raise AppealOpen()
    if correction_open(claim):
        raise CorrectionAsked()


def begin_again(claim: Claim) -> None:
    """The claim waits for its first review again, as if nothing had been decided, in another round."""
    claim.state, claim.state_reason = ClaimState.WAITING, ""
    claim.decided_by = claim.decided_at = claim.decided_points = None
    claim.outcome = claim.points = claim.transfer_id = None
    claim.notice_id = claim.notice_place = claim.due_on = None
    claim.choices = {name: one for name, one in (claim.choices or {}).items() if name not in ("outcome", "scores")}
    claim.stage, claim.round = 0, (claim.round or 1) + 1
    claim.waits_for = others_in(stages_in(claim.path or []), 0)
    claim.version += 1
    db.session.flush()
