"""What a list of claims is narrowed to: read from an address, written back into it, turned into conditions.

Everything that the words of a filter mean (a rule's title, a kind, a name) is looked up first, in small tables; what
then runs over the claims compares columns of the claim alone, in the order of an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, false, or_, select, true
from sqlalchemy import text as sql

from ..db import db, is_id
from ..people.models import Area, Person
from ..people.visitor import Visitor, within
from ..rulebook.models import EarningRule
from .models import Claim, ClaimState, Review, Source, Step
from .oddities import CODES
from .queries import KINDS

ALL, MINE = "all", "mine"
AGES = (1, 3, 7, 30)  # days
MOST_NAMED = 200  # people a search may mean
MOST_AMOUNT = 1_000_000_000
MARKS = ("appeal", "objection")
MOST_STAGES = 6  # of a path: more are everybody's to see, and refused to those whose they are not


@dataclass(frozen=True)
class QueueFilter:
    """``state``: a state, "mine" (waits, and this visitor may decide it now) or "all". ``stage`` counts from 1. ``age``
    in days. ``least`` and ``most`` in minor units of points. ``flag``: a code of ``oddities``, "any" or "none".
    ``area`` and ``team`` by id. Empty (0, None, "") is no condition."""

    state: str = MINE
    stage: int = 0
    kind: str = ""
    category: str = ""
    rule: str = ""
    source: str = ""
    area: int = 0
    team: int = 0
    least: int | None = None
    most: int | None = None
    flag: str = ""
    age: int = 0
    mark: str = ""
    text: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it lists what waits: the oldest first."""
        return self.state in (MINE, ClaimState.WAITING)

    @property
    def narrows(self) -> int:
        """How many conditions there are beside the state and the search."""
        return sum(
            1 for name, value in asdict(self).items() if name not in ("state", "text") and value not in ("", 0, None)
        )

    def args(self, scale: int = 0, **changes: Any) -> dict[str, Any]:
        """As it stands in an address; what says nothing is left out, and names that were searched are never in it."""
        wanted = asdict(replace(self, **changes))
        wanted.pop("text")
        for name in ("least", "most"):
            wanted[name] = whole(wanted[name], scale)
        return {name: value for name, value in wanted.items() if value not in ("", 0, None, DEFAULT.get(name))}


DEFAULT = {"state": MINE}


def whole(minor: int | None, scale: int) -> str:
    """Minor units as people type them: 865 of scale 1 is "86.5"."""
    if minor is None:
        return ""
    text = f"{minor / 10**scale:.{scale}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def filter_from(args: Mapping[str, str], scale: int, text: str = "") -> QueueFilter:
    """The filter of an address. What it does not know is as if it were not there."""
    state, kind, source, flag, mark = (args.get(name, "") for name in ("state", "kind", "source", "flag", "mark"))
    return QueueFilter(
        state=state if state in (ALL, MINE) or state in list(ClaimState) else MINE,
        stage=number(args.get("stage", ""), 20),
        kind=kind if kind in KINDS else "",
        category=args.get("category", "")[:40],
        rule=args.get("rule", "")[:40],
        source=source if source in list(Source) else "",
        area=number(args.get("area", "")),
        team=number(args.get("team", "")),
        least=amount(args.get("least", ""), scale),
        most=amount(args.get("most", ""), scale),
        flag=flag if flag in (*CODES, "any", "none") else "",
        age=number(args.get("age", ""), 366),
        mark=mark if mark in MARKS else "",
        text=text.strip()[:40],
    )


def number(text: str, most: int | None = None) -> int:
    """A whole number above nothing, else 0; ids when no bound is named."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return 0
    value = int(text)
    return value if (value <= most if most is not None else is_id(value)) else 0


def amount(text: str, scale: int) -> int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return round(value * 10**scale) if 0 <= value <= MOST_AMOUNT else None


# ---------------------------------------------------------------- conditions


def conditions(who: Visitor, wanted: QueueFilter, at: datetime) -> list[ColumnElement[bool]]:
    """What a claim must be, beside lying in the visitor's reach."""
    found: list[ColumnElement[bool]] = []
    if wanted.state != ALL:
        found.append(Claim.state == (ClaimState.WAITING if wanted.state == MINE else wanted.state))
    if wanted.state == MINE:
        found.append(for_roles(who))
    if wanted.stage:
        found.append(Claim.stage == wanted.stage - 1)
    if wanted.kind or wanted.category or wanted.rule:
        found.append(one_of(Claim.rule_id, rule_ids(who.scheme_id, wanted)))
    if wanted.source:
        found.append(Claim.source == wanted.source)
    if wanted.area:
        path = db.session.scalar(select(Area.path).where(Area.scheme_id == who.scheme_id, Area.id == wanted.area))
        found.append(within(Claim.area_path, (path,)) if path else false())
    if wanted.team:
        found.append(Claim.team_id == wanted.team)
    if wanted.least is not None:
        found.append(looked_at(expected() >= wanted.least))
    if wanted.most is not None:
        found.append(looked_at(expected() <= wanted.most))
    if wanted.flag:
        found.append(flagged(wanted.flag))
    if wanted.age:
        found.append(Claim.made_at < at - timedelta(days=wanted.age))
    if wanted.mark == "appeal":
        found.append(Claim.has_appeal.is_(True))
    elif wanted.mark == "objection":
        found.append(Claim.state == ClaimState.HELD)
    if wanted.text:
        found.append(searched(who.scheme_id, wanted.text))
    return found


