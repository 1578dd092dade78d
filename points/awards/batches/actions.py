"""A list of deeds: kept with its forecast, sent, and let through or rejected by a second person, never the first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from ...db import db, is_id, new_id
from ...errors import Conflict, NotFound
from ...inbox import tell
from ...jobs.leases import ask
from ...people.enrolment import chunks, trace
from ...people.models import Area
from ...people.sheets import Sheet
from ...people.visitor import Visitor, within
from ...rulebook.assessment import line_to_dict
from ..models import Claim, Step
from ..rules import SamePair, check_reason
from ..settings import reviews_of
from ..standing import pairs_beyond
from .checking import facts_of
from .found import Found
from .models import BatchState, ClaimBatch, ClaimBatchRow, Fate
from .rules import BatchMovedOn, NothingGood, OwnBatch

JOB = "award_batches"
LINES = 12  # of the reckoning kept with a row


def area_for(who: Visitor, area_id: int) -> Area:
    """The enabled area whose people a list may name. Raises NotFound."""
    found = db.session.scalar(
        select(Area).where(
            Area.scheme_id == who.scheme_id,
            Area.id == area_id,
            Area.disabled_at.is_(None),
            within(Area.path, who.reach("batches.make")),
        )
    )
    if found is None:
        raise NotFound()
    return found


def batch_for(who: Visitor, batch_id: int, action: str = "batches.see", *, lock: bool = False) -> ClaimBatch:
    """A list in an area where the visitor may do the action. Raises NotFound."""
    wanted = select(ClaimBatch).where(
        ClaimBatch.scheme_id == who.scheme_id,
        ClaimBatch.id == batch_id,
        within(ClaimBatch.area_path, who.reach(action)),
    )
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(wanted) if is_id(batch_id) else None
    if found is None:
        raise NotFound()
    return found


def stage(
    who: Visitor,
    found: Sequence[Found],
    *,
    area: Area,
    name: str,
    digest: str,
    source: str,
    cells: Mapping[int, Mapping[str, str]],
    at: datetime,
    sheet: Sheet | None = None,
) -> ClaimBatch:
    """Keep the list with the fate and forecast of each row. Nothing is claimed, nothing awarded.

    digest  of the file's bytes, or of the form's key: the same sent again by the same person takes the place of an
            earlier try that was never sent for approval
    source  "import", or "staff" for people picked from a list; cells: row → column → text, as it was sent
    """
    for old in db.session.scalars(
        select(ClaimBatch).where(
            ClaimBatch.scheme_id == who.scheme_id,
            ClaimBatch.sha256 == digest,
            ClaimBatch.made_by == who.person_id,
            ClaimBatch.area_id == area.id,
            ClaimBatch.state == BatchState.CHECKED,
        )
    ):
        _forget_rows(old)
    fates = Counter(one.fate for one in found)
    made = ClaimBatch(
        scheme_id=who.scheme_id,
        id=new_id(),
        name=name[:120],
        sheet=sheet.title if sheet else "",
        sha256=digest,
        area_id=area.id,
        area_path=area.path,
        made_by=who.person_id,
        made_at=at,
        counts={
            "rows": len(found),
            "source": source,
            "headers": sheet.headers if sheet else {},
            "unused": sheet.unused[:20] if sheet else [],
            "points": sum(one.seen.points for one in found if one.fate is Fate.GOOD and one.seen),
            **{fate.value: fates[fate] for fate in (Fate.GOOD, Fate.WRONG, Fate.DOUBLE)},
        },
    )
    db.session.add(made)
    db.session.flush()
    rows = [row_of(made, one, cells.get(one.read.row, {})) for one in found]
    for part in chunks(rows, 1_000):
        db.session.execute(insert(ClaimBatchRow), part)
    trace(who.scheme_id, who.person_id, "batch.stage", None, at, batch=str(made.id), rows=len(rows))
    return made


def row_of(batch: ClaimBatch, one: Found, cells: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {"cells": dict(cells)}
    if one.case is not None:
        values["facts"] = facts_of(one)
    if one.seen is not None and one.fate is Fate.GOOD:
        seen = one.seen
        values["forecast"] = {
            "honour": seen.honour,
            "minutes": seen.minutes,
            "notice_days": seen.notice_days,
            "voices": sum(stage.votes for stage in seen.path),
            "scale": seen.scale,
            "lines": [line_to_dict(line) for line in seen.lines[:LINES]],
        }
    return {
        "scheme_id": batch.scheme_id,
        "batch_id": batch.id,
        "row": one.read.row,
        "fate": one.fate.value,
        "person_id": one.case.person.id if one.case else None,
        "rule_id": one.case.known.id if one.case else None,
        "deed": one.deed if one.fate is Fate.GOOD else None,
        "points": one.seen.points if one.seen and one.fate is Fate.GOOD else None,
        "values": values,
        "problems": {column: problem.plain() for column, problem in one.problems.items()},
    }


def _forget_rows(batch: ClaimBatch) -> None:
    batch.state = BatchState.DROPPED
    rows = ClaimBatchRow.__table__
    db.session.execute(
        delete(rows).where(rows.c.scheme_id == batch.scheme_id, rows.c.batch_id == batch.id)  # type: ignore[arg-type]
    )


def drop(who: Visitor, batch_id: int, at: datetime) -> None:
    """Not wanted after all: the rows are deleted. By whoever brought it, before anybody decided. Repeating it changes
    nothing. Raises NotFound, BatchMovedOn."""
    batch = batch_for(who, batch_id, "batches.make", lock=True)
    if batch.made_by != who.person_id:
        raise NotFound()
    if batch.state == BatchState.DROPPED:
        return
    if batch.state not in (BatchState.CHECKED, BatchState.WAITING):
        raise BatchMovedOn(state=batch.state)
    _forget_rows(batch)
    trace(who.scheme_id, who.person_id, "batch.drop", None, at, batch=str(batch.id))


def send(who: Visitor, batch_id: int, at: datetime) -> ClaimBatch:
    """Ask for approval by somebody else. Repeating it changes nothing. Raises NotFound, NothingGood, BatchMovedOn."""
    batch = batch_for(who, batch_id, "batches.make", lock=True)
    if batch.made_by != who.person_id:
        raise NotFound()
    if batch.state == BatchState.WAITING:
        return batch
    if batch.state != BatchState.CHECKED:
        raise BatchMovedOn(state=batch.state)
    if not batch.counts.get(Fate.GOOD.value):
        raise NothingGood()
    batch.state, batch.sent_at = BatchState.WAITING, at
    trace(who.scheme_id, who.person_id, "batch.send", None, at, batch=str(batch.id))
    return batch


def decide(who: Visitor, batch_id: int, *, approved: bool, at: datetime, reason: str = "") -> ClaimBatch:
    """Let the list through, or reject it with a reason. Its good rows are then awarded, chunk by chunk, by whoever
    looks at the page or by the worker. Repeating it changes nothing.

    Raises NotFound, OwnBatch, SamePair, ReasonNeeded, BatchMovedOn.
    """
    batch = batch_for(who, batch_id, "batches.decide", lock=True)
    if batch.made_by == who.person_id:
        raise OwnBatch()
    wanted = (BatchState.APPROVED, BatchState.DONE) if approved else (BatchState.REJECTED,)
    if batch.decided_by == who.person_id and batch.state in wanted:
        return batch
    if batch.state != BatchState.WAITING:
        raise BatchMovedOn(state=batch.state)
    if not approved:
        check_reason(Step.REJECTED, reason)
    else:
        settings = reviews_of(who.settings)
        if pairs_beyond(who, [Claim(id=0, entered_by=batch.made_by)], settings, at):
            raise SamePair(percent=round(settings.pair_share * 100))
    batch.state = BatchState.APPROVED if approved else BatchState.REJECTED
    batch.decided_by, batch.decided_at, batch.decided_reason = who.person_id, at, reason
    deed = "batch.approve" if approved else "batch.reject"
    trace(who.scheme_id, who.person_id, deed, None, at, batch=str(batch.id))
    if approved:
        ask(who.scheme_id, JOB, by=who.person_id, key=f"batch:{batch.id}", at=at)
    else:
        values = {"list_title": batch.name, "reason": reason}
        tell(who.scheme_id, batch.made_by, "batch_rejected", values, f"/batches/{batch.id}", f"batch:{batch.id}", at)
    db.session.flush()
    return batch


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def must_be_there(batch: ClaimBatch) -> ClaimBatch:
    """Raises Conflict when the list was dropped: its rows are deleted."""
    if batch.state == BatchState.DROPPED:
        raise Conflict(cause="dropped")
    return batch
