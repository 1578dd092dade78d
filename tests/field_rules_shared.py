"""Rules of the field, the fifth part: limits for each thing reported, what a household shares, two steps of lateness."""

from __future__ import annotations

from datetime import date

from tests.field_rules import Case, cap, only, per_unit


def on(month: int, number: int, **more: object) -> dict[str, object]:
    return {"done_on": date(2026, month, number), **more}


CASES = [
    Case(
        "入户走访每户2分，同一户每月只算一次",
        only(unit="household", amount=per_unit(2), quantity={"most": 1}, caps=[cap("times", 1, "month", same="subject")]),
        [
            (on(5, 1), "need:subject"),
            (on(5, 1, subject="3号楼201"), 2),
            (on(5, 31, subject="3号楼201"), 0),
            (on(5, 31, subject="3号楼202"), 2),
            (on(6, 1, subject="3号楼201"), 2),
            (on(6, 2, subject="3号楼201", person="b"), 2),
        ],
    ),
    Case(
        "同一位老人每周最多两人去看，谁去都算",
        only(amount=per_unit(3), quantity={"most": 1}, caps=[cap("times", 2, "week", same="subject", who="all", over="refuse")]),
        [
            (on(5, 4, subject="王奶奶", person="a"), 3),
            (on(5, 5, subject="王奶奶", person="b"), 3),
            (on(5, 10, subject="王奶奶", person="c"), "cap_exceeded"),
            (on(5, 10, subject="李爷爷", person="c"), 3),
            (on(5, 11, subject="王奶奶", person="c"), 3),
        ],
    ),
    Case(
        "帮同一户每学年（9月1日起）最多记20分，全部合计每月最多30分",
        only(amount=per_unit(15), quantity={"most": 2}, caps=[cap("points", 20, "year", starts="09-01", same="subject"), cap("points", 30, "month")]),
        [
            (on(8, 30, subject="李家"), 15),
            (on(9, 1, subject="李家"), 15),
            (on(9, 2, subject="李家"), 5),
            (on(9, 2, subject="王家"), 10),
            (on(10, 2, subject="王家", quantity=2), 10),
        ],
    ),
    Case(
        "同一次活动一家几口都参加的，只按最高的一人计",
        only(code="a", amount=per_unit(5), groups=["home"]) + only(code="b", amount=per_unit(8), groups=["home"]),
        [
            ({"code": "a", "act": "清明", "household": "1", "person": "爸"}, 5),
            ({"code": "b", "act": "清明", "household": "1", "person": "妈"}, 3),
            ({"code": "b", "act": "清明", "household": "2", "person": "邻居"}, 8),
        ],
        {"groups": [{"code": "home", "title": "全家", "once": "highest", "same": "act", "who": "household"}]},
    ),
    Case(
        "全家一个月合起来投放满5次，另加10分",
        only(amount=per_unit(1), quantity={"most": 1}, bonuses=[{"code": "home", "title": "全家", "points": 10, "reach": 5, "per": "month", "who": "household"}]),
        [({"household": "1", "person": name}, 1) for name in ("爸", "妈", "女", "爸")]
        + [({"household": "2", "person": "邻居"}, 1), ({"household": "1", "person": "妈"}, 11), ({"household": "1", "person": "女"}, 1)],
    ),
    Case(
        "7天内整改每处5分，7到15天减半，15天以后不计",
        only(unit="case", amount=per_unit(5), late={"days": 7, "then": {"percent": 50}, "never": 15}),
        [
            (on(5, 1, entered_on=date(2026, 5, 8), quantity=2), 10),
            (on(5, 1, entered_on=date(2026, 5, 9), quantity=2), 5),
            (on(5, 1, entered_on=date(2026, 5, 16), quantity=2), 5),
            (on(5, 1, entered_on=date(2026, 5, 17), quantity=2), "entered_late"),
        ],
    ),
    Case(
        "当天的事当天报，第二天不收",
        only(late={"days": 0}),
        [(on(5, 1, entered_on=date(2026, 5, 1)), 10), (on(5, 1, entered_on=date(2026, 5, 2)), "entered_late")],
    ),
]  # fmt: skip
