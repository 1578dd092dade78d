"""What comes in about claims, form or JSON, and what goes out."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from ..errors import N_
from ..web.schemas import Amount, IdField, Strict, Text
from .models import ClaimState, Source, Step
from .queries import KINDS
from .rules import MAX_PHOTOS

TIMES = ("morning", "noon", "afternoon", "evening")
HH_MM = re.compile(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
RULE_CODE = validate.Regexp(re.compile(r"[\w.\-]{1,40}\Z"), error=N_("没有这一项。"))


def time_of_day(value: str) -> None:
    """A part of the day in one of our words, or 9:30. Raises ValidationError."""
    if value and value not in TIMES and not HH_MM.fullmatch(value):
        raise ValidationError(N_("请选上午、下午，或者填 9:30 这样的时间。"))


class Day(fields.Date):
    default_error_messages = {"invalid": N_("请填日期，如 2026-11-20。")}


class DeedSchema(Strict):
    """A deed to be claimed: the same fields for the forecast, the form and the API."""

    person_id = IdField(load_default=None, allow_none=True)
    rule = fields.String(
        required=True, validate=RULE_CODE, error_messages={"required": N_("请选一项。"), "invalid": N_("请选一项。")}
    )
    quantity = Amount(scale=3, least=1, most=10**9, required=True, error_messages={"required": N_("请填做了多少。")})
    done_on = Day(required=True, error_messages={"required": N_("请选哪天做的。")})
    done_at = Text(most=9, load_default="", validate=time_of_day)
    place = Text(most=80, load_default="")
    note = Text(most=500, load_default="")
    photo_ids = fields.List(
        IdField(),
        load_default=list,
        validate=validate.Length(max=MAX_PHOTOS, error=N_("最多放 4 张照片。请拿掉几张。")),
    )

    file_ids = fields.List(
        IdField(),
        load_default=list,
        validate=validate.Length(max=MAX_PHOTOS, error=N_("最多放 4 份文件。请拿掉几份。")),
        metadata={"description": "signed papers, stored like photos"},
    )
    team_id = IdField(load_default=None, allow_none=True, metadata={"description": "the team that did it"})
    helped = Text(most=40, load_default="", metadata={"description": "number or phone of whoever was helped"})
    sharers = fields.Integer(
        load_default=1,
        validate=validate.Range(min=1, max=10_000, error=N_("请填一共几个人，1 到 10000。")),
        error_messages={"invalid": N_("请填一共几个人，1 到 10000。")},
        metadata={"description": "people among whom a shared amount is split"},
    )
    subject = Text(most=80, load_default="", metadata={"description": "who or what was reported, in words"})
    act = Text(most=80, load_default="", metadata={"description": "the act or activity that this was a part of"})
    record = Text(most=80, load_default="", metadata={"description": "number of another department's record"})
    grades = fields.List(
        fields.String(validate=RULE_CODE),
        load_default=list,
        validate=validate.Length(max=50),
        metadata={"description": "the rule's grades or checklist items"},
    )
    coefficients = fields.Dict(
        keys=fields.String(validate=RULE_CODE),
        values=fields.String(validate=RULE_CODE),
        load_default=dict,
        validate=validate.Length(max=20),
        metadata={"description": "coefficient → the choice made, or the number told, where it is left to the claimant"},
    )
    attended = fields.Boolean(
        load_default=False, metadata={"description": "attendance was taken; not believed of the claimant"}
    )

    @pre_load
    def from_form(self, data: Any, **_: Any) -> Any:
        """A form sends one of several as a plain field, leaves empty what was not chosen, names each coefficient
        ``coef-<code>``, and has the exact time in a field of its own (``began``)."""
        if not isinstance(data, dict):
            return data
        data = dict(data)
        for name in ("photo_ids", "file_ids", "grades"):
            if name in data and not isinstance(data[name], list):
                data[name] = [data[name]] if data[name] != "" else []
        for name in ("person_id", "team_id"):
            if data.get(name) == "":
                data[name] = None
        if data.get("sharers") == "":
            data.pop("sharers")
        if began := data.pop("began", ""):
            data["done_at"] = began
        named = {name: data.pop(name) for name in list(data) if isinstance(name, str) and name.startswith("coef-")}
        picked = {name.removeprefix("coef-"): value for name, value in named.items() if value != ""}
        if picked and isinstance(data.get("coefficients", {}), dict):
            data["coefficients"] = {**data.get("coefficients", {}), **picked}
        return data


class ForecastSchema(DeedSchema):
    """The same, with what is not yet chosen left open; ``photos`` says how many are about to be sent."""

    photos = fields.Integer(load_default=0, validate=validate.Range(min=0, max=100))
    files = fields.Integer(load_default=0, validate=validate.Range(min=0, max=100))


def forecast_of(wanted: dict[str, Any]) -> dict[str, Any]:
    """A loaded ``ForecastSchema`` as ``forecast`` takes it: stored photos and papers count like those about to come."""
    wanted = dict(wanted)
    wanted["photos"] += len(wanted.pop("photo_ids"))
    wanted["files"] += len(wanted.pop("file_ids"))
    return wanted


class ResendSchema(Strict):
    """What was asked for when a claim came back: another note, another quantity, another photo."""

    quantity = Amount(scale=3, least=1, most=10**9, load_default=None)
    place = Text(most=80, load_default="")
    note = Text(most=500, load_default="")
    subject = Text(most=80, load_default="")
    record = Text(most=80, load_default="")


class ClaimReasonSchema(Strict):
    reason = Text(most=200, least=2, required=True, error_messages={"required": N_("请写一句原因，申报的人会看到。")})


def decided_points(text: Any, scale: int) -> int | None:
    """What a reviewer wrote as points, in minor units; None when nothing was written. Raises ValidationError."""
    if text is None or str(text).strip() == "":
        return None
    try:
        return Amount(scale=scale).deserialize(str(text).strip())
    except ValidationError as error:
        raise ValidationError({"points": error.messages}) from None


class ApproveClaimSchema(Strict):
    """``points`` as people write them ("2.5"): any within bounds for rules that leave the amount to the reviewer; less
    than the rule gives, with a reason, for the others."""

    points = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=20))
    outcome = fields.String(
        load_default="",
        validate=validate.Length(max=40),
        metadata={"description": "what became of the deed: one of the rule's outcome codes, if it has any"},
    )
    reason = Text(most=200, load_default="")
    grades = fields.List(
        fields.String(validate=RULE_CODE),
        load_default=list,
        validate=validate.Length(max=50),
        metadata={"description": "the grades as the reviewer sees them, instead of the claimant's"},
    )
    coefficients = fields.Dict(
        keys=fields.String(validate=RULE_CODE),
        values=fields.String(validate=RULE_CODE),
        load_default=dict,
        validate=validate.Length(max=20),
        metadata={"description": "coefficient → choice, for those that the rule leaves to the reviewer"},
    )


class ReviewSettingsSchema(Strict):
    """What the officer sets about reviews. What is left out stays as it is."""

    undo_hours = fields.Integer(validate=validate.Range(0, 720))
    pair_share = fields.Float(validate=validate.Range(0.05, 1), metadata={"description": "1 switches it off"})
    pair_from = fields.Integer(validate=validate.Range(2, 1000))
    own_team = fields.Boolean()
    sample_percent = fields.Integer(validate=validate.Range(0, 100))
    usual_factor = fields.Integer(validate=validate.Range(1, 100))
    large_first = fields.Integer(validate=validate.Range(1, 1_000_000))
    appeal_file_days = fields.Integer(validate=validate.Range(1, 60))
    appeal_decide_days = fields.Integer(validate=validate.Range(1, 60))
    backfill_days = fields.Integer(validate=validate.Range(0, 366))
    deductions_allowed = fields.Boolean()
    knows = fields.Boolean(
        load_default=False,
        load_only=True,
        metadata={"description": "the officer knows what deductions mean; needed to switch them on"},
    )


class ClaimsAskedSchema(Strict):
    """Which claims: one's own and those one entered, or those in the areas one oversees."""

    whose = fields.String(load_default="mine", validate=validate.OneOf(["mine", "reach"], error=N_("没有这种范围。")))
    state = fields.String(
        load_default="all", validate=validate.OneOf(["all", *map(str, ClaimState)], error=N_("没有这种状态。"))
    )
    kind = fields.String(load_default="", validate=validate.OneOf(["", *KINDS], error=N_("没有这种类别。")))
    after = fields.String(
        load_default="", validate=validate.Length(max=400), metadata={"description": "`next` of the page before"}
    )
    size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class ClaimStepOut(Schema):
    step = fields.String(validate=validate.OneOf(list(map(str, Step))))
    reason = fields.String()
    at = fields.DateTime()
    by = fields.String(metadata={"description": "masked"})


