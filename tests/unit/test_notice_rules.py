"""Numbers of notices, posting days after a notice, receipt numbers; and the PDF, as plain values."""

from __future__ import annotations

import re
import zlib
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points import clock
from points.awards.notice.paper import HELVETICA, notice_pdf, pieces, width_of, wrapped
from points.awards.notice.queries import fingerprint
from points.awards.notice.rules import (
    count_of,
    day_of_notice,
    is_number,
    number_of,
    receipt_shown,
    receipt_typed,
)

DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))


@given(DAYS, st.integers(1, 10**6))
def test_a_number_tells_its_month_and_its_count(day: date, count: int) -> None:
    number = number_of(day, count)
    assert is_number(number) and count_of(number) == count
    assert number.startswith(f"{day:%Y-%m}-") and len(number) <= 20


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-11", "2026-11-1", "2026-11-x01", "２０２６-11-001", "x" * 50, "2026-11-001-2"]
)
def test_what_is_no_number(text: str) -> None:
    assert not is_number(text)


def test_the_day_of_a_notice_counts_from_one() -> None:
    assert day_of_notice(date(2026, 11, 20), date(2026, 11, 20)) == 1
    assert day_of_notice(date(2026, 11, 20), date(2026, 11, 22)) == 3


@pytest.mark.parametrize("typed", ["482913650177", "4829 1365 0177", "4829-1365-0177", " 4829　1365 0177 "])
def test_a_receipt_number_as_people_type_it(typed: str) -> None:
    assert receipt_typed(typed) == "482913650177"
    assert receipt_shown("482913650177") == "4829 1365 0177"


@pytest.mark.parametrize("typed", ["", "48291365017", "4829136501770", "四八二九"])
def test_what_is_no_receipt_number(typed: str) -> None:
    assert receipt_typed(typed) == ""


def test_a_fingerprint_changes_with_whatever_is_on_the_list() -> None:
    line = (1, "王○○", "第一网格", "护理病人", date(2026, 11, 15), 10)
    first = fingerprint("2026-11-001", [line])
    assert first == fingerprint("2026-11-001", [line]) and len(first) == 64
    others = [(2, *line[1:]), (1, "李○○", *line[2:]), (*line[:5], 11), (*line[:3], "别的", *line[4:])]
    assert len({first, fingerprint("2026-11-002", [line]), *(fingerprint("2026-11-001", [o]) for o in others)}) == 6


# ---------------------------------------------------------------- the PDF


@given(st.text(max_size=80), st.sampled_from([9.0, 11.0, 26.0]), st.floats(30, 400))
def test_wrapping_loses_nothing_but_spaces_at_the_ends(text: str, size: float, most: float) -> None:
    lines = wrapped(text, size, most)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        closing = len(line) > 1 and line[-1] in "，。；：、）”！？"
        assert width_of(line, size) <= most + size * (1 + closing * len(line)) or len(line) == 1


def test_every_latin_letter_has_its_width() -> None:
    assert len(HELVETICA) == 95 and width_of("1", 1000) == 556 and width_of("王", 11) == 11
    assert pieces("2026版，abc 王") == ["2026", "版，", "abc", " ", "王"]


SAID = {
    name: name
    for name in (
        *("title", "sub", "total", "sum", "object", "ways", "promise", "basis", "beyond", "fingerprint", "seal"),
        *("object_qr", "seal_qr", "stamp", "signed"),
    )
} | {"page": "{n}/{m}", "header": "a\tb\tc\td\te\tf"}


@pytest.mark.parametrize("rows", [0, 1, 26, 27, 28, 200])
def test_a_pdf_has_every_row_and_a_table_of_objects_that_is_right(rows: int) -> None:
    shown = SimpleNamespace(fingerprint="ab" * 32, seal=None)
    table = [(str(n), "王○○", "第一网格", f"做了第{n}件(好)事\\", "11月17日", "10") for n in range(1, rows + 1)]
    made = notice_pdf(shown, SAID, table, {"notice": "https://x/y", "seals": "https://x/z"})
    assert made.startswith(b"%PDF-1.5") and made.endswith(b"%%EOF\n")
    start = int(re.findall(rb"startxref\n(\d+)\n", made)[0])
    places = [int(one) for one in re.findall(rb"(\d{10}) 00000 n ", made[start:])]
    for number, place in enumerate(places, start=1):
        assert made[place:].startswith(b"%d 0 obj\n" % number)
    streams = [zlib.decompress(one).decode("latin-1") for one in re.findall(rb"stream\n(.*?)\nendstream", made, re.S)]
    assert int(re.findall(rb"/Count (\d+)", made)[0]) == len(streams)
    text = "".join(streams)
    assert text.count(f"<{'王○○'.encode('utf-16-be').hex()}> Tj") == rows
    for n, stream in enumerate(streams, start=1):
        assert f"({n}/{len(streams)}) Tj" in stream
        below = [float(y) for y in re.findall(r" Tf [\d.]+ ([\d.-]+) Td", stream)]
        assert min(below) > 20, "nothing falls off the page"


@given(DAYS, st.sampled_from(["day", "week", "month", "quarter", "half_year", "year"]))
def test_the_posting_day_is_the_first_of_the_next_period(day: date, period: str) -> None:
    from points.rulebook.rules import posting_day

    following = posting_day(period, day)
    assert following > day and clock.period_of(following, period)[1] == following
    assert clock.period_of(following - timedelta(days=1), period)[0] == clock.period_of(day, period)[0]
