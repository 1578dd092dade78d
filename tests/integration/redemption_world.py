"""A love supermarket with a till, goods on the shelf and residents with points, for the tests of redemption."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

from flask.testing import FlaskClient

from points import clock, ledger
from points.db import db, in_own_transaction, new_id, transaction
from points.ledger import AccountClass, Draft, HolderKind, Leg, UnitKind
from points.ledger.queries import balance_of, stock_of, units_of
from points.people.models import Person, Role
from points.people.visitor import Visitor, token_hash, visitor_by
from points.redemption.actions import claim_code, draw_code, redeem
from points.redemption.models import Receipt, Serving, Till
from points.redemption.rules import Wanted
from points.shop.models import Item, Limit, Price, Shop
from tests.factories import World

Holding = tuple[int, AccountClass]


class RedemptionWorld:
    """``world`` with a shop: 大米 30 points, 香皂 6, 洗衣液 30; ten of each. ``clerk`` serves at ``till``."""

    def __init__(self, world: World) -> None:
        self.world, self.scheme_id = world, world.scheme_id
        self.points = units_of(world.scheme_id)["POINTS"]
        with transaction():
            ledger.open_holder(world.scheme_id, shop_id := new_id(), HolderKind.SHOP)
            self.shop: Shop = self.add(
                Shop(scheme_id=world.scheme_id, id=shop_id, name="和苑爱心超市", area_id=world.community.id, opening=[])
            )
            self.till = self.another_till()
        self.clerk_person = world.staff(Role.CLERK, name="李小梅")
        self.clerk = world.visitor(self.clerk_person)
        self.rice = self.item("大米", 30, size="5公斤", measure="袋")
        self.soap = self.item("香皂", 6, measure="块")
        self.wash = self.item("洗衣液", 30, measure="瓶")

    def add(self, row: Any) -> Any:
        """Add a row and let go of it: plain data afterwards, safe to use in any thread and after a rollback."""
        self.world.add(row)
        db.session.refresh(row)
        db.session.expunge(row)
        return row

    def another_till(self) -> Till:
        count = db.session.query(Till).filter_by(scheme_id=self.scheme_id).count() + 1
        return self.add(Till(scheme_id=self.scheme_id, id=new_id(), shop_id=self.shop.id, name=f"{count} 号台"))

    def item(self, name: str, points: int | None, pieces: int = 10, **more: Any) -> Item:
        with transaction():
            unit = ledger.open_unit(self.scheme_id, f"G{new_id()}", UnitKind.GOODS)
            made = self.add(Item(scheme_id=self.scheme_id, id=unit, name=name, made_at=clock.now(), **more))
            if points is not None:
                self.price(made, points)
        if pieces:
            supply, shelf = (self.scheme_id, AccountClass.SUPPLY), (self.shop.id, AccountClass.SHELF)
            self.move("donation", supply, shelf, unit, pieces)
        return made

    def price(self, item: Item, points: int) -> None:
        self.world.add(
            Price(
                scheme_id=self.scheme_id,
                shop_id=self.shop.id,
                item_id=item.id,
                points=points,
                set_by=self.scheme_id,
                set_at=clock.now(),
            )
        )

    def limit(self, item: Item | None, quantity: int, period: str = "month") -> None:
        with transaction():
            self.world.add(
                Limit(
                    scheme_id=self.scheme_id,
                    id=new_id(),
                    shop_id=None,
                    item_id=item.id if item else None,
                    period=period,
                    quantity=quantity,
                )
            )

    def move(self, kind: str, giver: Holding, taker: Holding, unit: int, amount: int, mark: str | None = None) -> None:
        at = clock.now()
        draft = Draft(
            kind=kind,
            key=str(uuid.uuid4()),
            actor_id=0,
            request_hash="0" * 64,
            source_kind="test",
            source_id=None,
            occurred_at=at,
            legs=(Leg(giver[0], unit, giver[1], -amount), Leg(taker[0], unit, taker[1], amount, mark)),
        )
        in_own_transaction(lambda: ledger.post(self.scheme_id, [draft], at=at))

    def give(self, person: Person, points: int, mark: str | None = None) -> None:
        opening, wallet = (self.scheme_id, AccountClass.OPENING), (person.id, AccountClass.WALLET)
        self.move("opening", opening, wallet, self.points, points, mark)

    def resident(self, points: int = 100, **more: Any) -> Person:
        made = self.world.person(**more)
        db.session.refresh(made)
        db.session.expunge(made)
        if points:
            self.give(made, points)
        return made

    # what people do

    def phone(self, person: Person) -> Visitor:
        """The person signed in with one more browser."""
        found = visitor_by(token_hash(self.world.token(person, kind="browser")), "browser")
        assert found is not None
        db.session.rollback()
        return found

    def code(self, who: Person | Visitor, at: datetime | None = None) -> Any:
        visitor = who if isinstance(who, Visitor) else self.phone(who)
        return in_own_transaction(lambda: draw_code(visitor, at or clock.now()))

    def claim(
        self, text: str, till: Till | None = None, clerk: Visitor | None = None, at: datetime | None = None
    ) -> Serving:
        return in_own_transaction(
            lambda: claim_code(text, (till or self.till).id, clerk or self.clerk, at or clock.now())
        )

    def redeem(
        self,
        serving: Serving,
        *lines: tuple[Item, int],
        key: uuid.UUID | None = None,
        at: datetime | None = None,
        clerk: Visitor | None = None,
        expected_points: int | None = None,
    ) -> Receipt:
        key, wanted = key or uuid.uuid4(), [Wanted(item.id, quantity) for item, quantity in lines]
        return in_own_transaction(
            lambda: redeem(
                serving.id,
                wanted,
                key=key,
                clerk=clerk or self.clerk,
                at=at or clock.now(),
                expected_points=expected_points,
            )
        )

    def bought(self, person: Person, *lines: tuple[Item, int], **more: Any) -> Receipt:
        """A whole visit: code, claim, redemption."""
        return self.redeem(self.claim(self.code(person).digits), *lines, **more)

    # what the books say

    def balance(self, person: Person) -> int:
        db.session.rollback()
        return balance_of(self.scheme_id, person.id, self.points)

    def shelf(self, item: Item) -> int:
        db.session.rollback()
        return stock_of(self.scheme_id, self.shop.id, [item.id])[item.id]

    def takings(self) -> int:
        db.session.rollback()
        return balance_of(self.scheme_id, self.shop.id, self.points, AccountClass.TAKINGS)

    def untouched(self, person: Person, points: int = 100) -> bool:
        """Whether nothing was redeemed: the person's points are all there, and so are the goods."""
        return (
            self.balance(person) == points
            and self.takings() == 0
            and [self.shelf(item) for item in (self.rice, self.soap, self.wash)] == [10, 10, 10]
            and db.session.query(Receipt).filter_by(scheme_id=self.scheme_id).count() == 0
        )

    def given_out(self, item: Item) -> int:
        db.session.rollback()
        return balance_of(self.scheme_id, self.shop.id, item.id, AccountClass.GIVEN_OUT)


def script_headers(client: FlaskClient, page: str = "/code") -> dict[str, str]:
    """The headers of a page's script: its token, and that it wants JSON."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(page).get_data(as_text=True))
    assert found, "the page carries no token"
    return {"X-CSRFToken": found[1], "Accept": "application/json"}
