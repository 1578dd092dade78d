"""Questions about receipts: what was taken, by whom, for how much, and whether it was brought back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, or_, select
from sqlalchemy.orm import aliased

from ..db import Prepared, db, is_id, table_of
from ..errors import NotFound
from ..ledger.sets import BIG, Few
from ..people.models import Area, Person
from ..people.visitor import Visitor, within
from ..proof.proofs import sealed_as
from ..shop.models import Item, Shop
from .giving import Redeemed
from .models import Receipt, ReceiptLine, Return, Till
from .rules import number_of


@dataclass(frozen=True)
class LineView:
    item_id: int
    name: str
    size: str
    measure: str
    quantity: int
    unit_points: int

    @property
    def points(self) -> int:
        return self.quantity * self.unit_points

    @property
    def title(self) -> str:
        return f"{self.name} {self.size}" if self.size else self.name


@dataclass(frozen=True)
class ReceiptView:
    """A receipt in words. ``name`` is to be masked."""

    receipt: Receipt | Redeemed
    shop: str
    place: str
    till: str
    name: str
    person_number: str
    clerk: str
    returned: Return | None
    lines: list[LineView] = field(default_factory=list)

    @property
    def id(self) -> int:
        return self.receipt.id

    @property
    def number(self) -> str:
        """1120-0018: unique with till and year."""
        return number_of(self.receipt.day, self.receipt.count)

    @property
    def is_returned(self) -> bool:
        return self.returned is not None


def receipt_made(made: Receipt | Redeemed, clerk: Visitor) -> ReceiptView:
    """The receipt of a redemption that has just been made, without asking for it; of an earlier one as it is now."""
    if isinstance(made, Receipt):
        return receipt_for_clerk(made.id, clerk)
    lines = [LineView(x.item_id, x.name, x.size, x.measure, x.quantity, x.unit_points) for x in made.lines]
    return ReceiptView(made, made.shop, made.place, made.till, made.name, made.person_number, made.clerk, None, lines)


def receipt_for_clerk(receipt_id: int, clerk: Visitor) -> ReceiptView:
    """A receipt of a shop the clerk serves in. Raises NotFound."""
    row = _one(receipt_id, clerk.scheme_id)
    if not clerk.may_in("till.serve", row.path):
        raise NotFound()
    return _views(clerk.scheme_id, [row])[0]


def own_receipt(receipt_id: int, who: Visitor) -> ReceiptView:
    """One's own receipt. Raises NotFound."""
    row = _one(receipt_id, who.scheme_id)
    if row.Receipt.person_id != who.person_id:
        raise NotFound()
    return _views(who.scheme_id, [row])[0]


def own_receipts(who: Visitor, limit: int = 50) -> list[ReceiptView]:
    """One's own latest receipts, newest first."""
    return _receipts(who.scheme_id, Receipt.person_id == who.person_id, limit=limit)


def receipt_by_number(till_id: int, number: str, clerk: Visitor, today: date) -> ReceiptView:
    """A receipt of the shop by the number on it, "1120-0018" or today's "18": of this till first. Raises NotFound."""
    month_day, _, count = number.strip().replace(" ", "").rpartition("-")
    if not count.isascii() or not count.isdigit() or len(count) > 9:
        raise NotFound()
    day = _day_of(month_day, today)
    shop = db.session.scalar(select(Till.shop_id).where(Till.scheme_id == clerk.scheme_id, Till.id == till_id))
    found = _receipts(
        clerk.scheme_id,
        within(Area.path, clerk.reach("till.serve")),
        Receipt.shop_id == shop,
        Receipt.day == day,
        Receipt.count == int(count),
    )
    if not found:
        raise NotFound()
    return min(found, key=lambda one: one.receipt.till_id != till_id)


def _day_of(month_day: str, today: date) -> date:
    """The last such day, today at the latest. Raises NotFound."""
    if not month_day:
        return today
    try:
        day = date(today.year, int(month_day[:2]), int(month_day[2:]))
        return day if day <= today else day.replace(year=today.year - 1)
    except ValueError:
        raise NotFound() from None


def latest_receipts(till_id: int, clerk: Visitor, limit: int = 20) -> list[ReceiptView]:
    """The till's latest receipts, newest first, for returns and reprints."""
    reach = within(Area.path, clerk.reach("till.serve"))
    return _receipts(clerk.scheme_id, reach, Receipt.till_id == till_id, limit=limit)


def receipts_of(person_id: int, clerk: Visitor, since: date) -> list[ReceiptView]:
    """What a person has taken at the clerk's shops since a day and not brought back, newest first."""
    reach = within(Area.path, clerk.reach("till.serve"))
    mine = (Receipt.person_id == person_id, Receipt.day >= since, Return.id.is_(None))
    return _receipts(clerk.scheme_id, reach, *mine, limit=50)


def leaf_of(view: ReceiptView) -> Any | None:
    """The leaf of the receipt's transfer in its day's seal; None until the day is sealed."""
    transfer_id = view.receipt.transfer_id
    return sealed_as(db.session.connection(), view.receipt.scheme_id, [transfer_id]).get(transfer_id)


