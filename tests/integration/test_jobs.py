"""Due work: nothing due is dropped, one worker at a time, failures stay on record, a killed worker only delays."""

from __future__ import annotations

import threading
import time as real_time
from datetime import date, time, timedelta
from functools import partial

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from points import clock
from points.db import db, in_own_transaction, transaction
from points.errors import LedgerFault, TryAgain
from points.jobs import Context, Daily, Every, LeaseLost
from points.jobs.leases import add, ask, due, fail, finish, give_back, jobs, missing, new_holder, note, renew
from points.jobs.rules import State
from points.jobs.running import Ended, reason_of
from points.jobs.worker import Stop
from tests.factories import World
from tests.integration.jobs_world import MOMENT, Work
from tests.integration.together import in_processes, in_threads

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def work(world: World, monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(world, monkeypatch)


# ---------------------------------------------------------------- due


@pytest.mark.parametrize(
    ("each_day", "days"),
    [
        (False, [date(2026, 11, 24)]),
        (True, [date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 24)]),
    ],
)
def test_after_three_days_without_a_worker_the_work_catches_up(work: Work, each_day: bool, days: list[date]) -> None:
    done: list[date] = []
    work.kind(lambda run: done.append(run.day), Daily(time(0, 5), each_day))
    assert work.round(MOMENT) == [Ended.DONE]
    assert done == [date(2026, 11, 20)]
    assert work.round(MOMENT + timedelta(hours=13)) == []  # 23:00: the next day's work is not due
    assert work.until_done(MOMENT + 4 * DAY) == {Ended.DONE: len(days)}
    assert done[1:] == days
    found = work.standing(MOMENT + 4 * DAY)
    assert (found.through, found.state) == (date(2026, 11, 24), State.RESTING)
    assert clock.local(found.due_at, "Asia/Shanghai").isoformat() == "2026-11-25T00:05:00+08:00"


def test_a_day_whose_work_failed_is_not_skipped(work: Work) -> None:
    done: list[date] = []

    def fails_on_saturday(run: Context) -> None:
        if run.day == date(2026, 11, 21) and run.at < MOMENT + 3 * DAY:
            raise ValueError("not today")
        done.append(run.day)

    work.kind(fails_on_saturday, Daily(time(0, 5), each_day=True))
    work.round(MOMENT)
    assert work.until_done(MOMENT + 2 * DAY) == {Ended.FAILED: 1}
    work.until_done(MOMENT + 4 * DAY)
    assert done == [date(2026, 11, day) for day in (20, 21, 22, 23, 24)]


def test_work_of_every_minute_is_done_once_for_any_downtime(work: Work) -> None:
    work.kind(lambda run: 7, Every(MINUTE))
    assert work.round(MOMENT) == [Ended.DONE]
    assert work.round(MOMENT + 59 * timedelta(seconds=1)) == []
    assert work.until_done(MOMENT + DAY) == {Ended.DONE: 1}
    assert work.standing(MOMENT + DAY).result == 7


def test_a_new_scheme_and_a_new_kind_get_their_rows_and_nothing_twice(work: Work, world: World) -> None:
    work.kind(name="one")
    other = World(world.app)
    assert missing([work.scheme_id], ["one"]) == [(work.scheme_id, "one")]
    in_own_transaction(lambda: add(missing([work.scheme_id], ["one"]), at=MOMENT))
    assert missing([work.scheme_id], ["one"]) == []
    both = missing([work.scheme_id, other.scheme_id], ["one", "two"])
    assert both == [(work.scheme_id, "two"), (other.scheme_id, "one"), (other.scheme_id, "two")]
    in_own_transaction(lambda: add(both, at=MOMENT))
    assert due([work.scheme_id], ["one"], at=MOMENT) == [(work.scheme_id, "one")]  # "two" is not known here
    assert due([work.scheme_id], ["one"], at=MOMENT - MINUTE) == []


def test_two_workers_that_add_the_same_rows_add_them_once(work: Work, world: World) -> None:
    rows = [(work.scheme_id, "a"), (work.scheme_id, "b")]
    assert in_threads(world.app, [lambda: in_own_transaction(lambda: add(rows, at=MOMENT))] * 6) == [None] * 6
    assert len(due([work.scheme_id], ["a", "b"], at=MOMENT)) == 2


