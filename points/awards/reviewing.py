"""What a reviewer does: agree (the last voice grants, exactly once), return for more, reject. Never about one's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import select

from .. import clock
from ..db import db, is_id
from ..errors import DomainError, KeyReused, NotFound
from ..people.models import Person, Scheme
from ..people.visitor import Visitor
from ..rulebook.queries import rule_by_id
from ..rulebook.terms import Stage
from .assessing import reckon
from .deeds import chosen, deed_of
from .granting import Wanted, grant, grant_each
from .judging import asks_score, check_score, score_needed, scored
from .messages import tell_of
from .models import Claim, ClaimState, Review, Step
from .paths import Voice, agreeing, kept_stages, may_sit, others_in, refusing, stages_in, voices_wanted
from .rules import ChoiceNotAsked, check_reason, too_late
from .settings import reviews_of
from .standing import objections_to, voices_of
from .steps import note_step

VOTES = (Step.AGREED, Step.APPROVED)


def approve(
    who: Visitor,
    claim_id: int,
    *,
    key: UUID,
    at: datetime,
    points: int | None = None,
    outcome: str = "",
    reason: str = "",
    grades: Collection[str] = (),
    coefficients: Mapping[str, str] | None = None,
) -> Claim:
    """Say yes to a waiting claim. The last voice that its path needs grants it: credited once, or put on notice first.

    points        minor units; for a rule that leaves the amount to the reviewer, or less than the rule gives, with a
                  reason; an earlier reviewer's stands where the last names none
    outcome       what became of the deed, in one of the rule's codes: it may count less, or not at all
    grades        the grades as the reviewer sees them, instead of the claimant's; coefficients: those that the rule
                  leaves to the reviewer
    Raises NotFound, OwnClaim and the like, NotYourStage, AlreadyVoted, SamePair, AlreadyDecided, PointsNeeded,
    PointsNotAsked, ReasonNeeded, ChoiceNotAsked, CannotEarn, DeductionsOff, PersonDisabled, BudgetSpent.
    """
    claim = reviewable(who, claim_id)
    if first := said_by_key(who, claim, VOTES, key, reason):
        if first.points != points or (outcome and outcome != told_outcome(claim)):
            raise KeyReused()
        return claim
    check_voice(who, claim, at)
    choose(claim, grades, coefficients or {}, outcome)
    voices = voices_of(who.scheme_id, [claim]).get(claim.id, [])
    own = points
    if points is None:
        points = claim.decided_points
    stages = stages_for(who, claim, points, voices)
    spoken_at = claim.stage or 0
    verdict = agreeing(stages, min(spoken_at, len(stages) - 1), voices)
    if asks_score(claim, stages):
        check_score(who, claim, own)
        points = scored(who, claim, stages, verdict, voices, own)
    else:
        own = points
    if verdict.step is Step.AGREED:
        agree(claim, stages, verdict.stage or 0, points, at)
    else:
        scheme = db.session.get_one(Scheme, who.scheme_id)
        grant(scheme, claim, by_id=who.person_id, at=at, points=points, outcome=told_outcome(claim), reason=reason)
        tell_changed(claim, points, reason, at)
    note_step(claim, who.person_id, verdict.step, reason, key, at, stage=spoken_at, points=own)
    return claim


def send_back(who: Visitor, claim_id: int, *, reason: str, key: UUID, at: datetime) -> Claim:
    """Return a claim to be completed; the reason says what is missing. Raises as ``approve``, and ReasonNeeded."""
    return turn_down(who, claim_id, Step.RETURNED, reason, key, at)


def reject(who: Visitor, claim_id: int, *, reason: str, key: UUID, at: datetime) -> Claim:
    """Say no to a claim; the claimant reads the reason. On a panel it falls when those left can no longer carry it.
    Raises as ``approve``, and ReasonNeeded."""
    return turn_down(who, claim_id, Step.REJECTED, reason, key, at)


def turn_down(who: Visitor, claim_id: int, step: Step, reason: str, key: UUID, at: datetime) -> Claim:
    claim = reviewable(who, claim_id)
    if said_by_key(who, claim, (step, Step.AGAINST) if step is Step.REJECTED else (step,), key, reason):
        return claim
    check_voice(who, claim, at)
    check_reason(step, reason)
    spoken_at, state = claim.stage or 0, ClaimState.RETURNED
    if step is Step.REJECTED:
        stages = stages_in(claim.path or [])
        voices = voices_of(who.scheme_id, [claim]).get(claim.id, [])
        step, state = refusing(stages, min(spoken_at, len(stages) - 1), voices).step, ClaimState.REJECTED
    if step is not Step.AGAINST:
        claim.state, claim.state_reason = state, reason
        claim.decided_by, claim.decided_at = who.person_id, at
        if state is ClaimState.RETURNED:
            tell_of(claim, "claim_returned", at, reason=reason)
        else:
            tell_of(claim, "claim_rejected", at, reason=reason, appeal_until_on=appeal_until(who, at))
    claim.version += 1
    note_step(claim, who.person_id, step, reason, key, at, stage=spoken_at)
    return claim


# ---------------------------------------------------------------- many at once


@dataclass
class Granted:
    """What became of many claims: done (granted, or one voice further), or refused, by the claim's id."""

    done: list[Claim] = field(default_factory=list)
    refused: dict[int, DomainError] = field(default_factory=dict)


