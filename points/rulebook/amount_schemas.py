"""The shape of amounts and coefficients in a rulebook document."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from ..errors import N_
from ..people.models import Role
from ..web.schemas import Text, Whole
from .schema_fields import (
    MAX_POINTS,
    AgesSchema,
    Day,
    Number,
    Part,
    any_day_of_a_year,
    clock_time,
    code,
    flag,
    some,
    title,
    word,
    words,
)
from .terms import AMOUNTS, CALENDAR, CHOSEN_BY, COUNTS, DAY_KINDS, ROUNDINGS, WHO


class BracketSchema(Part):
    start = Number(data_key="from", required=True)
    points = Number(most=MAX_POINTS, signed=True, required=True)
    every = Number(least="0.001")


OVER_TIME = ("cumulative", "cumulative_who", "cumulative_group")
# Of each type of amount: the fields it needs, and those it may have.
BELONGS: Mapping[str, tuple[set[str], set[str]]] = {
    "fixed": ({"points"}, {"rounding"}),
    "per_unit": ({"points"}, {"every", "count", "rounding", "base", "above", *OVER_TIME}),
    "brackets": ({"brackets"}, {"mode", "every", "count", "rounding", *OVER_TIME}),
    "range": ({"least", "most"}, {"step", "zero", "per", "rounding"}),
    "case_by_case": (set(), {"least", "most", "step", "zero", "rounding"}),
    "choice": ({"choices"}, {"mode", "rounding"}),
    "shared": ({"points"}, {"most_each", "rounding"}),
    "share": ({"percent"}, {"rounding"}),
}
MODES = {"brackets": ("highest", "additive", "progressive"), "choice": ("one", "several")}


class DidSchema(Part):
    """So many deeds under some rules, in the period of the deed's day."""

    rules = some(fields.String(), 20, 1, required=True)
    per = fields.String(required=True, validate=word(*CALENDAR, "lifetime"))
    least = Whole(least=1, most=10_000)
    most = Whole(most=10_000)
    who = fields.String(validate=word(*WHO))

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("least", 0) > data.get("most", 10_000):
            raise ValidationError({"least": [N_("最少的比最多的还多。")]})


class JoinedSchema(Part):
    """So many days since somebody was registered here."""

    start = Whole(most=36_500, data_key="from")
    to = Whole(most=36_500)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError(N_("至少写一个条件；没有条件就不要写这一栏。"))
        if data.get("start", 0) > data.get("to", 36_500):
            raise ValidationError({"from": [N_("最少的比最多的还多。")]})


class WhenSchema(Part):
    days = words(*DAY_KINDS, least=1)
    begins = clock_time(data_key="from")
    ends = clock_time(data_key="to")
    roles = words(*Role, least=1)
    members = some(Text(least=1, most=40), 50, 1)
    areas = some(Text(least=1, most=80), 50, 1)
    months = some(Whole(least=1, most=12), 12, 1)
    weekdays = some(Whole(least=1, most=7), 7, 1)
    month_days = some(Whole(least=1, most=31), 31, 1)
    first_on = Day()
    last_on = Day()
    since = any_day_of_a_year()
    until = any_day_of_a_year()
    ages = fields.Nested(AgesSchema)
    levels = some(Text(least=1, most=44), 50, 1)
    did = fields.Nested(DidSchema)
    joined = fields.Nested(JoinedSchema)

    @validates_schema
    def whole_span(self, data: dict[str, Any], **_: Any) -> None:
        if ("begins" in data) != ("ends" in data):
            raise ValidationError({"from": [N_("从几点到几点，两头都要填。")]})
        if ("since" in data) != ("until" in data):
            raise ValidationError({"since": [N_("每年从哪天到哪天，两头都要填。")]})
        if not data:
            raise ValidationError(N_("至少写一个条件；没有条件就不要写这一栏。"))


class ChoiceSchema(Part):
    code = code(required=True)
    title = title()
    points = Number(most=MAX_POINTS, signed=True, required=True)
    when = fields.Nested(WhenSchema)


