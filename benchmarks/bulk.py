"""A batch of 10,000 awards, as an office posts them after a month's review, and what clerks feel of it meanwhile.

The yardstick is what PostgreSQL itself needs to take the finished rows: COPY of the 10,000 transfers and 20,000
postings that a batch recorded, as text in memory, in one transaction, into the same tables (constraints, indexes,
foreign keys and triggers on) of a second database whose accounts are open already. It works nothing out: no key is
looked up, no balance changed.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from points import clock
from points.db import db, new_id, transaction
from points.ledger import AccountClass, Draft, HolderKind, Leg
from points.ledger.accounts import holders
from points.ledger.bulk import post_in_chunks
from points.ledger.queries import units_of
from points.people.actions import POINTS

from . import harness
from .benchmark import Benchmark, Figures, Turn
from .books import PEOPLE, Books, check, draft, open_books, settle
from .clients import together
from .town import Town, build
from .town import check as check_town

AWARDS = 10_000


class Copy:
    """The yardstick: takes a batch's finished rows from ``source``, which recorded them, into ``target``."""

    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = source, target
        for table in ("schemes", "holders", "units", "accounts"):  # what the finished rows point at
            self._write({table: self._read(f"SELECT * FROM {table}")})

    def __call__(self, batch: int) -> float:
        """Awards per second."""
        heads = f"SELECT * FROM transfers WHERE key LIKE '{batch}:%'"
        lines = f"SELECT p.* FROM postings p JOIN ({heads}) t ON t.scheme_id = p.scheme_id AND t.id = p.transfer_id"
        rows = {"transfers": self._read(heads), "postings": self._read(lines)}
        count = rows["transfers"].count(b"\n")
        started = time.perf_counter()
        self._write(rows)
        return count / (time.perf_counter() - started)

    def _read(self, question: str) -> bytes:
        with psycopg.connect(self.source) as here, here.cursor().copy(f"COPY ({question}) TO STDOUT") as rows:
            return b"".join(bytes(block) for block in rows)

    def _write(self, rows: dict[str, bytes]) -> None:
        with psycopg.connect(self.target) as there:
            for table, text in rows.items():
                with there.cursor().copy(f"COPY {table} FROM STDIN") as into:
                    into.write(text)


@dataclass
class Office:
    """Books in which batches of awards are posted, and the yardstick beside them."""

    app: Flask
    books: Books
    people: Sequence[int]
    batch: int = 0

    def post(self) -> float:
        """Post a batch from rows in memory: awards per second. Every award must go through."""
        self.batch += 1
        drafts = [award(self.books, one, f"{self.batch}:{one}") for one in self.people]
        with self.app.app_context():
            started = time.perf_counter()
            done = post_in_chunks(self.books.scheme_id, drafts, at=clock.now())
            took = time.perf_counter() - started
        if done.posted != AWARDS:
            raise RuntimeError(f"of {AWARDS} awards {done.posted} were posted: {done.refused}")
        return AWARDS / took


def award(books: Books, person_id: int, key: str) -> Draft:
    giving = Leg(books.scheme_id, books.points, AccountClass.ISSUANCE, -10)
    return draft("award", key, giving, Leg(person_id, books.points, AccountClass.WALLET, 10))


@contextlib.contextmanager
def office(url: str) -> Iterator[Office]:
    with harness.application(url) as app:
        books = open_books(AWARDS, 0, 0)
        yield Office(app, books, range(PEOPLE + 1, PEOPLE + AWARDS + 1))
        check(books)


@contextlib.contextmanager
def copied() -> Iterator[tuple[Office, Copy]]:
    """An office on PostgreSQL, and a second database of that server for the yardstick."""
    with harness.postgres() as base:
        source, target = harness.database(base, "points_bench"), harness.database(base, "points_copy")
        with office(source) as ours:
            with harness.application(target):
                pass  # migrated, and empty
            yield ours, Copy(source, target)


