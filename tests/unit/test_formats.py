"""How values are said."""

from __future__ import annotations

import pytest

from points.web.formats import hour, period, said, weekday_name
from tests.speaking import speaking


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("2026", "2026年"),
        ("2026-H1", "2026年上半年"),
        ("2026-H2", "2026年下半年"),
        ("2026-Q4", "2026年第 4 季度"),
        ("2026-10", "2026年10月"),
        ("2026-W07", "2026年第 7 周"),
        ("2026-10-03", "2026年10月3日"),
        ("ever", ""),
    ],
)
def test_a_period_is_said_and_not_shown_as_its_key(key: str, words: str) -> None:
    with speaking().test_request_context("/"):
        assert period(key) == words
        assert said("period", key) == (words or key)


def test_times_and_weekdays_are_said_as_people_do() -> None:
    with speaking().test_request_context("/"):
        assert [hour(one) for one in ("09:00", "00:30", "11:05")] == ["9:00", "0:30", "11:05"]
        assert said("opens", "09:00") == "9:00"
        assert [weekday_name(one) for one in (1, 7)] == ["星期一", "星期日"]