def test_a_worker_of_one_scheme_leaves_the_others_alone(work: Work, world: World) -> None:
    seen: list[int] = []
    work.kind(lambda run: seen.append(run.scheme_id))
    other = World(world.app)
    in_own_transaction(lambda: add([(other.scheme_id, "test")], at=MOMENT))
    work.round(MOMENT)
    assert seen == [work.scheme_id]


# ---------------------------------------------------------------- leases


def test_of_many_workers_one_gets_the_job(work: Work, world: World) -> None:
    work.due_since(MOMENT)
    claims = in_threads(world.app, [lambda: work.claim(MOMENT)] * 12)
    assert len([one for one in claims if one is not None]) == 1


def test_of_many_processes_each_day_is_done_by_one(work: Work, world: World) -> None:
    done = work.world.app  # each process notes its days in the database, as postings would be
    days = Daily(time(0, 5), each_day=True)

    def write(run: Context) -> None:
        with transaction():
            world.add(_area(world, f"{run.day}"))  # its name is unique: a day done twice would fail

    work.kind(write, days)
    with clock.at(MOMENT):
        work.worker().round()

    def one_worker() -> int:
        with clock.at(MOMENT + 8 * DAY):
            return sum(work.worker().until_done().values())

    found = in_processes(done, [[one_worker]] * 3)
    assert sum(found) == 8, found
    assert work.standing(MOMENT + 8 * DAY).tries == 0


def _area(world: World, name: str) -> object:
    from points.db import new_id
    from points.people.models import Area, AreaKind

    made = Area(scheme_id=world.scheme_id, id=new_id(), kind=AreaKind.GRID, name=name, parent_id=world.community.id)
    made.path = f"{world.community.path}{made.id}/"
    return made


def test_a_killed_worker_only_delays_and_is_remembered(work: Work) -> None:
    work.kind()
    work.due_since(MOMENT)
    killed = work.claim(MOMENT)
    assert killed is not None
    assert work.standing(MOMENT).state is State.RUNNING
    assert work.claim(MOMENT + 59 * timedelta(seconds=1)) is None
    assert work.standing(MOMENT + MINUTE).state is State.CUT_OFF
    second = work.claim(MOMENT + MINUTE)
    assert second is not None
    found = work.standing(MOMENT + MINUTE)
    assert (found.error, found.tries, found.failed_at) == ("worker_ended", 1, MOMENT + MINUTE)
    assert found.detail == killed.holder
    assert second.tries == 1


def test_whoever_lost_the_lease_can_write_nothing_about_the_job(work: Work) -> None:
    work.due_since(MOMENT)
    late, at = work.claim(MOMENT), MOMENT + MINUTE
    new = work.claim(at)
    assert late and new
    before = dict(db.session.execute(select(jobs).where(jobs.c.scheme_id == work.scheme_id)).mappings().one())
    attempts = (
        partial(renew, late, at=at),
        partial(note, late, 5, 10, at=at),
        partial(finish, late, through=at.date(), due_at=at + DAY, took=MINUTE, result=1, at=at),
        partial(fail, late, error="fault", detail="", due_at=at, at=at),
        partial(give_back, late),
    )
    for attempt in attempts:
        assert in_own_transaction(attempt) is False
    after = db.session.execute(select(jobs).where(jobs.c.scheme_id == work.scheme_id)).mappings().one()
    assert dict(after) == before
    assert in_own_transaction(partial(renew, new, at=at))


def test_a_claim_whose_answer_was_lost_finds_itself(work: Work) -> None:
    work.kind()
    work.due_since(MOMENT)
    holder = new_holder()
    first, again = work.claim(MOMENT, holder=holder), work.claim(MOMENT, holder=holder)
    assert first == again is not None
    assert work.standing(MOMENT).tries == 0


def test_the_lease_is_kept_while_the_work_says_nothing(work: Work) -> None:
    lease = timedelta(seconds=0.9)
    begun, tries = threading.Event(), []

    def slow(run: Context) -> int:
        begun.set()
        real_time.sleep(2)
        return 1

    kind = work.kind(slow)
    work.due_since(clock.now())
    mine = work.claim(clock.now(), lease=lease)
    assert mine

    def others() -> None:
        begun.wait(10)
        with work.world.app.app_context():
            while not over.wait(0.2):
                tries.append(work.claim(clock.now(), lease=lease))

    over, rival = threading.Event(), threading.Thread(target=others)
    rival.start()
    try:
        assert work.run(kind, mine, lease=lease) is Ended.DONE
    finally:
        over.set()
        rival.join()
    assert len(tries) > 4
    assert set(tries) == {None}


