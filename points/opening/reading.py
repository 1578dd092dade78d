"""A list of opening balances as facts: its columns, and what stands in a cell. Pure.

A cell that cannot be read raises ``Wrong`` with a sentence, Chinese and English, that says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from typing import Any

from ..people.cells import Unreadable, given, meant_by, number_of

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "number": ("居民编号", "编号", "人员编号", "居民号", "number", "residentnumber", "no", "no.", "id"),
    "name": ("姓名", "居民姓名", "名字", "name", "fullname"),
    "shop": ("店铺", "超市", "爱心超市", "shop"),
    "item": ("物品", "商品", "物品名称", "商品名称", "条码", "item", "barcode"),
    "unit": ("单位", "种类", "积分种类", "unit"),
    "amount": ("期初余额", "余额", "积分", "积分余额", "期初积分", "数量", "amount", "balance", "points", "quantity"),
    "expires": ("有效期至", "有效期", "到期日", "到期日期", "截止日期", "expires", "expireson", "expiry", "expirydate"),
    "reference": ("凭证号", "凭证", "凭证编号", "reference", "ref"),
}
TEMPLATE = (
    ("居民编号", "系统里的居民编号。每行要么写居民编号，要么写店铺和物品。Resident number, or shop and item."),
    ("姓名", "可以空着。写了就和系统里的核对，对不上不导入。Optional; checked against the register."),
    ("店铺", "货架上的期初库存才写：店铺名称。Shop, for goods on its shelf."),
    ("物品", "货架上的期初库存才写：条码，或者“大米 5公斤”这样的名称。Barcode, or name and size."),
    ("单位", "POINTS 积分、HONOUR 荣誉积分、MINUTES 服务分钟；空着就是积分。Unit; POINTS when empty."),
    ("期初余额", "大于 0 的数，小数位数不超过单位的。0 和空着的行不导入。Amount; rows of 0 are passed over."),
    ("有效期至", "比如 2026-12-31，按月底算；空着就长期有效。Last day, rounded up to the month's end; empty: never."),
    ("凭证号", "可以空着。同一个人同一种积分有几笔的，用不同的凭证号分开。Tells several balances of one person apart."),
)
MEANINGS = {word: column for column, words in COLUMNS.items() for word in words}
UNIT_WORDS = {"积分": "POINTS", "荣誉": "HONOUR", "荣誉积分": "HONOUR", "分钟": "MINUTES", "服务分钟": "MINUTES"}

NUMBER = re.compile(r"([0-9]{1,16}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(\.[0-9]{1,30})?")
MINUS = ("-", "−", "—", "(")
EXCEL_DIGITS = Context(prec=15)  # what Excel keeps and shows of a number; the rest is dust of binary fractions
DAY = re.compile(r"([0-9]{4})(?:-|/|\.|年)([0-9]{1,2})(?:-|/|\.|月)([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")
FOR_EVER = frozenset({"长期", "长期有效", "永久", "永久有效", "不过期", "never"})
REFERENCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_/#.-]{0,38}[A-Za-z0-9])?")


class Wrong(Exception):
    """A cell that has to be mended."""


def understand(header: list[str]) -> dict[str, int]:
    """Which column stands where; empty when this row is no header of such a list."""
    found = meant_by(header, MEANINGS)
    return found if "amount" in found and ("number" in found or {"shop", "item"} <= found.keys()) else {}


@dataclass(frozen=True)
class Reading:
    """A row as facts. ``amount`` is in whole units; ``problems`` are sentences by column."""

    row: int
    number: str | None
    name: str
    shop: str
    item: str
    unit: str
    amount: Decimal
    expires: date | None
    reference: str
    problems: Mapping[str, str]


def read_row(row: int, cells: Mapping[str, str], unit: str) -> Reading:
    """The facts in a row's cells, and everything in it that has to be mended.

    unit  the code of the unit where the row names none
    """
    problems: dict[str, str] = {}

    def fact(column: str, reader: Callable[[str], Any], otherwise: Any) -> Any:
        try:
            return reader(cells.get(column, ""))
        except Wrong as error:
            problems[column] = str(error)
            return otherwise

    read = Reading(
        row=row,
        number=fact("number", _number, None),
        name=cells.get("name", ""),
        shop=cells.get("shop", ""),
        item=cells.get("item", ""),
        unit=fact("unit", lambda text: _unit(text, unit), unit),
        amount=fact("amount", amount_of, Decimal(0)),
        expires=fact("expires", day_of, None),
        reference=fact("reference", _reference, ""),
        problems=problems,
    )
    if not problems.keys() & {"number"}:
        _check_whose(read, problems)
    return read


def _check_whose(read: Reading, problems: dict[str, str]) -> None:
    if read.number and (read.shop or read.item):
        problems["number"] = "一行只写一样：居民编号，或者店铺和物品。 Either a resident or a shop's item, not both."
    elif not read.number and not (read.shop and read.item):
        problems["number"] = "没写居民编号，也没写店铺和物品。 Neither a resident number nor a shop and an item."
    elif read.shop and read.expires:
        problems["expires"] = "货架上的东西没有有效期。 Goods on a shelf have no last day."


def _number(text: str) -> str | None:
    try:
        return number_of(text)
    except Unreadable as error:
        raise Wrong(f"{error.say.format_map(error.facts)}。 Not a resident number.") from None


def _unit(text: str, otherwise: str) -> str:
    return UNIT_WORDS.get(text, text.upper()) if given(text) else otherwise


def amount_of(text: str) -> Decimal:
    """An amount in whole units; 0 for an empty cell. Raises Wrong."""
    bare = text.replace(" ", "")
    if not given(bare):
        return Decimal(0)
    if bare.startswith(MINUS):
        raise Wrong("余额不能是负数。 A balance is not negative.")
    if not NUMBER.fullmatch(bare):
        raise Wrong("要写数字，比如 120 或 120.5。 A number is wanted, such as 120 or 120.5.")
    return EXCEL_DIGITS.create_decimal(bare.replace(",", ""))


def minor_units(amount: Decimal, scale: int) -> int:
    """The amount in minor units. Raises Wrong when it has more decimals than the unit."""
    scaled = amount.scaleb(scale)
    if scaled != scaled.to_integral_value():
        raise Wrong(f"最多 {scale} 位小数。 At most {scale} decimals.")
    return int(scaled)


def day_of(text: str) -> date | None:
    """The last day; None for an empty cell and for those that say it is for ever. Raises Wrong."""
    bare = text.replace(" ", "")
    if not given(bare) or bare.casefold() in FOR_EVER:
        return None
    found = DAY.fullmatch(bare)
    try:
        return date(*(int(part) for part in found.groups() if part)) if found else _no_day()
    except ValueError:
        return _no_day()


def _no_day() -> date:
    raise Wrong("日期写成 2026-12-31 这样。 A date is written 2026-12-31.")


def _reference(text: str) -> str:
    if not given(text):
        return ""
    if not REFERENCE.fullmatch(text):
        raise Wrong("凭证号最多 40 个字母、数字和 - _ / # . 。 At most 40 ASCII letters, digits and - _ / # .")
    return text
