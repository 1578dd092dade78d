"""Who may decide about a claim, when a deed may be claimed, what a decision needs: plain values in, refusal out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from points.awards.models import ClaimState, Source, Step
from points.awards.rules import (
    CannotEarn,
    NotYetDone,
    OwnClaim,
    OwnEntry,
    OwnHousehold,
    Parties,
    ReasonNeeded,
    TooLongAgo,
    TooManyPhotos,
    check_day,
    check_photos,
    check_reason,
    objection,
    source_of,
    too_late,
    window_days,
)

ENTERER, DOER, HOME, STRANGER = 1, 2, 30, 4
TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("decider", "household", "entered_by", "person", "home", "refusal"),
    [
        (STRANGER, None, ENTERER, DOER, HOME, None),
        (STRANGER, 31, ENTERER, DOER, HOME, None),
        (STRANGER, None, ENTERER, DOER, None, None),  # two people without a household do not share one
        (DOER, HOME, DOER, DOER, HOME, OwnClaim),
        (DOER, None, ENTERER, DOER, None, OwnClaim),
        (ENTERER, None, ENTERER, DOER, HOME, OwnEntry),
        (ENTERER, HOME, ENTERER, DOER, HOME, OwnHousehold),
        (STRANGER, HOME, ENTERER, DOER, HOME, OwnHousehold),
    ],
)
def test_nobody_decides_about_their_own(decider, household, entered_by, person, home, refusal) -> None:
    assert objection(decider, household, Parties(entered_by, person, home)) is refusal


def test_the_source_is_who_tells() -> None:
    assert source_of(for_self=True, as_staff=True) is Source.SELF
    assert source_of(for_self=False, as_staff=True) is Source.STAFF
    assert source_of(for_self=False, as_staff=False) is Source.LEADER


def test_a_deed_can_be_claimed_from_its_day_until_the_window_closes() -> None:
    for back in (0, 1, 90):
        check_day(TODAY - timedelta(days=back), TODAY)
    with pytest.raises(NotYetDone):
        check_day(TODAY + timedelta(days=1), TODAY)
    with pytest.raises(TooLongAgo) as refused:
        check_day(TODAY - timedelta(days=31), TODAY, 30)
    assert refused.value.facts == {"days": 30, "first_on": date(2026, 10, 21)}
    with pytest.raises(TooLongAgo):
        check_day(date.min, TODAY)


@pytest.mark.parametrize(
    ("setting", "days"), [(30, 30), (366, 366), (0, 90), (367, 90), (-5, 90), ("30", 90), (None, 90)]
)
def test_a_scheme_sets_the_window_within_bounds(setting, days) -> None:
    assert window_days({"claim_window_days": setting}) == days and window_days({}) == 90


def test_what_a_decision_needs() -> None:
    for step in (Step.RETURNED, Step.REJECTED):
        for reason in ("", " ", " x "):
            with pytest.raises(ReasonNeeded):
                check_reason(step, reason)
        check_reason(step, "补照片")
    check_reason(Step.APPROVED, "")
    check_photos(4)
    with pytest.raises(TooManyPhotos):
        check_photos(5)


def test_a_refusal_of_the_rule_stands_beside_the_field_it_is_about() -> None:
    assert CannotEarn(cause="too_much", why="").field == "quantity"
    assert CannotEarn(cause="photos", why="").field == "photos"
    assert CannotEarn(cause="not_for_role", why="").field == "rule"


def test_a_decision_that_comes_too_late_says_what_happened() -> None:
    sentences = {
        too_late(ClaimState.APPROVED, by_me=False).sentence,
        too_late(ClaimState.APPROVED, by_me=True).sentence,
        too_late(ClaimState.WITHDRAWN, by_me=False).sentence,
        too_late(ClaimState.RETURNED, by_me=False).sentence,
    }
    assert len(sentences) == 4
    assert too_late(ClaimState.WITHDRAWN, by_me=False).code == "already_decided"
