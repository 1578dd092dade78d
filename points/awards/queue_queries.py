"""Questions of the reviewers' queue: a page of it, how much waits, what somebody did lately. Bounded, by index.

A page is found by the claims' own columns in the order of an index; words are looked up for its fifty alone. Counts
stop at ``COUNTED``: nobody works differently with 1,000 open claims than with 100,000.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select

from .. import clock
from ..db import db
from ..people.models import Area, Team, TeamKind
from ..people.visitor import Visitor, within
from ..rulebook.models import EarningRule
from ..web.paging import Page, page_of
from .appeals.models import Appeal, AppealState
from .budgets import categories_of
from .models import Claim, ClaimState, Correction, CorrectionState, SampledReview
from .notice.models import Objection, ObjectionState
from .queries import Line, lines, seen_by_staff, waits_for
from .queue_filter import ALL, MINE, QueueFilter, conditions, flagged, for_roles

PAGE = 50
COUNTED = 1_000  # a count that reaches this says "1,000 and more"
LOOKED_THROUGH = 2_000  # claims that wait, for the number on the rail
MOST_ELSEWHERE = 500  # claims of other areas in one list; the next follow when these are decided
MOST_CHOICES = 500  # areas, teams, rules that a filter offers
KEPT_FOR_S, MOST_KEPT = 30, 1_000


# ---------------------------------------------------------------- a page


def ids(who: Visitor, wanted: QueueFilter, at: datetime) -> Select[Any]:
    """(made_at, id) of the claims in this visitor's reach that fit: by the claim's columns alone."""
    there = from_elsewhere(who) if wanted.state in (MINE, ClaimState.WAITING, ALL) else []
    reach = or_(seen_by_staff(who), Claim.id.in_(there)) if there else seen_by_staff(who)
    return select(Claim.made_at, Claim.id).where(Claim.scheme_id == who.scheme_id, reach, *conditions(who, wanted, at))


def from_elsewhere(who: Visitor) -> list[int]:
    """The claims of other areas that wait at a stage which people of the whole scheme decide, this visitor among them:
    the ``MOST_ELSEWHERE`` that wait longest. Their ids, so that a page stays in the order of the index."""
    return list(db.session.scalars(elsewhere(who)))


def elsewhere(who: Visitor) -> Select[Any]:
    query = select(Claim.id).where(waits_for(who), ~within(Claim.area_path, who.reach("claims.see")))
    return query.order_by(Claim.made_at, Claim.id).limit(MOST_ELSEWHERE)


def queue_page(
    who: Visitor, wanted: QueueFilter, at: datetime, *, size: int = PAGE, cursor: str | None = None
) -> tuple[list[Line], str | None]:
    """A page of the queue and the cursor of the next. What waits longest comes first; what is decided, latest first."""
    page: Page[Any] = page_of(
        ids(who, wanted, at),
        Claim.made_at,
        Claim.id,
        shape=(datetime, int),
        descending=not wanted.is_open,
        size=size,
        cursor=cursor,
        key_of=lambda row: (row.made_at, row.id),
        scalars=False,
    )
    return lines_in_order(who.scheme_id, [row.id for row in page.rows]), page.next


def lines_in_order(scheme_id: int, claim_ids: Sequence[int]) -> list[Line]:
    """The claims with their words, in the order of the ids."""
    if not claim_ids:
        return []
    rows = db.session.execute(lines().where(Claim.scheme_id == scheme_id, Claim.id.in_(claim_ids)))
    found = {row[0].id: Line(*row) for row in rows}
    return [found[claim_id] for claim_id in claim_ids if claim_id in found]


# ---------------------------------------------------------------- counts


@dataclass(frozen=True)
class Count:
    """How many there are, as far as was counted."""

    number: int

    @property
    def is_whole(self) -> bool:
        return self.number < COUNTED

    def __str__(self) -> str:
        return str(self.number) if self.is_whole else f"{COUNTED}+"

    def __bool__(self) -> bool:
        return bool(self.number)


def counted(query: Select[Any]) -> Count:
    """How many rows the query has, up to ``COUNTED``: it stops there."""
    return Count(db.session.scalar(select(func.count()).select_from(query.limit(COUNTED).subquery())) or 0)


@dataclass(frozen=True)
class Waiting:
    """What waits for a visitor: how many, how many of them odd, and since when the oldest."""

    total: Count
    odd: Count
    oldest: datetime | None


def waiting(who: Visitor, at: datetime) -> Waiting:
    mine = ids(who, QueueFilter(state=MINE), at).order_by(Claim.made_at, Claim.id)  # the order of the index: it stops
    oldest = db.session.execute(mine.limit(1)).first()
    odd = mine.where(flagged("any"))
    return Waiting(counted(mine), counted(odd), oldest.made_at if oldest else None)


def linked(who: Visitor) -> dict[str, Count]:
    """What stands beside the queue: open objections, appeals and samples in this visitor's reach."""
    reach = who.reach("claims.review")
    objections = (
        select(Objection.id)
        .join(Claim, (Claim.scheme_id == Objection.scheme_id) & (Claim.id == Objection.claim_id))
        .where(Objection.scheme_id == who.scheme_id, Objection.state == ObjectionState.OPEN)
        .where(within(Claim.area_path, reach))
    )
    appeals = select(Appeal.id).where(
        Appeal.scheme_id == who.scheme_id, Appeal.state == AppealState.OPEN, within(Appeal.area_path, reach)
    )
    return {"objections": counted(objections), "appeals": counted(appeals), "samples": counted(samples_for(who))}


