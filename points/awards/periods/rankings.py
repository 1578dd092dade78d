"""Rankings at the end of a period: who earned the most, in which part, and the prizes, each through a claim.

What counts is what was credited within the period for people's own deeds, by the books' day: nothing that the system
gave by itself, nothing that was taken back by the time of the ranking, and no deductions.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, func, insert, select

from ... import clock
from ...db import db, insert_into, new_id, table_of
from ...inbox import Told, tell_many
from ...ledger.models import Transfer
from ...people.models import Area, AreaKind, Assignment, Person, Role, Scheme
from ...rulebook.given import prize_code
from ...rulebook.models import EarningRule, RulebookVersion
from ...rulebook.queries import given_of, version_on
from ..models import Bar, Claim, ClaimState, PeriodRun, Source
from .filing import Due, file_given
from .groups import people_in
from .models import RankingRow
from .rules import Placed, Score, last_period, minor, ranked

KEPT_WITHOUT_PRIZE = 100  # places shown beyond the winners


def due_rankings(scheme_id: int, day: date) -> list[tuple[RulebookVersion, Mapping[str, Any], str, date, date]]:
    """Rankings whose period has ended and that were not run: (version, ranking, key, first day, first day after), by
    the rulebook that was in force on the period's last day."""
    found: list[tuple[RulebookVersion, Mapping[str, Any], str, date, date]] = []
    seen: set[tuple[str, str]] = set()
    for per in ("month", "quarter", "half_year", "year"):
        key, first, following = last_period(day, per)
        version = version_on(scheme_id, following - clock.ONE_DAY)
        if version is None:
            continue
        for ranking in version.body.get("rankings", ()):
            if ranking["per"] == per and (ranking["code"], key) not in seen:
                seen.add((ranking["code"], key))
                found.append((version, ranking, key, first, following))
    runs = select(PeriodRun.code, PeriodRun.period).where(
        PeriodRun.scheme_id == scheme_id, PeriodRun.kind == "ranking", PeriodRun.code.in_({code for code, _ in seen})
    )
    done = {(code, period) for code, period in db.session.execute(runs)}
    return [one for one in found if (one[1]["code"], one[2]) not in done]


def counted(over: str) -> ColumnElement[Any]:
    """What a claim was worth of a balance, by its outcome as it was credited."""
    if over == "points":
        return cast(ColumnElement[Any], Claim.points)
    if over in ("honour", "minutes"):
        return cast(ColumnElement[Any], Claim.outcome[over].as_integer())
    return cast(ColumnElement[Any], Claim.outcome["others"][over].as_integer())