def test_work_that_hangs_loses_its_lease_and_stops_when_it_wakes(work: Work) -> None:
    lease, wakes, after = timedelta(seconds=0.3), threading.Event(), []

    def hangs(run: Context) -> None:
        wakes.wait(30)
        after.append(run.should_stop())
        run.progress(1, 2)
        after.append("went on")

    kind = work.kind(hangs, patience=timedelta(seconds=0.05))
    work.due_since(clock.now())
    mine = work.claim(clock.now(), lease=lease)
    assert mine
    ended: list[Ended] = []

    def in_a_worker() -> None:
        with work.world.app.app_context():
            ended.append(work.run(kind, mine, lease=lease))

    hung = threading.Thread(target=in_a_worker)
    hung.start()
    second, patience = None, real_time.monotonic() + 20
    while second is None and real_time.monotonic() < patience:
        real_time.sleep(0.05)
        second = work.claim(clock.now())
    wakes.set()
    hung.join(20)
    assert second, "nobody could take over"
    assert ended == [Ended.LOST]
    assert "went on" not in after
    assert work.standing().holder == second.holder


def test_a_run_that_lost_its_lease_hears_of_it_at_its_next_word(work: Work) -> None:
    heard: list[str] = []

    def overtaken(run: Context) -> None:
        with transaction():
            db.session.execute(jobs.update().where(jobs.c.scheme_id == work.scheme_id).values(holder="somebody else"))
        try:
            run.progress(1, 10)
        except LeaseLost:
            heard.append("lost")
            raise

    work.kind(overtaken)
    assert work.round(MOMENT) == [Ended.LOST]
    assert heard == ["lost"]
    assert work.standing(MOMENT).holder == "somebody else"


def test_the_database_itself_refuses_a_holder_without_a_lease(work: Work) -> None:
    work.due_since(MOMENT)
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(jobs.update().where(jobs.c.scheme_id == work.scheme_id).values(holder="for ever"))
    with pytest.raises(IntegrityError), transaction():
        db.session.execute(jobs.update().where(jobs.c.scheme_id == work.scheme_id).values(tries=-1))


# ---------------------------------------------------------------- how it ended


def test_a_failure_has_a_stable_reason_no_names_and_a_next_try(work: Work) -> None:
    answers = [ValueError("王秀兰 13800001111"), TryAgain(), None]

    def fails_twice(run: Context) -> int:
        if error := answers.pop(0):
            raise error
        return 3

    work.kind(fails_twice)
    assert work.round(MOMENT) == [Ended.FAILED]
    found = work.standing(MOMENT)
    assert (found.state, found.error, found.detail, found.tries) == (State.FAILING, "fault", "ValueError", 1)
    assert found.due_at == MOMENT + MINUTE
    assert work.round(MOMENT + timedelta(seconds=59)) == []
    assert work.round(MOMENT + MINUTE) == [Ended.FAILED]
    found = work.standing(MOMENT + MINUTE)
    assert (found.error, found.tries, found.due_at) == ("try_again", 2, MOMENT + 3 * MINUTE)
    assert work.round(MOMENT + 3 * MINUTE) == [Ended.DONE]
    found = work.standing(MOMENT + 3 * MINUTE)
    assert (found.state, found.tries, found.result) == (State.RESTING, 0, 3)
    assert (found.error, found.failed_at, found.is_made_up_for) == ("try_again", MOMENT + MINUTE, True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LedgerFault("a law", person="王秀兰"), ("ledger_fault", "a law")),
        (TryAgain(), ("try_again", "")),
        (OperationalError("SELECT 王秀兰", {}, RuntimeError("王秀兰")), ("database", "RuntimeError")),
        (OSError(28, "No space left on device: 王秀兰"), ("machine", "OSError 28")),
        (KeyError("王秀兰"), ("fault", "KeyError")),
    ],
)
def test_a_reason_tells_the_kind_of_error_and_nothing_of_its_words(error: Exception, reason: tuple[str, str]) -> None:
    assert reason_of(error) == reason


