"""What is left at a period's end: every unit goes somewhere, nothing twice, rounding once for all lots together."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.awards.periods.carry_rules import Lot, lots_of, shares
from points.rulebook.pieces import Carry

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


def lots(*left: int) -> list[Lot]:
    return [Lot(place, f"2026-{place:02}-28", amount, amount) for place, amount in enumerate(left, 1)]


@pytest.mark.parametrize(
    ("carry", "left", "on_pool_lapse_into"),
    [
        (Carry("points", "year", 50_000, "points"), (100,), (50, 0, 50, 0)),
        (Carry("points", "year", 50_000, "points"), (1, 1, 1), (1, 0, 2, 0)),
        (Carry("points", "year", 100_000, "points", most=30_000), (20, 20), (30, 0, 10, 0)),
        (Carry("points", "year", 0, "points"), (7,), (0, 0, 7, 0)),
        (Carry("points", "year", 0, "points", rest="pool"), (7, 3), (0, 10, 0, 0)),
        (Carry("points", "year", 20_000, "points", rest="pool"), (10,), (2, 8, 0, 0)),
        (Carry("points", "year", 20_000, "points", rest="stay"), (10,), (2, 0, 0, 0)),
        (Carry("points", "year", 1_000, "honour"), (250,), (0, 0, 250, 2)),
        (Carry("points", "year", 1_000, "honour", rest="stay"), (250,), (0, 0, 200, 2)),
        (Carry("points", "year", 1_000, "honour", rest="pool"), (250,), (0, 50, 200, 2)),
        (Carry("points", "year", 1_000, "honour", rest="stay"), (99,), (0, 0, 0, 0)),
    ],
)
def test_what_is_left_is_shared_out_as_the_rulebook_says(
    carry: Carry, left: tuple[int, ...], on_pool_lapse_into: tuple[int, ...]
) -> None:
    found = shares(carry, lots(*left), 0, 0)
    sums = tuple(sum(getattr(one, name) for one in found) for name in ("goes_on", "pooled", "lapses", "into"))
    assert sums == on_pool_lapse_into


@given(
    left=st.lists(st.integers(1, 10**9), max_size=5),
    percent=st.integers(0, 100_000),
    rest=st.sampled_from(["lapse", "pool", "stay"]),
    to=st.sampled_from(["points", "honour"]),
    rounding=st.sampled_from(["down", "half_up", "up"]),
    decimals=st.tuples(st.integers(0, 1), st.integers(0, 1)),
)
def test_no_lot_gives_more_than_it_had_and_all_of_it_is_accounted_for(
    left: list[int], percent: int, rest: str, to: str, rounding: str, decimals: tuple[int, int]
) -> None:
    carry = Carry("points", "year", percent, to, rest=rest, rounding=rounding)
    found = shares(carry, lots(*left), *decimals)
    assert all(0 <= one.taken <= one.lot.left for one in found)
    if rest != "stay":
        assert sum(one.taken for one in found) == sum(left)
    if to == "points":
        assert all(one.into == 0 for one in found)


def test_only_what_ends_within_the_period_or_all_that_was_alive_at_its_end() -> None:
    mine = [Lot(1, "2025-12-31", 9, 9), Lot(2, "2026-06-30", 5, 5), Lot(3, "never", 3, 3), Lot(4, "2026-03-31", 0, 0)]
    ending = Carry("points", "year", 0, "points", of="ending")
    assert [lot.account_id for lot in lots_of(ending, mine, FIRST, LAST)] == [2]
    assert [lot.account_id for lot in lots_of(Carry("points", "year", 0, "points"), mine, FIRST, LAST)] == [2, 3]
