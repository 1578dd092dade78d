"""What goes into the API of drafts, and what comes out. Documents are plain JSON here: ``checking`` reads them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ..web.schemas import IdField, Strict, Text, Whole
from .schema_fields import Day

ANSWERS = fields.Dict(keys=fields.String(validate=validate.Length(max=60)), values=fields.Raw(), load_default=dict)


class RulebookProblemSchema(Schema):
    path = fields.List(fields.Raw(), metadata={"description": "where in the document, as fields and places from 0"})
    rule = fields.String()
    field = fields.String()
    message = fields.String()


class RulebookVersionLineSchema(Schema):
    id = IdField()
    label = fields.String()
    title = fields.String()
    effective_on = fields.Date()
    until = fields.Date(allow_none=True, metadata={"description": "the day on which the next one took its place"})
    state = fields.String(metadata={"description": "upcoming, in_force, superseded"})
    rules = fields.Integer()


class RulebookVersionOutSchema(RulebookVersionLineSchema):
    document = fields.Dict()


class RulebookDraftLineSchema(Schema):
    id = IdField()
    title = fields.String()
    based_on = IdField(allow_none=True)
    published_id = IdField(allow_none=True)
    edited_at = fields.DateTime()
    version = fields.Integer(metadata={"description": "grows with every step"})
    rules = fields.Integer()


class RulebookDraftOutSchema(RulebookDraftLineSchema):
    document = fields.Dict()
    seen = fields.Dict(metadata={"description": "what a step has to quote: of each rule in order, and of each part"})
    problems = fields.List(fields.Nested(RulebookProblemSchema))


class RulebookBeginSchema(Strict):
    document = fields.Dict(metadata={"description": "begin with this document, right or wrong"})
    version_id = IdField(metadata={"description": "or with this version"})


class RulebookRuleInSchema(Strict):
    rule = fields.Dict(required=True)
    seen = Text(most=16, load_default="")
    place = Whole(most=500, metadata={"description": "where a new rule goes, from 0; without: last"})


class RulebookSeenSchema(Strict):
    seen = Text(most=16, required=True)


class RulebookMoveSchema(RulebookSeenSchema):
    to = Whole(most=499, required=True)


class RulebookPartInSchema(RulebookSeenSchema):
    values = fields.Dict(required=True, metadata={"description": "the part's fields; what is left out is taken away"})


class RulebookPublishSchema(Strict):
    label = Text(least=1, most=40, required=True)
    effective_on = Day(required=True)
    version = Whole(least=1, required=True, metadata={"description": "of the draft, as it was looked at"})


class RulebookComparedSchema(Strict):
    before = Text(most=20, required=True, metadata={"description": "v and a version's id, or d and a draft's"})
    after = Text(most=20, required=True)


class RulebookTrialInSchema(Strict):
    rule = fields.Dict(metadata={"description": "the rule as it is being written; without: as the draft has it"})
    answers = ANSWERS


class RulebookTryItSchema(Strict):
    answers = ANSWERS


class RulebookTrialOutSchema(Schema):
    """What a rule would say and give; or what is wrong with it."""

    problems = fields.List(fields.Nested(RulebookProblemSchema))
    amount = fields.String(allow_none=True)
    said = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    asks = fields.List(fields.Dict(), metadata={"description": "what can be answered, by name without try."})
    assessment = fields.Dict(allow_none=True)
    lines = fields.List(fields.String())
    refusals = fields.List(fields.String())


class RulebookChangesSchema(Schema):
    same_rules = fields.Integer()
    items = fields.List(fields.Dict())
