"""Working days, and lists of days as people write them: plain values in and out."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from points.calendar.reading import NoCalendarHeader, TooManyDays, day_of, read
from points.calendar.rules import (
    by_weekday,
    days_between,
    ends_soon,
    known_until,
    month_weeks,
    whole_years,
    working_days_after,
)
from points.people.sheets import SheetRefused

FRIDAY = date(2026, 9, 25)
A_YEAR = {day: by_weekday(day) for day in days_between(date(2026, 1, 1), date(2026, 12, 31))}
GOLDEN_WEEK = A_YEAR | {
    **dict.fromkeys(days_between(date(2026, 10, 1), date(2026, 10, 7)), "holiday"),
    date(2026, 9, 27): "workday",  # a Sunday that is worked instead
}


def test_the_day_on_which_a_window_begins_is_not_counted() -> None:
    assert working_days_after(A_YEAR, date(2026, 11, 16), 3) == (date(2026, 11, 19), False)


def test_a_weekend_is_passed_over() -> None:
    assert working_days_after(A_YEAR, FRIDAY, 1) == (date(2026, 9, 28), False)


def test_a_sunday_that_is_worked_counts_and_a_holiday_does_not() -> None:
    assert working_days_after(GOLDEN_WEEK, FRIDAY, 1) == (date(2026, 9, 27), False)
    assert working_days_after(GOLDEN_WEEK, date(2026, 9, 30), 2) == (date(2026, 10, 9), False)


def test_beyond_the_calendar_it_is_monday_to_friday_and_is_said() -> None:
    assert working_days_after(A_YEAR, date(2026, 12, 30), 1) == (date(2026, 12, 31), False)
    assert working_days_after(A_YEAR, date(2026, 12, 30), 2) == (date(2027, 1, 1), True)
    assert working_days_after({}, FRIDAY, 5) == (date(2026, 10, 2), True)


def test_a_hole_in_the_calendar_is_said_too() -> None:
    holed = {day: kind for day, kind in A_YEAR.items() if day != date(2026, 11, 18)}
    assert working_days_after(holed, date(2026, 11, 16), 3) == (date(2026, 11, 19), True)


def test_no_days_is_the_day_itself() -> None:
    assert working_days_after({}, FRIDAY, 0) == (FRIDAY, False)


@pytest.mark.parametrize("n", [-1, 401])
def test_more_days_than_can_be_meant_are_refused(n: int) -> None:
    with pytest.raises(ValueError):
        working_days_after(A_YEAR, FRIDAY, n)


def test_a_calendar_without_working_days_ends() -> None:
    without = dict.fromkeys(days_between(FRIDAY, FRIDAY + timedelta(days=2000)), "holiday")
    with pytest.raises(ValueError):
        working_days_after(without, FRIDAY, 1)


KINDS = st.dictionaries(
    st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.sampled_from(["workday", "weekend", "holiday"]), max_size=40
)


@given(KINDS, st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(1, 30))
def test_a_window_holds_exactly_so_many_working_days_and_ends_on_one(
    known: dict[date, str], start: date, n: int
) -> None:
    last, beyond = working_days_after(known, start, n)
    days = list(days_between(start + timedelta(days=1), last))
    kinds = [known.get(day, by_weekday(day)) for day in days]
    assert kinds.count("workday") == n and kinds[-1] == "workday"
    assert beyond == any(day not in known for day in days)


@given(KINDS, st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(1, 15), st.integers(1, 15))
def test_two_windows_one_after_the_other_are_one(known: dict[date, str], start: date, a: int, b: int) -> None:
    middle, _ = working_days_after(known, start, a)
    assert working_days_after(known, middle, b)[0] == working_days_after(known, start, a + b)[0]


def test_how_far_the_calendar_reaches() -> None:
    assert known_until(A_YEAR, FRIDAY) == date(2026, 12, 31)
    assert known_until({}, FRIDAY) is None
    holed = {day: kind for day, kind in A_YEAR.items() if day != date(2026, 10, 3)}
    assert known_until(holed, FRIDAY) == date(2026, 10, 2)


def test_staff_are_told_sixty_days_before_it_ends() -> None:
    end = date(2026, 12, 31)
    assert not ends_soon(end, end - timedelta(days=60))
    assert ends_soon(end, end - timedelta(days=59))
    assert ends_soon(None, end)


def test_a_list_of_holidays_is_filled_to_whole_years() -> None:
    filled = whole_years({date(2026, 10, 1): "holiday", date(2027, 1, 1): "holiday"})
    assert len(filled) == 730
    assert filled[date(2026, 10, 1)] == "holiday" and filled[date(2026, 10, 2)] == "workday"


@pytest.mark.parametrize(("year", "month", "weeks"), [(2026, 2, 5), (2027, 2, 4), (2026, 8, 6), (2026, 12, 5)])
def test_a_month_is_whole_weeks_from_monday(year: int, month: int, weeks: int) -> None:
    found = month_weeks(year, month)
    assert len(found) == weeks and all(len(week) == 7 and week[0].weekday() == 0 for week in found)
    assert {day for week in found for day in week if (day.year, day.month) == (year, month)} == set(
        days_between(date(year, month, 1), (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)))
    )


# ---------------------------------------------------------------- reading lists


def sheet(*rows: tuple[object, ...]) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HEADER = ("日期", "到哪天", "类型", "名称")


def test_excel_with_days_as_dates_and_as_text_and_a_span() -> None:
    found = read(
        "a.xlsx",
        sheet(
            ("放假安排",),
            HEADER,
            (date(2026, 10, 1), "2026年10月7日", "节假日", "国庆节"),
            ("2026/9/27", "", "调休上班", ""),
        ),
    )
    assert not found.problems and found.rows == 2
    assert len(found.entries) == 8
    assert found.entries[date(2026, 10, 7)].title == "国庆节"
    assert found.entries[date(2026, 9, 27)].kind == "workday"


def test_a_csv_in_the_encoding_of_an_old_excel() -> None:
    found = read("a.csv", "日期,类型,名称\n2026-01-01,节假日,元旦\n".encode("gb18030"))
    assert found.entries[date(2026, 1, 1)].kind == "holiday"


def test_json_of_ours_and_as_it_is_published_elsewhere() -> None:
    ours = {"days": [{"day": "2026-01-01", "kind": "holiday", "title": "元旦"}]}
    theirs = {"year": 2026, "days": [{"name": "元旦", "date": "2026-01-01", "isOffDay": True}]}
    for body in (ours, theirs, ours["days"]):
        found = read("a.json", json.dumps(body).encode())
        assert {day: (e.kind, e.title) for day, e in found.entries.items()} == {date(2026, 1, 1): ("holiday", "元旦")}


def test_every_cell_that_cannot_be_read_is_named() -> None:
    found = read(
        "a.csv",
        (
            "日期,到哪天,类型,名称\n"
            "十月一日,,节假日,\n"  # no day
            "2026-02-30,,节假日,\n"  # none such
            "2026-10-01,2026-09-30,节假日,\n"  # backwards
            "2026-10-01,2027-10-01,节假日,\n"  # a slip of the pen
            "2026-10-02,,也许,\n"
            f"2026-10-03,,节假日,{'长' * 41}\n"
            "2026-10-04,,节假日,\n"
            "2026-10-04,,工作日,\n"
        ).encode(),
    )
    assert [(one.row, one.column) for one in found.problems] == [
        (2, "day"),
        (3, "day"),
        (4, "until"),
        (5, "until"),
        (6, "kind"),
        (7, "title"),
        (9, "day"),
    ]
    assert found.problems[-1].facts == {"row": 8}


@pytest.mark.parametrize("text", ["2026-10-01", "2026/10/1", "2026.10.01", "2026年10月1日", " 2026-10-1 "])
def test_days_as_people_write_them(text: str) -> None:
    assert day_of(text) == date(2026, 10, 1)


@pytest.mark.parametrize("text", ["", "10-01", "1999-01-01", "2101-01-01", "2026-13-01", "２０２６x"])
def test_what_is_no_day(text: str) -> None:
    assert day_of(text) is None


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"{"),
        ("a.json", b'{"days": []}'),
        ("a.json", b'{"days": 3}'),
        ("a.csv", "姓名,电话\n王,1\n".encode()),
        ("a.xlsx", b"PK\x03\x04nonsense"),
        ("a.json", b"[" * 100_000),
        ("a.json", b"\xff\xfe\x00"),
    ],
)
def test_what_is_no_list_of_days_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(SheetRefused):
        read(name, data)


def test_more_than_four_years_at_once_are_refused() -> None:
    days = [{"day": (date(2020, 1, 1) + timedelta(days=n)).isoformat(), "kind": "workday"} for n in range(1500)]
    with pytest.raises(TooManyDays):
        read("a.json", json.dumps(days).encode())


def test_json_with_strange_members_has_problems_and_does_not_fall_over() -> None:
    found = read("a.json", json.dumps([3, None, {"day": {"a": 1}, "kind": []}]).encode())
    assert {one.row for one in found.problems} == {1, 2, 3}
    with pytest.raises(NoCalendarHeader):
        read("a.json", b'"days"')
