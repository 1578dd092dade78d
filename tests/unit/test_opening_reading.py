"""Cells of a list of opening balances, as people and Excel write them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from points.opening.reading import TEMPLATE, Wrong, amount_of, day_of, minor_units, read_row, understand
from points.people.cells import text_of


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        (120, "120"),
        (120.5, "120.5"),
        ("120", "120"),
        ("１２０．５", "120.5"),
        ("1,234,567.5", "1234567.5"),
        (" 1 200 ", "1200"),
        (0.1 + 0.2, "0.3"),
        (1e15, "1000000000000000"),
        (0, "0"),
        ("", "0"),
        (None, "0"),
        ("无", "0"),
        ("-", "0"),
        ("0.0", "0"),
    ],
)
def test_an_amount_is_read_exactly(cell: object, amount: str) -> None:
    assert amount_of(text_of(cell)) == Decimal(amount)


@pytest.mark.parametrize(
    "cell",
    [-5, "-5", "－５", "−5", "'-5", "(5)", "一百", "12,34", "1.2.3", "1e3", "=1+1", "=SUM(A1:A9)", "12分", "NaN", "inf",
     "٣", "1" * 17, "1,", ".5", "0x10", "#REF!", "5" * 999],
)  # fmt: skip
def test_what_is_no_amount_is_refused(cell: object) -> None:
    with pytest.raises(Wrong):
        amount_of(text_of(cell))


def test_an_amount_has_no_more_decimals_than_its_unit() -> None:
    assert minor_units(Decimal("12.5"), 1) == 125
    assert minor_units(Decimal("12.50"), 1) == 125
    assert minor_units(Decimal("12"), 0) == 12
    for amount, scale in (("12.5", 0), ("12.55", 1), ("0.01", 1)):
        with pytest.raises(Wrong):
            minor_units(Decimal(amount), scale)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (date(2027, 3, 1), date(2027, 3, 1)),
        *((text, date(2027, 3, 1)) for text in ("2027-03-01", "2027/3/1", "2027.3.1", "2027年3月1日", "20270301", "２０２７－３－１")),
        *((text, None) for text in ("", "长期", "永久有效", "never", "NEVER", "无", None)),
    ],
)  # fmt: skip
def test_a_last_day_is_read_in_every_usual_form(cell: object, day: date | None) -> None:
    assert day_of(text_of(cell)) == day


@pytest.mark.parametrize("text", ["2027-02-30", "2027-13-01", "2027", "46387", "明年", "0000-01-01", "1/3/2027"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Wrong):
        day_of(text)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["居民编号", "期初余额"], {"number": 0, "amount": 1}),
        (["姓名", "编号（必填）*", "积分 余额", "有效期至"], {"name": 0, "number": 1, "amount": 2, "expires": 3}),
        (["shop", "item", "quantity"], {"shop": 0, "item": 1, "amount": 2}),
        (["Number", "Points", "Points"], {"number": 0, "amount": 1}),
        (["姓名", "积分"], {}),
        (["店铺", "数量"], {}),
        (["居民编号", "姓名"], {}),
    ],
)
def test_a_header_names_who_and_how_much(header: list[str], columns: dict[str, int]) -> None:
    assert understand(header) == columns


def test_the_template_is_understood() -> None:
    assert len(understand([name for name, _ in TEMPLATE])) == len(TEMPLATE)


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"amount": "5"}, "number"),
        ({"number": "1", "shop": "a", "item": "b", "amount": "5"}, "number"),
        ({"shop": "a", "amount": "5"}, "number"),
        ({"shop": "a", "item": "b", "amount": "5", "expires": "2027-01-01"}, "expires"),
        ({"number": "a b!", "amount": "5"}, "number"),
        ({"number": "13812345678E+10", "amount": "5"}, "number"),
        ({"number": "1", "amount": "x"}, "amount"),
        ({"number": "1", "amount": "5", "expires": "soon"}, "expires"),
        ({"number": "1", "amount": "5", "reference": "凭 1"}, "reference"),
        ({"number": "1", "amount": "5", "reference": "R" * 41}, "reference"),
    ],
)
def test_a_row_says_which_cell_is_wrong(cells: dict[str, str], column: str) -> None:
    assert set(read_row(2, cells, "POINTS").problems) == {column}


def test_all_wrong_cells_of_a_row_are_told_at_once() -> None:
    read = read_row(2, {"number": "?", "amount": "-1", "expires": "x", "reference": "!"}, "POINTS")
    assert set(read.problems) == {"number", "amount", "expires", "reference"}


def test_a_unit_may_be_written_in_words() -> None:
    for text, code in (("", "POINTS"), ("honour", "HONOUR"), ("荣誉积分", "HONOUR"), ("服务分钟", "MINUTES")):
        assert read_row(2, {"number": "1", "amount": "5", "unit": text}, "POINTS").unit == code
