"""What is known about the people of many deeds, gathered at once: each question is asked only when a rule needs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from sqlalchemy import select

from .. import clock
from ..calendar.models import CalendarDay
from ..db import db
from ..people.models import Area, AreaKind, Assignment, Person, Role, Scheme, Team
from ..people.team_queries import codes_of
from ..rulebook.queries import KnownRule
from ..rulebook.rules import CapKey, Facts, caps_for
from ..rulebook.terms import Rule, When
from .balances import balances_of
from .deeds import Deed
from .levels import levels_in, names_of, standings_of
from .models import Bar
from .usage import Row, Subjects

ANY_TIME = When()


@dataclass(frozen=True)
class Case:
    """One deed to be assessed under one rule.

    credited_on  the day from which the points' life runs; decided: minor units a reviewer set
    """

    known: KnownRule
    deed: Deed
    person: Person
    credited_on: date | None = None
    decided: int | None = None

    @property
    def rule(self) -> Rule:
        return self.known.rule

    @property
    def holder_id(self) -> int:
        """Whose wallet it goes to: the team's when the rule is for teams, else the person's."""
        return self.deed.team_id or self.person.id if self.rule.subject == "team" else self.person.id

    @cached_property
    def keys(self) -> tuple[CapKey, ...]:
        """The usage rows that this deed's assessment wants."""
        return caps_for(self.rule, self.deed.done_on, self.deed.subject, self.deed.act)


def age_on(birth_year: int | None, day: date) -> int | None:
    """Whole years that somebody turns in the year of the day: the register knows years only."""
    return None if birth_year is None else day.year - birth_year


@dataclass(frozen=True)
class Places:
    """Where somebody lives: names of the areas up to the scheme's, and the community's id."""

    names: frozenset[str] = frozenset()
    community_id: int | None = None


class Gathered:
    """All that the cases' rules ask about people, read once. ``balances`` are read later, under the locks."""

    def __init__(self, scheme_id: int, cases: Sequence[Case]) -> None:
        self.scheme_id = scheme_id
        people = {case.person.id: case.person for case in cases}
        rules = [case.rule for case in cases]
        self.roles = roles_of_all(scheme_id, people)
        self.bars = bars_of(scheme_id, people)
        asks_members = any(rule.members or when_of(rule, "members") for rule in rules)
        self.members = codes_of(scheme_id, people) if asks_members else {}
        self.team_codes = team_codes(scheme_id, {case.deed.team_id for case in cases if case.deed.team_id})
        asks_places = any(rule.areas for rule in rules) or any(key.who == "area" for case in cases for key in case.keys)
        self.places = places_of(scheme_id, people.values()) if asks_places else {}
        days = {case.deed.done_on for case in cases if when_of(case.rule, "days")}
        self.day_kinds = day_kinds(scheme_id, days) if days else {}
        self.balances: dict[int, dict[str, int]] = {}
        self.levels: dict[tuple[int, int, date], frozenset[str]] = {}

    def joined(self, person: Person) -> date:
        return clock.local_date(person.created_at, db.session.get_one(Scheme, self.scheme_id).zone)

    def subjects(self, case: Case) -> Subjects:
        place = self.places.get(case.person.id, Places())
        return Subjects(case.person.id, case.person.household_id, case.deed.team_id, place.community_id, self.scheme_id)

    def rows(self, case: Case) -> set[Row]:
        """The usage rows to lock for a case; a ceiling has one of its own, so that two rules cannot both fill it."""
        subjects = self.subjects(case)
        rows = {subjects.row(key) for key in case.keys}
        if case.rule.ceilings or case.rule.takes_away or case.rule.amount.type == "share":
            rows.add((case.holder_id, "@balance", "ever"))
        return rows

    def read_balances(self, cases: Sequence[Case]) -> None:
        """What the holders have now, where ceilings, deductions or levels ask. To be called under the usage locks."""
        asking = [case for case in cases if asks_balances(case.rule)]
        if not asking:
            return
        self.balances = balances_of(self.scheme_id, {case.holder_id for case in asking})
        wanted: dict[tuple[int, date], set[int]] = defaultdict(set)
        for case in asking:
            if asks_levels(case.rule):
                wanted[case.known.version_id, case.deed.done_on].add(case.person.id)
        for (version_id, day), people in wanted.items():
            found = standings_of(self.scheme_id, people, levels_in(self.scheme_id, version_id), day)
            self.levels |= {(person_id, version_id, day): names_of(mine) for person_id, mine in found.items()}

    def facts(self, case: Case) -> Facts:
        deed, person_id = case.deed, case.person.id
        own_team = self.team_codes.get(deed.team_id or 0)
        members = self.members.get(person_id, frozenset())
        return Facts(
            quantity=deed.quantity,
            source=deed.source,
            done_on=deed.done_on,
            roles=self.roles[person_id],
            photos=deed.photos,
            has_note=deed.has_note,
            has_place=deed.has_place,
            outcome=deed.outcome,
            credited_on=case.credited_on,
            decided=case.decided,
            entered_on=deed.entered_on,
            started=deed.started,
            day_kind=self.day_kinds.get(deed.done_on, "workday"),
            age=age_on(case.person.birth_year, deed.done_on),
            areas=self.places.get(person_id, Places()).names,
            members=members | {own_team} if own_team else members,
            files=deed.files,
            attended=deed.attended,
            helped_confirmed=deed.helped_confirmed,
            has_record=deed.has_record,
            choices=deed.grades,
            coefficients=dict(deed.coefficients),
            sharers=deed.sharers,
            subject=deed.subject,
            act=deed.act,
            balances=self.balances.get(case.holder_id, {}),
            levels=self.levels.get((person_id, case.known.version_id, deed.done_on), frozenset()),
            barred_until=self.bars.get(person_id),
            scores=deed.scores,
            share=deed.share,
            joined_on=self.joined(case.person) if when_of(case.rule, "joined") else None,
        )


