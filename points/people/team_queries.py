"""Questions about teams and lists, for pages: everything within the scheme and the visitor's reach."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select

from ..db import db
from .models import Area, Household, Person, Team, TeamMember
from .visitor import Visitor, within


@dataclass(frozen=True)
class WantedTeams:
    """What the list of teams is narrowed to."""

    text: str = ""
    kind: str = "all"  # team, organisation, list, all
    status: str = "here"  # here, gone, all


def teams(who: Visitor, wanted: WantedTeams, action: str = "teams.see") -> Select[Any]:
    """(Team, Area, leader's name) in reach, in the order they were made; page it by Team.id."""
    query = (
        select(Team, Area, Person.name)
        .join(Area, (Area.scheme_id == Team.scheme_id) & (Area.id == Team.area_id))
        .outerjoin(Person, (Person.scheme_id == Team.scheme_id) & (Person.id == Team.leader_id))
        .where(Team.scheme_id == who.scheme_id, within(Area.path, who.reach(action)))
    )
    if wanted.kind != "all":
        query = query.where(Team.kind == wanted.kind)
    if wanted.status != "all":
        gone = Team.disabled_at.is_not(None)
        query = query.where(gone if wanted.status == "gone" else ~gone)
    if text := wanted.text.strip()[:40]:
        query = query.where(or_(Team.name.contains(text, autoescape=True), Team.code.startswith(text, autoescape=True)))
    return query


def sizes(scheme_id: int, team_ids: Collection[int]) -> dict[int, int]:
    """Team → how many belong to it; one question by the key's beginning."""
    if not team_ids:
        return {}
    rows = db.session.execute(
        select(TeamMember.team_id, func.count())
        .where(TeamMember.scheme_id == scheme_id, TeamMember.team_id.in_(team_ids))
        .group_by(TeamMember.team_id)
    )
    return dict(rows.all())


def members(who: Visitor, team: Team) -> Select[Any]:
    """(Person, Area, household number, since) of those in a team; page it by Person.id. People of areas out of the
    visitor's reach are among them: they are listed, their pages stay closed."""
    return (
        select(Person, Area, Household.number, TeamMember.since)
        .join(TeamMember, (TeamMember.scheme_id == Person.scheme_id) & (TeamMember.person_id == Person.id))
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .outerjoin(Household, (Household.scheme_id == Person.scheme_id) & (Household.id == Person.household_id))
        .where(TeamMember.scheme_id == who.scheme_id, TeamMember.team_id == team.id)
    )


def member_ids(scheme_id: int, team_id: int) -> list[int]:
    """Enabled people of a team, in the order of their ids."""
    return list(
        db.session.scalars(
            select(TeamMember.person_id)
            .join(Person, (Person.scheme_id == TeamMember.scheme_id) & (Person.id == TeamMember.person_id))
            .where(TeamMember.scheme_id == scheme_id, TeamMember.team_id == team_id, Person.disabled_at.is_(None))
            .order_by(TeamMember.person_id)
        )
    )


def teams_of(scheme_id: int, person_id: int) -> Sequence[Team]:
    """The teams a person's page shows: those in use that are not restricted."""
    return db.session.scalars(
        select(Team)
        .join(TeamMember, (TeamMember.scheme_id == Team.scheme_id) & (TeamMember.team_id == Team.id))
        .where(TeamMember.scheme_id == scheme_id, TeamMember.person_id == person_id)
        .where(Team.disabled_at.is_(None), Team.is_restricted.is_(False))
        .order_by(Team.name, Team.id)
        .limit(30)
    ).all()


def codes_of(scheme_id: int, people: Collection[int]) -> dict[int, frozenset[str]]:
    """Person → the codes of the teams and lists in use they belong to: what rules name in ``members``."""
    found: dict[int, set[str]] = {}
    rows = db.session.execute(
        select(TeamMember.person_id, Team.code)
        .join(Team, (Team.scheme_id == TeamMember.scheme_id) & (Team.id == TeamMember.team_id))
        .where(TeamMember.scheme_id == scheme_id, TeamMember.person_id.in_(people), Team.disabled_at.is_(None))
    )
    for person_id, code in rows:
        found.setdefault(person_id, set()).add(code)
    return {person_id: frozenset(codes) for person_id, codes in found.items()}


def among(scheme_id: int, team_id: int, people: Collection[int]) -> set[int]:
    """Which of these people belong to the team."""
    return set(
        db.session.scalars(
            select(TeamMember.person_id).where(
                TeamMember.scheme_id == scheme_id, TeamMember.team_id == team_id, TeamMember.person_id.in_(people)
            )
        )
    )


def by_number(scheme_id: int, team_id: int, numbers: Collection[str]) -> dict[str, int]:
    """Resident number → person, of those members whose number is among these."""
    found: dict[str, int] = {}
    ordered = sorted(numbers)
    for start in range(0, len(ordered), 500):
        rows = db.session.execute(
            select(Person.number, Person.id)
            .join(TeamMember, (TeamMember.scheme_id == Person.scheme_id) & (TeamMember.person_id == Person.id))
            .where(TeamMember.scheme_id == scheme_id, TeamMember.team_id == team_id)
            .where(Person.number.in_(ordered[start : start + 500]), Person.disabled_at.is_(None))
        )
        found |= {row.number: row.id for row in rows}
    return found