def grant_many(who: Visitor, claim_ids: Sequence[int], *, key: UUID, at: datetime, reason: str = "") -> Granted:
    """``approve`` for many claims in one transaction, as they stand: nothing set by the reviewer. Each claim's own key
    follows from ``key`` and its id, so that a repeat finds what was done. A refused claim leaves the others alone.

    Claims are locked in the order of their ids, then all caps in one pass, then the accounts in one call.
    """
    made = Granted()
    claims = lock_all(who, claim_ids)
    for missing in set(claim_ids) - {claim.id for claim in claims}:
        made.refused[missing] = NotFound()
    said = said_by_keys(who, claims, key)
    fresh = [claim for claim in claims if claim.id not in said]
    made.done += [claim for claim in claims if claim.id in said]
    voices = voices_of(who.scheme_id, fresh)
    made.refused |= objections_to(who, fresh, at, voices=voices)
    final: list[tuple[Claim, int]] = []
    for claim in fresh:
        if claim.id in made.refused:
            continue
        if claim.state != ClaimState.WAITING:
            made.refused[claim.id] = too_late(claim.state, claim.decided_by == who.person_id)
            continue
        spoken = voices.get(claim.id, [])
        stages = stages_for(who, claim, claim.decided_points, spoken)
        verdict = agreeing(stages, min(claim.stage or 0, len(stages) - 1), spoken)
        if asks_score(claim, stages):
            made.refused[claim.id] = score_needed(who, claim)
            continue
        if verdict.step is not Step.AGREED:
            final.append((claim, claim.stage or 0))
            continue
        spoken_at = claim.stage or 0
        agree(claim, stages, verdict.stage or 0, claim.decided_points, at)
        note_step(claim, who.person_id, Step.AGREED, reason, uuid5(key, str(claim.id)), at, stage=spoken_at)
        made.done.append(claim)
    scheme = db.session.get_one(Scheme, who.scheme_id)
    wanted = [
        Wanted(claim, who.person_id, claim.decided_points, told_outcome(claim), reason or claim.state_reason)
        for claim, _ in final
    ]
    made.refused |= grant_each(scheme, wanted, at)
    for claim, spoken_at in final:
        if claim.id not in made.refused:
            note_step(
                claim,
                who.person_id,
                Step.APPROVED,
                reason,
                uuid5(key, str(claim.id)),
                at,
                stage=spoken_at,
                flush=False,
            )
            made.done.append(claim)
    db.session.flush()
    return made


