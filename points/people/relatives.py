"""Who is close to whom: noted by staff, kept both ways. Neither of two relatives reviews for the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, or_, select

from ..db import db, insert_into
from ..errors import N_, DomainError, NotAllowed
from .enrolment import trace
from .models import Person, Relative
from .residents import resident_for
from .visitor import Visitor

KINDS = ("spouse", "parent", "child", "sibling", "other")  # what the other one is to the person
KIND_WORDS = {
    "spouse": N_("配偶"),
    "parent": N_("父母"),
    "child": N_("子女"),
    "sibling": N_("兄弟姐妹"),
    "other": N_("其他亲属"),
}
TURNED = {"parent": "child", "child": "parent"}
MOST = 30


class SamePerson(DomainError):
    code = "same_person"
    sentence = N_("这是同一个人，请另选一位。")


class TooManyRelatives(DomainError):
    code = "too_many_relatives"
    sentence = N_("亲属最多记 30 位。请先去掉不再需要的。")


class OwnRelative(NotAllowed):
    code = "own_relatives_kept"
    sentence = N_("自己的亲属可以加，去掉要请另一位同事来办。")


@dataclass(frozen=True)
class Kin:
    """Somebody's relative: what they are to that person."""

    person: Person
    kind: str


def add_relative(who: Visitor, person_id: int, *, other_id: int, kind: str, at: datetime) -> None:
    """Note that ``other`` is the person's spouse, parent, child…; the other way round is noted too. Again: the kind is
    put right. Whoever is concerned may say so themselves: it can only take a right away from them.

    Raises NotFound (either), SamePerson, TooManyRelatives.
    """
    person = resident_for(who, person_id, "people.edit")
    other = resident_for(who, other_id, "people.see")
    if person.id == other.id:
        raise SamePerson()
    for one in (person.id, other.id):
        if len(relatives_of(who.scheme_id, one)) >= MOST:
            raise TooManyRelatives()
    noted = {"scheme_id": who.scheme_id, "noted_by": who.person_id, "noted_at": at}
    rows = [
        noted | {"person_id": person.id, "other_id": other.id, "kind": kind},
        noted | {"person_id": other.id, "other_id": person.id, "kind": TURNED.get(kind, kind)},
    ]
    put = insert_into(Relative.__table__).values(sorted(rows, key=lambda row: row["person_id"]))
    db.session.execute(
        put.on_conflict_do_update(
            index_elements=["scheme_id", "person_id", "other_id"], set_={"kind": put.excluded.kind}
        )
    )
    trace(who.scheme_id, who.person_id, "relative.add", person.id, at, other=str(other.id), kind=kind)
    trace(who.scheme_id, who.person_id, "relative.add", other.id, at, other=str(person.id))


def remove_relative(who: Visitor, person_id: int, other_id: int, at: datetime) -> None:
    """They are not relatives after all. Repeating it changes nothing. Nobody takes away their own: it keeps them from
    reviewing for each other. Raises NotFound, OwnRelative."""
    person = resident_for(who, person_id, "people.edit")
    if who.person_id in (person.id, other_id):
        raise OwnRelative()
    table = Relative.__table__
    there, back = table.c.person_id, table.c.other_id
    gone = db.session.execute(
        delete(table).where(  # type: ignore[arg-type]
            table.c.scheme_id == who.scheme_id,
            or_(and_(there == person.id, back == other_id), and_(there == other_id, back == person.id)),
        )
    )
    if gone.rowcount:
        trace(who.scheme_id, who.person_id, "relative.remove", person.id, at, other=str(other_id))
        trace(who.scheme_id, who.person_id, "relative.remove", other_id, at, other=str(person.id))


def relatives_of(scheme_id: int, person_id: int) -> list[Kin]:
    """Everybody noted as close to a person, with what they are to them."""
    rows = db.session.execute(
        select(Person, Relative.kind)
        .join(Relative, (Relative.scheme_id == Person.scheme_id) & (Relative.other_id == Person.id))
        .where(Relative.scheme_id == scheme_id, Relative.person_id == person_id)
        .order_by(Relative.other_id)
    )
    return [Kin(*row) for row in rows]
