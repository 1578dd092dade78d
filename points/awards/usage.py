"""How much of each cap is used: read for a forecast, locked for an approval, given back by a correction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from ..db import db
from ..errors import LedgerFault
from ..rulebook.rules import CapKey, CapTake
from .models import CapUsage

Row = tuple[int, str, str]  # subject, cap, period: the order in which rows are locked


@dataclass(frozen=True)
class Subjects:
    """Whose caps a deed uses: the person's, and the household's (of one's own when there is no household)."""

    person_id: int
    household_id: int | None

    def row(self, key: CapKey) -> Row:
        household = key.who == "household" and self.household_id is not None
        return (self.household_id if household else self.person_id, key.cap, key.period)  # type: ignore[return-value]

    def to_dict(self) -> dict[str, str | None]:
        return {"person": str(self.person_id), "household": str(self.household_id) if self.household_id else None}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Subjects:
        return cls(int(body["person"]), int(body["household"]) if body["household"] else None)


def used(scheme_id: int, subjects: Subjects, keys: Iterable[CapKey], *, lock: bool = False) -> dict[CapKey, int]:
    """What is used of each cap. ``lock`` opens missing rows and locks all of them in key order, before any account."""
    rows = {subjects.row(key): key for key in keys}
    if not rows:
        return {}
    ordered = sorted(rows)
    if lock:
        open_missing(scheme_id, ordered)
    query = (
        select(CapUsage.subject_id, CapUsage.cap, CapUsage.period, CapUsage.used)
        .where(CapUsage.scheme_id == scheme_id)
        .where(tuple_(CapUsage.subject_id, CapUsage.cap, CapUsage.period).in_(ordered))
        .order_by(CapUsage.subject_id, CapUsage.cap, CapUsage.period)
    )
    if lock:
        query = query.with_for_update()  # SQLite holds the one write lock already and knows no such clause
    return {rows[subject, cap, period]: count for subject, cap, period, count in db.session.execute(query)}


def open_missing(scheme_id: int, ordered: list[Row]) -> None:
    insert = postgresql_insert if db.session.get_bind().dialect.name == "postgresql" else sqlite_insert
    values = [
        {"scheme_id": scheme_id, "subject_id": subject, "cap": cap, "period": period, "used": 0}
        for subject, cap, period in ordered
    ]
    db.session.execute(insert(CapUsage).values(values).on_conflict_do_nothing())


def take(scheme_id: int, subjects: Subjects, takes: Iterable[CapTake]) -> None:
    """Use the caps up by what an award takes. Raises LedgerFault when one would be exceeded: the rows were locked."""
    for one in sorted(takes, key=lambda take: subjects.row(take.key)):
        if not change(scheme_id, subjects.row(one.key), one.amount, most=one.limit):
            raise LedgerFault("a cap is never exceeded", cap=one.key, amount=one.amount, limit=one.limit)


def give_back(scheme_id: int, subjects: Subjects, takes: Iterable[CapTake]) -> None:
    """What a reversed award had taken, in the same order of rows."""
    for one in sorted(takes, key=lambda take: subjects.row(take.key)):
        if not change(scheme_id, subjects.row(one.key), -one.amount):
            raise LedgerFault("a cap gives back no more than was taken", cap=one.key, amount=one.amount)


def change(scheme_id: int, row: Row, amount: int, most: int | None = None) -> bool:
    subject, cap, period = row
    statement = (
        update(CapUsage)
        .where(CapUsage.scheme_id == scheme_id, CapUsage.subject_id == subject)
        .where(CapUsage.cap == cap, CapUsage.period == period, CapUsage.used + amount >= 0)
        .values(used=CapUsage.used + amount)
    )
    if most is not None:
        statement = statement.where(CapUsage.used + amount <= most)
    return db.session.execute(statement, execution_options={"synchronize_session": False}).rowcount == 1