class FiledClaimOut(Schema):
    """A claim. Points are whole minor units of the scheme; quantity is a decimal number. Names are masked."""

    id = IdField()
    person_id = IdField()
    person = fields.String(metadata={"description": "masked"})
    rule = fields.String(metadata={"description": "the rule's code"})
    title = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    version = fields.String(metadata={"description": "label of the rulebook version in force on `done_on`"})
    quantity = Amount(scale=3, metadata={"type": "string"})
    unit = fields.String()
    done_on = fields.Date()
    done_at = fields.String()
    place = fields.String()
    note = fields.String()
    source = fields.String(validate=validate.OneOf(list(map(str, Source))))
    state = fields.String(validate=validate.OneOf(list(map(str, ClaimState))))
    reason = fields.String(metadata={"description": "why it was returned, rejected or reversed"})
    forecast_points = fields.Integer(metadata={"description": "minor units, as shown before sending"})
    points = fields.Integer(allow_none=True, metadata={"description": "credited, minor units; null until approved"})
    transfer_id = IdField(allow_none=True)
    made_at = fields.DateTime()
    decided_at = fields.DateTime(allow_none=True)
    photo_ids = fields.List(IdField())
    team_id = IdField(allow_none=True)
    confirmed_at = fields.DateTime(allow_none=True, metadata={"description": "when the helped person said so"})
    sharers = fields.Integer()
    subject = fields.String()
    act = fields.String()
    record = fields.String()
    choices = fields.Dict(metadata={"description": "grades and coefficients that were chosen"})
    stage = fields.Integer(metadata={"description": "the stage of `path` it waits at"})
    path = fields.List(fields.Dict(), metadata={"description": "stages of review; empty: one by staff or an officer"})
    round = fields.Integer(metadata={"description": "rises when it is sent again or a decision is taken back"})
    due_on = fields.Date(allow_none=True, metadata={"description": "from this day it may be credited"})


