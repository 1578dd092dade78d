"""One run of one job: its lease is kept while it works, and how it ended is written down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from .. import clock
from ..db import db, in_own_transaction
from ..errors import DomainError, LedgerFault, TryAgain
from .context import Context, LeaseLost, Stopped
from .kinds import Kind
from .leases import LEASE, Claim, fail, finish, give_back, note, renew
from .rules import day_to_do, done_through, next_due, next_try

log = logging.getLogger("points.jobs")
SAID_EVERY_S = 0.5  # how often progress is written down, at most


class Ended(StrEnum):
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # told to; what is left stays due
    LOST = "lost"  # the lease ran out, and somebody else has taken over


@dataclass(frozen=True)
class Place:
    """Where runs take place.

    app_context  opens a context of the application, for the thread that keeps the lease
    stopping     whether the worker was told to end
    watch        hears of every progress too (the command's bar)
    """

    app_context: Callable[[], AbstractContextManager[Any]]
    stopping: Callable[[], bool] = lambda: False
    lease: timedelta = LEASE
    watch: Callable[[int, int], None] = lambda done, total: None


class Keeper:
    """Keeps a claim alive by a thread, so that one long statement is no reason to lose it; for as long as the run is
    heard of. A run that hangs falls silent, and loses its lease."""

    def __init__(self, mine: Claim, place: Place, patience: timedelta) -> None:
        self.mine, self.place, self.patience_s = mine, place, patience.total_seconds()
        self.lost, self.over = threading.Event(), threading.Event()
        self.heard_at, self.said_at, self.was_told = time.monotonic(), float("-inf"), False
        self.thread = threading.Thread(target=self.keep, name=f"lease of {mine.name}", daemon=True)

    def __enter__(self) -> Keeper:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def keep(self) -> None:
        while not self.over.wait(self.place.lease.total_seconds() / 3):
            if time.monotonic() - self.heard_at > self.patience_s:
                log.error("%s of scheme %s hangs: its lease runs out", self.mine.name, self.mine.scheme_id)
                return
            with self.place.app_context():
                try:
                    held = in_own_transaction(lambda: renew(self.mine, at=clock.now(), lease=self.place.lease))
                except (SQLAlchemyError, TryAgain) as error:
                    log.warning("The lease of %s was not renewed: %s", self.mine.name, type(error).__name__)
                    continue
            if not held:
                self.lost.set()
                return

    def tell(self, done: int, total: int) -> None:
        """Progress, written down now and then. Raises LeaseLost, Stopped."""
        self.heard_at = time.monotonic()
        self.place.watch(done, total)
        if self.heard_at - self.said_at >= SAID_EVERY_S:
            self.said_at = self.heard_at
            wrote = partial(note, self.mine, done, total, at=clock.now(), lease=self.place.lease)
            if not in_own_transaction(wrote):
                self.lost.set()
        if self.should_stop():
            raise LeaseLost() if self.lost.is_set() else Stopped()

    def should_stop(self) -> bool:
        self.heard_at = time.monotonic()
        stop = self.lost.is_set() or self.place.stopping()
        self.was_told = self.was_told or stop
        return stop


def run(kind: Kind, zone: str, mine: Claim, place: Place) -> Ended:
    """Do the work that was claimed, and write down how it went. Raises only when that could not be written down."""
    at, started = clock.now(), time.monotonic()
    day = day_to_do(kind.rhythm, mine.through, at, zone)
    keeper = Keeper(mine, place, kind.patience)
    try:
        with keeper:
            result = kind.run(Context(mine.scheme_id, zone, day, at, keeper.tell, keeper.should_stop))
        if keeper.lost.is_set():
            raise LeaseLost()
        if keeper.was_told:  # it may have left something undone: looking once more costs little
            raise Stopped()
    except LeaseLost:
        db.session.rollback()
        log.warning("%s of scheme %s was taken over by another worker", mine.name, mine.scheme_id)
        return Ended.LOST
    except Stopped:
        in_own_transaction(lambda: give_back(mine))
        return Ended.STOPPED
    except Exception as error:
        db.session.rollback()
        log.exception("%s of scheme %s, day %s, failed", mine.name, mine.scheme_id, day)
        return _failed(mine, error)
    ended = clock.now()
    through = done_through(mine.through, day)
    due_at, took = next_due(kind.rhythm, through, ended, zone), timedelta(seconds=time.monotonic() - started)
    wrote = partial(finish, mine, through=through, due_at=due_at, took=took, result=result, at=ended)
    return Ended.DONE if in_own_transaction(wrote) else Ended.LOST


def _failed(mine: Claim, error: Exception) -> Ended:
    at = clock.now()
    due_at = next_try(mine.tries + 1, at)
    reason, detail = reason_of(error)
    noted = in_own_transaction(lambda: fail(mine, error=reason, detail=detail, due_at=due_at, at=at))
    return Ended.FAILED if noted else Ended.LOST


def reason_of(error: Exception) -> tuple[str, str]:
    """A stable reason, and what kind of error it was: no message of a database or a file, which may hold names."""
    match error:
        case LedgerFault():
            return "ledger_fault", error.law
        case DomainError():
            return error.code, ""
        case SQLAlchemyError():
            cause = getattr(error, "orig", None) or error
            return "database", type(cause).__name__
        case OSError():
            return "machine", f"{type(error).__name__} {error.errno or ''}".strip()
    return "fault", type(error).__name__
