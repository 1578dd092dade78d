"""Questions about lists of deeds, for pages: everything within the scheme and the visitor's reach."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from ...db import db
from ...people.models import Area, Person, Relative
from ...people.visitor import Visitor, within
from ...rulebook.models import EarningRule
from ...rulebook.queries import rule_by_id
from .models import BatchState, ClaimBatch, ClaimBatchRow, Fate

SHOWN: dict[str, tuple[Fate, ...]] = {
    "mend": (Fate.WRONG, Fate.DOUBLE),
    "good": (Fate.GOOD,),
    "awarded": (Fate.AWARDED,),
    "queued": (Fate.QUEUED,),
    "refused": (Fate.REFUSED, Fate.DOUBLE, Fate.WRONG),
    "all": tuple(Fate),
}


@dataclass(frozen=True)
class WantedBatches:
    """What the list of lists is narrowed to."""

    text: str = ""
    state: str = "all"


def batches(who: Visitor, wanted: WantedBatches) -> Select[Any]:
    """(ClaimBatch, Area, name of whoever brought it) in reach; page it by (made_at, id), the newest first."""
    query: Select[Any] = (
        select(ClaimBatch, Area, Person.name)
        .join(Area, (Area.scheme_id == ClaimBatch.scheme_id) & (Area.id == ClaimBatch.area_id))
        .join(Person, (Person.scheme_id == ClaimBatch.scheme_id) & (Person.id == ClaimBatch.made_by))
        .where(ClaimBatch.scheme_id == who.scheme_id, within(ClaimBatch.area_path, who.reach("batches.see")))
    )
    if wanted.state == "all":
        query = query.where(ClaimBatch.state != BatchState.DROPPED)
    else:
        query = query.where(ClaimBatch.state == wanted.state)
    if text := wanted.text.strip()[:40]:
        query = query.where(ClaimBatch.name.contains(text, autoescape=True))
    return query


def waiting_count(who: Any) -> dict[str, int]:
    """For the rail: lists that wait for a second person, and were not brought by this one."""
    if not who or not who.reach("batches.decide"):
        return {}
    count = db.session.scalar(
        select(func.count())
        .select_from(ClaimBatch)
        .where(ClaimBatch.scheme_id == who.scheme_id, ClaimBatch.state == BatchState.WAITING)
        .where(ClaimBatch.made_by != who.person_id, within(ClaimBatch.area_path, who.reach("batches.decide")))
    )
    return {"batches.index": count or 0}


@dataclass(frozen=True)
class Tally:
    """How many rows have which fate now, and the points of those good or awarded."""

    by_fate: dict[str, int]
    points: int

    def __getitem__(self, fate: str) -> int:
        return self.by_fate.get(fate, 0)

    @property
    def total(self) -> int:
        return sum(self.by_fate.values())

    @property
    def to_mend(self) -> int:
        return self["wrong"] + self["double"]


def tally(batch: ClaimBatch) -> Tally:
    rows = db.session.execute(
        select(ClaimBatchRow.fate, func.count(), func.sum(ClaimBatchRow.points))
        .where(ClaimBatchRow.scheme_id == batch.scheme_id, ClaimBatchRow.batch_id == batch.id)
        .group_by(ClaimBatchRow.fate)
    ).all()
    counted = (Fate.GOOD, Fate.AWARDED, Fate.QUEUED)
    return Tally({row[0]: row[1] for row in rows}, int(sum(row[2] or 0 for row in rows if row[0] in counted)))


def rows_of(batch: ClaimBatch, shown: str) -> Select[Any]:
    """The rows of a list to be shown, by their number in the sheet."""
    return select(ClaimBatchRow).where(
        ClaimBatchRow.scheme_id == batch.scheme_id,
        ClaimBatchRow.batch_id == batch.id,
        ClaimBatchRow.fate.in_(SHOWN[shown]),
    )


def known_in(scheme_id: int, rows: Sequence[ClaimBatchRow]) -> tuple[dict[int, Any], dict[int, str]]:
    """Who and what a page of rows was found to mean: person → (number, name), rule → title."""
    people = select(Person.id, Person.number, Person.name).where(
        Person.scheme_id == scheme_id, Person.id.in_({row.person_id for row in rows if row.person_id})
    )
    rules = select(EarningRule.id, EarningRule.title).where(
        EarningRule.scheme_id == scheme_id, EarningRule.id.in_({row.rule_id for row in rows if row.rule_id})
    )
    return {row.id: row for row in db.session.execute(people)}, {row.id: row.title for row in db.session.execute(rules)}


def close_to(who: Visitor) -> set[int]:
    """The visitor, their household and their relatives: whose rows they do not decide."""
    home = (
        select(Person.id).where(Person.scheme_id == who.scheme_id, Person.household_id == who.household_id)
        if who.household_id
        else None
    )
    kin = select(Relative.other_id).where(Relative.scheme_id == who.scheme_id, Relative.person_id == who.person_id)
    found = {who.person_id, *db.session.scalars(kin)}
    return found | set(db.session.scalars(home)) if home is not None else found


def rows_about(batch: ClaimBatch, people: Collection[int]) -> Sequence[tuple[int, str, str]]:
    """(row, number, name) of the good rows about any of these people: named to the approver, held back."""
    rows = db.session.execute(
        select(ClaimBatchRow.row, Person.number, Person.name)
        .join(Person, (Person.scheme_id == ClaimBatchRow.scheme_id) & (Person.id == ClaimBatchRow.person_id))
        .where(ClaimBatchRow.scheme_id == batch.scheme_id, ClaimBatchRow.batch_id == batch.id)
        .where(ClaimBatchRow.fate == Fate.GOOD, ClaimBatchRow.person_id.in_(people))
        .order_by(ClaimBatchRow.row)
        .limit(50)
    )
    return [(row.row, row.number, row.name) for row in rows]


def in_categories(batch: ClaimBatch) -> dict[str, int]:
    """Points of the good rows by category of the rule, for a look at what the budgets leave."""
    rows = db.session.execute(
        select(ClaimBatchRow.rule_id, func.sum(ClaimBatchRow.points))
        .where(ClaimBatchRow.scheme_id == batch.scheme_id, ClaimBatchRow.batch_id == batch.id)
        .where(ClaimBatchRow.fate == Fate.GOOD)
        .group_by(ClaimBatchRow.rule_id)
    )
    found: dict[str, int] = {}
    for rule_id, points in rows:
        category = rule_by_id(batch.scheme_id, rule_id or 0).rule.category
        found[category] = found.get(category, 0) + int(points or 0)
    return found


def earlier_same(batch: ClaimBatch) -> ClaimBatch | None:
    """An earlier list with the very same bytes that was let through."""
    return db.session.scalar(
        select(ClaimBatch)
        .where(ClaimBatch.scheme_id == batch.scheme_id, ClaimBatch.sha256 == batch.sha256, ClaimBatch.id != batch.id)
        .where(ClaimBatch.state.in_((BatchState.APPROVED, BatchState.DONE)), ClaimBatch.made_at < batch.made_at)
        .order_by(ClaimBatch.made_at.desc())
        .limit(1)
    )