def test_what_a_failed_run_left_open_is_not_written(work: Work, world: World) -> None:
    def half(run: Context) -> None:
        db.session.execute(text("SELECT 1"))
        with transaction():
            world.add(_area(world, "half"))
            raise RuntimeError

    work.kind(half)
    assert work.round(MOMENT) == [Ended.FAILED]
    assert not db.session.scalar(text("SELECT count(*) FROM areas WHERE name = 'half'"))


@pytest.mark.parametrize("by", ["progress", "should_stop"])
def test_told_to_stop_the_work_stays_due_and_is_no_failure(work: Work, by: str) -> None:
    stop, chunks = Stop(), []

    def in_chunks(run: Context) -> int:
        for chunk in range(5):
            chunks.append(chunk)
            if chunk == 2:
                stop.set()
            if by == "progress":
                run.progress(chunk, 5)
            elif run.should_stop():
                break
        return 5

    work.kind(in_chunks)
    with clock.at(MOMENT):
        assert dict(work.worker(stop=stop).until_done()) == {Ended.STOPPED: 1}
    found = work.standing(MOMENT)
    assert (chunks, found.state, found.tries, found.finished_at) == ([0, 1, 2], State.WAITING, 0, None)
    assert work.round(MOMENT) == [Ended.DONE]
    stop.close()


def test_progress_is_there_for_others_while_the_work_goes_on(work: Work, world: World) -> None:
    seen: list[tuple[State, int, int]] = []

    def tells(run: Context) -> None:
        run.progress(30, 120)
        found = work.standing(MOMENT)
        seen.append((found.state, found.done, found.total))

    work.kind(tells)
    assert work.round(MOMENT) == [Ended.DONE]
    assert seen == [(State.RUNNING, 30, 120)]


def test_a_worker_outlives_what_the_database_does(
    work: Work, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop = Stop()
    worker, rounds, rests = work.worker(stop=stop), [], []

    def round_() -> list[Ended]:
        rounds.append(len(rounds))
        if len(rounds) < 4:
            raise OperationalError("SELECT", {}, ConnectionError())
        stop.set()
        return []

    monkeypatch.setattr(worker, "round", round_)
    monkeypatch.setattr(stop, "wait", rests.append)
    worker.forever()
    assert len(rounds) == 4
    assert 1 <= rests[0] <= 2 <= rests[1] <= 4 <= rests[2] <= 8
    assert caplog.text.count("No work for") == 3
    stop.close()


# ---------------------------------------------------------------- asked for


def test_asked_for_it_is_done_at_once_and_one_key_asks_once(work: Work, world: World) -> None:
    days: list[date] = []
    work.kind(lambda run: days.append(run.day))
    work.round(MOMENT)
    staff = world.person()
    later = MOMENT + timedelta(hours=1)

    def asked(key: str | None) -> bool:
        return in_own_transaction(lambda: ask(work.scheme_id, "test", by=staff.id, key=key, at=later))

    assert asked("first")
    assert asked("first")
    assert work.round(later) == [Ended.DONE]
    assert asked("first"), "the same key finds that it was asked for"
    assert work.round(later) == [], "and asks for nothing more"
    assert asked("second")
    assert work.round(later) == [Ended.DONE]
    assert asked(None)
    assert asked(None)
    assert days == [date(2026, 11, 20)] * 3
    assert work.standing(later).state is State.WAITING


def test_asked_for_while_it_runs_nothing_happens(work: Work) -> None:
    work.kind()
    work.due_since(MOMENT)
    mine = work.claim(MOMENT)
    assert mine
    assert not in_own_transaction(lambda: ask(work.scheme_id, "test", by=None, key="k", at=MOMENT))
    assert work.standing(MOMENT).holder == mine.holder


def test_asked_for_before_any_worker_has_looked_it_waits_for_one(work: Work) -> None:
    work.kind()
    assert work.standing(MOMENT).state is State.WAITING
    assert in_own_transaction(lambda: ask(work.scheme_id, "test", by=None, key="k", at=MOMENT))
    assert work.round(MOMENT) == [Ended.DONE]
