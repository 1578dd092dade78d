"""What may be appealed, until when, and who reads it: pure decisions, with plain values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.awards.appeals.models import About
from points.awards.appeals.rules import (
    DECISIONS,
    AppealTooLate,
    NothingToAppeal,
    OwnAppeal,
    Parties,
    ReadBefore,
    RelativesAppeal,
    Standing,
    about_of,
    check_clock,
    file_until,
    is_overdue,
    reader_objection,
)
from points.awards.models import ClaimState, Step

ABOUT = {
    (ClaimState.REJECTED, False): About.REJECTION,
    (ClaimState.REJECTED, True): About.REJECTION,
    (ClaimState.ON_NOTICE, False): About.AMOUNT,
    (ClaimState.DUE, False): About.AMOUNT,
    (ClaimState.STUCK, False): About.AMOUNT,
    (ClaimState.APPROVED, False): About.AMOUNT,
    (ClaimState.REVERSED, False): About.AMOUNT,
    (ClaimState.ON_NOTICE, True): About.DEDUCTION,
    (ClaimState.DUE, True): About.DEDUCTION,
    (ClaimState.STUCK, True): About.DEDUCTION,
    (ClaimState.APPROVED, True): About.DEDUCTION,
}


@pytest.mark.parametrize("state", list(ClaimState))
@pytest.mark.parametrize("is_deduction", [False, True])
def test_every_state_can_be_appealed_in_one_way_or_not_at_all(state: ClaimState, is_deduction: bool) -> None:
    standing = Standing(state, 10, is_deduction)
    if (state, is_deduction) in ABOUT:
        assert about_of(standing) == ABOUT[state, is_deduction]
    else:
        with pytest.raises(NothingToAppeal):
            about_of(standing)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)), st.integers(1, 60))
def test_whoever_is_told_has_that_many_whole_days(told_at: datetime, days: int) -> None:
    until_on = file_until(told_at, "Asia/Shanghai", days)
    told_on = (told_at + timedelta(hours=8)).date()
    assert until_on - told_on == timedelta(days=days)
    check_clock(until_on, until_on)
    with pytest.raises(AppealTooLate):
        check_clock(until_on + timedelta(days=1), until_on)


ids = st.integers(1, 6)
people = st.frozensets(ids)
parties = st.builds(Parties, own=people, household_id=st.none() | ids, relatives=people, deciders=people)


@given(ids, st.none() | ids, parties)
def test_a_reader_is_a_stranger_in_every_respect(reader: int, household: int | None, them: Parties) -> None:
    refusal = reader_objection(reader, household, them)
    own = reader in them.own or (household is not None and household == them.household_id)
    assert (refusal is None) == (not own and reader not in them.relatives and reader not in them.deciders)
    assert refusal in (None, OwnAppeal, RelativesAppeal, ReadBefore)


def test_people_without_a_household_are_no_household() -> None:
    nobody = Parties(frozenset({1}), None, frozenset(), frozenset())
    assert reader_objection(2, None, nobody) is None


def test_whoever_only_sent_or_appealed_has_not_decided() -> None:
    assert not DECISIONS & {Step.SENT, Step.RESENT, Step.APPEALED, Step.WITHDRAWN, Step.CONFIRMED}
    assert {Step.AGREED, Step.APPROVED, Step.REJECTED, Step.RETURNED, Step.CLEARED, Step.APPEAL_DECIDED} <= DECISIONS


def test_only_open_appeals_are_overdue_and_only_after_their_day() -> None:
    day = date(2026, 12, 1)
    assert not is_overdue("open", day, day)
    assert is_overdue("open", day, day + timedelta(days=1))
    assert not is_overdue("granted", day, day + timedelta(days=1))
