"""When work is due. Pure: a rhythm, what is done, the moment and the zone in; days and moments out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from .. import clock

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
LATE_AFTER = timedelta(minutes=5)  # so long a worker may be busy elsewhere before somebody should look


@dataclass(frozen=True)
class Daily:
    """Once a day, at a time on the scheme's clocks.

    each_day  after days without a worker: True does every missed day, in order; False the latest day only
    """

    at: time
    each_day: bool = False


@dataclass(frozen=True)
class Every:
    """Again and again, this long after the last run ended. Downtime is made up for by one run."""

    pause: timedelta


Rhythm = Daily | Every


def due_moment(rhythm: Daily, day: date, zone: str) -> datetime:
    """When a day's work begins to be due, in UTC. A time the clocks skip that day counts with the offset before."""
    return datetime.combine(day, rhythm.at, ZoneInfo(zone)).astimezone(UTC)


def latest_day(rhythm: Rhythm, at: datetime, zone: str) -> date:
    """The newest day whose work is due at this moment, in the scheme's zone."""
    today = clock.local_date(at, zone)
    if isinstance(rhythm, Daily) and due_moment(rhythm, today, zone) > at:
        return today - clock.ONE_DAY
    return today


def day_to_do(rhythm: Rhythm, through: date | None, at: datetime, zone: str) -> date:
    """The day that a run beginning now works on.

    through  the last day done; None: none yet, and nothing before the latest day is owed
    """
    latest = latest_day(rhythm, at, zone)
    if isinstance(rhythm, Daily) and rhythm.each_day and through is not None:
        return min(through + clock.ONE_DAY, latest)
    return latest


def done_through(through: date | None, day: date) -> date:
    """The last day done, once a day is: it never goes back, whatever the clocks do."""
    return day if through is None else max(through, day)


def next_due(rhythm: Rhythm, through: date, at: datetime, zone: str) -> datetime:
    """When the work is due again after a run that ended now: in the past while missed days are still owed."""
    if isinstance(rhythm, Every):
        return at + rhythm.pause
    return due_moment(rhythm, through + clock.ONE_DAY, zone)


def next_try(tries: int, at: datetime) -> datetime:
    """When to try again after so many failures in a row: 1, 2, 4 … minutes later, at most an hour. It never ends."""
    return at + min(FIRST_WAIT * (1 << min(tries - 1, 10)), LONGEST_WAIT)


class State(StrEnum):
    """What a job is at, for whoever looks. Others than these there are none."""

    RUNNING = "running"
    CUT_OFF = "cut_off"  # its worker went away in the middle; the next one takes over
    FAILING = "failing"  # the last run failed; the next try has its time
    LATE = "late"  # due for a while, and no worker has come
    WAITING = "waiting"  # due: the next worker takes it
    RESTING = "resting"  # done, until it is due again


def state_of(due_at: datetime, lease_until: datetime | None, tries: int, at: datetime) -> State:
    """The state of a job at a moment."""
    if lease_until is not None and lease_until > at:
        return State.RUNNING
    waited_since = due_at if lease_until is None else max(due_at, lease_until)
    if at - waited_since > LATE_AFTER:
        return State.LATE
    if lease_until is not None:
        return State.CUT_OFF
    if due_at <= at:
        return State.WAITING
    return State.FAILING if tries else State.RESTING
