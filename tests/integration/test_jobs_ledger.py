"""What the ledger has done by itself, by real worker processes: killed in the middle, frozen, told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from points import clock
from points.db import db, in_own_transaction, new_id, table_of, transaction
from points.jobs.kinds import KINDS
from points.jobs.queries import Standing, standing_of
from points.jobs.rules import State
from points.jobs.running import Ended
from points.jobs.worker import Worker
from points.ledger import AccountClass, HolderKind, hold, post
from points.ledger.models import Holder
from points.ledger.queries import balance_of, spendable_of
from points.proof.audit import audit
from tests.factories import Books

PATIENCE_S = 60
PEOPLE = 6_500  # more than three of the sweep's transactions
LEASE = "3"


def long_ago() -> tuple[datetime, str]:
    """Some months ago, and the end of a month that has passed since."""
    now = clock.now()
    month_end = (now - timedelta(days=40)).date().replace(day=1) - clock.ONE_DAY
    return now - timedelta(days=100), month_end.isoformat()


def many_wallets(books: Books, count: int) -> list[int]:
    """People with a point each, whose date has passed."""
    then, mark = long_ago()
    people = [new_id() for _ in range(count)]
    with transaction():
        rows = [{"scheme_id": books.scheme_id, "id": one, "kind": HolderKind.PERSON} for one in people]
        db.session.execute(insert(table_of(Holder)), rows)
    with clock.at(then):
        for start in range(0, count, 1500):
            drafts = [books.draft("award", *books.award_legs(one, 1, mark)) for one in people[start : start + 1500]]
            in_own_transaction(lambda drafts=drafts: post(books.scheme_id, drafts, at=then))
    return people


def standing(books: Books, name: str) -> Standing:
    db.session.rollback()
    found = standing_of(books.scheme_id, name, at=clock.now())
    assert found is not None
    return found


@contextmanager
def worker_process(books: Books, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """``flask jobs work`` for this scheme only, in a process of its own; killed at the end if it still runs."""
    url = books.world.app.config["SQLALCHEMY_DATABASE_URI"]
    command = [sys.executable, "-m", "points", "jobs", "work", "--lease", LEASE, "--scheme", books.world.scheme.code]
    db.session.rollback()
    process = subprocess.Popen([*command, *options], env={**os.environ, "DATABASE_URL": url, "PYTHONWARNINGS": ""})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


def hears(pid: int, number: int) -> bool:
    """Whether the process has a handler for the signal: it is up, and would end in order."""
    with open(f"/proc/{pid}/status") as file:
        caught = next(line for line in file if line.startswith("SigCgt:")).split()[1]
    return bool(int(caught, 16) >> (number - 1) & 1)


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)


def is_done(books: Books, name: str = "expiry") -> bool:
    return standing(books, name).finished_at is not None


def check_swept_once(books: Books, count: int) -> None:
    db.session.rollback()
    swept = text("SELECT count(*), count(DISTINCT key) FROM transfers WHERE scheme_id = :s AND kind = 'expiry'")
    assert tuple(db.session.execute(swept, {"s": books.scheme_id}).one()) == (count, count)
    assert balance_of(books.scheme_id, books.scheme_id, books.points, AccountClass.EXPIRED) == count
    left = text("SELECT count(*) FROM accounts WHERE scheme_id = :s AND class = 'wallet' AND balance <> 0")
    assert db.session.scalar(left, {"s": books.scheme_id}) == 0
    assert audit(books.scheme_id).is_clean


def in_mid_sweep(books: Books, process: subprocess.Popen[bytes]) -> int:
    """Wait until some of it is swept and some is not: how much is."""
    until(lambda: standing(books, "expiry").done > 0, "the first transaction of the sweep")
    found = standing(books, "expiry")
    assert found.state is State.RUNNING
    assert 0 < found.done < found.total == PEOPLE
    assert process.poll() is None
    return found.done


def test_a_worker_killed_in_mid_sweep_is_relieved_and_nothing_is_swept_twice(books: Books) -> None:
    many_wallets(books, PEOPLE)
    with worker_process(books) as first:
        in_mid_sweep(books, first)
        first.kill()
        first.wait()
    assert not is_done(books)
    with worker_process(books):
        until(lambda: is_done(books), "the second worker to finish what the first had begun")
    check_swept_once(books, PEOPLE)
    found = standing(books, "expiry")
    assert (found.error, found.tries, found.is_made_up_for) == ("worker_ended", 0, True)
    assert found.result is not None
    assert found.result < PEOPLE, "the second worker swept only what was left"


def test_a_worker_frozen_in_mid_sweep_is_overtaken_and_wakes_without_harm(books: Books) -> None:
    many_wallets(books, PEOPLE)
    with worker_process(books) as frozen:
        in_mid_sweep(books, frozen)
        frozen.send_signal(signal.SIGSTOP)
        with worker_process(books) as second:
            until(lambda: hears(second.pid, signal.SIGTERM), "the second worker")
            until(lambda: standing(books, "expiry").state is not State.RUNNING, "the lease to run out")
            time.sleep(2)  # the second takes over, unless the first froze with SQLite's one lock in its hand
            frozen.send_signal(signal.SIGCONT)
            until(lambda: is_done(books), "the work")
            for process in (frozen, second):
                process.terminate()
                assert process.wait(PATIENCE_S) == 0
    check_swept_once(books, PEOPLE)


def test_told_to_end_a_worker_commits_what_it_began_and_leaves_the_rest_due(books: Books) -> None:
    many_wallets(books, PEOPLE)
    with worker_process(books) as process:
        in_mid_sweep(books, process)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    found = standing(books, "expiry")
    assert (found.holder, found.tries, found.error, found.finished_at) == (None, 0, None, None)
    with worker_process(books, "--once") as process:
        assert process.wait(PATIENCE_S) == 0
    check_swept_once(books, PEOPLE)


def test_a_worker_ends_with_the_process_that_started_it(books: Books) -> None:
    """As ``./run`` starts one: were the server killed, nobody else would stop its worker."""
    url = books.world.app.config["SQLALCHEMY_DATABASE_URI"]
    code = books.world.scheme.code
    db.session.rollback()
    script = (
        "import os, subprocess, sys, time; worker = subprocess.Popen([sys.executable, '-m', 'points', 'jobs', 'work', "
        f"'--scheme', {code!r}, '--beside', str(os.getpid())]); print(worker.pid, flush=True); time.sleep(600)"
    )
    env = {**os.environ, "DATABASE_URL": url, "PYTHONWARNINGS": ""}
    server = subprocess.Popen([sys.executable, "-c", script], env=env, stdout=subprocess.PIPE)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    until(lambda: is_done(books, "holds"), "its first work")
    server.kill()
    server.wait()
    server.stdout.close()
    until(lambda: not _runs(pid), "the worker to end")


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---------------------------------------------------------------- what it does


def work_once(books: Books, at: datetime) -> dict[Any, int]:
    db.session.rollback()
    with clock.at(at):
        return dict(Worker(books.world.app.app_context, schemes=[books.scheme_id]).until_done())


def test_the_ledgers_work_is_registered(books: Books) -> None:
    assert {"expiry", "holds", "seal"} <= set(KINDS)


def test_points_expire_on_the_day_after_their_date_in_the_schemes_zone(books: Books) -> None:
    person = books.person()
    with clock.at(datetime(2026, 9, 1, tzinfo=UTC)):
        books.award(person, 30, "2026-11-30")
        books.award(person, 7, "2026-12-31")
    assert work_once(books, datetime(2026, 11, 30, 15, 59, tzinfo=UTC)) == {Ended.DONE: len(KINDS)}  # 23:59 on the 30th
    assert books.wallet(person) == 37
    work_once(books, datetime(2026, 11, 30, 16, 4, tzinfo=UTC))  # 0:04 on the 1st: not spendable, not swept yet
    assert books.wallet(person) == 37
    assert spendable_of(books.scheme_id, person, books.points, date(2026, 12, 1)) == 7
    work_once(books, datetime(2026, 11, 30, 16, 5, tzinfo=UTC))
    assert books.wallet(person) == 7
    assert standing(books, "expiry").result == 1


def test_the_sweep_catches_up_after_days_without_a_worker(books: Books) -> None:
    person = books.person()
    with clock.at(datetime(2026, 9, 1, tzinfo=UTC)):
        for mark in ("2026-10-31", "2026-11-30", "2026-12-31"):
            books.award(person, 5, mark)
    work_once(books, datetime(2026, 9, 2, tzinfo=UTC))
    work_once(books, datetime(2026, 12, 24, tzinfo=UTC))
    assert books.wallet(person) == 5


def test_a_hold_whose_time_is_up_is_given_back(books: Books) -> None:
    person, at = books.person(), datetime(2026, 11, 20, 2, tzinfo=UTC)
    with clock.at(at):
        books.award(person, 30)
        draft = books.draft(
            "redemption",
            books.leg("wallet", books.points, -20, person),
            books.leg("takings", books.points, 20),
        )
        held = in_own_transaction(lambda: hold(books.scheme_id, draft, until=at + timedelta(minutes=15), at=at))
    work_once(books, at + timedelta(minutes=14))
    assert spendable_of(books.scheme_id, person, books.points, at.date()) == 10
    work_once(books, at + timedelta(minutes=16))
    db.session.rollback()
    assert spendable_of(books.scheme_id, person, books.points, at.date()) == 30
    assert standing(books, "holds").result == 1
    assert held.replayed is False
    assert audit(books.scheme_id).is_clean


def test_every_day_that_has_ended_is_sealed_also_after_days_without_a_worker(books: Books) -> None:
    person = books.person()
    for day in (16, 18):
        with clock.at(datetime(2026, 11, day, 2, tzinfo=UTC)):
            books.award(person, 1)
    work_once(books, datetime(2026, 11, 18, 4, tzinfo=UTC))
    assert standing(books, "seal").result == 2  # the 16th and the empty 17th
    work_once(books, datetime(2026, 11, 20, 16, 29, tzinfo=UTC))
    work_once(books, datetime(2026, 11, 20, 16, 31, tzinfo=UTC))
    days = text("SELECT count(*), sum(count) FROM seals WHERE scheme_id = :s")
    sealed = tuple(map(int, db.session.execute(days, {"s": books.scheme_id}).one()))
    assert sealed == (5, 2)


@pytest.mark.parametrize("name", ["expiry", "holds", "seal"])
def test_each_work_asked_for_again_does_nothing_twice(books: Books, name: str) -> None:
    person, at = books.person(), datetime(2026, 11, 20, 2, tzinfo=UTC)
    with clock.at(at - timedelta(days=40)):
        books.award(person, 3, "2026-10-31")
    work_once(books, at)
    count = text(
        "SELECT (SELECT count(*) FROM transfers WHERE scheme_id = :s), (SELECT count(*) FROM seals WHERE scheme_id = :s)"
    )
    before = tuple(db.session.execute(count, {"s": books.scheme_id}).one())
    runner = books.world.app.test_cli_runner()
    db.session.rollback()
    with clock.at(at + timedelta(seconds=5)):
        result = runner.invoke(args=["jobs", "run", name, "--scheme", books.world.scheme.code])
    assert result.exit_code == 0, result.output
    assert "done, 0" in result.output
    assert tuple(db.session.execute(count, {"s": books.scheme_id}).one()) == before
