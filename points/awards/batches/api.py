"""The JSON twins of awarding many at once: the same verbs and refusals as the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from flask_smorest.fields import Upload
from marshmallow import Schema, fields, validate

from ... import clock
from ...db import in_own_transaction
from ...people import sheets
from ...people.teams import team_for
from ...web.api import register
from ...web.audience import audience, me
from ...web.formats import decimal
from ...web.paging import page_of
from ...web.request import idempotency_key
from ...web.schemas import IdField, Strict, Text
from . import actions, awarding, bringing, queries, words
from .models import BatchState, ClaimBatch, ClaimBatchRow, Fate
from .queries import WantedBatches
from .reading import COLUMNS
from .team_pages import SAME, ForTeamSchema, whom

api = Blueprint("batches_api", __name__, url_prefix="/api/v1", description="Awarding many at once")


class BatchesAsked(Strict):
    q = Text(most=40, load_default="")
    state = fields.String(load_default="all", validate=validate.OneOf(["all", *map(str, BatchState)]))
    after = fields.String(load_default="", validate=validate.Length(max=400))


class BatchRowsAsked(Strict):
    show = fields.String(load_default="all", validate=validate.OneOf(list(queries.SHOWN)))
    after = fields.String(load_default="", validate=validate.Length(max=400))


class BatchOut(Schema):
    id = IdField()
    name = fields.String()
    area_id = IdField()
    state = fields.String()
    made_by = IdField()
    made_at = fields.DateTime()
    decided_by = IdField(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)
    reason = fields.String()
    written = fields.Integer()
    rows = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata={"description": "fate → rows"})
    points = fields.String(metadata={"description": "Points of the rows that are good or awarded, as a decimal."})


class BatchesOut(Schema):
    batches = fields.List(fields.Nested(BatchOut))
    next = fields.String(allow_none=True)


class BatchRowOut(Schema):
    row = fields.Integer()
    fate = fields.String()
    person_id = IdField(allow_none=True)
    points = fields.String(allow_none=True)
    claim_id = IdField(allow_none=True)
    cells = fields.Dict(keys=fields.String(), values=fields.String())
    problems = fields.Dict(keys=fields.String(), values=fields.String())
    reckoning = fields.List(fields.String())


class BatchRowsOut(Schema):
    rows = fields.List(fields.Nested(BatchRowOut))
    next = fields.String(allow_none=True)


class BatchFileIn(Schema):
    file = Upload(required=True)


class BatchAreaIn(Strict):
    area_id = IdField(required=True)


class BatchRowsIn(Strict):
    name = Text(least=1, most=120, required=True)
    area_id = IdField(required=True)
    rows = fields.List(
        fields.Dict(
            keys=fields.String(validate=validate.OneOf(list(COLUMNS))),
            values=fields.String(validate=validate.Length(max=sheets.MAX_CELL)),
        ),
        required=True,
        validate=validate.Length(min=1, max=sheets.MAX_ROWS),
        metadata={"description": "Cells by column: number, name, phone, birth_year, rule, quantity, points, day…"},
    )


class BatchReasonIn(Strict):
    reason = Text(most=200, load_default="")


@api.get("/batches")
@api.arguments(BatchesAsked, location="query")
@api.response(200, BatchesOut)
@audience("batches.see")
def batches(asked: dict[str, Any]) -> dict[str, Any]:
    """Lists in reach, the newest first."""
    page = page_of(
        queries.batches(me(), WantedBatches(asked["q"], asked["state"])),
        ClaimBatch.made_at,
        ClaimBatch.id,
        shape=[datetime, int],
        descending=True,
        cursor=asked["after"],
        key_of=lambda row: [row[0].made_at, row[0].id],
        scalars=False,
    )
    return {"batches": [plain(row[0]) for row in page.rows], "next": page.next}


@api.post("/batches")
@api.arguments(BatchRowsIn)
@api.response(201, BatchOut)
@audience("batches.make")
def bring(wanted: dict[str, Any]) -> dict[str, Any]:
    """Bring rows: they are checked and get a forecast, nothing is sent yet."""
    who, key, at = me(), str(idempotency_key({})), clock.now()
    return plain(bringing.from_rows(who, wanted.pop("rows"), key=key, at=at, **wanted))


@api.post("/batches/file")
@api.arguments(BatchAreaIn, location="query")
@api.arguments(BatchFileIn, location="files")
@api.response(201, BatchOut)
@audience("batches.make")
def bring_file(asked: dict[str, Any], files: dict[str, Any]) -> dict[str, Any]:
    """Bring a workbook or CSV: checked and forecast, nothing is sent yet."""
    who, at, given = me(), clock.now(), files["file"]
    name = (given.filename or "").replace("\\", "/").rsplit("/", 1)[-1][-120:]
    data = given.read(sheets.MAX_BYTES + 1)
    return plain(bringing.from_sheet(who, name=name, data=data, area_id=asked["area_id"], at=at))


@api.post("/teams/<int:team_id>/award")
@api.arguments(ForTeamSchema)
@api.response(201, BatchOut)
@audience("batches.make")
def bring_team(wanted: dict[str, Any], team_id: int) -> dict[str, Any]:
    """The same deed for many members of a team: a list like any other, to be sent and let through."""
    who, key, at = me(), str(idempotency_key({})), clock.now()
    people = whom(team_for(who, team_id, "batches.make"), wanted)
    same = bringing.Same(**{name: wanted[name] for name in SAME})
    return plain(bringing.for_people(who, team_id, people, same, key=f"{team_id}:{key}", at=at))


@api.get("/batches/<int:batch_id>")
@api.response(200, BatchOut)
@audience("batches.see")
def one(batch_id: int) -> dict[str, Any]:
    return plain(actions.must_be_there(actions.batch_for(me(), batch_id)))


@api.get("/batches/<int:batch_id>/rows")
@api.arguments(BatchRowsAsked, location="query")
@api.response(200, BatchRowsOut)
@audience("batches.see")
def rows(asked: dict[str, Any], batch_id: int) -> dict[str, Any]:
    """Rows with forecast, problems and result. Names and phones are masked."""
    batch = actions.must_be_there(actions.batch_for(me(), batch_id))
    page = page_of(
        queries.rows_of(batch, asked["show"]),
        ClaimBatchRow.row,
        shape=[int],
        cursor=asked["after"],
        key_of=lambda row: [row.row],
    )
    return {"rows": [plain_row(row) for row in page.rows], "next": page.next}


@api.post("/batches/<int:batch_id>/send")
@api.response(200, BatchOut)
@audience("batches.make")
def send(batch_id: int) -> dict[str, Any]:
    who, at = me(), clock.now()
    in_own_transaction(lambda: actions.send(who, batch_id, at).id)
    return plain(actions.batch_for(who, batch_id))


@api.post("/batches/<int:batch_id>/drop")
@api.response(204)
@audience("batches.make")
def drop(batch_id: int) -> None:
    who, at = me(), clock.now()
    in_own_transaction(lambda: actions.drop(who, batch_id, at))


@api.post("/batches/<int:batch_id>/approve")
@api.response(200, BatchOut)
@audience("batches.decide")
def approve(batch_id: int) -> dict[str, Any]:
    """Let it through: its rows are awarded by the worker, or at once by asking for `award` until that says done."""
    who, at = me(), clock.now()
    in_own_transaction(lambda: actions.decide(who, batch_id, approved=True, at=at).id)
    return plain(actions.batch_for(who, batch_id))


@api.post("/batches/<int:batch_id>/reject")
@api.arguments(BatchReasonIn)
@api.response(200, BatchOut)
@audience("batches.decide")
def reject(wanted: dict[str, Any], batch_id: int) -> dict[str, Any]:
    who, at = me(), clock.now()
    in_own_transaction(lambda: actions.decide(who, batch_id, approved=False, at=at, reason=wanted["reason"]).id)
    return plain(actions.batch_for(who, batch_id))


@api.post("/batches/<int:batch_id>/award")
@api.response(200, BatchOut)
@audience("batches.make", "batches.decide")
def award(batch_id: int) -> dict[str, Any]:
    """Award the next rows of a list that was let through; `state` is `done` when none are left."""
    who, at = me(), clock.now()
    actions.batch_for(who, batch_id)
    in_own_transaction(lambda: awarding.award_chunk(who.scheme_id, batch_id, at))
    return plain(actions.batch_for(who, batch_id))


def plain(batch: ClaimBatch) -> dict[str, Any]:
    tally = queries.tally(batch)
    return {
        "id": batch.id,
        "name": batch.name,
        "area_id": batch.area_id,
        "state": batch.state,
        "made_by": batch.made_by,
        "made_at": batch.made_at,
        "decided_by": batch.decided_by,
        "decided_at": batch.decided_at,
        "reason": batch.decided_reason,
        "written": batch.written,
        "rows": {str(fate): tally[fate] for fate in Fate},
        "points": decimal(tally.points, me().points_scale),
    }


def plain_row(row: ClaimBatchRow) -> dict[str, Any]:
    return {
        "row": row.row,
        "fate": row.fate,
        "person_id": row.person_id,
        "points": None if row.points is None else decimal(row.points, me().points_scale),
        "claim_id": row.claim_id,
        "cells": {column: words.hidden(column, text) for column, text in row.values["cells"].items()},
        "problems": {one.column: one.sentence for one in words.phrases(row)},
        "reckoning": words.reckoning(row),
    }


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