def samples_for(who: Visitor) -> Select[Any]:
    """The approved awards that this visitor may read as the second: in reach, decided by somebody else."""
    return select(SampledReview.picked_at, SampledReview.claim_id).where(
        SampledReview.scheme_id == who.scheme_id,
        SampledReview.state == "waiting",
        SampledReview.reviewer_id != who.person_id,
        within(SampledReview.area_path, who.reach("claims.review")),
    )


def open_count(who: Visitor) -> dict[str, int]:
    """For the rail: how much waits for this visitor, by endpoint."""
    counts = {}
    if who.reach("claims.review"):
        counts["awards.queue"] = counted(oldest_mine(who, clock.now())).number
    if who.reach("corrections.confirm"):
        counts["awards.corrections"] = (
            db.session.scalar(
                select(func.count())
                .select_from(Correction)
                .join(Claim, (Claim.scheme_id == Correction.scheme_id) & (Claim.id == Correction.claim_id))
                .where(seen_by_staff(who), Correction.state == CorrectionState.ASKED)
            )
            or 0
        )
    return counts


def oldest_mine(who: Visitor, at: datetime) -> Select[Any]:
    """What waits for this visitor among the ``LOOKED_THROUGH`` claims that wait longest: every page of staff counts
    them, so it may not look through a hundred thousand that are another role's turn."""
    waiting = ids(who, QueueFilter(state=ClaimState.WAITING), at).add_columns(for_roles(who).label("is_mine"))
    looked = waiting.order_by(Claim.made_at, Claim.id).limit(LOOKED_THROUGH).subquery()
    return select(looked.c.id).where(looked.c.is_mine)


# ---------------------------------------------------------------- what a filter offers


@dataclass(frozen=True)
class Choices:
    """What the page offers to narrow by: (value, words) pairs; and what categories are called."""

    rules: list[tuple[str, str]]
    categories: list[tuple[str, str]]
    areas: list[tuple[int, str]]
    teams: list[tuple[int, str]]
    titles: dict[str, str]


_kept: dict[tuple[int, tuple[str, ...]], tuple[float, Choices]] = {}


def choices(who: Visitor, at: datetime) -> Choices:
    """What a filter offers, kept in this process for half a minute: a rule or a team that is new appears as late."""
    key, now = (who.scheme_id, tuple(sorted(who.reach("claims.see")))), time.monotonic()
    there = _kept.get(key)
    if there is not None and there[0] > now:
        return there[1]
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    found = offered(who, at)
    _kept[key] = (now + KEPT_FOR_S, found)
    return found


def offered(who: Visitor, at: datetime) -> Choices:
    """Rules of every version by their latest title, and the areas and teams in this visitor's reach."""
    titles = categories_of(who.scheme_id, at, who.zone)
    rules = db.session.execute(
        select(EarningRule.code, EarningRule.title, EarningRule.category)
        .where(EarningRule.scheme_id == who.scheme_id)
        .order_by(EarningRule.version_id, EarningRule.place)
    ).all()
    reach = who.reach("claims.see")
    areas = db.session.execute(
        select(Area.id, Area.name, Area.path)
        .where(Area.scheme_id == who.scheme_id, within(Area.path, reach), Area.disabled_at.is_(None))
        .order_by(Area.path)
        .limit(MOST_CHOICES)
    ).all()
    top = min((area.path.count("/") for area in areas), default=0)
    teams = db.session.execute(
        select(Team.id, Team.name)
        .join(Area, (Area.scheme_id == Team.scheme_id) & (Area.id == Team.area_id))
        .where(Team.scheme_id == who.scheme_id, Team.kind != TeamKind.LIST, Team.disabled_at.is_(None))
        .where(within(Area.path, reach))
        .order_by(Team.name)
        .limit(MOST_CHOICES)
    ).all()
    return Choices(
        rules=list({code: title for code, title, _ in rules}.items())[:MOST_CHOICES],
        categories=[(one, titles.get(one, one)) for one in dict.fromkeys(row.category for row in rules) if one],
        areas=[(area.id, "\u3000" * (area.path.count("/") - top) + area.name) for area in areas],
        teams=[(team.id, team.name) for team in teams],
        titles=titles,
    )


# ---------------------------------------------------------------- one person


def recent_of(scheme_id: int, person_id: int, at: datetime, days: int = 30) -> tuple[int, int, int]:
    """A person's last days in figures: claims, of which granted, points credited (minor units)."""
    rows = db.session.execute(
        select(Claim.state, func.count(), func.coalesce(func.sum(Claim.points), 0))
        .where(Claim.scheme_id == scheme_id, Claim.person_id == person_id)
        .where(Claim.made_at >= at - timedelta(days=days), Claim.state != ClaimState.WITHDRAWN)
        .group_by(Claim.state)
    ).all()
    granted = [(count, points) for state, count, points in rows if ClaimState(state).is_granted]
    return sum(row[1] for row in rows), sum(c for c, _ in granted), int(sum(p for _, p in granted))
