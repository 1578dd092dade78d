"""Fields every capability uses at its edge: bounded ids, amounts, quantities and text. Unknown fields are refused."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate

from ..db import MAX_AMOUNT, MAX_ID
from ..errors import N_

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Strict(Schema):
    """A schema that refuses what it does not know and drops the form's own key."""

    class Meta:
        unknown = RAISE

    @pre_load
    def without_form_key(self, data: Any, **_: Any) -> Any:
        if isinstance(data, dict) and "key" in data and "key" not in self.fields:
            return {name: value for name, value in data.items() if name != "key"}
        return data


class IdField(fields.Field[int]):
    """An id: a string in JSON (JavaScript rounds above 2^53), a positive integer below 2^63 here."""

    default_error_messages = {"invalid": N_("编号不对。")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"metadata": {"pattern": "^[0-9]{1,19}$"}, **kwargs})

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        text = str(value)
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) or not 0 < int(text) <= MAX_ID:
            raise self.make_error("invalid")
        return int(text)


class Text(fields.String):
    """Text of bounded length, trimmed, without control or direction-changing characters."""

    def __init__(self, *, most: int, least: int = 0, **kwargs: Any) -> None:
        given = kwargs.pop("validate", None)
        checks = [validate.Length(min=least, max=most, error=N_("请写 {min} 到 {max} 个字。"))]
        super().__init__(validate=[*checks, given] if given else checks, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        return CONTROL.sub("", text.replace("\r\n", "\n")).strip()


class Whole(fields.Integer):
    """A bounded whole number. Digits only: 1e9, 0x10 and １ are refused."""

    default_error_messages = {"invalid": N_("请填整数。")}

    def __init__(self, *, least: int = 0, most: int = MAX_AMOUNT, **kwargs: Any) -> None:
        super().__init__(
            validate=validate.Range(min=least, max=most, error=N_("请填 {min} 到 {max} 之间的数。")), **kwargs
        )

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, (bool, float)) or not re.fullmatch(r"-?[0-9]{1,18}", str(value).strip(), re.ASCII):
            raise self.make_error("invalid")
        return int(str(value).strip())


class Amount(fields.Field[int]):
    """A decimal number as people write it ("2.5"), here in minor units of the given scale."""

    default_error_messages = {
        "invalid": N_("请填数字。"),
        "scale": N_("小数点后最多 {scale} 位。"),
        "range": N_("请填 {min} 到 {max} 之间的数。"),
    }

    def __init__(self, *, scale: int, least: int = 0, most: int = MAX_AMOUNT, **kwargs: Any) -> None:
        self.scale, self.least, self.most = scale, least, most
        super().__init__(**kwargs)

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else format(Decimal(value).scaleb(-self.scale).normalize(), "f")

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        text = str(value).strip()
        if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", text, re.ASCII):
            raise self.make_error("invalid")
        try:
            exact = Decimal(text).scaleb(self.scale)
        except InvalidOperation:
            raise self.make_error("invalid") from None
        if exact != exact.to_integral_value():
            raise self.make_error("scale", scale=self.scale)
        if not self.least <= exact <= self.most:
            low, high = (format(Decimal(n).scaleb(-self.scale).normalize(), "f") for n in (self.least, self.most))
            raise self.make_error("range", min=low, max=high)
        return int(exact)


class LocalMoment(fields.Field[datetime]):
    """A moment as a form's datetime-local field gives it, in the scheme's zone; made aware by the action."""

    default_error_messages = {"invalid": N_("请填日期和时间，如 2026-11-20 09:30。")}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise self.make_error("invalid") from None
        if not 1900 <= moment.year <= 2200:
            raise self.make_error("invalid")
        return moment

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.isoformat()


def refuse(field: str, sentence: str) -> ValidationError:
    """A refusal of one field, for truths a schema cannot see."""
    return ValidationError({field: [sentence]})


def tidy(text: str, most: int = 200) -> str:
    """A line somebody typed, without control characters, runs of spaces or more than ``most`` characters."""
    return " ".join(CONTROL.sub("", text).split())[:most].strip()


class PageAsked(Strict):
    """Which page of a list: ``next`` of the page before, left out for the first."""

    after = Text(most=400)
