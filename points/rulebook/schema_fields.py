"""The fields of a rulebook document: numbers, days, words, codes. One spelling comes out, so that hashes compare."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from ..errors import N_
from ..people.models import Role
from ..web.schemas import Text, Whole
from .terms import CALENDAR, SOURCES

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
        "negative": N_("不能是负数。"),
    }

    def __init__(self, *, least: str = "0", most: int = MAX_QUANTITY, signed: bool = False, **kwargs: Any) -> None:
        self.least, self.most = (Decimal(-most) if signed else Decimal(least)), most
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = str(value).strip()
        if isinstance(value, (bool, dict, list)) or not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", text, re.ASCII):
            raise self.make_error("invalid")
        number = Decimal(text)
        if number < 0 <= self.least:
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


ONE_OF = N_("只能是这些里的一个：{choices}。")


def word(*values: str) -> validate.OneOf:
    return validate.OneOf(values, error=ONE_OF)


def code(**kwargs: Any) -> fields.String:
    sentence = N_("代号用字母和数字，最多 40 个，如 r01。")
    return fields.String(validate=validate.Regexp(CODE.pattern + r"\Z", error=sentence), **kwargs)


def some(inner: Any, most: int, least: int = 0, **kwargs: Any) -> fields.List[Any]:
    return fields.List(inner, validate=validate.Length(least, most, error=N_("要有 {min} 到 {max} 个。")), **kwargs)


class Part(Schema):
    """A part of the document. Unknown fields are refused; ``null`` is refused like any wrong value."""

    class Meta:
        unknown = RAISE

    @post_load
    def under_its_own_names(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Loaded parts carry the document's names again ("from", not our "start")."""
        return {self.fields[name].data_key or name: value for name, value in data.items()}


def flag(**kwargs: Any) -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, **kwargs)


def words(*values: str, **kwargs: Any) -> fields.List[Any]:
    """A list of some of these words, each at most once."""
    return some(fields.String(validate=word(*values)), len(values), **kwargs)


def clock_time(**kwargs: Any) -> fields.String:
    return fields.String(
        validate=validate.Regexp(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", error=N_("时间请写成 22:00 这样。")), **kwargs
    )


def month_and_day(**kwargs: Any) -> fields.String:
    pattern = r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])\Z"
    return fields.String(validate=validate.Regexp(pattern, error=N_("请写成 09-01 这样，日子最晚 28 日。")), **kwargs)


def any_day_of_a_year(**kwargs: Any) -> fields.String:
    """A day of every year, to its last: "08-31"; 29 February counts where there is one."""
    pattern = r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))\Z"
    return fields.String(validate=validate.Regexp(pattern, error=N_("请写成 08-31 这样。")), **kwargs)


def period(*more: str, **kwargs: Any) -> fields.String:
    return fields.String(validate=word(*CALENDAR, *more), **kwargs)


class Or(fields.Field[Any]):
    """A word, or else what another field takes: {"percent": 50} or "refuse"."""

    def __init__(self, word: str | tuple[str, ...], other: fields.Field[Any], **kwargs: Any) -> None:
        self.words, self.other = (word,) if isinstance(word, str) else word, other
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and value in self.words:
            return value
        return self.other.deserialize(value, attr, data)


class AgesSchema(Part):
    start = Whole(most=150, data_key="from")
    to = Whole(most=150)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("start", 0) > data.get("to", 150):
            raise ValidationError({"from": [N_("最小的年龄比最大的还大。")]})


class SpanSchema(Part):
    """So many days, months or years: exactly one of them."""

    days = Whole(least=1, most=36500)
    months = Whole(least=1, most=1200)
    years = Whole(least=1, most=100)

    @validates_schema
    def one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError(N_("天、月、年里填一样。"))


class PercentSchema(Part):
    percent = Whole(most=1000, required=True)


def sources() -> fields.List[Any]:
    return words(*SOURCES)


def title(most: int = 80, **kwargs: Any) -> Text:
    return Text(least=1, most=most, required=True, **kwargs)


class WhoSchema(Part):
    """Whom something is for; what is left out asks for nothing."""

    roles = words(*Role)
    ages = fields.Nested(AgesSchema)
    areas = some(Text(least=1, most=80), 50)
    members = some(Text(least=1, most=40), 50)
