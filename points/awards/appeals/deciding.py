"""Deciding an appeal: by a reader without any part in the matter, with reasons in writing, by reversal or new award.

Locks the claim, then caps, then accounts, as every writer does; an award is taken back and given anew in one
transaction, so the books never show one without the other.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select

from ... import ledger
from ...db import db, is_id
from ...errors import KeyReused, NotFound
from ...people.models import Person, Relative, Scheme, TeamMember
from ...people.visitor import Visitor, within
from ...rulebook.rules import Assessment
from .. import reversing, usage
from ..bars import lift_bars
from ..granting import grant
from ..messages import tell_of
from ..models import Claim, ClaimState, Correction, CorrectionState, Review, SampledReview, Step
from ..notice.models import Objection
from ..reversing import Cause
from ..settings import reviews_of
from .filing import note, points_of, standing_of
from .giving_back import give_back
from .models import About, Appeal, AppealState
from .rules import (
    DECISIONS,
    AppealOver,
    CorrectionFirst,
    NotMore,
    ObjectionFirst,
    Parties,
    PointsNotHere,
    about_of,
    check_result_reason,
    reader_objection,
)


def refuse_appeal(who: Visitor, appeal_id: int, *, reason: str, key: UUID, at: datetime) -> Appeal:
    """Let the decision stand, with the reason, which the claimant reads. Repeating it changes nothing.

    Raises NotFound, OwnAppeal, RelativesAppeal, ReadBefore, AppealOver, AppealReasonNeeded.
    """
    appeal, claim = readable(who, appeal_id)
    if done_by_key(who, appeal, AppealState.REFUSED, reason, key):
        return appeal
    ready(who, appeal, claim, reason)
    end(who, appeal, claim, AppealState.REFUSED, reason, key, at)
    tell_of(claim, "appeal_refused", at, key=str(appeal.id), reason=reason)
    return appeal


def grant_appeal(
    who: Visitor,
    appeal_id: int,
    *,
    reason: str,
    key: UUID,
    at: datetime,
    points: int | None = None,
    outcome: str = "",
) -> Appeal:
    """Put right what the appeal is about: a rejected deed is granted, an amount taken back and given anew, a deduction
    given back. Repeating it changes nothing.

    points   minor units, where the rule leaves the amount to the reader; elsewhere it follows from the rulebook
    outcome  what became of the deed, by the rule's code
    Raises as ``refuse_appeal``, and ObjectionFirst, CorrectionFirst, NothingToAppeal (the decision was taken back
    meanwhile), NotMore, PointsNotHere, and whatever granting refuses (CannotEarn, PointsNeeded,
    BudgetSpent…).
    """
    appeal, claim = readable(who, appeal_id)
    if done_by_key(who, appeal, AppealState.GRANTED, reason, key):
        return appeal
    ready(who, appeal, claim, reason)
    check_nothing_else(claim)
    about_of(standing_of(claim))
    if appeal.about == About.DEDUCTION:
        if points is not None:
            raise PointsNotHere()
        give_back_deduction(who, appeal, claim, reason, at)
    else:
        award_anew(who, appeal, claim, points, outcome, reason, at)
    end(who, appeal, claim, AppealState.GRANTED, reason, key, at)
    tell_of(claim, "appeal_granted", at, key=str(appeal.id), reason=reason, **told_of(appeal, claim))
    return appeal


# ---------------------------------------------------------------- who may, and when


def readable(who: Visitor, appeal_id: int) -> tuple[Appeal, Claim]:
    """An appeal within reach and its claim, both locked, the claim first. Raises NotFound."""
    row = None
    if is_id(appeal_id):
        row = db.session.execute(
            select(Appeal.claim_id)
            .where(Appeal.scheme_id == who.scheme_id, Appeal.id == appeal_id)
            .where(within(Appeal.area_path, who.reach("appeals.decide")))
        ).one_or_none()
    if row is None:
        raise NotFound()
    claim = db.session.scalars(
        select(Claim)
        .where(Claim.scheme_id == who.scheme_id, Claim.id == row.claim_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    appeal = db.session.get_one(Appeal, (who.scheme_id, appeal_id), populate_existing=True)
    return appeal, claim


def done_by_key(who: Visitor, appeal: Appeal, state: AppealState, reason: str, key: UUID) -> bool:
    """Whether this very decision was recorded before under the key. Raises KeyReused when it names another one."""
    found = db.session.scalar(
        select(Review).where(Review.scheme_id == who.scheme_id, Review.by_id == who.person_id, Review.key == str(key))
    )
    if found is None:
        return False
    recorded = (appeal.claim_id, Step.APPEAL_DECIDED, who.person_id, state, reason)
    if (found.claim_id, found.step, appeal.decided_by, appeal.state, appeal.decided_reason) != recorded:
        raise KeyReused()
    return True


def ready(who: Visitor, appeal: Appeal, claim: Claim, reason: str) -> None:
    """Raises what stands in the way of this reader, this appeal, or these words."""
    if appeal.state != AppealState.OPEN:
        raise AppealOver(state=appeal.state)
    if refusal := reader_refusal(who, appeal, claim):
        raise refusal
    check_result_reason(reason)


def reader_refusal(who: Visitor, appeal: Appeal, claim: Claim) -> Exception | None:
    """Why this visitor may not decide the appeal, or None. Households and relatives are read now."""
    reader = db.session.get_one(Person, (who.scheme_id, who.person_id), populate_existing=True)
    own_team = reviews_of(who.settings).own_team
    kind = reader_objection(who.person_id, reader.household_id, parties_of(appeal, claim, own_team=own_team))
    return kind() if kind else None


def parties_of(appeal: Appeal, claim: Claim, *, own_team: bool = False) -> Parties:
    """Everybody the appeal concerns or who decided before, by their keys. ``own_team``: teams may read their own."""
    scheme_id, claim_id = claim.scheme_id, claim.id
    claimant = db.session.get_one(Person, (scheme_id, claim.person_id), populate_existing=True)
    relatives = db.session.execute(
        select(Relative.person_id, Relative.other_id).where(
            Relative.scheme_id == scheme_id,
            or_(Relative.person_id == claim.person_id, Relative.other_id == claim.person_id),
        )
    )
    steps = select(Review.by_id).where(
        Review.scheme_id == scheme_id, Review.claim_id == claim_id, Review.step.in_(DECISIONS)
    )
    corrections = select(Correction.asked_by, Correction.decided_by).where(
        Correction.scheme_id == scheme_id, Correction.claim_id == claim_id
    )
    objections = select(Objection.person_id, Objection.decided_by).where(
        Objection.scheme_id == scheme_id, Objection.claim_id == claim_id
    )
    sampled = select(SampledReview.read_by).where(
        SampledReview.scheme_id == scheme_id, SampledReview.claim_id == claim_id
    )
    deciders = {claim.decided_by, *db.session.scalars(steps), *db.session.scalars(sampled)}
    for pairs in (corrections, objections):
        deciders |= {one for pair in db.session.execute(pairs) for one in pair}
    own = {claim.person_id, claim.entered_by, appeal.filed_by, claim.helped_id}
    if claim.team_id is not None and not own_team:
        own |= set(
            db.session.scalars(
                select(TeamMember.person_id).where(
                    TeamMember.scheme_id == scheme_id, TeamMember.team_id == claim.team_id
                )
            )
        )
    return Parties(
        own=frozenset(one for one in own if one),
        household_id=claimant.household_id,
        relatives=frozenset({one for pair in relatives for one in pair} - {claim.person_id}),
        deciders=frozenset(one for one in deciders if one),
    )


def check_nothing_else(claim: Claim) -> None:
    """Raises ObjectionFirst, CorrectionFirst: of two questions about one award the other goes first."""
    if claim.state == ClaimState.HELD:
        raise ObjectionFirst()
    if db.session.scalar(
        select(Correction.id).where(
            Correction.scheme_id == claim.scheme_id,
            Correction.claim_id == claim.id,
            Correction.state == CorrectionState.ASKED,
        )
    ):
        raise CorrectionFirst()


# ---------------------------------------------------------------- what is done


def award_anew(
    who: Visitor, appeal: Appeal, claim: Claim, points: int | None, outcome: str, reason: str, at: datetime
) -> None:
    """Grant the deed in a round of its own. What was given before is taken back first."""
    before = Assessment.from_dict(claim.outcome) if ClaimState(claim.state).is_granted and claim.outcome else None
    state = ClaimState(claim.state)
    if before is not None:
        take_back(who, appeal, claim, at)
    lift_bars(claim, at)
    claim.round, claim.transfer_id, claim.points = (claim.round or 1) + 1, None, None
    db.session.flush()
    scheme = db.session.get_one(Scheme, who.scheme_id)
    grant(scheme, claim, by_id=who.person_id, at=at, points=points, outcome=outcome, reason=reason[:200], of=(state,))
    after = Assessment.from_dict(claim.outcome or {})
    if before is not None and worth(after) <= worth(before):
        raise NotMore(before_points=before.points, after_points=after.points)
    appeal.points_after, appeal.award_id = after.points, claim.transfer_id


def worth(outcome: Assessment) -> tuple[int, int, int]:
    return outcome.points, outcome.honour, outcome.minutes


def give_back_deduction(who: Visitor, appeal: Appeal, claim: Claim, reason: str, at: datetime) -> None:
    """Take a deduction back whole, whether it was posted by now or not, with the bars it brought."""
    body = claim.outcome or {}
    give_caps_back(who, claim)
    if claim.transfer_id is not None:
        give_back(who, appeal, claim, str(body.get("mark", "never")), at)
    lift_bars(claim, at)
    claim.state, claim.state_reason, claim.due_on = ClaimState.REVERSED, reason[:200], None
    appeal.points_after = 0


def give_caps_back(who: Visitor, claim: Claim) -> None:
    body = claim.outcome or {}
    if "subjects" in body:
        usage.give_back(who.scheme_id, usage.Subjects.from_dict(body["subjects"]), Assessment.from_dict(body).takes)


def take_back(who: Visitor, appeal: Appeal, claim: Claim, at: datetime) -> None:
    """The caps get back what the award took; if it was posted, the opposite is posted. What of it was spent becomes a
    debt, which the new award, being larger, repays at once."""
    give_caps_back(who, claim)
    hashed = ledger.request_hash(appeal=appeal.id)
    cause = Cause(f"appeal:{appeal.id}", who.person_id, hashed, "appeal", appeal.id)
    appeal.reversal_id = reversing.take_back(who.scheme_id, claim, cause, at, who.zone, allow_debt=True)


def end(who: Visitor, appeal: Appeal, claim: Claim, state: AppealState, reason: str, key: UUID, at: datetime) -> None:
    appeal.state, appeal.decided_by, appeal.decided_at, appeal.decided_reason = state, who.person_id, at, reason
    claim.has_appeal, claim.version = False, claim.version + 1
    note(claim, who.person_id, Step.APPEAL_DECIDED, reason, key, at, appeal.points_after)


def told_of(appeal: Appeal, claim: Claim) -> dict[str, object]:
    """What the claimant is told of the result: points, and when they count."""
    if appeal.about == About.DEDUCTION:
        outcome = Assessment.from_dict(claim.outcome) if claim.outcome else None
        if outcome is not None and outcome.is_exchange:
            return {"exchange": True}
        return {"returned_points": -(appeal.points_before or 0)}
    when: dict[str, object] = {"to_points": points_of(claim)}
    if claim.state == ClaimState.DUE:
        when["due_on"] = claim.due_on
    return when
