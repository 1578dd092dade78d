"""What a rulebook's terms of redeeming ask about a resident, as columns of the look, and read from its row.

Asked only where the rulebook in force has such terms; lists travel as JSON, each found by an index of the person's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import BigInteger, String, Text, bindparam, case, cast, func, or_, select, update

from .. import clock
from ..awards.balances import PREFIX, UNIT_OF
from ..awards.bars import barred_from
from ..awards.facts import age_on, places_of
from ..awards.levels import earned_of
from ..awards.models import CapUsage
from ..clock import PERIODS
from ..db import Prepared, db, insert_into, table_of
from ..ledger.models import Account, AccountClass, Unit
from ..ledger.sets import BIG, WORD, is_sqlite
from ..people.models import Assignment, Person, Role, Team, TeamMember
from ..rulebook.in_force import version_id_on, version_in_force
from ..rulebook.pieces import Level, Profile
from ..rulebook.queries import terms_of
from ..rulebook.redeeming import RedeemingTerms
from ..rulebook.standings import stand
from .terms import Asked, Redeemer, Use, row_of

accounts, units, people = map(table_of, (Account, Unit, Person))
assignments, members, teams, usage = map(table_of, (Assignment, TeamMember, Team, CapUsage))
SCHEME = bindparam("scheme", type_=BigInteger)
BALANCE_OF = {unit: balance for balance, unit in UNIT_OF.items()}
OWN = (AccountClass.WALLET, AccountClass.DEBT)
CAPS = ("@redeem.points", "@redeem.times")


def listed(*cells: Any) -> Any:
    """Rows as one JSON text: [[…], […]]."""
    if is_sqlite():
        return cast(func.json_group_array(func.json_array(*cells)), Text)
    return cast(func.coalesce(func.json_agg(func.json_build_array(*cells)), func.json_build_array()), Text)


def about_columns() -> tuple[Any, ...]:
    """The columns, of a statement that selects from ``people``."""
    a, d, m, u = accounts.c, assignments.c, members.c, usage.c
    mine = (
        select(listed(units.c.code, units.c.scale, a["class"], a.balance, a.held))
        .where(
            a.scheme_id == SCHEME, a.holder_id == people.c.id, or_(*(a["class"] == one for one in OWN)), a.balance != 0
        )
        .where(units.c.scheme_id == SCHEME, units.c.id == a.unit_id)
        .correlate(people)
        .scalar_subquery()
    )
    roles = (
        select(listed(d.role))
        .where(d.scheme_id == SCHEME, d.person_id == people.c.id, d.ended_at.is_(None))
        .correlate(people)
        .scalar_subquery()
    )
    lists = (
        select(listed(teams.c.code))
        .where(m.scheme_id == SCHEME, m.person_id == people.c.id)
        .where(teams.c.scheme_id == SCHEME, teams.c.id == m.team_id, teams.c.disabled_at.is_(None))
        .correlate(people)
        .scalar_subquery()
    )
    periods = [bindparam(name, type_=String) for name in PERIODS if name != "lifetime"] + ["ever"]
    used = (
        select(listed(u.subject_id, u.cap, u.period, u.used))
        .where(u.scheme_id == SCHEME, or_(u.subject_id == people.c.id, u.subject_id == people.c.household_id))
        .where(or_(*(u.cap == one for one in CAPS)), u.period.in_(periods))
        .correlate(people)
        .scalar_subquery()
    )
    return (
        *(people.c.birth_year, people.c.area_id),
        *(mine.label("balances"), roles.label("roles"), lists.label("lists"), used.label("rule_used")),
    )


def asked_of(found: Any, scheme_id: int, scale: int, zone: str, at: datetime) -> Asked | None:
    """The terms in force for the person of a look's row; None where nothing is said of redeeming, to anybody or to
    them."""
    terms = terms_under(scheme_id, found.version_id)
    if terms.says_nothing and found.barred_until is None:
        return None
    now = clock.local(at, zone)
    if terms.asks_about_people:
        who = redeemer_of(found, terms, scheme_id, now.date(), scale)
    else:
        who = Redeemer(found.person_id, found.household_id, barred_until=found.barred_until)
    return Asked(terms, who, now, scale)


def terms_under(scheme_id: int, version_id: int | None) -> RedeemingTerms:
    return terms_of(scheme_id, version_id) if version_id is not None else NOTHING_SAID


NOTHING_SAID = RedeemingTerms(0)


def asked_about(scheme_id: int, person_id: int, standing: InForce, scale: int, zone: str, at: datetime) -> Asked | None:
    """The same for somebody who is not at a till. One look at them, where there is anything to be kept."""
    if standing.barred_until is None and terms_under(scheme_id, standing.version_id).says_nothing:
        return None
    day = clock.local_date(at, zone)
    periods = {period: clock.period_of(day, period)[0] for period in PERIODS}
    found = ABOUT.first(scheme=scheme_id, person=person_id, version=standing.version_id, today=day, **periods)
    return asked_of(found, scheme_id, scale, zone, at) if found else None


class InForce(Protocol):
    """What is in force for somebody today: the rulebook's version, and the last day of a bar."""

    @property
    def version_id(self) -> int | None: ...
    @property
    def barred_until(self) -> date | None: ...


