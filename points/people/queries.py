"""Questions about people and places, for pages. Everything within a scheme and the visitor's reach."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from ..db import db
from .cells import natural, text_of
from .models import Area, Assignment, Household, ImportFile, ImportRow, Person, Role, Trace
from .pinyin import typed
from .rules import Fate
from .visitor import Visitor, within

# ---------------------------------------------------------------- places


@dataclass(frozen=True)
class Node:
    """An area as a tree shows it: its depth (0 at the top of what the visitor reaches) and its full name."""

    area: Area
    depth: int
    label: str

    @property
    def id(self) -> int:
        return self.area.id


def tree(scheme_id: int, reach: tuple[str, ...], *, disabled: bool = False) -> list[Node]:
    """Every area in reach, parents before children, siblings in natural order."""
    wanted = select(Area).where(Area.scheme_id == scheme_id, within(Area.path, reach))
    if not disabled:
        wanted = wanted.where(Area.disabled_at.is_(None))
    areas = {area.id: area for area in db.session.scalars(wanted)}
    below: dict[int | None, list[Area]] = defaultdict(list)
    for area in areas.values():
        below[area.parent_id if area.parent_id in areas else None].append(area)
    found: list[Node] = []

    def walk(parent: int | None, depth: int, above: str) -> None:
        for area in sorted(below[parent], key=lambda a: natural(a.name)):
            label = f"{above} › {area.name}" if above else area.name
            found.append(Node(area, depth, label))
            walk(area.id, depth + 1, label)

    walk(None, 0, "")
    return found


def place_name(area: Area) -> str:
    """An area with what lies above it up to the community: 和苑社区 › 第一网格 › 1 号楼."""
    ids = [int(part) for part in area.path.split("/") if part]
    names = {
        other.id: other
        for other in db.session.scalars(select(Area).where(Area.scheme_id == area.scheme_id, Area.id.in_(ids)))
    }
    shown = [names[i] for i in ids if i in names and (names[i].kind != "subdistrict" or len(ids) == 1)]
    return " › ".join(one.name for one in shown)


@dataclass(frozen=True)
class Post:
    """A role somebody has: the assignment, the person, the area."""

    assignment: Assignment
    person: Person
    area: Area

    @property
    def role(self) -> Role:
        return Role(self.assignment.role)


def posts(scheme_id: int, *where: ColumnElement[bool]) -> list[Post]:
    rows = db.session.execute(
        select(Assignment, Person, Area)
        .join(Person, (Person.scheme_id == Assignment.scheme_id) & (Person.id == Assignment.person_id))
        .join(Area, (Area.scheme_id == Assignment.scheme_id) & (Area.id == Assignment.area_id))
        .where(Assignment.scheme_id == scheme_id, Assignment.ended_at.is_(None), *where)
        .order_by(Assignment.since, Assignment.id)
    )
    return [Post(*row) for row in rows]


def people_in(scheme_id: int) -> dict[int, int]:
    """Area → enabled residents directly in it."""
    rows = db.session.execute(
        select(Person.area_id, func.count())
        .where(Person.scheme_id == scheme_id, Person.disabled_at.is_(None))
        .group_by(Person.area_id)
    )
    return dict(rows.all())


def person_by_number(who: Visitor, number: str, action: str) -> Person | None:
    return db.session.scalar(
        select(Person)
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .where(Person.scheme_id == who.scheme_id, Person.number == number, within(Area.path, who.reach(action)))
    )


# ---------------------------------------------------------------- residents


@dataclass(frozen=True)
class Wanted:
    """What a list of residents is narrowed to."""

    text: str = ""
    area_path: str | None = None
    household_id: int | None = None
    status: str = "here"  # here, gone, all


def matching(text: str) -> ColumnElement[bool] | None:
    """Every word must match: a number's beginning, a name's part, a spelling's beginning, a phone's tail."""
    conditions = []
    for word in text_of(text).split()[:4]:
        ways = [
            Person.number.startswith(word, autoescape=True),
            Person.name.contains(word, autoescape=True),
        ]
        spelt = typed(word)
        if spelt and not spelt.isdigit():
            ways.append(Person.pinyin.contains(f" {spelt}", autoescape=True))
        digits = re.sub(r"[ -]", "", word)
        if digits.isascii() and digits.isdigit() and len(digits) >= 3:
            ways.append(Person.phone.endswith(digits, autoescape=True))
        conditions.append(or_(*ways))
    if not conditions:
        return None
    together = typed(text)  # zeng le, as people space it
    if len(conditions) > 1 and together:
        return or_(and_(*conditions), Person.pinyin.contains(f" {together}", autoescape=True))
    return and_(*conditions)


def residents(who: Visitor, wanted: Wanted, action: str = "people.see") -> Select[Any]:
    """(Person, Area, household number) of those in reach, oldest record first; page it by Person.id."""
    query = (
        select(Person, Area, Household.number)
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .outerjoin(Household, (Household.scheme_id == Person.scheme_id) & (Household.id == Person.household_id))
        .where(Person.scheme_id == who.scheme_id, within(Area.path, who.reach(action)))
    )
    if wanted.area_path is not None:
        query = query.where(within(Area.path, (wanted.area_path,)))
    if wanted.household_id is not None:
        query = query.where(Person.household_id == wanted.household_id)
    if wanted.status != "all":
        gone = Person.disabled_at.is_not(None)
        query = query.where(gone if wanted.status == "gone" else ~gone)
    if (match := matching(wanted.text)) is not None:
        query = query.where(match)
    return query


def household_members(who: Visitor, person: Person) -> Sequence[Person]:
    """Those who live together with somebody, as far as in reach."""
    if person.household_id is None:
        return []
    return db.session.scalars(
        select(Person)
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .where(Person.scheme_id == who.scheme_id, Person.household_id == person.household_id, Person.id != person.id)
        .where(within(Area.path, who.reach("people.see")))
        .order_by(Person.id)
        .limit(30)
    ).all()


def traces_of(scheme_id: int, person_id: int, most: int = 12) -> list[tuple[Trace, str | None]]:
    """The last things somebody looked at or changed about a person, with the actor's name."""
    rows = db.session.execute(
        select(Trace, Person.name)
        .outerjoin(Person, (Person.scheme_id == Trace.scheme_id) & (Person.id == Trace.actor_id))
        .where(Trace.scheme_id == scheme_id, Trace.subject_id == person_id)
        .order_by(Trace.at.desc(), Trace.id.desc())
        .limit(most)
    )
    return [(trace, name) for trace, name in rows]


