"""What changes residents: create, edit, disable, households, and looking at what is masked.

Nobody changes their own or their household's record (who belongs together decides who may approve for whom), nor that
of somebody whose role stands above theirs. Everything is traced.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from ..db import db, is_id
from ..errors import N_, Conflict, DomainError, NotAllowed, NotFound
from .enrolment import create_person, household_of, lock_register, rename_sign_in, trace
from .models import Area, Assignment, Household, Person, Role, SignInName, Trace
from .pinyin import spellings
from .rules import rank_of
from .visitor import Visitor, within


class NumberTaken(DomainError):
    code = "number_taken"
    sentence = N_("这个编号已经有人用了，请换一个。")


class LooksLikeDouble(DomainError):
    """Somebody of the same name with the same phone, or address and year of birth, is there. Facts: ``number``."""

    code = "looks_like_double"
    sentence = N_("已有同名同资料的居民，编号 {number}。确实是另一位，请勾选后再存。")


class ForeignHousehold(DomainError):
    code = "foreign_household"
    sentence = N_("这个户号是别的社区的，请核对。")


class ChangedMeanwhile(Conflict):
    """Somebody else saved the record after this form was opened. Facts: ``columns``, what differs now."""

    code = "changed_meanwhile"
    sentence = N_("有人刚改过这位居民的资料。请看一下现在的内容，再决定存不存。")


class OwnRecord(NotAllowed):
    code = "own_record"
    sentence = N_("这是您自己或家里人的资料，请另一位同事来改。")


class AboveYou(NotAllowed):
    code = "above_you"
    sentence = N_("这位的岗位比您高，请管理员来改。")


def resident_for(who: Visitor, person_id: int, action: str, *, lock: bool = False) -> Person:
    """A person in an area where the visitor may do the action. Raises NotFound, for foreign and unknown alike."""
    wanted = (
        select(Person)
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .where(Person.scheme_id == who.scheme_id, Person.id == person_id, within(Area.path, who.reach(action)))
    )
    if lock:
        wanted = wanted.with_for_update(of=Person).execution_options(populate_existing=True)
    found = db.session.scalar(wanted) if is_id(person_id) else None
    if found is None:
        raise NotFound()
    return found


def roles_of(scheme_id: int, person_id: int) -> list[Role]:
    """The roles a person has now, anywhere in the scheme."""
    return [
        Role(role)
        for role in db.session.scalars(
            select(Assignment.role).where(
                Assignment.scheme_id == scheme_id, Assignment.person_id == person_id, Assignment.ended_at.is_(None)
            )
        )
    ]


def on_duty(who: Visitor) -> None:
    """Lock the register and look again whether the visitor still stands where they stood when the request began.

    Two administrators who dismiss each other at the same moment: the second one is dismissed already.
    """
    lock_register(who.scheme_id)
    gone = select(Person.disabled_at).where(Person.scheme_id == who.scheme_id, Person.id == who.person_id)
    if db.session.scalar(gone) is not None or rank_of(roles_of(who.scheme_id, who.person_id)) < rank_of(who.roles):
        raise NotAllowed()


def _editable(who: Visitor, person_id: int) -> Person:
    on_duty(who)
    person = resident_for(who, person_id, "people.edit", lock=True)
    if person.id == who.person_id or (person.household_id and person.household_id == who.household_id):
        raise OwnRecord()
    if rank_of(roles_of(who.scheme_id, person.id)) > rank_of(who.roles):
        raise AboveYou()
    return person


def _area_for(who: Visitor, area_id: int) -> Area:
    found = db.session.scalar(
        select(Area).where(
            Area.scheme_id == who.scheme_id,
            Area.id == area_id,
            Area.disabled_at.is_(None),
            within(Area.path, who.reach("people.edit")),
        )
    )
    if found is None:
        raise NotFound()
    return found


def _reachable_household(who: Visitor, number: str | None) -> None:
    path = db.session.scalar(
        select(Area.path)
        .join(Household, (Household.scheme_id == Area.scheme_id) & (Household.area_id == Area.id))
        .where(Household.scheme_id == who.scheme_id, Household.number == number)
    )
    if path is not None and not who.may_in("people.edit", path):
        raise ForeignHousehold()


def _free_number(scheme_id: int, number: str, besides: int = 0) -> None:
    taken = select(SignInName.person_id).where(SignInName.scheme_id == scheme_id, SignInName.name == number)
    holder = select(Person.id).where(Person.scheme_id == scheme_id, Person.number == number)
    if {*db.session.scalars(taken), *db.session.scalars(holder)} - {besides}:
        raise NumberTaken()


def add_resident(who: Visitor, *, key: str, at: datetime, anyway: bool = False, **facts: Any) -> Person:
    """A new resident in an area in reach; ``facts`` as in ``create_person``.

    key     the form's; sent again within a day, the first one's resident is given back
    anyway  somebody looked and says that a resident of the same name and facts is another person
    Raises NotFound (area), NumberTaken, LooksLikeDouble, ForeignHousehold.
    """
    _area_for(who, facts["area_id"])
    lock_register(who.scheme_id)
    if (earlier := _made_before(who, key, at)) is not None:
        return earlier
    if facts.get("number"):
        _free_number(who.scheme_id, facts["number"])
    if facts.get("household"):
        _reachable_household(who, facts["household"])
    if not anyway and (number := _alike(who.scheme_id, facts)):
        raise LooksLikeDouble(number=number)
    return create_person(who.scheme_id, by=who.person_id, at=at, key=key, **facts)


def _made_before(who: Visitor, key: str, at: datetime) -> Person | None:
    """Whom this visitor added with the same form. The register is locked, so there is one."""
    made = db.session.scalar(
        select(Trace.subject_id).where(
            Trace.scheme_id == who.scheme_id,
            Trace.at > at - timedelta(days=1),
            Trace.actor_id == who.person_id,
            Trace.action == "person.create",
            Trace.detail["key"].as_string() == key,
        )
    )
    return db.session.get(Person, (who.scheme_id, made)) if made is not None else None


def _alike(scheme_id: int, facts: dict[str, Any]) -> str | None:
    """The number of somebody of the same name with the same phone, or the same address and year of birth."""
    same = []
    if facts.get("phone"):
        same.append(Person.phone == facts["phone"])
    if facts.get("address") and facts.get("birth_year"):
        same.append((Person.address == facts["address"]) & (Person.birth_year == facts["birth_year"]))
    if not same:
        return None
    named = select(Person.number).where(Person.scheme_id == scheme_id, Person.name == facts["name"], or_(*same))
    return db.session.scalar(named.limit(1))


EDITED = ("number", "name", "phone", "birth_year", "address", "area_id", "guardian")


def edit_resident(who: Visitor, person_id: int, *, version: int, at: datetime, **facts: Any) -> Person:
    """Put the facts in the place of what was there; unchanged facts change nothing and leave no trace.

    version  of the record as the form showed it
    Raises NotFound, OwnRecord, AboveYou, ChangedMeanwhile, NumberTaken, ForeignHousehold.
    """
    person = _editable(who, person_id)
    household = household_number(person)
    given = {**facts, "number": facts.get("number") or person.number}
    changed = [column for column in EDITED if given.get(column) != getattr(person, column)]
    if given.get("household") != household:
        changed.append("household")
    if not changed:
        return person
    if person.version != version:
        raise ChangedMeanwhile(columns=changed)
    if "area_id" in changed:
        _area_for(who, given["area_id"])
    if "household" in changed:
        number = given.get("household")
        if number:
            _reachable_household(who, number)
        person.household_id = household_of(who.scheme_id, number, given["area_id"]).id if number else None
    if "number" in changed:
        _free_number(who.scheme_id, given["number"], person.id)
        rename_sign_in(who.scheme_id, person.id, person.number, given["number"])
    for column in EDITED:
        setattr(person, column, given.get(column))
    person.pinyin = spellings(person.name)
    person.version += 1
    trace(who.scheme_id, who.person_id, "person.edit", person.id, at, columns=changed)
    db.session.flush()
    return person


def household_number(person: Person) -> str | None:
    if person.household_id is None:
        return None
    return db.session.scalar(
        select(Household.number).where(Household.scheme_id == person.scheme_id, Household.id == person.household_id)
    )


def disable_resident(who: Visitor, person_id: int, at: datetime) -> None:
    """Moved away or gone: signed out everywhere, kept in the books. Repeating it changes nothing.

    Raises NotFound, OwnRecord, AboveYou (also for one of the same rank: only an administrator shuts colleagues out).
    """
    person = _editable(who, person_id)
    theirs = rank_of(roles_of(who.scheme_id, person.id))
    if theirs and theirs >= rank_of(who.roles) and Role.ADMIN not in who.roles:
        raise AboveYou()
    if person.disabled_at is None:
        person.disabled_at, person.version = at, person.version + 1
        trace(who.scheme_id, who.person_id, "person.disable", person.id, at)


def enable_resident(who: Visitor, person_id: int, at: datetime) -> None:
    """Back again. Repeating it changes nothing. Raises NotFound, OwnRecord, AboveYou."""
    person = _editable(who, person_id)
    if person.disabled_at is not None:
        person.disabled_at, person.version = None, person.version + 1
        trace(who.scheme_id, who.person_id, "person.enable", person.id, at)


def unmask(who: Visitor, person_id: int, at: datetime) -> Person:
    """The person with nothing hidden; that somebody looked is written down. Raises NotFound."""
    person = resident_for(who, person_id, "people.unmask")
    trace(who.scheme_id, who.person_id, "person.unmask", person.id, at)
    return person


def open_record(who: Visitor, person_id: int, at: datetime) -> Person:
    """The person as the form to edit shows them, nothing hidden: written down as well.

    Raises NotFound, OwnRecord, AboveYou.
    """
    person = _editable(who, person_id)
    trace(who.scheme_id, who.person_id, "person.open", person.id, at)
    return person