def in_force_for(scheme_id: int, person_id: int, day: date) -> InForce:
    found: InForce = IN_FORCE.first(scheme=scheme_id, person=person_id, day=day, today=day)
    return found


def _in_force() -> Any:
    person = bindparam("person", type_=BigInteger)
    return select(
        version_in_force().scalar_subquery().label("version_id"), barred_from("redeem", person).label("barred_until")
    )


IN_FORCE = Prepared(_in_force)


def _about() -> Any:
    version = bindparam("version", type_=BigInteger)
    return select(
        *(people.c.id.label("person_id"), people.c.household_id, version.label("version_id")),
        barred_from("redeem", people.c.id).correlate(people).label("barred_until"),
        *about_columns(),
    ).where(people.c.scheme_id == SCHEME, people.c.id == bindparam("person", type_=BigInteger))


ABOUT = Prepared(_about)


def redeemer_of(found: Any, terms: RedeemingTerms, scheme_id: int, day: date, scale: int) -> Redeemer:
    minor: dict[str, int] = defaultdict(int)
    amounts: dict[str, int] = defaultdict(int)
    for code, decimals, klass, amount, held in json.loads(found.balances):
        balance = BALANCE_OF.get(code, code.removeprefix(PREFIX))
        minor[balance] += amount  # a level counts what is owed as well
        if klass == AccountClass.WALLET:
            amounts[balance] += (amount - held) * 1000 // int(10**decimals)
    areas = frozenset[str]()
    if any(one.who.areas for one in terms.conditions):
        person = Person(scheme_id=scheme_id, id=found.person_id, area_id=found.area_id)
        areas = places_of(scheme_id, [person])[found.person_id].names
    profile = Profile(
        roles=frozenset({Role.RESIDENT.value, *(row[0] for row in json.loads(found.roles))}),
        age=age_on(found.birth_year, day),
        areas=areas,
        members=frozenset(row[0] for row in json.loads(found.lists)),
    )
    standings = [
        stand(level, counted(level, scheme_id, found.person_id, minor, day), scale, day) for level in terms.levels
    ]
    barring = next((one for one in standings if one.bars("redeem")), None)
    return Redeemer(
        found.person_id,
        found.household_id,
        profile,
        dict(amounts),
        frozenset().union(*(one.names for one in standings)),
        (barring.title, barring.step_title) if barring else None,
        {(subject, cap, period): used for subject, cap, period, used in json.loads(found.rule_used)},
        found.barred_until,
    )


def counted(level: Level, scheme_id: int, person_id: int, minor: dict[str, int], day: date) -> Mapping[str, int]:
    """What a level counts, by balance: what there is, or what was earned in its period."""
    if level.measure == "balance":
        return minor
    return earned_of(scheme_id, [person_id], level, day).get(person_id, {})


# ---------------------------------------------------------------- what is used


def use(scheme_id: int, uses: Iterable[Use]) -> bool:
    """Count a redemption towards the limits: check and change are one statement each, in the order of rows. False, and
    to be rolled back, when another till was quicker."""
    return all(
        one.amount <= one.most
        and USING.first(
            scheme=scheme_id, subject=one.row[0], cap=one.row[1], period=one.row[2], amount=one.amount, most=one.most
        )
        for one in uses
    )


def _using() -> Any:
    amount = bindparam("amount", type_=BIG)
    words = {name: bindparam(name, type_=WORD) for name in ("cap", "period")}
    row = {"scheme_id": SCHEME, "subject_id": bindparam("subject", type_=BIG), **words, "used": amount}
    using = insert_into(usage).values(**row)
    return using.on_conflict_do_update(
        index_elements=["scheme_id", "subject_id", "cap", "period"],
        set_={"used": usage.c.used + using.excluded.used},
        where=usage.c.used + using.excluded.used <= bindparam("most", type_=BIG),
    ).returning(usage.c.used)


USING = Prepared(_using)


def give_back_terms(scheme_id: int, person_id: int, household_id: int | None, day: date, points: int) -> None:
    """Give the rulebook's limits back what a redemption of a day had used of them, in the order of rows. Never below
    nought: the limit may be newer than the redemption."""
    version_id = version_id_on(scheme_id, day)
    limits = terms_of(scheme_id, version_id).limits if version_id is not None else ()
    who, u = Redeemer(person_id, household_id), usage.c
    for (subject, cap, period), what in sorted({row_of(limit, who, day): limit.what for limit in limits}.items()):
        amount = points if what == "points" else 1
        db.session.execute(
            update(usage)
            .where(u.scheme_id == scheme_id, u.subject_id == subject, u.cap == cap, u.period == period)
            .values(used=case((u.used < amount, 0), else_=u.used - amount))
        )
