"""The JSON twin of the simulator's pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from ... import clock
from ...db import in_own_transaction
from ...errors import NotFound
from ...people.visitor import Visitor
from ...web import audience, idempotency_key, latest_of, me, page_of
from ...web.api import register
from ...web.formats import listed, plain
from ...web.schemas import IdField, PageAsked, Strict, Text
from . import queries
from .actions import AT_ONCE, can_simulate, cancel, run, simulation_for, start
from .models import SimulatedClaim, SimulatedPerson, Simulation, SimulationState
from .queries import ORDERS, SHOWN, Wanted, result_of

api = Blueprint("simulations_api", __name__, url_prefix="/api/v1", description="Simulations of rulebooks")


class SimulationAsked(Strict):
    """Either a document, or the name of a draft or a version of the scheme."""

    document = fields.Dict(metadata={"description": "a whole rulebook (docs/rulebook.md)"})
    what = Text(most=40, metadata={"description": "draft:<id> or version:<id>"})
    from_on = fields.Date(required=True)
    to_on = fields.Date(required=True, metadata={"description": "included"})


class SimulationTallyOut(Schema):
    code = fields.String()
    title = fields.String()
    before = fields.String()
    after = fields.String()
    claims = fields.Integer()
    refused = fields.Integer()


class SimulationShelfOut(Schema):
    points = fields.String(metadata={"description": "what stands on the shelf is priced at"})
    spent = fields.String(metadata={"description": "points that residents spent in the range"})
    days_present = fields.Float(allow_none=True)
    days_then = fields.Float(allow_none=True)


class SimulationOut(Schema):
    id = IdField()
    label = fields.String()
    title = fields.String()
    from_on = fields.Date()
    to_on = fields.Date()
    state = fields.String(metadata={"description": "waiting, running, done, failed, cancelled"})
    done = fields.Integer()
    total = fields.Integer()
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)
    refused = fields.Integer(allow_none=True)
    people = fields.Integer(allow_none=True)
    gaining = fields.Integer(allow_none=True)
    losing = fields.Integer(allow_none=True)
    cost_before = fields.String(allow_none=True, metadata={"description": "yuan at shelf prices"})
    cost_after = fields.String(allow_none=True)
    cost_basis = fields.String(metadata={"description": "sold or shelf: which goods say what a point is worth"})
    shelf = fields.Nested(SimulationShelfOut, allow_none=True)
    categories = fields.List(fields.Nested(SimulationTallyOut))
    rules = fields.List(fields.Nested(SimulationTallyOut))
    reasons = fields.Dict(keys=fields.String(), values=fields.Integer())


class SimulationsOut(Schema):
    simulations = fields.List(fields.Nested(SimulationOut))
    next = fields.String(allow_none=True)


class SimulationPageAsked(PageAsked):
    show = fields.String(validate=validate.OneOf(SHOWN), load_default="all")
    order = fields.String(validate=validate.OneOf(list(ORDERS)), load_default="change")
    descending = fields.Boolean(load_default=True)


class SimulatedPersonOut(Schema):
    person_id = IdField()
    number = fields.String()
    name = fields.String(metadata={"description": "masked"})
    before = fields.String()
    after = fields.String()
    change = fields.String()
    claims = fields.Integer()
    refused = fields.Integer()


class SimulatedPeopleOut(Schema):
    people = fields.List(fields.Nested(SimulatedPersonOut))
    next = fields.String(allow_none=True)


class SimulationClaimsAsked(PageAsked):
    reason = Text(most=40, load_default="", metadata={"description": "a code, or refused for all of them"})


class SimulatedClaimOut(Schema):
    claim_id = IdField()
    person_id = IdField()
    rule = fields.String()
    done_on = fields.Date()
    before = fields.String()
    after = fields.String()
    reason = fields.String()


class SimulatedClaimsOut(Schema):
    claims = fields.List(fields.Nested(SimulatedClaimOut))
    next = fields.String(allow_none=True)


def shown(who: Visitor, one: Simulation) -> dict[str, Any]:
    result, scale = result_of(one), who.points_scale
    body: dict[str, Any] = {
        name: getattr(one, name) for name in ("id", "label", "title", "from_on", "to_on", "state", "done", "total")
    } | {"categories": [], "rules": [], "reasons": {}, "cost_basis": "", "shelf": None}
    if result is None:
        return body | dict.fromkeys(
            ("before", "after", "refused", "people", "gaining", "losing", "cost_before", "cost_after")
        )

    def groups(found: list[queries.Group]) -> list[dict[str, Any]]:
        return [
            {
                "code": one.code,
                "title": one.title,
                "before": plain(one.tally.before, scale),
                "after": plain(one.tally.after, scale),
                "claims": one.tally.claims,
                "refused": one.tally.refused,
            }
            for one in found
        ]

    return body | {
        "before": plain(result.all.before, scale),
        "after": plain(result.all.after, scale),
        "refused": result.all.refused,
        "people": result.people,
        "gaining": result.gaining,
        "losing": result.losing,
        "cost_before": None if result.cost_before is None else plain(result.cost_before, 2),
        "cost_after": None if result.cost_after is None else plain(result.cost_after, 2),
        "cost_basis": result.worth.basis,
        "shelf": {
            "points": plain(result.shelf_points, scale),
            "spent": plain(result.spent, scale),
            "days_present": None if result.present is None else result.present / 10,
            "days_then": None if result.then is None else result.then / 10,
        },
        "categories": groups(result.categories),
        "rules": groups(result.rules),
        "reasons": result.reasons,
    }


@api.post("/simulations")
@api.arguments(SimulationAsked)
@api.response(201, SimulationOut)
@audience("rulebook.simulate")
def create(wanted: dict[str, Any]) -> dict[str, Any]:
    """Simulate a rulebook over the claims filed in a range. Small ranges are done in the answer; larger ones are due
    work: ask again until `state` is `done`."""
    who, key, at = me(), idempotency_key(), clock.now()
    document = wanted["document"] if "document" in wanted else queries.document_named(who, wanted.get("what", ""))
    span: dict[str, date] = {"from_on": wanted["from_on"], "to_on": wanted["to_on"]}
    made = in_own_transaction(lambda: start(who, document, key=key, at=at, **span).id)
    one = simulation_for(who, made)
    if one.total <= AT_ONCE and one.state == SimulationState.WAITING:
        run(who.scheme_id, made, zone=who.zone, scale=who.points_scale)
    return shown(who, simulation_for(who, made))


@api.get("/simulations")
@api.arguments(PageAsked, location="query")
@api.response(200, SimulationsOut)
@audience("rulebook.simulate")
def listing(asked: dict[str, Any]) -> dict[str, Any]:
    """The scheme's simulations, the latest first."""
    who = me()
    if not can_simulate(who):
        raise NotFound()
    found = queries.simulations_of(who.scheme_id)
    page = latest_of(found, Simulation.asked_at, Simulation.id, cursor=asked.get("after"))
    return {"simulations": [shown(who, one) for one in page], "next": page.next}


