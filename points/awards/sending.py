"""What sending a deed takes, first and again: that it may be sent, for which team and whose help, and what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from ..db import db, is_id
from ..errors import DomainError
from ..inbox import tell
from ..people.models import Person, Scheme, Team, TeamKind
from ..people.visitor import Visitor
from ..rulebook.queries import KnownRule
from ..rulebook.rules import Assessment
from ..rulebook.terms import Rule
from . import usage
from .assessing import check, reckon
from .deeds import Deed
from .granting import grant
from .messages import tell_of
from .models import Claim, ClaimState, Source, Step
from .rules import DeductionByStaff, DeductionsOff, HelpedIsClaimant, NoSuchHelped, NotYourTeam, TeamNeeded
from .settings import reviews_of
from .standing import teams_of
from .steps import note_step

BY_OTHERS = (Source.SELF_CHECKED, Source.LEADER, Source.STAFF, Source.BACKFILL, Source.IMPORT, Source.SYSTEM)
BY_STAFF = (Source.STAFF, Source.BACKFILL, Source.IMPORT, Source.SYSTEM)


def ready(
    who: Visitor, known: KnownRule, deed: Deed, person: Person, *, has_helped: bool
) -> tuple[Assessment, usage.Subjects, ClaimState]:
    """The assessment of a deed that may be sent, and the state it is sent in: where only the word of whoever was
    helped is missing, it waits for that. Raises CannotEarn."""
    seen, subjects = reckon(known, deed, person, who.points_scale)
    asks = known.rule.evidence.helped or (has_helped and any(proof.helped for proof in known.rule.evidence.any))
    if deed.helped_confirmed or not asks or seen.can_be_sent:
        check(seen)
        return seen, subjects, ClaimState.WAITING
    seen, subjects = reckon(known, replace(deed, helped_confirmed=True), person, who.points_scale)
    check(seen)
    return seen, subjects, ClaimState.CONFIRMING


def check_taking(who: Visitor, rule: Rule, seen: Assessment, source: Source) -> None:
    """Points are taken away only where the scheme said so knowingly, and only staff may enter it."""
    if not rule.takes_away and not seen.is_deduction:
        return
    if not reviews_of(who.settings).deductions_allowed:
        raise DeductionsOff()
    if source not in BY_STAFF:
        raise DeductionByStaff()


def team_for(who: Visitor, rule: Rule, team_id: int | None, as_staff: bool) -> int | None:
    """The team a deed is entered for: one of one's own, or any for staff. Raises TeamNeeded, NotYourTeam."""
    if team_id is None:
        if rule.subject == "team":
            raise TeamNeeded()
        return None
    found = None
    if is_id(team_id):
        found = db.session.scalar(
            select(Team.id).where(
                Team.scheme_id == who.scheme_id,
                Team.id == team_id,
                Team.disabled_at.is_(None),
                Team.kind.in_((TeamKind.TEAM, TeamKind.ORGANISATION)),
            )
        )
    if found is None or not (as_staff or found in teams_of(who)):
        raise NotYourTeam()
    return found


def helped_by(who: Visitor, helped: str, person_id: int) -> int | None:
    """Whoever has exactly this number or phone in the scheme. Raises NoSuchHelped, HelpedIsClaimant."""
    if not helped:
        return None
    found = db.session.scalars(
        select(Person.id)
        .where(Person.scheme_id == who.scheme_id, Person.disabled_at.is_(None))
        .where((Person.number == helped) | (Person.phone == helped))
        .limit(2)
    ).all()
    if len(found) != 1:
        raise NoSuchHelped()
    if found[0] in (person_id, who.person_id):
        raise HelpedIsClaimant()
    return found[0]


def settled_by_machine(claim: Claim, seen: Assessment, at: datetime) -> bool:
    """Grant at once what a trusted machine recorded and the rule reviews no further. What is refused then (a budget
    that is spent) waits for a person like any other claim."""
    if claim.state != ClaimState.WAITING or claim.path or claim.source != Source.SELF_CHECKED or seen.undecided:
        return False
    scheme = db.session.get_one(Scheme, claim.scheme_id)
    try:
        with db.session.begin_nested():
            grant(scheme, claim, by_id=None, at=at)
            note_step(claim, None, Step.APPROVED, "", f"machine:{claim.id}", at)
    except DomainError:
        db.session.refresh(claim)
        return False
    return True


def tell_sent(claim: Claim, known: KnownRule, at: datetime) -> None:
    if claim.state != ClaimState.CONFIRMING:
        return tell_of(claim, "claim_sent", at)
    tell_of(claim, "claim_confirming", at)
    if claim.helped_id is not None:
        ask_helped(claim, known, at)
    return None


def ask_helped(claim: Claim, known: KnownRule, at: datetime) -> None:
    """Ask whoever was helped to say so."""
    assert claim.helped_id is not None
    values = {"title": known.title, "done_on": claim.done_on}
    key = f"claim:{claim.id}:{claim.round or 1}:confirm"
    tell(claim.scheme_id, claim.helped_id, "confirm_needed", values, f"/claims/{claim.id}/confirm", key, at)
