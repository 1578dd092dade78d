"""Appeals whose days are over are told to the officers above them, once a day, until somebody decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

from sqlalchemy import func, select

from ...db import db, in_own_transaction
from ...errors import N_
from ...inbox import Told, register, tell_many
from ...jobs.kinds import Kind
from ...jobs.rules import Daily
from ...people.models import Area, Assignment, Person, Role
from .models import Appeal, AppealState

JOB = "appeals_overdue"

register(
    "appeals_overdue",
    N_("有申诉过了期限"),
    N_("有 {count} 件申诉到了日子还没答复。请安排没有经手过的人来看。"),
    tone="wait",
)


def overdue_by_area(scheme_id: int, today: date) -> dict[str, int]:
    """How many appeals should have been decided before today, by the area of the claim: by (state, decide_by)."""
    rows = db.session.execute(
        select(Appeal.area_path, func.count())
        .where(Appeal.scheme_id == scheme_id, Appeal.state == AppealState.OPEN, Appeal.decide_by < today)
        .group_by(Appeal.area_path)
    )
    return {row[0]: row[1] for row in rows}


def officers_of(scheme_id: int) -> list[tuple[int, str]]:
    """Every officer with the path of an area they answer for; somebody with two areas stands there twice."""
    rows = db.session.execute(
        select(Assignment.person_id, Area.path)
        .join(Area, (Area.scheme_id == Assignment.scheme_id) & (Area.id == Assignment.area_id))
        .join(Person, (Person.scheme_id == Assignment.scheme_id) & (Person.id == Assignment.person_id))
        .where(Assignment.scheme_id == scheme_id, Assignment.role == Role.OFFICER, Assignment.ended_at.is_(None))
        .where(Area.disabled_at.is_(None), Person.disabled_at.is_(None))
    )
    return [(row[0], row[1]) for row in rows]


def messages_for(overdue: Mapping[str, int], officers: Sequence[tuple[int, str]], today: date) -> list[Told]:
    """One message for each officer in whose areas something is overdue, each appeal counted once."""
    areas: dict[int, set[str]] = {}
    for person_id, prefix in officers:
        areas.setdefault(person_id, set()).update(path for path in overdue if path.startswith(prefix))
    key = f"appeals_overdue:{today.isoformat()}"
    return [
        Told(
            person_id, "appeals_overdue", {"count": sum(overdue[path] for path in paths)}, "/appeals?state=overdue", key
        )
        for person_id, paths in areas.items()
        if paths
    ]


def escalate(scheme_id: int, today: date, at: datetime) -> int:
    """Tell the officers; the same day again tells nobody twice. Gives how many appeals are overdue."""
    overdue = overdue_by_area(scheme_id, today)
    if overdue:
        told = messages_for(overdue, officers_of(scheme_id), today)
        in_own_transaction(lambda: tell_many(scheme_id, told, at))
    return sum(overdue.values())


KIND = Kind(
    JOB,
    N_("过期的申诉"),
    Daily(time(7, 0)),
    lambda run: escalate(run.scheme_id, run.day, run.at),
    N_("{count} 件申诉过了期限"),
)
