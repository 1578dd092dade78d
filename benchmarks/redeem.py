"""Redemption at the service layer: ``redeem_code`` with all its checks and rows, as the API calls it, without HTTP.

Each of the processes stands for some tills of a town (``town.py``): sixteen in eight shops, spread over the processes.
For every redemption a resident's phone draws a code (part of what is measured, and small), the till sends it with one
piece of one kind of goods, and one transaction checks and claims the code, prices the basket, keeps the limit, posts
four postings and writes serving, receipt, line and used code. One after another, each waited for.

Afterwards the receipts are counted (every one that was answered is there, and no other) and the books audited.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pickle
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import select

from points import clock, config, create_app
from points.db import db, in_own_transaction
from points.people.visitor import Visitor, token_hash, visitor_by
from points.redemption.codes import MAX_SEQ, draw, step_of
from points.redemption.models import CodeCredential
from points.redemption.redeeming import redeem_code
from points.redemption.rules import Wanted

from . import clients, harness
from .benchmark import SECONDS, Benchmark, Turn
from .town import Resident, Town, build, check, redemptions, settle

# ---------------------------------------------------------------- a process with its tills


class Phones:
    """The residents' phones: each code stands above the last one of its phone."""

    def __init__(self, town: Town, residents: list[Resident]) -> None:
        self.scheme_id, self.turns = town.scheme_id, itertools.cycle(residents)
        used = db.session.execute(
            select(CodeCredential.number, CodeCredential.used_step, CodeCredential.used_seq).where(
                CodeCredential.scheme_id == town.scheme_id
            )
        )
        self.last = {number: (step, seq) for number, step, seq in used}
        db.session.rollback()

    def next_code(self) -> str:
        one, now = next(self.turns), step_of(clock.now())
        step, seq = self.last[one.credential]
        step, seq = (now, 0) if now > step else (step, seq + 1)
        if seq > MAX_SEQ:
            raise RuntimeError("a phone draws a hundred codes in half a minute: the town has too few residents")
        self.last[one.credential] = step, seq
        return draw(one.key, self.scheme_id, one.credential, step, seq)


def one_redemption(town: Town, index: int, count: int) -> Callable[[], None]:
    """What the ``index``-th of ``count`` processes does again and again."""
    tills = [(clerk(token), till_id) for token, till_id in town.tills[index::count]]
    turns, choose = itertools.cycle(tills), random.Random(index)
    phones = Phones(town, town.residents[index::count])

    def act() -> None:
        who, till_id = next(turns)
        text, lines, at, key = phones.next_code(), [Wanted(choose.choice(town.items), 1)], clock.now(), uuid.uuid4()
        in_own_transaction(partial(redeem_code, text, till_id, lines, key=key, clerk=who, at=at, expected=None))

    return act


def clerk(token: str) -> Visitor:
    found = visitor_by(token_hash(token), "token")
    db.session.rollback()
    if found is None:
        raise RuntimeError("a clerk cannot sign in")
    return found


def main(where: str, index: int, count: int) -> None:
    town = pickle.loads(Path(where).read_bytes())
    with create_app().app_context():
        print(json.dumps(clients.work_until_told(one_redemption(town, index, count))), flush=True)


# ---------------------------------------------------------------- the benchmarks


@contextlib.contextmanager
def town_in(url: str) -> Iterator[tuple[Town, Callable[[int], Turn]]]:
    """A fresh town in the database behind the URL, and what gives a turn of so many processes on it."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(harness.application(url))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        town = build()
        (folder / "town").write_bytes(pickle.dumps(town))
        stack.callback(check, town)
        env = {**os.environ, "DATABASE_URL": config.database_url(url)}

        def turn(processes: int) -> float:
            commands = [
                [sys.executable, "-m", "benchmarks.redeem", str(folder / "town"), str(index), str(processes)]
                for index in range(processes)
            ]
            before = redemptions(town)
            said = clients.together(commands, partial(time.sleep, SECONDS), cwd=harness.ROOT, env=env)
            made = redemptions(town) - before
            answered = sum(done for done, _ in said) + clients.WARM_UP * processes
            if made != answered:
                raise RuntimeError(f"{answered} redemptions were answered, {made} are written")
            if db.engine.dialect.name == "postgresql":
                settle()
            return sum(done / took for done, took in said)

        yield town, lambda processes: partial(turn, processes)


def on_postgresql(processes: int) -> tuple[Turn, Turn, Callable[[], None]]:
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(harness.postgres())
        _, turn_of = stack.enter_context(town_in(harness.database(base, "points_bench")))
        yardstick = harness.database(base, "points_pgbench")
        return turn_of(processes), lambda: harness.pgbench(yardstick, SECONDS), stack.pop_all().close


def on_sqlite() -> tuple[Turn, Turn, Callable[[], None]]:
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(harness.postgres())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        _, turn_of = stack.enter_context(town_in(f"sqlite:///{folder}/points.sqlite3"))
        yardstick = harness.database(base, "points_pgbench")
        return turn_of(1), lambda: harness.pgbench(yardstick, SECONDS), stack.pop_all().close


BENCHMARKS = [
    Benchmark("service.redeem.1", "redemptions/s", harness.B, partial(on_postgresql, 1)),
    Benchmark("service.redeem.8", "redemptions/s", harness.B, partial(on_postgresql, 8)),
    Benchmark("sqlite.redeem", "redemptions/s", harness.B, on_sqlite),
]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
