"""Who a group is: roles, ages, areas, teams and lists, as a document names them. One query, whatever the size."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Select, exists, select

from ...people.models import Area, Assignment, Person, Role, Team, TeamMember


def people_in(scheme_id: int, who: Mapping[str, Any], day: date) -> Select[Any]:
    """The ids of everybody in a group on a day, without those who are disabled. What is left out asks for nothing."""
    query = select(Person.id).where(Person.scheme_id == scheme_id, Person.disabled_at.is_(None))
    roles = set(who.get("roles", ()))
    if roles and Role.RESIDENT not in roles:
        query = query.where(
            exists().where(
                Assignment.scheme_id == scheme_id,
                Assignment.person_id == Person.id,
                Assignment.ended_at.is_(None),
                Assignment.role.in_(roles),
            )
        )
    ages = who.get("ages") or {}
    if "from" in ages:
        query = query.where(Person.birth_year <= day.year - int(ages["from"]))
    if "to" in ages:
        query = query.where(Person.birth_year >= day.year - int(ages["to"]))
    if areas := list(who.get("areas", ())):
        named = Area.__table__.alias("named")
        home = Area.__table__.alias("home")
        query = query.where(
            exists()
            .where(home.c.scheme_id == scheme_id, home.c.id == Person.area_id)
            .where(named.c.scheme_id == scheme_id, named.c.name.in_(areas))
            .where(home.c.path.like(named.c.path + "%"))
        )
    if members := list(who.get("members", ())):
        query = query.where(
            exists()
            .where(TeamMember.scheme_id == scheme_id, TeamMember.person_id == Person.id)
            .where(Team.scheme_id == scheme_id, Team.id == TeamMember.team_id, Team.disabled_at.is_(None))
            .where(Team.code.in_(members))
        )
    return query
