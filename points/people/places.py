"""What changes places and who does what in them: areas, roles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from ..db import db, is_id, new_id
from ..errors import N_, Conflict, DomainError, NotAllowed, NotFound
from .cells import folded
from .enrolment import lock_register, trace
from .models import Area, AreaKind, Assignment, Person, Role
from .residents import on_duty, resident_for
from .rules import kinds_below, may_give
from .sign_in_rules import roles_need_password
from .signing_in import shorten
from .visitor import Visitor, within


class NameTaken(DomainError):
    """Two places side by side would have one name (第3网格 and 第三网格 are one name)."""

    code = "area_name_taken"
    sentence = N_("这里已经有“{name}”了，请换个名字。")


class KindDoesNotFit(DomainError):
    code = "kind_does_not_fit"
    sentence = N_("这一级下面不能再建这种区域。")


class AreaInUse(Conflict):
    """Facts: ``residents``, ``areas``, ``roles`` still there."""

    code = "area_in_use"
    sentence = N_("这里还有 {residents} 位居民、{areas} 个下级区域、{roles} 个岗位，先移走再停用。")


class ParentDisabled(Conflict):
    code = "parent_disabled"
    sentence = N_("上一级还停用着，先恢复上一级。")


class NotYours(NotAllowed):
    """A role above one's own, or in an area that is not one's own."""

    code = "not_yours_to_give"
    sentence = N_("这个岗位不归您分配，请管理员来办。")


class NotToYourself(NotAllowed):
    code = "not_to_yourself"
    sentence = N_("自己的岗位要请另一位来办。")


class PersonDisabled(Conflict):
    code = "role_for_disabled"
    sentence = N_("这位居民已停用，不能给岗位。")


def area_in_reach(who: Visitor, area_id: int, action: str = "areas.edit") -> Area:
    """An area where the visitor may do the action. Raises NotFound."""
    found = None
    if is_id(area_id):
        found = db.session.scalar(
            select(Area).where(
                Area.scheme_id == who.scheme_id, Area.id == area_id, within(Area.path, who.reach(action))
            )
        )
    if found is None:
        raise NotFound()
    return found


def _free_name(scheme_id: int, parent_id: int | None, name: str, besides: int = 0) -> None:
    siblings = db.session.execute(
        select(Area.id, Area.name).where(Area.scheme_id == scheme_id, Area.parent_id == parent_id)
    )
    if any(other != besides and folded(theirs) == folded(name) for other, theirs in siblings):
        raise NameTaken(name=name)


def add_area(who: Visitor, *, parent_id: int, kind: AreaKind, name: str, at: datetime) -> Area:
    """A new place in another. Raises NotFound, KindDoesNotFit, NameTaken (so sent twice it is made once)."""
    parent = area_in_reach(who, parent_id)
    if parent.disabled_at is not None:
        raise ParentDisabled()
    if kind not in kinds_below(AreaKind(parent.kind)):
        raise KindDoesNotFit()
    lock_register(who.scheme_id)
    _free_name(who.scheme_id, parent.id, name)
    made = Area(scheme_id=who.scheme_id, id=new_id(), parent_id=parent.id, kind=kind, name=name)
    made.path = f"{parent.path}{made.id}/"
    db.session.add(made)
    db.session.flush()
    trace(who.scheme_id, who.person_id, "area.add", None, at, area=str(made.id), name=name, kind=kind)
    return made


def rename_area(who: Visitor, area_id: int, *, name: str, at: datetime) -> None:
    """Another name for the same place. Raises NotFound, NameTaken."""
    area = area_in_reach(who, area_id)
    if area.name == name:
        return
    lock_register(who.scheme_id)
    _free_name(who.scheme_id, area.parent_id, name, area.id)
    trace(who.scheme_id, who.person_id, "area.rename", None, at, area=str(area.id), before=area.name, name=name)
    area.name = name


def disable_area(who: Visitor, area_id: int, at: datetime) -> None:
    """No longer used; what happened there stays in the books. Raises NotFound, AreaInUse."""
    area = area_in_reach(who, area_id)
    lock_register(who.scheme_id)
    here = {
        "residents": _count(Person, Person.area_id == area.id, Person.disabled_at.is_(None), who=who),
        "areas": _count(Area, Area.parent_id == area.id, Area.disabled_at.is_(None), who=who),
        "roles": _count(Assignment, Assignment.area_id == area.id, Assignment.ended_at.is_(None), who=who),
    }
    if any(here.values()):
        raise AreaInUse(**here)
    if area.disabled_at is None:
        area.disabled_at = at
        trace(who.scheme_id, who.person_id, "area.disable", None, at, area=str(area.id), name=area.name)


def _count(table: Any, *where: Any, who: Visitor) -> int:
    query = select(func.count()).select_from(table)
    return db.session.scalar(query.where(table.scheme_id == who.scheme_id, *where)) or 0


def enable_area(who: Visitor, area_id: int, at: datetime) -> None:
    """Used again. Raises NotFound, ParentDisabled."""
    area = area_in_reach(who, area_id)
    parent = db.session.get(Area, (who.scheme_id, area.parent_id)) if area.parent_id else None
    if parent is not None and parent.disabled_at is not None:
        raise ParentDisabled()
    if area.disabled_at is not None:
        area.disabled_at = None
        trace(who.scheme_id, who.person_id, "area.enable", None, at, area=str(area.id), name=area.name)


# ---------------------------------------------------------------- roles


def givers(who: Visitor, role: Role, area_path: str) -> bool:
    """Whether one of the visitor's duties covers giving (or ending) the role in the area."""
    return any(may_give(duty.role, role) and area_path.startswith(duty.area_path) for duty in who.duties)


