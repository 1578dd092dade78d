"""The worker: looks for what is due, claims it, does it. Any number may run; each sees only what nobody is at."""

from __future__ import annotations

import logging
import os
import random
import select
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from sqlalchemy import select as sql

from .. import clock
from ..db import db, in_own_transaction
from ..people.models import Scheme
from .kinds import KINDS
from .leases import LEASE, add, claim, due, missing, new_holder
from .running import Ended, Place, run

log = logging.getLogger("points.jobs")
LOOKS_EVERY_S = 2.0
COUNTS_SCHEMES_EVERY_S = 60.0
LONGEST_REST_S = 15.0
GRACE_S = 20.0  # after its server has gone, until the worker ends in the middle of whatever it does
_chance = random.SystemRandom()


class Stop:
    """Told to end: by a signal, or because the server beside it has gone. Safe to set from a signal's handler."""

    def __init__(self) -> None:
        self.is_set = False
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._mouth, False)

    def set(self, *_: object) -> None:
        self.is_set = True
        os.write(self._mouth, b"!")

    def wait(self, seconds: float) -> None:
        """Sleep so long, or until told to end."""
        select.select([self._ear], [], [], seconds)

    def close(self) -> None:
        for end in (self._ear, self._mouth):
            os.close(end)

    def watch_parent(self, pid: int) -> None:
        """End when the process that started this one has: nobody else would stop it."""

        def watch() -> None:
            while os.getppid() == pid:
                time.sleep(0.5)
            self.set()
            time.sleep(GRACE_S)
            os._exit(1)  # what it does is safe to cut off anywhere

        threading.Thread(target=watch, name="parent", daemon=True).start()


class Worker:
    """Does what is due in these schemes (None: in all), until told to stop."""

    def __init__(
        self,
        app_context: Callable[[], AbstractContextManager[Any]],
        *,
        schemes: list[int] | None = None,
        lease: timedelta = LEASE,
        stop: Stop | None = None,
    ) -> None:
        self.app_context, self.schemes, self.stop = app_context, schemes, stop or Stop()
        self.place = Place(app_context, lambda: self.stop.is_set, lease)
        self.zones: dict[int, str] = {}
        self.counted_at = float("-inf")

    def forever(self) -> None:
        """Until told to stop. While the database is away it rests, longer and longer, and comes back by itself."""
        in_a_row = 0
        while not self.stop.is_set:
            try:
                worked = self.round()
            except Exception as error:
                in_a_row += 1
                rest = min(LONGEST_REST_S, 2.0**in_a_row) * _chance.uniform(0.5, 1)
                log.warning("No work for %.0f s: %s", rest, type(error).__name__, exc_info=in_a_row == 1)
                self.counted_at = float("-inf")
                self.stop.wait(rest)
                continue
            in_a_row = 0
            if not worked:
                self.stop.wait(LOOKS_EVERY_S * _chance.uniform(0.5, 1))

    def until_done(self) -> Counter[Ended]:
        """All that is due now: how the runs ended. Raises what the database raises."""
        ended: Counter[Ended] = Counter()
        while not self.stop.is_set and (worked := self.round()):
            ended.update(worked)
        return ended

    def round(self) -> list[Ended]:
        """Claim and do what is due, the longest due first: how each ended. Nothing when nothing was to be had."""
        with self.app_context():
            self.count_schemes()
            waiting = due(self.schemes, list(KINDS), at=clock.now()) if KINDS else []
        ended = []
        for scheme_id, name in waiting:
            if self.stop.is_set:
                break
            with self.app_context():
                if (outcome := self.take(scheme_id, name)) is not None:
                    ended.append(outcome)
        return ended

    def take(self, scheme_id: int, name: str) -> Ended | None:
        """Do this one, unless somebody else has it or it is not due."""
        if scheme_id not in self.zones:
            self.counted_at = float("-inf")
            self.count_schemes()
        holder = new_holder()
        mine = in_own_transaction(lambda: claim(scheme_id, name, at=clock.now(), lease=self.place.lease, holder=holder))
        return run(KINDS[name], self.zones[scheme_id], mine, self.place) if mine else None

    def count_schemes(self) -> None:
        """Now and then: which schemes there are, and a row for each kind of work in each of them."""
        if time.monotonic() - self.counted_at < COUNTS_SCHEMES_EVERY_S:
            return
        wanted = sql(Scheme.id, Scheme.zone)
        if self.schemes is not None:
            wanted = wanted.where(Scheme.id.in_(self.schemes))
        self.zones = {row.id: row.zone for row in db.session.execute(wanted)}
        if rows := missing(list(self.zones), list(KINDS)):
            in_own_transaction(lambda: add(rows, at=clock.now()))
        self.counted_at = time.monotonic()
