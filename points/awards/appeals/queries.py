"""Questions about appeals: those of one claim, the staff's list by deadline, how many are open and overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from ... import clock
from ...db import db, is_id
from ...errors import DomainError, NotFound
from ...people.models import Person
from ...people.visitor import Visitor, within
from ...rulebook.models import EarningRule
from ..models import Claim
from .filing import is_final, last_day, may_file, standing_of
from .models import Appeal, AppealState
from .rules import about_of, is_overdue

MOST_COUNTED = 1000
# What the staff's list shows: "overdue" are the open ones whose days are over.
SHOWN = ("open", "overdue", "granted", "refused", "withdrawn")


@dataclass(frozen=True)
class Filed:
    """An appeal with its claim in words. Names are full: mask them where they are shown."""

    appeal: Appeal
    claim: Claim
    person: str
    person_number: str
    title: str
    code: str
    filer: str
    reader: str | None

    def overdue(self, today: date) -> bool:
        return is_overdue(self.appeal.state, self.appeal.decide_by, today)


@dataclass(frozen=True)
class Chance:
    """Whether and until when a claim can be appealed by this visitor; ``about`` None: not at all."""

    about: str | None
    until_on: date | None
    is_open: bool  # the days are not over


@dataclass(frozen=True)
class Wanted:
    """What the list is narrowed to."""

    state: str = "open"
    about: str = ""
    text: str = ""


def appeals_seen(who: Visitor) -> ColumnElement[bool]:
    """The condition that an appeal lies in an area whose appeals this visitor may see."""
    return and_(Appeal.scheme_id == who.scheme_id, within(Appeal.area_path, who.reach("appeals.see")))


def lines() -> Select[Any]:
    """Appeals with claim, claimant, rule, filer and reader."""
    filer, reader = aliased(Person), aliased(Person)
    return (
        select(
            *(Appeal, Claim, Person.name, Person.number, EarningRule.title, EarningRule.code),
            *(filer.name.label("filer"), reader.name.label("reader")),
        )
        .join(Claim, (Claim.scheme_id == Appeal.scheme_id) & (Claim.id == Appeal.claim_id))
        .join(Person, (Person.scheme_id == Claim.scheme_id) & (Person.id == Claim.person_id))
        .join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
        .join(filer, (filer.scheme_id == Appeal.scheme_id) & (filer.id == Appeal.filed_by))
        .outerjoin(reader, (reader.scheme_id == Appeal.scheme_id) & (reader.id == Appeal.decided_by))
    )


def appeals_in_reach(who: Visitor, wanted: Wanted, today: date) -> Select[Any]:
    """The appeals that fit: a query to page through by (decide_by, id)."""
    state = AppealState.OPEN if wanted.state == "overdue" else wanted.state
    query = lines().where(appeals_seen(who), Appeal.state == state)
    if wanted.state == "overdue":
        query = query.where(Appeal.decide_by < today)
    if wanted.about:
        query = query.where(Appeal.about == wanted.about)
    if text := wanted.text.strip()[:40]:
        like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(
            or_(
                Person.name.like(like + "%", escape="\\"),
                Person.number == text,
                EarningRule.title.like("%" + like + "%", escape="\\"),
            )
        )
    return query


def filed_of(who: Visitor, appeal_id: int) -> Filed:
    """One appeal in reach. Raises NotFound."""
    row = None
    if is_id(appeal_id):
        row = db.session.execute(lines().where(appeals_seen(who), Appeal.id == appeal_id)).one_or_none()
    if row is None:
        raise NotFound()
    return Filed(*row)


def appeals_of(scheme_id: int, claim_id: int) -> list[Filed]:
    """The appeals of one claim, oldest first. Whoever asks has been allowed to see the claim."""
    rows = db.session.execute(
        lines()
        .where(Appeal.scheme_id == scheme_id, Appeal.claim_id == claim_id)
        .order_by(Appeal.filed_at, Appeal.id)
        .limit(20)
    )
    return [Filed(*row) for row in rows]


def fileable(who: Visitor, claim_id: int) -> Claim:
    """A claim this visitor may file for: one's own, or one in an area where one files for others. Raises NotFound."""
    found = db.session.scalar(select(Claim).where(may_file(who), Claim.id == claim_id)) if is_id(claim_id) else None
    if found is None:
        raise NotFound()
    return found


def chance_of(who: Visitor, claim: Claim, at: datetime) -> Chance:
    """What could be appealed about the claim now, whatever the visitor; an open appeal does not stand in its way."""
    try:
        about = about_of(standing_of(claim))
    except DomainError:
        return Chance(None, None, is_open=False)
    if is_final(claim):
        return Chance(None, None, is_open=False)
    until_on = last_day(who, claim)
    return Chance(about, until_on, is_open=clock.local_date(at, who.zone) <= until_on)


def counts_of(who: Visitor, today: date) -> tuple[int, int]:
    """How many appeals are open and how many of them overdue in this visitor's reach, each counted up to 1,000."""
    return counted(who), overdue_count(who, today)


def overdue_count(who: Visitor, today: date) -> int:
    return counted(who, Appeal.decide_by < today)


def counted(who: Visitor, *conditions: ColumnElement[bool]) -> int:
    mine = select(Appeal.id).where(appeals_seen(who), Appeal.state == AppealState.OPEN, *conditions)
    return db.session.scalar(select(func.count()).select_from(mine.limit(MOST_COUNTED).subquery())) or 0
