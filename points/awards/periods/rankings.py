"""Rankings at the end of a period: who earned the most, or the least, in which part, and what follows, each through a
claim. What is ranked is worked out by ``ranked``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from functools import partial
from typing import Any

from sqlalchemy import Select, insert, select

from ... import clock
from ...db import db, in_own_transaction, insert_into, new_id, table_of
from ...inbox import Told, tell_many
from ...jobs import Context
from ...people.models import Person, Scheme, Team
from ...rulebook.given import measure_of, prize_code
from ...rulebook.models import RulebookVersion
from ...rulebook.pieces import Prize, Ranking, pieces_of
from ...rulebook.queries import KnownRule, given_of, version_on
from ...rulebook.reckoning import rounded
from ...rulebook.standings import Placed, Standing, last_periods, rank, shared_in_team
from ..models import PeriodRun
from .filing import Due, file_given
from .groups import people_in
from .models import RankingRow
from .ranked import (
    MOMENT,
    Earned,
    barred,
    barred_by_level,
    body_of,
    by_household,
    earned_in,
    had_at,
    named_in,
    parts_of,
)
from .ranked_teams import Crew, crews_of, earned_by_teams, leave_out

KEPT_WITHOUT_PRIZE = 100  # places shown beyond the winners
SOME = 200  # prizes filed in one transaction


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
) -> tuple[list[Standing], dict[int, Crew]]:
    """What everybody in the ranking's group (or every team) earned in the period, or had at its end, in each part it is
    split into; where everybody is ranked, also those without, if they were there all along. And the teams."""
    last = following - clock.ONE_DAY
    out = barred(scheme.id, following)
    start, end = clock.day_start(first, scheme.zone), clock.day_start(following, scheme.zone)
    crews: dict[int, Crew] = {}
    if ranking.by == "team":
        crews = crews_of(scheme.id, ranking, start if ranking.everybody else end)
        mine = {person_id for crew in crews.values() for person_id in crew.members}
        leave_out(crews, {*db.session.scalars(out), *barred_by_level(scheme.id, version, mine, last)})
        earned = earned_by_teams(scheme.id, ranking, crews, start, end, out)
    else:
        earned = earned_by_people(scheme, version, ranking, start, end, out)
    decimals = scheme.points_scale if ranking.decimals is None else ranking.decimals
    ranks_all = ranking.everybody or (ranking.counts == "balance" and not ranking.least)
    least = max(1, ranking.least * 10**decimals // 1000)
    ranked = sorted(holder_id for holder_id, mine in earned.items() if mine[0] >= least or ranks_all)
    parts = parts_of(scheme.id, ranked, ranking.split, Team if ranking.by == "team" else Person)
    standings = [
        Standing(holder_id, earned[holder_id][0], earned[holder_id][1], part)
        for holder_id in ranked
        for part in parts.get(holder_id, ())
    ]
    return standings, crews


def earned_by_people(
    scheme: Scheme, version: RulebookVersion, ranking: Ranking, start: datetime, end: datetime, out: Select[Any]
) -> Earned:
    """What everybody of the group earned or had; of a household, under whoever earned most of it."""
    last = clock.local_date(end, scheme.zone) - clock.ONE_DAY
    group = people_in(scheme.id, body_of(version, ranking), last)
    earned: Earned = {}
    if ranking.everybody:
        there = select(Person.id).where(Person.scheme_id == scheme.id, Person.created_at < start)
        there = there.where(Person.id.in_(group), Person.id.not_in(out))
        earned = dict.fromkeys(db.session.scalars(there), (0, None))
    if ranking.counts == "balance":
        some = select(Person.id).where(Person.scheme_id == scheme.id, Person.id.in_(group), Person.id.not_in(out))
        earned |= had_at(scheme.id, ranking.over, db.session.scalars(some).all(), end - MOMENT)
    else:
        counted = named_in if ranking.counts == "named" else earned_in
        earned |= counted(scheme.id, ranking, start, end, group, out)
    kept_out = barred_by_level(scheme.id, version, earned, last)
    earned = {person_id: mine for person_id, mine in earned.items() if person_id not in kept_out}
    return by_household(scheme.id, earned) if ranking.by == "household" else earned


def run_ranking(
    work: Context, version: RulebookVersion, ranking: Ranking, period: str, first: date, following: date
) -> PeriodRun | None:
    """Rank a period that has ended: file the prizes, some in a transaction, then keep the places. Cut off anywhere, it
    goes on by each claim's key. None when it was done before, or is cut off: once for a period, by the table's own
    constraint."""
    scheme = db.session.get_one(Scheme, work.scheme_id)
    version_id, titles = version.id, body_of(version, ranking)
    over_title, rules, last = measure_of(version.body, titles), given_of(version), following - clock.ONE_DAY
    standings, crews = standings_in(scheme, version, ranking, first, following)
    places = rank(ranking, standings, scheme.points_scale)
    kept = [
        (one, ranking.prizes[one.prize - 1] if one.prize else None)
        for one in places
        if one.prize or (one.amount > 0 and one.place <= KEPT_WITHOUT_PRIZE)
    ]
    dues: list[list[Due]] = []
    for one, prize in kept:
        known, crew = rules.get(prize_code(ranking.code, one.prize)) if one.prize else None, crews.get(one.holder)
        dues.append(dues_of(ranking, period, one, prize, crew, known, last, scheme.points_scale) if known else [])
    filed = filed_for(work, [due for some in dues for due in some])
    if filed is None:
        return None
    counts = {
        "ranked": len(places),
        "winners": sum(one.prize is not None and not is_blame(ranking.prizes[one.prize - 1]) for one in places),
        "title": ranking.title,
        "over": ranking.over,
        "over_title": over_title,
        "scale": scheme.points_scale if ranking.decimals is None else ranking.decimals,
        "by": ranking.by,
        "counts": ranking.counts,
        "for": sorted({prize.to_whom for prize in ranking.prizes}),
        "blame": [one.title for one in ranking.prizes if one.title and is_blame(one)],
    }
    run_id = new_id()
    rows, told = [], []
    for (one, prize), some in zip(kept, dues, strict=True):
        claim_id = filed.get((some[0].person_id, some[0].key)) if len(some) == 1 else None
        rows.append(row_of(scheme, run_id, one, prize, claim_id))
        told += told_of(ranking, one, prize, crews.get(one.holder), bool(some), run_id)
    made = {"id": run_id, "code": ranking.code, "period": period, "version_id": version_id, "counts": counts}
    return in_own_transaction(partial(keep_run, work.scheme_id, made, rows, told, work.at))


def filed_for(work: Context, dues: Sequence[Due]) -> dict[tuple[int, str], int] | None:
    """The claims of what is due, by person and key, some in each transaction; None when it must stop before the end."""
    found: dict[tuple[int, str], int] = {}
    for begin in range(0, len(dues), SOME):
        if work.should_stop():
            return None
        found |= in_own_transaction(partial(file_some, work, dues[begin : begin + SOME]))
        work.progress(min(begin + SOME, len(dues)), len(dues))
    return found


def file_some(work: Context, dues: Sequence[Due]) -> dict[tuple[int, str], int]:
    scheme = db.session.get_one(Scheme, work.scheme_id)
    filed = ((due, file_given(scheme, due, work.at)) for due in dues)
    return {(due.person_id, due.key): claim.id for due, claim in filed if claim is not None}


def keep_run(
    scheme_id: int, made: Mapping[str, Any], rows: Sequence[dict[str, Any]], told: Sequence[Told], at: datetime
) -> PeriodRun | None:
    """Note that the period was ranked, its places, and tell everybody; None when another was faster."""
    values = {**made, "scheme_id": scheme_id, "kind": "ranking", "run_by": None, "run_at": at}
    done = insert_into(PeriodRun).values(**values).on_conflict_do_nothing().returning(PeriodRun.id)
    if db.session.scalar(done) is None:
        return None
    for begin in range(0, len(rows), 500):
        db.session.execute(insert(table_of(RankingRow)), list(rows[begin : begin + 500]))
    tell_many(scheme_id, list(told), at)
    return db.session.get_one(PeriodRun, (scheme_id, made["id"]))


def dues_of(
    ranking: Ranking,
    period: str,
    one: Placed,
    prize: Prize | None,
    crew: Crew | None,
    known: KnownRule,
    last: date,
    scale: int,
) -> list[Due]:
    """What is due for a place: nothing for a share that came to nothing."""
    key = prize_key(ranking.code, period, f"{one.part}|{one.holder}" if crew else one.part)
    due = Due(one.holder, known, key, last, note_of(ranking, period, one))
    due = share_of(due, ranking, one, scale) if one.share else due
    found = [due] if crew is None else dues_of_team(due, ranking, prize, one, crew, scale)
    return [each for each in found if each.quantity]


def told_of(
    ranking: Ranking, one: Placed, prize: Prize | None, crew: Crew | None, is_given: bool, run_id: int
) -> list[Told]:
    """Who hears what of a place; of what takes away the claim itself tells."""
    link, about = "/me/standing", f"ranking:{run_id}"
    if crew is not None:
        return told_to_team(ranking, prize, one, crew, run_id)
    if one.share is not None and one.share.points:
        return [Told(one.holder, "ranking_share", {"title": ranking.title, "points": one.share.points}, link, about)]
    if prize is not None and not prize.takes_away and (one.share is None or prize.title):
        values = {"title": ranking.title, "place": one.place, "prize": prize.title or ranking.title}
        kind = "ranking_band" if prize.is_band else "ranking_prize"
        kind = "ranking_warning" if prize.is_warning else kind if is_given else f"{kind}_title"
        return [Told(one.holder, kind, values, link, about)]
    if ranking.counts == "named" and prize is None:  # whoever was named learns how it came out
        values = {"title": ranking.title, "place": one.place, "voices": one.amount // 1000}
        return [Told(one.holder, "ranking_named", values, link, about)]
    return []


def is_blame(prize: Prize) -> bool:
    return prize.takes_away or prize.is_warning


def prize_key(code: str, period: str, part: str) -> str:
    """The key of a prize's claim, the same whoever files it: somebody with two roles, or two teams, may win twice."""
    return "p" + hashlib.sha256(f"{code}:{period}:{part}".encode()).hexdigest()[:30]


