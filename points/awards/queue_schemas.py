"""What comes in and goes out about the queue as JSON."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ..errors import N_
from ..web.schemas import IdField, Strict, Text
from .models import ClaimState, CorrectionState, Source
from .oddities import CODES
from .queries import KINDS
from .queue_bulk import MOST
from .queue_filter import MARKS, MOST_AMOUNT
from .queue_reasons import LONGEST, STEPS
from .schemas import FiledClaimOut


class QueueAskedSchema(Strict):
    """The filter of the queue. ``least`` and ``most`` as people write points; ``age`` in days."""

    state = fields.String(
        load_default="mine",
        validate=validate.OneOf(["mine", "all", *map(str, ClaimState)], error=N_("没有这种状态。")),
    )
    stage = fields.Integer(load_default=0, validate=validate.Range(min=0, max=20))
    kind = fields.String(load_default="", validate=validate.OneOf(["", *KINDS], error=N_("没有这种类别。")))
    category = fields.String(load_default="", validate=validate.Length(max=40))
    rule = fields.String(load_default="", validate=validate.Length(max=40))
    source = fields.String(load_default="", validate=validate.OneOf(["", *map(str, Source)]))
    area = IdField(load_default=0)
    team = IdField(load_default=0)
    least = fields.Decimal(load_default=None, validate=validate.Range(min=0, max=MOST_AMOUNT))
    most = fields.Decimal(load_default=None, validate=validate.Range(min=0, max=MOST_AMOUNT))
    flag = fields.String(load_default="", validate=validate.OneOf(["", "any", "none", *CODES]))
    age = fields.Integer(load_default=0, validate=validate.Range(min=0, max=366))
    mark = fields.String(load_default="", validate=validate.OneOf(["", *MARKS]))
    text = fields.String(load_default="", validate=validate.Length(max=40))
    after = fields.String(
        load_default="", validate=validate.Length(max=400), metadata={"description": "`next` of the page before"}
    )
    size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class HintOut(Schema):
    code = fields.String()
    words = fields.String()
    claim_id = IdField(allow_none=True)


class QueuedClaimOut(FiledClaimOut):
    standing = fields.String(metadata={"description": "why the caller may not decide; empty when they may"})
    stage = fields.Integer()
    stage_title = fields.String()
    hints = fields.List(fields.Nested(HintOut))


class QueueOut(Schema):
    claims = fields.List(fields.Nested(QueuedClaimOut))
    next = fields.String(allow_none=True)
    waiting = fields.Integer(metadata={"description": "how many wait for the caller, counted up to 1,000"})
    odd = fields.Integer()


class BulkSchema(Strict):
    ids = fields.List(IdField(), required=True, validate=validate.Length(min=1, max=MOST))


class BulkResultOut(Schema):
    claim_id = IdField()
    done = fields.String(metadata={"description": "approve, held (odd: open it), or empty when refused"})
    state = fields.String()
    points = fields.Integer()
    sentence = fields.String()


class BulkOut(Schema):
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    results = fields.List(fields.Nested(BulkResultOut))


class SamplesAskedSchema(Strict):
    after = fields.String(load_default="", validate=validate.Length(max=400))


class ReadingSchema(Strict):
    agrees = fields.Boolean(required=True)
    note = Text(most=200, load_default="")


class SampleOut(Schema):
    claim_id = IdField()
    reviewer_id = IdField()
    state = fields.String()
    note = fields.String()
    read_at = fields.AwareDateTime(allow_none=True)


class SamplesOut(Schema):
    claims = fields.List(fields.Nested(FiledClaimOut))
    next = fields.String(allow_none=True)


class AgreementAskedSchema(Strict):
    days = fields.Integer(load_default=90, validate=validate.OneOf([30, 90, 365]))


class AgreementOut(Schema):
    reviewer_id = IdField()
    name = fields.String()
    agreed = fields.Integer()
    disagreed = fields.Integer()
    waiting = fields.Integer()
    percent = fields.Integer(allow_none=True)


class ReasonsOut(Schema):
    returned = fields.List(fields.String())
    rejected = fields.List(fields.String())


class ReasonChangeSchema(Strict):
    """``at``: "returned-2" (kind and number in the list), or the kind alone to add."""

    do = fields.String(required=True, validate=validate.OneOf(["add", "change", "drop", "up"]))
    at = fields.String(required=True, validate=validate.Regexp(rf"^({'|'.join(STEPS)})(-[0-9]{{1,19}})?\Z"))
    words = fields.String(load_default="", validate=validate.Length(max=LONGEST * 2))


class CorrectionsAskedSchema(Strict):
    state = fields.String(
        load_default=CorrectionState.ASKED, validate=validate.OneOf(["all", *map(str, CorrectionState)])
    )
    text = Text(
        most=40,
        load_default="",
        metadata={"description": "how the resident's name begins, their number, or a part of the rule's title"},
    )
    after = fields.String(
        load_default="", validate=validate.Length(max=400), metadata={"description": "`next` of the page before"}
    )
    size = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class CorrectionOut(Schema):
    id = IdField()
    claim_id = IdField()
    person = fields.String(metadata={"description": "masked"})
    title = fields.String(metadata={"description": "the rule's"})
    done_on = fields.Date()
    points = fields.Integer(metadata={"description": "minor units, as credited"})
    missing_points = fields.Integer(metadata={"description": "minor units spent already; above 0: not to be confirmed"})
    state = fields.String(metadata={"description": "asked, done or refused"})
    standing = fields.String(metadata={"description": "why the caller may not decide; empty when they may"})
    reason = fields.String()
    asked_by = fields.String(metadata={"description": "masked"})
    asked_at = fields.AwareDateTime()
    decided_by = fields.String(allow_none=True, metadata={"description": "masked"})
    decided_at = fields.AwareDateTime(allow_none=True)
    decided_reason = fields.String()
    transfer_id = IdField(allow_none=True, metadata={"description": "the reversal"})


class CorrectionsOut(Schema):
    corrections = fields.List(fields.Nested(CorrectionOut))
    next = fields.String(allow_none=True)
