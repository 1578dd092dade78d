"""What a rule asks of the claim form beside the usual fields: shown only for the rules that need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from ..db import db
from ..people.models import Team, TeamKind, TeamMember
from ..people.visitor import Visitor
from ..rulebook.queries import KnownRule
from ..rulebook.terms import Rule
from ..web.formats import decimal

MOST_TEAMS = 200


@dataclass(frozen=True)
class Pick:
    """A coefficient that the claimant chooses, with its choices (code, title)."""

    code: str
    title: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Asked:
    """What one rule asks: names of fields, the grades to choose of (code, title, points), the coefficients."""

    code: str
    title: str
    fields: tuple[str, ...]
    grades: tuple[tuple[str, str, str], ...] = ()
    several: bool = False
    picks: tuple[Pick, ...] = ()


def asked_of(known: KnownRule, for_other: bool) -> Asked:
    """What the form has to ask for a rule. Attendance is only ever stated by somebody else than the claimant."""
    rule = known.rule
    proofs = (rule.evidence, *rule.evidence.any)
    wanted = {
        "team_id": rule.subject == "team" or any(cap.who == "team" for cap in rule.caps),
        "helped": any(proof.helped for proof in proofs),
        "files": any(proof.files for proof in proofs),
        "record": any(proof.record for proof in proofs),
        "attended": for_other and any(proof.attendance for proof in proofs),
        "subject": any(cap.per == "subject" for cap in rule.caps),
        "act": any(cap.per == "act" for cap in rule.caps) or any(once.same == "act" for once in rule.once),
        "sharers": rule.amount.type == "shared",
        "began": asks_time(rule),
    }
    amount = rule.amount
    return Asked(
        rule.code,
        rule.title,
        tuple(name for name, is_asked in wanted.items() if is_asked),
        tuple((one.code, one.title, decimal(one.points, 3)) for one in amount.choices),
        amount.mode == "several",
        tuple(
            Pick(one.code, one.title, tuple((choice.code, choice.title) for choice in one.choices))
            for one in amount.coefficients
            if one.by == "claimant"
        ),
    )


def asks_time(rule: Rule) -> bool:
    """Whether what it is worth depends on the time of the day."""
    return any(
        choice.when is not None and (choice.when.begins or choice.when.ends)
        for one in rule.amount.coefficients
        for choice in one.choices
    )


def teams_for(who: Visitor, for_other: bool) -> Sequence[tuple[int, str]]:
    """The teams one may enter a deed for: one's own; for staff, any of the scheme."""
    query = select(Team.id, Team.name).where(
        Team.scheme_id == who.scheme_id,
        Team.disabled_at.is_(None),
        Team.kind.in_((TeamKind.TEAM, TeamKind.ORGANISATION)),
    )
    if not (for_other and who.may("claims.review")):
        mine = select(TeamMember.team_id).where(
            TeamMember.scheme_id == who.scheme_id, TeamMember.person_id == who.person_id
        )
        query = query.where(or_(Team.leader_id == who.person_id, Team.id.in_(mine)))
    return [(row.id, row.name) for row in db.session.execute(query.order_by(Team.name, Team.id).limit(MOST_TEAMS))]
