"""A wrong award put right: asked by one person with the reason, confirmed by another, reversed on the ledger."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from .. import ledger
from ..db import db, is_id, new_id
from ..errors import KeyReused, NotFound
from ..people.visitor import Visitor, within
from . import usage
from .bars import lift_bars
from .messages import tell_of
from .models import Claim, ClaimState, Correction, CorrectionState, Step
from .reversing import Cause, take_back
from .reviewing import check_stranger, reviewable
from .rules import AlreadyAsked, AlreadyDecided, NotCredited, NotWaiting, OwnCorrection, ReasonNeeded
from .steps import leave, note_step


def ask_correction(who: Visitor, claim_id: int, *, reason: str, key: UUID, at: datetime) -> Correction:
    """Ask for an award to be taken back, with the reason. Nothing moves until another person confirms.

    Raises NotFound, ReasonNeeded, NotCredited, AlreadyAsked.
    """
    claim = reviewable(who, claim_id, "corrections.ask")
    earlier = db.session.scalar(
        select(Correction).where(
            Correction.scheme_id == who.scheme_id, Correction.asked_by == who.person_id, Correction.key == str(key)
        )
    )
    if earlier is not None:
        if (earlier.claim_id, earlier.reason) != (claim.id, reason):
            raise KeyReused()
        return earlier
    if len(reason) < 2:
        raise ReasonNeeded()
    lock(claim)
    if claim.state != ClaimState.APPROVED:
        raise NotCredited(state=claim.state)
    if correction_open(claim):
        raise AlreadyAsked()
    asked = Correction(
        scheme_id=who.scheme_id,
        id=new_id(),
        claim_id=claim.id,
        reason=reason,
        asked_by=who.person_id,
        asked_at=at,
        key=str(key),
        state=CorrectionState.ASKED,
    )
    db.session.add(asked)
    db.session.flush()
    return asked


def confirm_correction(who: Visitor, correction_id: int, *, key: UUID, at: datetime) -> Correction:
    """Reverse the award: the points leave the wallet, the caps get back what it took, the original stays.

    Repeating it changes nothing. Raises NotFound, OwnCorrection, OwnClaim, OwnHousehold, AlreadyDecided, AlreadySpent.
    """
    asked, claim = decidable(who, correction_id)
    lock(claim)
    db.session.refresh(asked)
    if asked.state == CorrectionState.DONE and asked.decided_by == who.person_id:
        return asked
    decide(who, asked, CorrectionState.DONE, "", at)
    usage.give_back_outcome(who.scheme_id, claim.outcome or {})
    if claim.transfer_id is not None:
        asked.transfer_id = take_back(who.scheme_id, claim, cause_of(who, asked), at, who.zone)
    try:
        leave(claim, Step.REVERSED, at, ClaimState.APPROVED, state_reason=asked.reason)
    except NotWaiting:
        raise NotCredited(state=claim.state) from None
    lift_bars(claim, at)
    note_step(claim, who.person_id, Step.REVERSED, asked.reason, key, at)
    tell_of(claim, "claim_reversed", at, points=claim.points or 0, reason=asked.reason)
    return asked


def refuse_correction(who: Visitor, correction_id: int, *, reason: str, at: datetime) -> Correction:
    """Leave the award as it is, with the reason. Raises as ``confirm_correction``, and ReasonNeeded."""
    asked, claim = decidable(who, correction_id)
    if len(reason) < 2:
        raise ReasonNeeded()
    lock(claim)
    db.session.refresh(asked)
    if asked.state == CorrectionState.REFUSED and asked.decided_by == who.person_id:
        return asked
    decide(who, asked, CorrectionState.REFUSED, reason, at)
    return asked


# ---------------------------------------------------------------- how it is done


def decidable(who: Visitor, correction_id: int) -> tuple[Correction, Claim]:
    """A correction this visitor may decide about, and its claim: asked by another, about a stranger, within reach."""
    row = None
    if is_id(correction_id):
        row = db.session.execute(
            select(Correction, Claim)
            .join(Claim, (Claim.scheme_id == Correction.scheme_id) & (Claim.id == Correction.claim_id))
            .where(Correction.scheme_id == who.scheme_id, Correction.id == correction_id)
            .where(within(Claim.area_path, who.reach("corrections.confirm")))
        ).one_or_none()
    if row is None:
        raise NotFound()
    asked, claim = row
    if asked.asked_by == who.person_id:
        raise OwnCorrection()
    check_stranger(who, claim, may_have_entered=True)
    return asked, claim


def lock(claim: Claim) -> None:
    """Hold the claim until the transaction ends. Claims come before corrections, caps and accounts in every writer."""
    db.session.execute(
        update(Claim).where(Claim.scheme_id == claim.scheme_id, Claim.id == claim.id).values(version=Claim.version + 1),
        execution_options={"synchronize_session": False},
    )
    db.session.refresh(claim)


def correction_open(claim: Claim) -> bool:
    return (
        db.session.scalar(
            select(Correction.id).where(
                Correction.scheme_id == claim.scheme_id,
                Correction.claim_id == claim.id,
                Correction.state == CorrectionState.ASKED,
            )
        )
        is not None
    )


def decide(who: Visitor, asked: Correction, state: CorrectionState, reason: str, at: datetime) -> None:
    if asked.state != CorrectionState.ASKED:
        raise AlreadyDecided(state=asked.state)
    asked.state, asked.decided_by, asked.decided_at, asked.decided_reason = state, who.person_id, at, reason
    db.session.flush()


def cause_of(who: Visitor, asked: Correction) -> Cause:
    hashed = ledger.request_hash(correction=asked.id)
    return Cause(f"correction:{asked.id}", who.person_id, hashed, "correction", asked.id)