def looked_at(condition: Any) -> ColumnElement[bool]:
    """A condition on what is inside a claim, hidden from the planner: it would take it for rarer than it is, and sort
    everything that waits instead of reading it in the order of the index until the page is full."""
    return case((condition, true()), else_=false())


def for_roles(who: Visitor) -> ColumnElement[bool]:
    """Whether the stage that a claim waits at is this visitor's to decide by their roles, and they have no voice in
    this round already. Claims without a path have one stage, of staff or an officer."""
    roles = sorted(role.value for role in who.roles)
    stages = [Claim.stage >= MOST_STAGES]
    for stage in range(MOST_STAGES):
        by = Claim.path[(stage, "by")].as_string()
        mine = or_(by.is_(None), by == "[]", *(by.like(f'%"{role}"%') for role in roles))
        stages.append(and_(Claim.stage == stage, mine))
    return looked_at(and_(or_(*stages), ~spoken_about(who.person_id)))


def spoken_about(person_id: int) -> ColumnElement[bool]:
    """Whether somebody has a voice in the claim's present round already."""
    return (
        select(Review.id)
        .where(Review.scheme_id == Claim.scheme_id, Review.claim_id == Claim.id, Review.by_id == person_id)
        .where(Review.round == Claim.round, Review.step.in_((Step.AGREED, Step.AGAINST)))
        .exists()
    )


def one_of(column: Any, ids: list[int]) -> ColumnElement[bool]:
    return column.in_(ids) if ids else false()


def expected() -> ColumnElement[int]:
    """What the claim was worth when it was sent, minor units."""
    return Claim.forecast["points"].as_integer()


def flagged(code: str) -> ColumnElement[bool]:
    """Whether something about the claim was found odd when it was sent."""
    if code == "none":
        return looked_at(sql("CAST(claims.flags AS VARCHAR) = '[]'"))
    anything = sql("CAST(claims.flags AS VARCHAR) <> '[]'")  # word for word what the index is narrowed to
    return anything if code == "any" else and_(anything, looked_at(cast(Claim.flags, String).like(f'%"{code}"%')))


def rule_ids(scheme_id: int, wanted: QueueFilter) -> list[int]:
    """The rules, of every version, that a kind, a category and a code mean."""
    query = select(EarningRule.id).where(EarningRule.scheme_id == scheme_id)
    if wanted.kind:
        query = query.where(EarningRule.kind == wanted.kind)
    if wanted.category:
        query = query.where(EarningRule.category == wanted.category)
    if wanted.rule:
        query = query.where(EarningRule.code == wanted.rule)
    return list(db.session.scalars(query))


def searched(scheme_id: int, text: str) -> ColumnElement[bool]:
    """Somebody whose name begins so or whose number it is, or a rule whose title holds it."""
    like = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    people = list(
        db.session.scalars(
            select(Person.id)
            .where(Person.scheme_id == scheme_id)
            .where(or_(Person.name.like(like + "%", escape="\\"), Person.number == text))
            .limit(MOST_NAMED)
        )
    )
    rules = list(
        db.session.scalars(
            select(EarningRule.id).where(
                EarningRule.scheme_id == scheme_id, EarningRule.title.like(f"%{like}%", escape="\\")
            )
        )
    )
    if not rules:
        return one_of(Claim.person_id, people)
    return or_(Claim.rule_id.in_(rules), Claim.person_id.in_(people)) if people else Claim.rule_id.in_(rules)


def shown_by(wanted: QueueFilter) -> list[str]:
    """The names of the conditions that are set, for the page to say them."""
    return [one.name for one in fields(wanted) if wanted.args().get(one.name) and one.name != "state"]
