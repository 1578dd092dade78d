"""What the shop's forms may carry."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Any

from marshmallow import ValidationError, fields, pre_load, validate, validates_schema

from ..clock import PERIODS
from ..errors import N_
from ..web.schemas import Amount, IdField, Strict, Text, Whole
from .rules import MAX_SLOTS

PICTURES = ("rice", "oil", "wash", "soap", "paste", "tissue", "hair", "bag", "bedding")
MEASURES = ("件", "袋", "瓶", "块", "支", "包", "桶", "盒", "个", "套", "双", "条")
MAX_PRICE = 10**9
NEEDED: dict[str, Any] = {"required": N_("这一项要填。"), "null": N_("这一项要填。")}


class Form(Strict):
    """A form: what was left empty is absent."""

    @pre_load
    def without_empties(self, data: Any, **_: Any) -> Any:
        return {name: value for name, value in data.items() if not (isinstance(value, str) and not value.strip())}


class Day(fields.Date):
    """A calendar day as a date field gives it, within reason."""

    default_error_messages = {"invalid": N_("请填日期，如 2026-11-20。")}

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> date:
        day = super()._deserialize(value, attr, data, **kwargs)
        if not isinstance(day, date) or not 2000 <= day.year <= 2200:
            raise self.make_error("invalid", input=value, obj_type="date")
        return day


def barcode_shape(text: str) -> None:
    if text and not re.fullmatch(r"[0-9A-Za-z-]{4,32}", text, re.ASCII):
        raise ValidationError(N_("条码是 4 到 32 位数字或字母。没有条码就空着。"))


def one_line(text: str) -> None:
    if "\n" in text or "\t" in text:
        raise ValidationError(N_("这里写一行就好。"))


def item_fields() -> dict[str, Any]:
    return {
        "name": Text(least=1, most=60, required=True, error_messages=NEEDED, validate=one_line),
        "size": Text(most=30, load_default="", validate=one_line),
        "measure": Text(least=1, most=6, load_default="件", validate=one_line),
        "barcode": Text(most=32, load_default=None, validate=barcode_shape),
        "picture": fields.String(load_default="", validate=validate.OneOf(PICTURES, error=N_("请选一张图。"))),
        "market_price": Amount(scale=2, least=0, most=MAX_PRICE, load_default=None),
    }


@cache
def new_item_form(scale: int) -> type[Strict]:
    """A new item, with its price in one shop. ``scale``: decimals of the scheme's points."""
    extra = {
        "shop": IdField(load_default=None),
        "price": Amount(scale=scale, least=1, most=MAX_PRICE, load_default=None),
    }
    return type("NewItemForm", (Form,), {**item_fields(), **extra})


ItemForm = type(
    "ItemForm",
    (Form,),
    {
        **item_fields(),
        "version": Whole(least=1, required=True, error_messages=NEEDED),
        "drop_photo": fields.Boolean(load_default=False),
    },
)


@cache
def price_form(scale: int) -> type[Strict]:
    """The price of an item in a shop; empty takes the item off sale there."""
    return type(
        "PriceForm",
        (Form,),
        {
            "shop": IdField(required=True, error_messages=NEEDED),
            "price": Amount(scale=scale, least=1, most=MAX_PRICE, load_default=None),
        },
    )


class LimitForm(Form):
    shop = IdField(required=True, error_messages=NEEDED)
    quantity = Whole(least=1, most=1_000_000, required=True, error_messages=NEEDED)
    period = fields.String(
        required=True, validate=validate.OneOf(PERIODS, error=N_("请选多久算一期。")), error_messages=NEEDED
    )
    scope = fields.String(load_default="shop", validate=validate.OneOf(("shop", "all"), error=N_("请选在哪里算。")))


class ReceiveForm(Form):
    shop = IdField(required=True, error_messages=NEEDED)
    code = Text(most=64, load_default="")
    item = IdField(load_default=None)
    quantity = Whole(least=1, most=1_000_000, required=True, error_messages=NEEDED)
    kind = fields.String(
        required=True,
        validate=validate.OneOf(("donation", "purchase"), error=N_("请选捐赠还是采购。")),
        error_messages=NEEDED,
    )
    partner = Text(most=80, load_default="", validate=one_line)
    cost = Amount(scale=2, least=0, most=10**12, load_default=None)
    best_before = Day(load_default=None)
    note = Text(most=200, load_default="")

    @validates_schema
    def some_goods(self, data: dict[str, Any], **_: Any) -> None:
        if not data["code"] and data["item"] is None:
            raise ValidationError({"item": [N_("扫条码，或者选一件商品。")]})


class WasteForm(Form):
    shop = IdField(required=True, error_messages=NEEDED)
    item = IdField(required=True, error_messages={**NEEDED, "required": N_("请选一件商品。")})
    quantity = Whole(least=1, most=1_000_000, required=True, error_messages=NEEDED)
    reason = Text(least=2, most=200, required=True, error_messages={**NEEDED, "required": N_("请写原因。")})


class TakeBackForm(Form):
    reason = Text(least=2, most=200, required=True, error_messages={**NEEDED, "required": N_("请写原因。")})


def slot_names() -> list[tuple[int, str, str]]:
    """The opening-time fields of the shop form: (weekday, from, to), two pairs a day."""
    return [(day, f"from_{day}_{part}", f"to_{day}_{part}") for day in range(1, 8) for part in range(1, MAX_SLOTS + 1)]


ShopForm = type(
    "ShopForm",
    (Form,),
    {
        "name": Text(least=1, most=80, required=True, error_messages=NEEDED, validate=one_line),
        "place": Text(most=120, load_default="", validate=one_line),
        "area": IdField(required=True, error_messages=NEEDED),
        **{
            slot: fields.Time(load_default=None, error_messages={"invalid": N_("请填时间，如 09:00。")})
            for _, *pair in slot_names()
            for slot in pair
        },
    },
)
