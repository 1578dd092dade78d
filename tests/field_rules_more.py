"""Rules of the field, the second half: limits, ceilings, totals over time, days and places."""

from __future__ import annotations

from tests.field_rules import Case, cap, day, only, per_unit
from tests.rulebook_book import DEDUCTIONS

CASES = [
    Case(
        "志愿服务每次2小时以内3分，超过2小时每小时加1分，单次最多8分",
        only(unit="hour", amount=per_unit(1, base=3, above=2), caps=[cap("points", 8, "activity")], quantity={"least": "0.5"}) + only(code="r02", unit="hour", amount=per_unit(0, base=3), quantity={"most": 2}),
        [({"quantity": 2}, 3), ({"quantity": 4}, 5), ({"quantity": 12}, 8), ({"code": "r02", "quantity": 1}, 3)],
    ),
    Case(
        "本街道年度发放总额不超过1000分",
        only(amount=per_unit(400), caps=[cap("points", 1000, "year", who="all")]),
        [({"person": "a"}, 400), ({"person": "b"}, 400), ({"person": "c"}, 200), ({"person": "d"}, 0)],
    ),
    Case(
        "参加培训每次1分，一个月3次、5次以上分别再奖2分、5分",
        only(
            unit="session",
            amount=per_unit(1),
            bonuses=[{"code": "m3", "title": "三次", "points": 2, "reach": 3, "per": "month", "of": "units"}, {"code": "m5", "title": "五次", "points": 5, "reach": 5, "per": "month", "of": "units"}],
        ),
        [({"quantity": 2}, 2), ({}, 3), ({"quantity": 3}, 8)],
    ),
    Case(
        "系列讲座（共10讲）听满6讲10分、听满10讲再加15分",
        only(unit="session", amount={"type": "brackets", "mode": "additive", "cumulative": "year", "brackets": [{"from": 6, "points": 10}, {"from": 10, "points": 15}]}),
        [({"quantity": 5}, 0), ({}, 10), ({"quantity": 3}, 0), ({}, 15)],
    ),
    Case(
        "发生上访的，所在小组全体每人扣2分，本月调解奖励减半计",
        only(code="r01", amount={"type": "fixed", "points": -2}) + only(code="r02", amount=per_unit(10), outcomes=[{"code": "petition", "title": "发生上访", "percent": 50}]),
        [({"code": "r01"}, -2), ({"code": "r02", "outcome": "petition"}, 5)],
        {"deductions": DEDUCTIONS},
    ),
    Case(
        "酒驾一次扣30分，分不够的扣到零为止；屡犯的欠着下年补扣",
        only(amount={"type": "fixed", "points": -30}),
        [({"balances": {"points": 10}}, -30)],
        {"deductions": {**DEDUCTIONS, "below_zero": "debt"}},
    ),
    Case(
        "志愿服务时长每天最多算8小时，积分不封顶",
        only(unit="hour", amount=per_unit(1), beside={"minutes": "served"}, caps=[cap("minutes", 480, "day")]),
        [({"quantity": 6}, 6), ({"quantity": 6}, 6)],
    ),
    Case(
        "见义勇为经公安部门认定的加50分（凭认定文书或公安记录号）",
        only(amount={"type": "fixed", "points": 50}, evidence={"any": [{"files": 1}, {"record": True}]}),
        [({}, "need:any_proof"), ({"has_record": True}, 50), ({"files": 1}, 50)],
    ),
    Case(
        "结对帮扶每户每月2次以内有效，每次3分",
        only(amount=per_unit(3), caps=[cap("times", 2, "month")]),
        [({"quantity": 2}, 6), ({}, 0), ({"done_on": day(12)}, 3)],
    ),
    Case(
        "巡河每公里1分，按里程累计，一年以100公里为限",
        only(unit="kilometre", amount=per_unit(1, cumulative="year"), caps=[cap("units", 100, "year")], quantity={"step": "0.1"}),
        [({"quantity": 0.6}, 0), ({"quantity": 0.6}, 1), ({"quantity": 150}, 99), ({"quantity": 20}, 0)],
    ),
    Case(
        "闲置地复耕每亩20分，不足一亩按比例，四舍五入",
        only(unit="mu", amount=per_unit(20, rounding="half_up")),
        [({"quantity": 1.5}, 30), ({"quantity": 0.33}, 7)],
    ),
    Case(
        "队伍集体活动，全队每月最多300分，个人每月最多60分",
        only(amount=per_unit(50), caps=[cap("points", 60, "month"), cap("points", 120, "month", who="team")]),
        [({"person": "a"}, 50), ({"person": "b"}, 50), ({"person": "c"}, 20), ({"person": "a"}, 0), ({"person": "c", "team": "2"}, 40)],
    ),
    Case(
        "签到的双倍，自己申报的按八成，代录的不收",
        only(amount=per_unit(10), trust={"self_checked": {"points": 200}, "self": {"points": 80}, "backfill": {"refuse": True}}),
        [({"source": "self_checked"}, 20), ({"source": "self"}, 8), ({"source": "backfill"}, "source_refused")],
    ),
    Case(
        "邻里互助每次10分，与“志愿服务”“关爱老人”合计每月不超过50分",
        only(code="a", groups=["care"]) + only(code="b", groups=["care"], unit="hour", amount=per_unit(5)),
        [({"code": "a", "quantity": 4}, 40), ({"code": "b", "quantity": 3}, 10), ({"code": "a"}, 0)],
        {"groups": [{"code": "care", "title": "互助", "caps": [cap("points", 50, "month")]}]},
    ),
    Case(
        "推广App每装一户2分，满50户后的每户3分",
        only(unit="household", amount={"type": "brackets", "mode": "progressive", "cumulative": "year", "brackets": [{"from": 0, "points": 2}, {"from": 50, "points": 3}]}),
        [({"quantity": 48}, 96), ({"quantity": 4}, 4 + 6)],
    ),
    Case(
        "每栋楼（本地单位“栋”）消杀一次4分",
        only(unit="building", amount=per_unit(4)),
        [({"quantity": 3}, 12), ({"quantity": 0.5}, "too_little"), ({"quantity": 60}, "too_much")],
        {"units": [{"code": "building", "title": "栋", "title_en": "building", "measured": False, "most": 50}]},
    ),
    Case(
        "先锋指数：每项任务另记指数3，指数不兑换",
        only(amount=per_unit(1), beside={"pioneer": 3, "honour": {"type": "fixed", "points": 2}}),
        [({"quantity": 2}, 2)],
        {"balances": [{"code": "pioneer", "title": "先锋指数"}]},
    ),
    Case(
        "年入户走访50户以下每户1分，50户以上全部按每户2分",
        only(unit="household", amount={"type": "brackets", "cumulative": "year", "brackets": [{"from": 1, "points": 1, "every": 1}, {"from": 50, "points": 2, "every": 1}]}),
        [({"quantity": 40}, 40), ({"quantity": 10}, 60), ({"quantity": 1}, 2)],
    ),
    Case(
        "每月100分以上的部分按50%计",
        only(unit="hour", amount=per_unit(20), caps=[cap("points", 100, "month", over={"percent": 50})]),
        [({"quantity": 4}, 80), ({"quantity": 2}, 30), ({"quantity": 1}, 10), ({"done_on": day(12)}, 20)],
    ),
    Case(
        "乱停放第一次提醒、第二次扣2分、第三次起每次扣5分",
        only(amount={"type": "brackets", "mode": "progressive", "cumulative": "year", "brackets": [{"from": 0, "points": 0}, {"from": 1, "points": -2}, {"from": 2, "points": -5}]}, quantity={"most": 1}),
        [({}, 0), ({}, -2), ({}, -5), ({}, -5), ({"done_on": day(1, year=2027)}, 0)],
        {"deductions": DEDUCTIONS},
    ),
    Case(
        "三月学雷锋月双倍积分",
        only(amount=per_unit(5, coefficients=["march"])),
        [({"done_on": day(3, 31)}, 10), ({"done_on": day(4, 1)}, 5)],
        {"coefficients": [{"code": "march", "title": "学雷锋月", "by": "system", "choices": [{"code": "m", "title": "三月", "factor": 2, "when": {"months": [3]}}]}]},
    ),
    Case(
        "每月5日党员活动日、周六志愿日各加1分；试行期（7月至9月）减半",
        only(amount=per_unit(4, coefficients=["trial", "party", "saturday"])),
        [({"done_on": day(8, 5)}, 3), ({"done_on": day(10, 5)}, 5), ({"done_on": day(10, 10)}, 5), ({"done_on": day(10, 6)}, 4)],
        {
            "coefficients": [
                {"code": "trial", "title": "试行期", "by": "system", "choices": [{"code": "t", "title": "试行", "factor": "0.5", "when": {"first_on": "2026-07-01", "last_on": "2026-09-30"}}]},
                {"code": "party", "title": "党员活动日", "by": "system", "choices": [{"code": "p", "title": "5日", "add": 1, "when": {"month_days": [5]}}]},
                {"code": "saturday", "title": "志愿日", "by": "system", "choices": [{"code": "s", "title": "周六", "add": 1, "when": {"weekdays": [6]}}]},
            ]
        },
    ),
    Case(
        "边远村（石梁村、横山村）按1.5倍",
        only(amount=per_unit(4, coefficients=["far"])),
        [({"areas": frozenset({"石梁村"})}, 6), ({"areas": frozenset({"城关社区"})}, 4)],
        {"coefficients": [{"code": "far", "title": "边远", "by": "system", "choices": [{"code": "f", "title": "边远村", "factor": "1.5", "when": {"areas": ["石梁村", "横山村"]}}]}]},
    ),
    Case(
        "队长组织活动比队员多5分",
        only(amount=per_unit(5, coefficients=["lead"])),
        [({"roles": frozenset({"resident", "leader"})}, 10), ({}, 5)],
        {"coefficients": [{"code": "lead", "title": "职务", "by": "system", "choices": [{"code": "l", "title": "队长", "add": 5, "when": {"roles": ["leader"]}}]}]},
    ),
    Case(
        "同一场活动全家只记一人，每场限前3名",
        only(caps=[cap("times", 1, "act", who="household"), cap("times", 3, "act", who="all")], quantity={"most": 1}),
        [({"act": "x", "household": "1", "person": "a"}, 10), ({"act": "x", "household": "1", "person": "b"}, 0), ({"act": "x", "household": "2"}, 10), ({"act": "x", "household": "3"}, 10), ({"act": "x", "household": "4"}, 0), ({"act": "y", "household": "4"}, 10)],
    ),
    Case(
        "群众满意率90%以上10分，80%以上5分",
        only(unit="percent", amount={"type": "brackets", "brackets": [{"from": 80, "points": 5}, {"from": 90, "points": 10}]}),
        [({"quantity": 95.5}, 10), ({"quantity": 80}, 5), ({"quantity": 79.9}, 0), ({"quantity": 101}, "too_much")],
        {"units": [{"code": "percent", "title": "%", "measured": True, "most": 100}]},
    ),
    Case(
        "服务不满30分钟不计，30分钟以上不满1小时按1小时",
        only(unit="hour", amount=per_unit(2, count="whole_up"), quantity={"least": "0.5"}),
        [({"quantity": 0.5}, 2), ({"quantity": 1.2}, 4), ({"quantity": 0.4}, "too_little")],
    ),
    Case(
        "各类活动一年累计参加满3次加20分，满5次再加30分",
        only(code="a", groups=["all"]) + only(code="b", unit="hour", amount=per_unit(1), groups=["all"]),
        [({"code": "a"}, 10), ({"code": "b", "quantity": 2}, 2), ({"code": "a"}, 30), ({"code": "b"}, 1), ({"code": "b"}, 31), ({"code": "a", "done_on": day(1, year=2027)}, 10)],
        {"groups": [{"code": "all", "title": "各类活动", "bonuses": [{"code": "n3", "title": "三次", "points": 20, "reach": 3, "per": "year"}, {"code": "n5", "title": "五次", "points": 30, "reach": 5, "per": "year"}]}]},
    ),
]  # fmt: skip
