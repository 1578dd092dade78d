"""Granting: what a review found right is reckoned anew under locks, takes its caps, and goes to notice, waits for its
day, or is credited at once. Never about who may decide: that is ``reviewing``'s, ``appeals``' and ``batches``'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select

from .. import clock
from ..db import db
from ..errors import DomainError
from ..people.models import Person, Scheme
from ..rulebook.queries import rule_by_id
from ..rulebook.rules import Assessment, posting_day
from . import usage
from .assessing import Desk, kept, obstacle
from .crediting import Credit, credit_each
from .deeds import deeds_of
from .facts import Case
from .messages import tell_of
from .models import Claim, ClaimState
from .notice import put_on_notice
from .rules import DeductionsOff, NotWaiting, PersonDisabled, PointsNeeded, PointsNotAsked, ReasonNeeded
from .sampling import draw
from .settings import reviews_of


@dataclass(frozen=True)
class Wanted:
    """One award to be made.

    claim    locked by the caller
    by_id    whose decision it is; None: the system's own, for what a trusted machine recorded
    points   minor units a reviewer set: any within bounds where the rule leaves the amount to the case, less than the
             rule gives elsewhere; outcome: what became of the deed, by the rule's code
    """

    claim: Claim
    by_id: int | None
    points: int | None = None
    outcome: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Made:
    """An award in the making."""

    wanted: Wanted
    case: Case
    seen: Assessment
    subjects: usage.Subjects


def grant(
    scheme: Scheme,
    claim: Claim,
    *,
    by_id: int | None,
    at: datetime,
    points: int | None = None,
    outcome: str = "",
    reason: str = "",
    of: Sequence[ClaimState] = (ClaimState.WAITING,),
) -> Claim:
    """Make one award of a claim that the caller has locked. Writes no review: the caller notes whose decision it was.

    of  the states it may be granted from; an appeal grants what was rejected or reversed, in a round of its own
    Raises NotWaiting, CannotEarn, PointsNeeded, PointsNotAsked, ReasonNeeded, DeductionsOff, PersonDisabled,
    BudgetSpent.
    """
    for found in attempt(scheme, [Wanted(claim, by_id, points, outcome, reason)], at, of):
        if claim.id in found:
            raise found[claim.id]
    return claim


def grant_each(
    scheme: Scheme, wanted: Sequence[Wanted], at: datetime, of: Sequence[ClaimState] = (ClaimState.WAITING,)
) -> dict[int, DomainError]:
    """``grant`` for many claims at once: usage is locked in one pass, transfers are posted in one call. A claim that is
    refused leaves the others alone and stays as it was: its refusal is in the answer, by the claim's id.

    What the books refuse (a budget that is spent) is found out last, when the caps are taken already: then all is put
    back and done again without those claims, so that what they would have used is there for the others.
    """
    refused: dict[int, DomainError] = {}
    left = list(wanted)
    while left:
        try:
            with db.session.begin_nested():
                at_first, at_last = attempt(scheme, left, at, of)
                refused |= at_first | at_last
                if at_last:
                    raise PutBack
            break
        except PutBack:
            left = [one for one in left if one.claim.id not in refused]
    return refused


class PutBack(Exception):
    """Some of the awards were refused when all had taken their caps: none of them is made."""


def attempt(
    scheme: Scheme, wanted: Sequence[Wanted], at: datetime, of: Sequence[ClaimState]
) -> tuple[dict[int, DomainError], dict[int, DomainError]]:
    """Reckon, take the caps, and send each award on its way. The refusals by claim: those found before anything was
    taken, and those that the books found when the caps were taken already, after which nothing of this may stay."""
    today = clock.local_date(at, scheme.zone)
    refused: dict[int, DomainError] = {}
    made = reckoned(scheme, [one for one in wanted if is_open(one, of, refused)], at, refused)
    usage.take_all(scheme.id, [(one.subjects, one.seen.takes) for one in made])
    now = []
    for one in made:
        keep(one, at)
        claim, seen = one.wanted.claim, one.seen
        due_on = posting_day(seen.credit, today)
        if seen.notice_days > 0:
            notice = put_on_notice(claim, seen.notice_days, at)
            claim.due_on = max(claim.due_on or due_on, due_on)
            announce(claim, seen, at, until_on=notice.closes_on)
        elif due_on > today:
            claim.state, claim.due_on = ClaimState.DUE, due_on
            announce(claim, seen, at)
        else:
            now.append(Credit(claim, seen, one.wanted.by_id or 0))
    db.session.flush()
    draw(scheme.id, scheme.settings, [one.wanted.claim for one in made], at)
    return refused, credit_each(scheme, now, at)


def is_open(one: Wanted, of: Sequence[ClaimState], refused: dict[int, DomainError]) -> bool:
    if one.claim.state in of:
        return True
    refused[one.claim.id] = NotWaiting(state=one.claim.state)
    return False


def reckoned(scheme: Scheme, wanted: Sequence[Wanted], at: datetime, refused: dict[int, DomainError]) -> list[Made]:
    """The awards that can be made, the others' refusals in ``refused``. Locks the usage rows of all of them."""
    today = clock.local_date(at, scheme.zone)
    ordered = sorted(wanted, key=lambda one: one.claim.id)
    cases = cases_of(scheme, ordered, at)
    desk = Desk(scheme.id, [cases[one.claim.id] for one in ordered], scheme.points_scale, lock=True)
    allowed = reviews_of(scheme.settings).deductions_allowed
    made = []
    for one in ordered:
        case = cases[one.claim.id]
        case = replace(case, credited_on=posting_day(case.rule.credit, today))
        seen, subjects = desk.assess(case)
        refusal = refusal_of(one, case, seen, allowed)
        if refusal is not None:
            refused[one.claim.id] = refusal
            continue
        desk.award(case, subjects, seen)
        made.append(Made(one, case, seen, subjects))
    return made


