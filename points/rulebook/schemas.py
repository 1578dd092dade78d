"""The shape of a rulebook document (docs/rulebook.md). Unknown fields are refused and everything is bounded.

Numbers come out in one spelling (2.50 and "2.5" are the same), so that the same document has the same hash.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, pre_load, validates_schema

from ..errors import N_
from ..people.models import Role
from ..web.schemas import Text, Whole
from .amount_schemas import CoefficientSchema
from .redemption_schemas import RedemptionSchema
from .rule_schemas import BonusSchema, CapSchema, LateSchema, LifeSchema, RuleSchema, SpacingSchema
from .schema_fields import (
    MAX_POINTS,
    Day,
    Number,
    Part,
    SpanSchema,
    WhoSchema,
    code,
    flag,
    period,
    some,
    title,
    word,
    words,
)
from .terms import (
    ANEW,
    BARRED,
    CREDITS,
    ENDS,
    FORMAT,
    NO_BALANCES,
    OVERFLOWS,
    ROUNDINGS,
    SAME,
    SCORES,
    SHARED,
    TO_WHOM,
    WHO,
)

MAX_RULES = 500
CARRIED = ("month", "quarter", "half_year", "year")
RESTS = ("lapse", "pool", "stay")


class SourceSchema(Part):
    title = title(200)
    organisation = Text(most=120)
    date = Text(most=60)  # as published: "undated" is a fact too
    completeness = Text(most=300)
    note = Text(most=1000)


class CategorySchema(Part):
    code = code(required=True)
    title = title(40)
    note = Text(most=300)


class UnitSchema(Part):
    code = code(required=True)
    title = title(20)
    title_en = Text(least=1, most=30)
    measured = flag()
    most = Number(least="0.001")


class BalanceSchema(Part):
    code = code(required=True)
    title = title(40)
    title_en = Text(least=1, most=60)
    decimals = Whole(most=1)
    life = fields.Nested(LifeSchema)


class OpeningSchema(WhoSchema):
    """What members have to begin with; with ``per`` they begin anew in every such period."""

    balance = fields.String(required=True)
    amount = Number(least="0.001", most=MAX_POINTS, required=True)
    per = fields.String(validate=word("once", *ANEW))


class CeilingSchema(Part):
    balance = fields.String(required=True)
    most = Number(least="0.001", most=10**9, required=True)
    overflow = fields.String(required=True, validate=word(*OVERFLOWS))
    pool = Text(least=1, most=40)


class StageSchema(Part):
    title = title(40)
    by = words(*Role, least=1, required=True)
    votes = Whole(least=1, most=9)
    panel = Whole(least=1, most=15)
    place = fields.String(data_key="in", validate=word("community", "scheme"))
    score = fields.String(validate=word(*SCORES))

    @validates_schema
    def enough(self, data: dict[str, Any], **_: Any) -> None:
        least = {"average": 2, "median": 2, "trimmed": 3}.get(data.get("score", "last"), 1)
        if data.get("votes", 1) < least:
            raise ValidationError({"votes": [N_("几个人打分合成一个，平均、中位至少 2 票，去掉最高最低至少 3 票。")]})
        if data.get("panel", 15) < data.get("votes", 1):
            raise ValidationError({"panel": [N_("请的人比要的票还少。")]})


class PathSchema(Part):
    code = code(required=True)
    title = title(40)
    stages = some(fields.Nested(StageSchema), 6, 1, required=True)


class DeductionsSchema(Part):
    start = some(fields.String(), 8, 1, data_key="from", required=True)
    below_zero = fields.String(required=True, validate=word("stop", "debt"))
    notice_days = Whole(most=60, required=True)
    appeal_days = Whole(least=1, most=60, required=True)
    ends = fields.Nested(SpanSchema, required=True)


class EffectSchema(Part):
    type = fields.String(required=True, validate=word("coefficient", "award", "words", "bars"))
    factor = Number(most=100)
    rules = some(fields.String(), 100, 1)
    categories = some(fields.String(), 50, 1)
    points = Number(least="0.001", most=MAX_POINTS)
    text = Text(least=1, most=200)
    start = words(*BARRED, least=1, data_key="from")

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        needed = {"coefficient": "factor", "award": "points", "words": "text", "bars": "start"}[data["type"]]
        of_rules = data["type"] == "coefficient" or data.get("start") == ["earn"]
        allowed = {"type", needed} | ({"rules", "categories"} if of_rules else set())
        wrong = {} if needed in data else {needed: [N_("这种要填这一栏。")]}
        wrong |= {name: [N_("这种用不着这一栏。")] for name in set(data) - allowed}
        if wrong:
            raise ValidationError(wrong)


class StepAlsoSchema(Part):
    """So much of another balance, measured as the level is."""

    over = fields.String(required=True)
    start = Number(data_key="from", most=10**9, required=True)


class StepSchema(Part):
    start = Number(data_key="from", most=10**9, signed=True, required=True)
    title = title(40)
    also = some(fields.Nested(StepAlsoSchema), 4, 1)
    effects = some(fields.Nested(EffectSchema), 10)


class LevelSchema(Part):
    code = code(required=True)
    title = title(40)
    over = fields.String(required=True)
    measure = fields.String(validate=word("balance", "earned"))
    per = period("lifetime")
    steps = some(fields.Nested(StepSchema), 20, 1, required=True)

    @validates_schema
    def ascending(self, data: dict[str, Any], **_: Any) -> None:
        starts = [float(step["from"]) for step in data["steps"]]
        if starts != sorted(set(starts)):
            raise ValidationError({"steps": [N_("档次要从小到大，不能重复。")]})
        if data.get("measure", "balance") == "balance" and "per" in data:
            raise ValidationError({"per": [N_("看余额的，不分时间。")]})


class PrizeSchema(Part):
    to = Whole(least=1, most=10_000)
    percent = Number(least="0.001", most=100)
    of = fields.String(validate=word(*ENDS))
    start = Number(most=MAX_POINTS, signed=True, data_key="from")
    below = Number(most=MAX_POINTS, signed=True)
    points = Number(most=MAX_POINTS, signed=True)
    shared = fields.String(validate=word(*SHARED))
    most_each = Number(least="0.001", most=MAX_POINTS)
    to_whom = fields.String(validate=word(*TO_WHOM), data_key="for")
    honour = Number(most=MAX_POINTS, signed=True)
    title = Text(least=1, most=40)

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        if "to" in data and "percent" in data:
            raise ValidationError({"to": [N_("到第几名、前百分之几，填一样。")]})
        if not {"to", "percent", "start", "below"} & set(data):
            raise ValidationError({"to": [N_("到第几名、前百分之几、多少分起、不到多少分，要填一样。")]})
        if "of" in data and not {"to", "percent"} & set(data):
            raise ValidationError({"of": [N_("按分数定的，不从哪一头数。")]})
        if "start" in data and "below" in data and float(data["start"]) >= float(data["below"]):
            raise ValidationError({"below": [N_("“不到多少”要比“多少起”大。")]})
        if not {"points", "honour", "title"} & set(data):
            raise ValidationError({"points": [N_("奖什么要写一样：积分、荣誉积分或者称号。")]})
        if "shared" in data and (float(data.get("points", 0)) <= 0 or "honour" in data or data.get("of") == "last"):
            raise ValidationError({"shared": [N_("大家分的，写一共几分；荣誉积分和扣分不能分。")]})
        if "most_each" in data and "shared" not in data:
            raise ValidationError({"most_each": [N_("大家分的，才写每人最多几分。")]})


class RankingSchema(WhoSchema):
    code = code(required=True)
    title = title(40)
    by = fields.String(validate=word("person", "household", "team"))
    counts = fields.String(validate=word("earned", "balance", *NO_BALANCES))
    over = fields.String()
    per = fields.String(required=True, validate=word("month", "quarter", "half_year", "year"))
    categories = some(fields.String(), 50, 1)
    rules = some(fields.String(), 100, 1)
    split = fields.String(validate=word("", "role", "area"))
    prizes = some(fields.Nested(PrizeSchema), 10, 1, required=True)
    ties = fields.String(validate=word("all", "earliest"))
    least = Number(most=MAX_POINTS)
    everybody = flag()
    notice_days = Whole(most=60)
    review = fields.String()

    @validates_schema
    def ranks_some(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("everybody") and "least" in data:
            raise ValidationError({"least": [N_("没得分的也排，就不用写最少要多少。")]})
        if data.get("counts") == "balance" and {"rules", "categories"} & set(data):
            raise ValidationError({"counts": [N_("看期末有多少的，不分规则和分类。")]})
        if data.get("counts") == "named" and data.get("by", "person") != "person":
            raise ValidationError({"by": [N_("按提名排的，只能一个人一个人排。")]})
        if data.get("by") == "team":
            wrong = {name: [N_("排队伍的，只看队伍在哪里、叫什么。")] for name in {"roles", "ages"} & set(data)}
            wrong |= {"split": [N_("队伍只能按社区分开排。")]} if data.get("split") == "role" else {}
            wrong |= {"counts": [N_("排队伍的，看这段时间里做的。")]} if data.get("counts") == "balance" else {}
        else:
            says = any("for" in one for one in data["prizes"])
            wrong = {"prizes": [N_("排队伍的，才分给队伍还是给队员。")]} if says else {}
        if wrong:
            raise ValidationError(wrong)
        if ("over" in data) == (data.get("counts") in NO_BALANCES):
            raise ValidationError({"over": [N_("要选按哪一种积分排；按次数、数量排的不用选。")]})


class GrantSchema(WhoSchema):
    code = code(required=True)
    title = title(40)
    balance = fields.String()
    points = Number(least="0.001", most=MAX_POINTS, required=True)
    per = fields.String(required=True, validate=word("once", "month", "quarter", "half_year", "year"))
    life = fields.Nested(LifeSchema)


class MissedSchema(WhoSchema):
    """What follows when nothing (or too little) was done in a period, or in so many running."""

    code = code(required=True)
    title = title(40)
    rules = some(fields.String(), 100, 1)
    categories = some(fields.String(), 50, 1)
    least = Whole(least=1, most=1000)
    per = fields.String(required=True, validate=word("month", "quarter", "half_year", "year"))
    in_a_row = Whole(least=1, most=12)
    points = Number(most=MAX_POINTS, signed=True, required=True)
    into = fields.String()
    notice_days = Whole(most=60)
    review = fields.String()


class CarrySchema(Part):
    """What becomes of what is left of a balance when a period ends."""

    balance = fields.String(required=True)
    per = fields.String(required=True, validate=word(*CARRIED))
    of = fields.String(validate=word("all", "ending"))
    percent = Number(most=100, required=True)
    to = fields.String()
    most = Number(least="0.001", most=10**9)
    rounding = fields.String(validate=word(*ROUNDINGS))
    rest = fields.String(validate=word(*RESTS))
    pool = Text(least=1, most=40)

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        if ("pool" in data) and data.get("rest") != "pool":
            raise ValidationError({"pool": [N_("剩下的进公益池，才填公益池的名称。")]})
        if float(data["percent"]) == 0 and data.get("rest", "lapse") == "stay":
            raise ValidationError({"rest": [N_("什么都不转，也不清零：这一条不用写。")]})


class GiftsSchema(Part):
    to = words("household", "relative", "pool", least=1, required=True)
    caps = some(fields.Nested(CapSchema), 10)


class PoolSchema(Part):
    code = code(required=True)
    title = title(40)
    use = Text(least=1, most=200, data_key="for", required=True)


class BoundsSchema(Part):
    least = Number(most=MAX_POINTS, signed=True, required=True)
    most = Number(most=MAX_POINTS, signed=True, required=True)


class GroupSchema(Part):
    code = code(required=True)
    title = title(40)
    caps = some(fields.Nested(CapSchema), 20, 1)
    bonuses = some(fields.Nested(BonusSchema), 5, 1)
    spacing = some(fields.Nested(SpacingSchema), 3, 1)
    once = fields.String(validate=word("highest"))
    best = Whole(least=1, most=10)
    note = Text(least=1, most=300)
    same = fields.String(validate=word(*SAME))
    who = fields.String(validate=word(*WHO))

    @validates_schema
    def does_something(self, data: dict[str, Any], **_: Any) -> None:
        if not {"caps", "once", "bonuses", "spacing", "note"} & set(data):
            raise ValidationError({"caps": [N_("上限、另加、间隔、“只算最高的”、说明，至少要写一样。")]})
        for name in {"same", "who", "best"} & set(data) if "once" not in data else ():
            raise ValidationError({name: [N_("先写“只算最高的”。")]})


class DocumentSchema(Part):
    format = fields.String(required=True, validate=word(FORMAT))
    label = Text(least=1, most=40, required=True)
    title = title(120)
    source = fields.Nested(SourceSchema, required=True)
    effective_on = Day(required=True)
    decimals = Whole(most=1, required=True)
    note = Text(most=2000)
    life = fields.Nested(LifeSchema)
    categories = some(fields.Nested(CategorySchema), 50)
    units = some(fields.Nested(UnitSchema), 30)
    balances = some(fields.Nested(BalanceSchema), 5)
    opening = some(fields.Nested(OpeningSchema), 20)
    ceilings = some(fields.Nested(CeilingSchema), 8)
    coefficients = some(fields.Nested(CoefficientSchema), 50)
    case_by_case = fields.Nested(BoundsSchema)
    review = fields.String()
    paths = some(fields.Nested(PathSchema), 20)
    notice_days = Whole(most=60)
    notice_above = Number(most=MAX_POINTS)
    second_above = Number(most=MAX_POINTS)
    credit = fields.String(validate=word(*CREDITS))
    late = fields.Nested(LateSchema)
    deductions = fields.Nested(DeductionsSchema)
    levels = some(fields.Nested(LevelSchema), 10)
    rankings = some(fields.Nested(RankingSchema), 20)
    grants = some(fields.Nested(GrantSchema), 20)
    missed = some(fields.Nested(MissedSchema), 20)
    carry = some(fields.Nested(CarrySchema), 10)
    gifts = fields.Nested(GiftsSchema)
    pools = some(fields.Nested(PoolSchema), 10)
    groups = some(fields.Nested(GroupSchema), 50)
    rules = some(fields.Nested(RuleSchema), MAX_RULES, 1, required=True)
    redemption = fields.Nested(RedemptionSchema)

    @pre_load
    def is_bounded(self, data: Any, **_: Any) -> Any:
        """Look at no more rules than we take: a hostile document is not validated to its end."""
        rules = data.get("rules") if isinstance(data, dict) else None
        if isinstance(rules, list) and len(rules) > MAX_RULES:
            raise ValidationError({"rules": [N_("最多 500 条。")]})
        return data
