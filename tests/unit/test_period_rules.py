"""What a document gives by itself, and the period in which a grant falls."""

from __future__ import annotations

from datetime import date

from points.awards.periods.rules import grant_period, minor
from points.rulebook.given import given_rules, prize_code
from points.rulebook.parsing import rule_from


def test_a_grant_falls_in_the_period_that_runs() -> None:
    assert (grant_period(date(2026, 3, 9), "once"), grant_period(date(2026, 3, 9), "month")) == ("ever", "2026-03")


def test_an_amount_of_a_document_in_minor_units() -> None:
    assert [minor(said, 1) for said in ("2.5", 3, "0.1")] == [25, 30, 1]


def test_a_prize_is_a_rule_of_its_own_that_goes_the_way_of_every_award() -> None:
    body = {
        "notice_days": 3,
        "review": "two",
        "life": {"type": "calendar_year"},
        "rankings": [
            {
                "code": "q",
                "title": "季度之星",
                "over": "points",
                "per": "quarter",
                "notice_days": 5,
                "prizes": [{"to": 1, "points": "30", "honour": "50"}, {"to": 3, "title": "称号"}],
            },
        ],
        "rules": [],
    }
    (made,) = given_rules(body)
    rule = rule_from(made)
    assert (rule.code, rule.amount.points, rule.notice_days, rule.path.code) == (prize_code("q", 1), 30_000, 5, "two")
    assert rule.trigger == "given" and rule.life.type == "calendar_year"
