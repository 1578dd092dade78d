"""What rankings look at: what everybody of the group (or every household, every team) earned in a period, or had at its
end, in each part that the ranking is split into. A few queries, however many people.

What counts is what was credited within the period for people's own deeds, by the books' day: nothing that the system
gave by itself, nothing that was taken back by the time of the ranking, and no deductions. Or it is the balance that
stood in the books when the period ended, with all that the system gave and what deductions took.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from ...db import db
from ...ledger import AccountClass
from ...ledger.history import wallets_at
from ...ledger.models import Transfer
from ...ledger.queries import units_of
from ...people.models import Area, AreaKind, Assignment, Person, Role
from ...rulebook.models import EarningRule, RulebookVersion
from ...rulebook.pieces import Ranking
from ...rulebook.terms import NO_BALANCES
from ..balances import unit_code
from ..levels import counted, levels_in, standings_of
from ..models import Bar, Claim, ClaimState, Source

OWN = (AccountClass.WALLET, AccountClass.DEBT)
MOMENT = timedelta(microseconds=1)


Earned = dict[int, tuple[int, datetime | None]]


def had_at(scheme_id: int, balance: str, person_ids: Sequence[int], moment: datetime) -> Earned:
    """What each of them had of a balance, less what they owed, when the moment had passed; without those who never had
    any of it."""
    unit_id = units_of(scheme_id).get(unit_code(balance))
    found: Earned = {}
    for begin in range(0, len(person_ids) if unit_id else 0, 5000):
        had = wallets_at(scheme_id, person_ids[begin : begin + 5000], moment, unit_id, OWN)
        found |= {holder_id: (amount, None) for (holder_id, _), amount in had.items()}
    return found


def earned_in(scheme_id: int, ranking: Ranking, start: datetime, end: datetime, group: Any, out: Select[Any]) -> Earned:
    """What each of them was credited for deeds of their own, and when the last of it was."""
    query = credited(scheme_id, ranking, start, end, out, Claim.person_id).where(Claim.person_id.in_(group))
    return {row.person_id: (int(row.amount), row.reached_at) for row in db.session.execute(query)}


def named_in(scheme_id: int, ranking: Ranking, start: datetime, end: datetime, group: Any, out: Select[Any]) -> Earned:
    """How many people named each of them in a claim that was found right in the period (each once, in thousandths), and
    when the last of them was."""
    voices = func.count(Claim.person_id.distinct())
    query = (
        select(Claim.helped_id, voices, func.max(Claim.decided_at))
        .join(EarningRule, and_(EarningRule.scheme_id == Claim.scheme_id, EarningRule.id == Claim.rule_id))
        .where(Claim.scheme_id == scheme_id, Claim.state == ClaimState.APPROVED, Claim.source != Source.SYSTEM)
        .where(Claim.decided_at >= start, Claim.decided_at < end, Claim.helped_id != Claim.person_id)
        .where(Claim.helped_id.in_(group), Claim.helped_id.not_in(out))
        .group_by(Claim.helped_id)
    )
    return {helped: (count * 1000, last) for helped, count, last in db.session.execute(among(query, ranking))}


def among(query: Select[Any], ranking: Ranking) -> Select[Any]:
    """Only claims of the ranking's rules and categories, of a query that knows their rules."""
    if ranking.categories:
        query = query.where(EarningRule.category.in_(ranking.categories))
    if ranking.rules:
        query = query.where(EarningRule.code.in_(ranking.rules))
    return query


def credited(
    scheme_id: int, ranking: Ranking, start: datetime, end: datetime, out: Select[Any], *by: Any
) -> Select[Any]:
    """What was credited of what the ranking counts, and when the last of it was, by some columns of claims; of nobody
    who is barred."""
    amount = func.sum(func.coalesce(measured(ranking), 0)).label("amount")
    query = (
        select(*by, amount, func.max(Transfer.recorded_at).label("reached_at"))
        .join(Transfer, and_(Transfer.scheme_id == Claim.scheme_id, Transfer.id == Claim.transfer_id))
        .where(Claim.scheme_id == scheme_id, Claim.state == ClaimState.APPROVED, Claim.source != Source.SYSTEM)
        .where(Transfer.recorded_at >= start, Transfer.recorded_at < end)
        .where(Claim.person_id.not_in(out))
        .group_by(*by)
    )
    if ranking.categories or ranking.rules or ranking.counts in NO_BALANCES:
        query = query.join(EarningRule, and_(EarningRule.scheme_id == Claim.scheme_id, EarningRule.id == Claim.rule_id))
    return among(query, ranking)


