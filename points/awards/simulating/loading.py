"""The claims of a range as the simulator takes them: in the order in which they were decided, some hundreds at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import defer

from ... import clock
from ...db import db
from ...ledger.history import moved
from ...ledger.models import AccountClass
from ...ledger.queries import shelf_of as on_shelf
from ...ledger.queries import units_of
from ...people.actions import POINTS
from ...people.models import Person
from ...rulebook.document import Document
from ...rulebook.models import EarningRule
from ...rulebook.queries import KnownRule
from ...rulebook.rules import Facts, rule_from
from ...shop.models import Item, Price, Shop
from ..deeds import Deed, deeds_of
from ..facts import Case, Gathered
from ..models import Claim, ClaimState, Source
from ..usage import Subjects
from .rules import Past, Sold, Worth, worth_of

CHUNK = 500
GRANTED = (ClaimState.APPROVED, ClaimState.ON_NOTICE, ClaimState.HELD, ClaimState.DUE, ClaimState.STUCK)


@dataclass(frozen=True)
class Range:
    """Claims filed on these days, both included, in the scheme's zone."""

    from_on: date
    to_on: date
    zone: str

    @property
    def start(self) -> datetime:
        return clock.day_start(self.from_on, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return clock.day_start(self.to_on + clock.ONE_DAY, self.zone)

    @property
    def days(self) -> int:
        return (self.to_on - self.from_on).days + 1


def in_range(scheme_id: int, span: Range) -> tuple[Any, ...]:
    """Claims that were granted, and not by the system on its own. By index: state and when it was filed."""
    return (
        *(Claim.scheme_id == scheme_id, Claim.state.in_(GRANTED)),
        *(Claim.made_at >= span.start, Claim.made_at < span.end, Claim.source != Source.SYSTEM),
    )


def count_of(scheme_id: int, span: Range) -> int:
    return db.session.scalar(select(func.count()).select_from(Claim).where(*in_range(scheme_id, span))) or 0


def claim_ids(scheme_id: int, span: Range) -> list[int]:
    """In the order in which they were decided: ids only, so that a hundred thousand are a few megabytes."""
    found = db.session.execute(select(Claim.id, Claim.decided_at, Claim.made_at).where(*in_range(scheme_id, span)))
    return [row[0] for row in sorted(found, key=lambda row: (row.decided_at or row.made_at, row.id))]


class Loader:
    """Turns ids into claims of the past; remembers which rule was which."""

    def __init__(self, scheme_id: int, document: Document, zone: str) -> None:
        self.scheme_id, self.zone = scheme_id, zone
        self.known = known_rules(document)
        self.old: dict[int, EarningRule] = {}

    def pasts(self, ids: Sequence[int]) -> list[Past]:
        """These claims, in the order of the ids."""
        query = select(Claim).where(Claim.scheme_id == self.scheme_id, Claim.id.in_(ids)).options(defer(Claim.forecast))
        claims = {claim.id: claim for claim in db.session.scalars(query)}
        self.learn({claim.rule_id for claim in claims.values()})
        wanted = {claim.person_id for claim in claims.values()}
        people = {
            person.id: person
            for person in db.session.scalars(
                select(Person).where(Person.scheme_id == self.scheme_id, Person.id.in_(wanted))
            )
        }
        deeds = deeds_of(claims.values())
        cases = {}
        for claim in claims.values():
            if known := self.known.get(self.old[claim.rule_id].code):
                deed = replace(deeds[claim.id], outcome=str((claim.outcome or {}).get("result", "")))
                cases[claim.id] = Case(known, deed, people[claim.person_id])
        gathered = Gathered(self.scheme_id, list(cases.values()))
        found = [self.past(claims[one], cases.get(one), deeds[one], people, gathered) for one in ids if one in claims]
        for claim in claims.values():  # read once, and never again: they would fill the memory
            db.session.expunge(claim)
        return found

    def past(
        self, claim: Claim, case: Case | None, deed: Deed, people: Mapping[int, Person], gathered: Gathered
    ) -> Past:
        rule = self.old[claim.rule_id]
        outcome = claim.outcome or {}
        before = claim.points if claim.points is not None else int(outcome.get("points", 0))
        if case is None:
            facts, subjects = Facts(deed.quantity, deed.source, deed.done_on), Subjects(claim.person_id)
        else:  # whoever is barred today was not then: the claim was granted
            facts, subjects = replace(gathered.facts(case), barred_until=None), gathered.subjects(case)
        decided = claim.decided_points if claim.decided_points is not None else before
        return Past(claim.id, claim.person_id, rule.code, rule.category, before, facts, subjects, decided)

    def learn(self, rule_ids: Collection[int]) -> None:
        if fresh := set(rule_ids) - set(self.old):
            rows = db.session.scalars(
                select(EarningRule).where(EarningRule.scheme_id == self.scheme_id, EarningRule.id.in_(fresh))
            )
            self.old |= {row.id: row for row in rows}

    def titles(self, codes: Collection[str]) -> dict[str, str]:
        """What rules are called: as in the document, else as they were called then."""
        then = {row.code: row.title for row in self.old.values()}
        return {code: self.known[code].title if code in self.known else then.get(code, code) for code in codes}


def known_rules(document: Document) -> dict[str, KnownRule]:
    """The rules of a document that is in no version: by code."""
    return {
        rule["code"]: KnownRule(0, 0, document.label, document.title, document.effective_on, place, rule_from(rule))
        for place, rule in enumerate(document.rules, 1)
    }


def chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


# ---------------------------------------------------------------- goods


def goods_of(scheme_id: int, span: Range) -> tuple[Worth, int, int]:
    """What points bought in the range, the points that the shelves are priced at, and the points spent in it."""
    shops = list(db.session.scalars(select(Shop.id).where(Shop.scheme_id == scheme_id)))
    prices = {
        (shop_id, item_id): (points, cents)
        for shop_id, item_id, points, cents in db.session.execute(
            select(Price.shop_id, Price.item_id, Price.points, Item.market_price_cents)
            .join(Item, (Item.scheme_id == Price.scheme_id) & (Item.id == Price.item_id))
            .where(Price.scheme_id == scheme_id)
        )
    }
    given_out = moved(scheme_id, shops, AccountClass.GIVEN_OUT, span.start, span.end)
    sold = [Sold(pieces, *prices[place]) for place, pieces in given_out.items() if place in prices]
    standing = [
        Sold(pieces, *prices[shop_id, item_id])
        for shop_id in shops
        for item_id, pieces in on_shelf(scheme_id, shop_id).items()
        if (shop_id, item_id) in prices and pieces > 0
    ]
    points = units_of(scheme_id)[POINTS]
    takings = moved(scheme_id, shops, AccountClass.TAKINGS, span.start, span.end)
    spent = sum(amount for (_, unit_id), amount in takings.items() if unit_id == points)
    return worth_of(sold, standing), sum(one.pieces * one.points for one in standing), max(0, spent)
