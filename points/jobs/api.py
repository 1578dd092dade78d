"""The JSON twin of the page of due work."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_babel import gettext
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from .. import clock
from ..errors import NotFound
from ..web import audience, idempotency_key, in_transaction, me
from ..web.schemas import IdField
from . import words
from .actions import run_now
from .queries import Standing, standing_of, standings

api = Blueprint("jobs_api", __name__, url_prefix="/api/v1", description="Due work")


class FailureSchema(Schema):
    """The last failure, which stays on record after a success."""

    reason = fields.String(metadata={"description": "stable: docs/jobs.md"})
    detail = fields.String(allow_none=True)
    words = fields.String()
    at = fields.DateTime()
    in_a_row = fields.Integer(metadata={"description": "0: it has been made up for"})


class JobSchema(Schema):
    name = fields.String()
    title = fields.Function(lambda one: gettext(one.kind.title))
    state = fields.String(metadata={"description": "running, cut_off, failing, late, waiting or resting"})
    due_at = fields.DateTime(allow_none=True)
    through = fields.Date(allow_none=True, metadata={"description": "the last day whose work is done"})
    started_at = fields.DateTime(allow_none=True)
    done = fields.Integer()
    total = fields.Integer(metadata={"description": "0: not known"})
    finished_at = fields.DateTime(allow_none=True)
    took_s = fields.Function(lambda one: one.took.total_seconds() if one.took is not None else None)
    result = fields.Integer(allow_none=True)
    asked_by = IdField(allow_none=True)
    failure = fields.Function(lambda one: FailureSchema().dump(failure_of(one)) if one.error else None)


class JobsSchema(Schema):
    jobs = fields.List(fields.Nested(JobSchema))


def failure_of(one: Standing) -> dict[str, Any]:
    said = gettext(words.reason(one.error or ""))
    return {"reason": one.error, "detail": one.detail, "words": said, "at": one.failed_at, "in_a_row": one.tries}


@api.get("/jobs")
@api.response(200, JobsSchema)
@audience("jobs.see")
def index() -> dict[str, Any]:
    """What runs by itself in the scheme: when it last did, when it is due next, what failed."""
    return {"jobs": standings(me().scheme_id, at=clock.now())}


@api.post("/jobs/<name>/run")
@api.response(202, JobSchema)
@audience("jobs.run")
@in_transaction
def run(name: str) -> Standing:
    """Have the work done by the next worker that looks. Needs an ``Idempotency-Key``; sent again it asks only once."""
    who, at = me(), clock.now()
    run_now(who, name, key=idempotency_key(), at=at)
    found = standing_of(who.scheme_id, name, at=at)
    if found is None:
        raise NotFound()
    return found


def install(app: Flask) -> None:
    app.extensions["points_api"].register_blueprint(api)
