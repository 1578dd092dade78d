"""What grows with the books, and what must not: a balance and a page of a statement with 10 million postings beside the
same with 10 thousand, and how long a million take to audit. PostgreSQL, and for the audit SQLite too.

The books that are read: awards of ten points each, given in turn to so many residents that each of them has 100 in the
small books and 2,000 in the large ones, so that residents and their histories both grow. They are laid in by set
statements with triggers and foreign keys switched off for that session (posting would take an hour), in the order of
time, which scatters a resident's postings over the whole table; the small books, made by the same statements, are
audited. Every reading is of another resident, by chance, in a transaction of its own.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from flask import Flask

from points import clock
from points.db import db, transaction
from points.ledger import HolderKind, queries
from points.ledger.accounts import holders
from points.ledger.bulk import post_in_chunks
from points.people.actions import POINTS, create_scheme
from points.proof.audit import audit

from . import harness
from .benchmark import SECONDS, Benchmark, Figures, Turn, rounded
from .books import PEOPLE, Books, check, open_books, redemption, settle
from .bulk import award

SCALE = float(os.environ.get("POINTS_BENCH_SCALE", "1"))  # of the large books, to try things out
SMALL, LARGE, AUDITED = 10_000, round(10_000_000 * SCALE), round(1_000_000 * SCALE)
SMALL_EACH, LARGE_EACH = 100, 2_000  # awards to each resident
PEOPLE_AUDITED, SHOPS_AUDITED = 10_000, 20

FILL = """
INSERT INTO accounts (scheme_id, id, holder_id, unit_id, class, mark, stripe, floor, balance, held, seq)
    SELECT {scheme}, 10000000 + n, {people} + n, {points}, 'wallet', 'never', 0, 0, 10 * {each}, 0, {each}
    FROM generate_series(1, {residents}) n
    UNION ALL
    SELECT {scheme}, 20000000 + n, {scheme}, {points}, 'issuance', '', n, NULL, -10 * {share}, 0, {share}
    FROM generate_series(0, 7) n;
INSERT INTO transfers
    (scheme_id, id, kind, key, actor_id, request_hash, source_kind, source_id, occurred_at, recorded_at)
    SELECT {scheme}, 1000000000 + n, 'award', 'fill:' || n, 0, repeat('0', 64), 'claim', n, moment, moment
    FROM (SELECT n, now() - interval '1 second' * ({transfers} - n) AS moment
        FROM generate_series(0, {transfers} - 1) n) given;
INSERT INTO postings (scheme_id, transfer_id, line, account_id, amount, seq, balance_after)
    SELECT {scheme}, 1000000000 + n, line,
        CASE line WHEN 0 THEN 10000001 + n % {residents} ELSE 20000000 + n % 8 END,
        CASE line WHEN 0 THEN 10 ELSE -10 END,
        CASE line WHEN 0 THEN n / {residents} + 1 ELSE n / 8 + 1 END,
        CASE line WHEN 0 THEN 10 ELSE -10 END * CASE line WHEN 0 THEN n / {residents} + 1 ELSE n / 8 + 1 END
    FROM generate_series(0, {transfers} - 1) n, generate_series(0, 1) line;
"""


@dataclass(frozen=True)
class Filled:
    """Books of so many postings, and cursors of pages half-way down some residents' statements."""

    app: Flask
    books: Books
    cursors: list[tuple[int, str]]


