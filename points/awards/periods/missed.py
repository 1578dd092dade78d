"""What was not done: a deed of the system's own for everybody who did too little in a period, or in several running.

It is filed as a claim of theirs and goes the usual way: a deduction is reviewed by a person, on notice, and open to
appeal. Nobody is found wanting for a time before they joined, nor twice for the same stretch; what still waits to be
decided speaks for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import Select, and_, func, select

from ... import clock
from ...db import db, in_own_transaction, insert_into, new_id
from ...jobs import Context
from ...people.models import Person, Scheme
from ...rulebook.given import missed_code
from ...rulebook.models import EarningRule, RulebookVersion
from ...rulebook.queries import KnownRule, given_of, version_on
from ...rulebook.standings import last_periods
from ..models import Claim, ClaimState, PeriodRun, Source
from .filing import Due, file_given
from .groups import people_in

SOME = 200  # people in one transaction
UNDONE = (ClaimState.REJECTED, ClaimState.WITHDRAWN, ClaimState.REVERSED)
Stretch = list[tuple[str, date, date]]


def file_due(work: Context) -> int:
    """Due work: every entry whose period has ended and that was not run, by the rulebook in force on its last day."""
    filed = 0
    for version, missed, stretch in due(work.scheme_id, work.day):
        filed += run(work, version, missed, stretch)
        if work.should_stop():
            break
    db.session.rollback()
    return filed


def due(scheme_id: int, day: date) -> list[tuple[RulebookVersion, Mapping[str, Any], Stretch]]:
    found: dict[tuple[str, str], tuple[RulebookVersion, Mapping[str, Any], Stretch]] = {}
    for per in ("month", "quarter", "half_year", "year"):
        key, _, following = last_periods(per, 1, day)[0]
        version = version_on(scheme_id, following - clock.ONE_DAY)
        for missed in version.body.get("missed", ()) if version is not None else ():
            if missed["per"] == per and version is not None:
                stretch = last_periods(per, missed.get("in_a_row", 1), day)
                found.setdefault((missed["code"], key), (version, missed, stretch))
    runs = select(PeriodRun.code, PeriodRun.period).where(
        PeriodRun.scheme_id == scheme_id, PeriodRun.kind == "missed", PeriodRun.code.in_({code for code, _ in found})
    )
    done = {(code, period) for code, period in db.session.execute(runs)}
    return [one for name, one in found.items() if name not in done]


def run(work: Context, version: RulebookVersion, missed: Mapping[str, Any], stretch: Stretch) -> int:
    """File for everybody it is for, some at a time; cut off anywhere, it goes on by each claim's key."""
    version_id, period, filed, after = version.id, stretch[-1][0], 0, 0
    known = given_of(version)[missed_code(missed["code"])]
    while not work.should_stop():
        ids = some_of(work.scheme_id, missed, stretch, after)
        if not ids:
            in_own_transaction(partial(note_run, work, version_id, missed["code"], period, filed))
            break
        filed += in_own_transaction(partial(file_some, work, missed, known, stretch, ids))
        after = ids[-1]
        work.progress(filed, 0)
    return filed


def some_of(scheme_id: int, missed: Mapping[str, Any], stretch: Stretch, after: int) -> list[int]:
    """The next people, in order, who did too little in every period of the stretch."""
    zone = db.session.get_one(Scheme, scheme_id).zone
    first, following = stretch[0][1], stretch[-1][2]
    query = (
        select(Person.id)
        .where(Person.scheme_id == scheme_id, Person.id > after)
        .where(Person.created_at < clock.day_start(first, zone))
        .where(Person.id.in_(people_in(scheme_id, missed, following - clock.ONE_DAY)))
        .where(Person.id.not_in(found_wanting(scheme_id, missed, first, following)))
        .order_by(Person.id)
        .limit(SOME)
    )
    for _, begins, ends in stretch:
        query = query.where(Person.id.not_in(did_enough(scheme_id, missed, begins, ends)))
    return list(db.session.scalars(query))


def did_enough(scheme_id: int, missed: Mapping[str, Any], first: date, following: date) -> Select[Any]:
    """Who did at least so many of the deeds it looks at within a period; what the system gives is no deed."""
    query = (
        select(Claim.person_id)
        .where(Claim.scheme_id == scheme_id, Claim.done_on >= first, Claim.done_on < following)
        .where(Claim.source != Source.SYSTEM, Claim.state.not_in(UNDONE))
        .group_by(Claim.person_id)
        .having(func.count() >= missed.get("least", 1))
    )
    wanted = {name: list(missed[name]) for name in ("categories", "rules") if name in missed}
    if wanted:
        query = query.join(EarningRule, and_(EarningRule.scheme_id == Claim.scheme_id, EarningRule.id == Claim.rule_id))
    if "categories" in wanted:
        query = query.where(EarningRule.category.in_(wanted["categories"]))
    if "rules" in wanted:
        query = query.where(EarningRule.code.in_(wanted["rules"]))
    return query


def found_wanting(scheme_id: int, missed: Mapping[str, Any], first: date, following: date) -> Select[Any]:
    """For whom a part of the stretch was counted already: three months make one, not one every month after."""
    return (
        select(Claim.person_id)
        .join(EarningRule, and_(EarningRule.scheme_id == Claim.scheme_id, EarningRule.id == Claim.rule_id))
        .where(Claim.scheme_id == scheme_id, Claim.source == Source.SYSTEM)
        .where(EarningRule.code == missed_code(missed["code"]))
        .where(Claim.done_on >= first, Claim.done_on < following)
    )


def file_some(work: Context, missed: Mapping[str, Any], known: KnownRule, stretch: Stretch, ids: list[int]) -> int:
    scheme = db.session.get_one(Scheme, work.scheme_id)
    period, last = stretch[-1][0], stretch[-1][2] - clock.ONE_DAY
    key = "m" + hashlib.sha256(f"{missed['code']}:{period}".encode()).hexdigest()[:30]
    note = f"{missed['title']} {stretch[0][0]}–{period}" if len(stretch) > 1 else f"{missed['title']} {period}"
    dues = (Due(person_id, known, key, last, note[:200]) for person_id in ids)
    return sum(file_given(scheme, one, work.at) is not None for one in dues)


def note_run(work: Context, version_id: int, code: str, period: str, filed: int) -> None:
    db.session.execute(
        insert_into(PeriodRun)
        .values(
            scheme_id=work.scheme_id,
            id=new_id(),
            kind="missed",
            code=code,
            period=period,
            version_id=version_id,
            run_by=None,
            run_at=work.at,
            counts={"filed": filed},
        )
        .on_conflict_do_nothing()
    )