# ---------------------------------------------------------------- imports


def lists(who: Visitor, most: int = 20) -> list[tuple[ImportFile, Area, str | None]]:
    """The last lists sent for areas in reach, with area and sender."""
    rows = db.session.execute(
        select(ImportFile, Area, Person.name)
        .join(Area, (Area.scheme_id == ImportFile.scheme_id) & (Area.id == ImportFile.area_id))
        .outerjoin(Person, (Person.scheme_id == ImportFile.scheme_id) & (Person.id == ImportFile.made_by))
        .where(ImportFile.scheme_id == who.scheme_id, within(Area.path, who.reach("people.import")))
        .where(ImportFile.dropped_at.is_(None), ImportFile.kind == "residents")
        .order_by(ImportFile.made_at.desc(), ImportFile.id.desc())
        .limit(most)
    )
    return [(file, area, name) for file, area, name in rows]


@dataclass(frozen=True)
class Tally:
    """How many rows have which fate now, and how many of them are written."""

    by_fate: dict[str, int]
    written: int

    def __getitem__(self, fate: str) -> int:
        return self.by_fate.get(fate, 0)

    @property
    def total(self) -> int:
        return sum(self.by_fate.values())

    @property
    def right(self) -> int:
        return self["new"] + self["changed"]

    @property
    def to_mend(self) -> int:
        return self["wrong"] + self["double"]


def tally(file: ImportFile) -> Tally:
    rows = db.session.execute(
        select(ImportRow.fate, func.count())
        .where(ImportRow.scheme_id == file.scheme_id, ImportRow.file_id == file.id)
        .group_by(ImportRow.fate)
    )
    return Tally(dict(rows.all()), file.written)


SHOWN: dict[str, tuple[Fate, ...]] = {
    "mend": (Fate.WRONG, Fate.DOUBLE),
    "changed": (Fate.CHANGED,),
    "new": (Fate.NEW,),
    "same": (Fate.SAME,),
    "all": tuple(Fate),
}


def rows_of(file: ImportFile, shown: str) -> Select[Any]:
    """The rows of a list to be shown, by their number in the sheet."""
    return select(ImportRow).where(
        ImportRow.scheme_id == file.scheme_id, ImportRow.file_id == file.id, ImportRow.fate.in_(SHOWN[shown])
    )


def earlier_same(file: ImportFile) -> ImportFile | None:
    """An earlier list with the very same bytes that was written."""
    return db.session.scalar(
        select(ImportFile)
        .where(ImportFile.scheme_id == file.scheme_id, ImportFile.sha256 == file.sha256, ImportFile.id != file.id)
        .where(ImportFile.kind == file.kind)
        .where(ImportFile.confirmed_at.is_not(None), ImportFile.made_at < file.made_at)
        .order_by(ImportFile.made_at.desc())
        .limit(1)
    )


def area_names(scheme_id: int, ids: Iterable[int]) -> dict[int, str]:
    wanted = set(ids)
    if not wanted:
        return {}
    return {
        area.id: area.name
        for area in db.session.scalars(select(Area).where(Area.scheme_id == scheme_id, Area.id.in_(wanted)))
    }
