"""Deeds that are told twice: in one list, in two lists, or in a list and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from ... import clock
from ...db import db
from ...errors import N_
from ...people.enrolment import chunks
from ...people.rows import Problem
from ...rulebook.models import EarningRule
from ..models import Claim, ClaimState
from .found import Found
from .models import BatchState, ClaimBatch, ClaimBatchRow, Fate

AT_ONCE = 500  # values in one IN list
DIFFERS = N_("和第 {other} 行是同一个人、同一天、同一项。确实是两次，请在“凭证号”里写不同的号")
IMPORTED = N_("“{name}”里已经有这一条（{made_on}）。确实是另一次，请在“凭证号”里写不同的号")
BY_HAND = N_("这位居民当天这一项已经有一条申报。确实是另一次，请在“凭证号”里写一个号")


def within(found: Sequence[Found]) -> None:
    first: dict[str, Found] = {}
    for one in found:
        if one.deed is None or one.fate is not Fate.GOOD:
            continue
        before = first.setdefault(one.deed, one)
        if before is not one:
            one.fate, one.problems = Fate.DOUBLE, {"rule": Problem(DIFFERS, {"other": before.read.row})}
            if (before.read.quantity, before.read.points) != (one.read.quantity, one.read.points):
                before.fate, before.problems = Fate.DOUBLE, {"rule": Problem(DIFFERS, {"other": one.read.row})}


def before(scheme: Any, found: Sequence[Found]) -> None:
    """Name the rows whose deed is in another list already, awarded or on its way, or was claimed by hand."""
    good = {one.deed: one for one in found if one.deed is not None and one.fate is Fate.GOOD}
    for deed, (name, made_on) in deeds_before(scheme, list(good)).items():
        one = good[deed]
        one.fate, one.problems = Fate.DOUBLE, {"rule": Problem(IMPORTED, {"name": name, "made_on": made_on})}
    for one in by_hand(scheme.id, [one for one in good.values() if one.fate is Fate.GOOD]):
        one.fate, one.problems = Fate.DOUBLE, {"rule": Problem(BY_HAND)}


ON_ITS_WAY = and_(ClaimBatchRow.fate == Fate.GOOD, ClaimBatch.state.in_((BatchState.WAITING, BatchState.APPROVED)))
AWARDED = ClaimBatchRow.fate.in_((Fate.AWARDED, Fate.QUEUED))


def deeds_before(scheme: Any, deeds: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Deed → the list that has it, awarded or sent for approval, and the day of that list."""
    return _lists_with(scheme, deeds, or_(AWARDED, ON_ITS_WAY))


def awarded_before(scheme: Any, deeds: Sequence[str], besides: int) -> dict[str, tuple[str, str]]:
    """Deed → another list from which it was awarded, or filed, by now."""
    return _lists_with(scheme, deeds, and_(AWARDED, ClaimBatch.id != besides))


def _lists_with(scheme: Any, deeds: Sequence[str], condition: ColumnElement[bool]) -> dict[str, tuple[str, str]]:
    there: dict[str, tuple[str, str]] = {}
    for part in chunks(sorted(deeds), AT_ONCE):
        rows = db.session.execute(
            select(ClaimBatchRow.deed, ClaimBatch.name, ClaimBatch.made_at)
            .join(
                ClaimBatch,
                (ClaimBatch.scheme_id == ClaimBatchRow.scheme_id) & (ClaimBatch.id == ClaimBatchRow.batch_id),
            )
            .where(ClaimBatchRow.scheme_id == scheme.id, ClaimBatchRow.deed.in_(part), condition)
        )
        there |= {row.deed: (row.name, clock.local_date(row.made_at, scheme.zone).isoformat()) for row in rows}
    return there


OVER = (ClaimState.REJECTED, ClaimState.WITHDRAWN, ClaimState.REVERSED)


def by_hand(scheme_id: int, found: Sequence[Found]) -> list[Found]:
    """The rows that say nothing to set them apart, and whose deed somebody has claimed by other ways."""
    plain = [one for one in found if one.case is not None and not one.case.deed.act and not one.case.deed.subject]
    wanted: dict[tuple[int, str, date], Found] = {
        (one.case.person.id, one.case.known.code, one.case.deed.done_on): one for one in plain if one.case
    }
    if not wanted:
        return []
    first, last = min(key[2] for key in wanted), max(key[2] for key in wanted)
    there: set[tuple[int, str, date]] = set()
    for part in chunks(sorted({key[0] for key in wanted}), AT_ONCE):
        rows = db.session.execute(
            select(Claim.person_id, EarningRule.code, Claim.done_on)
            .join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
            .where(Claim.scheme_id == scheme_id, Claim.person_id.in_(part), Claim.done_on.between(first, last))
            .where(Claim.state.not_in(OVER), Claim.batch_id.is_(None))
        )
        there |= {(row.person_id, row.code, row.done_on) for row in rows}
    return [one for key, one in wanted.items() if key in there]
