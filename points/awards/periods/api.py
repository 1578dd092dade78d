"""The JSON twins of levels, rankings, grants, pools and gifts."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from ... import clock
from ...db import in_own_transaction
from ...web import audience, idempotency_key, latest_of, me, page_of
from ...web.api import register
from ...web.formats import listed, plain
from ...web.schemas import Amount, IdField, PageAsked, Strict, Text
from ..models import PeriodRun
from . import gifts, grants, queries
from .levels import standings_of
from .models import GrantOrder, RankingRow

api = Blueprint("periods_api", __name__, url_prefix="/api/v1", description="Levels, rankings, grants, gifts")


class LevelOut(Schema):
    code = fields.String()
    title = fields.String()
    over = fields.String()
    period = fields.String()
    have = fields.String()
    step = fields.Integer()
    step_title = fields.String()
    next_title = fields.String()
    missing = fields.String()


class LevelsOut(Schema):
    levels = fields.List(fields.Nested(LevelOut))


class RankingRunOut(Schema):
    id = IdField()
    code = fields.String()
    title = fields.String()
    period = fields.String()
    ranked = fields.Integer()
    winners = fields.Integer()


class RankingRunsOut(Schema):
    rankings = fields.List(fields.Nested(RankingRunOut))
    next = fields.String(allow_none=True)


class RankingPlaceOut(Schema):
    part = fields.String()
    place = fields.Integer()
    name = fields.String(metadata={"description": "masked; a team's as it is"})
    amount = fields.String()
    title = fields.String()
    points = fields.String()
    honour = fields.String()


class RankingPlacesOut(Schema):
    places = fields.List(fields.Nested(RankingPlaceOut))
    next = fields.String(allow_none=True)


class GrantOrderOut(Schema):
    id = IdField()
    code = fields.String()
    title = fields.String()
    period = fields.String()
    points = fields.String()
    people = fields.Integer()
    given = fields.Integer()
    missed = fields.Integer()
    state = fields.String()


class GrantOrdersOut(Schema):
    grants = fields.List(fields.Nested(GrantOrderOut))
    next = fields.String(allow_none=True)


class GrantAsked(Strict):
    code = Text(least=1, most=40, required=True)
    pool_id = IdField(metadata={"description": "from a pool instead of from issuance"})


class GrantRefused(Strict):
    reason = Text(most=200, load_default="")


class PoolOut(Schema):
    id = IdField()
    code = fields.String()
    title = fields.String()
    use = fields.String()
    points = fields.String()


class PoolsOut(Schema):
    pools = fields.List(fields.Nested(PoolOut))


class GiftReceiverOut(Schema):
    id = IdField()
    title = fields.String()
    way = fields.String(metadata={"description": "household, relative or pool"})


class OnlyDonatedOut(Schema):
    id = IdField()
    title = fields.String(metadata={"description": "The team's name; empty for one's own"})
    points = fields.String()


class GiftReceiversOut(Schema):
    receivers = fields.List(fields.Nested(GiftReceiverOut))
    only_donated = fields.List(
        fields.Nested(OnlyDonatedOut), metadata={"description": "What can only be given to a pool, see POST …/team"}
    )


class GiftAsked(Strict):
    to = IdField(required=True)
    points = fields.String(required=True)


class TeamDonationAsked(Strict):
    team_id = IdField(required=True)
    pool_id = IdField(required=True)
    points = fields.String(required=True)


class GiftOut(Schema):
    transfer_id = IdField()


@api.get("/me/levels")
@api.response(200, LevelsOut)
@audience("own")
def levels() -> dict[str, Any]:
    """Where one stands on each level of the rulebook in force, and what is next."""
    who = me()
    found = standings_of(who.scheme_id, who.person_id, clock.local_date(clock.now(), who.zone))
    names = ("code", "title", "over", "period", "step", "step_title", "next_title")
    return {
        "levels": [
            {name: getattr(one, name) for name in names}
            | {"have": plain(one.have, one.scale), "missing": plain(one.missing, one.scale)}
            for one in found
        ]
    }


@api.get("/rankings")
@api.arguments(PageAsked, location="query")
@api.response(200, RankingRunsOut)
@audience("rankings.see")
def rankings(asked: dict[str, Any]) -> dict[str, Any]:
    """The rankings of periods that have ended, the latest first."""
    page = latest_of(queries.runs_of(me().scheme_id), PeriodRun.run_at, PeriodRun.id, cursor=asked.get("after"))
    rows = [{"id": run.id, "code": run.code, "period": run.period, **run.counts} for run in page]
    return {"rankings": rows, "next": page.next}


@api.get("/rankings/<int:run_id>")
@api.arguments(PageAsked, location="query")
@api.response(200, RankingPlacesOut)
@audience("rankings.see")
def ranking(asked: dict[str, Any], run_id: int) -> dict[str, Any]:
    """The places of a ranking, names masked."""
    who = me()
    run = queries.ranking_of(who.scheme_id, run_id)
    page = page_of(
        queries.places_of(who, run_id),
        *(RankingRow.part, RankingRow.place, RankingRow.holder_id),
        shape=(str, int, int),
        cursor=asked.get("after"),
        key_of=lambda row: (row[0].part, row[0].place, row[0].holder_id),
        scalars=False,
    )
    scale = run.counts.get("scale", 0 if run.counts.get("over") == "minutes" else who.points_scale)
    rows = [
        {
            "part": row.part,
            "place": row.place,
            "name": team or listed(person.name),
            "amount": plain(row.amount, scale),
            "title": row.title,
            "points": plain(row.points, who.points_scale),
            "honour": plain(row.honour, who.points_scale),
        }
        for row, person, _, team in page
    ]
    return {"places": rows, "next": page.next}


def shown(order: GrantOrder, scale: int) -> dict[str, Any]:
    names = ("id", "code", "title", "period", "people", "given", "missed", "state")
    return {name: getattr(order, name) for name in names} | {"points": plain(order.points, scale)}


@api.get("/grants")
@api.arguments(PageAsked, location="query")
@api.response(200, GrantOrdersOut)
@audience("grants.see")
def listing(asked: dict[str, Any]) -> dict[str, Any]:
    """Grants to groups that were started, the latest first."""
    who = me()
    page = latest_of(queries.orders_of(who.scheme_id), GrantOrder.asked_at, GrantOrder.id, cursor=asked.get("after"))
    return {"grants": [shown(one, who.points_scale) for one in page], "next": page.next}


@api.post("/grants")
@api.arguments(GrantAsked)
@api.response(201, GrantOrderOut)
@audience("grants.ask")
def create(asked: dict[str, Any]) -> dict[str, Any]:
    """Start a grant of the rulebook in force for this period; somebody else approves it."""
    who, key, at = me(), idempotency_key(), clock.now()
    body = {"pool_id": asked.get("pool_id")}
    order = in_own_transaction(lambda: grants.ask(who, asked["code"], key=key, at=at, **body))
    return shown(order, who.points_scale)


@api.post("/grants/<int:order_id>/approve")
@api.response(200, GrantOrderOut)
@audience("grants.approve")
def approve(order_id: int) -> dict[str, Any]:
    """Let it be given, by due work, at once."""
    who, at = me(), clock.now()
    return shown(in_own_transaction(lambda: grants.approve(who, order_id, at=at)), who.points_scale)


@api.post("/grants/<int:order_id>/refuse")
@api.arguments(GrantRefused)
@api.response(200, GrantOrderOut)
@audience("grants.approve")
def refuse(asked: dict[str, Any], order_id: int) -> dict[str, Any]:
    """It is not given; it may be started again."""
    who, at = me(), clock.now()
    order = in_own_transaction(lambda: grants.refuse(who, order_id, reason=asked["reason"], at=at))
    return shown(order, who.points_scale)


@api.get("/pools")
@api.response(200, PoolsOut)
@audience("rankings.see")
def pools() -> dict[str, Any]:
    """The scheme's pools and what is in them."""
    who = me()
    return {
        "pools": [
            {name: getattr(one.pool, name) for name in ("id", "code", "title", "use")}
            | {"points": plain(one.points, who.points_scale)}
            for one in queries.pools_with_balance(who.scheme_id)
        ]
    }


