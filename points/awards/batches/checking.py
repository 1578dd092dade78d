"""What would become of each row of a list of deeds: whom it means, under which rule, and what it would earn, one row
after the other, so that a cap that the tenth row fills is full for the eleventh. Writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from ... import clock
from ...db import db
from ...errors import N_, DomainError
from ...people.cells import Unreadable
from ...people.enrolment import chunks
from ...people.matching import matcher_for
from ...people.models import Person, Team
from ...rulebook.assessment import Assessment, line_to_dict
from ...rulebook.queries import KnownRule, rules_on
from ...rulebook.rules import posting_day
from ..assessing import Desk
from ..deeds import HH_MM, Deed, chosen, mark_of
from ..facts import Case
from ..rules import MAX_WINDOW_DAYS, check_day
from . import doubles
from .choosing import Rules, chosen_from
from .found import Found
from .models import Fate
from .reading import Reading, minor_units

AT_ONCE = 500  # values in one IN list
NO_TEAM = N_("没有这个队伍，请核对代号")
TEAM_WANTED = N_("这一项记给队伍，请写队伍代号")
POINTS_WANTED = N_("这一项由人定分，请填 {least_points} 到 {most_points} 分")
POINTS_FIXED = N_("这一项的分数由积分细则算出，是 {sum_points} 分，请空着")
LOWER_WHY = N_("比细则算出的 {sum_points} 分少，请在“说明”里写原因")
SAYS = N_("{why}")


def check_rows(
    scheme: Any, reads: Sequence[Reading], *, reach: tuple[str, ...], source: str, at: datetime, window_days: int
) -> list[Found]:
    """Every row's fate and forecast.

    scheme  id, zone, points_scale; reach: path prefixes of the areas in which the people must live
    """
    found = [Found(read, Fate.WRONG if read.problems else Fate.GOOD, dict(read.problems)) for read in reads]
    people = _people(scheme.id, reach, found)
    teams = _teams(scheme.id, {one.read.team for one in found if one.read.team})
    today = clock.local_date(at, scheme.zone)
    books: dict[date, Rules] = {}
    for one in found:
        day = one.read.done_on
        if day is None or "day" in one.problems:
            continue
        try:
            check_day(day, today, min(window_days, MAX_WINDOW_DAYS))
        except DomainError as refusal:
            one.wrong("day", refusal.sentence, **refusal.facts)
            continue
        if day not in books:
            books[day] = Rules(rules_on(scheme.id, day))
        _understand(one, books[day], people.get(one.read.row), teams, source, today, scheme.points_scale)
    doubles.within(found)
    doubles.before(scheme, found)
    forecast(scheme, found, today)
    return found


def _people(scheme_id: int, reach: tuple[str, ...], found: Sequence[Found]) -> dict[int, Person]:
    """Row → person, for those that can be told."""
    named = [one.read.named for one in found]
    matcher = matcher_for(scheme_id, reach, named)
    ids: dict[int, int] = {}
    for one in found:
        known, problems = matcher.find(one.read.named)
        if known is not None:
            ids[one.read.row] = known.id
        elif not one.read.named.problems:
            for column, problem in problems.items():
                one.wrong(column, problem.say, **problem.facts)
    people = people_by_id(scheme_id, set(ids.values()))
    return {row: people[person_id] for row, person_id in ids.items()}


def people_by_id(scheme_id: int, ids: Collection[int]) -> dict[int, Person]:
    return {
        person.id: person
        for part in chunks(sorted(ids), AT_ONCE)
        for person in db.session.scalars(select(Person).where(Person.scheme_id == scheme_id, Person.id.in_(part)))
    }


def _teams(scheme_id: int, codes: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in chunks(sorted(codes), AT_ONCE):
        rows = db.session.execute(
            select(Team.code, Team.id).where(
                Team.scheme_id == scheme_id, Team.code.in_(part), Team.disabled_at.is_(None)
            )
        )
        found |= {row.code: row.id for row in rows}
    return found


def _understand(
    one: Found, rules: Rules, person: Person | None, teams: Mapping[str, int], source: str, today: date, scale: int
) -> None:
    """Put together the case that a row is, or what keeps us from it."""
    read = one.read
    known = _said(one, "rule", lambda: rules.find(read.rule)) if read.rule else None
    team_id = teams.get(read.team) if read.team else None
    if read.team and team_id is None:
        one.wrong("team", NO_TEAM)
    if known is None:
        return
    if known.rule.subject == "team" and not read.team:
        one.wrong("team", TEAM_WANTED)
    picked: tuple[frozenset[str], dict[str, str]] = _said(
        one, "choices", lambda: chosen_from(known.rule, read.choices)
    ) or (frozenset(), {})
    decided = None
    if read.points is not None:
        points = read.points
        decided = _said(one, "points", lambda: minor_units(points, scale))
    if one.problems or person is None or read.done_on is None:
        return
    one.grades, one.coefficients = picked
    deed = Deed(
        quantity=read.quantity,
        done_on=read.done_on,
        source=source,
        has_note=bool(read.note),
        has_place=bool(read.place),
        entered_on=today,
        started=read.started if HH_MM.fullmatch(read.started) else "",
        attended=read.attended,
        has_record=bool(read.record),
        grades=one.grades,
        coefficients=one.coefficients,
        sharers=read.sharers,
        subject=mark_of(read.subject),
        act=mark_of(read.act),
        team_id=team_id,
    )
    credited_on = posting_day(known.rule.credit, today)
    one.case = Case(known, deed, person, credited_on=credited_on, decided=decided)
    one.deed = deed_hash(person.id, known, deed)


def _said(one: Found, column: str, reader: Any) -> Any:
    try:
        return reader()
    except Unreadable as error:
        one.wrong(column, error.say, **error.facts)
        return None


def deed_hash(person_id: int, known: KnownRule, deed: Deed) -> str:
    """What makes a deed one and the same in any list: whose, what, when, and what sets it apart. 64 digits."""
    parts = [person_id, known.code, deed.done_on.isoformat(), deed.act, deed.subject, deed.team_id or 0]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


# ---------------------------------------------------------------- what it would earn


def forecast(scheme: Any, found: Sequence[Found], today: date) -> None:
    """Assess the good rows in their order, each as if those before were awarded."""
    cases = [one.case for one in found if one.fate is Fate.GOOD and one.case is not None]
    if not cases:
        return
    desk = Desk(scheme.id, cases, scheme.points_scale)
    for one in found:
        if one.fate is not Fate.GOOD or one.case is None:
            continue
        one.seen, subjects = desk.assess(one.case)
        judge(one, one.case, one.seen)
        if one.fate is Fate.GOOD:
            desk.award(one.case, subjects, one.seen)


# Where in the list the rulebook's refusals belong.
COLUMN_OF = {
    **dict.fromkeys(("too_little", "too_much", "bad_step", "too_large"), "quantity"),
    **dict.fromkeys(("bad_day", "entered_late", "too_soon"), "day"),
    **dict.fromkeys(("outside_bounds", "zero_not_allowed", "bad_points_step"), "points"),
    **dict.fromkeys(("choice", "unknown_choice", "one_choice", "number", "bad_number"), "choices"),
    **{"note": "note", "place": "place", "record": "record", "attendance": "attended", "attended": "attended"},
    **{"bad_sharers": "sharers", "subject": "subject"},
}


def judge(one: Found, case: Case, seen: Assessment) -> None:
    """Whether the rule gives anything for it as it stands, and if not, in which cell and in which words."""
    for line in (*seen.refusals, *seen.needs):
        facts = {"line": line_to_dict(line), "scale": seen.scale}
        one.wrong(COLUMN_OF.get(line.code, "rule"), SAYS, **facts)
        return
    if seen.undecided:
        least, most = seen.bounds or (0, 0)
        one.wrong("points", POINTS_WANTED, least_points=least, most_points=most)
    elif case.decided is not None and not case.rule.amount.decided_by_reviewer:
        is_less = any(line.code == "lowered" for line in seen.lines)
        if not is_less and case.decided != seen.points:
            one.wrong("points", POINTS_FIXED, sum_points=seen.points)
        elif is_less and len(one.read.note.strip()) < 2:
            one.wrong("points", LOWER_WHY, sum_points=seen.points)


def facts_of(one: Found) -> dict[str, Any]:
    """What a row keeps of its deed, as JSON: enough to file the claim without reading the cells again."""
    read, case = one.read, one.case
    assert case is not None
    return {
        "quantity": case.deed.quantity,
        "decided": case.decided,
        "done_on": case.deed.done_on.isoformat(),
        "done_at": read.started,
        "place": read.place,
        "note": read.note,
        "choices": chosen(one.grades, one.coefficients),
        "subject": read.subject,
        "act": read.act,
        "record": read.record,
        "attended": read.attended,
        "sharers": read.sharers,
        "team_id": str(case.deed.team_id) if case.deed.team_id else None,
        "title": case.known.title,
        "version": case.known.version_label,
    }


def case_of(
    known: KnownRule, person: Person, facts: Mapping[str, Any], *, source: str, entered_on: date, today: date
) -> Case:
    """The case again from what a row kept."""
    choices = facts["choices"]
    deed = Deed(
        quantity=facts["quantity"],
        done_on=date.fromisoformat(facts["done_on"]),
        source=source,
        has_note=bool(facts["note"]),
        has_place=bool(facts["place"]),
        entered_on=entered_on,
        started=facts["done_at"] if HH_MM.fullmatch(facts["done_at"]) else "",
        attended=facts["attended"],
        has_record=bool(facts["record"]),
        grades=frozenset(choices.get("grades", ())),
        coefficients=dict(choices.get("coefficients", {})),
        sharers=facts["sharers"],
        subject=mark_of(facts["subject"]),
        act=mark_of(facts["act"]),
        team_id=int(facts["team_id"]) if facts["team_id"] else None,
    )
    return Case(known, deed, person, posting_day(known.rule.credit, today), facts["decided"])
