"""Rankings at the end of a period: who earned the most, or the least, in which part, and what follows, each through a
claim.

What counts is what was credited within the period for people's own deeds, by the books' day: nothing that the system
gave by itself, nothing that was taken back by the time of the ranking, and no deductions. Or it is the balance that
stood in the books when the period ended, with all that the system gave and what deductions took.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, select

from ... import clock
from ...db import db, insert_into, new_id, table_of
from ...inbox import Told, tell_many
from ...ledger import AccountClass
from ...ledger.history import wallets_at
from ...ledger.models import Transfer
from ...ledger.queries import units_of
from ...people.models import Area, AreaKind, Assignment, Person, Role, Scheme
from ...rulebook.given import measure_of, prize_code
from ...rulebook.models import EarningRule, RulebookVersion
from ...rulebook.pieces import Prize, Ranking, pieces_of
from ...rulebook.queries import given_of, version_on
from ...rulebook.reckoning import rounded
from ...rulebook.standings import Placed, Standing, last_periods, rank
from ...rulebook.terms import TIMES_AND_UNITS
from ..balances import unit_code
from ..levels import counted, levels_in, standings_of
from ..models import Bar, Claim, ClaimState, PeriodRun, Source
from .filing import Due, file_given
from .groups import people_in
from .models import RankingRow

OWN = (AccountClass.WALLET, AccountClass.DEBT)
MOMENT = timedelta(microseconds=1)
KEPT_WITHOUT_PRIZE = 100  # places shown beyond the winners


def due_rankings(scheme_id: int, day: date) -> list[tuple[RulebookVersion, Ranking, str, date, date]]:
    """Rankings whose period has ended and that were not run: (version, ranking, key, first day, first day after), by
    the rulebook that was in force on the period's last day."""
    found: list[tuple[RulebookVersion, Ranking, str, date, date]] = []
    for per in ("month", "quarter", "half_year", "year"):
        key, first, following = last_periods(per, 1, day)[0]
        version = version_on(scheme_id, following - clock.ONE_DAY)
        rankings = pieces_of(version.body).rankings if version is not None else ()
        found += [(version, one, key, first, following) for one in rankings if version is not None and one.per == per]
    runs = select(PeriodRun.code, PeriodRun.period).where(
        PeriodRun.scheme_id == scheme_id,
        PeriodRun.kind == "ranking",
        PeriodRun.code.in_({ranking.code for _, ranking, *_ in found}),
    )
    done = {(code, period) for code, period in db.session.execute(runs)}
    return [one for one in found if (one[1].code, one[2]) not in done]


