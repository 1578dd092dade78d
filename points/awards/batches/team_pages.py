"""Awarding a whole team, or some of a list, at once: no sheet needed, the same look, the same second person."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError, fields, validate

from ... import clock
from ...db import db
from ...errors import N_
from ...people import team_queries
from ...people.models import Person, Team
from ...people.team_import import PASTED
from ...people.teams import team_for
from ...rulebook.queries import rules_on
from ...web.audience import audience, me
from ...web.errors import status_of
from ...web.formats import sentence_of
from ...web.request import idempotency_key, new_key, payload
from ...web.schemas import IdField, Strict, Text
from ...web.sentences import translated
from . import bringing
from .pages import pages
from .rules import NobodyChosen

SHOWN = 500  # members that can be ticked; larger lists are awarded whole, or by numbers


class SameSchema(Strict):
    """The one deed of many people, as the form and the API send it."""

    rule = Text(least=1, most=200, required=True, error_messages={"required": N_("请选一项。")})
    day = Text(least=1, most=20, required=True, error_messages={"required": N_("请选哪天做的。")})
    quantity = Text(most=20, load_default="")
    points = Text(most=20, load_default="")
    place = Text(most=80, load_default="")
    note = Text(most=500, load_default="")
    choices = Text(most=400, load_default="")
    act = Text(most=80, load_default="")
    attended = fields.Boolean(load_default=False)


class ForTeamSchema(SameSchema):
    whom = fields.String(load_default="all", validate=validate.OneOf(["all", "some", "numbers"]))
    people = fields.List(IdField(), load_default=list, validate=validate.Length(max=20_000))
    numbers = fields.String(load_default="", validate=validate.Length(max=1_000_000))


TYPED = ("rule", "day", "quantity", "points", "place", "note", "choices", "act", "attended", "whom", "numbers")


def form(team: Team, values: dict[str, Any], errors: Any, status: int, key: str = "") -> ResponseReturnValue:
    who = me()
    today = clock.local_date(clock.now(), who.zone)
    size = team_queries.sizes(who.scheme_id, [team.id]).get(team.id, 0)
    members: list[Any] = []
    if not team.is_restricted and size <= SHOWN:
        members = list(db.session.execute(team_queries.members(who, team).order_by(Person.id)))
    return render_template(
        "batches/team.html",
        team=team,
        size=size,
        members=members,
        rules=[known for known in rules_on(who.scheme_id, today) if known.rule.trigger == "claim"],
        values={name: str(values.get(name, "") or "")[:1_000_000] for name in TYPED},
        picked={str(one) for one in picked_in(values)},
        errors=errors,
        today=today,
        key=key or new_key(),
    ), status


def picked_in(values: dict[str, Any]) -> list[Any]:
    found = values.get("people", [])
    return found if isinstance(found, list) else [found]


@pages.get("/batches/team/<int:team_id>")
@audience("batches.make")
def new_for_team(team_id: int) -> ResponseReturnValue:
    team = team_for(me(), team_id, "batches.make")
    today = clock.local_date(clock.now(), me().zone)
    return form(team, {"day": today.isoformat(), "whom": "all"}, {}, 200)


@pages.post("/batches/team/<int:team_id>")
@audience("batches.make")
def for_team(team_id: int) -> ResponseReturnValue:
    who, at, data = me(), clock.now(), payload()
    team = team_for(who, team_id, "batches.make")
    key = str(idempotency_key(data))
    data = {**data, "people": picked_in(data)}
    try:
        wanted = ForTeamSchema().load(data)
        people = whom(team, wanted)
        same = bringing.Same(**{name: wanted[name] for name in SAME})
        made = bringing.for_people(who, team_id, people, same, key=f"{team_id}:{key}", at=at)
    except ValidationError as error:
        return form(team, data, translated(error.messages), 422, key)
    except NobodyChosen as error:
        return form(team, data, {"whom": [sentence_of(error)]}, status_of(error), key)
    return redirect(url_for("batches.show", batch_id=made.id))


SAME = ("rule", "day", "quantity", "points", "place", "note", "choices", "act", "attended")


def whom(team: Team, wanted: dict[str, Any]) -> list[int]:
    """The members meant: all, those ticked, or those named by number. Only members. Raises ValidationError."""
    there = team_queries.member_ids(team.scheme_id, team.id)
    if wanted["whom"] == "all":
        return there
    if wanted["whom"] == "some":
        return sorted(set(there) & set(wanted["people"]))
    numbers = {word for word in PASTED.split(wanted["numbers"]) if word}
    known = team_queries.by_number(team.scheme_id, team.id, numbers)
    if missing := sorted(numbers - known.keys())[:6]:
        sentence = gettext("这些编号不在名单里：%(numbers)s", numbers="、".join(missing))
        raise ValidationError({"numbers": [sentence]})
    return sorted(known.values())