def receipts_by_transfer(scheme_id: int, transfer_ids: Collection[int]) -> dict[int, ReceiptView]:
    """Transfer id → its receipt. The transfer of a return leads to the receipt it took back."""
    wanted = list(transfer_ids)
    if not wanted:
        return {}
    found = _receipts(scheme_id, or_(Receipt.transfer_id.in_(wanted), Return.transfer_id.in_(wanted)))
    by_transfer = {one.receipt.transfer_id: one for one in found}
    by_transfer |= {one.returned.transfer_id: one for one in found if one.returned}
    return {transfer_id: by_transfer[transfer_id] for transfer_id in wanted if transfer_id in by_transfer}


def lines_by_transfer(scheme_id: int, transfer_ids: Collection[int]) -> dict[int, list[LineView]]:
    """What each redemption's transfer gave out: ``receipts_by_transfer`` for those who show no more of it."""
    found: dict[int, list[LineView]] = defaultdict(list)
    if transfer_ids:
        wanted = GIVEN_OUT.bind([(one,) for one in transfer_ids])
        for transfer_id, *line in LINES_OF_TRANSFERS.all(scheme=scheme_id, **wanted):
            found[transfer_id].append(LineView(*line))
    return found


GIVEN_OUT = Few("given_out", transfer_id=BIG)


def _lines_of_transfers() -> Select[Any]:
    receipt, line, item = map(table_of, (Receipt, ReceiptLine, Item))
    wanted = GIVEN_OUT.source()
    theirs = and_(receipt.c.scheme_id == bindparam("scheme"), receipt.c.transfer_id == wanted.c.transfer_id)
    return (
        select(
            *(receipt.c.transfer_id, item.c.id, item.c.name, item.c.size, item.c.measure),
            *(line.c.quantity, line.c.unit_points),
        )
        .select_from(wanted)
        .join(receipt, theirs)
        .join(line, and_(line.c.scheme_id == receipt.c.scheme_id, line.c.receipt_id == receipt.c.id))
        .join(item, and_(item.c.scheme_id == line.c.scheme_id, item.c.id == line.c.item_id))
        .order_by(line.c.receipt_id, line.c.line)
    )


LINES_OF_TRANSFERS = Prepared(_lines_of_transfers)


def _asking() -> Select[Any]:
    clerk = aliased(Person)
    return (
        select(Receipt, Shop.name, Shop.place, Till.name, Person.name, Person.number, clerk.name, Return, Area.path)
        .join(Shop, (Shop.scheme_id == Receipt.scheme_id) & (Shop.id == Receipt.shop_id))
        .join(Area, (Area.scheme_id == Shop.scheme_id) & (Area.id == Shop.area_id))
        .join(Till, (Till.scheme_id == Receipt.scheme_id) & (Till.id == Receipt.till_id))
        .join(Person, (Person.scheme_id == Receipt.scheme_id) & (Person.id == Receipt.person_id))
        .join(clerk, (clerk.scheme_id == Receipt.scheme_id) & (clerk.id == Receipt.clerk_id))
        .outerjoin(Return, (Return.scheme_id == Receipt.scheme_id) & (Return.receipt_id == Receipt.id))
        .where(Receipt.scheme_id == bindparam("scheme"))
        .order_by(Receipt.made_at.desc(), Receipt.id.desc())
    )


RECEIPTS = _asking()
ONE = RECEIPTS.where(Receipt.id == bindparam("receipt"))
LINES = (
    select(
        *(ReceiptLine.receipt_id, Item.id, Item.name, Item.size, Item.measure),
        *(ReceiptLine.quantity, ReceiptLine.unit_points),
    )
    .join(Item, (Item.scheme_id == ReceiptLine.scheme_id) & (Item.id == ReceiptLine.item_id))
    .where(ReceiptLine.scheme_id == bindparam("scheme"))
    .where(ReceiptLine.receipt_id.in_(bindparam("receipts", expanding=True)))
    .order_by(ReceiptLine.receipt_id, ReceiptLine.line)
)


def _one(receipt_id: int, scheme_id: int) -> Row[Any]:
    """A receipt of the scheme. Raises NotFound; whose it may be is for the caller to say."""
    row = db.session.execute(ONE, {"scheme": scheme_id, "receipt": receipt_id}).first() if is_id(receipt_id) else None
    if row is None:
        raise NotFound()
    return row


def _receipts(scheme_id: int, *conditions: Any, limit: int | None = None) -> list[ReceiptView]:
    """Receipts with their lines in two queries, newest first."""
    return _views(scheme_id, db.session.execute(RECEIPTS.where(*conditions).limit(limit), {"scheme": scheme_id}).all())


def _views(scheme_id: int, rows: Sequence[Row[Any]]) -> list[ReceiptView]:
    lines: dict[int, list[LineView]] = defaultdict(list)
    if rows:
        wanted = {"scheme": scheme_id, "receipts": [row.Receipt.id for row in rows]}
        for receipt_id, *line in db.session.execute(LINES, wanted):
            lines[receipt_id].append(LineView(*line))
    return [ReceiptView(*row[:-1], lines=lines[row.Receipt.id]) for row in rows]