def standings_in(
    scheme: Scheme, version: RulebookVersion, ranking: Ranking, first: date, following: date
) -> list[Standing]:
    """What everybody in the ranking's group earned in the period, or had at its end, in each part it is split into;
    where everybody is ranked, also those without, if they were there all along. A few queries, however many people."""
    last = following - clock.ONE_DAY
    group, out = people_in(scheme.id, body_of(version, ranking), last), barred(scheme.id, following)
    start, end = clock.day_start(first, scheme.zone), clock.day_start(following, scheme.zone)
    earned: Earned = {}
    if ranking.everybody:
        there = select(Person.id).where(Person.scheme_id == scheme.id, Person.created_at < start)
        there = there.where(Person.id.in_(group), Person.id.not_in(out))
        earned = dict.fromkeys(db.session.scalars(there), (0, None))
    if ranking.counts == "balance":
        some = select(Person.id).where(Person.scheme_id == scheme.id, Person.id.in_(group), Person.id.not_in(out))
        earned |= had_at(scheme.id, ranking.over, db.session.scalars(some).all(), end - MOMENT)
    else:
        earned |= earned_in(scheme.id, ranking, start, end, group, out)
    kept_out = barred_by_level(scheme.id, version, earned, last)
    earned = {person_id: mine for person_id, mine in earned.items() if person_id not in kept_out}
    if ranking.by == "household":
        earned = by_household(scheme.id, earned)
    decimals = scheme.points_scale if ranking.decimals is None else ranking.decimals
    ranks_all = ranking.everybody or (ranking.counts == "balance" and not ranking.least)
    least = max(1, ranking.least * 10**decimals // 1000)
    ranked = sorted(person_id for person_id, mine in earned.items() if mine[0] >= least or ranks_all)
    parts = parts_of(scheme.id, ranked, ranking.split)
    return [
        Standing(person_id, earned[person_id][0], earned[person_id][1], part)
        for person_id in ranked
        for part in parts.get(person_id, ())
    ]


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
    amount = func.sum(func.coalesce(measured(ranking), 0)).label("amount")
    query = (
        select(Claim.person_id, amount, func.max(Transfer.recorded_at).label("reached_at"))
        .join(Transfer, and_(Transfer.scheme_id == Claim.scheme_id, Transfer.id == Claim.transfer_id))
        .where(Claim.scheme_id == scheme_id, Claim.state == ClaimState.APPROVED, Claim.source != Source.SYSTEM)
        .where(Transfer.recorded_at >= start, Transfer.recorded_at < end)
        .where(Claim.person_id.in_(group), Claim.person_id.not_in(out))
        .group_by(Claim.person_id)
    )
    if ranking.categories or ranking.rules or ranking.counts in TIMES_AND_UNITS:
        query = query.join(EarningRule, and_(EarningRule.scheme_id == Claim.scheme_id, EarningRule.id == Claim.rule_id))
    if ranking.categories:
        query = query.where(EarningRule.category.in_(ranking.categories))
    if ranking.rules:
        query = query.where(EarningRule.code.in_(ranking.rules))
    return {row.person_id: (int(row.amount), row.reached_at) for row in db.session.execute(query)}


def measured(ranking: Ranking) -> ColumnElement[Any]:
    """What a claim counts for in a ranking; times and units in thousandths, of a deed of which anything counted."""
    if ranking.counts not in TIMES_AND_UNITS:
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


def parts_of(scheme_id: int, person_ids: Sequence[int], split: str) -> dict[int, set[str]]:
    """In which parts each of them is ranked: everybody together, by role, or by community."""
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
                select(Person.id, Area.path)
                .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
                .where(Person.scheme_id == scheme_id, Person.id.in_(some))
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


def run_ranking(
    scheme_id: int,
    version: RulebookVersion,
    ranking: Ranking,
    period: str,
    first: date,
    following: date,
    at: datetime,
) -> PeriodRun | None:
    """Rank a period that has ended, keep the places, file the prizes. None when it was done before: once for a period,
    by the table's own constraint."""
    scheme = db.session.get_one(Scheme, scheme_id)
    run_id = new_id()
    made = db.session.scalar(
        insert_into(PeriodRun)
        .values(
            scheme_id=scheme_id,
            id=run_id,
            kind="ranking",
            code=ranking.code,
            period=period,
            version_id=version.id,
            run_by=None,
            run_at=at,
            counts={},
        )
        .on_conflict_do_nothing()
        .returning(PeriodRun.id)
    )
    if made is None:
        return None
    places = rank(ranking, standings_in(scheme, version, ranking, first, following), scheme.points_scale)
    kept = [one for one in places if one.prize or (one.amount > 0 and one.place <= KEPT_WITHOUT_PRIZE)]
    rules, last = given_of(version), following - clock.ONE_DAY
    rows, told = [], []
    for one in kept:
        prize = ranking.prizes[one.prize - 1] if one.prize else None
        claim_id = None
        known = rules.get(prize_code(ranking.code, one.prize)) if one.prize else None
        if known is not None:
            due = Due(one.holder, known, prize_key(run_id, one.part), last, note_of(ranking, period, one))
            due = share_of(due, ranking, one, scheme.points_scale) if one.share else due
            claim = file_given(scheme, due, at) if due.quantity else None
            claim_id = claim.id if claim else None
        if one.share is not None and one.share.points:
            said = {"title": ranking.title, "points": one.share.points}
            told.append(Told(one.holder, "ranking_share", said, "/me/standing", f"ranking:{run_id}"))
        elif prize is not None and not prize.takes_away:  # of what takes away the claim itself tells
            values = {"title": ranking.title, "place": one.place, "prize": prize.title or ranking.title}
            kind = "ranking_band" if prize.is_band else "ranking_prize"
            kind = "ranking_warning" if prize.is_warning else kind if known is not None else f"{kind}_title"
            told.append(Told(one.holder, kind, values, "/me/standing", f"ranking:{run_id}"))
        rows.append(row_of(scheme, run_id, one, prize, claim_id))
    for begin in range(0, len(rows), 500):
        db.session.execute(insert(table_of(RankingRow)), rows[begin : begin + 500])
    tell_many(scheme_id, told, at)
    run = db.session.get_one(PeriodRun, (scheme_id, run_id))
    run.counts = {
        "ranked": len(places),
        "winners": sum(one.prize is not None and not is_blame(ranking.prizes[one.prize - 1]) for one in places),
        "title": ranking.title,
        "over": ranking.over,
        "over_title": measure_of(version.body, body_of(version, ranking)),
        "scale": scheme.points_scale if ranking.decimals is None else ranking.decimals,
        "by": ranking.by,
        "counts": ranking.counts,
        "blame": [one.title for one in ranking.prizes if one.title and is_blame(one)],
    }
    db.session.flush()
    return run


def is_blame(prize: Prize) -> bool:
    return prize.takes_away or prize.is_warning


def prize_key(run_id: int, part: str) -> str:
    """The key of a prize's claim: somebody with two roles may win in both."""
    return f"p{run_id}.{hashlib.sha256(part.encode()).hexdigest()[:8]}"


def share_of(due: Due, ranking: Ranking, one: Placed, scale: int) -> Due:
    """What is due to somebody of a prize that is shared: their share is the quantity, in thousandths of a point."""
    assert one.share is not None
    found = [one.share.everything, max(0, one.amount)]
    if ranking.over == "minutes":
        everything, mine = (rounded(Fraction(amount * 1000, 60), "half_up") for amount in found)  # hours, to be shown
    else:
        decimals = scale if ranking.decimals is None else ranking.decimals
        everything, mine = (amount * 1000 // 10**decimals for amount in found)
    quantity = one.share.points * 1000 // 10**scale
    return replace(due, quantity=quantity, share=(one.share.people, everything, mine))


def note_of(ranking: Ranking, period: str, one: Placed) -> str:
    return f"{ranking.title} {period} {one.part} #{one.place}"[:200]


def row_of(scheme: Scheme, run_id: int, one: Placed, prize: Prize | None, claim_id: int | None) -> dict[str, Any]:
    prize = prize or Prize(None, None)
    return {
        "scheme_id": scheme.id,
        "run_id": run_id,
        "person_id": one.holder,
        "part": one.part,
        "place": one.place,
        "amount": one.amount,
        "title": prize.title,
        "points": one.share.points if one.share else prize.points * 10**scheme.points_scale // 1000,
        "honour": prize.honour * 10**scheme.points_scale // 1000,
        "claim_id": claim_id,
    }
