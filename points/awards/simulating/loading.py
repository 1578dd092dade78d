"""The claims of a range as the simulator takes them: in the order in which they were decided, thousands at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from ...db import db, table_of
from ...ledger.history import moved
from ...ledger.models import AccountClass
from ...ledger.queries import shelf_of as on_shelf
from ...ledger.queries import units_of
from ...people.actions import POINTS
from ...people.models import Person
from ...rulebook.document import Document
from ...rulebook.models import EarningRule
from ...rulebook.queries import KnownRule
from ...rulebook.rules import CapKey, Facts, rule_from
from ...shop.models import Item, Price, Shop
from ..deeds import Deed, deeds_of
from ..facts import Case, Gathered
from ..models import Claim
from ..usage import Row
from .ranges import Range
from .rules import Past, Sold, Worth, worth_of

# The documents that come with a claim are most of its bytes: of the outcome two values are wanted, of the others none.
HEAVY = {"forecast", "outcome", "path", "flags"}
READ = (
    *(column for column in table_of(Claim).c if column.name not in HEAVY),
    Claim.outcome["result"].as_string().label("result"),
    Claim.outcome["points"].as_integer().label("granted"),
)


class Loader:
    """Turns ids into claims of the past. What is asked of people and rules again and again is read once."""

    def __init__(self, scheme_id: int, document: Document) -> None:
        self.scheme_id = scheme_id
        self.known = known_rules(document)
        self.old: dict[int, EarningRule] = {}
        self.people: dict[int, Person] = {}

    def pasts(self, ids: Sequence[int]) -> list[Past]:
        """These claims, in the order of the ids."""
        query = select(*READ).where(Claim.scheme_id == self.scheme_id, Claim.id.in_(ids))
        claims: dict[int, Any] = {claim.id: claim for claim in db.session.execute(query)}
        self.learn({claim.rule_id for claim in claims.values()}, {claim.person_id for claim in claims.values()})
        deeds = deeds_of(claims.values())  # rows tell a deed as claims do
        cases = {}
        for claim in claims.values():
            if known := self.known.get(self.old[claim.rule_id].code):
                deed = deeds[claim.id]
                if claim.result:
                    deed = replace(deed, outcome=claim.result)
                cases[claim.id] = Case(known, deed, self.people[claim.person_id])
        gathered = Gathered(self.scheme_id, list(cases.values()))
        gathered.bars = {}  # whoever is barred today was not then: the claim was granted
        return [self.past(claims[one], cases.get(one), deeds[one], gathered) for one in ids if one in claims]

    def past(self, claim: Any, case: Case | None, deed: Deed, gathered: Gathered) -> Past:
        rule = self.old[claim.rule_id]
        before = claim.points if claim.points is not None else claim.granted or 0
        decided = claim.decided_points if claim.decided_points is not None else before
        at = claim.decided_at or claim.made_at
        rows: dict[CapKey, Row] = {}
        if case is None:
            facts, holder = Facts(deed.quantity, deed.source, deed.done_on), claim.person_id
        else:
            facts, holder = gathered.facts(case), case.holder_id
            subjects = gathered.subjects(case)
            rows = {key: subjects.row(key) for key in case.keys}
        return Past(claim.id, claim.person_id, rule.code, rule.category, before, facts, rows, at, decided, holder)

    def learn(self, rule_ids: Collection[int], person_ids: Collection[int]) -> None:
        if fresh := set(rule_ids) - set(self.old):
            rows = db.session.scalars(
                select(EarningRule).where(EarningRule.scheme_id == self.scheme_id, EarningRule.id.in_(fresh))
            )
            for row in rows:
                db.session.expunge(row)
                self.old[row.id] = row
        if strangers := set(person_ids) - set(self.people):
            for person in db.session.scalars(
                select(Person).where(Person.scheme_id == self.scheme_id, Person.id.in_(strangers))
            ):
                db.session.expunge(person)  # else each commit would forget it, and each claim ask for it again
                self.people[person.id] = person

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
