"""The shape of one rule, and of the parts that rules and the whole document have alike (caps, life, late entry)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from ..errors import N_
from ..people.models import Role
from ..web.schemas import Text, Whole
from .amount_schemas import AmountSchema
from .schema_fields import (
    MAX_POINTS,
    AgesSchema,
    Day,
    Number,
    Or,
    Part,
    PercentSchema,
    SpanSchema,
    code,
    flag,
    month_and_day,
    period,
    some,
    sources,
    title,
    word,
    words,
)
from .terms import (
    ALSO,
    ANEW,
    BARRED,
    CALENDAR,
    CALENDAR_LIVES,
    CAP_PERIODS,
    CAPPED,
    CREDITS,
    KINDS,
    LIVES,
    SOURCES,
    SUBJECTS,
    TRIGGERS,
    WHO,
)


class QuantitySchema(Part):
    least = Number(least="0.001")
    most = Number(least="0.001")
    step = Number(least="0.001")

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if "least" in data and "most" in data and Decimal(data["least"]) > Decimal(data["most"]):
            raise ValidationError({"least": [N_("最少的比最多的还多。")]})


class CapSchema(Part):
    what = fields.String(required=True, validate=word(*CAPPED))
    most = Number(least="0.001", most=10**9, required=True)
    per = fields.String(required=True, validate=word(*CAP_PERIODS))
    who = fields.String(validate=word(*WHO))
    over = Or(("cut", "refuse"), fields.Nested(PercentSchema))
    starts = month_and_day()
    same = fields.String(validate=word("subject"))

    @validates_schema
    def starts_a_year(self, data: dict[str, Any], **_: Any) -> None:
        if "same" in data and data["per"] not in CALENDAR:
            raise ValidationError({"same": [N_("“同一件事”要和一段时间连在一起写，如每月。")]})
        if "starts" in data and data["per"] != "year":
            raise ValidationError({"starts": [N_("只有按年的上限才写从哪天起。")]})
        if isinstance(data.get("over"), dict) and data["what"] != "points":
            raise ValidationError({"over": [N_("只有按分封顶的，超出的才能打折。")]})


class SpacingSchema(SpanSchema):
    """At most so many deeds within any so many days, months or years."""

    most = Whole(least=1, most=100)
    who = fields.String(validate=word(*WHO))
    same = fields.String(validate=word("subject"))
    over = fields.String(validate=word("refuse", "cut"))

    @validates_schema
    def one(self, data: dict[str, Any], **_: Any) -> None:
        if len({"days", "months", "years"} & set(data)) != 1:
            raise ValidationError({"days": [N_("天、月、年里填一样。")]})
        if data.get("most", 1) > 1 and data.get("days", 32) > 31:
            raise ValidationError({"most": [N_("多于 1 次的，最多看 31 天以内。")]})


class AlsoSchema(Part):
    to = fields.String(required=True, validate=word(*ALSO), data_key="for")
    points = Number(most=MAX_POINTS, signed=True, required=True)


class ProofSchema(Part):
    photos = Whole(most=9)
    note = flag()
    place = flag()
    papers = Text(most=200)
    attendance = flag()
    files = Whole(most=9)
    helped = flag()
    record = flag()


class EvidenceSchema(ProofSchema):
    any = some(fields.Nested(ProofSchema), 6, 1)
    not_for = sources()

    @validates_schema
    def asks_for_something(self, data: dict[str, Any], **_: Any) -> None:
        if any(not asked_for(one) for one in data.get("any", ())):
            raise ValidationError({"any": [N_("每一种都要写明要什么。")]})


def asked_for(proof: dict[str, Any]) -> dict[str, Any]:
    """What a way of proving asks for that can be checked; words about papers alone cannot."""
    return {name: value for name, value in proof.items() if value and name not in ("papers", "not_for", "any")}


class TrustSchema(Part):
    points = Whole(most=1000)
    honour = Whole(most=1000)
    minutes = Whole(most=1000)
    refuse = flag()


class TimesSchema(Part):
    """So many times in a period, or in each of so many running."""

    times = Whole(least=1, most=100, required=True)
    per = period("lifetime", required=True)
    in_a_row = Whole(least=2, most=12)

    @validates_schema
    def more_than_once(self, data: dict[str, Any], **_: Any) -> None:
        if data["times"] < 2 and "in_a_row" not in data:
            raise ValidationError({"times": [N_("至少 2 次，或者连续几段时间。")]})
        if "in_a_row" in data and data["per"] == "lifetime":
            raise ValidationError({"per": [N_("连续几段，要写一段是多长。")]})


class BarsSchema(Part):
    start = words(*BARRED, least=1, data_key="from", required=True)
    span = fields.Nested(SpanSchema, data_key="for")
    rest_of = fields.String(validate=word(*ANEW))
    after = fields.Nested(TimesSchema)

    @validates_schema
    def ends(self, data: dict[str, Any], **_: Any) -> None:
        if ("span" in data) == ("rest_of" in data):
            raise ValidationError({"for": [N_("写多久，或者写到哪一段时间的最后一天，二选一。")]})


class OutcomeSchema(Part):
    code = code(required=True)
    title = title()
    percent = Whole(most=99)
    bars = fields.Nested(BarsSchema)


class LifeSchema(Part):
    type = fields.String(required=True, validate=word(*LIVES))
    number = Whole(least=1, most=36500)
    month = Whole(least=1, most=12)
    day = Whole(least=1, most=31)
    on = Day()

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        counted = {"days": {"number"}, "months": {"number"}, "years": {"number"}}
        needed: set[str] = {**counted, "yearly": {"month", "day"}, "fixed": {"on"}}.get(data["type"], set())
        later = {"number"} if data["type"] in (*CALENDAR_LIVES, "yearly") else set()
        given = set(data) - {"type"}
        wrong = {name: [N_("这种期限要填这一栏。")] for name in needed - given}
        wrong |= {name: [N_("这种期限用不着这一栏。")] for name in given - needed - later}
        if later and data.get("number", 1) > 40:
            wrong["number"] = [N_("太长了，最多 40。")]
        if not wrong and data["type"] in ("months", "years") and data["number"] > 1200:
            wrong["number"] = [N_("太长了，最多 1200。")]
        if not wrong and data["type"] == "yearly":
            try:
                date(2023, data["month"], data["day"])
            except ValueError:
                wrong["day"] = [N_("不是每年都有这一天。")]
        if wrong:
            raise ValidationError(wrong)


class LateSchema(Part):
    days = Whole(most=3660, required=True)
    then = Or("refuse", fields.Nested(PercentSchema))
    never = Whole(least=1, most=3660)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if "never" in data and (data.get("then", "refuse") == "refuse" or data["never"] <= data["days"]):
            raise ValidationError({"never": [N_("先写晚几天打折，再写晚几天（更多）不收。")]})


class BonusSchema(Part):
    """Points on top when a total is reached within a period, or in so many periods running."""

    code = code(required=True)
    title = title()
    points = Number(most=MAX_POINTS, required=True)
    reach = Number(least="0.001", required=True)
    per = period("lifetime", required=True)
    of = fields.String(validate=word("times", "units"))
    in_a_row = Whole(least=1, most=12)
    again = flag()
    who = fields.String(validate=word(*WHO))

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("in_a_row", 1) > 1 and data["per"] == "lifetime":
            raise ValidationError({"in_a_row": [N_("一共只有一段时间，谈不上连续。")]})
        if data.get("in_a_row", 1) > 1 and data.get("again"):
            raise ValidationError({"again": [N_("连续的每满一轮就再算，不用写这一栏。")]})


class BesideField(fields.Field[Any]):
    """What is given beside the points, by balance: a number per unit, an amount of its own, or the word "as much"."""

    default_error_messages = {
        "invalid": N_("这一栏的格式不对。"),
        "many": N_("最多 8 样。"),
        "kind": N_("这里不能用由审核的人定的算法。"),
    }
    WORDS = {"honour": "same", "minutes": "served"}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise self.make_error("invalid")
        if len(value) > 8:
            raise self.make_error("many")
        loaded, wrong = {}, {}
        for name, given in value.items():
            try:
                loaded[name] = self.one(name, given)
            except ValidationError as error:
                wrong[name] = error.messages
        if wrong:
            raise ValidationError(wrong)
        return loaded

    def one(self, name: str, given: Any) -> Any:
        if given == self.WORDS.get(name, "same"):
            return given
        if not isinstance(given, dict):
            return Number(most=MAX_POINTS, signed=True).deserialize(given)
        amount = AmountSchema().load(given)
        if amount["type"] in ("range", "case_by_case") or "cumulative" in amount or "coefficients" in amount:
            raise ValidationError({"type": [self.error_messages["kind"]]})
        return amount


class RuleSchema(Part):
    code = code(required=True)
    title = title(120)
    kind = fields.String(validate=word(*KINDS))
    category = fields.String()
    text = Text(most=1000)
    unit = fields.String(required=True)
    amount = fields.Nested(AmountSchema, required=True)
    into = fields.String()
    quantity = fields.Nested(QuantitySchema)
    caps = some(fields.Nested(CapSchema), 20)
    groups = some(fields.String(), 10)
    bonuses = some(fields.Nested(BonusSchema), 5)
    spacing = some(fields.Nested(SpacingSchema), 3)
    also = some(fields.Nested(AlsoSchema), 2)
    roles = words(*Role)
    ages = fields.Nested(AgesSchema)
    areas = some(Text(least=1, most=80), 50)
    members = some(Text(least=1, most=40), 50)
    subject = fields.String(validate=word(*SUBJECTS))
    spend = fields.String(validate=word("any", "donate_only"))
    evidence = fields.Nested(EvidenceSchema)
    trust = fields.Dict(keys=fields.String(validate=word(*SOURCES)), values=fields.Nested(TrustSchema))
    outcomes = some(fields.Nested(OutcomeSchema), 10)
    life = fields.Nested(LifeSchema)
    beside = BesideField()
    late = fields.Nested(LateSchema)
    review = fields.String()
    second_above = Number(most=MAX_POINTS)
    notice_days = Whole(most=60)
    notice_above = Number(most=MAX_POINTS)
    credit = fields.String(validate=word(*CREDITS))
    trigger = fields.String(validate=word(*TRIGGERS))
    bars = fields.Nested(BarsSchema)
    verify = Text(most=300)