class WholeClaimOut(FiledClaimOut):
    """A claim with its steps and its reckoning."""

    reckoning = fields.List(fields.String(), metadata={"description": "line by line, in the reader's language"})
    steps = fields.List(fields.Nested(ClaimStepOut))


class FiledClaimsOut(Schema):
    claims = fields.List(fields.Nested(FiledClaimOut))
    next = fields.String(allow_none=True)


class ReckoningLineOut(Schema):
    code = fields.String()
    text = fields.String()
    change = fields.Integer(metadata={"description": "minor units by which this line changes the points"})


class DeedForecastOut(Schema):
    """What a deed would earn if it were approved now."""

    points = fields.Integer(metadata={"description": "minor units"})
    honour = fields.Integer(metadata={"description": "minor units"})
    minutes = fields.Integer()
    others = fields.Dict(metadata={"description": "further balances by code, each in its own minor units"})
    notice_days = fields.Integer(metadata={"description": "working days of public notice before it is credited"})
    credit = fields.String(metadata={"description": "at_once, or the period at whose end it is credited"})
    usable_until = fields.String(metadata={"description": "a date, or never"})
    bounds = fields.List(fields.Integer(), allow_none=True, metadata={"description": "when a reviewer decides"})
    can_be_sent = fields.Boolean()
    lines = fields.List(fields.Nested(ReckoningLineOut))
    refusals = fields.List(fields.Nested(ReckoningLineOut), metadata={"description": "why it does not count at all"})
    needs = fields.List(fields.Nested(ReckoningLineOut), metadata={"description": "what is missing before it is sent"})


class ClaimPhotoOut(Schema):
    id = IdField()
