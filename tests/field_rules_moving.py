"""Rules of the field, the third part: moving windows, totals of several rules, shares, seasons, further numbers."""

from __future__ import annotations

from datetime import date

from tests.field_rules import Case, cap, only, per_unit
from tests.rulebook_book import DEDUCTIONS


def on(month: int, number: int, year: int = 2026) -> dict[str, date]:
    return {"done_on": date(year, month, number)}


def fixed(points: float) -> dict[str, object]:
    return {"type": "fixed", "points": points}


TOGETHER = per_unit(2, cumulative="year", cumulative_group="care", above=3)
BY_AGE = {
    "type": "choice",
    "choices": [
        {"code": "a", "title": "60到69岁", "points": 5, "when": {"ages": {"from": 60, "to": 69}}},
        {"code": "b", "title": "70岁以上", "points": 8, "when": {"ages": {"from": 70}}},
        {"code": "c", "title": "其他", "points": 2},
    ],
}
CASES = [
    Case(
        "无偿献血每次20分，两次间隔不少于6个月",
        only(amount=fixed(20), spacing=[{"months": 6}]),
        [
            (on(1, 31), 20),
            (on(7, 30), "too_soon"),
            (on(7, 31), 20),
            (on(2, 1), "too_soon"),
            (on(1, 31, 2027), 20),
            (on(1, 30, 2028), 20),
        ],
    ),
    Case(
        "捐献血小板间隔不少于14天，提前的不计分",
        only(amount=fixed(10), spacing=[{"days": 14, "over": "cut"}]),
        [(on(3, 1), 10), (on(3, 14), 0), (on(3, 15), 10), (on(2, 20), 0), (on(2, 15), 10), (on(3, 2), 0)],
    ),
    Case(
        "同一处隐患30天内不重复计分（谁报的都算）",
        only(amount=per_unit(3), spacing=[{"days": 30, "same": "subject", "who": "all"}]),
        [
            ({**on(5, 1), "person": "a"}, "need:subject"),
            ({**on(5, 1), "person": "a", "subject": "井盖"}, 3),
            ({**on(5, 30), "person": "b", "subject": "井盖"}, "too_soon"),
            ({**on(5, 30), "person": "b", "subject": "路灯"}, 3),
            ({**on(5, 31), "person": "b", "subject": "井盖"}, 3),
        ],
    ),
    Case(
        "任意7天内随手拍最多计3条，每条1分",
        only(amount=per_unit(1), spacing=[{"days": 7, "most": 3}]),
        [
            ({**on(6, 1), "quantity": 2}, 2),
            (on(6, 5), 1),
            (on(6, 7), "too_soon"),
            (on(6, 8), 1),
            ({**on(6, 8), "quantity": 2}, "too_soon"),
            (on(5, 30), "too_soon"),
            (on(5, 25), 1),
        ],
    ),
    Case(
        "献血、献血小板合起来每30天只计一次",
        only(amount=fixed(20), groups=["blood"]) + only(code="r02", amount=fixed(10), groups=["blood"]),
        [
            ({"code": "r01", **on(4, 1)}, 20),
            ({"code": "r02", **on(4, 20)}, "too_soon"),
            ({"code": "r02", **on(5, 1)}, 10),
        ],
        {"groups": [{"code": "blood", "title": "献血", "spacing": [{"days": 30}]}]},
    ),
    Case(
        "探访、助餐、助医全年合起来超过3次的部分每次2分",
        only(amount=TOGETHER, groups=["care"]) + only(code="r02", amount=TOGETHER, groups=["care"]),
        [({"code": "r01", "quantity": 2}, 0), ({"code": "r02", "quantity": 2}, 2), ({"code": "r01"}, 2)],
        {"groups": [{"code": "care", "title": "关爱", "note": "合起来累计"}]},
    ),
    Case(
        "活动签到前2名各5分，其余各2分",
        only(
            unit="person",
            quantity={"most": 1},
            amount={
                "type": "brackets",
                "mode": "progressive",
                "cumulative": "act",
                "cumulative_who": "all",
                "brackets": [{"from": 0, "points": 5}, {"from": 2, "points": 2}],
            },
        ),
        [({"person": name, "act": "清明祭扫"}, points) for name, points in (("a", 5), ("b", 5), ("c", 2), ("d", 2))]
        + [({"person": "d", "act": "植树"}, 5)],
    ),
    Case(
        "同一奖项在一年内由市到省逐级获得的，取最高不累计",
        only(amount=fixed(10), groups=["prize"]) + only(code="r02", amount=fixed(30), groups=["prize"]),
        [
            ({"code": "r01", **on(3, 1)}, 10),
            ({"code": "r02", **on(9, 1)}, 20),
            ({"code": "r01", **on(10, 1)}, 0),
            ({"code": "r01", **on(1, 5, 2027)}, 10),
        ],
        {"groups": [{"code": "prize", "title": "表彰", "once": "highest", "same": "year"}]},
    ),
    Case(
        "弄虚作假的，积分清零",
        only(amount={"type": "share", "percent": -100}),
        [({"balances": {"points": 137}}, -137), ({"balances": {"points": 0}}, 0)],
        {"deductions": DEDUCTIONS},
    ),
    Case(
        "违反村规民约情节较轻的，扣减现有积分的一半",
        only(amount={"type": "share", "percent": -50, "rounding": "up"}),
        [({"balances": {"points": 15}}, -8)],
        {"deductions": DEDUCTIONS},
    ),
    Case(
        "年末按现有积分的10%奖励，最多20分",
        only(amount={"type": "share", "percent": 10}, caps=[cap("points", 20, "year")]),
        [({"balances": {"points": 155}}, 15), ({"balances": {"points": 155}}, 5)],
    ),
    Case(
        "60至69岁老人参加5分，70岁以上8分，其他人2分",
        only(amount=BY_AGE),
        [({"age": 64}, 5), ({"age": 70}, 8), ({"age": 30}, 2), ({}, 2)],
    ),
    Case(
        "组长带队一次6分，组员一次4分",
        only(
            amount={
                "type": "choice",
                "choices": [
                    {"code": "l", "title": "组长", "points": 6, "when": {"roles": ["leader"]}},
                    {"code": "m", "title": "组员", "points": 4},
                ],
            }
        ),
        [({"roles": frozenset({"resident", "leader"})}, 6), ({}, 4)],
    ),
    Case(
        "每年6月20日至8月31日（高温）、12月20日至次年2月10日（严寒）双倍",
        only(amount=per_unit(3, coefficients=["season"])),
        [(on(6, 20), 6), (on(8, 31), 6), (on(9, 1), 3), (on(1, 15), 6), (on(12, 20), 6), (on(2, 11), 3)],
        {
            "coefficients": [
                {
                    "code": "season",
                    "title": "时令",
                    "by": "system",
                    "choices": [
                        {"code": "h", "title": "高温", "factor": 2, "when": {"since": "06-20", "until": "08-31"}},
                        {"code": "c", "title": "严寒", "factor": 2, "when": {"since": "12-20", "until": "02-10"}},
                    ],
                }
            ]
        },
    ),
    Case(
        "可回收物每公斤0.35分，四舍五入",
        only(unit="kilogram", amount=per_unit(0.35, rounding="half_up")),
        [({"quantity": 10}, 4), ({"quantity": 4}, 1), ({"quantity": 1}, 0)],
    ),
    Case(
        "步行每100步0.05分，一个月里累计着算",
        only(unit="piece", quantity={"most": 100000}, amount=per_unit(0.05, every=100, cumulative="month")),
        [({"quantity": 1500}, 0), ({"quantity": 900}, 1), ({"quantity": 1600}, 1)],
    ),
    Case(
        "宣讲按人数×小时计，每人每小时0.5分",
        only(unit="hour", amount=per_unit(0.5, coefficients=["people"])),
        [
            ({"quantity": 2}, "need:number"),
            ({"quantity": 2, "coefficients": {"people": "6"}}, 6),
            ({"quantity": 1, "coefficients": {"people": "200"}}, "bad_number"),
            ({"quantity": 1, "coefficients": {"people": "2.5"}}, "bad_number"),
            ({"quantity": 1, "coefficients": {"people": "两人"}}, "bad_number"),
        ],
        {"coefficients": [{"code": "people", "title": "人数", "by": "number", "number": {"unit": "人", "most": 100}}]},
    ),
    Case(
        "送餐每次2分，另按里程每超过3公里后每公里加1分",
        only(amount=per_unit(2, coefficients=["way"])),
        [
            ({"coefficients": {"way": "2.5"}}, 2),
            ({"coefficients": {"way": "5.5"}}, 4),
            ({"quantity": 2, "coefficients": {"way": "4"}}, 5),
        ],
        {
            "coefficients": [
                {
                    "code": "way",
                    "title": "里程",
                    "by": "number",
                    "number": {"unit": "公里", "least": 0, "step": 0.1, "points": 1, "above": 3},
                }
            ]
        },
    ),
]
