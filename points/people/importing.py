"""Importing a resident list, first half: look at it, and keep it beside the register until somebody confirms it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import delete, insert, select

from .. import clock
from ..db import db, is_id, new_id
from ..errors import Conflict, NotFound
from .enrolment import chunks, trace
from .models import Area, ImportFile, ImportRow, Role
from .register import places_within, register_for
from .rows import Problem, Reading, read_row
from .rules import OPERATOR, Fate, Importer, Verdict, judge_all, rank_of
from .sheets import Sheet
from .visitor import within


class Actor(Protocol):
    """Whoever imports: a visitor, or the operator at the command line."""

    scheme_id: int
    person_id: int
    household_id: int | None
    zone: str
    roles: frozenset[Role]

    def reach(self, action: str) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Operator:
    """The operator at the command line: reaches every area of the scheme, and is nobody's relative."""

    scheme_id: int
    zone: str
    person_id: int = 0
    household_id: int | None = None
    roles: frozenset[Role] = frozenset()

    def reach(self, action: str) -> tuple[str, ...]:
        return ("/",)


@dataclass(frozen=True)
class Looked:
    """A list with the fate of each row, not yet kept."""

    readings: Sequence[Reading]
    verdicts: Sequence[Verdict]

    def count(self, *fates: Fate) -> int:
        return sum(verdict.fate in fates for verdict in self.verdicts)


def area_for(who: Actor, area_id: int) -> Area:
    """The enabled area into which somebody may import. Raises NotFound."""
    found = db.session.scalar(
        select(Area).where(
            Area.scheme_id == who.scheme_id,
            Area.id == area_id,
            Area.disabled_at.is_(None),
            within(Area.path, who.reach("people.import")),
        )
    )
    if found is None:
        raise NotFound()
    return found


def importer(who: Actor) -> Importer:
    rank = OPERATOR if isinstance(who, Operator) else rank_of(who.roles)
    return Importer(who.person_id, who.household_id, rank)


def look(who: Actor, sheet: Sheet, area_id: int, at: datetime) -> Looked:
    """Every row's fate. Writes nothing."""
    places = places_within(who.scheme_id, area_for(who, area_id))
    year = clock.local_date(at, who.zone).year
    readings = [read_row(line.row, line.cells, places, year) for line in sheet.lines]
    register = register_for(who.scheme_id, who.reach("people.import"), readings)
    return Looked(readings, judge_all(readings, register, importer(who)))


def stage(
    who: Actor, sheet: Sheet, looked: Looked, *, name: str, data: bytes, area_id: int, at: datetime
) -> ImportFile:
    """Keep the list with its fates, to be confirmed. Nobody is added or changed.

    The same bytes sent again by the same person take the place of an earlier try that was never confirmed.
    """
    area_for(who, area_id)
    digest = hashlib.sha256(data).hexdigest()
    for old in db.session.scalars(
        select(ImportFile).where(
            ImportFile.scheme_id == who.scheme_id,
            ImportFile.kind == "residents",
            ImportFile.sha256 == digest,
            ImportFile.made_by == who.person_id,
            ImportFile.area_id == area_id,
            ImportFile.confirmed_at.is_(None),
            ImportFile.dropped_at.is_(None),
        )
    ):
        _forget_rows(old, at)
    made = ImportFile(
        scheme_id=who.scheme_id,
        id=new_id(),
        kind="residents",
        name=name,
        sheet=sheet.title,
        sha256=digest,
        area_id=area_id,
        made_by=who.person_id,
        made_at=at,
        counts={
            "rows": len(sheet.lines),
            "unused": sheet.unused[:20],
            "headers": sheet.headers,
            **{fate.value: looked.count(fate) for fate in Fate},
        },
    )
    db.session.add(made)
    db.session.flush()
    rows = [
        {
            "scheme_id": who.scheme_id,
            "file_id": made.id,
            "row": line.row,
            "fate": verdict.fate.value,
            "person_id": verdict.person_id,
            "values": {"facts": dict(reading.values), "cells": line.cells, "changes": list(verdict.changes)},
            "problems": _plain(verdict.problems),
        }
        for line, reading, verdict in zip(sheet.lines, looked.readings, looked.verdicts, strict=True)
    ]
    for part in chunks(rows, 1_000):
        db.session.execute(insert(ImportRow), part)
    trace(who.scheme_id, who.person_id, "import.stage", None, at, file=str(made.id), rows=len(rows))
    return made


def _plain(problems: Mapping[str, Problem]) -> dict[str, Any]:
    return {column: problem.plain() for column, problem in problems.items()}


def _forget_rows(file: ImportFile, at: datetime) -> None:
    file.dropped_at = at
    db.session.execute(delete(ImportRow).where(ImportRow.scheme_id == file.scheme_id, ImportRow.file_id == file.id))


def file_for(who: Actor, file_id: int, *, lock: bool = False) -> ImportFile:
    """A list in reach. Raises NotFound."""
    wanted = (
        select(ImportFile)
        .join(Area, (Area.scheme_id == ImportFile.scheme_id) & (Area.id == ImportFile.area_id))
        .where(ImportFile.scheme_id == who.scheme_id, ImportFile.id == file_id, ImportFile.kind == "residents")
        .where(within(Area.path, who.reach("people.import")))
    )
    if lock:
        wanted = wanted.with_for_update(of=ImportFile).execution_options(populate_existing=True)
    found = db.session.scalar(wanted) if is_id(file_id) else None
    if found is None:
        raise NotFound()
    return found


def drop(who: Actor, file_id: int, at: datetime) -> None:
    """Not wanted after all: the rows, personal data as they are, are deleted. Repeating it changes nothing.

    Raises Conflict when writing has begun.
    """
    file = file_for(who, file_id, lock=True)
    if file.dropped_at is not None:
        return
    if file.confirmed_at is not None:
        raise Conflict(cause="confirmed")
    _forget_rows(file, at)
    trace(who.scheme_id, who.person_id, "import.drop", None, at, file=str(file.id))
