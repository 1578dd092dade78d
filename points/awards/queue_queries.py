"""Questions of the reviewers' queue: how much waits, what to look at twice, what somebody did lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from ..db import db
from ..files.models import Photo
from ..people.visitor import Visitor
from ..rulebook.models import EarningRule
from .models import Claim, ClaimPhoto, ClaimState, Correction, CorrectionState
from .queries import seen_by_staff


def waiting_by_kind(who: Visitor) -> dict[str, int]:
    """How many claims of each kind wait in this visitor's reach."""
    rows = db.session.execute(
        select(EarningRule.kind, func.count())
        .join(Claim, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
        .where(seen_by_staff(who), Claim.state == ClaimState.WAITING)
        .group_by(EarningRule.kind)
    )
    return {row[0]: row[1] for row in rows}


def oldest_waiting(who: Visitor) -> datetime | None:
    return db.session.scalar(
        select(func.min(Claim.made_at)).where(seen_by_staff(who), Claim.state == ClaimState.WAITING)
    )


def hints_of(claims: Sequence[Claim]) -> dict[int, list[str]]:
    """Leads for the reviewer, never a verdict: "photo" seen with another claim, "same_day" the same deed that day."""
    found: dict[int, list[str]] = defaultdict(list)
    if not claims:
        return found
    scheme_id, ids = claims[0].scheme_id, [claim.id for claim in claims]
    mine, other, link, elsewhere = aliased(Photo), aliased(Photo), aliased(ClaimPhoto), aliased(ClaimPhoto)
    used = db.session.scalars(
        select(link.claim_id)
        .join(mine, (mine.scheme_id == link.scheme_id) & (mine.id == link.photo_id))
        .join(other, (other.scheme_id == mine.scheme_id) & (other.sha256 == mine.sha256))
        .join(elsewhere, (elsewhere.scheme_id == other.scheme_id) & (elsewhere.photo_id == other.id))
        .where(link.scheme_id == scheme_id, link.claim_id.in_(ids), elsewhere.claim_id != link.claim_id)
        .distinct()
    )
    for claim_id in used:
        found[claim_id].append("photo")
    this, that, this_rule, that_rule = aliased(Claim), aliased(Claim), aliased(EarningRule), aliased(EarningRule)
    twice = db.session.scalars(
        select(this.id)
        .join(that, (that.scheme_id == this.scheme_id) & (that.person_id == this.person_id) & (that.id != this.id))
        .join(this_rule, (this_rule.scheme_id == this.scheme_id) & (this_rule.id == this.rule_id))
        .join(that_rule, (that_rule.scheme_id == that.scheme_id) & (that_rule.id == that.rule_id))
        .where(this.scheme_id == scheme_id, this.id.in_(ids), that.done_on == this.done_on)
        .where(this_rule.code == that_rule.code)
        .where(that.state.in_((ClaimState.WAITING, ClaimState.RETURNED, ClaimState.APPROVED)))
        .distinct()
    )
    for claim_id in twice:
        found[claim_id].append("same_day")
    return found


def recent_of(scheme_id: int, person_id: int, at: datetime, days: int = 30) -> tuple[int, int, int]:
    """A person's last days in figures: claims, of which approved, points credited (minor units)."""
    rows = db.session.execute(
        select(Claim.state, func.count(), func.coalesce(func.sum(Claim.points), 0))
        .where(Claim.scheme_id == scheme_id, Claim.person_id == person_id)
        .where(Claim.made_at >= at - timedelta(days=days), Claim.state != ClaimState.WITHDRAWN)
        .group_by(Claim.state)
    ).all()
    approved = [(count, points) for state, count, points in rows if state == ClaimState.APPROVED]
    return sum(row[1] for row in rows), sum(c for c, _ in approved), int(sum(p for _, p in approved))


def open_count(who: Visitor) -> dict[str, int]:
    """For the rail: how much waits for this visitor, by endpoint."""
    counts = {}
    if who.reach("claims.review"):
        counts["awards.queue"] = sum(waiting_by_kind(who).values())
    if who.reach("corrections.confirm"):
        counts["awards.corrections"] = (
            db.session.scalar(
                select(func.count())
                .select_from(Correction)
                .join(Claim, (Claim.scheme_id == Correction.scheme_id) & (Claim.id == Correction.claim_id))
                .where(seen_by_staff(who), Correction.state == CorrectionState.ASKED)
            )
            or 0
        )
    return counts
