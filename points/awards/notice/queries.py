"""Questions about notices: lists, what stands on one, objections, what is stuck or waits for its day."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, or_, select
from sqlalchemy.orm import aliased

from ...db import db, is_id
from ...errors import NotFound
from ...people.models import Area, AreaKind, Person, Team
from ...people.visitor import Visitor, within
from ...rulebook.models import EarningRule
from ..models import Claim, ClaimState
from .models import Notice, NoticeGap, Objection, ObjectionState
from .rules import is_number

POINTS = Claim.outcome["points"].as_integer()
OPEN = (ClaimState.ON_NOTICE, ClaimState.HELD)


@dataclass(frozen=True)
class Tally:
    """How much stands on a notice: awards, their points in minor units, and how many are held."""

    count: int = 0
    points: int = 0
    held: int = 0
    fallen: int = 0


@dataclass(frozen=True)
class Entry:
    """One award on a notice. ``name`` is full: mask it where it is shown. Ids are for staff pages only."""

    claim: Claim
    name: str
    is_team: bool
    title: str
    grid: str

    @property
    def place(self) -> int:
        return self.claim.notice_place or 0

    @property
    def points(self) -> int:
        return int((self.claim.outcome or {}).get("points", 0))

    @property
    def honour(self) -> int:
        return int((self.claim.outcome or {}).get("honour", 0))

    @property
    def minutes(self) -> int:
        return int((self.claim.outcome or {}).get("minutes", 0))

    @property
    def has_fallen(self) -> bool:
        return self.claim.state in (ClaimState.REJECTED, ClaimState.REVERSED)


# ---------------------------------------------------------------- lists


def notices_in_reach(who: Visitor, state: str = "all", text: str = "") -> Select[Any]:
    """The notices of this visitor's areas with the community's name, to be paged through by (opens_on, id)."""
    query = listed_notices(who.scheme_id).where(within(Notice.area_path, who.reach("notices.see")))
    if state == "open":
        query = query.where(Notice.closed_at.is_(None))
    elif state == "closed":
        query = query.where(Notice.closed_at.is_not(None))
    return called(query, text)


def called(query: Select[Any], text: str) -> Select[Any]:
    """Of ``listed_notices`` those of this number, or of a community whose name holds it."""
    if not (text := text.strip()[:40]):
        return query
    return query.where(or_(Notice.number == text, Area.name.like(holding(text), escape="\\")))


def holding(text: str) -> str:
    return f"%{beginning(text)}"


def beginning(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def listed_notices(scheme_id: int) -> Select[Any]:
    return (
        select(Notice, Area.name)
        .join(Area, (Area.scheme_id == Notice.scheme_id) & (Area.id == Notice.area_id))
        .where(Notice.scheme_id == scheme_id)
    )


def notice_for(who: Visitor, notice_id: int) -> tuple[Notice, str]:
    """A notice in this visitor's areas, and the community's name. Raises NotFound."""
    row = None
    if is_id(notice_id):
        row = db.session.execute(
            listed_notices(who.scheme_id)
            .where(Notice.id == notice_id)
            .where(within(Notice.area_path, who.reach("notices.see")))
        ).one_or_none()
    if row is None:
        raise NotFound()
    return row[0], row[1]


def notice_numbered(scheme_id: int, number: str) -> tuple[Notice, str]:
    """A notice by its number, and the community's name: for anybody. Raises NotFound."""
    row = None
    if is_number(number):
        row = db.session.execute(listed_notices(scheme_id).where(Notice.number == number)).one_or_none()
    if row is None:
        raise NotFound()
    return row[0], row[1]


def tallies(scheme_id: int, notice_ids: Collection[int], *, public: bool = False) -> dict[int, Tally]:
    """What stands on each of these lists. ``public``: without deductions, which are told to their person alone."""
    if not notice_ids:
        return {}
    standing = Claim.state.not_in((ClaimState.REJECTED, ClaimState.REVERSED))
    query = (
        select(
            Claim.notice_id,
            func.count(),
            func.sum(case((standing, POINTS), else_=0)),
            func.sum(case((Claim.state == ClaimState.HELD, 1), else_=0)),
            func.sum(case((standing, 0), else_=1)),
        )
        .where(Claim.scheme_id == scheme_id, Claim.notice_id.in_(notice_ids))
        .group_by(Claim.notice_id)
    )
    if public:
        query = query.where(is_public())
    return {
        notice_id: Tally(count, int(points or 0), int(held or 0), int(fallen or 0))
        for notice_id, count, points, held, fallen in db.session.execute(query)
    }


