"""The simulator's reckoning, with every number worked out by hand beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points import clock
from points.awards.simulating.rules import (
    Had,
    Past,
    Replay,
    Shelf,
    Sold,
    Tally,
    Totals,
    Worth,
    begun_since,
    shelf_of,
    worth_of,
)
from points.awards.usage import Subjects
from points.clock import PERIODS, period_of
from points.rulebook.pieces import levels_of_document
from points.rulebook.rules import Facts, Rule, caps_for, rule_from

DAY = date(2026, 8, 3)


def rule(code: str = "visit", points: int = 8, **more: Any) -> Rule:
    body = {"code": code, "title": code, "unit": "event", "amount": {"type": "per_unit", "points": points}}
    return rule_from(body | more)


def past(
    place: int, person: int = 1, code: str = "visit", quantity: int = 1000, before: int = 10, **facts: Any
) -> Past:
    done_on = facts.pop("done_on", DAY)
    known = Facts(quantity, "self", done_on, frozenset({"resident"}), **facts)
    return Past(place, person, code, "old", before, known, {}, clock.day_start(done_on, "Asia/Shanghai"), holder=person)


def wanting(one: Past, rules: Mapping[str, Rule]) -> Past:
    """The claim with the usage rows that its rule wants."""
    if one.rule not in rules:
        return one
    keys = caps_for(rules[one.rule], one.facts.done_on, one.facts.subject, one.facts.act)
    subjects = Subjects(one.person_id, scheme_id=99)
    return replace(one, rows={key: subjects.row(key) for key in keys})


def judged(rules: list[Rule], *pasts: Past, had: Had | None = None, used: Any = ()) -> list[tuple[int, str]]:
    known = {one.code: one for one in rules}
    replay = Replay(known, 0, had)
    replay.begin(dict(used))
    found = [replay.judge(wanting(one, known)) for one in pasts]
    return [(one.after, one.refusal.code if one.refusal else "") for one in found]


def test_a_claim_is_worth_what_the_other_rule_gives() -> None:
    assert judged([rule(points=8)], past(1), past(2, quantity=3000)) == [(8, ""), (24, "")]


def test_a_cap_fills_up_claim_by_claim_for_each_person_and_starts_again_in_the_next_month() -> None:
    capped = rule(points=8, caps=[{"what": "points", "most": 20, "per": "month"}])
    pasts = [past(1), past(2), past(3), past(4, person=2), past(5, done_on=DAY + timedelta(days=31))]
    # 8, 8, then 20 − 16 = 4; the other person and the next month begin anew
    assert [after for after, _ in judged([capped], *pasts)] == [8, 8, 4, 8, 8]


def test_a_cap_goes_on_from_what_was_used_of_it_when_the_range_began() -> None:
    capped = rule(points=8, caps=[{"what": "points", "most": 20, "per": "year"}])
    used = {(1, "visit.points", "2026"): 9}
    # 20 − 9 = 11 are left to the first person: 8, then 3; the other one has all
    assert judged([capped], past(1), past(2), past(3), past(4, person=2), used=used) == [
        (8, ""),
        (3, ""),
        (0, ""),
        (8, ""),
    ]


def test_a_ceiling_fills_from_what_one_had_and_an_exchange_makes_room_again() -> None:
    full = rule(points=8, ceilings=[{"balance": "points", "most": 50, "overflow": "lapse"}])
    had = Had(balances={1: {"points": 40}})
    replay = Replay({"visit": full}, 0, had)
    # 40 + 8 = 48; then only 2 fit; after an exchange of 30 there is room again: 20 + 8
    assert [replay.judge(past(n)).after for n in (1, 2)] == [8, 2]
    had.move(1, "points", -30)
    assert replay.judge(past(3)).after == 8 and had.balances[1]["points"] == 28


def test_whoever_would_have_had_less_buys_less_and_never_owes_by_it() -> None:
    had = Had(balances={1: {"points": 5}, 2: {"points": -3}})
    had.move(1, "points", -30)
    had.move(2, "points", -30)
    had.move(2, "points", 10)
    assert had.balances == {1: {"points": 0}, 2: {"points": 7}}


STARS = {
    "levels": [
        {
            "code": "star",
            "title": "星级",
            "over": "points",
            "measure": "earned",
            "per": "month",
            "steps": [{"from": 20, "title": "一星", "effects": [{"type": "coefficient", "factor": 2}]}],
        }
    ]
}


def test_a_level_is_reached_by_what_the_other_rulebook_gives_and_then_counts() -> None:
    stars = levels_of_document(STARS)
    starred = rule(points=8, level_factors=[{"level": "star", "step": 1, "title": "一星", "factor": 2}])
    had = Had(stars, balances={1: {}})
    had.earned["star", "2026-08", 1] = {"points": 5}
    # 5 + 8 = 13, + 8 = 21: from then on twice as much, until the month is over
    later = past(4, done_on=DAY + timedelta(days=31))
    assert judged([starred], past(1), past(2), past(3), later, had=had) == [(8, ""), (8, ""), (16, ""), (8, "")]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(-800, 800), st.sampled_from(PERIODS))
def test_a_period_is_told_to_have_begun_by_its_key(first: date, days: int, per: str) -> None:
    key, begins, _ = period_of(first + timedelta(days=days), per)
    assert begun_since(key, first) == (per != "lifetime" and begins >= first)
    assert not begun_since("a:0123456789abcdef", first) and not begun_since("2026~04-01", first)


def test_a_cap_that_refuses_says_so_and_takes_nothing() -> None:
    once = rule(points=8, caps=[{"what": "times", "most": 1, "per": "week", "over": "refuse"}])
    assert judged([once], past(1), past(2)) == [(8, ""), (0, "cap_exceeded")]


def test_a_claim_without_a_rule_and_one_without_its_photo_are_refused_by_name() -> None:
    strict = rule(evidence={"photos": 1})
    assert judged([strict], past(1, code="gone"), past(2), past(3, photos=1)) == [
        (0, "no_such_rule"),
        (0, "photos"),
        (8, ""),
    ]


@pytest.mark.parametrize(("decided", "after"), [(30, 20), (12, 12), (1, 5)])
def test_what_a_reviewer_decided_stays_within_the_other_rule_s_bounds(decided: int, after: int) -> None:
    judgement = rule(amount={"type": "case_by_case", "least": 5, "most": 20})
    assert judged([judgement], past(1, before=decided)) == [(after, "")]


def test_the_sums_are_those_of_the_claims_by_person_rule_category_and_reason() -> None:
    replay = Replay({"visit": rule(points=8, category="care"), "sweep": rule("sweep", points=30)}, 0)
    totals = Totals()
    for one in (past(1), past(2, code="sweep"), past(3, person=2, code="gone"), past(4, person=3, before=8)):
        totals.add(replay.judge(one))
    # before: 10 + 10 + 10 + 8 = 38; after: 8 + 30 + 0 + 8 = 46
    assert totals.all == Tally(38, 46, 4, 1)
    assert {person: tally.change for person, tally in totals.people.items()} == {1: 18, 2: -10, 3: 0}
    assert (totals.gaining, totals.losing) == (1, 1)
    assert dict(totals.categories) == {"care": Tally(18, 16, 2, 0), "": Tally(10, 30, 1, 0), "old": Tally(10, 0, 1, 1)}
    assert dict(totals.reasons) == {"no_such_rule": 1}


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(0, 60)), max_size=40))
def test_no_cap_is_ever_exceeded_and_the_sums_always_agree(deeds: list[tuple[int, int, int]]) -> None:
    capped = rule(points=7, caps=[{"what": "points", "most": 30, "per": "month"}])
    replay, totals = Replay({"visit": capped}, 0), Totals()
    by_month: dict[tuple[int, str], int] = {}
    for place, (person, quantity, days) in enumerate(deeds):
        on = DAY + timedelta(days=days)
        one = replay.judge(wanting(past(place, person, quantity=quantity * 1000, done_on=on), replay.rules))
        totals.add(one)
        name = person, on.isoformat()[:7]
        by_month[name] = by_month.get(name, 0) + one.after
    assert all(points <= 30 for points in by_month.values())
    assert totals.all.after == sum(by_month.values()) == sum(tally.after for tally in totals.people.values())


def test_a_point_is_worth_what_was_sold_for_it() -> None:
    rice, soap, flag = Sold(10, 50, 2500), Sold(40, 5, 300), Sold(7, 9, None)
    # (10 × 25.00 + 40 × 3.00) yuan for (10 × 50 + 40 × 5) points; the flag has no market price
    assert worth_of([rice, soap, flag], []) == Worth(37_000, 700, "sold")
    assert Worth(37_000, 700, "sold").cost(1400) == 74_000


def test_where_nothing_was_sold_it_is_worth_what_stands_on_the_shelf_and_without_prices_nobody_knows() -> None:
    assert worth_of([], [Sold(3, 10, 500)]) == Worth(1500, 30, "shelf")
    assert worth_of([Sold(0, 10, 500)], [Sold(3, 10, None)]).cost(10) is None


def test_the_shelf_lasts_shorter_in_proportion_to_what_is_given_out() -> None:
    # 900 points on the shelf, 450 spent in 90 days: 5 a day, 180 days. A half more: 7.5 a day, 120 days.
    assert shelf_of(900, 450, 90, before=1000, after=1500) == Shelf(900, 450, 90, 1800, 1200)


def test_where_nothing_was_spent_all_that_is_earned_counts_and_nothing_earned_empties_no_shelf() -> None:
    # 100 earned in 10 days: 10 a day; 20 earned: 2 a day
    assert shelf_of(300, 0, 10, before=100, after=20) == Shelf(300, 0, 10, 300, 1500)
    assert shelf_of(300, 0, 10, before=0, after=20) == Shelf(300, 0, 10, None, 1500)
    assert shelf_of(300, 50, 10, before=100, after=0).then is None
