"""What a rulebook says of redeeming: days, whom, how much, how often. Facts in, a way or a named refusal out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from points.redemption.refusals import (
    BarredFromRedeeming,
    GoodsNotForThem,
    LevelBars,
    NotForRedeeming,
    PointsMustStay,
    RedeemedEnough,
    RedeemedOftenEnough,
    RedemptionClosed,
    TooFewToBegin,
)
from points.redemption.rules import Priced
from points.redemption.terms import Asked, Obeyed, Redeemer, hindrances, obey
from points.rulebook.pieces import Profile
from points.rulebook.redeeming import next_open, redeeming_terms, window_from

FRIDAY = datetime(2026, 11, 20, 9, 30)
RICE, PIN = Priced(1, "大米", "袋", 1, 30, "5公斤"), Priced(2, "党员活动卡", "张", 1, 5)


@pytest.fixture(autouse=True)
def in_chinese() -> Iterator[None]:
    app = Flask("words")
    Babel(app, default_locale="zh")
    with app.test_request_context():
        yield


def asked(who: Redeemer | None = None, now: datetime = FRIDAY, scale: int = 0, **said: Any) -> Asked:
    levels = said.pop("levels", [])
    return Asked(redeeming_terms(1, {"redemption": said, "levels": levels}), who or Redeemer(7, 70), now, scale)


def test_a_rulebook_that_says_nothing_of_redeeming_asks_nothing() -> None:
    terms = redeeming_terms(1, {"redemption": {"prices": [{"goods": "大米", "points": 30}], "note": "每周五"}})
    assert terms.says_nothing and not terms.asks_about_people


@pytest.mark.parametrize(
    ("windows", "opens"),
    [
        ([{"from": "2026-11-20", "to": "2026-11-20"}], "now"),
        ([{"from": "2026-11-01", "to": "2026-11-19"}], None),
        ([{"from": "2027-03-01", "to": "2027-03-31"}], (date(2027, 3, 1), "")),
        ([{"from": "2030-03-01"}], (date(2030, 3, 1), "")),
        ([{"weekdays": [5]}], "now"),
        ([{"weekdays": [1, 3]}], (date(2026, 11, 23), "")),
        ([{"month_days": [15]}], (date(2026, 12, 15), "")),
        ([{"month_days": [30]}, {"weekdays": [6]}], (date(2026, 11, 21), "")),
        ([{"weekdays": [5], "opens": "09:00", "closes": "11:00"}], "now"),
        ([{"weekdays": [5], "opens": "08:00", "closes": "09:30"}], (date(2026, 11, 27), "08:00")),
        ([{"opens": "14:00", "closes": "16:00"}], (date(2026, 11, 20), "14:00")),
        ([{"months": [12], "month_days": [20]}], (date(2026, 12, 20), "")),
    ],
)
def test_it_is_open_on_the_days_and_hours_it_names_and_says_when_it_opens_next(windows: list[Any], opens: Any) -> None:
    one = asked(windows=windows)
    if opens == "now":
        assert obey(one, [RICE], 30, 100) == Obeyed()
        return
    with pytest.raises(RedemptionClosed) as refused:
        obey(one, [RICE], 30, 100)
    on, at = opens or (None, "")
    assert refused.value.facts == {"opens_on": on, "opens": at}
    assert next_open(tuple(map(window_from, windows)), FRIDAY) == opens


def test_so_many_points_before_anything_goes_and_so_many_that_stay() -> None:
    one = asked(conditions=[{"balance": "points", "least": 50}], keep="20.5", scale=1)
    with pytest.raises(TooFewToBegin) as few:
        obey(one, [RICE], 300, 499)
    assert few.value.facts == {"least_points": 500, "missing_points": 1}
    assert obey(one, [RICE], 295, 500) == Obeyed((), 500, 205)
    with pytest.raises(PointsMustStay) as stay:
        obey(one, [RICE], 296, 500)
    assert stay.value.facts == {"keep_points": 205, "most_points": 295}


@pytest.mark.parametrize(
    ("condition", "who", "said"),
    [
        ({"balance": "minutes", "least": 600}, Redeemer(7, amounts={"minutes": 599_999}), "服务满 10 小时"),
        ({"balance": "honour", "least": 5}, Redeemer(7, amounts={"honour": 4_900}), "荣誉积分满 5"),
        ({"ages": {"from": 60}}, Redeemer(7), ""),
        ({"ages": {"from": 60}}, Redeemer(7, profile=Profile(age=59)), ""),
        ({"members": ["party"], "note": "是党员"}, Redeemer(7), "是党员"),
        ({"roles": ["grid_worker"]}, Redeemer(7, profile=Profile(roles=frozenset({"resident"}))), "网格员"),
        ({"areas": ["和苑社区"]}, Redeemer(7, profile=Profile(areas=frozenset({"东社区"}))), "和苑社区"),
        ({"level": "star:2"}, Redeemer(7, levels=frozenset({"star:1"})), "到“二星”"),
    ],
)
def test_whoever_does_not_meet_a_condition_hears_which(condition: Any, who: Redeemer, said: str) -> None:
    steps = [{"from": 1, "title": "一星"}, {"from": 9, "title": "二星"}]
    star = {"code": "star", "title": "星级", "over": "honour", "steps": steps}
    with pytest.raises(NotForRedeeming) as refused:
        obey(asked(who, conditions=[condition], levels=[star]), [RICE], 30, 100)
    assert said in refused.value.facts["condition"]


def test_whoever_meets_every_condition_may() -> None:
    who = Redeemer(
        7,
        profile=Profile(frozenset({"grid_worker"}), 60, frozenset({"和苑社区"}), frozenset({"party"})),
        amounts={"minutes": 600_000},
        levels=frozenset({"star:1", "star:2"}),
    )
    conditions = [
        {"balance": "minutes", "least": 600},
        {"ages": {"from": 60, "to": 60}},
        {"members": ["party", "x"]},
        {"roles": ["grid_worker"]},
        {"areas": ["和苑社区"]},
        {"note": "凭卡"},
    ]
    assert obey(asked(who, conditions=conditions), [RICE], 30, 100) == Obeyed()


def test_goods_for_some_stay_on_the_shelf_for_the_others_and_nothing_else_does() -> None:
    kept = [
        {"goods": ["党员活动卡"], "members": ["party"], "note": "是党员"},
        {"goods": ["大米 5公斤"], "ages": {"from": 60}},
    ]
    one = asked(conditions=kept)
    with pytest.raises(GoodsNotForThem) as refused:
        obey(one, [Priced(3, "香皂", "块", 1, 6), PIN, RICE], 41, 100)
    assert refused.value.facts == {"goods": ["党员活动卡"], "items": ["2"], "condition": "是党员"}
    assert list(hindrances(one, 100)) == []
    assert obey(one, [Priced(3, "香皂", "块", 1, 6)], 6, 100) == Obeyed()
    member = Redeemer(7, profile=Profile(age=70, members=frozenset({"party"})))
    assert obey(asked(member, conditions=kept), [PIN, RICE], 35, 100) == Obeyed()


def test_times_and_points_of_a_period_are_counted_for_one_or_for_the_household() -> None:
    limits = [{"per": "quarter", "times": 1}, {"per": "month", "points": 40, "who": "household"}]
    taken = obey(asked(limits=limits), [RICE], 30, 100)
    assert [(use.row, use.amount, use.most) for use in taken.uses] == [
        ((7, "@redeem.times", "2026-Q4"), 1, 1),
        ((70, "@redeem.points", "2026-11"), 30, 40),
    ]
    alone = obey(asked(Redeemer(7), limits=limits), [RICE], 30, 100)
    assert [use.row[0] for use in alone.uses] == [7, 7]
    often = Redeemer(7, 70, used={(7, "@redeem.times", "2026-Q4"): 1, (70, "@redeem.points", "2026-11"): 30})
    with pytest.raises(RedeemedOftenEnough) as refused:
        obey(asked(often, limits=limits), [RICE], 30, 100)
    assert refused.value.facts == {"span": "本季度", "limit": 1, "used": 1, "again_on": date(2027, 1, 1)}
    family = Redeemer(7, 70, used={(70, "@redeem.points", "2026-11"): 30})
    with pytest.raises(RedeemedEnough) as enough:
        obey(asked(family, limits=limits), [RICE], 11, 100)
    assert enough.value.facts["left_points"] == 10 and enough.value.facts["span"] == "全家本月"
    assert obey(asked(family, limits=limits), [RICE], 10, 100).uses[1].amount == 10


def test_of_two_limits_on_the_same_count_the_tighter_holds() -> None:
    one = asked(limits=[{"per": "month", "times": 5}, {"per": "month", "times": 2}, {"per": "lifetime", "times": 9}])
    assert [use.most for use in obey(one, [RICE], 30, 100).uses] == [2, 9]


def test_a_level_that_bars_redeeming_is_named() -> None:
    with pytest.raises(LevelBars) as refused:
        obey(asked(Redeemer(7, barred_by=("信用", "待改进")), keep=1), [RICE], 30, 100)
    assert refused.value.facts == {"level": "信用", "step": "待改进"}


def test_all_that_stands_in_the_way_is_told_beforehand() -> None:
    who = Redeemer(7, 70, used={(7, "@redeem.times", "2026-11"): 2})
    said = {
        "windows": [{"weekdays": [1]}],
        "keep": 50,
        "limits": [{"per": "month", "times": 2}],
        "conditions": [{"balance": "points", "least": 60}, {"balance": "honour", "least": 1}],
    }
    found = [type(one) for one in hindrances(asked(who, **said), 40)]
    assert found == [RedemptionClosed, TooFewToBegin, NotForRedeeming, RedeemedOftenEnough, PointsMustStay]


def test_a_decision_about_a_deed_keeps_from_redeeming_before_anything_else_is_asked() -> None:
    barred = Redeemer(7, barred_until=date(2026, 12, 31))
    for said in ({}, {"windows": [{"months": [1]}]}):
        with pytest.raises(BarredFromRedeeming) as refused:
            obey(asked(barred, **said), [RICE], 30, 100)
        assert refused.value.facts == {"until_on": date(2026, 12, 31)}
        assert [type(one) for one in hindrances(asked(barred, **said), 0)] == [BarredFromRedeeming]
