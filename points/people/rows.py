"""A row of a resident list as facts, and the places it may name. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import N_
from .cells import Unreadable, address_of, folded, household_of, name_of, number_of, phone_of, year_of

PLACE_COLUMNS = ("area", "community", "grid", "microgrid")

NOT_THERE = N_("没有“{text}”，有{options}")
NOTHING_THERE = N_("没有“{text}”。先在“区域与岗位”里建好，或者改成已有的名字")
SEVERAL_THERE = N_("有 {count} 处都叫“{text}”，请把上一级也写上")
NO_IDENTITY = N_("没有编号和手机号，请至少写上住址和出生年，才认得出是谁")


@dataclass(frozen=True)
class Problem:
    """A sentence about one cell, with its facts; the edge puts it into the reader's language."""

    say: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return {"say": self.say, "facts": dict(self.facts)}


@dataclass(frozen=True)
class Place:
    id: int
    kind: str
    name: str
    path: str


class Places:
    """The areas a list may name: the chosen one, all below it, and those above it (by name only)."""

    def __init__(self, chosen: Place, below: Sequence[Place], above: Sequence[Place] = ()) -> None:
        self.chosen, self.above = chosen, above
        self.named: dict[str, list[Place]] = defaultdict(list)
        for place in below:
            self.named[folded(place.name)].append(place)
        self.below = below

    def find(self, cells: Mapping[str, str]) -> tuple[Place | None, dict[str, Problem]]:
        """The place a row's columns name, from large to small; None when they name none."""
        here, said = self.chosen, False
        for column in PLACE_COLUMNS:
            for text in self.words(column, cells.get(column, "")):
                said = True
                wanted = folded(text)
                if any(folded(place.name) == wanted for place in (*self.above, here) if self._fits(place, column)):
                    continue
                found = [place for place in self.named.get(wanted, ()) if self._fits(place, column)]
                inside = [place for place in found if place.path.startswith(here.path) and place.id != here.id]
                if len(inside) != 1:
                    return None, {column: self._missing(text, column, here, len(inside))}
                here = inside[0]
        return (here if said else None), {}

    @staticmethod
    def words(column: str, text: str) -> list[str]:
        if column != "area":
            return [text] if text.strip() else []
        for mark in "/\\›>｜|》→":
            text = text.replace(mark, "\n")
        return [word.strip() for word in text.split("\n") if word.strip()]

    @staticmethod
    def _fits(place: Place, column: str) -> bool:
        return column == "area" or place.kind == column

    def _missing(self, text: str, column: str, here: Place, count: int) -> Problem:
        if count:
            return Problem(SEVERAL_THERE, {"text": text, "count": count})
        options = [
            p.name for p in self.below if p.path.startswith(here.path) and p.id != here.id and self._fits(p, column)
        ]
        if not options:
            return Problem(NOTHING_THERE, {"text": text})
        return Problem(NOT_THERE, {"text": text, "options": options[:6]})


@dataclass(frozen=True)
class Reading:
    """A row as facts. ``values`` has only what is given and readable; ``problems`` are by column."""

    row: int
    values: Mapping[str, Any]
    problems: Mapping[str, Problem]

    def __getitem__(self, column: str) -> Any:
        return self.values.get(column)


def read_row(row: int, cells: Mapping[str, str], places: Places, this_year: int) -> Reading:
    """The facts in a row's cells, and everything in it that has to be mended."""
    values: dict[str, Any] = {}
    problems: dict[str, Problem] = {}
    readers: dict[str, Callable[[str], Any]] = {
        "number": number_of,
        "name": name_of,
        "phone": phone_of,
        "birth_year": lambda text: year_of(text, this_year),
        "address": address_of,
        "household": household_of,
    }
    for column, reader in readers.items():
        try:
            value = reader(cells.get(column, ""))
        except Unreadable as error:
            problems[column] = Problem(error.say, error.facts)
        else:
            if value is not None:
                values[column] = value
    place, missing = places.find(cells)
    problems.update(missing)
    if place is not None:
        values["area_id"] = place.id
    named = "number" in values or "phone" in values or ("address" in values and "birth_year" in values)
    if not named and not problems.keys() & {"number", "phone", "address", "birth_year"}:
        problems["number"] = Problem(NO_IDENTITY)
    return Reading(row, values, problems)
