"""Who is meant by a row that only names people of the register: a list's members, whoever is to be awarded.

The resident number; without one the phone with the name; else the name with the year of birth. Nobody is guessed:
whoever cannot be told for certain is reported with a sentence that says what to write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import N_
from .cells import COLUMNS, Unreadable, given, meant_by, name_of, number_of, phone_of, year_of
from .enrolment import chunks
from .models import Person
from .register import AT_ONCE, padded, people_by
from .rows import Problem
from .rules import Known

PERSON_COLUMNS = ("number", "name", "phone", "birth_year")
MEANINGS = {word: column for column in PERSON_COLUMNS for word in COLUMNS[column]}

NOBODY_NAMED = N_("没写是谁。请写居民编号，或者写姓名加手机号，或者姓名加出生年")
NAME_ALONE = N_("只有姓名认不准。请写居民编号，或者加上手机号、出生年")
UNKNOWN = N_("没有找到这位居民。请核对，或者先在“居民”里建档")
LOST_ZEROS = N_("没有编号 {text}，有 {number}。是不是 Excel 去掉了前面的 0")
OTHER_NAME = N_("这个编号登记的不是这个姓名，请核对")
ELSEWHERE = N_("这位居民登记在别的社区，请核对编号")
DISABLED = N_("这位居民已停用，请先在“居民”里恢复")
SEVERAL = N_("有 {count} 位对得上，请写上居民编号")


def columns_of(header: list[str]) -> dict[str, int]:
    """Which column of a list of people stands where; empty when this row is no header."""
    found = meant_by(header, MEANINGS)
    return found if "number" in found or "name" in found else {}


@dataclass(frozen=True)
class Named:
    """A row's words for a person, read. ``problems`` are by column."""

    row: int
    number: str | None = None
    name: str | None = None
    phone: str | None = None
    birth_year: int | None = None
    problems: Mapping[str, Problem] = field(default_factory=dict)


def read_named(row: int, cells: Mapping[str, str], this_year: int) -> Named:
    """The facts in a row's cells about whom it means, and what has to be mended in them. Pure."""
    readers: dict[str, Callable[[str], Any]] = {
        "number": number_of,
        "name": lambda text: name_of(text) if given(text) else None,
        "phone": phone_of,
        "birth_year": lambda text: year_of(text, this_year),
    }
    values: dict[str, Any] = {}
    problems: dict[str, Problem] = {}
    for column, reader in readers.items():
        try:
            values[column] = reader(cells.get(column, ""))
        except Unreadable as error:
            problems[column] = Problem(error.say, error.facts)
    if not problems and not (values["number"] or values["name"]):
        problems["number"] = Problem(NOBODY_NAMED)
    elif not problems and not (values["number"] or values["phone"] or values["birth_year"]):
        problems["name"] = Problem(NAME_ALONE)
    return Named(row=row, problems=problems, **values)


class Matcher:
    """The people whom rows might mean. ``find`` tells which one, or why it cannot. Pure once it is made."""

    def __init__(self, people: Iterable[Known]) -> None:
        self.by_number: dict[str, Known] = {}
        self.by_phone: dict[tuple[str, str], list[Known]] = defaultdict(list)
        self.by_year: dict[tuple[str, int], list[Known]] = defaultdict(list)
        self.bare: dict[str, Known] = {}
        for one in {person.id: person for person in people}.values():
            self.by_number[one.number] = one
            if one.number.isascii() and one.number.isdigit():
                self.bare[one.number.lstrip("0")] = one
            if one.phone:
                self.by_phone[one.name, one.phone].append(one)
            if one.birth_year:
                self.by_year[one.name, one.birth_year].append(one)

    def find(self, row: Named) -> tuple[Known | None, dict[str, Problem]]:
        """The person, or what has to be mended, by column."""
        if row.problems:
            return None, dict(row.problems)
        if row.number:
            return self._by_number(row)
        found = self.by_phone.get((row.name or "", row.phone or ""), [])
        if not found and row.birth_year:
            found = self.by_year.get((row.name or "", row.birth_year), [])
        here = [one for one in found if one.reachable and not one.disabled] or found
        if len(here) != 1:
            return None, {"name": Problem(SEVERAL, {"count": len(here)}) if here else Problem(UNKNOWN)}
        return self._allowed(here[0], "name")

    def _by_number(self, row: Named) -> tuple[Known | None, dict[str, Problem]]:
        number = row.number or ""
        known = self.by_number.get(number)
        if known is None:
            meant = self.bare.get(number.lstrip("0")) if number.isascii() and number.isdigit() else None
            if meant is not None and meant.reachable:
                return None, {"number": Problem(LOST_ZEROS, {"text": number, "number": meant.number})}
            return None, {"number": Problem(UNKNOWN)}
        if known.reachable and row.name and row.name != known.name:
            return None, {"name": Problem(OTHER_NAME)}
        return self._allowed(known, "number")

    @staticmethod
    def _allowed(known: Known, column: str) -> tuple[Known | None, dict[str, Problem]]:
        if not known.reachable:
            return None, {column: Problem(ELSEWHERE)}
        if known.disabled:
            return None, {column: Problem(DISABLED)}
        return known, {}


def matcher_for(scheme_id: int, reach: tuple[str, ...], rows: Sequence[Named]) -> Matcher:
    """Everybody whom one of the rows might mean, by sets: three questions for each 500 rows. Read-only."""
    numbers = {row.number for row in rows if row.number}
    people = people_by(scheme_id, reach, Person.number, numbers)
    people += people_by(scheme_id, reach, Person.number, padded(numbers - {one.number for one in people}))
    people += people_by(scheme_id, reach, Person.phone, _told(row.phone for row in rows if not row.number))
    named = sorted({(row.name, row.birth_year) for row in rows if not row.number and row.name and row.birth_year})
    for part in chunks(named, AT_ONCE):
        names, years = {name for name, _ in part}, {year for _, year in part}
        people += people_by(scheme_id, reach, Person.name, names, Person.birth_year.in_(years))
    return Matcher(people)


def _told(values: Iterable[str | None]) -> Collection[str]:
    return {value for value in values if value}
