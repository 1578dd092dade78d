"""A love supermarket as the pictures show it: ten kinds of goods with bar codes, a clerk, residents with points."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from points import clock, ledger
from points.db import db, in_own_transaction
from points.ledger import AccountClass, Draft, Leg
from points.ledger.queries import balance_of, stock_of, units_of
from points.people.models import Household, Person, Role
from points.people.visitor import token_hash, visitor_by
from points.redemption.actions import draw_code, open_till
from points.redemption.cards import print_cards
from points.redemption.drawing import Drawn
from points.redemption.models import Receipt, Return, Till
from points.shop.actions import create_item, create_shop, set_limit, set_price
from points.shop.models import Item, Shop
from points.shop.stock import receive_stock
from tests.factories import World

# name, size, measure, points, picture, pieces, bar code
GOODS = (
    ("大米", "5公斤", "袋", 40, "rice", 20, "6901000000014"),
    ("香皂", "", "块", 6, "soap", 40, "6901000000021"),
    ("洗衣液", "2公斤", "瓶", 20, "wash", 12, "6901000000038"),
    ("牙膏", "", "支", 6, "paste", 30, "6901000000045"),
    ("抽纸", "", "包", 6, "tissue", 30, "6901000000052"),
    ("食用油", "1.8升", "瓶", 30, "oil", 2, "6901000000069"),
    ("理发一次", "", "次", 10, "hair", 50, None),
    ("书包", "", "个", 105, "bag", 3, "6901000000076"),
    ("被套", "", "条", 30, "bedding", 5, "6901000000083"),
)


class TillWorld:
    """``shop`` with ``till`` and ``clerk``; goods by name: ``till.goods["大米"]``. Points are given in whole ones."""

    def __init__(self, world: World) -> None:
        self.world, self.scheme_id = world, world.scheme_id
        self.unit = 10**world.scheme.points_scale
        self.points = units_of(world.scheme_id)["POINTS"]
        self.staff = world.staff(Role.STAFF, name="陈建国")
        self.clerk = world.staff(Role.CLERK, name="赵小梅")
        self.goods: dict[str, Item] = {}
        staff, at = world.visitor(self.staff), clock.now()

        def furnish() -> None:
            self.shop: Shop = create_shop(
                staff, name="和苑爱心超市", place="服务站一楼", area_id=world.community.id, opening=[], at=at
            )
            for name, size, measure, points, picture, pieces, barcode in GOODS:
                looks = {"size": size, "measure": measure, "picture": picture, "barcode": barcode}
                item = self.goods[name] = create_item(staff, name=name, **looks, at=at)
                set_price(staff, self.shop.id, item.id, points * self.unit, at=at)
                came = {"quantity": pieces, "kind": "donation", "partner": "街道慈善会"}
                receive_stock(staff, shop_id=self.shop.id, item_id=item.id, **came, key=uuid4(), at=at)

        in_own_transaction(furnish)
        self.till = self.another_till()

    def another_till(self) -> Till:
        clerk = self.world.visitor(self.clerk)
        return in_own_transaction(lambda: open_till(self.shop.id, clerk, clock.now()))

    def limit(self, name: str, quantity: int, period: str = "month") -> None:
        staff, item = self.world.visitor(self.staff), self.goods[name].id
        facts: dict[str, Any] = {"item_id": item, "period": period, "quantity": quantity, "at": clock.now()}
        in_own_transaction(lambda: set_limit(staff, shop_id=self.shop.id, **facts))

    def resident(self, points: float = 100, name: str = "王秀兰", household: Household | None = None) -> Person:
        person = self.world.person(name, household=household)
        self.give(person, points)
        return person

    def give(self, person: Person, points: float) -> None:
        self.move("opening", AccountClass.OPENING, person.id, AccountClass.WALLET, self.points, int(points * self.unit))

    def empty_shelf(self, name: str, leave: int = 0) -> None:
        """Goods that went out at another till in the meantime."""
        item = self.goods[name].id
        self.move("waste", AccountClass.SHELF, self.shop.id, AccountClass.WASTE, item, self.shelf(name) - leave)

    def move(self, kind: str, source: AccountClass, taker: int, target: AccountClass, unit: int, amount: int) -> None:
        giver = self.shop.id if source is AccountClass.SHELF else self.scheme_id
        draft = Draft(
            kind=kind,
            key=str(uuid4()),
            actor_id=self.staff.id,
            request_hash="0" * 64,
            source_kind="test",
            source_id=None,
            occurred_at=clock.now(),
            legs=(Leg(giver, unit, source, -amount), Leg(taker, unit, target, amount)),
        )
        in_own_transaction(lambda: ledger.post(self.scheme_id, [draft], at=clock.now()))

    def code(self, person: Person, at: datetime | None = None) -> Drawn:
        """A fresh code on a phone of the person."""
        phone = visitor_by(token_hash(self.world.token(person, kind="browser")), "browser")
        assert phone is not None
        return in_own_transaction(lambda: draw_code(phone, at or clock.now()))

    def card(self, person: Person) -> str:
        """The digits on the person's new printed card."""
        staff = self.world.visitor(self.staff)
        return in_own_transaction(lambda: print_cards([person.id], staff, clock.now()))[0].digits

    # what the books say

    def balance(self, person: Person) -> float:
        db.session.rollback()
        return balance_of(self.scheme_id, person.id, self.points) / self.unit

    def shelf(self, name: str) -> int:
        db.session.rollback()
        item = self.goods[name].id
        return stock_of(self.scheme_id, self.shop.id, [item])[item]

    def receipts(self) -> list[Receipt]:
        db.session.rollback()
        return list(db.session.scalars(select(Receipt).where(Receipt.scheme_id == self.scheme_id)))

    def returns(self) -> list[Return]:
        db.session.rollback()
        return list(db.session.scalars(select(Return).where(Return.scheme_id == self.scheme_id)))
