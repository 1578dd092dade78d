"""When work is due: days in the scheme's zone, months' ends, clocks that change, and what was missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.jobs.rules import (
    LATE_AFTER,
    Daily,
    Every,
    State,
    day_to_do,
    done_through,
    due_moment,
    latest_day,
    next_due,
    next_try,
    state_of,
)

ZONE = "Asia/Shanghai"
AFTER_MIDNIGHT = Daily(time(0, 5))
EACH_DAY = Daily(time(0, 5), each_day=True)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "day"),
    [
        ("2026-11-20 16:04:59", ZONE, date(2026, 11, 20)),  # 0:04:59 on the 21st: its work is not due yet
        ("2026-11-20 16:05:00", ZONE, date(2026, 11, 21)),
        ("2026-11-21 15:59:59", ZONE, date(2026, 11, 21)),  # still the 21st there
        ("2026-11-20 16:05:00", "UTC", date(2026, 11, 20)),
        ("2026-11-20 16:05:00", "America/Los_Angeles", date(2026, 11, 20)),
        ("2026-11-20 23:50:00", "Pacific/Kiritimati", date(2026, 11, 21)),
        ("2027-02-28 16:05:00", ZONE, date(2027, 3, 1)),  # the end of a month, of a leap February, of a year
        ("2027-02-28 16:04:00", ZONE, date(2027, 2, 28)),
        ("2028-02-28 16:05:00", ZONE, date(2028, 2, 29)),
        ("2026-12-31 16:05:00", ZONE, date(2027, 1, 1)),
        ("2026-12-31 16:04:00", ZONE, date(2026, 12, 31)),
    ],
)
def test_the_latest_day_is_that_of_the_schemes_clocks(at: str, zone: str, day: date) -> None:
    assert latest_day(AFTER_MIDNIGHT, utc(at), zone) == day


def test_a_time_that_the_clocks_skip_or_repeat_comes_once_a_day() -> None:
    rhythm, zone = Daily(time(2, 30)), "Europe/Berlin"
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    assert due_moment(rhythm, spring, zone) == utc("2026-03-29 01:30")  # 2:30 does not exist: 3:30 of the new time
    assert due_moment(rhythm, autumn, zone) == utc("2026-10-25 00:30")  # the first of the two
    assert latest_day(rhythm, utc("2026-10-25 01:30"), zone) == autumn
    assert next_due(rhythm, autumn, utc("2026-10-25 00:31"), zone) == utc("2026-10-26 01:30")


def test_a_new_scheme_owes_nothing_of_the_past() -> None:
    at = utc("2026-11-21 01:00")
    assert day_to_do(AFTER_MIDNIGHT, None, at, ZONE) == day_to_do(EACH_DAY, None, at, ZONE) == date(2026, 11, 21)


def test_after_three_days_without_a_worker_one_kind_does_the_latest_day_and_the_other_every_day_in_order() -> None:
    at, through = utc("2026-12-01 16:10"), date(2026, 11, 29)  # the 2nd of December has begun

    def days(rhythm: Daily) -> list[date]:
        found, done = [], through
        while next_due(rhythm, done, at, ZONE) <= at:
            found.append(day_to_do(rhythm, done, at, ZONE))
            done = done_through(done, found[-1])
        return found

    assert days(AFTER_MIDNIGHT) == [date(2026, 12, 2)]
    assert days(EACH_DAY) == [date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 2)]


def test_asked_for_once_more_the_latest_day_is_done_again() -> None:
    at, today = utc("2026-11-21 01:00"), date(2026, 11, 21)
    assert day_to_do(EACH_DAY, today, at, ZONE) == day_to_do(AFTER_MIDNIGHT, today, at, ZONE) == today


def test_clocks_that_go_back_take_nothing_back() -> None:
    earlier, through = utc("2026-11-19 01:00"), date(2026, 11, 21)
    assert day_to_do(EACH_DAY, through, earlier, ZONE) == date(2026, 11, 19)
    assert done_through(through, date(2026, 11, 19)) == through


@given(
    through=st.dates(date(2020, 1, 1), date(2080, 1, 1)),
    away=st.timedeltas(timedelta(), timedelta(days=40)),
    at=st.times(),
    zone=st.sampled_from([ZONE, "UTC", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_whatever_the_downtime_every_day_comes_once_and_in_order(
    through: date, away: timedelta, at: time, zone: str
) -> None:
    rhythm = Daily(at.replace(tzinfo=None), each_day=True)
    now = due_moment(rhythm, through, zone) + away
    last, done, days = latest_day(rhythm, now, zone), through, []
    while next_due(rhythm, done, now, zone) <= now:
        days.append(day_to_do(rhythm, done, now, zone))
        done = done_through(done, days[-1])
        assert len(days) < 60
    assert days == [through + timedelta(days=n) for n in range(1, (last - through).days + 1)]


def test_work_that_is_done_again_and_again_rests_after_its_run() -> None:
    rhythm, at = Every(timedelta(minutes=5)), utc("2026-11-20 16:04")
    assert latest_day(rhythm, at, ZONE) == date(2026, 11, 21)
    assert day_to_do(rhythm, date(2026, 11, 1), at, ZONE) == date(2026, 11, 21)
    assert next_due(rhythm, date(2026, 11, 21), at, ZONE) == at + timedelta(minutes=5)


def test_tries_come_ever_later_but_never_end() -> None:
    at = utc("2026-11-20 10:00")
    waits = [int((next_try(tries, at) - at).total_seconds() // 60) for tries in (1, 2, 3, 4, 5, 6, 7, 8, 5000)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    ("due_in", "lease_for", "tries", "state"),
    [
        (-1, 30, 0, State.RUNNING),
        (-9999, 30, 4, State.RUNNING),
        (-9999, -1, 0, State.CUT_OFF),
        (-9999, -LATE_AFTER.total_seconds() - 1, 0, State.LATE),
        (60, -1, 0, State.CUT_OFF),
        (-1, None, 3, State.WAITING),
        (0, None, 0, State.WAITING),
        (-LATE_AFTER.total_seconds() - 1, None, 0, State.LATE),
        (60, None, 1, State.FAILING),
        (60, None, 0, State.RESTING),
    ],
)
def test_the_state_says_what_a_person_would(due_in: int, lease_for: int | None, tries: int, state: State) -> None:
    at = utc("2026-11-20 10:00")
    lease = None if lease_for is None else at + timedelta(seconds=lease_for)
    assert state_of(at + timedelta(seconds=due_in), lease, tries, at) is state
