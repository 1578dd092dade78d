"""Rules of the field, the first half: what deeds are worth, and to whom. A row: wording, rules, deeds in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.rulebook_book import DEDUCTIONS, rule_body

Deed = tuple[dict[str, Any], int | str]


@dataclass
class Case:
    text: str
    rules: list[dict[str, Any]]
    deeds: list[Deed]
    parts: dict[str, Any] = field(default_factory=dict)
    scale: int = 0


def day(month: int, number: int = 5, year: int = 2026) -> date:
    return date(year, month, number)


def only(**changes: Any) -> list[dict[str, Any]]:
    return [rule_body(**changes)]


def per_unit(points: Any, **more: Any) -> dict[str, Any]:
    return {"type": "per_unit", "points": points, **more}


def cap(what: str, most: Any, per: str, **more: Any) -> dict[str, Any]:
    return {"what": what, "most": most, "per": per, **more}


def night(**more: Any) -> dict[str, Any]:
    choices = [{"code": "night", "title": "夜间", "factor": "1.5", "when": {"from": "22:00", "to": "06:00"}}]
    return {"code": "time", "title": "时段", "by": "system", "choices": choices, **more}


HOLIDAY = {
    "code": "day",
    "title": "日子",
    "by": "system",
    "choices": [
        {"code": "holiday", "title": "节假日", "factor": "1.5", "when": {"days": ["holiday"]}},
        {"code": "weekend", "title": "周末", "factor": "1.2", "when": {"days": ["weekend"]}},
        {"code": "plain", "title": "平日", "factor": 1},
    ],
}
HARD = {
    "code": "hard",
    "title": "难度",
    "by": "reviewer",
    "choices": [{"code": "easy", "title": "一般", "factor": 1}, {"code": "hard", "title": "疑难", "factor": 2}],
}
CREDIT = {
    "balances": [{"code": "credit", "title": "信用分", "title_en": "Credit score", "life": {"type": "calendar_year"}}],
    "opening": [{"balance": "credit", "amount": 100}],
    "grants": [{"code": "base", "title": "每年恢复", "balance": "credit", "points": 100, "per": "year"}],
    "deductions": {**DEDUCTIONS, "from": ["credit"]},
}


CASES = [
    Case(
        "每月参加志愿服务累计满10小时，加5分",
        only(unit="hour", amount=per_unit(0, base=5, above=10, cumulative="month")),
        [({"quantity": 6}, 0), ({"quantity": 3}, 0), ({"quantity": 2}, 5), ({"quantity": 5}, 0), ({"quantity": 10, "done_on": day(12)}, 5)],
    ),
    Case(
        "每累计满5小时记2分，余下的接着累计",
        only(unit="hour", amount=per_unit(2, every=5, count="whole", cumulative="lifetime")),
        [({"quantity": 4}, 0), ({"quantity": 4}, 2), ({"quantity": 4}, 2), ({"quantity": 3, "done_on": day(1, year=2027)}, 2)],
    ),
    Case(
        "无偿献血200毫升记20分，300毫升30分，400毫升50分",
        only(unit="millilitre", amount={"type": "brackets", "brackets": [{"from": 200, "points": 20}, {"from": 300, "points": 30}, {"from": 400, "points": 50}]}, evidence={"files": 1}),
        [({"quantity": 400, "files": 1}, 50), ({"quantity": 350, "files": 1}, 30), ({"quantity": 100}, 0)],
    ),
    Case(
        "获国家、省、市、区级表彰的，分别加50、30、20、10分，同一事项取最高不累计",
        only(
            amount={"type": "choice", "choices": [{"code": c, "title": t, "points": p} for c, t, p in (("nation", "国家级", 50), ("province", "省级", 30), ("city", "市级", 20), ("district", "区级", 10))]},
            groups=["honour"],
        ),
        [({"choices": frozenset({"city"}), "act": "见义勇为"}, 20), ({"choices": frozenset({"province"}), "act": "见义勇为"}, 10), ({"choices": frozenset({"district"}), "act": "见义勇为"}, 0), ({"choices": frozenset({"district"}), "act": "最美家庭"}, 10), ({"choices": frozenset({"world"})}, "unknown_choice"), ({"choices": frozenset({"city", "nation"})}, "one_choice")],
        {"groups": [{"code": "honour", "title": "表彰", "once": "highest", "same": "act"}]},
    ),
    Case(
        "每推荐一人注册志愿者记2分，每人每年最多20分",
        only(unit="referral", amount=per_unit(2), caps=[cap("points", 20, "year")]),
        [({"quantity": 8}, 16), ({"quantity": 5}, 4), ({"quantity": 1}, 0), ({"quantity": 1, "done_on": day(1, year=2027)}, 2)],
    ),
    Case(
        "参加村民会议每次2分，全年12次全部参加的另加20分",
        only(unit="session", amount=per_unit(2), bonuses=[{"code": "all", "title": "全勤", "points": 20, "reach": 12, "per": "year", "of": "units"}]),
        [({"quantity": 11}, 22), ({}, 22), ({}, 2)],
    ),
    Case(
        "节假日值班按1.5倍计，周末1.2倍",
        only(amount=per_unit(10, coefficients=["day"])),
        [({"day_kind": "holiday"}, 15), ({"day_kind": "weekend"}, 12), ({}, 10)],
        {"coefficients": [HOLIDAY]},
    ),
    Case(
        "夜间巡逻（22时至次日6时）每小时2分，乘1.5",
        only(unit="hour", amount=per_unit(2, coefficients=["time"])),
        [({"quantity": 2, "started": "23:10"}, 6), ({"quantity": 2, "started": "05:59"}, 6), ({"quantity": 2, "started": "06:00"}, 4), ({"quantity": 2}, 4)],
        {"coefficients": [night()]},
    ),
    Case(
        "节假日夜间巡逻系数连乘",
        only(unit="hour", amount=per_unit(1, coefficients=["time", "day"])),
        [({"quantity": 2, "started": "22:00", "day_kind": "holiday"}, 4), ({"quantity": 1.5, "day_kind": "holiday"}, 2)],
        {"coefficients": [night(), HOLIDAY]},
    ),
    Case(
        "疑难纠纷双倍计分，由审核人认定",
        only(unit="case", amount=per_unit(5, coefficients=["hard"])),
        [({"coefficients": {"hard": "hard"}}, 10), ({}, 5), ({"coefficients": {"hard": "none"}}, "unknown_choice")],
        {"coefficients": [HARD]},
    ),
    Case(
        "恶劣天气（暴雨、冰雪）出勤每次另加3分",
        only(amount=per_unit(5, coefficients=["weather"])),
        [({"coefficients": {"weather": "storm"}}, 8), ({"coefficients": {"weather": "fine"}}, 5)],
        {"coefficients": [{"code": "weather", "title": "天气", "by": "claimant", "choices": [{"code": "fine", "title": "平常", "factor": 1}, {"code": "storm", "title": "暴雨冰雪", "add": 3}]}]},
    ),
    Case(
        "捐款100元以下5分，100至500元10分，500至1000元20分，1000元以上每满1000元30分",
        only(unit="yuan", amount={"type": "brackets", "count": "whole", "brackets": [{"from": "0.01", "points": 5}, {"from": 100, "points": 10}, {"from": 500, "points": 20}, {"from": 1000, "points": 30, "every": 1000}]}),
        [({"quantity": 88}, 5), ({"quantity": 100}, 10), ({"quantity": 500}, 20), ({"quantity": 999.99}, 20), ({"quantity": 3500}, 90)],
    ),
    Case(
        "捐款1000元以内每100元1分，1000至5000元部分每100元2分，5000元以上部分每100元3分（分段累进）",
        only(unit="yuan", amount={"type": "brackets", "mode": "progressive", "every": 100, "count": "whole", "brackets": [{"from": 0, "points": 1}, {"from": 1000, "points": 2}, {"from": 5000, "points": 3}]}),
        [({"quantity": 800}, 8), ({"quantity": 1050}, 10), ({"quantity": 6000}, 10 + 80 + 30)],
    ),
    Case(
        "受刑事处罚的一票否决，全年不得积分、不得评先",
        only(amount={"type": "fixed", "points": -100}, bars={"from": ["earn", "ranking"], "for": {"years": 1}}) + only(code="r02"),
        [({"code": "r01", "balances": {"points": 60}}, -60), ({"code": "r02", "barred_until": day(12, 31)}, "barred"), ({"code": "r02", "barred_until": day(10, 31)}, 10)],
        {"deductions": DEDUCTIONS},
    ),
    Case(
        "同一天参加多项活动只算一项，取最高分",
        only(code="a", amount=per_unit(5), groups=["day"]) + only(code="b", amount=per_unit(8), groups=["day"]) + only(code="c", amount=per_unit(3), groups=["day"]),
        [({"code": "a"}, 5), ({"code": "b"}, 3), ({"code": "c"}, 0), ({"code": "c", "done_on": day(11, 21)}, 3)],
        {"groups": [{"code": "day", "title": "当天活动", "once": "highest"}]},
    ),
    Case(
        "每季度评“最美家庭”，全村限10户，每户50分",
        only(unit="household", amount=per_unit(50), quantity={"most": 1}, subject="household", caps=[cap("times", 2, "quarter", who="all"), cap("times", 1, "quarter", who="household")]),
        [({"household": "1"}, 50), ({"household": "1"}, 0), ({"household": "2"}, 50), ({"household": "3"}, 0), ({"household": "3", "done_on": day(8)}, 50)],
    ),
    Case(
        "以家庭为单位，每户每月最多积100分",
        only(amount=per_unit(60), caps=[cap("points", 100, "month", who="household")]),
        [({"person": "爸", "household": "1"}, 60), ({"person": "妈", "household": "1"}, 40), ({"person": "女", "household": "1"}, 0), ({"person": "邻居", "household": "2"}, 60)],
    ),
    Case(
        "生活垃圾分类连续三个月合格，奖励30分",
        only(amount=per_unit(2), quantity={"most": 1}, bonuses=[{"code": "row", "title": "三个月", "points": 30, "reach": 1, "per": "month", "in_a_row": 3}]),
        [({"done_on": day(1)}, 2), ({"done_on": day(2)}, 2), ({"done_on": day(3)}, 32), ({"done_on": day(4)}, 2), ({"done_on": day(5)}, 2), ({"done_on": day(6)}, 32), ({"done_on": day(8)}, 2), ({"done_on": day(9)}, 2), ({"done_on": day(7)}, 32)],
    ),
    Case(
        "每周投放厨余垃圾5次以上记1分，每多1次再记0.5分，每周最多3分",
        only(unit="event", amount=per_unit("0.5", base=1, above=5, cumulative="week"), caps=[cap("points", 3, "week")]),
        [({"quantity": 4}, 0), ({}, 10), ({}, 5), ({"quantity": 9}, 15)],
        {"decimals": 1},
        scale=1,
    ),
    Case(
        "可回收物每公斤2分，满半公斤按一公斤算",
        only(unit="kilogram", amount=per_unit(2, count="whole_half_up")),
        [({"quantity": 1.5}, 4), ({"quantity": 1.4}, 2), ({"quantity": 0.4}, 0)],
    ),
    Case(
        "废旧电池每10节1分，不足10节按10节算",
        only(unit="piece", amount=per_unit(1, every=10, count="whole_up")),
        [({"quantity": 1}, 1), ({"quantity": 10}, 1), ({"quantity": 11}, 2)],
    ),
    Case(
        "信用基础分100分，只减不兑，每年恢复",
        only(into="credit", amount=per_unit(-5), quantity={"most": 1}),
        [({"balances": {"credit": 100}}, 0)],
        CREDIT,
    ),
    Case(
        "每年扣分最多20分",
        only(amount=per_unit(-15), quantity={"most": 1}, caps=[cap("points", 20, "year")]),
        [({}, -15), ({}, -5), ({}, 0), ({"done_on": day(2, year=2027)}, -15)],
        {"deductions": DEDUCTIONS},
    ),
    Case(
        "党员每月按时交党费记2分，补交的减半，逾期60天不计",
        only(amount=per_unit(2), members=["party"], late={"days": 60, "then": "refuse"}, trust={"backfill": {"points": 50}}),
        [({"members": frozenset({"party"})}, 2), ({}, "not_for_member"), ({"members": frozenset({"party"}), "source": "backfill"}, 1), ({"members": frozenset({"party"}), "done_on": day(1), "entered_on": day(6)}, "entered_late")],
    ),
    Case(
        "事后15天以上补报的按一半计",
        only(amount=per_unit(9), late={"days": 15, "then": {"percent": 50}}),
        [({"done_on": day(3, 1), "entered_on": day(3, 16)}, 9), ({"done_on": day(3, 1), "entered_on": day(3, 17)}, 4)],
    ),
    Case(
        "60至69岁老人服务80岁以上老人，每小时2分",
        only(unit="hour", amount=per_unit(2), ages={"from": 60, "to": 69}, evidence={"helped": True}),
        [({"age": 60, "helped_confirmed": True}, 2), ({"age": 70}, "not_for_age"), ({}, "age_unknown"), ({"age": 65}, "need:helped")],
    ),
    Case(
        "只限本小区（东街）居民",
        only(areas=["东街"]),
        [({"areas": frozenset({"东街", "桂花路街道"})}, 10), ({"areas": frozenset({"西街"})}, "not_for_area")],
    ),
    Case(
        "网格员每排查一处隐患3分，重复上报的同一处不计",
        only(unit="case", amount=per_unit(3), quantity={"most": 1}, roles=["grid_worker"], caps=[cap("times", 1, "subject", who="all", over="refuse")]),
        [({"roles": frozenset({"grid_worker"}), "subject": "3号楼消防通道", "person": "a"}, 3), ({"roles": frozenset({"grid_worker"}), "subject": "3号楼消防通道", "person": "b"}, "cap_exceeded"), ({"roles": frozenset({"resident"}), "subject": "x"}, "not_for_role"), ({"roles": frozenset({"grid_worker"})}, "need:subject")],
    ),
    Case(
        "矛盾调解视难易5至20分，按5分一档，由调委会评定",
        only(unit="case", amount={"type": "range", "least": 5, "most": 20, "step": 5}, review="panel"),
        [({"decided": 15}, 15), ({"decided": 12}, "bad_points_step"), ({"decided": 25}, "outside_bounds"), ({}, 0)],
    ),
    Case(
        "带教新人，每课时由教研组评3至5分",
        only(unit="hour", amount={"type": "range", "least": 3, "most": 5, "per": "unit"}),
        [({"quantity": 2, "decided": 4}, 8), ({"quantity": 2, "decided": 6}, "outside_bounds")],
    ),
    Case(
        "集体项目共120分，由参加人员平分，每人不超过30分",
        only(amount={"type": "shared", "points": 120, "most_each": 30}),
        [({"sharers": 7}, 17), ({"sharers": 3}, 30), ({"sharers": 0}, "bad_sharers")],
    ),
    Case(
        "庭院“五净一规范”每项2分，全部做到另算",
        only(amount={"type": "choice", "mode": "several", "choices": [{"code": f"c{n}", "title": f"第{n}项", "points": 2} for n in range(1, 7)]}),
        [({"choices": frozenset({"c1", "c3", "c5"})}, 6), ({"choices": frozenset()}, "need:choice")],
    ),
    Case(
        "五星志愿者所得积分上浮20%",
        only(amount=per_unit(10)),
        [({"levels": frozenset({"star:1"})}, 10), ({"levels": frozenset({"star:1", "star:2"})}, 12)],
        {"levels": [{"code": "star", "title": "星级", "over": "minutes", "measure": "earned", "steps": [{"from": 6000, "title": "四星"}, {"from": 9000, "title": "五星", "effects": [{"type": "coefficient", "factor": "1.2"}]}]}]},
    ),
    Case(
        "个人账户最多存500分，超出部分转入公益池",
        only(amount=per_unit(20)),
        [({"balances": {"points": 490}}, 10), ({"balances": {"points": 500}}, 0), ({}, 20)],
        {"ceilings": [{"balance": "points", "most": 500, "overflow": "pool", "pool": "爱心池"}]},
    ),
    Case(
        "学年（9月1日起）内最多200分",
        only(amount=per_unit(150), caps=[cap("points", 200, "year", starts="09-01")]),
        [({"done_on": day(8, 31)}, 150), ({"done_on": day(9, 1)}, 150), ({"done_on": day(5, 1, 2027)}, 50), ({"done_on": day(9, 1, 2027)}, 150)],
    ),
]  # fmt: skip
