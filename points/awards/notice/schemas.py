"""What comes in about notices, form or JSON, and what goes out."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ...errors import N_
from ...web.schemas import IdField, Strict, Text
from ..models import ClaimState
from .models import ObjectionState
from .rules import LEAST_WORDS, MOST_CONTACT, MOST_NAME, MOST_WORDS

WHY = {"required": N_("请写清楚哪里不对。")}


class ObjectionSchema(Strict):
    """What is wrong with an award on notice. Who says so may stay unsaid."""

    words = Text(least=LEAST_WORDS, most=MOST_WORDS, required=True, error_messages=WHY)
    name = Text(most=MOST_NAME, load_default="")
    contact = Text(most=MOST_CONTACT, load_default="")


class ObjectionDecisionSchema(Strict):
    """``reason`` is read by the objector and the claimant."""

    reason = Text(least=LEAST_WORDS, most=300, required=True, error_messages={"required": N_("请写清楚为什么。")})


class DropSchema(Strict):
    reason = Text(least=2, most=200, required=True, error_messages={"required": N_("请写一句原因，申报的人会看到。")})


class PagedSchema(Strict):
    after = fields.String(
        load_default="", validate=validate.Length(max=400), metadata={"description": "`next` of the page before"}
    )
    size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class NoticesAskedSchema(PagedSchema):
    state = fields.String(load_default="all", validate=validate.OneOf(["all", "open", "closed"]))


class ObjectionsAskedSchema(PagedSchema):
    state = fields.String(
        load_default="open", validate=validate.OneOf(["all", *map(str, ObjectionState)], error=N_("没有这种状态。"))
    )


class DueAskedSchema(PagedSchema):
    state = fields.String(
        load_default="stuck", validate=validate.OneOf(["stuck", "due", "on_notice", "held"], error=N_("没有这种状态。"))
    )


class NoticeOut(Schema):
    """A notice list: open to everybody from one day until the end of another."""

    id = IdField()
    number = fields.String()
    community = fields.String()
    opens_on = fields.Date()
    closes_on = fields.Date(metadata={"description": "the last day on which somebody may object"})
    working_days = fields.Integer()
    beyond_calendar = fields.Boolean(metadata={"description": "reckoned by the week where the calendar had no day"})
    closed = fields.Boolean()
    awards = fields.Integer(metadata={"description": "how many stand on it"})
    points = fields.Integer(metadata={"description": "their sum, minor units"})
    held = fields.Integer(metadata={"description": "how many are held by an objection"})


class NoticesOut(Schema):
    notices = fields.List(fields.Nested(NoticeOut))
    next = fields.String(allow_none=True)


class NoticeEntryOut(Schema):
    place = fields.Integer()
    claim_id = IdField()
    name = fields.String(metadata={"description": "masked"})
    grid = fields.String()
    title = fields.String()
    day = fields.Date()
    points = fields.Integer(metadata={"description": "minor units"})
    state = fields.String(validate=validate.OneOf(list(map(str, ClaimState))))


class WholeNoticeOut(NoticeOut):
    entries = fields.List(fields.Nested(NoticeEntryOut))
    next = fields.String(allow_none=True)


class ObjectionReceiptOut(Schema):
    """What an objector gets: the number with which anybody can ask what became of it."""

    number = fields.String()
    state = fields.String(validate=validate.OneOf(list(map(str, ObjectionState))))
    made_at = fields.DateTime()


class ObjectionOut(ObjectionReceiptOut):
    """An objection as those see it who decide. Name and contact are as given, if at all."""

    id = IdField()
    notice = fields.String()
    place = fields.Integer()
    claim_id = IdField()
    person = fields.String(metadata={"description": "whose award, masked"})
    title = fields.String()
    words = fields.String()
    decided_at = fields.DateTime(allow_none=True)
    reason = fields.String()


class ObjectionsOut(Schema):
    objections = fields.List(fields.Nested(ObjectionOut))
    next = fields.String(allow_none=True)


class DueOut(Schema):
    """A granted award that is not credited yet."""

    claim_id = IdField()
    person = fields.String(metadata={"description": "masked"})
    title = fields.String()
    state = fields.String()
    points = fields.Integer(metadata={"description": "minor units"})
    due_on = fields.Date(allow_none=True)
    notice = fields.String(allow_none=True)
    reason = fields.String(metadata={"description": "why it is stuck: an error code"})


class DueListOut(Schema):
    awards = fields.List(fields.Nested(DueOut))
    next = fields.String(allow_none=True)
