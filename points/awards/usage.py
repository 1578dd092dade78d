"""How much of each cap is used: read for a forecast, locked for an award, given back when one is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_, update

from ..db import db, insert_into
from ..errors import LedgerFault
from ..rulebook.rules import CapKey, CapTake
from .models import CapUsage

Row = tuple[int, str, str]  # subject, cap, period: the order in which rows are locked
CHUNK = 250  # rows named in one statement: three values each, and SQLite takes 32,766


@dataclass(frozen=True)
class Subjects:
    """Whose caps a deed uses: the person's, the household's and the team's (of one's own where there is none), the
    community's, the scheme's."""

    person_id: int
    household_id: int | None = None
    team_id: int | None = None
    area_id: int | None = None
    scheme_id: int | None = None

    def row(self, key: CapKey) -> Row:
        return (self.of(key.who) or self.person_id, key.cap, key.period)

    def of(self, who: str) -> int | None:
        return {
            "household": self.household_id,
            "team": self.team_id,
            "area": self.area_id,
            "all": self.scheme_id,
        }.get(who, self.person_id)

    def to_dict(self) -> dict[str, str | None]:
        ids = {
            "person": self.person_id,
            "household": self.household_id,
            "team": self.team_id,
            "area": self.area_id,
            "all": self.scheme_id,
        }
        return {name: str(one) if one else None for name, one in ids.items()}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Subjects:
        """Also of what was kept before teams, areas and the scheme had caps."""
        return cls(*(int(body[name]) if body.get(name) else None for name in WHOSE))  # type: ignore[arg-type]


WHOSE = ("person", "household", "team", "area", "all")


def used(scheme_id: int, subjects: Subjects, keys: Iterable[CapKey], *, lock: bool = False) -> dict[CapKey, int]:
    """What is used of each cap by one deed's subjects. ``lock`` as in ``used_rows``."""
    rows = {subjects.row(key): key for key in keys}
    return {rows[row]: count for row, count in used_rows(scheme_id, rows, lock=lock).items()}


def used_rows(scheme_id: int, rows: Iterable[Row], *, lock: bool = False) -> dict[Row, int]:
    """What is used, by row. ``lock`` opens missing rows and locks all of them in key order, before any account."""
    ordered = sorted(set(rows))
    found: dict[Row, int] = {}
    for start in range(0, len(ordered), CHUNK):
        some = ordered[start : start + CHUNK]
        if lock:
            open_missing(scheme_id, some)
        query = (
            select(CapUsage.subject_id, CapUsage.cap, CapUsage.period, CapUsage.used)
            .where(CapUsage.scheme_id == scheme_id)
            .where(tuple_(CapUsage.subject_id, CapUsage.cap, CapUsage.period).in_(some))
            .order_by(CapUsage.subject_id, CapUsage.cap, CapUsage.period)
        )
        if lock:
            query = query.with_for_update()  # SQLite holds the one write lock already and knows no such clause
        found |= {(subject, cap, period): count for subject, cap, period, count in db.session.execute(query)}
    return found


def open_missing(scheme_id: int, ordered: list[Row]) -> None:
    values = [
        {"scheme_id": scheme_id, "subject_id": subject, "cap": cap, "period": period, "used": 0}
        for subject, cap, period in ordered
    ]
    db.session.execute(insert_into(CapUsage).values(values).on_conflict_do_nothing())


def take(scheme_id: int, subjects: Subjects, takes: Iterable[CapTake]) -> None:
    """Use the caps up by what an award takes. Raises LedgerFault when one would be exceeded: the rows were locked."""
    take_all(scheme_id, [(subjects, takes)])


def take_all(scheme_id: int, awards: Iterable[tuple[Subjects, Iterable[CapTake]]]) -> None:
    """``take`` for many awards, each row changed once, in the order of rows."""
    amounts: dict[Row, int] = {}
    limits: dict[Row, int | None] = {}
    for subjects, takes in awards:
        for one in takes:
            row = subjects.row(one.key)
            amounts[row] = amounts.get(row, 0) + one.amount
            # two versions may limit one row differently: each take was reckoned with its own limit
            before = limits.get(row, one.limit)
            limits[row] = None if before is None or one.limit is None else max(before, one.limit)
    for row in sorted(amounts):
        if amounts[row] and not change(scheme_id, row, amounts[row], most=limits[row]):
            raise LedgerFault("a cap is never exceeded", cap=row, amount=amounts[row], limit=limits[row])


def give_back(scheme_id: int, subjects: Subjects, takes: Iterable[CapTake]) -> None:
    """What a reversed award had taken, in the same order of rows."""
    for one in sorted(takes, key=lambda take: subjects.row(take.key)):
        if one.amount and not change(scheme_id, subjects.row(one.key), -one.amount):
            raise LedgerFault("a cap gives back no more than was taken", cap=one.key, amount=one.amount)


def give_back_outcome(scheme_id: int, outcome: Mapping[str, Any]) -> None:
    """``give_back`` from what a claim keeps of its award."""
    from ..rulebook.rules import Assessment

    give_back(scheme_id, Subjects.from_dict(outcome["subjects"]), Assessment.from_dict(outcome).takes)


def change(scheme_id: int, row: Row, amount: int, most: int | None = None) -> bool:
    subject, cap, period = row
    statement = (
        update(CapUsage)
        .where(CapUsage.scheme_id == scheme_id, CapUsage.subject_id == subject)
        .where(CapUsage.cap == cap, CapUsage.period == period, CapUsage.used + amount >= 0)
        .values(used=CapUsage.used + amount)
    )
    if most is not None and amount > 0:
        statement = statement.where(CapUsage.used + amount <= most)
    return db.session.execute(statement, execution_options={"synchronize_session": False}).rowcount == 1