def measured(ranking: Ranking) -> ColumnElement[Any]:
    """What a claim counts for in a ranking; times and units in thousandths, of a deed of which anything counted."""
    if ranking.counts not in NO_BALANCES:
        return counted(ranking.over)
    units = cast(ColumnElement[Any], Claim.outcome["quantity"].as_integer())
    if ranking.counts == "units":
        return units
    by_event = EarningRule.body["unit"].as_string() == "event"
    return case((units <= 0, 0), (by_event, units), else_=1000)


def by_household(scheme_id: int, earned: Earned) -> Earned:
    """What households earned, each by its member who earned most of it; who has no household stands alone."""
    homes: dict[int, int] = {}
    ordered = sorted(earned)
    for begin in range(0, len(ordered), 5000):
        of_some = select(Person.id, Person.household_id).where(
            Person.scheme_id == scheme_id,
            Person.id.in_(ordered[begin : begin + 5000]),
            Person.household_id.is_not(None),
        )
        homes |= {row.id: row.household_id or row.id for row in db.session.execute(of_some)}
    members: dict[int, list[int]] = defaultdict(list)
    for person_id in ordered:
        members[homes.get(person_id, person_id)].append(person_id)
    found: Earned = {}
    for people in members.values():
        first = max(people, key=lambda one: (earned[one][0], -one))
        moments = [moment for _, moment in (earned[one] for one in people) if moment is not None]
        found[first] = sum(earned[one][0] for one in people), max(moments, default=None)
    return found


def body_of(version: RulebookVersion, ranking: Ranking) -> Mapping[str, Any]:
    """The ranking as the document has it."""
    return next(one for one in version.body["rankings"] if one["code"] == ranking.code)


def barred_by_level(scheme_id: int, version: RulebookVersion, people: Collection[int], day: date) -> set[int]:
    """Whom the step that they stand on keeps from rankings."""
    levels = [
        level
        for level in levels_in(scheme_id, version.id)
        if any("ranking" in effect.bars for step in level.steps for effect in step.effects)
    ]
    found = standings_of(scheme_id, people, levels, day) if levels else {}
    return {person_id for person_id, stands in found.items() if any(one.bars("ranking") for one in stands)}


def barred(scheme_id: int, day: date) -> Select[Any]:
    return select(Bar.person_id).where(
        Bar.scheme_id == scheme_id, Bar.what == "ranking", Bar.lifted_at.is_(None), Bar.until_on >= day
    )


def parts_of(scheme_id: int, person_ids: Sequence[int], split: str, of: Any = Person) -> dict[int, set[str]]:
    """In which parts each of them (people, or teams) is ranked: everybody together, by role, or by community."""
    if split not in ("role", "area"):
        return {person_id: {""} for person_id in person_ids}
    found: dict[int, set[str]] = defaultdict(set)
    for begin in range(0, len(person_ids), 5000):
        some = list(person_ids[begin : begin + 5000])
        if split == "role":
            for person_id in some:
                found[person_id]  # everybody is a resident, unless they have a role
            roles = select(Assignment.person_id, Assignment.role).where(
                Assignment.scheme_id == scheme_id, Assignment.person_id.in_(some), Assignment.ended_at.is_(None)
            )
            for person_id, role in db.session.execute(roles):
                found[person_id].add(str(role))
            for person_id in some:
                found[person_id] = found[person_id] or {Role.RESIDENT.value}
        else:
            homes = db.session.execute(
                select(of.id, Area.path)
                .join(Area, (Area.scheme_id == of.scheme_id) & (Area.id == of.area_id))
                .where(of.scheme_id == scheme_id, of.id.in_(some))
            ).all()
            communities = {
                row.path: row.name
                for row in db.session.execute(
                    select(Area.path, Area.name).where(Area.scheme_id == scheme_id, Area.kind == AreaKind.COMMUNITY)
                )
            }
            for person_id, path in homes:
                inside = [name for prefix, name in communities.items() if path.startswith(prefix)]
                found[person_id] = {inside[0] if inside else ""}
    return found
