"""Several judges, each with an amount of their own, and the one that comes of them (a stage's ``score``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..db import db
from ..people.models import Person
from ..people.visitor import Visitor
from ..rulebook.judging import agreed_on, is_scored
from ..rulebook.queries import rule_by_id
from ..rulebook.terms import Stage
from .assessing import check, reckon
from .deeds import deed_of
from .models import Claim
from .paths import Verdict, Voice, scores_at
from .rules import PointsNeeded


def asks_score(claim: Claim, stages: Sequence[Stage]) -> bool:
    """Whether everybody names an amount of their own at the stage where the claim is."""
    stage = stages[min(claim.stage or 0, len(stages) - 1)]
    return stage.score != "last" and is_scored(stage, rule_by_id(claim.scheme_id, claim.rule_id).rule.amount)


def check_score(who: Visitor, claim: Claim, points: int | None) -> None:
    """Raises PointsNeeded, or CannotEarn for an amount that the rule does not allow."""
    if points is None:
        raise score_needed(who, claim)
    known = rule_by_id(claim.scheme_id, claim.rule_id)
    person = db.session.get_one(Person, (claim.scheme_id, claim.person_id))
    check(reckon(known, deed_of(claim), person, who.points_scale, decided=points)[0])


def score_needed(who: Visitor, claim: Claim) -> PointsNeeded:
    amount, unit = rule_by_id(claim.scheme_id, claim.rule_id).rule.amount, 10**who.points_scale
    return PointsNeeded(least_points=amount.least * unit // 1000, most_points=amount.most * unit // 1000)


def scored(
    who: Visitor, claim: Claim, stages: Sequence[Stage], verdict: Verdict, voices: Collection[Voice], own: int | None
) -> int | None:
    """What the judges' amounts come to when the last of the stage has spoken, kept with the claim. Until then nothing
    is set, so that nobody follows somebody else."""
    at_stage = min(claim.stage or 0, len(stages) - 1)
    if verdict.stage == at_stage or own is None:
        return None
    scores = scores_at(at_stage, voices, own)
    claim.choices = {**(claim.choices or {}), "scores": scores}
    amount = rule_by_id(claim.scheme_id, claim.rule_id).rule.amount
    return agreed_on(stages[at_stage].score, scores, amount, who.points_scale)
