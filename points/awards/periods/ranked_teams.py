"""Teams in a ranking: what was done with each of them, and by its members for themselves; and who belongs to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from ...db import db
from ...people.models import Area, Person, Team, TeamKind, TeamMember
from ...rulebook.pieces import Ranking
from ..models import Claim
from .ranked import Earned, credited


@dataclass
class Crew:
    """A team that is ranked: its members, and what whom of them did for it, as the ranking counts.

    speaker  by whom the team's own prize is claimed: its leader, or the first of its members
    """

    name: str
    speaker: int
    members: tuple[int, ...] = ()
    did: dict[int, int] = field(default_factory=dict)


def crews_of(scheme_id: int, ranking: Ranking, before: datetime) -> dict[int, Crew]:
    """The teams that are ranked: those that the ranking names, or every team and organisation, of its areas; in use,
    there before a moment, with somebody in them. Lists are ranked where they are named; what is told to
    few never is."""
    query = select(Team.id, Team.name, Team.leader_id).where(
        Team.scheme_id == scheme_id,
        Team.disabled_at.is_(None),
        Team.is_restricted.is_(False),
        Team.made_at < before,
    )
    if ranking.who.members:
        query = query.where(Team.code.in_(ranking.who.members))
    else:
        query = query.where(Team.kind != TeamKind.LIST)
    if ranking.who.areas:
        named, home = Area.__table__.alias("named"), Area.__table__.alias("home")
        query = query.join(home, (home.c.scheme_id == Team.scheme_id) & (home.c.id == Team.area_id))
        query = query.join(named, (named.c.scheme_id == scheme_id) & home.c.path.like(named.c.path + "%"))
        query = query.where(named.c.name.in_(ranking.who.areas))
    found = {row.id: row for row in db.session.execute(query)}
    members = members_of(scheme_id, found)
    crews = {}
    for team_id, row in found.items():
        inside = tuple(members[team_id])
        speaker = row.leader_id or next(iter(inside), None)
        if speaker is not None:
            crews[team_id] = Crew(row.name, speaker, inside)
    return crews


def leave_out(crews: Mapping[int, Crew], people: Collection[int]) -> None:
    """Whoever is kept from rankings is no member there: nothing of theirs counts, and they get nothing of a prize."""
    for crew in crews.values():
        crew.members = tuple(one for one in crew.members if one not in people)


def members_of(scheme_id: int, team_ids: Collection[int]) -> dict[int, list[int]]:
    """Enabled people of each team, in the order of their ids."""
    rows = db.session.execute(
        select(TeamMember.team_id, TeamMember.person_id)
        .join(Person, (Person.scheme_id == TeamMember.scheme_id) & (Person.id == TeamMember.person_id))
        .where(TeamMember.scheme_id == scheme_id, TeamMember.team_id.in_(team_ids), Person.disabled_at.is_(None))
        .order_by(TeamMember.team_id, TeamMember.person_id)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for team_id, person_id in rows:
        found[team_id].append(person_id)
    return found


def earned_by_teams(
    scheme_id: int, ranking: Ranking, crews: Mapping[int, Crew], start: datetime, end: datetime, out: Select[Any]
) -> Earned:
    """What each team earned, and when the last of it was: by deeds done with it, whoever did them, and by those of its
    members that name no team (of somebody in two teams they count for both). Notes who did how much."""
    teams: dict[int, list[int]] = defaultdict(list)
    for team_id, crew in crews.items():
        for person_id in crew.members:
            teams[person_id].append(team_id)
    total: dict[int, tuple[int, datetime | None]] = dict.fromkeys(crews, (0, None))
    query = credited(scheme_id, ranking, start, end, out, Claim.team_id, Claim.person_id)
    for with_team, person_id, amount, at in db.session.execute(query):
        for team_id in teams[person_id] if with_team is None else [with_team]:
            if team_id in total:
                had, last = total[team_id]
                total[team_id] = had + int(amount), max(filter(None, (last, at)), default=None)
                crews[team_id].did[person_id] = crews[team_id].did.get(person_id, 0) + int(amount)
    return total
