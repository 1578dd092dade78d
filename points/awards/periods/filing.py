"""Deeds that the system files by itself, as the rulebook says: a prize, the first sign-in. They go the usual way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select

from ...db import db, new_id
from ...errors import DomainError
from ...ledger import request_hash
from ...people.models import Area, Person, Scheme
from ...rulebook.queries import KnownRule
from ..assessing import Desk, kept
from ..deeds import Deed, shared_by
from ..facts import Case
from ..granting import grant
from ..messages import tell_of
from ..models import Claim, ClaimState, Review, Source, Step
from ..paths import kept_stages


@dataclass(frozen=True)
class Due:
    """What somebody is to be given. ``key``: the same for one person is filed once, at most 36 characters.

    quantity  thousandths of the rule's unit; share: of a pool, as a deed has it, None where nothing is shared
    """

    person_id: int
    known: KnownRule
    key: str
    done_on: date
    note: str
    team_id: int | None = None  # whose it is, where the rule is for teams
    quantity: int = 1000
    share: tuple[int, int, int] | None = None


def file_given(scheme: Scheme, due: Due, at: datetime) -> Claim | None:
    """File it as a claim of the person's, for review; where the rule asks for no review it is granted at once. Filed
    before: that claim. None when the rule refuses it (a cap that is full, a role that is missing)."""
    earlier = db.session.scalar(
        select(Claim).where(Claim.scheme_id == scheme.id, Claim.entered_by == due.person_id, Claim.key == due.key)
    )
    if earlier is not None:
        return earlier
    person = db.session.get_one(Person, (scheme.id, due.person_id))
    path = db.session.scalar(select(Area.path).where(Area.scheme_id == scheme.id, Area.id == person.area_id)) or ""
    deed = Deed(due.quantity, due.done_on, Source.SYSTEM, has_note=True, has_place=True, attended=True)
    deed = replace(deed, team_id=due.team_id, share=shared_by(due.share))
    seen, subjects = Desk(scheme.id, [case := Case(due.known, deed, person)], scheme.points_scale).assess(case)
    if seen.refusals:
        return None
    claim = Claim(
        scheme_id=scheme.id,
        id=new_id(),
        rule_id=due.known.id,
        person_id=person.id,
        entered_by=person.id,
        source=Source.SYSTEM,
        quantity=due.quantity,
        choices={"share": list(due.share)} if due.share else {},
        done_on=due.done_on,
        note=due.note,
        state=ClaimState.WAITING,
        forecast=kept(seen, subjects),
        key=due.key,
        request_hash=request_hash(given=due.key, person=person.id),
        made_at=at,
        area_path=path,
        attended=True,
        team_id=due.team_id,
        path=kept_stages(seen.path),
    )
    db.session.add(claim)
    db.session.flush()
    step(claim, Step.SENT, at)
    if not claim.path and settled(scheme, claim, at):
        return claim
    tell_of(claim, "claim_given", at)
    return claim


def settled(scheme: Scheme, claim: Claim, at: datetime) -> bool:
    """Grant what needs no review. What is refused then (a budget that is spent) waits for a person instead."""
    try:
        with db.session.begin_nested():
            grant(scheme, claim, by_id=None, at=at)
            step(claim, Step.APPROVED, at)
    except DomainError:
        db.session.refresh(claim)
        return False
    return True


def step(claim: Claim, what: Step, at: datetime) -> None:
    db.session.add(
        Review(
            scheme_id=claim.scheme_id,
            id=new_id(),
            claim_id=claim.id,
            by_id=None,
            step=what,
            at=at,
            key=f"{what}:{claim.id}"[:36],
        )
    )
    db.session.flush()
