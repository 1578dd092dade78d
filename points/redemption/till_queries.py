"""What the till's screen shows: who is served, the goods, today's receipts. Masked names only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, tuple_

from .. import clock
from ..db import db, is_id
from ..errors import NotFound
from ..ledger.queries import balance_of, units_of
from ..people.actions import POINTS
from ..people.models import Area, Person
from ..people.visitor import Visitor, within
from ..shop.models import Item, Shop
from ..shop.queries import Goods, goods_at, items_by_id, limit_standing, title_of
from ..shop.rules import Standing
from .models import Receipt, ReceiptLine, Return, Serving, Till
from .redeeming import card_used
from .rules import card_limits, number_of

OFTEN_DAYS = 30


@dataclass(frozen=True)
class Served:
    """A resident at a till, as the clerk may see them. Amounts in minor units."""

    serving: Serving
    person: Person
    balance: int
    limits: list[Standing]
    card_once: int | None  # what a card may still pay: at once, and today
    card_today: int | None


@dataclass(frozen=True)
class Line:
    item: Item
    quantity: int
    unit_points: int

    @property
    def title(self) -> str:
        return title_of(self.item.name, self.item.size)

    @property
    def points(self) -> int:
        return self.quantity * self.unit_points


@dataclass(frozen=True)
class Paper:
    """A receipt with its lines, for the screen and for print."""

    receipt: Receipt
    person: Person
    shop: Shop
    till: Till
    lines: list[Line]
    returned: Return | None

    @property
    def number(self) -> str:
        return number_of(self.receipt.day, self.receipt.count)

    @property
    def pieces(self) -> int:
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True)
class Recent:
    """A line of today's list."""

    receipt: Receipt
    name: str
    pieces: int
    returned: bool


@dataclass(frozen=True)
class Today:
    people: int
    points: int
    receipts: int


def served(serving_id: int, clerk: Visitor, at: datetime) -> Served:
    """The clerk's open serving. Raises NotFound."""
    query = (
        select(Serving, Person, Till.shop_id)
        .join(Person, (Person.scheme_id == Serving.scheme_id) & (Person.id == Serving.person_id))
        .join(Till, (Till.scheme_id == Serving.scheme_id) & (Till.id == Serving.till_id))
        .where(Serving.scheme_id == clerk.scheme_id, Serving.id == serving_id)
        .where(Serving.clerk_id == clerk.person_id, Serving.state == "open")
    )
    found = db.session.execute(query).first() if is_id(serving_id) else None
    if found is None:
        raise NotFound()
    serving, person, shop_id = found
    day = clock.local_date(at, clerk.zone)
    once = left = None
    if serving.means == "card":
        once, daily = card_limits(clerk.settings, clerk.points_scale)
        left = max(0, daily - card_used(clerk.scheme_id, person.id, day))
    balance = balance_of(clerk.scheme_id, person.id, units_of(clerk.scheme_id)[POINTS])
    return Served(serving, person, balance, limit_standing(clerk.scheme_id, person.id, shop_id, day), once, left)


def taken_lately(scheme_id: int, shop_id: int, at: datetime) -> dict[int, int]:
    """Item id → pieces given out by the shop in the last 30 days: what stands first on the tiles."""
    query = (
        select(ReceiptLine.item_id, func.sum(ReceiptLine.quantity))
        .join(Receipt, (Receipt.scheme_id == ReceiptLine.scheme_id) & (Receipt.id == ReceiptLine.receipt_id))
        .where(Receipt.scheme_id == scheme_id, Receipt.shop_id == shop_id)
        .where(Receipt.day >= (at - timedelta(days=OFTEN_DAYS)).date())
        .group_by(ReceiptLine.item_id)
    )
    return {item_id: int(pieces) for item_id, pieces in db.session.execute(query)}


def goods_by_use(scheme_id: int, shop_id: int, at: datetime) -> list[tuple[Goods, int]]:
    """What the shop sells with the pieces that went out lately; most first, then what is on the shelf, then by name."""
    taken = taken_lately(scheme_id, shop_id, at)
    found = [(goods, taken.get(goods.item_id, 0)) for goods in goods_at(scheme_id, shop_id)]
    return sorted(found, key=lambda one: (-one[1], one[0].is_out))


def tills_within(clerk: Visitor) -> list[tuple[Shop, list[Till]]]:
    """The open shops the clerk may serve in, with their tills by name."""
    shops = db.session.scalars(
        select(Shop)
        .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
        .where(Shop.scheme_id == clerk.scheme_id, Shop.closed_at.is_(None))
        .where(within(Area.path, clerk.reach("till.serve")))
        .order_by(Shop.name, Shop.id)
    ).all()
    tills = db.session.scalars(
        select(Till)
        .where(Till.scheme_id == clerk.scheme_id, Till.shop_id.in_([shop.id for shop in shops]))
        .order_by(func.length(Till.name), Till.name)
    ).all()
    return [(shop, [till for till in tills if till.shop_id == shop.id]) for shop in shops]


