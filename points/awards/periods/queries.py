"""Questions about rankings, grants and pools. Public lists show only places, masked names and what was earned."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from ...db import db, is_id
from ...errors import NotFound
from ...ledger import AccountClass
from ...ledger.accounts import accounts
from ...ledger.posting import postings
from ...ledger.queries import balances_of, units_of
from ...people.actions import POINTS
from ...people.models import Person, Role, Team, TeamMember
from ...people.visitor import Visitor
from ..balances import known_purse
from ..models import Claim, PeriodRun
from .models import GrantOrder, GrantState, Pool, RankingRow

DESK = frozenset({Role.STAFF, Role.OFFICER, Role.AUDITOR})


def runs_of(scheme_id: int) -> Select[Any]:
    """The rankings that were run, the latest first; page it by (run_at, id)."""
    return select(PeriodRun).where(PeriodRun.scheme_id == scheme_id, PeriodRun.kind == "ranking")


def ranking_of(scheme_id: int, run_id: int) -> PeriodRun:
    """Raises NotFound."""
    run = db.session.get(PeriodRun, (scheme_id, run_id)) if is_id(run_id) else None
    if run is None or run.kind != "ranking":
        raise NotFound()
    return run


def is_staff(who: Visitor) -> bool:
    return bool(DESK & who.roles)


def places_of(who: Visitor, run_id: int) -> Select[Any]:
    """(RankingRow, Person or None, state of the prize's claim, name of the team) by part and place; page it by (part,
    place, holder_id).
    Who loses something, or is told to have too little, is shown to staff alone, and of balances the winners only:
    nobody is put in the pillory."""
    scheme_id, counts = who.scheme_id, ranking_of(who.scheme_id, run_id).counts
    found = (
        select(RankingRow, Person, Claim.state, Team.name)
        .outerjoin(Person, and_(Person.scheme_id == RankingRow.scheme_id, Person.id == RankingRow.holder_id))
        .outerjoin(Team, and_(Team.scheme_id == RankingRow.scheme_id, Team.id == RankingRow.holder_id))
        .outerjoin(Claim, and_(Claim.scheme_id == RankingRow.scheme_id, Claim.id == RankingRow.claim_id))
        .where(RankingRow.scheme_id == scheme_id, RankingRow.run_id == run_id)
    )
    if is_staff(who):
        return found
    found = found.where(RankingRow.points >= 0, RankingRow.honour >= 0)
    if counts.get("blame"):
        found = found.where(RankingRow.title.not_in(counts["blame"]))
    if counts.get("counts") == "balance":
        found = found.where(or_(RankingRow.title != "", RankingRow.points > 0, RankingRow.honour > 0))
    return found


def places_of_person(scheme_id: int, person_id: int) -> Sequence[Any]:
    """(RankingRow, PeriodRun, name of the team) of somebody's own places and those of their teams, the latest first."""
    teams = select(TeamMember.team_id).where(TeamMember.scheme_id == scheme_id, TeamMember.person_id == person_id)
    mine = or_(RankingRow.holder_id == person_id, RankingRow.holder_id.in_(teams))
    return db.session.execute(
        select(RankingRow, PeriodRun, Team.name)
        .join(PeriodRun, and_(PeriodRun.scheme_id == RankingRow.scheme_id, PeriodRun.id == RankingRow.run_id))
        .outerjoin(Team, and_(Team.scheme_id == RankingRow.scheme_id, Team.id == RankingRow.holder_id))
        .where(RankingRow.scheme_id == scheme_id, mine)
        .order_by(PeriodRun.run_at.desc(), RankingRow.part)
        .limit(12)
    ).all()


def orders_of(scheme_id: int) -> Select[Any]:
    """Grants that were started, the latest first; page it by (asked_at, id)."""
    return select(GrantOrder).where(GrantOrder.scheme_id == scheme_id)


def grants_for(who: Visitor) -> int:
    """How many grants wait for this visitor's approval: of those that somebody else, or due work, started."""
    waits = (GrantOrder.scheme_id == who.scheme_id, GrantOrder.state == GrantState.ASKED)
    others = or_(GrantOrder.asked_by.is_(None), GrantOrder.asked_by != who.person_id)
    return db.session.scalar(select(func.count()).select_from(GrantOrder).where(*waits, others)) or 0


@dataclass(frozen=True)
class PoolLine:
    pool: Pool
    points: int


def pools_with_balance(scheme_id: int) -> list[PoolLine]:
    """Every pool and what is in it, minor units."""
    pools = list(db.session.scalars(select(Pool).where(Pool.scheme_id == scheme_id).order_by(Pool.title, Pool.id)))
    have = balances_of(scheme_id, [pool.id for pool in pools], units_of(scheme_id)[POINTS])
    return [PoolLine(pool, have[pool.id]) for pool in pools]


@dataclass(frozen=True)
class Giver:
    """A holder whose points can only be donated: a team that somebody leads, or ("" for its name) their own purse."""

    id: int
    name: str
    points: int


def only_donated_by(scheme_id: int, person_id: int) -> list[Giver]:
    """What somebody may only donate: of their own, and of the teams they lead. Nothing where there is none left."""
    return [one for one in purses_of(scheme_id, person_id) if one.points > 0]


def purses_of(scheme_id: int, person_id: int) -> list[Giver]:
    """The same where all has been given away, too: whatever ever had something in it, their own first."""
    teams = select(Team.id, Team.name).where(
        Team.scheme_id == scheme_id, Team.leader_id == person_id, Team.disabled_at.is_(None)
    )
    named: dict[int, str] = dict(db.session.execute(teams).all())
    if purse := known_purse(scheme_id, person_id):
        named = {purse: "", **named}
    a = accounts.c
    wallets = select(a.holder_id, func.sum(a.balance)).where(
        *(a.scheme_id == scheme_id, a.holder_id.in_(list(named)), a.unit_id == units_of(scheme_id)[POINTS]),
        *(a["class"] == AccountClass.WALLET, a.seq > 0),
    )
    have = dict(db.session.execute(wallets.group_by(a.holder_id)).all()) if named else {}
    return [Giver(holder_id, name, int(have[holder_id])) for holder_id, name in named.items() if holder_id in have]


def pools_given(scheme_id: int, transfer_ids: Collection[int]) -> dict[int, str]:
    """Which pool got what was given away: transfer → its title."""
    p, a = postings.c, accounts.c
    rows = db.session.execute(
        select(p.transfer_id, Pool.title)
        .join(accounts, and_(a.scheme_id == p.scheme_id, a.id == p.account_id))
        .join(Pool, and_(Pool.scheme_id == a.scheme_id, Pool.id == a.holder_id))
        .where(p.scheme_id == scheme_id, p.transfer_id.in_(list(transfer_ids)), p.amount > 0)
    )
    return {row.transfer_id: row.title for row in rows}
