"""Ids: distinct however fast they are drawn, roughly in order of age, and never too large for a database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from points.db import MAX_ID, is_id, new_id


def test_a_hundred_thousand_ids_from_four_threads_are_all_different() -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = [one for batch in pool.map(lambda _: [new_id() for _ in range(25_000)], range(4)) for one in batch]
    assert len(set(drawn)) == 100_000
    assert all(is_id(one) for one in drawn)


def test_a_number_drawn_twice_in_a_millisecond_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([5, 5, 6])
    monkeypatch.setattr("secrets.randbits", lambda bits: next(numbers))
    monkeypatch.setattr("time.time_ns", lambda: 1_800_000_000_000_000_000)
    assert new_id() + 1 == new_id()


@pytest.mark.parametrize("value", [0, -1, MAX_ID + 1, "7", None, 1.0])
def test_what_cannot_be_an_id_is_told_before_the_database_is_asked(value: object) -> None:
    assert not is_id(value)
