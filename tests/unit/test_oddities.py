"""What makes a claim odd, by plain values."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.awards.oddities import (
    CODES,
    RUN,
    Doing,
    History,
    Limits,
    above_usual,
    at_two_places,
    first_large,
    oddities,
    one_approver,
    round_run,
    same_deed,
    span,
)
from points.awards.sampling import is_drawn

DAY = date(2026, 11, 20)


def deed(**changes: object) -> Doing:
    body = {
        "claim_id": 1,
        "person_id": 7,
        "done_on": DAY,
        "done_at": "9:00",
        "place": "一号楼",
        "quantity": 1000,
        "unit": "hour",
        "code": "visit",
    }
    return Doing(**{**body, **changes})  # type: ignore[arg-type]


def test_a_person_at_two_places_at_once_is_odd() -> None:
    assert at_two_places(deed(), deed(claim_id=2, done_at="9:30", place="医院"))
    assert at_two_places(deed(quantity=3000), deed(claim_id=2, done_at="11:59", place="医院"))
    assert at_two_places(deed(done_at="morning"), deed(claim_id=2, done_at="9:30", place="医院"))


@pytest.mark.parametrize(
    "other",
    [
        {"done_at": "10:00"},  # one ends when the other begins
        {"place": "一号 楼"},  # the same place in other spacing
        {"place": ""},
        {"done_at": ""},
        {"done_on": date(2026, 11, 19)},
        {"person_id": 8},
        {"claim_id": 1},
        {"done_at": "evening"},
    ],
)
def test_what_may_be_true_is_not_odd(other: dict[str, object]) -> None:
    assert not at_two_places(deed(), deed(**{"claim_id": 2, "place": "医院", "done_at": "9:30", **other}))


def test_a_deed_lasts_as_long_as_it_says() -> None:
    assert span(deed(quantity=2500)) == (540, 690)
    assert span(deed(unit="minute", quantity=30_000)) == (540, 570)
    assert span(deed(unit="event")) == (540, 600)
    assert span(deed(done_at="25:00")) is None


def test_the_same_deed_twice_a_day_is_odd_unless_the_times_are_apart() -> None:
    assert same_deed(deed(done_at=""), deed(claim_id=2))
    assert not same_deed(deed(), deed(claim_id=2, done_at="14:00"))
    assert not same_deed(deed(), deed(claim_id=2, code="sweep"))


def test_far_above_the_usual_is_odd_once_there_is_a_usual() -> None:
    usual = History(rule_count=20, rule_mean=4, person_count=4, person_mean=1)
    assert above_usual(13, usual, 3, 0) == {"whose": "rule", "mean": 4}
    assert above_usual(12, usual, 3, 0) is None
    assert above_usual(1000, History(rule_count=19, rule_mean=4), 3, 0) is None
    own = History(person_count=5, person_mean=2)
    assert above_usual(8, own, 3, 0) == {"whose": "person", "mean": 2}
    assert above_usual(6, History(person_count=5, person_mean=1), 3, 0) == {"whose": "person", "mean": 1}
    assert above_usual(5, History(person_count=5, person_mean=1), 3, 0) is None  # four points more is no matter
    assert above_usual(80, own, 3, 1) == {"whose": "person", "mean": 2}


def test_round_numbers_are_odd_only_in_a_row() -> None:
    assert round_run(5000, [10_000, 5000, 15_000, 20_000]) == 5
    assert round_run(5000, [10_000, 5000, 15_000, 20_500]) == 0
    assert round_run(1000, [1000] * 20) == 0  # one event after the other


def test_a_first_claim_is_odd_when_it_is_large() -> None:
    assert first_large(50, History(), 50, 0)
    assert not first_large(49, History(), 50, 0)
    assert not first_large(50, History(claims_before=1), 50, 0)
    assert first_large(500, History(), 50, 1)


def test_one_approver_is_odd_from_ten_awards_on() -> None:
    assert one_approver(History(approver=6, approved=10, reviewers=20), 0.5)
    assert not one_approver(History(approver=5, approved=10, reviewers=20), 0.5)
    assert not one_approver(History(approver=9, approved=9, reviewers=20), 0.5)


def test_in_a_small_office_one_approver_gives_more_without_being_odd() -> None:
    assert not one_approver(History(approver=30, approved=30, reviewers=1), 0.5)
    assert not one_approver(History(approver=15, approved=20, reviewers=2), 0.5)
    assert one_approver(History(approver=16, approved=20, reviewers=2), 0.5)
    assert not one_approver(History(approver=16, approved=20, reviewers=2), 0.9)


@given(
    points=st.integers(0, 10**6),
    history=st.builds(
        History,
        rule_count=st.integers(0, 200),
        rule_mean=st.floats(0, 1e4),
        person_count=st.integers(0, 200),
        person_mean=st.floats(0, 1e4),
        claims_before=st.integers(0, 5),
        latest=st.lists(st.integers(1, 10**6), max_size=20),
        approver=st.integers(0, 50),
        approved=st.integers(0, 50),
    ),
    others=st.lists(
        st.builds(deed, claim_id=st.integers(1, 5), done_at=st.sampled_from(["", "9:00", "morning", "x"])), max_size=4
    ),
)
def test_any_history_gives_known_codes_each_once_in_order(points: int, history: History, others: list[Doing]) -> None:
    found = [odd.code for odd in oddities(deed(), points, others, history, Limits(), 0)]
    assert found == [code for code in CODES if code in found]
    assert len(set(found)) == len(found)
    assert ("round_run" in found) == (round_run(1000, history.latest) >= RUN)


def test_the_share_that_is_drawn_is_the_share_that_was_set_and_nobody_can_foresee_it() -> None:
    drawn = [n for n in range(20_000) if is_drawn(b"secret", 1, n, 5)]
    assert 850 <= len(drawn) <= 1150
    assert drawn == [n for n in range(20_000) if is_drawn(b"secret", 1, n, 5)]
    assert drawn != [n for n in range(20_000) if is_drawn(b"other", 1, n, 5)]
    assert not any(is_drawn(b"secret", 1, n, 0) for n in range(1000))
    assert all(is_drawn(b"secret", 1, n, 100) for n in range(1000))