def lock_all(who: Visitor, claim_ids: Sequence[int]) -> list[Claim]:
    """The claims in this visitor's reach, locked in the order of their ids."""
    wanted = sorted({one for one in claim_ids if is_id(one)})
    found = db.session.scalars(
        select(Claim)
        .where(Claim.scheme_id == who.scheme_id, Claim.id.in_(wanted))
        .order_by(Claim.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return [claim for claim in found if in_sight(who, claim, "claims.review")]


def said_by_keys(who: Visitor, claims: Sequence[Claim], key: UUID) -> set[int]:
    """The claims about which this very submission was carried out before."""
    keys = {str(uuid5(key, str(claim.id))): claim.id for claim in claims}
    rows = db.session.execute(
        select(Review.key, Review.claim_id).where(
            Review.scheme_id == who.scheme_id, Review.by_id == who.person_id, Review.key.in_(list(keys))
        )
    )
    return {claim_id for name, claim_id in rows if keys[name] == claim_id}


# ---------------------------------------------------------------- how it is done


def reviewable(who: Visitor, claim_id: int, action: str = "claims.review") -> Claim:
    """A claim in an area in which this visitor does the action, or at a stage of the whole scheme that is theirs;
    locked: of two requests with one key the second then sees what the first recorded. Raises NotFound for any other."""
    found = None
    if is_id(claim_id):
        found = db.session.scalar(
            select(Claim)
            .where(Claim.scheme_id == who.scheme_id, Claim.id == claim_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    if found is None or not in_sight(who, found, action):
        raise NotFound()
    return found


def in_sight(who: Visitor, claim: Claim, action: str) -> bool:
    if who.may_in(action, claim.area_path):
        return True
    if action != "claims.review":
        return False
    stages = stages_in(claim.path or [])
    return any(may_sit(who.duties, stage, claim.area_path) for stage in stages)


def check_voice(who: Visitor, claim: Claim, at: datetime) -> None:
    """Raises what stands between this visitor and the claim, or AlreadyDecided when it no longer waits."""
    if refusal := objections_to(who, [claim], at).get(claim.id):
        raise refusal
    if claim.state != ClaimState.WAITING:
        raise too_late(claim.state, claim.decided_by == who.person_id)


def check_stranger(who: Visitor, claim: Claim, *, may_have_entered: bool = False) -> Person:
    """The beneficiary, once it is sure that the visitor is a stranger to the claim. For decisions beside its path."""
    at = clock.now()
    if refusal := objections_to(who, [claim], at, may_have_entered=may_have_entered, is_vote=False).get(claim.id):
        raise refusal
    return db.session.get_one(Person, (who.scheme_id, claim.person_id))


def said_by_key(who: Visitor, claim: Claim, steps: Sequence[Step], key: UUID, reason: str) -> Review | None:
    """What was said under this key before. Raises KeyReused when the key names something else."""
    found = db.session.scalar(
        select(Review).where(Review.scheme_id == who.scheme_id, Review.by_id == who.person_id, Review.key == str(key))
    )
    if found is not None and (found.claim_id != claim.id or found.step not in steps or found.reason != reason):
        raise KeyReused()
    return found


def told_outcome(claim: Claim) -> str:
    """What a reviewer said became of the deed."""
    return str((claim.choices or {}).get("outcome", ""))


def choose(claim: Claim, grades: Collection[str], coefficients: Mapping[str, str], outcome: str) -> None:
    """Keep what the reviewer chose with the claim. Raises ChoiceNotAsked for what is the claimant's to choose."""
    if not grades and not coefficients and not outcome:
        return
    rule = rule_by_id(claim.scheme_id, claim.rule_id).rule
    asked = {one.code for one in rule.amount.coefficients if one.by == "reviewer"}
    if set(coefficients) - asked or (grades and rule.amount.type != "choice"):
        raise ChoiceNotAsked()
    before = claim.choices or {}
    merged = chosen(grades or before.get("grades", ()), {**before.get("coefficients", {}), **coefficients})
    if outcome := outcome or before.get("outcome", ""):
        merged["outcome"] = outcome
    if "scores" in before:
        merged["scores"] = before["scores"]
    claim.choices = merged


def stages_for(who: Visitor, claim: Claim, points: int | None, voices: Collection[Voice]) -> tuple[Stage, ...]:
    """The claim's stages, with a second reviewer where the amount that is set now is above the rule's limit."""
    stages = stages_in(claim.path or [])
    rule = rule_by_id(claim.scheme_id, claim.rule_id)
    if rule.rule.second_above is None or voices_wanted(stages) > 1:
        return stages
    person = db.session.get_one(Person, (claim.scheme_id, claim.person_id))
    today = clock.local_date(claim.made_at, who.zone)
    seen, _ = reckon(rule, deed_of(claim), person, who.points_scale, credited_on=today, decided=points)
    return seen.path if voices_wanted(seen.path) > voices_wanted(stages) else stages


def agree(claim: Claim, stages: Sequence[Stage], stage: int, points: int | None, at: datetime) -> None:
    """One voice further: what was set stands until somebody sets something else."""
    claim.path, claim.stage, claim.waits_for = kept_stages(stages), stage, others_in(stages, stage)
    claim.decided_points = points
    claim.version += 1
    tell_of(claim, "claim_agreed", at, key=str(stage))


def tell_changed(claim: Claim, points: int | None, reason: str, at: datetime) -> None:
    """Tell the claimant when a reviewer gave less than was forecast."""
    before, after = int(claim.forecast.get("points", 0)), int((claim.outcome or {}).get("points", 0))
    if points is not None and reason and before != after and not claim.forecast.get("undecided"):
        tell_of(claim, "amount_changed", at, from_points=before, to_points=after, reason=reason)


def appeal_until(who: Visitor, at: datetime) -> object:
    return clock.local_date(at, who.zone) + timedelta(days=reviews_of(who.settings).appeal_file_days)