def dues_of_team(due: Due, ranking: Ranking, prize: Prize | None, one: Placed, crew: Crew, scale: int) -> list[Due]:
    """What a team's prize comes to: one for the team, claimed by who speaks for it; or one for each of its members, of
    which those who did nothing get no share that goes by what each did."""
    mine = replace(due, note=f"{due.note} {crew.name}"[:200])
    if prize is None or not prize.of_members:
        return [replace(mine, person_id=crew.speaker, team_id=one.holder)]
    found = shared_in_team(prize, {person_id: crew.did.get(person_id, 0) for person_id in crew.members}, scale)
    dues = [(replace(mine, person_id=person_id), share) for person_id, share in found.items()]
    return [
        share_of(each, ranking, replace(one, amount=crew.did.get(each.person_id, 0), share=share), scale)
        if share is not None
        else each
        for each, share in dues
    ]


def told_to_team(ranking: Ranking, prize: Prize | None, one: Placed, crew: Crew, run_id: int) -> list[Told]:
    """Everybody in a team that won hears of it; that it did too little, who speaks for it."""
    if prize is None or prize.takes_away:
        return []
    values = {"title": ranking.title, "place": one.place, "prize": prize.title or ranking.title, "team": crew.name}
    kind, people = ("ranking_warning", (crew.speaker,)) if prize.is_warning else ("ranking_team", crew.members)
    return [Told(person_id, kind, values, "/me/standing", f"ranking:{run_id}:{one.holder}") for person_id in people]


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
        "holder_id": one.holder,
        "part": one.part,
        "place": one.place,
        "amount": one.amount,
        "title": prize.title,
        "points": one.share.points if one.share else prize.points * 10**scheme.points_scale // 1000,
        "honour": prize.honour * 10**scheme.points_scale // 1000,
        "claim_id": claim_id,
    }
