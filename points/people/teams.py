"""What changes teams, organisations and lists: who they are, who leads them, who belongs to them.

Being on a list decides what one earns, so nobody puts themselves or their household on one, or leads it by their own
hand. A team is a holder on the ledger. Everything is traced; looking at a restricted list is, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from ..db import db, insert_into, is_id, new_id
from ..errors import N_, Conflict, DomainError, NotAllowed, NotFound
from ..ledger import HolderKind, open_holder
from .enrolment import chunks, lock_register, trace
from .models import Area, Person, Team, TeamKind, TeamMember, Trace
from .residents import resident_for
from .visitor import Visitor, within

AT_ONCE = 1_000
MOST_MEMBERS = 20_000  # added at once
HOLDERS = {
    TeamKind.TEAM: HolderKind.GROUP,
    TeamKind.LIST: HolderKind.GROUP,
    TeamKind.ORGANISATION: HolderKind.ORGANISATION,
}


class CodeTaken(DomainError):
    code = "team_code_taken"
    sentence = N_("这个代号已经有了，请换一个。")


class TeamChanged(Conflict):
    """Somebody else saved the team after this form was opened."""

    code = "team_changed"
    sentence = N_("有人刚改过这里。请看一下现在的内容，再改一次。")


class OwnPlace(NotAllowed):
    code = "own_place"
    sentence = N_("把自己或家里人放进名单、当队长，要请另一位同事来办。")


class TeamDisabled(Conflict):
    code = "team_disabled"
    sentence = N_("这里已经停用，先恢复再改名单。")


def team_for(who: Visitor, team_id: int, action: str = "teams.see", *, lock: bool = False) -> Team:
    """A team in an area where the visitor may do the action. Raises NotFound, for foreign and unknown alike."""
    wanted = (
        select(Team)
        .join(Area, (Area.scheme_id == Team.scheme_id) & (Area.id == Team.area_id))
        .where(Team.scheme_id == who.scheme_id, Team.id == team_id, within(Area.path, who.reach(action)))
    )
    if lock:
        wanted = wanted.with_for_update(of=Team).execution_options(populate_existing=True)
    found = db.session.scalar(wanted) if is_id(team_id) else None
    if found is None:
        raise NotFound()
    return found


def add_team(
    who: Visitor,
    *,
    name: str,
    kind: str,
    area_id: int,
    key: str,
    at: datetime,
    code: str = "",
    leader_id: int | None = None,
    note: str = "",
    is_restricted: bool = False,
) -> Team:
    """A new team, organisation or list in an area in reach, with its holder on the ledger.

    code  what rules name it by; empty: one is made up
    key   the form's; sent again within a day, the first one's team is given back
    Raises NotFound (area, leader), CodeTaken, OwnPlace.
    """
    _area_for(who, area_id)
    lock_register(who.scheme_id)
    if (earlier := _made_before(who, key, at)) is not None:
        return earlier
    code = code or f"t{secrets.token_hex(4)}"
    _free_code(who.scheme_id, code)
    kind = TeamKind(kind)
    team_id = open_holder(who.scheme_id, new_id(), HOLDERS[kind])
    made = Team(
        scheme_id=who.scheme_id,
        id=team_id,
        code=code,
        name=name,
        kind=kind,
        area_id=area_id,
        leader_id=_leader(who, leader_id, None),
        note=note,
        is_restricted=is_restricted,
        made_at=at,
    )
    db.session.add(made)
    trace(who.scheme_id, who.person_id, "team.create", team_id, at, key=key, code=code)
    db.session.flush()
    return made


EDITED = ("code", "name", "area_id", "leader_id", "note", "is_restricted")


def edit_team(who: Visitor, team_id: int, *, version: int, at: datetime, **facts: Any) -> Team:
    """Put the facts (any of ``EDITED``) in the place of what was there; its kind stays what it is.

    version  of the team as the form showed it
    Raises NotFound, TeamChanged, CodeTaken, OwnPlace.
    """
    team = team_for(who, team_id, "teams.edit", lock=True)
    changed = [column for column in EDITED if column in facts and facts[column] != getattr(team, column)]
    if not changed:
        return team
    if team.version != version:
        raise TeamChanged()
    if "area_id" in changed:
        _area_for(who, facts["area_id"])
    if "code" in changed:
        lock_register(who.scheme_id)
        _free_code(who.scheme_id, facts["code"])
    if "leader_id" in changed:
        _leader(who, facts["leader_id"], team.leader_id)
    for column in changed:
        setattr(team, column, facts[column])
    team.version += 1
    trace(who.scheme_id, who.person_id, "team.edit", team.id, at, columns=changed)
    db.session.flush()
    return team


def disable_team(who: Visitor, team_id: int, at: datetime) -> None:
    """No longer counts for any rule; its members and its books stay. Repeating it changes nothing. Raises NotFound."""
    team = team_for(who, team_id, "teams.edit", lock=True)
    if team.disabled_at is None:
        team.disabled_at, team.version = at, team.version + 1
        trace(who.scheme_id, who.person_id, "team.disable", team.id, at)


def enable_team(who: Visitor, team_id: int, at: datetime) -> None:
    """Counts again. Repeating it changes nothing. Raises NotFound."""
    team = team_for(who, team_id, "teams.edit", lock=True)
    if team.disabled_at is not None:
        team.disabled_at, team.version = None, team.version + 1
        trace(who.scheme_id, who.person_id, "team.enable", team.id, at)


# ---------------------------------------------------------------- members


def open_members(who: Visitor, team_id: int, at: datetime) -> Team:
    """The team, to look at who belongs to it: for a restricted list this is written down. Raises NotFound."""
    team = team_for(who, team_id)
    if team.is_restricted:
        team = team_for(who, team_id, "teams.open")
        trace(who.scheme_id, who.person_id, "team.open", team.id, at)
    return team


def add_members(who: Visitor, team_id: int, people: Collection[int], at: datetime) -> int:
    """Put people in reach into the team; whoever is in it already stays. Returns how many are new.

    Raises NotFound (team, or one of the people), TeamDisabled, OwnPlace.
    """
    team = team_for(who, team_id, "teams.edit", lock=True)
    if team.disabled_at is not None:
        raise TeamDisabled()
    wanted = sorted(set(people))[: MOST_MEMBERS + 1]
    known = _in_reach(who, wanted)
    if len(known) != len(wanted) or len(wanted) > MOST_MEMBERS:
        raise NotFound()
    if any(_is_own(who, *one) for one in known):
        raise OwnPlace()
    added: list[int] = []
    scheme = {"scheme_id": who.scheme_id, "team_id": team.id}
    for part in chunks(wanted, AT_ONCE):
        rows = [scheme | {"person_id": one, "since": at, "added_by": who.person_id} for one in part]
        put = insert_into(TeamMember.__table__).values(rows).on_conflict_do_nothing()
        added += db.session.scalars(put.returning(TeamMember.__table__.c.person_id))
    _trace_each(who, "team.member_add", team.id, added, at)
    return len(added)


def remove_members(who: Visitor, team_id: int, people: Collection[int], at: datetime) -> int:
    """Take people out of the team. Returns how many were in it. Raises NotFound, OwnPlace."""
    team = team_for(who, team_id, "teams.edit", lock=True)
    removed: list[int] = []
    for part in chunks(sorted(set(people)), AT_ONCE):
        members = select(Person.id, Person.household_id).where(Person.scheme_id == who.scheme_id, Person.id.in_(part))
        if any(_is_own(who, *one) for one in db.session.execute(members)):
            raise OwnPlace()
        member = TeamMember.__table__.c
        mine = (member.scheme_id == who.scheme_id, member.team_id == team.id, member.person_id.in_(part))
        removed += db.session.scalars(delete(TeamMember.__table__).where(*mine).returning(member.person_id))
    _trace_each(who, "team.member_remove", team.id, removed, at)
    return len(removed)


# ---------------------------------------------------------------- how it is done


def _area_for(who: Visitor, area_id: int) -> None:
    found = select(Area.id).where(
        Area.scheme_id == who.scheme_id,
        Area.id == area_id,
        Area.disabled_at.is_(None),
        within(Area.path, who.reach("teams.edit")),
    )
    if not is_id(area_id) or db.session.scalar(found) is None:
        raise NotFound()


def _free_code(scheme_id: int, code: str) -> None:
    if db.session.scalar(select(Team.id).where(Team.scheme_id == scheme_id, Team.code == code)) is not None:
        raise CodeTaken()


def _made_before(who: Visitor, key: str, at: datetime) -> Team | None:
    made = db.session.scalar(
        select(Trace.subject_id).where(
            Trace.scheme_id == who.scheme_id,
            Trace.at > at - timedelta(days=1),
            Trace.actor_id == who.person_id,
            Trace.action == "team.create",
            Trace.detail["key"].as_string() == key,
        )
    )
    return db.session.get(Team, (who.scheme_id, made)) if made is not None else None


def _leader(who: Visitor, leader_id: int | None, before: int | None) -> int | None:
    if leader_id is None or leader_id == before:
        return leader_id
    person = resident_for(who, leader_id, "people.see")
    if _is_own(who, person.id, person.household_id):
        raise OwnPlace()
    return person.id


def _is_own(who: Visitor, person_id: int, household_id: int | None) -> bool:
    return person_id == who.person_id or (household_id is not None and household_id == who.household_id)


def _in_reach(who: Visitor, ids: Sequence[int]) -> list[tuple[int, int | None]]:
    """(person, household) of those in reach who are not disabled."""
    found: list[tuple[int, int | None]] = []
    for part in chunks(list(ids), AT_ONCE):
        rows = db.session.execute(
            select(Person.id, Person.household_id)
            .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
            .where(Person.scheme_id == who.scheme_id, Person.id.in_(part), Person.disabled_at.is_(None))
            .where(within(Area.path, who.reach("people.see")))
        )
        found += [(row.id, row.household_id) for row in rows]
    return found


def _trace_each(who: Visitor, action: str, team_id: int, people: Sequence[int], at: datetime) -> None:
    rows = [
        {
            "scheme_id": who.scheme_id,
            "id": new_id(),
            "at": at,
            "actor_id": who.person_id,
            "action": action,
            "subject_id": person_id,
            "detail": {"team": str(team_id)},
        }
        for person_id in people
    ]
    for part in chunks(rows, AT_ONCE):
        db.session.execute(insert(Trace), part)
