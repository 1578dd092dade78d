"""What could not be credited on its day: staff try again once the cause is gone, or drop it with a reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from ... import clock
from ...db import db, is_id
from ...errors import NotFound
from ...people.visitor import Visitor, within
from .. import usage
from ..messages import tell_of
from ..models import Claim, ClaimState, Step
from ..reviewing import check_stranger
from ..rules import ReasonNeeded
from ..settings import reviews_of
from .due import credit_some
from .objecting import note
from .rules import NotStuck


def retry(who: Visitor, claim_id: int, *, at: datetime) -> Claim:
    """Try again now to credit what was stuck: it is credited, or stays stuck with the reason of today. Repeating it
    changes nothing. Raises NotFound, NotStuck, OwnClaim, OwnHousehold."""
    claim = stuck_claim(who, claim_id)
    if claim.state == ClaimState.APPROVED:
        return claim
    if claim.state != ClaimState.STUCK:
        raise NotStuck(state=claim.state)
    check_stranger(who, claim, may_have_entered=True)
    today = clock.local_date(at, who.zone)
    claim.due_on = min(claim.due_on or today, today)
    db.session.flush()
    credit_some(who.scheme_id, [claim.id], at, today, actor_id=who.person_id)
    db.session.refresh(claim)
    return claim


def drop(who: Visitor, claim_id: int, *, reason: str, key: UUID, at: datetime) -> Claim:
    """Give up an award that cannot be credited: its caps are given back, the claimant reads the reason and may appeal.
    Repeating it changes nothing. Raises NotFound, ReasonNeeded, NotStuck, OwnClaim, OwnHousehold."""
    claim = stuck_claim(who, claim_id)
    if claim.state == ClaimState.REJECTED and claim.decided_by == who.person_id and claim.state_reason == reason:
        return claim
    if claim.state != ClaimState.STUCK:
        raise NotStuck(state=claim.state)
    check_stranger(who, claim, may_have_entered=True)
    if len(reason) < 2:
        raise ReasonNeeded()
    usage.give_back_outcome(claim.scheme_id, claim.outcome or {})
    claim.state, claim.state_reason, claim.due_on = ClaimState.REJECTED, reason, None
    claim.decided_by, claim.decided_at = who.person_id, at
    claim.version += 1
    note(claim, who.person_id, Step.REJECTED, reason, at, str(key))
    appeal_until_on = clock.local_date(at, who.zone) + timedelta(days=reviews_of(who.settings).appeal_file_days)
    tell_of(claim, "claim_rejected", at, key="dropped", reason=reason, appeal_until_on=appeal_until_on)
    return claim


def stuck_claim(who: Visitor, claim_id: int) -> Claim:
    """A claim in this visitor's areas, locked. Raises NotFound."""
    found = None
    if is_id(claim_id):
        found = db.session.scalar(
            select(Claim)
            .where(Claim.scheme_id == who.scheme_id, Claim.id == claim_id)
            .where(within(Claim.area_path, who.reach("due.settle")))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if found is None:
        raise NotFound()
    return found
