"""The JSON twins of teams, lists and relatives: the same verbs and refusals as the pages."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from .. import clock
from ..db import in_own_transaction
from ..web.api import register
from ..web.audience import audience, me
from ..web.formats import listed
from ..web.paging import page_of
from ..web.request import idempotency_key
from ..web.schemas import IdField, Strict, Text, Whole
from . import relatives, team_import, team_queries, teams
from .matching import PERSON_COLUMNS
from .models import ImportRow, Person, Team, TeamKind
from .relatives import KINDS as RELATIVE_KINDS
from .schemas import TEAM_CODE
from .sheets import Line
from .team_queries import WantedTeams

api = Blueprint("teams_api", __name__, url_prefix="/api/v1", description="Teams, organisations, lists, relatives")

KINDS = [kind.value for kind in TeamKind]


class TeamsAsked(Strict):
    q = Text(most=40, load_default="")
    kind = fields.String(load_default="all", validate=validate.OneOf(["all", *KINDS]))
    status = fields.String(load_default="here", validate=validate.OneOf(["here", "gone", "all"]))
    after = fields.String(load_default="", validate=validate.Length(max=400))


class TeamIn(Strict):
    name = Text(least=1, most=80, required=True)
    code = Text(most=40, load_default="")
    area_id = IdField(required=True)
    leader_id = IdField(load_default=None, allow_none=True)
    note = Text(most=200, load_default="")
    is_restricted = fields.Boolean(load_default=False)


class NewTeamIn(TeamIn):
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))


class EditTeamIn(TeamIn):
    version = Whole(least=1, required=True)
    kind = fields.String(load_default=None, metadata={"description": "Stays what it is; read and overlooked."})


class TeamOut(Schema):
    id = IdField()
    code = fields.String()
    name = fields.String()
    kind = fields.String()
    area_id = IdField()
    leader_id = IdField(allow_none=True)
    note = fields.String()
    is_restricted = fields.Boolean()
    disabled = fields.Function(lambda team: team.disabled_at is not None)
    version = fields.Integer()


class TeamsOut(Schema):
    teams = fields.List(fields.Nested(TeamOut))
    next = fields.String(allow_none=True)


class PersonWords(Strict):
    number = fields.String(load_default="", validate=validate.Length(max=40))
    name = fields.String(load_default="", validate=validate.Length(max=80))
    phone = fields.String(load_default="", validate=validate.Length(max=40))
    birth_year = fields.String(load_default="", validate=validate.Length(max=20))


class MembersIn(Strict):
    people = fields.List(fields.Nested(PersonWords), required=True, validate=validate.Length(min=1, max=20_000))
    dry_run = fields.Boolean(load_default=False)


class MembersAdded(Schema):
    new = fields.Integer()
    same = fields.Integer()
    double = fields.Integer()
    wrong = fields.Integer()
    added = fields.Integer()
    problems = fields.List(fields.Dict(), metadata={"description": "row (from 1), fate, and sentences by column"})


class MemberIds(Strict):
    ids = fields.List(IdField(), required=True, validate=validate.Length(min=1, max=1000))


class Removed(Schema):
    removed = fields.Integer()


class After(Strict):
    after = fields.String(load_default="", validate=validate.Length(max=400))


class MemberOut(Schema):
    id = IdField()
    number = fields.String()
    name = fields.String(metadata={"description": "Masked."})
    since = fields.DateTime()


class MembersOut(Schema):
    members = fields.List(fields.Nested(MemberOut))
    next = fields.String(allow_none=True)


class RelativeIn(Strict):
    other_id = IdField(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(RELATIVE_KINDS))


class RelativeOut(Schema):
    id = IdField()
    number = fields.String()
    kind = fields.String()


class RelativesOut(Schema):
    relatives = fields.List(fields.Nested(RelativeOut))


class OtherIn(Strict):
    other_id = IdField(required=True)


@api.get("/teams")
@api.arguments(TeamsAsked, location="query")
@api.response(200, TeamsOut)
@audience("teams.see")
def teams_list(asked: dict[str, Any]) -> dict[str, Any]:
    """Teams, organisations and lists in reach."""
    query = team_queries.teams(me(), WantedTeams(asked["q"], asked["kind"], asked["status"]))
    page = page_of(query, Team.id, shape=[int], cursor=asked["after"], key_of=lambda row: [row[0].id], scalars=False)
    return {"teams": [row[0] for row in page.rows], "next": page.next}


@api.post("/teams")
@api.arguments(NewTeamIn)
@api.response(201, TeamOut)
@audience("teams.edit")
def team_add(wanted: dict[str, Any]) -> Team:
    """A new team with its holder on the ledger. The same Idempotency-Key again gives the same team."""
    who, key, at = me(), str(idempotency_key({})), clock.now()
    check_code(wanted)
    return in_own_transaction(lambda: teams.add_team(who, key=key, at=at, **wanted))


@api.get("/teams/<int:team_id>")
@api.response(200, TeamOut)
@audience("teams.see")
def team_one(team_id: int) -> Team:
    return teams.team_for(me(), team_id)


@api.patch("/teams/<int:team_id>")
@api.arguments(EditTeamIn)
@api.response(200, TeamOut)
@audience("teams.edit")
def team_change(wanted: dict[str, Any], team_id: int) -> Team:
    """Put all fields in the place of what was there; `version` as it was read."""
    who, at = me(), clock.now()
    check_code(wanted)
    wanted.pop("kind")
    if not wanted["code"]:
        wanted.pop("code")
    return in_own_transaction(lambda: teams.edit_team(who, team_id, at=at, **wanted))


def check_code(wanted: dict[str, Any]) -> None:
    if wanted["code"]:
        TEAM_CODE(wanted["code"])


@api.post("/teams/<int:team_id>/disable")
@api.response(200, TeamOut)
@audience("teams.edit")
def team_off(team_id: int) -> Team:
    who, at = me(), clock.now()
    in_own_transaction(lambda: teams.disable_team(who, team_id, at))
    return teams.team_for(who, team_id)


@api.post("/teams/<int:team_id>/enable")
@api.response(200, TeamOut)
@audience("teams.edit")
def team_on(team_id: int) -> Team:
    who, at = me(), clock.now()
    in_own_transaction(lambda: teams.enable_team(who, team_id, at))
    return teams.team_for(who, team_id)


@api.post("/teams/<int:team_id>/members/list")
@api.arguments(After, location="query")
@api.response(200, MembersOut)
@audience("teams.see")
def team_members(asked: dict[str, Any], team_id: int) -> dict[str, Any]:
    """Who belongs to it. A POST, because looking at a restricted list is written down (and asks for `teams.open`)."""
    who, at = me(), clock.now()
    team = in_own_transaction(lambda: teams.open_members(who, team_id, at))
    query = team_queries.members(who, team)
    page = page_of(query, Person.id, shape=[int], cursor=asked["after"], key_of=lambda row: [row[0].id], scalars=False)
    rows = [
        {"id": person.id, "number": person.number, "name": listed(person.name), "since": since}
        for person, _, _, since in page.rows
    ]
    return {"members": rows, "next": page.next}


@api.post("/teams/<int:team_id>/members")
@api.arguments(MembersIn)
@api.response(200, MembersAdded)
@audience("teams.edit")
def team_put(wanted: dict[str, Any], team_id: int) -> dict[str, Any]:
    """Put people in by number, or name with phone or year of birth. What is wrong is told by row and left out; with
    `dry_run` nobody is put in."""
    who, at = me(), clock.now()
    lines = [Line(row, {c: one[c] for c in PERSON_COLUMNS if one[c]}) for row, one in enumerate(wanted["people"], 1)]

    def put() -> dict[str, Any]:
        file = team_import.stage(who, team_id, lines, name="api", at=at)
        rows = team_import.rows_of(file)
        added = 0 if wanted["dry_run"] else team_import.write(who, team_id, file.id, at)
        counts = Counter(row.fate for row in rows)
        return {**counts, "added": added, "problems": [plain(row) for row in rows if row.problems]}

    none = dict.fromkeys(("new", "same", "double", "wrong"), 0)
    return none | in_own_transaction(put)


def plain(row: ImportRow) -> dict[str, Any]:
    from .import_pages import phrases

    return {"row": row.row, "fate": row.fate, "cells": {one.column: one.sentence for one in phrases(row)}}


@api.post("/teams/<int:team_id>/members/remove")
@api.arguments(MemberIds)
@api.response(200, Removed)
@audience("teams.edit")
def team_take_out(wanted: dict[str, Any], team_id: int) -> dict[str, Any]:
    who, at = me(), clock.now()
    return {"removed": in_own_transaction(lambda: teams.remove_members(who, team_id, wanted["ids"], at))}


@api.post("/people/<int:person_id>/relatives")
@api.arguments(RelativeIn)
@api.response(200, RelativesOut)
@audience("people.edit")
def relative_add(wanted: dict[str, Any], person_id: int) -> dict[str, Any]:
    """Note what the other person is to this one; the other way round is noted too."""
    who, at = me(), clock.now()
    in_own_transaction(lambda: relatives.add_relative(who, person_id, at=at, **wanted))
    return shown(who.scheme_id, person_id)


@api.post("/people/<int:person_id>/relatives/remove")
@api.arguments(OtherIn)
@api.response(200, RelativesOut)
@audience("people.edit")
def relative_remove(wanted: dict[str, Any], person_id: int) -> dict[str, Any]:
    who, at = me(), clock.now()
    in_own_transaction(lambda: relatives.remove_relative(who, person_id, wanted["other_id"], at))
    return shown(who.scheme_id, person_id)


def shown(scheme_id: int, person_id: int) -> dict[str, Any]:
    found = relatives.relatives_of(scheme_id, person_id)
    return {"relatives": [{"id": kin.person.id, "number": kin.person.number, "kind": kin.kind} for kin in found]}


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