def scores_of(scheme: Scheme, ranking: Mapping[str, Any], first: date, following: date) -> list[Score]:
    """What everybody in the ranking's group earned in the period, in each part it is split into. One query for amounts,
    one for the parts."""
    amount = func.sum(func.coalesce(counted(ranking["over"]), 0)).label("amount")
    start, end = clock.day_start(first, scheme.zone), clock.day_start(following, scheme.zone)
    query = (
        select(Claim.person_id, amount, func.max(Transfer.recorded_at).label("reached_at"))
        .join(Transfer, and_(Transfer.scheme_id == Claim.scheme_id, Transfer.id == Claim.transfer_id))
        .where(Claim.scheme_id == scheme.id, Claim.state == ClaimState.APPROVED, Claim.source != Source.SYSTEM)
        .where(Transfer.recorded_at >= start, Transfer.recorded_at < end)
        .where(Claim.person_id.in_(people_in(scheme.id, ranking, following - clock.ONE_DAY)))
        .where(Claim.person_id.not_in(barred(scheme.id, following)))
        .group_by(Claim.person_id)
    )
    if wanted := {name: list(ranking[name]) for name in ("categories", "rules") if name in ranking}:
        query = query.join(EarningRule, and_(EarningRule.scheme_id == Claim.scheme_id, EarningRule.id == Claim.rule_id))
        if "categories" in wanted:
            query = query.where(EarningRule.category.in_(wanted["categories"]))
        if "rules" in wanted:
            query = query.where(EarningRule.code.in_(wanted["rules"]))
    scale = 0 if ranking["over"] == "minutes" else scheme.points_scale
    least = max(1, minor(ranking.get("least", 0), scale))
    earned = [row for row in db.session.execute(query) if row.amount >= least]
    parts = parts_of(scheme.id, [row.person_id for row in earned], ranking.get("split", ""))
    return [
        Score(row.person_id, part, int(row.amount), row.reached_at)
        for row in earned
        for part in parts.get(row.person_id, ())
    ]


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
    scheme_id: int, version: RulebookVersion, ranking: Mapping[str, Any], period: str, first: date, following: date,
    at: datetime,
) -> PeriodRun | None:  # fmt: skip
    """Rank a period that has ended, keep the places, file the prizes. None when it was done before: once for a period,
    by the table's own constraint."""
    scheme = db.session.get_one(Scheme, scheme_id)
    run_id = new_id()
    made = db.session.scalar(
        insert_into(PeriodRun)
        .values(
            scheme_id=scheme_id, id=run_id, kind="ranking", code=ranking["code"], period=period,
            version_id=version.id, run_by=None, run_at=at, counts={},
        )
        .on_conflict_do_nothing()
        .returning(PeriodRun.id)
    )  # fmt: skip
    if made is None:
        return None
    places = ranked(scores_of(scheme, ranking, first, following), ranking["prizes"], ranking.get("ties", "all"))
    kept = [one for one in places if one.prize is not None or one.place <= KEPT_WITHOUT_PRIZE]
    rules = given_of(version)
    rows, told = [], []
    for one in kept:
        prize = ranking["prizes"][one.prize - 1] if one.prize else {}
        claim_id = None
        known = rules.get(prize_code(ranking["code"], one.prize)) if one.prize else None
        if known is not None:
            last, note = following - clock.ONE_DAY, note_of(ranking, period, one)
            claim = file_given(scheme, Due(one.person_id, known, prize_key(run_id, one.part), last, note), at)
            claim_id = claim.id if claim else None
        if one.prize:
            values = {"title": ranking["title"], "place": one.place}
            told.append(Told(one.person_id, "ranking_prize", values, "/me/standing", f"ranking:{run_id}"))
        rows.append(row_of(scheme, run_id, one, prize, claim_id))
    for begin in range(0, len(rows), 500):
        db.session.execute(insert(table_of(RankingRow)), rows[begin : begin + 500])
    tell_many(scheme_id, told, at)
    run = db.session.get_one(PeriodRun, (scheme_id, run_id))
    run.counts = {
        "ranked": len(places),
        "winners": sum(one.prize is not None for one in places),
        "title": ranking["title"],
        "over": ranking["over"],
    }
    db.session.flush()
    return run


def prize_key(run_id: int, part: str) -> str:
    """The key of a prize's claim: somebody with two roles may win in both."""
    return f"p{run_id}.{hashlib.sha256(part.encode()).hexdigest()[:8]}"


def note_of(ranking: Mapping[str, Any], period: str, one: Placed) -> str:
    return f"{ranking['title']} {period} {one.part} #{one.place}"[:200]


def row_of(scheme: Scheme, run_id: int, one: Placed, prize: Mapping[str, Any], claim_id: int | None) -> dict[str, Any]:
    return {
        "scheme_id": scheme.id,
        "run_id": run_id,
        "person_id": one.person_id,
        "part": one.part,
        "place": one.place,
        "amount": one.amount,
        "title": prize.get("title", ""),
        "points": minor(prize.get("points", 0), scheme.points_scale),
        "honour": minor(prize.get("honour", 0), scheme.points_scale),
        "claim_id": claim_id,
    }
