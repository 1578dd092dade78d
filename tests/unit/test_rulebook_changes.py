"""What differs between two documents, in words that are those of the editor."""

from __future__ import annotations

from typing import Any

from points.rulebook.changes import changes
from tests.speaking import speaking

DOCUMENT = {
    "format": "points-rulebook/1",
    "label": "2026",
    "title": "细则",
    "source": {"title": "社区"},
    "effective_on": "2026-01-01",
    "decimals": 0,
    "rules": [{"code": "a", "title": "甲", "unit": "event", "amount": {"type": "fixed", "points": 1}}],
}


def added(**parts: Any) -> dict[str, list[tuple[str, str, str]]]:
    """What the difference to a document with these parts says: title of the item → (label, before, after)."""
    with speaking().test_request_context("/"):
        found = changes(DOCUMENT, {**DOCUMENT, **parts}, 1)
        return {item.title: list(item.sides) for item in found.items}


def test_a_field_is_called_as_in_its_own_part_and_its_word_is_said() -> None:
    said = added(
        rankings=[
            {"code": "home", "title": "积分家庭", "over": "points", "per": "year", "by": "household", "prizes": []}
        ],
        pools=[{"code": "love", "title": "爱心池", "for": "帮困难老人"}],
        grants=[{"code": "post", "title": "岗位积分", "points": 10, "per": "month"}],
    )
    assert ("按人、按户还是按队排", "", "全家合起来排") in said["积分家庭"]
    assert ("用在哪里", "", "帮困难老人") in said["爱心池"]
    teams = {"code": "t", "title": "最美队", "counts": "times", "per": "month", "by": "team"}
    prize = {"to": 3, "points": 50, "shared": "by_amount", "for": "members"}
    sides = dict(side[::2] for side in added(rankings=[{**teams, "prizes": [prize]}])["最美队"])
    assert sides["比什么"] == "这段时间做了几次" and sides["按人、按户还是按队排"] == "一个队一个队排"
    assert "排队伍时，给谁 给每个队员" in sides["奖励"] and "这些分大家怎么分 按各人有多少分" in sides["奖励"]
    assert ("发几分", "", "10") in said["岗位积分"]


def test_a_balance_is_called_by_its_name() -> None:
    assert set(added(opening=[{"balance": "points", "amount": 5}])) == {"积分"}


def test_days_and_months_are_said_as_such() -> None:
    windows = [{"weekdays": [1, 5], "month_days": [28], "months": [3]}]
    (said,) = added(redemption={"windows": windows}).values()
    assert said == [("兑换 · 哪些日子能换", "", "哪几个月 3月，星期几 星期一、星期五，每月哪几天 28 日")]


def test_the_order_in_which_a_database_keeps_an_object_is_no_difference() -> None:
    def with_trust(*sources: str) -> dict[str, Any]:
        rule = DOCUMENT["rules"][0] | {"trust": {source: {"points": 50} for source in sources}}  # type: ignore[operator]
        return {**DOCUMENT, "rules": [rule]}

    with speaking().test_request_context("/"):
        assert changes(with_trust("import", "backfill"), with_trust("backfill", "import"), 0).items == ()
        assert changes(with_trust("import"), with_trust("backfill", "import"), 0).items
