"""What a reviewer does: approve (and credit, exactly once), return for more, reject. Never about one's own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from ..db import db, is_id
from ..errors import KeyReused, NotFound
from ..people.models import Person, Scheme
from ..people.visitor import Visitor, within
from .actions import note_step, step_by_key
from .granting import grant
from .models import Claim, ClaimState, Step
from .rules import STATE_AFTER, Parties, check_reason, objection, too_late


def approve(
    who: Visitor,
    claim_id: int,
    *,
    key: UUID,
    at: datetime,
    points: int | None = None,
    outcome: str = "",
    reason: str = "",
) -> Claim:
    """Approve a waiting claim and credit what it earns now: one transfer of points, honour and minutes, once.

    points   minor units, only for a rule that leaves the amount to the reviewer
    outcome  what became of the deed, in one of the rule's codes: it may count less, or not at all
    Raises NotFound, OwnClaim, OwnEntry, OwnHousehold, AlreadyDecided, PointsNeeded, PointsNotAsked, CannotEarn,
    BudgetSpent.
    """
    claim = reviewable(who, claim_id)
    if step_by_key(who, claim, Step.APPROVED, key, reason):
        if (points is not None and claim.points != points) or (claim.outcome or {}).get("result", "") != outcome:
            raise KeyReused()
        return claim
    check_stranger(who, claim)
    if claim.state != ClaimState.WAITING:
        raise too_late(claim.state, claim.decided_by == who.person_id)
    scheme = db.session.get_one(Scheme, who.scheme_id)
    grant(scheme, claim, by_id=who.person_id, at=at, points=points, outcome=outcome, reason=reason)
    note_step(claim, who.person_id, Step.APPROVED, reason, key, at)
    return claim


def send_back(who: Visitor, claim_id: int, *, reason: str, key: UUID, at: datetime) -> Claim:
    """Return a claim to be completed; the reason says what is missing. Raises as ``approve``, and ReasonNeeded."""
    return turn_down(who, claim_id, Step.RETURNED, reason, key, at)


def reject(who: Visitor, claim_id: int, *, reason: str, key: UUID, at: datetime) -> Claim:
    """Refuse a claim; the claimant reads the reason. Raises as ``approve``, and ReasonNeeded."""
    return turn_down(who, claim_id, Step.REJECTED, reason, key, at)


def turn_down(who: Visitor, claim_id: int, step: Step, reason: str, key: UUID, at: datetime) -> Claim:
    claim = reviewable(who, claim_id)
    if step_by_key(who, claim, step, key, reason):
        return claim
    check_stranger(who, claim)
    check_reason(step, reason)
    decide(who, claim, step, reason, at)
    note_step(claim, who.person_id, step, reason, key, at)
    return claim


# ---------------------------------------------------------------- how it is done


def reviewable(who: Visitor, claim_id: int, action: str = "claims.review") -> Claim:
    """A claim in an area in which this visitor reviews, locked: of two requests with one key the second then sees
    what the first recorded. Raises NotFound for any other claim, whatever the reason."""
    found = None
    if is_id(claim_id):
        found = db.session.scalar(
            select(Claim)
            .where(Claim.scheme_id == who.scheme_id, Claim.id == claim_id, within(Claim.area_path, who.reach(action)))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if found is None:
        raise NotFound()
    return found


def check_stranger(who: Visitor, claim: Claim, *, may_have_entered: bool = False) -> Person:
    """The beneficiary, once it is sure that the visitor is neither that person nor of their household, nor entered
    the claim. Households are read now: somebody may have moved since signing in. Raises OwnClaim and the like."""
    people = {
        person.id: person
        for person in db.session.scalars(
            select(Person)
            .where(Person.scheme_id == who.scheme_id, Person.id.in_((claim.person_id, who.person_id)))
            .execution_options(populate_existing=True)
        )
    }
    beneficiary = people[claim.person_id]
    entered_by = 0 if may_have_entered else claim.entered_by
    parties = Parties(entered_by, beneficiary.id, beneficiary.household_id)
    if refusal := objection(who.person_id, people[who.person_id].household_id, parties):
        raise refusal()
    return beneficiary


def decide(who: Visitor, claim: Claim, step: Step, reason: str, at: datetime) -> None:
    """Move the claim on if it still waits: of two reviewers at once, one does. Raises AlreadyDecided."""
    moved = db.session.execute(
        update(Claim)
        .where(Claim.scheme_id == claim.scheme_id, Claim.id == claim.id, Claim.state == ClaimState.WAITING)
        .values(
            state=STATE_AFTER[step],
            state_reason=reason,
            decided_by=who.person_id,
            decided_at=at,
            version=Claim.version + 1,
        ),
        execution_options={"synchronize_session": False},
    )
    db.session.refresh(claim)
    if moved.rowcount != 1:
        raise too_late(claim.state, claim.decided_by == who.person_id)
