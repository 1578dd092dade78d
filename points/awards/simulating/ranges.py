"""Which claims a simulation is about: those of a range of days that were granted, in the order of their decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from ... import clock
from ...db import db
from ..models import Claim, ClaimState, Source

CHUNK = 2000
GRANTED = tuple(state for state in ClaimState if state.is_granted)


@dataclass(frozen=True)
class Range:
    """Claims filed on these days, both included, in the scheme's zone."""

    from_on: date
    to_on: date
    zone: str

    @property
    def start(self) -> datetime:
        return clock.day_start(self.from_on, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return clock.day_start(self.to_on + clock.ONE_DAY, self.zone)

    @property
    def days(self) -> int:
        return (self.to_on - self.from_on).days + 1


def in_range(scheme_id: int, span: Range) -> tuple[Any, ...]:
    """Claims that were granted, and not by the system on its own. By index: state and when it was filed."""
    return (
        *(Claim.scheme_id == scheme_id, Claim.state.in_(GRANTED)),
        *(Claim.made_at >= span.start, Claim.made_at < span.end, Claim.source != Source.SYSTEM),
    )


def count_of(scheme_id: int, span: Range) -> int:
    return db.session.scalar(select(func.count()).select_from(Claim).where(*in_range(scheme_id, span))) or 0


def claim_ids(scheme_id: int, span: Range) -> list[int]:
    """In the order in which they were decided: ids only, so that a hundred thousand are a few megabytes."""
    found = db.session.execute(select(Claim.id, Claim.decided_at, Claim.made_at).where(*in_range(scheme_id, span)))
    return [row[0] for row in sorted(found, key=lambda row: (row.decided_at or row.made_at, row.id))]


def chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
