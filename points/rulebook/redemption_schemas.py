"""What a document says of redeeming: who may, on which days, how often; and prices for the shelf."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from ..errors import N_
from ..web.schemas import Text, Whole
from .schema_fields import MAX_POINTS, Day, Number, Part, WhoSchema, clock_time, some, word
from .terms import CAP_PERIODS


class ConditionSchema(WhoSchema):
    """Who may redeem at all, or certain goods: so much of a balance, a level reached, or belonging somewhere."""

    balance = fields.String()
    least = Number(least="0.001", most=10**9)
    level = Text(least=1, most=44)
    goods = some(Text(least=1, most=60), 100, 1)
    note = Text(least=1, most=200)

    @validates_schema
    def asks(self, data: dict[str, Any], **_: Any) -> None:
        if ("balance" in data) != ("least" in data):
            raise ValidationError({"least": [N_("哪一种积分、满多少，两样都要填。")]})
        if not {"balance", "level", "roles", "ages", "areas", "members", "note"} & set(data):
            raise ValidationError({"note": [N_("条件要写一样：满多少分、什么等级、什么人，或者一句话。")]})


class LimitSchema(Part):
    per = fields.String(required=True, validate=word(*CAP_PERIODS[1:8]))
    times = Whole(least=1, most=10_000)
    points = Number(least="0.001", most=10**9)
    who = fields.String(validate=word("person", "household"))

    @validates_schema
    def one(self, data: dict[str, Any], **_: Any) -> None:
        if ("times" in data) == ("points" in data):
            raise ValidationError({"times": [N_("最多几次、最多多少分，填一样。")]})


class WindowSchema(Part):
    """When somebody may redeem: once from day to day, or on days that come again; at these hours alone."""

    start = Day(data_key="from")
    to = Day()
    months = some(Whole(least=1, most=12), 12, 1)
    weekdays = some(Whole(least=1, most=7), 7, 1)
    month_days = some(Whole(least=1, most=31), 31, 1)
    opens = clock_time()
    closes = clock_time()

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError(N_("至少写一个条件；没有条件就不要写这一栏。"))
        if "start" in data and "to" in data and data["start"] > data["to"]:
            raise ValidationError({"to": [N_("结束比开始还早。")]})
        if ("opens" in data) != ("closes" in data):
            raise ValidationError({"opens": [N_("从几点到几点，两头都要填。")]})
        if "opens" in data and data["opens"] >= data["closes"]:
            raise ValidationError({"closes": [N_("结束比开始还早。")]})


class PriceSchema(Part):
    goods = Text(least=1, most=60, required=True)
    size = Text(most=30)
    points = Number(least="0.001", most=MAX_POINTS, required=True)
    market_price = Number(most=MAX_POINTS)


class RedemptionSchema(Part):
    conditions = some(fields.Nested(ConditionSchema), 20)
    keep = Number(least="0.001", most=10**9)
    value = Number(least="0.001", most=MAX_POINTS)
    limits = some(fields.Nested(LimitSchema), 10)
    windows = some(fields.Nested(WindowSchema), 50)
    prices = some(fields.Nested(PriceSchema), 500)
    note = Text(most=1000)
