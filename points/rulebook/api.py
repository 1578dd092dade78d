"""The JSON twin of the rulebook page."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from .. import clock
from ..errors import NotFound
from ..people.visitor import Visitor
from ..web import audience, me
from ..web.schemas import IdField
from .models import EarningRule, RulebookVersion
from .plain import plain
from .queries import bodies_of, rules_of, version_on

api = Blueprint("rulebook_api", __name__, url_prefix="/api/v1", description="Rulebook")


class OnSchema(Schema):
    on = fields.Date(metadata={"description": "the rules in force on this day; default today"})


class RuleAnswerSchema(Schema):
    """A rule: in words, and as the document has it (docs/rulebook.md)."""

    id = IdField()
    place = fields.Integer()
    code = fields.String()
    title = fields.String()
    kind = fields.String()
    unit = fields.String()
    amount = fields.String(metadata={"description": "in words"})
    said = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    rule = fields.Dict(metadata={"description": "the rule of the document, complete in itself"})


class RulebookAnswerSchema(Schema):
    version_id = IdField()
    label = fields.String()
    title = fields.String()
    effective_on = fields.Date()
    source = fields.Dict()
    rules = fields.List(fields.Nested(RuleAnswerSchema))


@api.get("/rulebook")
@api.arguments(OnSchema, location="query")
@api.response(200, RulebookAnswerSchema)
@audience("rulebook.see")
def show(args: dict[str, Any]) -> dict[str, Any]:
    """The rules in force on a day, each in words and as data. 404 when no version had taken effect."""
    who: Visitor = me()
    on: date = args.get("on") or clock.local_date(clock.now(), who.zone)
    version = version_on(who.scheme_id, on)
    if version is None:
        raise NotFound()
    return answer(version, bodies_of(version))


def answer(version: RulebookVersion, bodies: dict[int, EarningRule]) -> dict[str, Any]:
    rules = []
    for known in rules_of(version):
        words = plain(known.rule)
        rules.append(
            {
                "id": known.id,
                "place": known.place,
                "code": known.code,
                "title": known.title,
                "kind": known.kind,
                "unit": known.rule.unit,
                "amount": words.amount,
                "said": {aspect.name: list(aspect.said) for aspect in words.aspects},
                "rule": bodies[known.id].body,
            }
        )
    return {
        "version_id": version.id,
        "label": version.label,
        "title": version.title,
        "effective_on": version.effective_on,
        "source": version.body["source"],
        "rules": rules,
    }


def install(app: Flask) -> None:
    app.extensions["points_api"].register_blueprint(api)
