"""A world with a love supermarket: its staff and clerk, and goods on the shelf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import uuid4

from points import clock
from points.db import in_own_transaction
from points.people.models import Area, Role
from points.people.visitor import Visitor
from points.shop import actions, limits, stock
from points.shop.models import Item, Shop
from tests.factories import World

OPENING = [{"weekday": 5, "from": "09:00", "to": "11:00"}]


class ShopWorld:
    """``staff`` and ``clerk`` of the community; ``shop`` is theirs."""

    def __init__(self, world: World) -> None:
        self.world, self.scheme_id = world, world.scheme_id
        self.staff_person = world.staff(Role.STAFF, name="陈建国")
        self.clerk_person = world.staff(Role.CLERK, name="李小梅")
        self.staff, self.clerk = world.visitor(self.staff_person), world.visitor(self.clerk_person)
        self.shop = self.new_shop()

    def do(self, body: Callable[[], Any]) -> Any:
        return in_own_transaction(body)

    def new_shop(self, name: str = "禾花塘爱心超市", area: Area | None = None, who: Visitor | None = None) -> Shop:
        area_id = (area or self.world.community).id
        facts: dict[str, Any] = {"name": name, "place": "服务站一楼", "area_id": area_id, "opening": OPENING}
        return self.do(lambda: actions.create_shop(who or self.staff, **facts, at=clock.now()))

    def item(
        self, name: str = "大米", size: str = "5公斤", price: int | None = 40, pieces: int = 0, **facts: Any
    ) -> Item:
        def make() -> Item:
            made = actions.create_item(self.staff, name=name, size=size, **{"measure": "袋", **facts}, at=clock.now())
            if price is not None:
                actions.set_price(self.staff, self.shop.id, made.id, price, at=clock.now())
            return made

        item = self.do(make)
        if pieces:
            self.receive(item, pieces)
        return item

    def receive(self, item: Item, quantity: int, who: Visitor | None = None, **facts: Any) -> Any:
        facts = {"kind": "donation", "partner": "街道慈善会", "key": uuid4(), "at": clock.now(), **facts}
        shop_id = facts.pop("shop_id", self.shop.id)
        return self.do(
            lambda: stock.receive_stock(who or self.clerk, shop_id=shop_id, item_id=item.id, quantity=quantity, **facts)
        )

    def limit(self, item: Item | None, quantity: int, period: str = "month", every: bool = False) -> Any:
        who = self.officer if every else self.staff
        return self.do(
            lambda: actions.set_limit(
                who,
                shop_id=None if every else self.shop.id,
                item_id=item.id if item else None,
                period=period,
                quantity=quantity,
                at=clock.now(),
            )
        )

    def take(self, person_id: int, basket: dict[int, int], at: datetime) -> None:
        """Count a basket against the limits, as a redemption does."""
        self.do(
            lambda: limits.take_limits(self.scheme_id, person_id, self.shop.id, basket, at=at, zone="Asia/Shanghai")
        )

    @property
    def officer(self) -> Visitor:
        return self.world.visitor(self.world.staff(Role.OFFICER, area=self.world.subdistrict, name="赵主任"))

    def together(self, bodies: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run the bodies at the same time, each in its own transaction: their results, or the exceptions they raised."""
        start = Barrier(len(bodies))

        def run(body: Callable[[], Any]) -> Any:
            with self.world.app.app_context():
                start.wait(10)
                try:
                    return in_own_transaction(body)
                except Exception as error:
                    return error

        with ThreadPoolExecutor(len(bodies)) as threads:
            return list(threads.map(run, bodies))
