"""Kinds of work of a test's own, in one scheme, without the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from points import clock
from points.db import db, in_own_transaction
from points.jobs import Context, Daily, Kind
from points.jobs.kinds import KINDS
from points.jobs.leases import Claim, add, claim
from points.jobs.queries import Standing, standing_of
from points.jobs.rules import Rhythm
from points.jobs.running import Ended, Place, run
from points.jobs.worker import Worker
from tests.factories import World

DAILY = Daily(time(0, 5))
MOMENT = datetime.fromisoformat("2026-11-20T02:00:00+00:00")  # 10:00 in the scheme's zone


class Work:
    """``work.kind(run)`` registers a kind; ``work.round()`` is a worker that looks once."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.scheme_id, self.monkeypatch = world, world.scheme_id, monkeypatch
        for name in list(KINDS):
            monkeypatch.delitem(KINDS, name)

    def kind(
        self,
        run: Callable[[Context], int | None] = lambda run: None,
        rhythm: Rhythm = DAILY,
        name: str = "test",
        patience: timedelta = timedelta(hours=1),
    ) -> Kind:
        made = Kind(name, "测试", rhythm, run, "{count} 件", patience)
        self.monkeypatch.setitem(KINDS, name, made)
        return made

    def worker(self, **how: Any) -> Worker:
        return Worker(self.world.app.app_context, schemes=[self.scheme_id], **how)

    def round(self, at: datetime | None = None) -> list[Ended]:
        """What a worker does that looks once, at a moment (which then stands still) or now."""
        db.session.rollback()
        if at is None:
            return self.worker().round()
        with clock.at(at):
            return self.worker().round()

    def until_done(self, at: datetime) -> dict[Ended, int]:
        db.session.rollback()
        with clock.at(at):
            return dict(self.worker().until_done())

    def due_since(self, at: datetime, name: str = "test") -> None:
        in_own_transaction(lambda: add([(self.scheme_id, name)], at=at))

    def claim(self, at: datetime, name: str = "test", **how: Any) -> Claim | None:
        return in_own_transaction(lambda: claim(self.scheme_id, name, at=at, **how))

    def run(self, kind: Kind, mine: Claim, **how: Any) -> Ended:
        return run(kind, "Asia/Shanghai", mine, Place(self.world.app.app_context, **how))

    def standing(self, at: datetime | None = None, name: str = "test") -> Standing:
        db.session.rollback()
        found = standing_of(self.scheme_id, name, at=at or clock.now())
        assert found is not None
        return found
