"""Members of a team from a sheet or a pasted list of numbers: looked at first, then put in, each once."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from .. import clock
from ..db import db, is_id, new_id
from ..errors import N_, NotFound
from . import matching, sheets
from .enrolment import chunks, trace
from .matching import Named, matcher_for, read_named
from .models import ImportFile, ImportRow, TeamMember
from .rows import Problem
from .rules import Fate
from .sheets import Line
from .teams import AT_ONCE, add_members, team_for
from .visitor import Visitor
from .writing import Gone

KIND = "members"
TWICE = N_("和第 {other} 行是同一个人，留一行就行")
OWN = N_("这是您自己或家里人，请另一位同事来放")
PASTED = re.compile(r"[\s,，;；、|]+")


def from_text(text: str) -> list[Line]:
    """Numbers as somebody pasted them, apart by anything but letters and digits: one row each, at most 20,000.

    Raises sheets.TooLarge, sheets.Empty.
    """
    numbers = [word for word in PASTED.split(text) if word]
    if len(numbers) > sheets.MAX_ROWS:
        raise sheets.TooLarge(rows=sheets.MAX_ROWS)
    if not numbers:
        raise sheets.Empty()
    return [Line(row, {"number": number[: sheets.MAX_CELL]}) for row, number in enumerate(numbers, 1)]


def stage(who: Visitor, team_id: int, lines: Sequence[Line], *, name: str, at: datetime) -> ImportFile:
    """Keep the rows with what would become of each (new, same, double, wrong), to be confirmed. Nobody is put in.

    Raises NotFound.
    """
    team = team_for(who, team_id, "teams.edit")
    year = clock.local_date(at, who.zone).year
    named = [read_named(line.row, line.cells, year) for line in lines]
    fates = _judged(who, team.id, named)
    counts = Counter(fate for fate, _, _ in fates)
    digest = hashlib.sha256("\n".join(str(sorted(line.cells.items())) for line in lines).encode()).hexdigest()
    made = ImportFile(
        scheme_id=who.scheme_id,
        id=new_id(),
        kind=KIND,
        name=name[:120],
        sha256=digest,
        area_id=team.area_id,
        made_by=who.person_id,
        made_at=at,
        counts={"team": str(team.id), "rows": len(lines), **{fate.value: counts[fate] for fate in Fate}},
    )
    db.session.add(made)
    db.session.flush()
    rows = [
        {
            "scheme_id": who.scheme_id,
            "file_id": made.id,
            "row": line.row,
            "fate": fate.value,
            "person_id": person_id,
            "values": {"cells": line.cells},
            "problems": {column: problem.plain() for column, problem in problems.items()},
        }
        for line, (fate, person_id, problems) in zip(lines, fates, strict=True)
    ]
    for part in chunks(rows, AT_ONCE):
        db.session.execute(insert(ImportRow), part)
    trace(who.scheme_id, who.person_id, "team.import", team.id, at, file=str(made.id), rows=len(rows))
    return made


def _judged(who: Visitor, team_id: int, named: Sequence[Named]) -> list[tuple[Fate, int | None, dict[str, Problem]]]:
    matcher = matcher_for(who.scheme_id, who.reach("people.see"), named)
    there = _there(who.scheme_id, team_id, (one.id for one in matcher.by_number.values()))
    seen: dict[int, int] = {}
    found: list[tuple[Fate, int | None, dict[str, Problem]]] = []
    for row in named:
        known, problems = matcher.find(row)
        column = "number" if row.number else "name"
        if known is None:
            found.append((Fate.WRONG, None, problems))
        elif known.id in seen:
            found.append((Fate.DOUBLE, known.id, {column: Problem(TWICE, {"other": seen[known.id]})}))
        elif known.id in there:
            found.append((Fate.SAME, known.id, {}))
        elif known.id == who.person_id or (known.household_id and known.household_id == who.household_id):
            found.append((Fate.WRONG, None, {column: Problem(OWN)}))
        else:
            found.append((Fate.NEW, known.id, {}))
        if known is not None:
            seen.setdefault(known.id, row.row)
    return found


def _there(scheme_id: int, team_id: int, people: Iterable[int]) -> set[int]:
    return {
        one
        for part in chunks(sorted(set(people)), AT_ONCE)
        for one in db.session.scalars(
            select(TeamMember.person_id).where(
                TeamMember.scheme_id == scheme_id, TeamMember.team_id == team_id, TeamMember.person_id.in_(part)
            )
        )
    }


def file_for(who: Visitor, team_id: int, file_id: int, *, lock: bool = False) -> ImportFile:
    """A list of members on its way into a team in reach. Raises NotFound, Gone."""
    team = team_for(who, team_id, "teams.edit")
    wanted = select(ImportFile).where(
        ImportFile.scheme_id == who.scheme_id, ImportFile.id == file_id, ImportFile.kind == KIND
    )
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(wanted) if is_id(file_id) else None
    if found is None or found.counts.get("team") != str(team.id):
        raise NotFound()
    if found.dropped_at is not None:
        raise Gone()
    return found


def write(who: Visitor, team_id: int, file_id: int, at: datetime) -> int:
    """Put in whoever was found new, all in one transaction; repeating it puts in nobody. Returns how many are new.

    Raises NotFound (also when somebody has left the visitor's reach meanwhile), Gone, OwnPlace, TeamDisabled.
    """
    file = file_for(who, team_id, file_id, lock=True)
    if file.done_at is not None:
        return file.written
    people = db.session.scalars(
        select(ImportRow.person_id).where(
            ImportRow.scheme_id == who.scheme_id, ImportRow.file_id == file.id, ImportRow.fate == Fate.NEW
        )
    ).all()
    file.written = add_members(who, team_id, [one for one in people if one is not None], at)
    file.confirmed_at, file.confirmed_by, file.done_at = at, who.person_id, at
    db.session.execute(
        update(ImportRow)
        .where(ImportRow.scheme_id == who.scheme_id, ImportRow.file_id == file.id, ImportRow.fate == Fate.NEW)
        .values(written_at=at)
    )
    return file.written


def lines_of(name: str, data: bytes) -> tuple[list[Line], dict[str, str]]:
    """A sheet's rows, and its headers by column. Raises SheetRefused."""
    sheet = sheets.read(name, data, matching.columns_of)
    return sheet.lines, sheet.headers


def rows_of(file: ImportFile) -> Sequence[ImportRow]:
    """All rows of a list on its way in, in their order."""
    return db.session.scalars(
        select(ImportRow)
        .where(ImportRow.scheme_id == file.scheme_id, ImportRow.file_id == file.id)
        .order_by(ImportRow.row)
    ).all()