@api.get("/simulations/<int:simulation_id>")
@api.response(200, SimulationOut)
@audience("rulebook.simulate")
def one(simulation_id: int) -> dict[str, Any]:
    """A simulation: how far it is, and what it found."""
    who = me()
    return shown(who, simulation_for(who, simulation_id))


@api.post("/simulations/<int:simulation_id>/cancel")
@api.response(200, SimulationOut)
@audience("rulebook.simulate")
def stop(simulation_id: int) -> dict[str, Any]:
    """Stop a simulation that waits or runs."""
    who, at = me(), clock.now()
    in_own_transaction(lambda: cancel(who, simulation_id, at=at).id)
    return shown(who, simulation_for(who, simulation_id))


@api.get("/simulations/<int:simulation_id>/people")
@api.arguments(SimulationPageAsked, location="query")
@api.response(200, SimulatedPeopleOut)
@audience("rulebook.simulate")
def people(asked: dict[str, Any], simulation_id: int) -> dict[str, Any]:
    """Who gains and who loses, names masked."""
    who = me()
    simulation_for(who, simulation_id)
    order, scale = asked["order"], who.points_scale
    wanted = Wanted(asked["show"], order, asked["descending"])
    page = page_of(
        queries.people_of(who.scheme_id, simulation_id, wanted),
        ORDERS[order],
        SimulatedPerson.person_id,
        shape=(int, int),
        descending=wanted.descending,
        cursor=asked.get("after"),
        key_of=lambda row: (getattr(row[0], order), row[0].person_id),
        scalars=False,
    )
    rows = [
        {
            "person_id": person.id,
            "number": person.number,
            "name": listed(person.name),
            "before": plain(row.before, scale),
            "after": plain(row.after, scale),
            "change": plain(row.change, scale),
            "claims": row.claims,
            "refused": row.refused,
        }
        for row, person, _ in page
    ]
    return {"people": rows, "next": page.next}


@api.get("/simulations/<int:simulation_id>/claims")
@api.arguments(SimulationClaimsAsked, location="query")
@api.response(200, SimulatedClaimsOut)
@audience("rulebook.simulate")
def claims(asked: dict[str, Any], simulation_id: int) -> dict[str, Any]:
    """The claims that would have earned something else, or nothing, and why."""
    who = me()
    simulation_for(who, simulation_id)
    page = page_of(
        queries.claims_of(who.scheme_id, simulation_id, reason=asked["reason"]),
        SimulatedClaim.claim_id,
        shape=(int,),
        cursor=asked.get("after"),
        key_of=lambda row: (row[0].claim_id,),
        scalars=False,
    )
    rows = [
        {
            "claim_id": row.claim_id,
            "person_id": row.person_id,
            "rule": row.rule,
            "done_on": claim.done_on,
            "before": plain(row.before, who.points_scale),
            "after": plain(row.after, who.points_scale),
            "reason": row.reason,
        }
        for row, claim, _ in page
    ]
    return {"claims": rows, "next": page.next}


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
