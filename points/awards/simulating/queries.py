"""Questions about simulations: the list, who gains and loses, which claims would have earned something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Select, select

from ...db import db
from ...errors import NotFound
from ...people.models import Area, Person
from ...people.queries import matching
from ...people.visitor import Visitor
from ...rulebook.document import Document, document_from
from ...rulebook.models import RulebookDraft, RulebookVersion
from ...rulebook.queries import version_by_id
from ...web.paging import id_from
from ..models import Claim
from .models import SimulatedClaim, SimulatedPerson, Simulation
from .rules import Tally, Worth

SHOWN = ("all", "gain", "lose", "same")
ORDERS = {"change": SimulatedPerson.change, "before": SimulatedPerson.before, "after": SimulatedPerson.after}


@dataclass(frozen=True)
class Group:
    """One bar of a chart and one row of its table."""

    code: str
    title: str
    tally: Tally


@dataclass(frozen=True)
class Result:
    """What a simulation found, as the page shows it. Points in minor units, money in cents, days in tenths."""

    all: Tally
    people: int
    gaining: int
    losing: int
    categories: list[Group]
    rules: list[Group]
    reasons: dict[str, int]
    worth: Worth
    shelf_points: int
    spent: int
    days: int
    present: int | None
    then: int | None
    same: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "same", self.people - self.gaining - self.losing)

    @property
    def cost_before(self) -> int | None:
        return self.worth.cost(self.all.before)

    @property
    def cost_after(self) -> int | None:
        return self.worth.cost(self.all.after)


def result_of(one: Simulation) -> Result | None:
    """None until it is done."""
    body = one.result
    if body is None:
        return None
    titles = body["titles"]

    def groups(name: str) -> list[Group]:
        found = [Group(code, titles[name].get(code, code), Tally.from_list(t)) for code, t in body[name].items()]
        return sorted(found, key=lambda group: (-max(group.tally.before, group.tally.after), group.code))

    shelf_points, spent, days, present, then = body["shelf"]
    return Result(
        Tally.from_list(body["all"]),
        body["people"],
        body["gaining"],
        body["losing"],
        groups("categories"),
        groups("rules"),
        dict(sorted(body["reasons"].items(), key=lambda item: (-item[1], item[0]))),
        Worth(*body["worth"]),
        shelf_points,
        spent,
        days,
        present,
        then,
    )


def simulations_of(scheme_id: int) -> Select[Any]:
    """The latest first; page it by (asked_at, id)."""
    return select(Simulation).where(Simulation.scheme_id == scheme_id)


@dataclass(frozen=True)
class Wanted:
    """What the list of people is narrowed to, and how it is sorted."""

    show: str = "all"
    order: str = "change"
    descending: bool = True
    text: str = ""


def people_of(scheme_id: int, simulation_id: int, wanted: Wanted) -> Select[Any]:
    """(SimulatedPerson, Person, Area name) that fit; page it by the order's column and person_id."""
    query = (
        select(SimulatedPerson, Person, Area.name)
        .join(Person, (Person.scheme_id == SimulatedPerson.scheme_id) & (Person.id == SimulatedPerson.person_id))
        .join(Area, (Area.scheme_id == Person.scheme_id) & (Area.id == Person.area_id))
        .where(SimulatedPerson.scheme_id == scheme_id, SimulatedPerson.simulation_id == simulation_id)
    )
    if wanted.show == "gain":
        query = query.where(SimulatedPerson.change > 0)
    elif wanted.show == "lose":
        query = query.where(SimulatedPerson.change < 0)
    elif wanted.show == "same":
        query = query.where(SimulatedPerson.change == 0)
    if (match := matching(wanted.text[:40])) is not None:
        query = query.where(match)
    return query


def claims_of(scheme_id: int, simulation_id: int, *, reason: str = "", person_id: int | None = None) -> Select[Any]:
    """(SimulatedClaim, Claim, Person) whose points differ; ``reason``: only those refused for it, "refused": all that
    are. Page it by claim_id."""
    query = (
        select(SimulatedClaim, Claim, Person)
        .join(Claim, (Claim.scheme_id == SimulatedClaim.scheme_id) & (Claim.id == SimulatedClaim.claim_id))
        .join(Person, (Person.scheme_id == SimulatedClaim.scheme_id) & (Person.id == SimulatedClaim.person_id))
        .where(SimulatedClaim.scheme_id == scheme_id, SimulatedClaim.simulation_id == simulation_id)
    )
    if reason == "refused":
        query = query.where(SimulatedClaim.reason != "")
    elif reason:
        query = query.where(SimulatedClaim.reason == reason)
    if person_id is not None:
        query = query.where(SimulatedClaim.person_id == person_id)
    return query


# ---------------------------------------------------------------- what can be tried


@dataclass(frozen=True)
class Candidate:
    """A document that can be tried: ``name`` as "draft:12" or "version:12"."""

    name: str
    title: str
    label: str
    on: date | None


def candidates(scheme_id: int) -> Sequence[Candidate]:
    """Open drafts, the last edited first, then versions, the newest first."""
    drafts = db.session.scalars(
        select(RulebookDraft)
        .where(RulebookDraft.scheme_id == scheme_id)
        .where(RulebookDraft.dropped_at.is_(None), RulebookDraft.published_id.is_(None))
        .order_by(RulebookDraft.edited_at.desc(), RulebookDraft.id.desc())
        .limit(50)
    )
    published = db.session.execute(
        select(RulebookVersion.id, RulebookVersion.title, RulebookVersion.label, RulebookVersion.effective_on)
        .where(RulebookVersion.scheme_id == scheme_id)
        .order_by(RulebookVersion.effective_on.desc(), RulebookVersion.id.desc())
        .limit(50)
    )
    return [
        *(Candidate(f"draft:{one.id}", one.title, str(one.body.get("label", "")), None) for one in drafts),
        *(Candidate(f"version:{row.id}", row.title, row.label, row.effective_on) for row in published),
    ]


def document_named(who: Visitor, name: str) -> Document:
    """The document of a draft or a version of the scheme. Raises NotFound, BadDocument (a draft with problems)."""
    kind, _, text = name.partition(":")
    number = id_from(text)
    if number is None:
        raise NotFound()
    if kind == "version":
        return document_from(version_by_id(who.scheme_id, number).body, who.points_scale)
    draft = db.session.get(RulebookDraft, (who.scheme_id, number)) if kind == "draft" else None
    if draft is None:
        raise NotFound()
    return document_from(draft.body, who.points_scale)