def filled(url: str, postings: int, each: int) -> Filled:
    """Lay the books in. ``each``: awards to each resident, two postings an award."""
    residents, transfers = postings // 2 // each, postings // 2
    with harness.application(url) as app:
        with transaction():
            scheme_id = create_scheme(code="bench", name="测量", points_scale=0, at=clock.now()).id
            ids = range(PEOPLE + 1, PEOPLE + residents + 1)
            rows = [{"scheme_id": scheme_id, "id": one, "kind": HolderKind.PERSON} for one in ids]
            db.session.execute(holders.insert(), rows)
        books = Books(scheme_id, queries.units_of(scheme_id)[POINTS], residents, 0, 0)
        with psycopg.connect(url) as superuser:
            superuser.execute("SET session_replication_role = replica")
            sizes = {"each": each, "residents": residents, "transfers": transfers, "share": transfers // 8}
            superuser.execute(FILL.format(scheme=scheme_id, people=PEOPLE, points=books.points, **sizes))
        settle()
        return Filled(app, books, deep_cursors(books, each))


def deep_cursors(books: Books, each: int) -> list[tuple[int, str]]:
    found = []
    for person in random.Random(1).sample(range(PEOPLE + 1, PEOPLE + books.people + 1), min(50, books.people)):
        cursor = None
        for _ in range(max(1, each // 2 // 50)):
            cursor = queries.statement(books.scheme_id, person, books.points, after=cursor).next
        assert cursor is not None
        found.append((person, cursor))
        db.session.rollback()
    return found


@functools.cache
def both() -> tuple[Filled, Filled]:
    """The large and the small books, on one server, for all readings of the run."""
    base = harness.for_the_run(harness.postgres())
    small = filled(harness.database(base, "points_small"), SMALL, SMALL_EACH)
    with small.app.app_context():
        check(small.books)
    print(f"Laying in {LARGE:,} postings…", file=sys.stderr, flush=True)
    return filled(harness.database(base, "points_large"), LARGE, LARGE_EACH), small


def reading(read: Callable[[Filled, random.Random], Any]) -> Callable[[], tuple[Turn, Turn, Callable[[], None]]]:
    def of(filled: Filled) -> Turn:
        chance = random.Random(2)

        def turn() -> float:
            """Milliseconds a reading takes."""
            with filled.app.app_context():
                count, started = 0, time.perf_counter()
                while time.perf_counter() < started + SECONDS / 3:
                    read(filled, chance)
                    db.session.rollback()
                    count += 1
                return (time.perf_counter() - started) / count * 1000

        return turn

    def prepare() -> tuple[Turn, Turn, Callable[[], None]]:
        large, small = both()
        return of(large), of(small), lambda: None

    return prepare


def somebody(filled: Filled, chance: random.Random) -> int:
    return chance.randint(PEOPLE + 1, PEOPLE + filled.books.people)


def balance(filled: Filled, chance: random.Random) -> None:
    person = somebody(filled, chance)
    if queries.balance_of(filled.books.scheme_id, person, filled.books.points) <= 0:
        raise RuntimeError(f"{person} has nothing")


def statement(filled: Filled, chance: random.Random, at: tuple[int, str] | None = None) -> None:
    person, after = at or (somebody(filled, chance), None)
    page = queries.statement(filled.books.scheme_id, person, filled.books.points, after=after)
    if len(page.rows) != 50:
        raise RuntimeError(f"a page of {len(page.rows)} lines")


def deep_statement(filled: Filled, chance: random.Random) -> None:
    statement(filled, chance, chance.choice(filled.cursors))


# ---------------------------------------------------------------- the audit


def audits() -> tuple[Callable[[], dict[str, float]], Callable[[], None]]:
    stack = contextlib.ExitStack()
    where = stack.enter_context(tempfile.TemporaryDirectory(prefix="points-bench-sqlite-"))
    base = stack.enter_context(harness.postgres())
    urls = {"SQLite": f"sqlite:///{where}/points.sqlite3", "PostgreSQL": harness.database(base, "points_bench")}
    posted = {name: stack.enter_context(audited(url)) for name, url in urls.items()}
    return lambda: {name: seconds(*one) for name, one in posted.items()}, stack.close


@contextlib.contextmanager
def audited(url: str) -> Iterator[tuple[Flask, Books]]:
    """Books of a million postings by the real path: a fifth of them awards, the others redemptions of four."""
    with harness.application(url) as app:
        books = open_books(PEOPLE_AUDITED, SHOPS_AUDITED, SHOPS_AUDITED)
        print(f"Posting {AUDITED:,} postings…", file=sys.stderr, flush=True)
        draw = random.Random(4).randint
        given = (
            award(books, PEOPLE + draw(1, PEOPLE_AUDITED), f"award:{n}") for n in range(AUDITED // 10)
        )  # two postings each
        taken = (
            redemption(books, f"redeem:{n}", draw(1, PEOPLE_AUDITED), draw(1, SHOPS_AUDITED), draw(1, SHOPS_AUDITED))
            for n in range(AUDITED // 5)
        )
        for drafts in (given, taken):
            if post_in_chunks(books.scheme_id, drafts, at=clock.now()).refused:
                raise RuntimeError("a draft was refused")
        settle()
        yield app, books


def seconds(app: Flask, books: Books) -> float:
    with app.app_context():
        started = time.perf_counter()
        found = audit(books.scheme_id)
        took = time.perf_counter() - started
    if not found.is_clean or found.postings < AUDITED:
        raise RuntimeError(f"{found.postings} postings audited: {found.findings}")
    return took


def worse(rounds: list[dict[str, float]]) -> tuple[float, str]:
    medians = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    return max(medians.values()), ", ".join(f"{name} {rounded(took)} s" for name, took in medians.items())


UNIT = f"ms, {LARGE:,} postings; ratio: of the times, smaller is better"
BESIDE = f"ms, {SMALL:,} postings"
BENCHMARKS: list[Any] = [
    Benchmark("growth.balance", UNIT, BESIDE, reading(balance)),
    Benchmark("growth.statement", UNIT, BESIDE, reading(statement)),
    Benchmark("growth.statement.deep", UNIT, BESIDE, reading(deep_statement)),
    Figures("audit.million_s", f"s, full audit of {AUDITED:,} postings", audits, worse),
]