def giveable(who: Visitor, area_path: str) -> list[Role]:
    return [role for role in Role if givers(who, role, area_path)]


def all_giveable(who: Visitor) -> list[Role]:
    """The roles the visitor may give somewhere."""
    return [role for role in Role if any(may_give(duty.role, role) for duty in who.duties)]


def give_role(who: Visitor, *, person_id: int, role: str, area_id: int, at: datetime) -> None:
    """A role in an area and everything below it. Giving it again changes nothing.

    Raises NotFound, NotToYourself, NotYours, PersonDisabled.
    """
    role = Role(role)
    area = area_in_reach(who, area_id, "roles.give")
    on_duty(who)
    person = resident_for(who, person_id, "roles.give")
    if person.id == who.person_id:
        raise NotToYourself()
    if not givers(who, role, area.path):
        raise NotYours()
    if person.disabled_at is not None:
        raise PersonDisabled()
    if area.disabled_at is not None:
        raise NotFound()
    found = db.session.scalar(
        select(Assignment).where(
            Assignment.scheme_id == who.scheme_id,
            Assignment.person_id == person.id,
            Assignment.role == role,
            Assignment.area_id == area.id,
        )
    )
    if found is not None and found.ended_at is None:
        return
    if found is not None:
        found.since, found.ended_at, found.given_by = at, None, who.person_id
    else:
        db.session.add(
            Assignment(
                scheme_id=who.scheme_id,
                id=new_id(),
                person_id=person.id,
                role=role,
                area_id=area.id,
                since=at,
                given_by=who.person_id,
            )
        )
    trace(who.scheme_id, who.person_id, "role.give", person.id, at, role=role, area=str(area.id))
    if roles_need_password({role}):
        shorten(who.scheme_id, person.id, at)
    db.session.flush()


def end_role(who: Visitor, assignment_id: int, at: datetime) -> Assignment:
    """The role ends now. Repeating it changes nothing. Raises NotFound, NotToYourself, NotYours."""
    on_duty(who)
    row = None
    if is_id(assignment_id):
        row = db.session.execute(
            select(Assignment, Area.path)
            .join(Area, (Area.scheme_id == Assignment.scheme_id) & (Area.id == Assignment.area_id))
            .where(Assignment.scheme_id == who.scheme_id, Assignment.id == assignment_id)
            .where(within(Area.path, who.reach("roles.give")))
        ).one_or_none()
    if row is None:
        raise NotFound()
    given, path = row
    if given.person_id == who.person_id:
        raise NotToYourself()
    if not givers(who, Role(given.role), path):
        raise NotYours()
    if given.ended_at is None:
        given.ended_at = at
        trace(who.scheme_id, who.person_id, "role.end", given.person_id, at, role=given.role, area=str(given.area_id))
    return given