def cases_of(scheme: Scheme, wanted: Sequence[Wanted], at: datetime) -> dict[int, Case]:
    """The cases of many claims: people, rules and attachments in one question each."""
    claims = [one.claim for one in wanted]
    people = {
        person.id: person
        for person in db.session.scalars(
            select(Person)
            .where(Person.scheme_id == scheme.id, Person.id.in_({claim.person_id for claim in claims}))
            .execution_options(populate_existing=True)
        )
    }
    known = {rule_id: rule_by_id(scheme.id, rule_id) for rule_id in {claim.rule_id for claim in claims}}
    deeds = deeds_of(claims)
    return {
        one.claim.id: Case(
            known[one.claim.rule_id],
            replace(deeds[one.claim.id], outcome=one.outcome),
            people[one.claim.person_id],
            decided=one.points,
        )
        for one in wanted
    }


def refusal_of(one: Wanted, case: Case, seen: Assessment, deductions_allowed: bool) -> DomainError | None:
    """Why the award cannot be made, or None."""
    if case.person.disabled_at is not None:
        return PersonDisabled()
    if (case.rule.takes_away or seen.is_deduction) and not deductions_allowed:
        return DeductionsOff()
    if refusal := obstacle(seen):
        return refusal
    if seen.undecided:
        least, most = seen.bounds or (0, 0)
        return PointsNeeded(least_points=least, most_points=most)
    if one.points is not None and not case.rule.amount.decided_by_reviewer:
        is_less = any(line.code == "lowered" for line in seen.lines)
        if not is_less and one.points != seen.points:
            return PointsNotAsked(most_points=seen.points)
        if is_less and len(one.reason.strip()) < 2:
            return ReasonNeeded()
    return None


def keep(one: Made, at: datetime) -> None:
    """Write the award onto its claim; ``attempt`` or ``credit_each`` say where it goes from here."""
    claim, wanted = one.wanted.claim, one.wanted
    claim.outcome = kept(one.seen, one.subjects) | {"result": wanted.outcome}
    claim.decided_points = wanted.points
    claim.state_reason, claim.decided_by, claim.decided_at = wanted.reason, wanted.by_id, at
    claim.version += 1


def announce(claim: Claim, seen: Assessment, at: datetime, until_on: date | None = None) -> None:
    """Tell the claimant that it was found right and when it counts. ``until_on``: the last day of its public notice."""
    if seen.is_deduction:
        ends = {"ends_on": seen.ends} if seen.ends else {}
        reason = claim.state_reason or claim.note
        tell_of(claim, "deduction_announced", at, points=-seen.points, reason=reason, due_on=claim.due_on, **ends)
    elif seen.is_sanction:
        reason = claim.state_reason or claim.note
        tell_of(claim, "sanction_announced", at, reason=reason, due_on=claim.due_on)
    elif until_on is not None:
        tell_of(claim, "claim_on_notice", at, points=seen.points, until_on=until_on)
    else:
        tell_of(claim, "claim_due", at, points=seen.points, due_on=claim.due_on)