def today_at(till: Till, day: date) -> Today:
    """People, points and receipts of the till on a day; what was returned does not count."""
    query = (
        select(func.count(Receipt.person_id.distinct()), func.coalesce(func.sum(Receipt.points), 0), func.count())
        .outerjoin(Return, (Return.scheme_id == Receipt.scheme_id) & (Return.receipt_id == Receipt.id))
        .where(Receipt.scheme_id == till.scheme_id, Receipt.till_id == till.id, Receipt.day == day)
        .where(Return.id.is_(None))
    )
    people, points, receipts = db.session.execute(query).one()
    return Today(int(people), int(points), int(receipts))


def receipts_at(till: Till, day: date, most: int, before: int | None = None) -> list[Recent]:
    """The till's receipts of a day, newest first, beginning below the count ``before``."""
    query = (
        select(Receipt, Person.name, func.sum(ReceiptLine.quantity), Return.id)
        .join(Person, (Person.scheme_id == Receipt.scheme_id) & (Person.id == Receipt.person_id))
        .join(ReceiptLine, (ReceiptLine.scheme_id == Receipt.scheme_id) & (ReceiptLine.receipt_id == Receipt.id))
        .outerjoin(Return, (Return.scheme_id == Receipt.scheme_id) & (Return.receipt_id == Receipt.id))
        .where(Receipt.scheme_id == till.scheme_id, Receipt.till_id == till.id, Receipt.day == day)
        .group_by(*Receipt.__table__.primary_key, Person.name, Return.id)
        .order_by(Receipt.count.desc())
        .limit(most)
    )
    if before is not None:
        query = query.where(Receipt.count < before)
    return [
        Recent(receipt, name, int(pieces), returned is not None)
        for receipt, name, pieces, returned in db.session.execute(query)
    ]


def receipts_of_person(person_id: int, shop_id: int, scheme_id: int, since: date) -> list[Recent]:
    """A person's receipts at a shop that have not been returned, newest first."""
    query = (
        select(Receipt, Person.name, func.sum(ReceiptLine.quantity))
        .join(Person, (Person.scheme_id == Receipt.scheme_id) & (Person.id == Receipt.person_id))
        .join(ReceiptLine, (ReceiptLine.scheme_id == Receipt.scheme_id) & (ReceiptLine.receipt_id == Receipt.id))
        .outerjoin(Return, (Return.scheme_id == Receipt.scheme_id) & (Return.receipt_id == Receipt.id))
        .where(Receipt.scheme_id == scheme_id, Receipt.person_id == person_id, Receipt.shop_id == shop_id)
        .where(Receipt.day >= since, Return.id.is_(None))
        .group_by(*Receipt.__table__.primary_key, Person.name)
        .order_by(Receipt.made_at.desc(), Receipt.id.desc())
        .limit(20)
    )
    return [Recent(receipt, name, int(pieces), False) for receipt, name, pieces in db.session.execute(query)]


def receipt_numbered(till: Till, day: date, count: int) -> Receipt | None:
    return db.session.scalar(
        select(Receipt).where(
            Receipt.scheme_id == till.scheme_id,
            Receipt.till_id == till.id,
            Receipt.day == day,
            Receipt.count == count,
        )
    )


def papers_of(clerk: Visitor, receipt_ids: Collection[int]) -> list[Paper]:
    """Receipts of shops in the clerk's reach, with their lines. Those out of reach are missing."""
    query = (
        select(Receipt, Person, Shop, Till, Return)
        .join(Person, (Person.scheme_id == Receipt.scheme_id) & (Person.id == Receipt.person_id))
        .join(Shop, (Shop.scheme_id == Receipt.scheme_id) & (Shop.id == Receipt.shop_id))
        .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
        .join(Till, (Till.scheme_id == Receipt.scheme_id) & (Till.id == Receipt.till_id))
        .outerjoin(Return, (Return.scheme_id == Receipt.scheme_id) & (Return.receipt_id == Receipt.id))
        .where(Receipt.scheme_id == clerk.scheme_id, Receipt.id.in_(receipt_ids))
        .where(within(Area.path, clerk.reach("till.serve")))
    )
    found = db.session.execute(query).all()
    lines = _lines_of(clerk.scheme_id, [row[0].id for row in found])
    return [Paper(receipt, person, shop, till, lines[receipt.id], back) for receipt, person, shop, till, back in found]


def paper_of(clerk: Visitor, receipt_id: int) -> Paper:
    """Raises NotFound."""
    found = papers_of(clerk, [receipt_id]) if is_id(receipt_id) else []
    if not found:
        raise NotFound()
    return found[0]


def _lines_of(scheme_id: int, receipt_ids: Iterable[int]) -> dict[int, list[Line]]:
    ids = list(receipt_ids)
    lines = db.session.scalars(
        select(ReceiptLine)
        .where(tuple_(ReceiptLine.scheme_id, ReceiptLine.receipt_id).in_([(scheme_id, one) for one in ids]))
        .order_by(ReceiptLine.receipt_id, ReceiptLine.line)
    ).all()
    items = items_by_id(scheme_id, {line.item_id for line in lines})
    found: dict[int, list[Line]] = {one: [] for one in ids}
    for line in lines:
        found[line.receipt_id].append(Line(items[line.item_id], line.quantity, line.unit_points))
    return found
