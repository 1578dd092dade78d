"""Which budget an award is issued from: pure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from points.awards.budgets import budget_mark, mark_of

CODES = st.from_regex(r"[a-zA-Z0-9_-]{1,40}", fullmatch=True)


def test_an_award_is_issued_from_its_category_s_own_budget_when_one_is_set() -> None:
    assert budget_mark(2026, "health", {"2026", "2026.health"}) == "2026.health"


def test_without_one_of_its_own_it_is_issued_from_the_year_s() -> None:
    assert budget_mark(2026, "health", {"2026", "2026.safety", "2025.health"}) == "2026"


def test_with_neither_it_is_issued_without_a_limit() -> None:
    assert budget_mark(2026, "health", {"2025", "2026.safety"}) == ""


def test_an_award_without_a_category_never_takes_from_a_category() -> None:
    assert budget_mark(2026, "", {"2026.health"}) == ""


@given(CODES, CODES)
def test_every_category_has_a_mark_that_the_ledger_can_keep_and_no_two_share_one(one: str, other: str) -> None:
    assert len(mark_of(2026, one)) <= 40
    assert (mark_of(2026, one) == mark_of(2026, other)) == (one == other)
