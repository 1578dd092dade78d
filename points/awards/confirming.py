"""Whoever was helped says whether it was so; or staff record it from paper, with a note. Then the review begins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from ..db import db, is_id
from ..errors import NotFound
from ..people.models import Person
from ..people.visitor import Visitor
from ..rulebook.queries import rule_by_id
from .assessing import reckon
from .deeds import deeds_of
from .messages import tell_of
from .models import Claim, ClaimState, Step
from .reviewing import check_stranger, reviewable
from .rules import NotConfirming, ReasonNeeded
from .sending import settled_by_machine
from .steps import note_step, step_by_key


def asked_of(who: Visitor, claim_id: int) -> Claim:
    """A claim in which this visitor is the one who was helped. Raises NotFound for any other."""
    found = None
    if is_id(claim_id):
        found = db.session.scalar(
            select(Claim)
            .where(Claim.scheme_id == who.scheme_id, Claim.id == claim_id, Claim.helped_id == who.person_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if found is None:
        raise NotFound()
    return found


def confirm(who: Visitor, claim_id: int, *, key: UUID, at: datetime) -> Claim:
    """The helped person says that it was so: the claim goes to its review. Repeating it changes nothing.

    Raises NotFound, NotConfirming.
    """
    return confirmed(who, asked_of(who, claim_id), "", key, at)


def confirm_on_paper(who: Visitor, claim_id: int, *, note: str, key: UUID, at: datetime) -> Claim:
    """Staff record the helped person's word: seen on paper, heard on the phone; the note says how.

    Raises NotFound, OwnClaim and the like (whoever entered it cannot), ReasonNeeded, NotConfirming.
    """
    claim = reviewable(who, claim_id)
    if step_by_key(who, claim, Step.CONFIRMED, key, note):
        return claim
    check_stranger(who, claim)
    if len(note.strip()) < 2:
        raise ReasonNeeded()
    return confirmed(who, claim, note, key, at)


def deny(who: Visitor, claim_id: int, *, reason: str, key: UUID, at: datetime) -> Claim:
    """The helped person says that it was not so: the claim goes back to whoever filed it, with the words.

    Raises NotFound, ReasonNeeded, NotConfirming.
    """
    claim = asked_of(who, claim_id)
    if step_by_key(who, claim, Step.RETURNED, key, reason):
        return claim
    if len(reason.strip()) < 2:
        raise ReasonNeeded()
    check_confirming(claim)
    claim.state, claim.state_reason = ClaimState.RETURNED, reason
    claim.version += 1
    note_step(claim, who.person_id, Step.RETURNED, reason, key, at)
    tell_of(claim, "claim_returned", at, reason=reason)
    return claim


def confirmed(who: Visitor, claim: Claim, note: str, key: UUID, at: datetime) -> Claim:
    if step_by_key(who, claim, Step.CONFIRMED, key, note):
        return claim
    check_confirming(claim)
    claim.state, claim.helped_at = ClaimState.WAITING, at
    claim.version += 1
    note_step(claim, who.person_id, Step.CONFIRMED, note, key, at)
    known = rule_by_id(who.scheme_id, claim.rule_id)
    person = db.session.get_one(Person, (claim.scheme_id, claim.person_id))
    seen, _ = reckon(known, deeds_of([claim])[claim.id], person, who.points_scale)
    if not settled_by_machine(claim, seen, at):
        tell_of(claim, "claim_confirmed", at)
    return claim


def check_confirming(claim: Claim) -> None:
    if claim.state != ClaimState.CONFIRMING:
        raise NotConfirming(state=claim.state)
