"""Questions about corrections: what was asked about one award, and what waits for a second person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from ..db import db, is_id
from ..errors import NotAllowed, NotFound
from ..ledger.queries import balances_of, units_of
from ..people.actions import POINTS
from ..people.models import Person
from ..people.visitor import Visitor
from ..rulebook.models import EarningRule
from .models import Claim, Correction, CorrectionState
from .queries import seen_by_staff
from .queue_filter import searched
from .rules import OwnCorrection
from .standing import objections_to


@dataclass(frozen=True)
class Asked:
    """A correction with its claim in words. Names are full: mask them where they are shown."""

    correction: Correction
    claim: Claim
    person: str
    person_number: str
    household_id: int | None
    title: str
    asked_by: str
    decided_by: str | None


def corrections_of(scheme_id: int, claim_id: int) -> list[tuple[Correction, str]]:
    """What was asked about one award, oldest first, each with the name of who asked."""
    rows = db.session.execute(
        select(Correction, Person.name)
        .join(Person, (Person.scheme_id == Correction.scheme_id) & (Person.id == Correction.asked_by))
        .where(Correction.scheme_id == scheme_id, Correction.claim_id == claim_id)
        .order_by(Correction.asked_at, Correction.id)
    )
    return [(correction, name) for correction, name in rows]


def corrections_in_reach(who: Visitor, state: str, text: str = "") -> Select[Any]:
    """Corrections of one state (or ``all``) in this visitor's areas: a query to page through by (asked_at, id).

    text  how the resident's name begins, their number, or a part of the rule's title
    """
    asker, decider = aliased(Person), aliased(Person)
    query = (
        select(
            Correction,
            Claim,
            Person.name,
            Person.number,
            Person.household_id,
            EarningRule.title,
            asker.name.label("by"),
            decider.name.label("decider"),
        )
        .join(Claim, (Claim.scheme_id == Correction.scheme_id) & (Claim.id == Correction.claim_id))
        .join(Person, (Person.scheme_id == Claim.scheme_id) & (Person.id == Claim.person_id))
        .join(asker, (asker.scheme_id == Correction.scheme_id) & (asker.id == Correction.asked_by))
        .outerjoin(decider, (decider.scheme_id == Correction.scheme_id) & (decider.id == Correction.decided_by))
        .join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
        .where(seen_by_staff(who))
    )
    if text := text.strip()[:40]:
        query = query.where(searched(who.scheme_id, text))
    return query if state == "all" else query.where(Correction.state == state)


def asked_of(who: Visitor, correction_id: int) -> Asked:
    """One correction. Raises NotFound outside this visitor's reach."""
    row = None
    if is_id(correction_id):
        row = db.session.execute(corrections_in_reach(who, "all").where(Correction.id == correction_id)).one_or_none()
    if row is None:
        raise NotFound()
    return Asked(*row)


def refusals_of(who: Visitor, rows: Sequence[Asked], at: datetime) -> dict[int, NotAllowed]:
    """Why this visitor may not decide about which of the corrections that wait; one not in the answer they may."""
    waiting = [row for row in rows if row.correction.state == CorrectionState.ASKED]
    barred = objections_to(who, [row.claim for row in waiting], at, may_have_entered=True, is_vote=False)
    found = {row.correction.id: barred[row.claim.id] for row in waiting if row.claim.id in barred}
    return found | {row.correction.id: OwnCorrection() for row in waiting if row.correction.asked_by == who.person_id}


def missing_of(who: Visitor, rows: Sequence[Asked]) -> dict[int, int]:
    """How many minor units of points each correction that waits could not take back now, having been spent."""
    waiting = [row for row in rows if row.correction.state == CorrectionState.ASKED]
    if not waiting:
        return {}
    unit = units_of(who.scheme_id)[POINTS]
    balances = balances_of(who.scheme_id, {row.claim.person_id for row in waiting}, unit)
    return {row.correction.id: max(0, (row.claim.points or 0) - balances[row.claim.person_id]) for row in waiting}
