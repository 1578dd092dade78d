"""Cells of resident lists, as people and Excel write them."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.people.cells import (
    Unreadable,
    address_of,
    columns_of,
    folded,
    household_of,
    name_of,
    number_of,
    phone_of,
    text_of,
    year_of,
)
from points.people.pinyin import spellings, typed
from points.people.workbooks import safe


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, ""),
        (13800138000.0, "13800138000"),
        (452, "452"),
        (1951.3, "1951.3"),
        (datetime(1951, 3, 2), "1951-03-02"),
        (date(1951, 3, 2), "1951-03-02"),
        ("１３８００１３８０００", "13800138000"),
        ("\u3000王  秀兰\xa0", "王 秀兰"),
        ("王\u200b秀\x00兰", "王 秀 兰"),
        ("'=1+1", "=1+1"),
    ],
)
def test_a_cell_reads_as_people_see_it(value: object, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("13800138000", "13800138000"),
        ("138 0013 8000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("13800138000.0", "13800138000"),
        ("1.3800138000E+10", "13800138000"),
        ("0311-85551234", "031185551234"),
        ("无", None),
        ("", None),
    ],
)
def test_a_phone_is_read_with_its_usual_ornaments(text: str, phone: str | None) -> None:
    assert phone_of(text) == phone


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1380013800", "手机号只有 10 位，少了 1 位"),
        ("138001380001", "手机号有 12 位，多了 1 位"),
        ("12800138000", "手机号要以 13 到 19 开头，请核对"),
        ("85551234", "号码只有 8 位。座机请写上区号，手机号要 11 位"),
        ("1.38E+10", "Excel 把数字写成了 1.38E+10，后几位没了。请把这一列设成文本，重新填"),
        ("13800138000/13900139000", "一格里有 2 个号码，请只留一个"),
        ("138****8000", "这里是遮住的内容，不能导回来。请填完整，或者空着不改"),
        ("13800138OOO", "手机号只写数字"),
    ],
)
def test_a_phone_that_cannot_be_right_says_why(text: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as refused:
        phone_of(text)
    assert refused.value.say.format_map(refused.value.facts) == sentence


@pytest.mark.parametrize(
    "text", ["1951", "1951年", "1951年3月", "1951-03-02", "1951.3", "1951/3/2", "19510302", "1951.0"]
)
def test_a_year_of_birth_is_read_from_dates_as_well(text: str) -> None:
    assert year_of(text, 2026) == 1951


@pytest.mark.parametrize("text", ["51", "2027", "1899", "去年", "18690", "0"])
def test_a_year_that_cannot_be_right_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        year_of(text, 2026)


@pytest.mark.parametrize(
    ("text", "name"),
    [("王 秀兰", "王秀兰"), ("Anna  Li", "Anna Li"), ("阿依古丽·买买提", "阿依古丽·买买提"), ("㐀某", "㐀某")],
)
def test_a_name_keeps_only_the_spaces_that_belong_to_it(text: str, name: str) -> None:
    assert name_of(text_of(text)) == name


@pytest.mark.parametrize("text", ["", "无", "王○○", "王**", "=1+1", "12", "王2", "王" * 41, "<b>", "…"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        name_of(text)


def test_numbers_lose_their_decimals_but_not_their_zeros() -> None:
    assert number_of("0452") == "0452"
    assert number_of("452.0") == "452"
    assert household_of("3-2-501") == "3-2-501"
    for bad in ("a b'; --", "=1", "9" * 41, "①", "****", "<x>"):
        with pytest.raises(Unreadable):
            number_of(bad)
    with pytest.raises(Unreadable):
        address_of("路" * 121)


@pytest.mark.parametrize(
    "reader", [number_of, phone_of, address_of, household_of, lambda text: year_of(text, 2026), name_of]
)
@given(value=st.one_of(st.text(), st.floats(), st.integers(), st.datetimes(), st.none()))
def test_no_cell_breaks_a_reader(reader: object, value: object) -> None:
    try:
        found = reader(text_of(value))  # type: ignore[operator]
    except Unreadable as error:
        assert error.say.format_map(error.facts)
    else:
        assert found is None or "\x00" not in str(found)


@given(st.text())
def test_reading_a_cell_again_changes_nothing(value: str) -> None:
    once = text_of(value)
    if not once.startswith("'"):
        assert text_of(once) == once


@given(st.text(max_size=50))
def test_an_exported_cell_is_no_formula_and_reads_back_the_same(value: str) -> None:
    out = safe(value)
    assert out.lstrip()[:1] not in ("=", "+", "-", "@")
    plain = text_of(value)
    if not plain.startswith("'"):
        assert text_of(safe(plain)) == plain


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["{}", " {} ", "+86{}", "{}.0", "'{}"]))
def test_every_mobile_number_is_found_whatever_surrounds_it(phone: str, around: str) -> None:
    text = text_of(around.format(phone))
    assert phone_of(text.lstrip("'")) == phone
    assert phone_of(text_of(float(phone))) == phone


def test_places_are_one_whatever_digits_they_are_written_with() -> None:
    assert folded("第三网格") == folded("第 3 网格") == folded("第３网格")
    assert folded("第十二网格") == folded("第12网格") != folded("第2网格")
    assert folded("第二十网格") == "第20网格"


def test_a_header_is_known_by_its_synonyms() -> None:
    assert columns_of(["编号", "姓名*", "手机（选填）", "出生年份", "家庭住址", "户号", "备注"]) == {
        "number": 0,
        "name": 1,
        "phone": 2,
        "birth_year": 3,
        "address": 4,
        "household": 5,
    }
    assert columns_of(["Number", "Full Name", "mobile"]) == {"number": 0, "name": 1, "phone": 2}
    assert columns_of(["和苑社区居民名册"]) == {}


def test_a_name_is_found_by_every_reading_and_by_initials() -> None:
    words = spellings("曾乐").split()
    assert {"zl", "cy", "zengle", "cengyue"} <= set(words)
    assert typed("LYU Bu") == "lvbu"
    assert len(spellings("单" * 40)) <= 400
    assert spellings("😀") == ""
