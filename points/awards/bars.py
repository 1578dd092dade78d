"""Bars: what an outcome or a deduction keeps somebody from, and that they no longer count when it is taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Date, bindparam, select, update

from ..db import db, table_of
from .models import Bar, Claim


def barred_from(what: str, person_id: Any) -> Any:
    """The last day on which somebody is barred from something, for a statement with :scheme and :today; NULL: not
    barred."""
    bar = table_of(Bar).c
    return (
        select(bar.until_on)
        .where(bar.scheme_id == bindparam("scheme", type_=BigInteger), bar.person_id == person_id)
        .where(bar.until_on >= bindparam("today", type_=Date), bar.what == what, bar.lifted_at.is_(None))
        .order_by(bar.until_on.desc())
        .limit(1)
        .scalar_subquery()
    )


def lift_bars(claim: Claim, at: datetime) -> None:
    """What the decision barred the claimant from counts no longer."""
    db.session.execute(
        update(Bar)
        .where(Bar.scheme_id == claim.scheme_id, Bar.person_id == claim.person_id, Bar.claim_id == claim.id)
        .where(Bar.lifted_at.is_(None))
        .values(lifted_at=at),
        execution_options={"synchronize_session": False},
    )