class AmountSchema(Part):
    type = fields.String(required=True, validate=word(*AMOUNTS))
    points = Number(most=MAX_POINTS, signed=True)
    every = Number(least="0.001")
    count = fields.String(validate=word(*COUNTS))
    rounding = fields.String(validate=word(*ROUNDINGS))
    base = Number(most=MAX_POINTS, signed=True)
    above = Number()
    cumulative = fields.String(validate=word(*CALENDAR, "lifetime", "act"))
    cumulative_who = fields.String(validate=word(*WHO))
    cumulative_group = fields.String()
    percent = Number(most=100, signed=True)
    least = Number(most=MAX_POINTS, signed=True)
    most = Number(most=MAX_POINTS, signed=True)
    step = Number(least="0.001", most=MAX_POINTS)
    zero = flag()
    per = fields.String(validate=word("claim", "unit"))
    brackets = some(fields.Nested(BracketSchema), 20, 1)
    mode = fields.String(validate=word("highest", "additive", "progressive", "one", "several"))
    choices = some(fields.Nested(ChoiceSchema), 50, 1)
    most_each = Number(least="0.001", most=MAX_POINTS)
    coefficients = some(fields.String(), 10)
    together = fields.String(validate=word("multiplied", "highest", "added"))

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        needed, allowed = BELONGS[data["type"]]
        given = set(data) - {"type", "coefficients", "together"}
        wrong = {name: [N_("这种算法要填这一栏。")] for name in needed - given}
        wrong |= {name: [N_("这种算法用不着这一栏。")] for name in given - needed - allowed}
        if "least" in data and "most" in data and Decimal(data["least"]) > Decimal(data["most"]):
            wrong["least"] = [N_("最少的比最多的还多。")]
        if "mode" in data and data["mode"] not in MODES.get(data["type"], ()):
            wrong["mode"] = [N_("这种算法用不着这一栏。")]
        starts = [Decimal(bracket["from"]) for bracket in data.get("brackets", ())]
        if starts != sorted(set(starts)):
            wrong["brackets"] = [N_("档次要从小到大，不能重复。")]
        codes = [choice["code"] for choice in data.get("choices", ())]
        if len(set(codes)) != len(codes):
            wrong["choices"] = [N_("代号重复。")]
        if "together" in data and len(data.get("coefficients", ())) < 2:
            wrong["together"] = [N_("选了两个以上的系数，才用得着这一栏。")]
        if "cumulative" not in data:
            wrong |= {name: [N_("这种算法用不着这一栏。")] for name in OVER_TIME if name in data}
        if [choice for choice in data.get("choices", ()) if "when" not in choice][1:] and any(
            "when" in choice for choice in data["choices"]
        ):
            wrong["choices"] = [N_("由系统来定的，只能有一种不写“什么时候”。")]
        if wrong:
            raise ValidationError(wrong)


class CoefficientChoiceSchema(Part):
    code = code(required=True)
    title = title()
    factor = Number(most=100)
    add = Number(most=MAX_POINTS, signed=True)
    when = fields.Nested(WhenSchema)

    @validates_schema
    def something(self, data: dict[str, Any], **_: Any) -> None:
        if ("factor" in data) == ("add" in data):
            raise ValidationError({"factor": [N_("乘多少、加多少，填一样。")]})


class ToldSchema(Part):
    """A further number that the claimant tells. With ``points`` it is paid by itself, else the amount is multiplied."""

    unit = Text(least=1, most=20)
    least = Number()
    most = Number(least="0.001")
    step = Number(least="0.001")
    points = Number(most=MAX_POINTS, signed=True)
    every = Number(least="0.001")
    above = Number()

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        wrong = {name: [N_("先写每份几分。")] for name in ("every", "above") if name in data and "points" not in data}
        if Decimal(data.get("least", 1)) > Decimal(data.get("most", 1000)):
            wrong["least"] = [N_("最少的比最多的还多。")]
        if wrong:
            raise ValidationError(wrong)


class CoefficientSchema(Part):
    code = code(required=True)
    title = title(40)
    by = fields.String(required=True, validate=word(*CHOSEN_BY))
    choices = some(fields.Nested(CoefficientChoiceSchema), 20, 1)
    number = fields.Nested(ToldSchema)

    @validates_schema
    def belongs(self, data: dict[str, Any], **_: Any) -> None:
        wanted, other = ("number", "choices") if data["by"] == "number" else ("choices", "number")
        wrong = {} if wanted in data else {wanted: [N_("这种要填这一栏。")]}
        wrong |= {other: [N_("这种用不着这一栏。")]} if other in data else {}
        if wrong:
            raise ValidationError(wrong)
        if data["by"] == "number":
            return
        codes = [choice["code"] for choice in data["choices"]]
        if len(set(codes)) != len(codes):
            raise ValidationError({"choices": [N_("代号重复。")]})
        conditions = ["when" in choice for choice in data["choices"]]
        if data["by"] != "system" and any(conditions):
            raise ValidationError({"choices": [N_("由人来选的，不写“什么时候”。")]})
        if data["by"] == "system" and conditions.count(False) > 1:
            raise ValidationError({"choices": [N_("由系统来定的，只能有一种不写“什么时候”。")]})