@api.get("/me/gifts")
@api.response(200, GiftReceiversOut)
@audience("own")
def receivers() -> dict[str, Any]:
    """Whom one may give points to, as the rulebook in force allows; nobody where gifts are off. And what one has, or
    leads a team that has, that can only be donated."""
    who = me()
    found = gifts.receivers(who, clock.local_date(clock.now(), who.zone))
    givers = queries.only_donated_by(who.scheme_id, who.person_id)
    return {
        "receivers": [{"id": one.holder_id, "title": one.title, "way": one.way} for one in found],
        "only_donated": [
            {"id": one.id, "title": one.name, "points": plain(one.points, who.points_scale)} for one in givers
        ],
    }


@api.post("/me/gifts")
@api.arguments(GiftAsked)
@api.response(201, GiftOut)
@audience("own")
def give(asked: dict[str, Any]) -> dict[str, Any]:
    """Give points of one's own to the household, a noted relative or a pool, within the rulebook's caps."""
    who, key, at = me(), idempotency_key(), clock.now()
    points = Amount(scale=who.points_scale, least=1).deserialize(asked["points"])
    return {"transfer_id": in_own_transaction(lambda: gifts.give(who, asked["to"], points, key=key, at=at)).transfer_id}


@api.post("/me/gifts/team")
@api.arguments(TeamDonationAsked)
@api.response(201, GiftOut)
@audience("own")
def donate(asked: dict[str, Any]) -> dict[str, Any]:
    """Give what can only be donated to a pool: a team's, by whoever leads it, or one's own (``only_donated``)."""
    who, key, at = me(), idempotency_key(), clock.now()
    points = Amount(scale=who.points_scale, least=1).deserialize(asked["points"])
    to = {"team_id": asked["team_id"], "pool_id": asked["pool_id"]}
    posted = in_own_transaction(lambda: gifts.donate_of_team(who, points=points, key=key, at=at, **to))
    return {"transfer_id": posted.transfer_id}


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
