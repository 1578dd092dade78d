"""Importing a resident list, second half: write what is right, in chunks, each row exactly once.

Every row is judged again on what is then in the register: a row whose fate is another one by now is left for a person
to look at. So two lists, two tabs or a crash in the middle never make two of anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from ..db import db, new_id
from ..errors import N_, Conflict
from ..ledger.models import Holder, HolderKind
from .enrolment import free_numbers, lock_register, trace
from .importing import Actor, file_for, importer
from .models import Area, Household, ImportFile, ImportRow, Person, SignInName, Trace
from .pinyin import spellings
from .register import register_for
from .rows import Problem, Reading
from .rules import Fate, Verdict, judge
from .visitor import within

CHUNK = 500  # rows a transaction: clerks beside it wait tens of milliseconds
MOVED_ON = N_("看过结果以后，这位的资料又变了。请把这张表再传一次")


class Gone(Conflict):
    """The list was dropped; its rows are deleted."""

    code = "import_dropped"
    sentence = N_("这张表已经不导了。要导请重新传。")


def write_chunk(who: Actor, file_id: int, at: datetime) -> bool:
    """Write the next rows of a confirmed list, the first time confirming it. True when nothing is left to write.

    One transaction. Any number of callers at once take turns; each row is written by one of them. Raises Gone.
    """
    file = file_for(who, file_id, lock=True)
    if file.dropped_at is not None:
        raise Gone()
    if file.done_at is not None:
        return True
    if file.confirmed_at is None:
        file.confirmed_at, file.confirmed_by = at, who.person_id
    lock_register(who.scheme_id)
    staged = list(
        db.session.scalars(
            select(ImportRow)
            .where(ImportRow.scheme_id == who.scheme_id, ImportRow.file_id == file.id)
            .where(ImportRow.fate.in_([Fate.NEW, Fate.CHANGED]), ImportRow.written_at.is_(None))
            .order_by(ImportRow.row)
            .limit(CHUNK)
        )
    )
    if staged:
        _write(who, file, staged, at)
    if len(staged) < CHUNK:
        file.done_at = at
        trace(who.scheme_id, who.person_id, "import.write", None, at, file=str(file.id), rows=file.written)
    return file.done_at is not None


def _write(who: Actor, file: ImportFile, staged: Sequence[ImportRow], at: datetime) -> None:
    readings = {row.row: Reading(row.row, row.values["facts"], {}) for row in staged}
    register = register_for(who.scheme_id, who.reach("people.import"), list(readings.values()))
    by = importer(who)
    verdicts = {number: judge(reading, register, by) for number, reading in readings.items()}
    open_areas = _open_areas(who, {file.area_id, *(r["area_id"] for r in readings.values() if r["area_id"])})
    good: list[tuple[ImportRow, Reading, Verdict]] = []
    for row in staged:
        verdict, reading = verdicts[row.row], readings[row.row]
        as_seen = verdict.fate == row.fate and (verdict.person_id, list(verdict.changes)) == (
            row.person_id,
            row.values["changes"],
        )
        if verdict.fate is Fate.SAME:
            row.fate, row.person_id = Fate.SAME, verdict.person_id
        elif not as_seen or (reading["area_id"] or file.area_id) not in open_areas:
            row.fate, row.person_id = Fate.WRONG, None
            row.problems = {"number": Problem(MOVED_ON).plain()}
        else:
            row.written_at = at
            good.append((row, reading, verdict))
    file.written += len(good)
    households = _households(who.scheme_id, [(reading, file.area_id) for _, reading, _ in good])
    new = [(row, reading) for row, reading, verdict in good if verdict.fate is Fate.NEW]
    changed = [(reading, verdict) for _, reading, verdict in good if verdict.fate is Fate.CHANGED]
    traces = _add(who, file, new, households, at) + _change(who, file, changed, households)
    if traces:
        db.session.execute(insert(Trace), [{**one, "id": new_id(), "at": at} for one in traces])
    db.session.flush()


def _open_areas(who: Actor, ids: set[int]) -> set[int]:
    return set(
        db.session.scalars(
            select(Area.id)
            .where(Area.scheme_id == who.scheme_id, Area.id.in_(ids), Area.disabled_at.is_(None))
            .where(within(Area.path, who.reach("people.import")))
        )
    )


def _households(scheme_id: int, rows: Sequence[tuple[Reading, int]]) -> dict[str, int]:
    """Household number → id, making those that are missing where their first member lives."""
    areas: dict[str, int] = {}
    for reading, default in rows:
        if reading["household"]:
            areas.setdefault(reading["household"], reading["area_id"] or default)
    if not areas:
        return {}
    found: dict[str, int] = dict(
        db.session.execute(
            select(Household.number, Household.id).where(
                Household.scheme_id == scheme_id, Household.number.in_(list(areas))
            )
        ).all()
    )
    missing = [
        {"scheme_id": scheme_id, "id": new_id(), "number": number, "area_id": area}
        for number, area in areas.items()
        if number not in found
    ]
    if missing:
        db.session.execute(insert(Household), missing)
    return found | {one["number"]: one["id"] for one in missing}


def _add(
    who: Actor,
    file: ImportFile,
    rows: Sequence[tuple[ImportRow, Reading]],
    households: Mapping[str, int],
    at: datetime,
) -> list[dict[str, Any]]:
    """New people with holder, sign-in name and spellings; whoever has no number gets one. Returns their traces."""
    if not rows:
        return []
    ids: set[int] = set()
    while len(ids) < len(rows):
        ids.add(new_id())
    given = [reading["number"] for _, reading in rows if reading["number"]]
    spare = iter(free_numbers(who.scheme_id, len(rows) - len(given), given))
    scheme = {"scheme_id": who.scheme_id}
    people = []
    # Ids grow down the sheet, so a list of residents keeps the sheet's order.
    for person_id, (row, reading) in zip(sorted(ids), rows, strict=True):
        row.person_id = person_id
        people.append(
            scheme
            | {
                "id": person_id,
                "number": reading["number"] or next(spare),
                "name": reading["name"],
                "pinyin": spellings(reading["name"]),
                "phone": reading["phone"],
                "birth_year": reading["birth_year"],
                "address": reading["address"],
                "household_id": households.get(reading["household"]),
                "area_id": reading["area_id"] or file.area_id,
                "created_at": at,
            }
        )
    db.session.execute(insert(Holder), [scheme | {"id": one["id"], "kind": HolderKind.PERSON} for one in people])
    db.session.execute(insert(Person), people)
    db.session.execute(insert(SignInName), [scheme | {"name": one["number"], "person_id": one["id"]} for one in people])
    return [_traced(who, "person.create", one["id"], file, ()) for one in people]


def _change(
    who: Actor, file: ImportFile, rows: Sequence[tuple[Reading, Verdict]], households: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Exactly the columns that differ, one statement for all rows that change the same ones. Returns the traces."""
    together: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for reading, verdict in rows:
        new: dict[str, Any] = {f"new_{column}": reading[column] for column in verdict.changes}
        if "household" in verdict.changes:
            new["new_household_id"] = households[new.pop("new_household")]
        if "name" in verdict.changes:
            new["new_pinyin"] = spellings(reading["name"])
        together[tuple(sorted(new))].append(new | {"whose": verdict.person_id})
    table = Person.__table__
    for columns, values in together.items():
        db.session.connection().execute(
            update(table)  # type: ignore[arg-type]
            .where(table.c.scheme_id == who.scheme_id, table.c.id == bindparam("whose"))
            .values(
                {name.removeprefix("new_"): bindparam(name) for name in columns} | {"version": table.c.version + 1}
            ),
            values,
        )
    return [_traced(who, "person.edit", verdict.person_id, file, verdict.changes) for _, verdict in rows]


def _traced(who: Actor, action: str, person_id: int | None, file: ImportFile, columns: Sequence[str]) -> dict[str, Any]:
    detail = {"file": str(file.id)} | ({"columns": list(columns)} if columns else {})
    return {
        "scheme_id": who.scheme_id,
        "actor_id": who.person_id,
        "action": action,
        "subject_id": person_id,
        "detail": detail,
    }
