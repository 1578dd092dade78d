"""Bars: what an outcome or a deduction keeps somebody from, and that they no longer count when it is taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from ..db import db
from .models import Bar, Claim


def lift_bars(claim: Claim, at: datetime) -> None:
    """What the decision barred the claimant from counts no longer."""
    db.session.execute(
        update(Bar)
        .where(Bar.scheme_id == claim.scheme_id, Bar.person_id == claim.person_id, Bar.claim_id == claim.id)
        .where(Bar.lifted_at.is_(None))
        .values(lifted_at=at),
        execution_options={"synchronize_session": False},
    )
