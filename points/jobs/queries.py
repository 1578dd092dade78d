"""How the work of a scheme stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, select

from ..db import db
from .kinds import KINDS, Kind
from .leases import jobs
from .rules import State, state_of


@dataclass(frozen=True)
class Standing:
    """A kind of work in a scheme, as it stands at a moment. One that no worker has looked at yet is due and waiting."""

    kind: Kind
    state: State
    due_at: datetime | None
    through: date | None
    started_at: datetime | None
    done: int
    total: int
    finished_at: datetime | None
    took: timedelta | None
    result: int | None
    tries: int
    failed_at: datetime | None
    error: str | None
    detail: str | None
    late: timedelta  # how long it has been due without a worker; nothing while one is at it
    holder: str | None
    asked_by: int | None

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def look_again_s(self) -> int | None:
        """After how many seconds it may look different, so that a page asks again; None while it rests."""
        return {State.RUNNING: 1, State.WAITING: 1, State.CUT_OFF: 1, State.LATE: 5}.get(self.state)

    @property
    def is_made_up_for(self) -> bool:
        """Whether a run has gone through since the last failure."""
        return self.failed_at is not None and self.finished_at is not None and self.finished_at >= self.failed_at


def standings(scheme_id: int, *, at: datetime) -> list[Standing]:
    """Every kind of work there is, in the order of registration."""
    found = db.session.execute(select(jobs).where(jobs.c.scheme_id == scheme_id)).mappings()
    rows = {row["name"]: row for row in found}
    return [_standing(kind, rows.get(name), at) for name, kind in KINDS.items()]


def standing_of(scheme_id: int, name: str, *, at: datetime) -> Standing | None:
    """One kind of work; None when there is no such kind."""
    return next((one for one in standings(scheme_id, at=at) if one.name == name), None)


FACTS = ("through", "started_at", "finished_at", "result", "failed_at", "error", "detail", "holder", "asked_by")


def _standing(kind: Kind, row: RowMapping | None, at: datetime) -> Standing:
    if row is None:
        nothing: dict[str, Any] = dict.fromkeys(FACTS)
        return Standing(
            kind, State.WAITING, due_at=None, done=0, total=0, took=None, tries=0, late=timedelta(), **nothing
        )
    waited_since = max(row["due_at"], row["lease_until"] or row["due_at"])
    return Standing(
        kind,
        state_of(row["due_at"], row["lease_until"], row["tries"], at),
        due_at=row["due_at"],
        done=row["done"],
        total=row["total"],
        took=None if row["took_ms"] is None else timedelta(milliseconds=row["took_ms"]),
        tries=row["tries"],
        late=max(timedelta(), at - waited_since),
        **{name: row[name] for name in FACTS},
    )
