"""The JSON twin of the statement."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from ..awards.periods.queries import purses_of
from ..web import audience, me
from ..web.schemas import IdField
from .donated_pages import lines_of, purse_for
from .statement import Line, statement_of

api = Blueprint("statement_api", __name__, url_prefix="/api/v1", description="Statement")


class PageSchema(Schema):
    after = fields.String(validate=validate.Length(max=400), metadata={"description": "`next` of the page before"})
    show = fields.String(load_default="all", validate=validate.OneOf(("all", "in", "out")))
    size = fields.Integer(load_default=30, validate=validate.Range(1, 200))


class StepSchema(Schema):
    words = fields.String()
    at = fields.DateTime()
    detail = fields.String()


class StatementLineSchema(Schema):
    """Amounts in minor units of the scheme's points."""

    transfer_id = IdField()
    kind = fields.String()
    words = fields.String()
    amount = fields.Integer()
    balance_after = fields.Integer()
    at = fields.DateTime()
    number = fields.String()
    rule = fields.Function(lambda line: rule_of(line))
    steps = fields.List(fields.Nested(StepSchema))
    reckoning = fields.List(fields.String())
    receipt_id = fields.Function(lambda line: str(line.receipt.id) if line.receipt else None)


class StatementSchema(Schema):
    lines = fields.List(fields.Nested(StatementLineSchema))
    next = fields.String(allow_none=True)


def rule_of(line: Line) -> dict[str, Any] | None:
    if line.deed is None:
        return None
    return {"version": line.deed.version_label, "place": line.deed.rule_place, "title": line.deed.rule_title}


@api.get("/statement")
@api.arguments(PageSchema, location="query")
@api.response(200, StatementSchema)
@audience("own")
def statement(asked: dict[str, Any]) -> dict[str, Any]:
    """One's own statement, newest first, each line with the deed or receipt behind it."""
    who = me()
    lines, following = statement_of(
        who.scheme_id,
        who.person_id,
        show=asked["show"],
        after=asked.get("after"),
        size=asked["size"],
        reader_id=who.person_id,
    )
    return {"lines": lines, "next": following}


class PurseSchema(Schema):
    """Points that can only be donated: minor units of the scheme's points. ``name`` is "" for one's own."""

    id = IdField()
    name = fields.String()
    points = fields.Integer()


class PursesSchema(Schema):
    purses = fields.List(fields.Nested(PurseSchema))


@api.get("/me/donated")
@api.response(200, PursesSchema)
@audience("own")
def purses() -> dict[str, Any]:
    """What one may only donate: one's own purse, once there has been one, and those of the teams one leads."""
    who = me()
    return {"purses": purses_of(who.scheme_id, who.person_id)}


@api.get("/me/donated/<int:purse_id>/statement")
@api.arguments(PageSchema, location="query")
@api.response(200, StatementSchema)
@audience("own")
def purse_statement(asked: dict[str, Any], purse_id: int) -> dict[str, Any]:
    """What came into such a purse and what was given away, newest first. 404 for anybody else's."""
    who = me()
    purse, _ = purse_for(who, purse_id)
    lines, following = lines_of(who, purse.id, show=asked["show"], after=asked.get("after"), size=asked["size"])
    return {"lines": lines, "next": following}


def install(app: Flask) -> None:
    app.extensions["points_api"].register_blueprint(api)
