"""Rankings at the end of a period: who earned the most, or the least, in which part, and what follows, each through a
claim. What is ranked is worked out by ``ranked``.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Select, insert, select

from ... import clock
from ...db import db, insert_into, new_id, table_of
from ...inbox import Told, tell_many
from ...people.models import Person, Scheme, Team
from ...rulebook.given import measure_of, prize_code
from ...rulebook.models import RulebookVersion
from ...rulebook.pieces import Prize, Ranking, pieces_of
from ...rulebook.queries import given_of, version_on
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
    standings, crews = standings_in(scheme, version, ranking, first, following)
    places = rank(ranking, standings, scheme.points_scale)
    kept = [one for one in places if one.prize or (one.amount > 0 and one.place <= KEPT_WITHOUT_PRIZE)]
    rules, last = given_of(version), following - clock.ONE_DAY
    rows, told = [], []
    for one in kept:
        prize, crew = ranking.prizes[one.prize - 1] if one.prize else None, crews.get(one.holder)
        known = rules.get(prize_code(ranking.code, one.prize)) if one.prize else None
        claim_id = None
        if known is not None:
            key = prize_key(run_id, f"{one.part}|{one.holder}" if crew else one.part)
            due = Due(one.holder, known, key, last, note_of(ranking, period, one))
            due = share_of(due, ranking, one, scheme.points_scale) if one.share else due
            dues = [due] if crew is None else dues_of_team(due, ranking, prize, one, crew, scheme.points_scale)
            filed = [claim for each in dues if each.quantity and (claim := file_given(scheme, each, at))]
            claim_id = filed[0].id if len(filed) == 1 else None
        if crew is not None:
            told += told_to_team(ranking, prize, one, crew, run_id)
        elif one.share is not None and one.share.points:
            said = {"title": ranking.title, "points": one.share.points}
            told.append(Told(one.holder, "ranking_share", said, "/me/standing", f"ranking:{run_id}"))
        elif prize is not None and not prize.takes_away:  # of what takes away the claim itself tells
            values = {"title": ranking.title, "place": one.place, "prize": prize.title or ranking.title}
            kind = "ranking_band" if prize.is_band else "ranking_prize"
            kind = "ranking_warning" if prize.is_warning else kind if known is not None else f"{kind}_title"
            told.append(Told(one.holder, kind, values, "/me/standing", f"ranking:{run_id}"))
        elif ranking.counts == "named" and prize is None:  # whoever was named learns how it came out
            values = {"title": ranking.title, "place": one.place, "voices": one.amount // 1000}
            told.append(Told(one.holder, "ranking_named", values, "/me/standing", f"ranking:{run_id}"))
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
        "for": sorted({prize.to_whom for prize in ranking.prizes}),
        "blame": [one.title for one in ranking.prizes if one.title and is_blame(one)],
    }
    db.session.flush()
    return run


def is_blame(prize: Prize) -> bool:
    return prize.takes_away or prize.is_warning


def prize_key(run_id: int, part: str) -> str:
    """The key of a prize's claim: somebody with two roles may win in both, or with two teams."""
    return f"p{run_id}.{hashlib.sha256(part.encode()).hexdigest()[:8]}"


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
