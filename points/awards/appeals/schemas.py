"""What comes in about appeals, form or JSON, and what goes out."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from ...errors import N_
from ...web.schemas import IdField, Strict, Text
from .models import About
from .queries import SHOWN
from .rules import MOST_WORDS


class AppealSchema(Strict):
    words = Text(most=MOST_WORDS, load_default="", metadata={"description": "The claimant's own words, 4 to 500"})


class AppealDecisionSchema(Strict):
    do = fields.String(
        required=True, validate=validate.OneOf(("grant", "refuse")), error_messages={"required": N_("请选一个结果。")}
    )
    reason = Text(most=MOST_WORDS, load_default="", metadata={"description": "4 to 500 characters, for the claimant"})
    points = fields.String(
        load_default="",
        validate=validate.Length(max=20),
        metadata={"description": "As people write it (“12.5”), where the rule leaves the amount to the reader"},
    )
    outcome = Text(most=40, load_default="")


class AppealsAskedSchema(Strict):
    state = fields.String(load_default="open", validate=validate.OneOf(SHOWN))
    about = fields.String(load_default="", validate=validate.OneOf(("", *About)))
    after = Text(most=400, load_default="")


class AppealOut(Schema):
    id = IdField()
    claim_id = IdField()
    about = fields.String(metadata={"description": "rejection, amount or deduction"})
    words = fields.String()
    state = fields.String(metadata={"description": "open, granted, refused or withdrawn"})
    filed_at = fields.DateTime()
    on_behalf = fields.Boolean(metadata={"description": "Filed by staff with the claimant's words"})
    decide_by = fields.Date(metadata={"description": "The last working day to decide"})
    is_overdue = fields.Boolean()
    decided_at = fields.DateTime(allow_none=True)
    decided_reason = fields.String()
    points_before = fields.Integer(allow_none=True, metadata={"description": "minor units"})
    points_after = fields.Integer(allow_none=True, metadata={"description": "minor units"})
    title = fields.String()
    person = fields.String(metadata={"description": "masked"})


class AppealsOut(Schema):
    appeals = fields.List(fields.Nested(AppealOut))
    open = fields.Integer()
    overdue = fields.Integer()
    next = fields.String(allow_none=True)


class ClaimAppealsOut(Schema):
    appeals = fields.List(fields.Nested(AppealOut))
    can_appeal = fields.Boolean()
    about = fields.String(allow_none=True)
    until_on = fields.Date(allow_none=True)


def shown(filed: Any, today: Any) -> dict[str, Any]:
    """One appeal as the API gives it."""
    from ...web.formats import listed

    appeal = filed.appeal
    plain = ("id", "claim_id", "about", "words", "state", "filed_at", "decide_by", "decided_at", "decided_reason")
    return {
        **{name: getattr(appeal, name) for name in (*plain, "points_before", "points_after")},
        "on_behalf": appeal.filed_by != filed.claim.person_id,
        "is_overdue": filed.overdue(today),
        "title": filed.title,
        "person": listed(filed.person),
    }
