"""The steps of a claim's life: moving it on, writing the step down, and finding it again by its key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from ..db import db, new_id
from ..errors import KeyReused
from ..people.visitor import Visitor
from .models import Claim, ClaimState, Review, Step
from .rules import STATE_AFTER, NotWaiting


def leave(claim: Claim, step: Step, at: datetime, *states: ClaimState, **values: Any) -> None:
    """Move the claim on, if it still is in one of the states: of two at once one wins. Raises NotWaiting."""
    values.setdefault("state", STATE_AFTER.get(step))
    moved = db.session.execute(
        update(Claim)
        .where(Claim.scheme_id == claim.scheme_id, Claim.id == claim.id, Claim.state.in_(states))
        .values(version=Claim.version + 1, **values),
        execution_options={"synchronize_session": False},
    )
    db.session.refresh(claim)
    if moved.rowcount != 1:
        raise NotWaiting(state=claim.state)


def note_step(
    claim: Claim,
    by_id: int | None,
    step: Step,
    reason: str,
    key: UUID | str,
    at: datetime,
    *,
    stage: int | None = None,
    points: int | None = None,
    flush: bool = True,
) -> None:
    """Write a step of the claim's life down. ``by_id`` None: the system's own."""
    db.session.add(
        Review(
            scheme_id=claim.scheme_id,
            id=new_id(),
            claim_id=claim.id,
            by_id=by_id,
            step=step,
            reason=reason,
            at=at,
            key=str(key),
            stage=claim.stage if stage is None else stage,
            round=claim.round or 1,
            points=points,
        )
    )
    if flush:
        db.session.flush()


def step_by_key(who: Visitor, claim: Claim, step: Step, key: UUID, reason: str = "") -> bool:
    """Whether this very step was taken before under the key. Raises KeyReused when the key names another one."""
    found = db.session.scalar(
        select(Review).where(Review.scheme_id == who.scheme_id, Review.by_id == who.person_id, Review.key == str(key))
    )
    if found is None:
        return False
    if (found.claim_id, found.step, found.reason) != (claim.id, step, reason):
        raise KeyReused()
    return True
