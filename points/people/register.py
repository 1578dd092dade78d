"""The register as an import asks it: the people a list might mean, and the places it may name. Set-based, read-only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import select

from ..db import db
from .cells import natural
from .enrolment import chunks
from .models import Area, Assignment, Household, Person, Role, SignInName
from .rows import Place, Places, Reading
from .rules import Known, Register, rank_of
from .visitor import within

AT_ONCE = 500  # values in one IN list
LONGEST = 8  # digits to which a number is padded when looking for one that lost its zeros


def places_within(scheme_id: int, chosen: Area) -> Places:
    """The chosen area, every enabled one below it, and the names of those above."""
    below = [
        Place(area.id, area.kind, area.name, area.path)
        for area in db.session.scalars(
            select(Area).where(
                Area.scheme_id == scheme_id, Area.disabled_at.is_(None), within(Area.path, (chosen.path,))
            )
        )
    ]
    ids = [int(part) for part in chosen.path.split("/") if part][:-1]
    above = [
        Place(area.id, area.kind, area.name, area.path)
        for area in db.session.scalars(select(Area).where(Area.scheme_id == scheme_id, Area.id.in_(ids)))
    ]
    me = Place(chosen.id, chosen.kind, chosen.name, chosen.path)
    return Places(me, sorted((place for place in below if place.id != chosen.id), key=lambda p: natural(p.name)), above)


def register_for(scheme_id: int, reach: tuple[str, ...], rows: Sequence[Reading]) -> Register:
    """Everybody whom one of the rows might mean: by number, phone, or name with address and year of birth."""
    numbers = {row["number"] for row in rows if row["number"]}
    people = people_by(scheme_id, reach, Person.number, numbers)
    lost = numbers - {one.number for one in people}
    people += people_by(scheme_id, reach, Person.number, padded(lost))
    people += people_by(scheme_id, reach, Person.phone, {row["phone"] for row in rows if row["phone"]})
    named = {(row["name"], row["address"]) for row in rows if row["name"] and row["address"] and row["birth_year"]}
    for part in chunks(sorted(named), AT_ONCE):
        # Both by themselves: a few too many come back, but each engine uses its index on names.
        names, addresses = {name for name, _ in part}, {address for _, address in part}
        people += people_by(scheme_id, reach, Person.name, names, Person.address.in_(addresses))
    return Register(
        people,
        _found(SignInName.name, SignInName.scheme_id == scheme_id, lost),
        _foreign_households(scheme_id, reach, {row["household"] for row in rows if row["household"]}),
    )


def padded(numbers: Iterable[str]) -> set[str]:
    """The same numbers with their leading zeros put back or taken off: 452 → 0452, 00452 …"""
    found: set[str] = set()
    for number in numbers:
        if number.isascii() and number.isdigit() and (bare := number.lstrip("0")):
            found |= {bare.zfill(width) for width in range(len(bare), LONGEST + 1)} - {number}
    return found


def _found(column: Any, where: Any, values: Collection[str]) -> set[str]:
    return {
        value
        for part in chunks(sorted(values), AT_ONCE)
        for value in db.session.scalars(select(column).where(where, column.in_(part)))
    }


def people_by(scheme_id: int, reach: tuple[str, ...], column: Any, values: Collection[str], *also: Any) -> list[Known]:
    found = []
    for part in chunks(sorted(values), AT_ONCE):
        rows = db.session.execute(
            select(
                Person.id,
                Person.number,
                Person.name,
                Person.phone,
                Person.birth_year,
                Person.address,
                Household.number.label("household"),
                Person.household_id,
                Person.area_id,
                Area.path,
                Person.disabled_at,
            )
            .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
            .outerjoin(Household, (Household.scheme_id == Person.scheme_id) & (Household.id == Person.household_id))
            .where(Person.scheme_id == scheme_id, column.in_(part), *also)
        ).all()
        roles = _roles(scheme_id, [row.id for row in rows])
        found += [
            Known(
                id=row.id,
                number=row.number,
                name=row.name,
                phone=row.phone,
                birth_year=row.birth_year,
                address=row.address,
                household=row.household,
                household_id=row.household_id,
                area_id=row.area_id,
                reachable=row.path.startswith(reach) if reach else False,
                disabled=row.disabled_at is not None,
                rank=rank_of(roles[row.id]),
            )
            for row in rows
        ]
    return found


def _roles(scheme_id: int, ids: list[int]) -> dict[int, list[Role]]:
    found: dict[int, list[Role]] = defaultdict(list)
    for part in chunks(ids, AT_ONCE):
        for person_id, role in db.session.execute(
            select(Assignment.person_id, Assignment.role).where(
                Assignment.scheme_id == scheme_id, Assignment.person_id.in_(part), Assignment.ended_at.is_(None)
            )
        ):
            found[person_id].append(Role(role))
    return found


def _foreign_households(scheme_id: int, reach: tuple[str, ...], numbers: Collection[str]) -> set[str]:
    return {
        number
        for part in chunks(sorted(numbers), AT_ONCE)
        for number, path in db.session.execute(
            select(Household.number, Area.path)
            .join(Area, (Area.scheme_id == Household.scheme_id) & (Area.id == Household.area_id))
            .where(Household.scheme_id == scheme_id, Household.number.in_(part))
        )
        if not (reach and path.startswith(reach))
    }
