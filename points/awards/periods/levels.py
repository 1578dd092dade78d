"""Levels and titles: where somebody stands, and the award for each step, once in its period."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from ... import clock
from ...db import db, in_own_transaction, insert_into, new_id
from ...errors import BudgetSpent
from ...inbox import Told, tell_many
from ...jobs import Context
from ...ledger import AccountClass, post
from ...ledger.models import Account, Posting, Transfer
from ...ledger.queries import units_of
from ...people.actions import POINTS
from ...people.models import Person, Scheme
from ...rulebook.in_force import version_id_on
from ...rulebook.pieces import Level
from ...rulebook.standings import LevelStanding, awards_up_to
from .. import levels
from ..budgets import marks_for
from ..levels import levels_in
from ..models import PeriodRun
from .ceiling import brim_of, locked
from .giving import Gift, draft
from .in_force import InForce, in_force
from .models import LevelReached

SLACK = timedelta(minutes=10)  # transfers that were being written when the last look was taken
CHUNK = 100


def levels_on(scheme_id: int, day: date) -> tuple[InForce | None, tuple[Level, ...]]:
    version = in_force(scheme_id, day)
    return version, levels_in(scheme_id, version.id) if version else ()


def standings_of(scheme_id: int, person_id: int, day: date) -> list[LevelStanding]:
    """Where somebody stands on every level of the rulebook in force; nothing at all where it has none."""
    return standings_under(scheme_id, person_id, version_id_on(scheme_id, day), day)


def standings_under(scheme_id: int, person_id: int, version_id: int | None, day: date) -> list[LevelStanding]:
    """Where somebody stands on every level of a version."""
    found = levels_in(scheme_id, version_id) if version_id is not None else ()
    return levels.standings_of(scheme_id, [person_id], found, day)[person_id]


# ---------------------------------------------------------------- the award for a step


def reach(scheme: Scheme, person_id: int, day: date, at: datetime) -> tuple[int, bool]:
    """Note the steps that somebody has reached since, give what each is worth, and tell. How many there were, and
    whether one waits for a budget. A step is reached once in its period, whatever the balance does afterwards."""
    version, found = levels_on(scheme.id, day)
    if version is None:
        return 0, False
    new, waiting = 0, False
    stands = levels.standings_of(scheme.id, [person_id], found, day)[person_id]
    told = []
    for level, now in zip(found, stands, strict=True):
        for place, title, points in awards_up_to(level, now.step, scheme.points_scale):
            try:
                with db.session.begin_nested():
                    if not first_time(scheme.id, person_id, now, place, at):
                        continue
                    got = award_step(scheme, person_id, now, place, points, at) if points else 0
            except BudgetSpent:
                waiting = True
                continue
            new += 1
            values: dict[str, Any] = {"title": level.title, "step": title} | ({"points": got} if got else {})
            key = f"level:{level.code}:{now.period}:{place}"[:80]
            told.append(Told(person_id, "level_reached", values, "/me/standing", key))
    tell_many(scheme.id, told, at)
    return new, waiting


def first_time(scheme_id: int, person_id: int, now: LevelStanding, place: int, at: datetime) -> bool:
    noted = insert_into(LevelReached).values(
        scheme_id=scheme_id, person_id=person_id, level=now.code, period=now.period, step=place, reached_at=at
    )
    return db.session.scalar(noted.on_conflict_do_nothing().returning(LevelReached.step)) is not None


def award_step(scheme: Scheme, person_id: int, now: LevelStanding, place: int, points: int, at: datetime) -> int:
    """From the year's budget where there is one, as far as the ceiling lets it in: what the person got. Raises
    BudgetSpent, and then the step is not noted either."""
    day = clock.local_date(at, scheme.zone)
    unit_id = units_of(scheme.id)[POINTS]
    budget = marks_for(scheme.id, [unit_id], day.year, "")[unit_id]
    version = in_force(scheme.id, day)
    brim = brim_of(scheme.id, version.body, "points", scheme.points_scale, at) if version else None
    have = locked(scheme.id, brim, [person_id])[person_id] if brim else 0
    prefix = f"level:{now.code}:{now.period}:{place}:"
    gift = Gift(unit_id, points, "never", prefix, "level", None, budget, brim=brim)
    made = draft(scheme, gift, person_id, at, have)
    if made is None:
        return 0
    posted = post(scheme.id, [made], at=at, zone=scheme.zone)
    noted = db.session.get_one(LevelReached, (scheme.id, person_id, now.code, now.period, place))
    noted.transfer_id = posted[0].transfer_id
    db.session.flush()
    return brim.fit(points, have)[0] if brim else points


def touched_since(scheme_id: int, since: datetime) -> list[int]:
    """Everybody whose wallet changed since a moment: nobody else can have reached a step."""
    query = (
        select(Account.holder_id)
        .join(Posting, (Posting.scheme_id == Account.scheme_id) & (Posting.account_id == Account.id))
        .join(Transfer, (Transfer.scheme_id == Posting.scheme_id) & (Transfer.id == Posting.transfer_id))
        .join(Person, (Person.scheme_id == Account.scheme_id) & (Person.id == Account.holder_id))
        .where(Account.scheme_id == scheme_id, Account.klass == AccountClass.WALLET)
        .where(Transfer.scheme_id == scheme_id, Transfer.recorded_at >= since, Person.disabled_at.is_(None))
        .distinct()
    )
    return sorted(db.session.scalars(query))


def look(work: Context) -> int:
    """Due work: the steps reached since the last look. While a budget is spent, those who wait are looked at again."""
    version, found = levels_on(work.scheme_id, work.day)
    if version is None or not found:
        return 0
    mark = watermark(work.scheme_id, version)
    since = datetime.fromisoformat(mark) if mark else datetime(2000, 1, 1, tzinfo=work.at.tzinfo)
    people = touched_since(work.scheme_id, since - SLACK)
    db.session.rollback()
    new, somebody_waits = 0, False
    for place, person_id in enumerate(people, 1):
        steps, waits = in_own_transaction(partial(look_at, work.scheme_id, person_id, work.day, work.at))
        new, somebody_waits = new + steps, somebody_waits or waits
        if place % CHUNK == 0:
            work.progress(place, len(people))
    if not somebody_waits:
        in_own_transaction(partial(set_watermark, work.scheme_id, version, work.at))
    return new


def look_at(scheme_id: int, person_id: int, day: date, at: datetime) -> tuple[int, bool]:
    return reach(db.session.get_one(Scheme, scheme_id), person_id, day, at)


def watermark(scheme_id: int, version: InForce) -> str | None:
    """Until when everybody was looked at under this version: a new version looks at all anew."""
    found = db.session.scalar(
        select(PeriodRun).where(
            PeriodRun.scheme_id == scheme_id,
            PeriodRun.kind == "level",
            PeriodRun.code == "seen",
            PeriodRun.period == str(version.id)[:20],
        )
    )
    return str(found.counts["through"]) if found else None


def set_watermark(scheme_id: int, version: InForce, at: datetime) -> None:
    counts = {"through": at.isoformat()}
    row = insert_into(PeriodRun).values(
        scheme_id=scheme_id,
        id=new_id(),
        kind="level",
        code="seen",
        period=str(version.id)[:20],
        version_id=version.id,
        run_at=at,
        counts=counts,
    )
    names = ["scheme_id", "kind", "code", "period"]
    db.session.execute(row.on_conflict_do_update(index_elements=names, set_={"counts": counts, "run_at": at}))
