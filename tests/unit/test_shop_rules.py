"""Limits, opening days, best-before dates and codes, with plain values."""

from __future__ import annotations

from datetime import date, time

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from points.shop import rules
from points.shop.barcodes import bars, drawn
from points.shop.rules import BadOpening, Hours, Standing

FRIDAY = date(2026, 11, 20)
OPENING = [{"weekday": 5, "from": "14:00", "to": "16:00"}, {"weekday": 5, "from": "09:00", "to": "11:00"}]


def standing(
    used: int = 3, limit: int = 3, item_id: int | None = 1, name: str = "香皂", period: str = "month"
) -> Standing:
    return Standing(9, item_id, name, "块", period, used, limit, date(2026, 12, 1))


def test_a_used_up_limit_says_how_much_and_when_again() -> None:
    refusal = rules.limit_reached([standing()])
    assert refusal.sentence == "{goods}本月已换 {used} {measure}，{again_on}起可以再换。"
    assert refusal.facts["used"] == 3 and refusal.facts["again_on"] == date(2026, 12, 1)
    assert refusal.code == "limit_reached"


def test_a_limit_with_something_left_says_how_much() -> None:
    refusal = rules.limit_reached([standing(used=2)])
    assert refusal.facts["left"] == 1 and "还能换" in refusal.sentence


def test_several_limits_are_all_named() -> None:
    refusal = rules.limit_reached([standing(), standing(item_id=2, name="牙膏")])
    assert refusal.facts["goods"] == ["香皂", "牙膏"]
    assert [one["item_id"] for one in refusal.facts["reached"]] == ["1", "2"]


def test_a_limit_on_visits_is_said_before_all_others() -> None:
    refusal = rules.limit_reached([standing(), standing(item_id=None, name="", period="week", used=1, limit=1)])
    assert refusal.sentence.startswith("本周已经换过")


def test_every_period_has_its_sentences() -> None:
    from points.clock import PERIODS

    assert set(rules.FULL) == set(rules.VISITS_FULL) == set(PERIODS)


def test_a_lowered_limit_leaves_nothing_rather_than_less() -> None:
    assert standing(used=5, limit=3).left == 0


def test_a_day_opens_at_its_times_in_order() -> None:
    assert [hours.opens for hours in rules.hours_on(OPENING, FRIDAY)] == [time(9), time(14)]
    assert rules.hours_on(OPENING, date(2026, 11, 21)) == []


def test_the_next_opening_is_on_a_later_day() -> None:
    assert rules.next_hours(OPENING, FRIDAY) == Hours(date(2026, 11, 27), time(9), time(11))
    assert rules.next_hours(OPENING, date(2026, 11, 19)) == Hours(FRIDAY, time(9), time(11))
    assert rules.next_hours([], FRIDAY) is None


def test_opening_times_are_kept_in_order() -> None:
    slots = [(5, time(14), time(16)), (5, time(9), time(11)), (1, time(9), time(10))]
    assert [slot["from"] for slot in rules.checked_opening(slots)] == ["09:00", "09:00", "14:00"]


@pytest.mark.parametrize(
    "slots",
    [
        [(5, time(11), time(9))],
        [(5, time(9), time(9))],
        [(5, time(9), time(11)), (5, time(10), time(12))],
        [(0, time(9), time(11))],
        [(8, time(9), time(11))],
    ],
)
def test_impossible_opening_times_are_refused(slots: list[tuple[int, time, time]]) -> None:
    with pytest.raises(BadOpening):
        rules.checked_opening(slots)


@pytest.mark.parametrize(
    ("pieces", "soonest"),
    [(0, None), (3, date(2027, 5, 1)), (5, date(2027, 5, 1)), (6, date(2026, 12, 1)), (99, date(2026, 12, 1))],
)
def test_the_oldest_receipts_are_taken_to_have_left_first(pieces: int, soonest: date | None) -> None:
    receipts = [(5, date(2027, 5, 1)), (10, date(2026, 12, 1)), (10, None)]
    assert rules.soonest_best_before(pieces, receipts) == soonest


def test_our_own_code_names_its_item_and_no_other_number_does() -> None:
    largest = 2**63 - 1
    for item_id in (1, 987_654_321, largest):
        code = rules.own_code(item_id)
        assert len(code) == 20 and rules.item_of_own_code(code) == item_id
    for other in (
        "6901234567892",
        "2" * 21,
        "1" + "0" * 19,
        "2" + "0" * 19,
        "２" + "0" * 18 + "1",
        "2" + "0" * 18 + "x",
    ):
        assert rules.item_of_own_code(other) is None


def test_unit_codes_are_short_and_differ() -> None:
    assert rules.unit_code(35) == "GZ" and rules.unit_code(36) == "G10"
    assert len(rules.unit_code(2**63 - 1)) <= 40


@pytest.mark.parametrize("text", ["6901234567892", "69012345", "20000000000000001234", "AB-123", "12345", "0000"])
def test_a_scanner_reads_our_bars(text: str) -> None:
    width, path = drawn(text)
    image = Image.new("L", (width * 3, 90), 255)
    pen = ImageDraw.Draw(image)
    for start, wide in bars(text):
        pen.rectangle([start * 3, 0, (start + wide) * 3 - 1, 90], fill=0)
    assert [found.text for found in zxingcpp.read_barcodes(image)] == [text]
    assert path.count("M") == len(bars(text))


@pytest.mark.parametrize("text", ["", "é", "大米", "\n"])
def test_bars_take_printable_ascii_only(text: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        bars(text)