# ---------------------------------------------------------------- what stands on one


def is_public() -> ColumnElement[bool]:
    """Whether an award is shown to everybody: a deduction is told to the person it is about, and to nobody else."""
    return POINTS >= 0


def entries_of(scheme_id: int, notice_id: int, *, public: bool = False, text: str = "") -> Select[Any]:
    """What stands on a notice, to be paged through by place: rows for ``entries_from``."""
    query = (
        select(Claim, Person.name, Team.name.label("team"), EarningRule.title, EarningRule.body["subject"].as_string())
        .join(Person, (Person.scheme_id == Claim.scheme_id) & (Person.id == Claim.person_id))
        .join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
        .outerjoin(Team, (Team.scheme_id == Claim.scheme_id) & (Team.id == Claim.team_id))
        .where(Claim.scheme_id == scheme_id, Claim.notice_id == notice_id)
    )
    if public:
        query = query.where(is_public())
    if text := text.strip()[:40]:
        query = query.where(shown_as(text) if public else seen_as(text))
    return query


def seen_as(text: str) -> ColumnElement[bool]:
    """Staff search by how a name begins and by what was done."""
    return or_(Person.name.like(beginning(text), escape="\\"), EarningRule.title.like(holding(text), escape="\\"))


def shown_as(text: str) -> ColumnElement[bool]:
    """Anybody searches what the list shows: a place on it, what was done, a team, and of a name its first character.
    Whoever types a whole name finds everybody who stands there as 王○○, and learns no more than the list says."""
    is_team = and_(EarningRule.body["subject"].as_string() == "team", Team.name.is_not(None))
    told = [
        EarningRule.title.like(holding(text), escape="\\"),
        and_(is_team, Team.name.like(holding(text), escape="\\")),
        and_(not_(func.coalesce(is_team, False)), Person.name.like(beginning(text[0]), escape="\\")),
    ]
    if text.isascii() and text.isdigit() and len(text) < 7:
        told.append(Claim.notice_place == int(text))
    return or_(*told)


def entries_from(scheme_id: int, rows: Iterable[Any]) -> list[Entry]:
    """Rows of ``entries_of`` with the name of each one's grid; two questions in all."""
    rows = list(rows)
    names = grid_names(scheme_id, {row[0].area_path for row in rows})
    return [
        Entry(
            claim=claim,
            name=team if subject == "team" and team else person,
            is_team=bool(subject == "team" and team),
            title=title,
            grid=names.get(claim.area_path, ""),
        )
        for claim, person, team, title, subject in rows
    ]


def grid_names(scheme_id: int, paths: Collection[str]) -> dict[str, str]:
    """The grid in which each path lies: nothing smaller, which would be an address."""
    ids = {int(part) for path in paths for part in path.split("/") if part}
    if not ids:
        return {}
    grids = dict(
        db.session.execute(
            select(Area.id, Area.name).where(Area.scheme_id == scheme_id, Area.id.in_(ids), Area.kind == AreaKind.GRID)
        ).all()
    )
    found = {}
    for path in paths:
        there = [grids[int(part)] for part in path.split("/") if part and int(part) in grids]
        found[path] = there[-1] if there else ""
    return found


def public_entry(scheme_id: int, number: str, place: int) -> tuple[Entry, Notice, str]:
    """One award as everybody may see it, its notice and the community's name. Raises NotFound."""
    notice, area = notice_numbered(scheme_id, number)
    wanted = entries_of(scheme_id, notice.id, public=True).where(Claim.notice_place == place)
    found = entries_from(scheme_id, db.session.execute(wanted).all()) if 0 < place < 2**31 else []
    if not found:
        raise NotFound()
    return found[0], notice, area


def gaps_of(scheme_id: int, notice_id: int, *, public: bool = False) -> tuple[int, ...]:
    """The places whose award was taken back, in order."""
    g = NoticeGap
    query = select(g.place).where(g.scheme_id == scheme_id, g.notice_id == notice_id).order_by(g.place)
    return tuple(db.session.scalars(query.where(g.is_public) if public else query))


def fingerprint(number: str, lines: Iterable[tuple[int, str, str, str, date, int]]) -> str:
    """What a printed list and the one on the page have in common: SHA-256 over the number and (place, masked name,
    grid, title, day, points) of each award, as 64 hexadecimal digits."""
    hashed = hashlib.sha256(number.encode())
    for line in lines:
        hashed.update(("\n" + "\t".join(map(str, line))).encode())
    return hashed.hexdigest()