def on_postgresql() -> tuple[Turn, Turn, Callable[[], None]]:
    stack = contextlib.ExitStack()
    ours, copy = stack.enter_context(copied())
    return ours.post, lambda: copy(ours.batch), stack.close


def on_sqlite() -> tuple[Turn, Turn, Callable[[], None]]:
    stack = contextlib.ExitStack()
    there, copy = stack.enter_context(copied())
    where = stack.enter_context(tempfile.TemporaryDirectory(prefix="points-bench-sqlite-"))
    ours = stack.enter_context(office(f"sqlite:///{where}/points.sqlite3"))

    def copied_again() -> float:
        there.post()  # not measured: it makes the finished rows
        return copy(there.batch)

    return ours.post, copied_again, stack.close


CLERKS = 4
BATCHES = 3  # a round's slowest is over so many batches, one right after the other


def while_clerks_serve() -> tuple[Callable[[], dict[str, float]], Callable[[], None]]:
    """Four clerks in processes of their own serve residents, by the real action, without a pause, while batches post.
    A batch gives to 10,000 people, all residents who stand at the tills among them."""
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(harness.postgres())
        url = harness.database(base, "points_bench")
        app = stack.enter_context(harness.application(url))
        town = build()
        stack.callback(check_town, town)
        ours = Office(app, Books(town.scheme_id, units_of(town.scheme_id)[POINTS], AWARDS, 0, 0), everybody(town))
        ours.post()
        settle()
        where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="points-bench-town-"))) / "town"
        where.write_bytes(pickle.dumps(town))
        clerk = [sys.executable, "-m", "benchmarks.clerk", str(where)]
        commands = [[*clerk, str(number), str(CLERKS)] for number in range(CLERKS)]
        env = {**os.environ, "DATABASE_URL": url}
        stop = stack.pop_all().close

    def turn() -> dict[str, float]:
        batches: list[tuple[float, float]] = []

        def work() -> None:
            time.sleep(0.5)
            for _ in range(BATCHES):
                began = time.time()
                ours.post()
                batches.append((began, time.time()))
            time.sleep(0.5)

        served = [one for theirs in together(commands, work, env=env, cwd=harness.ROOT) for one in theirs]
        beside = [took for at, took in served if any(at < end and at + took > start for start, end in batches)]
        alone = [took for at, took in served if at + took < batches[0][0] or at > batches[-1][1]]
        if not beside or not alone:
            raise RuntimeError(f"{len(beside)} redemptions beside the batches, {len(alone)} without them")
        return {
            "slowest": max(beside) * 1000,
            "median": statistics.median(beside) * 1000,
            "count": len(beside),
            "alone": max(alone) * 1000,
        }

    return turn, stop


def everybody(town: Town) -> list[int]:
    """The town's residents, and as many others as make 10,000, in no order."""
    residents = [one.person_id for one in town.residents]
    others = [new_id() for _ in range(AWARDS - len(residents))]
    with transaction():
        rows = [{"scheme_id": town.scheme_id, "id": one, "kind": HolderKind.PERSON} for one in others]
        db.session.execute(holders.insert(), rows)
    return random.Random(3).sample(residents + others, AWARDS)


def slowest(rounds: list[dict[str, float]]) -> tuple[float, str]:
    median = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    worst = max(one["slowest"] for one in rounds)
    return median["slowest"], (
        f"over {median['count']:.0f} redemptions a round; slowest of all rounds {worst:.0f} ms, median redemption "
        f"{median['median']:.1f} ms, slowest without a batch {median['alone']:.0f} ms"
    )


BESIDE = "PostgreSQL: plain COPY of the finished rows, awards/s"
BENCHMARKS: list[Any] = [
    Benchmark("bulk.awards.postgresql", "awards/s", BESIDE, on_postgresql),
    Benchmark("bulk.awards.sqlite", "awards/s", BESIDE, on_sqlite),
    Figures("bulk.slowest_redeem_ms", "ms", while_clerks_serve, slowest),
]
