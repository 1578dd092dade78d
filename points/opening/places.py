"""Whose a balance is: residents by number, goods by shop and barcode or name; asked for all rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from ..db import db
from ..ledger import UnitKind
from ..ledger.queries import units_named
from ..people.cells import folded
from ..people.enrolment import chunks
from ..people.models import Person
from ..shop.models import Item, Shop
from .reading import Reading, Wrong

LONGEST = 12  # digits of a number that may have lost zeros at its front


class Places:
    """What the rows of a list may name, looked up once."""

    def __init__(self, scheme_id: int, readings: Sequence[Reading]) -> None:
        self.scheme_id = scheme_id
        self.units = units_named(scheme_id)
        self.codes = {unit.code: unit for unit in self.units.values() if unit.kind != UnitKind.GOODS}
        numbers = {read.number for read in readings if read.number}
        self.people = self._people(sorted(numbers))
        self.padded = self._people([x for one in sorted(numbers - self.people.keys()) for x in _with_zeros(one)])
        self.shops: dict[str, Any] = {}
        self.items: dict[str, list[Any]] = {}
        if any(read.shop for read in readings):
            self._look_at_shops()

    def _people(self, numbers: list[str]) -> dict[str, Row[Any]]:
        columns = (Person.number, Person.id, Person.name, Person.disabled_at)
        found: dict[str, Row[Any]] = {}
        for some in chunks(numbers, 500):
            wanted = select(*columns).where(Person.scheme_id == self.scheme_id, Person.number.in_(some))
            found |= {row.number: row for row in db.session.execute(wanted)}
        return found

    def _look_at_shops(self) -> None:
        for shop in db.session.execute(
            select(Shop.name, Shop.id, Shop.closed_at).where(Shop.scheme_id == self.scheme_id)
        ):
            self.shops[folded(shop.name)] = shop
        columns = (Item.id, Item.name, Item.size, Item.barcode, Item.disabled_at)
        for item in db.session.execute(select(*columns).where(Item.scheme_id == self.scheme_id)):
            for word in {item.barcode, item.name, f"{item.name}{item.size}"} - {None, ""}:
                self.items.setdefault(folded(word), []).append(item)

    def whose(self, read: Reading) -> tuple[int, Row[Any]]:
        """The holder and the unit of a row. Raises Wrong(column, sentence)."""
        return (self._person(read), self._unit(read)) if read.number else self._goods(read)

    def _person(self, read: Reading) -> int:
        number = str(read.number)
        person = self.people.get(number)
        if person is None:
            near = [one for one in _with_zeros(number) if one in self.padded]
            if near:
                raise Wrong(
                    "number",
                    f"没有 {number}，有 {near[0]}：前面的 0 丢了，请把这一列设成文本。 "
                    f"There is {near[0]}: its zeros were lost, set the column as text.",
                )
            raise Wrong("number", f"没有编号 {number} 的居民。 Nobody has that number.")
        if person.disabled_at is not None:
            raise Wrong("number", "这个人已经停用。 This person is disabled.")
        if read.name and folded(read.name) != folded(person.name):
            raise Wrong("name", f"编号 {number} 登记的不是这个姓名。 The register has another name under that number.")
        return int(person.id)

    def _unit(self, read: Reading) -> Row[Any]:
        if read.unit not in self.codes:
            there = "、".join(sorted(self.codes))
            raise Wrong("unit", f"没有单位 {read.unit[:40]}，有 {there}。 There is no such unit.")
        return self.codes[read.unit]

    def _goods(self, read: Reading) -> tuple[int, Row[Any]]:
        shop = self.shops.get(folded(read.shop))
        if shop is None or shop.closed_at is not None:
            raise Wrong("shop", f"没有开着的店铺“{read.shop[:40]}”。 There is no such open shop.")
        found = {item.id: item for item in self.items.get(folded(read.item), [])}
        if len(found) > 1:
            raise Wrong("item", "有好几种，请写条码，或者名称加规格。 Several fit: write barcode, or name and size.")
        if not found:
            raise Wrong("item", f"没有物品“{read.item[:40]}”。 There is no such item.")
        [item] = found.values()
        if item.disabled_at is not None:
            raise Wrong("item", "这种物品已经停用。 This item is disabled.")
        return int(shop.id), self.units[item.id]


def _with_zeros(number: str) -> list[str]:
    """The number as it may have been before a spreadsheet took zeros off its front."""
    return [number.zfill(length) for length in range(len(number) + 1, LONGEST + 1)] if number.isdigit() else []