# ---------------------------------------------------------------- objections


@dataclass(frozen=True)
class Objected:
    """An objection with what it is about. Names are full: mask them where they are shown."""

    objection: Objection
    claim: Claim
    notice: Notice
    person: str
    household_id: int | None
    title: str
    decided_by: str | None


def objections_in_reach(who: Visitor, state: str = ObjectionState.OPEN, text: str = "") -> Select[Any]:
    """Objections in this visitor's areas, to be paged through by (made_at, id)."""
    decider = aliased(Person)
    query = (
        select(
            Objection, Claim, Notice, Person.name, Person.household_id, EarningRule.title, decider.name.label("by_name")
        )
        .join(Claim, (Claim.scheme_id == Objection.scheme_id) & (Claim.id == Objection.claim_id))
        .join(Notice, (Notice.scheme_id == Objection.scheme_id) & (Notice.id == Objection.notice_id))
        .join(Person, (Person.scheme_id == Claim.scheme_id) & (Person.id == Claim.person_id))
        .join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
        .outerjoin(decider, (decider.scheme_id == Objection.scheme_id) & (decider.id == Objection.decided_by))
        .where(Objection.scheme_id == who.scheme_id, within(Claim.area_path, who.reach("objections.see")))
    )
    if state != "all":
        query = query.where(Objection.state == state)
    if text := text.strip()[:40]:
        like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        digits = "".join(one for one in text if one.isdigit())
        query = query.where(
            or_(
                Objection.number == digits,
                Notice.number == text,
                Person.name.like(f"{like}%", escape="\\"),
                EarningRule.title.like(f"%{like}%", escape="\\"),
            )
        )
    return query


def open_objections(who: Visitor) -> int:
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Objection)
            .join(Claim, (Claim.scheme_id == Objection.scheme_id) & (Claim.id == Objection.claim_id))
            .where(Objection.scheme_id == who.scheme_id, Objection.state == ObjectionState.OPEN)
            .where(within(Claim.area_path, who.reach("objections.see")))
        )
        or 0
    )


def objection_numbered(scheme_id: int, number: str) -> tuple[Objection, Notice, int] | None:
    """What became of an objection, by its receipt number: with its notice and the place it is about."""
    row = db.session.execute(
        select(Objection, Notice, Claim.notice_place)
        .join(Notice, (Notice.scheme_id == Objection.scheme_id) & (Notice.id == Objection.notice_id))
        .join(Claim, (Claim.scheme_id == Objection.scheme_id) & (Claim.id == Objection.claim_id))
        .where(Objection.scheme_id == scheme_id, Objection.number == number)
    ).one_or_none()
    return (row[0], row[1], row[2] or 0) if row else None


# ---------------------------------------------------------------- what waits for its day


def waiting_in_reach(who: Visitor, state: str = ClaimState.STUCK, text: str = "") -> Select[Any]:
    """Granted awards that are not credited yet, to be paged through by (due_on, id)."""
    query = (
        select(Claim, Person.name, Person.household_id, EarningRule.title, Notice.number)
        .join(Person, (Person.scheme_id == Claim.scheme_id) & (Person.id == Claim.person_id))
        .join(EarningRule, (EarningRule.scheme_id == Claim.scheme_id) & (EarningRule.id == Claim.rule_id))
        .outerjoin(Notice, (Notice.scheme_id == Claim.scheme_id) & (Notice.id == Claim.notice_id))
        .where(and_(Claim.scheme_id == who.scheme_id, within(Claim.area_path, who.reach("due.see"))))
        .where(Claim.state == state, Claim.due_on.is_not(None))
    )
    if text := text.strip()[:40]:
        like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(
            or_(Person.name.like(f"{like}%", escape="\\"), EarningRule.title.like(f"%{like}%", escape="\\"))
        )
    return query


def counts(who: Visitor, action: str = "due.see") -> dict[str, int]:
    """How many awards wait in each state in this visitor's areas."""
    states = (ClaimState.STUCK, ClaimState.DUE, ClaimState.ON_NOTICE, ClaimState.HELD)
    rows = db.session.execute(
        select(Claim.state, func.count())
        .where(Claim.scheme_id == who.scheme_id, Claim.state.in_(states))
        .where(within(Claim.area_path, who.reach(action)))
        .group_by(Claim.state)
    )
    return dict.fromkeys(states, 0) | dict(rows.all())
