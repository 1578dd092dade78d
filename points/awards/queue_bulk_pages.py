"""Bulk approval over HTTP: first what would happen, then doing it, with progress where there is script."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from .. import clock
from ..people.visitor import Visitor
from ..web import audience, id_from, me
from ..web.request import idempotency_key, new_key
from .pages import pages
from .queue_bulk import MOST, Plan, approve_many, counts_of, first_of, plan_of
from .queue_deciding import Result, tally
from .queue_filter import filter_from


@pages.route("/queue/bulk", methods=["GET", "POST"])
@audience("claims.review")
def bulk() -> ResponseReturnValue:
    """What a bulk approval of the picked claims (posted), or of the filter's first 500, would do. Changes nothing."""
    who: Visitor = me()
    at = clock.now()
    wanted = filter_from(request.args, who.points_scale, str(session.get("queue_text", "")))
    picked = picked_in(request.form) if request.method == "POST" else first_of(who, wanted, at)
    return show(who, plan_of(who, picked, at), back=wanted.args(who.points_scale))


def show(who: Visitor, plan: Plan, back: dict[str, Any]) -> str:
    return render_template(
        "awards/queue_bulk.html", plan=plan, most=MOST, key=new_key(), back=url_for("awards.queue", **back)
    )


def picked_in(form: Any) -> list[int]:
    """The ids of ticked rows (``pick-<id>``) or of hidden fields (``id``)."""
    names = [name[5:] for name in form if name.startswith("pick-")] + form.getlist("id")
    return [found for one in names if (found := id_from(one))][:MOST]


@pages.post("/queue/bulk/approve")
@audience("claims.review")
def bulk_approve() -> ResponseReturnValue:
    """Approve what the plan named; with ``Accept: application/json`` as data, for one part of it after the other."""
    who: Visitor = me()
    key: UUID = idempotency_key()
    results = approve_many(who, picked_in(request.form), key=key, at=clock.now())
    if request.accept_mimetypes.best == "application/json":
        return {"counts": counts_of(results), "results": [plain(one) for one in results]}
    return render_template("awards/queue_bulk_done.html", **told(results))


def plain(one: Result) -> dict[str, Any]:
    return asdict(one) | {"claim_id": str(one.claim_id), "url": url_for("awards.item", claim_id=one.claim_id)}


def told(results: list[Result]) -> dict[str, Any]:
    return {
        "tally": tally(results),
        "done": [one for one in results if one.done == "approve"],
        "held": [one for one in results if one.done == "held"],
        "failed": [one for one in results if not one.done],
    }
