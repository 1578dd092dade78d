"""How a list comes in: from a sheet's bytes, from rows as the API sends them, or for people picked from a team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from ... import clock
from ...db import db, in_own_transaction
from ...people import sheets
from ...people.models import Area, AreaKind, Person, Scheme
from ...people.sheets import Line, Sheet
from ...people.teams import open_members, team_for
from ...people.visitor import Visitor, within
from ..models import Source
from ..rules import window_days
from .actions import area_for, digest_of, stage
from .checking import check_rows
from .models import ClaimBatch
from .reading import read_row, understand
from .rules import NobodyChosen


def from_sheet(who: Visitor, *, name: str, data: bytes, area_id: int, at: datetime) -> ClaimBatch:
    """Read and check a workbook or CSV outside any writing transaction, then keep it. Raises SheetRefused, NotFound."""
    sheet = sheets.read(name, data, understand)
    return _brought(
        who, sheet.lines, name=name, digest=digest_of(data), area_id=area_id, source=Source.IMPORT, at=at, sheet=sheet
    )


def from_rows(
    who: Visitor, rows: Sequence[Mapping[str, str]], *, name: str, key: str, area_id: int, at: datetime
) -> ClaimBatch:
    """Rows by column, numbered from 1. The same key again takes the place of an earlier try not yet sent."""
    lines = [Line(number, {c: text for c, text in row.items() if text}) for number, row in enumerate(rows, 1)]
    return _brought(who, lines, name=name, digest=digest_of(key.encode()), area_id=area_id, source=Source.IMPORT, at=at)


@dataclass(frozen=True)
class Same:
    """The one deed that is put down for many: the cells that every row has."""

    rule: str
    day: str
    quantity: str = ""
    points: str = ""
    place: str = ""
    note: str = ""
    choices: str = ""
    act: str = ""
    attended: bool = False

    def cells(self) -> dict[str, str]:
        told = {
            "rule": self.rule,
            "day": self.day,
            "quantity": self.quantity,
            "points": self.points,
            "place": self.place,
            "note": self.note,
            "choices": self.choices,
            "act": self.act,
            "attended": "是" if self.attended else "",
        }
        return {column: text for column, text in told.items() if text}


def for_people(who: Visitor, team_id: int, people: Sequence[int], same: Same, *, key: str, at: datetime) -> ClaimBatch:
    """The same deed for many members of a team: one row each, on the same way as a sheet. The rows tell who is on the
    list: of a restricted one that is written down, and its name stays behind. Raises NotFound (team), NobodyChosen."""
    team = team_for(who, team_id, "batches.make")
    name = team.name
    if team.is_restricted:
        team, name = in_own_transaction(lambda: open_members(who, team_id, at)), gettext("限看名单")
    numbers = _numbers(who.scheme_id, people)
    if not numbers:
        raise NobodyChosen()
    lines = [Line(row, {"number": number, **same.cells()}) for row, number in enumerate(numbers, 1)]
    source, digest = Source.STAFF, digest_of(key.encode())
    return _brought(
        who, lines, name=name, digest=digest, area_id=_community_of(who, team.area_id), source=source, at=at
    )


def _community_of(who: Visitor, area_id: int) -> int:
    """The community around a team's area, as far as the visitor reaches it: members live in more than one grid."""
    path = db.session.scalar(select(Area.path).where(Area.scheme_id == who.scheme_id, Area.id == area_id)) or ""
    found = db.session.scalar(
        select(Area.id).where(
            Area.scheme_id == who.scheme_id,
            Area.id.in_([int(one) for one in path.strip("/").split("/") if one]),
            Area.kind == AreaKind.COMMUNITY,
            Area.disabled_at.is_(None),
            within(Area.path, who.reach("batches.make")),
        )
    )
    return found or area_id


def _numbers(scheme_id: int, people: Sequence[int]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(people), 1_000):
        part = people[start : start + 1_000]
        found += db.session.scalars(
            select(Person.number).where(Person.scheme_id == scheme_id, Person.id.in_(part)).order_by(Person.id)
        )
    return found


def _brought(
    who: Visitor,
    lines: Sequence[Line],
    *,
    name: str,
    digest: str,
    area_id: int,
    source: Source,
    at: datetime,
    sheet: Sheet | None = None,
) -> ClaimBatch:
    area = area_for(who, area_id)
    scheme: Any = db.session.get_one(Scheme, who.scheme_id)
    year = clock.local_date(at, who.zone).year
    found = check_rows(
        scheme,
        [read_row(line.row, line.cells, year) for line in lines],
        reach=(area.path,),
        source=str(source),
        at=at,
        window_days=window_days(who.settings),
    )
    cells = {line.row: line.cells for line in lines}
    how: dict[str, Any] = {"name": name, "digest": digest, "source": str(source), "cells": cells, "sheet": sheet}
    return in_own_transaction(lambda: stage(who, found, area=area_for(who, area_id), at=at, **how))
