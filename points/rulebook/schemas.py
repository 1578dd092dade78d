"""The shape of a rulebook document (docs/rulebook.md). Unknown fields are refused and everything is bounded.

Numbers come out in one spelling (2.50 and "2.5" are the same), so that the same document has the same hash.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate, validates_schema

from ..errors import N_
from ..people.models import Role
from ..web.schemas import Text, Whole
from .terms import AMOUNTS, CAP_PERIODS, CAPPED, FORMAT, KINDS, LIVES, ROUNDINGS, SOURCES, UNITS

MAX_RULES = 500
MAX_POINTS = 1_000_000
MAX_QUANTITY = 1_000_000
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", re.ASCII)


class Number(fields.Field[Any]):
    """A decimal number with at most three places, out in its shortest spelling: a whole number, or text."""

    default_error_messages = {
        "invalid": N_("请填数字。"),
        "scale": N_("小数点后最多 3 位。"),
        "range": N_("请填 {min} 到 {max} 之间的数。"),
        "negative": N_("不能是负数：扣分不在这里写。"),
    }

    def __init__(self, *, least: str = "0", most: int = MAX_QUANTITY, **kwargs: Any) -> None:
        self.least, self.most = Decimal(least), most
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = str(value).strip()
        if isinstance(value, (bool, dict, list)) or not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", text, re.ASCII):
            raise self.make_error("invalid")
        number = Decimal(text)
        if number < 0:
            raise self.make_error("negative")
        if not self.least <= number <= self.most:
            raise self.make_error("range", min=self.least, max=self.most)
        if number * 1000 != (number * 1000).to_integral_value():
            raise self.make_error("scale")
        return int(number) if number == number.to_integral_value() else format(number.normalize(), "f")


class Day(fields.Field[str]):
    """A day, as 2026-11-20."""

    default_error_messages = {"invalid": N_("日期请写成 2026-11-20 这样。")}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
            raise self.make_error("invalid")
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise self.make_error("invalid") from None
        if not 1950 <= day.year <= 2190:
            raise self.make_error("invalid")
        return value


class Beside(Number):
    """A number per unit, or the one word that means "as much as the deed"."""

    def __init__(self, word: str, **kwargs: Any) -> None:
        self.word = word
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        return self.word if value == self.word else super()._deserialize(value, attr, data, **kwargs)


def word(*values: str) -> validate.OneOf:
    return validate.OneOf(values, error=N_("只能是这些里的一个：{choices}。"))


def code(**kwargs: Any) -> fields.String:
    sentence = N_("代号用字母和数字，最多 40 个，如 r01。")
    return fields.String(validate=validate.Regexp(CODE.pattern + r"\Z", error=sentence), **kwargs)


def some(inner: Any, most: int, least: int = 0, **kwargs: Any) -> fields.List[Any]:
    return fields.List(inner, validate=validate.Length(least, most, error=N_("要有 {min} 到 {max} 个。")), **kwargs)


class Part(Schema):
    """A part of the document. Unknown fields are refused; ``null`` is refused like any wrong value."""

    class Meta:
        unknown = RAISE


class SourceSchema(Part):
    title = Text(least=1, most=200, required=True)
    organisation = Text(most=120)
    date = Text(most=60)  # as published: "undated" is a fact too
    completeness = Text(most=300)
    note = Text(most=1000)


class BracketSchema(Part):
    start = Number(data_key="from", required=True)
    points = Number(most=MAX_POINTS, required=True)


BELONGS = {
    "fixed": ({"points"}, set()),
    "per_unit": ({"points"}, {"every", "count", "rounding"}),
    "brackets": ({"brackets"}, {"mode"}),
    "case_by_case": ({"least", "most"}, set()),
}


class AmountSchema(Part):
    type = fields.String(required=True, validate=word(*AMOUNTS))
    points = Number(most=MAX_POINTS)
    every = Number(least="0.001")
    count = fields.String(validate=word("whole", "proportional"))
    rounding = fields.String(validate=word(*ROUNDINGS))
    least = Number(most=MAX_POINTS)
    most = Number(most=MAX_POINTS)
    brackets = some(fields.Nested(BracketSchema), 20, 1)
    mode = fields.String(validate=word("highest", "additive"))

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        needed, allowed = BELONGS[data["type"]]
        given = set(data) - {"type"}
        wrong = {name: [N_("这种算法要填这一栏。")] for name in needed - given}
        wrong |= {name: [N_("这种算法用不着这一栏。")] for name in given - needed - allowed}
        if not wrong and data["type"] == "case_by_case" and Decimal(data["least"]) > Decimal(data["most"]):
            wrong["least"] = [N_("最少的比最多的还多。")]
        starts = [Decimal(bracket["start"]) for bracket in data.get("brackets", ())]
        if starts != sorted(set(starts)):
            wrong["brackets"] = [N_("档次要从小到大，不能重复。")]
        if wrong:
            raise ValidationError(wrong)


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
    who = fields.String(validate=word("person", "household"))
    over = fields.String(validate=word("cut", "refuse"))


class EvidenceSchema(Part):
    photos = Whole(most=9)
    note = fields.Boolean(truthy={True}, falsy={False})
    place = fields.Boolean(truthy={True}, falsy={False})
    papers = Text(most=200)
    not_for = some(fields.String(validate=word(*SOURCES)), len(SOURCES))


class TrustSchema(Part):
    points = Whole(most=100)
    honour = Whole(most=100)
    minutes = Whole(most=100)
    refuse = fields.Boolean(truthy={True}, falsy={False})


class OutcomeSchema(Part):
    code = code(required=True)
    title = Text(least=1, most=80, required=True)
    percent = Whole(most=99)


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
        given = set(data) - {"type"}
        wrong = {name: [N_("这种期限要填这一栏。")] for name in needed - given}
        wrong |= {name: [N_("这种期限用不着这一栏。")] for name in given - needed}
        if not wrong and data["type"] in ("months", "years") and data["number"] > 1200:
            wrong["number"] = [N_("太长了，最多 1200。")]
        if not wrong and data["type"] == "yearly":
            try:
                date(2023, data["month"], data["day"])
            except ValueError:
                wrong["day"] = [N_("不是每年都有这一天。")]
        if wrong:
            raise ValidationError(wrong)


class BesideSchema(Part):
    honour = Beside("same", most=MAX_POINTS)
    minutes = Beside("served", most=100_000)


class RuleSchema(Part):
    code = code(required=True)
    title = Text(least=1, most=120, required=True)
    kind = fields.String(required=True, validate=word(*KINDS))
    text = Text(most=1000)
    unit = fields.String(required=True, validate=word(*UNITS))
    amount = fields.Nested(AmountSchema, required=True)
    quantity = fields.Nested(QuantitySchema)
    caps = some(fields.Nested(CapSchema), 20)
    groups = some(fields.String(), 10)
    roles = some(fields.String(validate=word(*Role)), len(Role))
    evidence = fields.Nested(EvidenceSchema)
    trust = fields.Dict(keys=fields.String(validate=word(*SOURCES)), values=fields.Nested(TrustSchema))
    outcomes = some(fields.Nested(OutcomeSchema), 10)
    life = fields.Nested(LifeSchema)
    beside = fields.Nested(BesideSchema)
    verify = Text(most=300)


class GroupSchema(Part):
    code = code(required=True)
    title = Text(least=1, most=40, required=True)
    caps = some(fields.Nested(CapSchema), 20, 1, required=True)


class LimitSchema(Part):
    per = fields.String(required=True, validate=word(*CAP_PERIODS[1:]))
    times = Whole(least=1, most=10_000, required=True)
    who = fields.String(validate=word("person", "household"))


class PriceSchema(Part):
    goods = Text(least=1, most=60, required=True)
    size = Text(most=30)
    points = Number(least="0.001", most=MAX_POINTS, required=True)
    market_price = Number(most=MAX_POINTS)


class RedemptionSchema(Part):
    limits = some(fields.Nested(LimitSchema), 10)
    prices = some(fields.Nested(PriceSchema), 500)
    note = Text(most=1000)


class DocumentSchema(Part):
    format = fields.String(required=True, validate=word(FORMAT))
    label = Text(least=1, most=40, required=True)
    title = Text(least=1, most=120, required=True)
    source = fields.Nested(SourceSchema, required=True)
    effective_on = Day(required=True)
    decimals = Whole(most=1, required=True)
    note = Text(most=2000)
    life = fields.Nested(LifeSchema)
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
