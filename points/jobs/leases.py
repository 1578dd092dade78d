"""Who may work on what: each change of a job's row is one guarded statement, so any number of workers may try.

The guard of a claim is that the work is due and nobody's lease runs; the guard of everything after it is the claim
itself. A worker that was killed leaves its lease behind: when that has run out, the next claim counts it as a failure.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, or_, select, true, update

from ..db import db, insert_into, table_of
from .models import Job

jobs = table_of(Job)
LEASE = timedelta(seconds=60)
CUT_OFF = "worker_ended"


@dataclass(frozen=True)
class Claim:
    """A worker's right to one job until its lease runs out."""

    scheme_id: int
    name: str
    holder: str
    through: date | None
    tries: int


def new_holder() -> str:
    """A name for one claim: the machine and process, for the operator, and something that never comes again."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(8)}"


def claim(
    scheme_id: int, name: str, *, at: datetime, lease: timedelta = LEASE, holder: str | None = None
) -> Claim | None:
    """Take the job if it is due and nobody is at it; None otherwise. One statement: of two workers one gets it.

    holder  from ``new_holder``; the same again finds its own claim, when the answer to the first was lost
    """
    j, holder = jobs.c, holder or new_holder()
    left_behind = and_(j.holder.is_not(None), j.holder != holder)
    taken = db.session.execute(
        update(jobs)
        .where(
            *_this(scheme_id, name), j.due_at <= at, or_(j.holder.is_(None), j.holder == holder, j.lease_until <= at)
        )
        .values(
            holder=holder,
            lease_until=at + lease,
            started_at=at,
            done=0,
            total=0,
            tries=j.tries + case((left_behind, 1), else_=0),
            failed_at=case((left_behind, j.lease_until), else_=j.failed_at),
            error=case((left_behind, CUT_OFF), else_=j.error),
            detail=case((left_behind, j.holder), else_=j.detail),
        )
        .returning(j.through, j.tries)
    ).first()
    return Claim(scheme_id, name, holder, taken.through, taken.tries) if taken else None


def renew(mine: Claim, *, at: datetime, lease: timedelta = LEASE) -> bool:
    """Hold on to the job for another lease. False: it is somebody else's by now."""
    return _mine(mine, lease_until=at + lease)


def note(mine: Claim, done: int, total: int, *, at: datetime, lease: timedelta = LEASE) -> bool:
    """Write down how far the work is, and hold on to it. False: it is somebody else's by now."""
    return _mine(mine, done=max(done, 0), total=max(total, 0), lease_until=at + lease)


def finish(mine: Claim, *, through: date, due_at: datetime, took: timedelta, result: int | None, at: datetime) -> bool:
    """The work is done. False: it is somebody else's by now, who will say so."""
    spent = took // timedelta(milliseconds=1)
    return _mine(mine, through=through, due_at=due_at, tries=0, finished_at=at, took_ms=spent, result=result, **NOBODY)


def fail(mine: Claim, *, error: str, detail: str, due_at: datetime, at: datetime) -> bool:
    """The run failed, and is tried again at ``due_at``. False: it is somebody else's by now."""
    how = {"error": error[:40], "detail": detail[:200], "failed_at": at, "tries": mine.tries + 1}
    return _mine(mine, due_at=due_at, **how, **NOBODY)


def give_back(mine: Claim) -> bool:
    """The run was told to stop: what is left stays due. False: it is somebody else's by now."""
    return _mine(mine, **NOBODY)


NOBODY = {"holder": None, "lease_until": None}


def _this(scheme_id: int, name: str) -> tuple[Any, ...]:
    return jobs.c.scheme_id == scheme_id, jobs.c.name == name


def _mine(mine: Claim, **values: Any) -> bool:
    guarded = update(jobs).where(*_this(mine.scheme_id, mine.name), jobs.c.holder == mine.holder)
    return db.session.execute(guarded.values(**values).returning(jobs.c.name)).first() is not None


# ---------------------------------------------------------------- what is due


def missing(schemes: list[int], names: list[str]) -> list[tuple[int, str]]:
    """Which kinds of work have no row yet, in which of these schemes."""
    found = db.session.execute(select(jobs.c.scheme_id, jobs.c.name).where(jobs.c.name.in_(names)))
    there = {(row.scheme_id, row.name) for row in found}
    return [(scheme_id, name) for scheme_id in schemes for name in names if (scheme_id, name) not in there]


def add(rows: list[tuple[int, str]], *, at: datetime) -> None:
    """A row for each (scheme, kind), due at once; none where somebody else has added it meanwhile."""
    fresh = {"due_at": at, "done": 0, "total": 0, "tries": 0}
    db.session.execute(
        insert_into(jobs).on_conflict_do_nothing(), [{"scheme_id": one, "name": name, **fresh} for one, name in rows]
    )


def due(schemes: list[int] | None, names: list[str], *, at: datetime, most: int = 20) -> list[tuple[int, str]]:
    """What may be claimed now, the longest due first: (scheme, name). None: in all schemes."""
    j = jobs.c
    wanted = (
        select(j.scheme_id, j.name)
        .where(j.name.in_(names), j.due_at <= at, or_(j.holder.is_(None), j.lease_until <= at))
        .order_by(j.due_at, j.scheme_id, j.name)
        .limit(most)
    )
    if schemes is not None:
        wanted = wanted.where(j.scheme_id.in_(schemes))
    return [(row.scheme_id, row.name) for row in db.session.execute(wanted)]


def ask(scheme_id: int, name: str, *, by: int | None, key: str | None, at: datetime) -> bool:
    """Have the job done at once, by the next worker: due now. False while one is at it, which is as good.

    key  the form's, sent twice it asks once: it does not run again what it asked for before
    """
    j = jobs.c
    add([(scheme_id, name)], at=at)
    running = and_(j.holder.is_not(None), j.lease_until > at)
    fresh = or_(j.asked_key.is_(None), j.asked_key != key) if key else true()
    asked = update(jobs).where(*_this(scheme_id, name), ~running, fresh)
    sooner = case((j.due_at < at, j.due_at), else_=at)
    if db.session.execute(asked.values(due_at=sooner, asked_by=by, asked_key=key).returning(j.name)).first():
        return True
    repeated = select(j.asked_key == key).where(*_this(scheme_id, name))
    return bool(key and db.session.scalar(repeated))
