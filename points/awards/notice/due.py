"""What comes due by itself: awards whose notice is over or whose posting day has come, and notices that close.

Nothing here decides anything: an award is credited, or stands as stuck with the reason, in one transaction with its
state, so a run may be cut off anywhere and two may overlap. What is stuck is tried again every day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import select, tuple_, update

from ...db import db, in_own_transaction
from ...errors import N_, DomainError
from ...jobs import Context, Every, Kind, register
from ...people.models import Scheme
from ..crediting import credit_due
from ..messages import tell_of_many
from ..models import Claim, ClaimState
from .models import Notice
from .rules import RETRY_AFTER

CHUNK = 100  # awards of one transaction
NOTICES = 50
WAITING = (ClaimState.ON_NOTICE, ClaimState.DUE)


def work(run: Context) -> int:
    """Credit what is due, try again what was stuck, close notices. Answers how many awards were credited."""
    done, broken = 0, None
    for state in (*WAITING, ClaimState.STUCK):
        for ids in due_ids(run.scheme_id, state, run.day):
            try:
                done += in_own_transaction(partial(credit_some, run.scheme_id, ids, run.at, run.day))
            except DomainError:
                raise
            except Exception as error:  # a fault of one must not keep the others from their points
                credited, broken = one_by_one(run, ids, error)
                done += credited
            run.progress(done, 0)
    close_notices(run)
    if broken is not None:
        raise broken
    return done


def due_ids(scheme_id: int, state: ClaimState, day: date) -> Iterator[list[int]]:
    """The claims of a state that are due by a day, oldest first, chunk after chunk, by index. Each is given once."""
    after: tuple[date, int] | None = None
    while True:
        query = select(Claim.due_on, Claim.id).where(
            Claim.scheme_id == scheme_id, Claim.state == state, Claim.due_on <= day
        )
        if after is not None:
            query = query.where(tuple_(Claim.due_on, Claim.id) > after)
        rows = db.session.execute(query.order_by(Claim.due_on, Claim.id).limit(CHUNK)).all()
        db.session.rollback()
        if not rows:
            return
        after = (rows[-1].due_on, rows[-1].id)
        yield [row.id for row in rows]


def credit_some(scheme_id: int, ids: Sequence[int], at: datetime, day: date, actor_id: int = 0) -> int:
    """Credit what is due of these, in the caller's transaction: how many. The others stand as stuck until tomorrow, and
    whoever was to get them is told once."""
    scheme = db.session.get_one(Scheme, scheme_id)
    were_stuck = set(
        db.session.scalars(
            select(Claim.id).where(Claim.scheme_id == scheme_id, Claim.id.in_(ids), Claim.state == ClaimState.STUCK)
        )
    )
    refused = credit_due(scheme, ids, at, actor_id=actor_id, retried=True)
    db.session.flush()
    if refused:
        db.session.execute(
            update(Claim)
            .where(Claim.scheme_id == scheme_id, Claim.id.in_(refused), Claim.state == ClaimState.STUCK)
            .values(due_on=day + RETRY_AFTER),
            execution_options={"synchronize_session": False},
        )
        fresh = [one for one in claims_of(scheme_id, refused) if one.id not in were_stuck]
        tell_of_many([(claim, {}) for claim in fresh], "claim_stuck", at)
    credited = select(Claim.id).where(
        Claim.scheme_id == scheme_id, Claim.id.in_(ids), Claim.state == ClaimState.APPROVED
    )
    return len(db.session.scalars(credited).all())


def claims_of(scheme_id: int, ids: Sequence[int] | dict[int, DomainError]) -> list[Claim]:
    wanted = select(Claim).where(Claim.scheme_id == scheme_id, Claim.id.in_(list(ids))).order_by(Claim.id)
    return list(db.session.scalars(wanted.execution_options(populate_existing=True)))


def one_by_one(run: Context, ids: Sequence[int], error: Exception) -> tuple[int, Exception | None]:
    """The same, each award in a transaction of its own: how many were credited, and the last fault."""
    done, last = 0, None
    for claim_id in ids:
        try:
            done += in_own_transaction(partial(credit_some, run.scheme_id, [claim_id], run.at, run.day))
        except DomainError:
            raise
        except Exception as fault:
            db.session.rollback()
            last = fault
        run.progress(done, 0)
    return done, last


def close_notices(run: Context) -> None:
    """Close the notices whose last day is over. What stands on them and has a later posting day waits as due."""
    after: tuple[date, int] | None = None
    while True:
        query = select(Notice.closes_on, Notice.id).where(
            Notice.scheme_id == run.scheme_id, Notice.closed_at.is_(None), Notice.closes_on < run.day
        )
        if after is not None:
            query = query.where(tuple_(Notice.closes_on, Notice.id) > after)
        rows = db.session.execute(query.order_by(Notice.closes_on, Notice.id).limit(NOTICES)).all()
        db.session.rollback()
        if not rows:
            return
        for row in rows:
            in_own_transaction(partial(close, run.scheme_id, row.id, run.at))
        after = (rows[-1].closes_on, rows[-1].id)
        run.progress(0, 0) if run.should_stop() else None


def close(scheme_id: int, notice_id: int, at: datetime) -> None:
    """Close one notice. Claims go before the list, as everywhere."""
    db.session.execute(
        update(Claim)
        .where(Claim.scheme_id == scheme_id, Claim.notice_id == notice_id, Claim.state == ClaimState.ON_NOTICE)
        .values(state=ClaimState.DUE, version=Claim.version + 1),
        execution_options={"synchronize_session": False},
    )
    db.session.execute(
        update(Notice)
        .where(Notice.scheme_id == scheme_id, Notice.id == notice_id, Notice.closed_at.is_(None))
        .values(closed_at=at),
        execution_options={"synchronize_session": False},
    )


KIND = Kind(
    "awards_due",
    N_("公示到期和入账"),
    Every(timedelta(minutes=5)),
    work,
    N_("{count} 笔到日子，已入账"),
)


def install() -> None:
    register(KIND)