def when_of(rule: Rule, name: str) -> bool:
    """Whether something that the system chooses looks at this (days, members, levels…)."""
    nothing = getattr(ANY_TIME, name)
    return any(getattr(when, name) != nothing for when in rule.conditions)


def asks_balances(rule: Rule) -> bool:
    return bool(rule.ceilings) or rule.takes_away or rule.amount.type == "share" or asks_levels(rule)


def asks_levels(rule: Rule) -> bool:
    return bool(rule.level_factors or rule.level_bars) or when_of(rule, "levels")


# ---------------------------------------------------------------- one question each


def roles_of_all(scheme_id: int, person_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """What each of them does in the scheme today; everybody is a resident."""
    found: dict[int, set[str]] = {person_id: {Role.RESIDENT.value} for person_id in person_ids}
    rows = db.session.execute(
        select(Assignment.person_id, Assignment.role).where(
            Assignment.scheme_id == scheme_id, Assignment.person_id.in_(list(found)), Assignment.ended_at.is_(None)
        )
    )
    for person_id, role in rows:
        found[person_id].add(str(role))
    return {person_id: frozenset(roles) for person_id, roles in found.items()}


def team_codes(scheme_id: int, team_ids: Collection[int]) -> dict[int, str]:
    if not team_ids:
        return {}
    rows = db.session.execute(select(Team.id, Team.code).where(Team.scheme_id == scheme_id, Team.id.in_(team_ids)))
    return {row.id: row.code for row in rows}


def bars_of(scheme_id: int, person_ids: Collection[int]) -> dict[int, date]:
    """The last day on which each of them earns nothing; only those who are barred."""
    rows = db.session.execute(
        select(Bar.person_id, Bar.until_on).where(
            Bar.scheme_id == scheme_id,
            Bar.person_id.in_(list(person_ids)),
            Bar.what == "earn",
            Bar.lifted_at.is_(None),
        )
    )
    found: dict[int, date] = {}
    for person_id, until_on in rows:
        found[person_id] = max(until_on, found.get(person_id, until_on))
    return found


def places_of(scheme_id: int, people: Iterable[Person]) -> dict[int, Places]:
    """The areas of each of them, from the one they live in up to the scheme's."""
    home = {person.id: person.area_id for person in people}
    own = {
        area.id: area
        for area in db.session.scalars(select(Area).where(Area.scheme_id == scheme_id, Area.id.in_(home.values())))
    }
    above = {int(one) for area in own.values() for one in area.path.strip("/").split("/")}
    areas = {
        area_id: (name, kind)
        for area_id, name, kind in db.session.execute(
            select(Area.id, Area.name, Area.kind).where(Area.scheme_id == scheme_id, Area.id.in_(above))
        )
    }
    found = {}
    for person_id, area_id in home.items():
        ids = [int(one) for one in own[area_id].path.strip("/").split("/")]
        communities = [one for one in ids if areas[one][1] == AreaKind.COMMUNITY]
        found[person_id] = Places(frozenset(areas[one][0] for one in ids), (communities or ids)[0])
    return found


def day_kinds(scheme_id: int, days: Collection[date]) -> Mapping[date, str]:
    """What kind of day each is: as the scheme's calendar has it, and beyond that by the weekday."""
    found = {day: "weekend" if day.weekday() >= 5 else "workday" for day in days}
    rows = db.session.execute(
        select(CalendarDay.day, CalendarDay.kind).where(
            CalendarDay.scheme_id == scheme_id, CalendarDay.day.in_(list(days))
        )
    )
    return found | {day: str(kind) for day, kind in rows}
