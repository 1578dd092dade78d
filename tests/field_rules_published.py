"""Rules of the field, the fourth part: single rules of published standards, each with the paper it stands in."""

from __future__ import annotations

from datetime import date

from tests.field_rules import Case, cap, only, per_unit
from tests.rulebook_book import DEDUCTIONS


def grade(code: str, title: str, points: float) -> dict[str, object]:
    return {"code": code, "title": title, "points": points}


def ranked_by(*steps: tuple[float, float]) -> dict[str, object]:
    return {"type": "brackets", "brackets": [{"from": start, "points": points} for start, points in steps]}


CASES = [
    Case(
        "《公益时评定准则》：无偿献血每200毫升4公益时、爱心捐步每次0.1公益时",
        only(unit="millilitre", amount=per_unit(4, every=200, count="whole"))
        + only(code="r02", amount=per_unit("0.1")),
        [({"quantity": 400}, 80), ({"quantity": 300}, 40), ({"code": "r02", "quantity": 3}, 3)],
        {"decimals": 1},
        1,
    ),
    Case(
        "《志愿者积分制度》：受补助者50小时以内不计，超出后基本10分，超出部分1比4",
        only(unit="hour", members=["aided"], amount=per_unit(4, base=10, above=50, cumulative="lifetime")),
        [
            ({"quantity": 24, "members": frozenset()}, "not_for_member"),
            ({"quantity": 24, "members": frozenset({"aided"})}, 0),
            ({"quantity": 24, "members": frozenset({"aided"})}, 0),
            ({"quantity": 3, "members": frozenset({"aided"})}, 14),
        ],
    ),
    Case(
        "《志愿者积分制度》：1小时×活动等级系数，班级10、院级10.2、区级10.4、市级10.6",
        only(unit="hour", amount=per_unit(1, coefficients=["grade"])),
        [
            ({"quantity": 1, "coefficients": {"grade": "town"}}, 104),
            ({"quantity": 2, "coefficients": {"grade": "city"}}, 212),
        ],
        {
            "decimals": 1,
            "coefficients": [
                {
                    "code": "grade",
                    "title": "活动等级",
                    "by": "reviewer",
                    "choices": [
                        {"code": code, "title": code, "factor": factor}
                        for code, factor in (("class", 10), ("school", 10.2), ("town", 10.4), ("city", 10.6))
                    ],
                }
            ],
        },
        1,
    ),
    Case(
        "深圳义工积分：每满50小时1分，全年不超过30分",
        only(
            unit="hour",
            amount=per_unit(1, every=50, count="whole", cumulative="year"),
            caps=[cap("points", 30, "year")],
        ),
        [({"quantity": 24}, 0), ({"quantity": 24}, 0), ({"quantity": 2}, 1), ({"quantity": 24}, 0)],
    ),
    Case(
        "《党员积分制评分标准》：参加集中学习每次2分，全年累计不超过12分",
        only(unit="session", amount=per_unit(2), caps=[cap("points", 12, "year")]),
        [({"quantity": 5}, 10), ({"quantity": 2}, 2), ({}, 0), ({"done_on": date(2027, 1, 5)}, 2)],
    ),
    Case(
        "《社区网格化管理积分制考核》：信息完整度95%以上15分、90%以上10分、85%以上5分，不到的不得分",
        only(unit="percent", quantity={"most": 100}, amount=ranked_by((85, 5), (90, 10), (95, 15))),
        [({"quantity": 96}, 15), ({"quantity": 92.5}, 10), ({"quantity": 84}, 0), ({"quantity": 101}, "too_much")],
        {"units": [{"code": "percent", "title": "个百分点", "measured": True, "most": 100}]},
    ),
    Case(
        "《社区网格化管理积分制考核》：上报1起2分，24小时内妥善处理另3分，超时扣2分",
        only(
            amount={
                "type": "choice",
                "choices": [grade("seen", "上报", 2), grade("quick", "上报并及时处理", 5), grade("late", "超时", -2)],
            }
        ),
        [({"choices": frozenset({"quick"})}, 5), ({"choices": frozenset({"late"}), "balances": {"points": 9}}, -2)],
        {"deductions": DEDUCTIONS},
    ),
    Case(
        "《贺村镇网格考核实施细则》：创新做法被镇、市、衢州、省推广的加2、4、8、10分；奖励加分封顶10分",
        only(
            amount={
                "type": "choice",
                "choices": [
                    grade("a", "镇", 2),
                    grade("b", "江山市", 4),
                    grade("c", "衢州市", 8),
                    grade("d", "省", 10),
                ],
            },
            groups=["extra"],
        ),
        [({"choices": frozenset({"c"})}, 8), ({"choices": frozenset({"b"})}, 2), ({"choices": frozenset({"a"})}, 0)],
        {"groups": [{"code": "extra", "title": "奖励加分", "caps": [cap("points", 10, "month")]}]},
    ),
    Case(
        "《贺村镇网格考核实施细则》：当月上报三级事件多于1件的，每增加1件加分",
        only(unit="case", amount=per_unit(1, above=1, cumulative="month")),
        [({}, 0), ({}, 1), ({"quantity": 2}, 2)],
    ),
    Case(
        "广州公益时间银行：1小时1积分（整数），存储上限1500",
        only(unit="hour", amount=per_unit(1, count="whole")),
        [({"quantity": 2.5, "balances": {"points": 0}}, 2), ({"quantity": 4, "balances": {"points": 1498}}, 2)],
        {"ceilings": [{"balance": "points", "most": 1500, "overflow": "lapse"}]},
    ),
    Case(
        "唐山公益积分卡：公益活动1次10分，捐款100元100分",
        only(amount=per_unit(10)) + only(code="r02", unit="yuan", amount=per_unit(100, every=100, count="whole")),
        [({"quantity": 2}, 20), ({"code": "r02", "quantity": 250}, 200)],
    ),
    Case(
        "《志愿者积分管理制度》：每小时1分，同一活动每天最高4分、每月最高40分；评价优5良3中1",
        only(unit="hour", amount=per_unit(1), caps=[cap("points", 4, "day"), cap("points", 40, "month")])
        + only(
            code="r02",
            amount={"type": "choice", "choices": [grade("a", "优秀", 5), grade("b", "良好", 3), grade("c", "一般", 1)]},
        ),
        [({"quantity": 6}, 4), ({"code": "r02", "choices": frozenset({"b"})}, 3), ({"code": "r02"}, "need:choice")],
    ),
    Case(
        "社区网格化积分：垃圾分类投放每次2分，每日上限10分；乱扔垃圾每次扣5分",
        only(amount=per_unit(2), caps=[cap("points", 10, "day")]) + only(code="r02", amount=per_unit(-5)),
        [({"quantity": 6}, 10), ({"code": "r02", "balances": {"points": 3}}, -3)],
        {"deductions": DEDUCTIONS},
    ),
    Case(
        "盐池县河湖积分超市：捡拾一袋垃圾送到点上2至8分，上报大面积堆积或河道堵塞10至30分，按体量和难度定",
        only(unit="piece", amount={"type": "range", "least": 2, "most": 8, "per": "unit"}, evidence={"photos": 1})
        + only(code="r02", unit="case", amount={"type": "range", "least": 10, "most": 30}, quantity={"most": 1}),
        [
            ({"quantity": 3, "photos": 1, "decided": 5}, 15),
            ({"quantity": 3, "photos": 1, "decided": 9}, "outside_bounds"),
            ({"code": "r02", "decided": 30}, 30),
        ],
    ),
    Case(
        "《社区志愿服务激励办法》：一般每小时1分、专业2分、高强度3分；首次另加5分，每满10次另加10分；年底清零",
        only(
            unit="hour",
            amount=per_unit(1, coefficients=["grade"]),
            bonuses=[
                {"code": "first", "title": "首次", "points": 5, "reach": 1, "per": "lifetime"},
                {"code": "ten", "title": "满十次", "points": 10, "reach": 10, "per": "lifetime", "again": True},
            ],
            life={"type": "calendar_year"},
        ),
        [
            ({"coefficients": {"grade": "skill"}}, 7),
            *[({"coefficients": {"grade": "plain"}}, 1)] * 8,
            ({"coefficients": {"grade": "risk"}}, 13),
        ],
        {
            "coefficients": [
                {
                    "code": "grade",
                    "title": "服务类型",
                    "by": "reviewer",
                    "choices": [
                        {"code": code, "title": code, "factor": factor}
                        for code, factor in (("plain", 1), ("skill", 2), ("risk", 3))
                    ],
                }
            ]
        },
    ),
    Case(
        "机关志愿者积分：同一年获几次表彰的，取最高的两次；受通报批评的当年不再兑换，不扣分",
        only(
            amount={
                "type": "choice",
                "choices": [grade("a", "省级", 30), grade("b", "市级", 20), grade("c", "县级", 10)],
            },
            groups=["award"],
        )
        + only(code="r02", amount={"type": "fixed", "points": 0}, bars={"from": ["redeem"], "rest_of": "year"}),
        [
            ({"choices": frozenset({"c"})}, 10),
            ({"choices": frozenset({"b"})}, 20),
            ({"choices": frozenset({"a"})}, 20),
            ({"choices": frozenset({"b"})}, 0),
            ({"choices": frozenset({"a"}), "done_on": date(2027, 1, 5)}, 30),
            ({"code": "r02"}, 0),
        ],
        {
            "groups": [{"code": "award", "title": "表彰", "once": "highest", "best": 2, "same": "year"}],
            "deductions": DEDUCTIONS,
        },
    ),
]
