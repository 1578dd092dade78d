"""The simulator's pages: try a draft over claims of the past, see who gains and who loses, what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Flask, Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError, fields
from werkzeug.datastructures import FileStorage

from ... import clock
from ...db import db, in_own_transaction
from ...errors import N_, DomainError, NotAllowed
from ...people.models import Person
from ...people.visitor import Visitor
from ...rulebook.assessment import line_from
from ...rulebook.document import MAX_BYTES, BadDocument, document_in
from ...rulebook.problems import Problem
from ...rulebook.schema_fields import Day
from ...rulebook.wording import said
from ...web import audience, id_from, idempotency_key, in_transaction, latest_of, me, page_of
from ...web.formats import listed, numeric, sentence_of
from ...web.request import new_key, payload
from ...web.schemas import Strict, Text, tidy
from ...web.tables import csv_answer, xlsx_answer
from ..models import Claim
from . import queries
from .actions import AT_ONCE, BadRange, can_simulate, cancel, last_quarter, run, simulation_for, start
from .models import SimulatedClaim, SimulatedPerson, Simulation, SimulationState
from .queries import ORDERS, SHOWN, Wanted
from .words import REASONS, STATES, reason_word

pages = Blueprint("simulating", __name__)
MOST_EXPORTED = 20_000


class AskedSchema(Strict):
    what = Text(most=40, load_default="")
    from_on = Day(required=True)
    to_on = Day(required=True)
    key = fields.String()


def simulator() -> Visitor:
    who: Visitor = me()
    if not can_simulate(who):
        raise NotAllowed()
    return who


def form_page(
    problems: list[Problem] | None = None, error: str = "", typed: dict[str, Any] | None = None, status: int = 200
) -> ResponseReturnValue:
    who = simulator()
    first, last = last_quarter(clock.local_date(clock.now(), who.zone))
    page = latest_of(queries.simulations_of(who.scheme_id), Simulation.asked_at, Simulation.id, size=20)
    values = {"what": request.args.get("what", ""), "from_on": first.isoformat(), "to_on": last.isoformat()}
    answer = render_template(
        "simulating/index.html",
        page=page,
        candidates=queries.candidates(who.scheme_id),
        values=values | (typed or {}),
        problems=problems or [],
        error=error,
        key=new_key(),
        states=STATES,
        results={one.id: queries.result_of(one) for one in page},
        max_kb=MAX_BYTES // 1000,
        today=clock.local_date(clock.now(), who.zone).isoformat(),
    )
    return answer, status


@pages.get("/simulations")
@audience("rulebook.simulate")
def index() -> ResponseReturnValue:
    return form_page()


@pages.post("/simulations")
@audience("rulebook.simulate")
def ask() -> ResponseReturnValue:
    who, at = simulator(), clock.now()
    typed = {name: request.form.get(name, "")[:40] for name in ("what", "from_on", "to_on")}
    upload = request.files.get("document")
    try:
        wanted = AskedSchema().load({name: value for name, value in payload().items() if name != "document"})
        if isinstance(upload, FileStorage) and upload.filename:
            document = document_in(upload.stream.read(MAX_BYTES + 1), who.points_scale)
        else:
            document = queries.document_named(who, wanted["what"])
        key, span = idempotency_key(), {name: date.fromisoformat(wanted[name]) for name in ("from_on", "to_on")}
        made = in_own_transaction(lambda: start(who, document, key=key, at=at, **span).id)
    except BadDocument as error:
        return form_page(problems=error.problems, typed=typed, status=422)
    except ValidationError:
        return form_page(error=sentence_of(BadRange()), typed=typed, status=422)
    except DomainError as error:
        db.session.rollback()
        return form_page(error=sentence_of(error), typed=typed, status=422)
    one = simulation_for(who, made)
    if one.total <= AT_ONCE and one.state == SimulationState.WAITING:
        run(who.scheme_id, made, zone=who.zone, scale=who.points_scale)
    return redirect(url_for("simulating.show", simulation_id=made))


@pages.get("/simulations/<int:simulation_id>")
@audience("rulebook.simulate")
def show(simulation_id: int) -> ResponseReturnValue:
    who = simulator()
    one = simulation_for(who, simulation_id)
    wanted = wanted_people()
    column = ORDERS[wanted.order]
    page = page_of(
        queries.people_of(who.scheme_id, simulation_id, wanted),
        column,
        SimulatedPerson.person_id,
        shape=(int, int),
        descending=wanted.descending,
        size=50,
        key_of=lambda row: (getattr(row[0], wanted.order), row[0].person_id),
        scalars=False,
    )
    return render_template(
        "simulating/show.html",
        one=one,
        result=queries.result_of(one),
        page=page,
        wanted=wanted,
        reasons=REASONS,
        reason_word=reason_word,
        states=STATES,
        key=new_key(),
    )


def wanted_people() -> Wanted:
    show, order = request.args.get("show", "all"), request.args.get("order", "change")
    return Wanted(
        show=show if show in SHOWN else "all",
        order=order if order in ORDERS else "change",
        descending=request.args.get("down", "1") != "0",
        text=str(session.get("simulation_text", "")),
    )


@pages.post("/simulations/<int:simulation_id>/search")
@audience("rulebook.simulate")
def search(simulation_id: int) -> ResponseReturnValue:
    """A name that is searched for stays out of addresses and logs: it is kept in the session."""
    simulator()
    session["simulation_text"] = tidy(request.form.get("text", ""), 40)
    kept: dict[str, Any] = {
        name: value for name in ("show", "order", "down") if (value := request.form.get(name, "")[:10])
    }
    return redirect(url_for("simulating.show", simulation_id=simulation_id, _anchor="people", **kept))


@pages.post("/simulations/<int:simulation_id>/cancel")
@audience("rulebook.simulate")
@in_transaction
def stop(simulation_id: int) -> ResponseReturnValue:
    cancel(simulator(), simulation_id, at=clock.now())
    flash(gettext("已经取消。"))
    return redirect(url_for("simulating.index"))


@pages.get("/simulations/<int:simulation_id>/claims")
@audience("rulebook.simulate")
def claims(simulation_id: int) -> ResponseReturnValue:
    who = simulator()
    one = simulation_for(who, simulation_id)
    reason, person_id = wanted_reason()
    page = page_of(
        queries.claims_of(who.scheme_id, simulation_id, reason=reason, person_id=person_id),
        SimulatedClaim.claim_id,
        shape=(int,),
        size=50,
        key_of=lambda row: (row[0].claim_id,),
        scalars=False,
    )
    result = queries.result_of(one)
    return render_template(
        "simulating/claims.html",
        one=one,
        result=result,
        page=page,
        reason=reason,
        person_id=person_id,
        reason_word=reason_word,
        why=why_of,
        titles=titles_of(one),
    )


def wanted_reason() -> tuple[str, int | None]:
    return tidy(request.args.get("reason", ""), 40), id_from(request.args.get("person", ""))


def why_of(row: SimulatedClaim) -> str:
    return said(line_from(row.why), me().points_scale) if row.why else ""


# ---------------------------------------------------------------- files

PEOPLE_HEADER = (N_("居民编号"), N_("姓名"), N_("区域"), N_("原来"), N_("改后"), N_("变化"), N_("申报"), N_("不算的"))
CLAIMS_HEADER = (N_("居民编号"), N_("姓名"), N_("积分项"), N_("哪天做的"), N_("原来"), N_("改后"), N_("为什么"))


def as_file(kind: str, one: Simulation, header: Iterable[str], rows: Iterator[list[Any]]) -> Response:
    name = f"{gettext('试算')}-{one.label}-{one.from_on:%Y%m%d}-{one.to_on:%Y%m%d}"
    return (csv_answer if kind == "csv" else xlsx_answer)(name, [gettext(word) for word in header], rows)


@pages.get("/simulations/<int:simulation_id>/people.<any(xlsx, csv):kind>")
@audience("rulebook.simulate")
def people_file(simulation_id: int, kind: str) -> Response:
    """The people as they are narrowed and sorted now, names masked; at most 20,000."""
    who, wanted = simulator(), wanted_people()
    one = simulation_for(who, simulation_id)
    keys = (ORDERS[wanted.order], SimulatedPerson.person_id)
    query = queries.people_of(who.scheme_id, simulation_id, wanted)
    found = db.session.execute(
        query.order_by(*(key.desc() if wanted.descending else key for key in keys)).limit(MOST_EXPORTED)
    )
    return as_file(kind, one, PEOPLE_HEADER, (person_cells(*row, who.points_scale) for row in found))


@pages.get("/simulations/<int:simulation_id>/claims.<any(xlsx, csv):kind>")
@audience("rulebook.simulate")
def claims_file(simulation_id: int, kind: str) -> Response:
    """The claims whose points differ, as they are narrowed now, names masked; at most 20,000."""
    who = simulator()
    one = simulation_for(who, simulation_id)
    titles, (reason, person_id) = titles_of(one), wanted_reason()
    query = queries.claims_of(who.scheme_id, simulation_id, reason=reason, person_id=person_id)
    found = db.session.execute(query.order_by(SimulatedClaim.claim_id).limit(MOST_EXPORTED))
    return as_file(kind, one, CLAIMS_HEADER, (claim_cells(*row, titles, who.points_scale) for row in found))


def titles_of(one: Simulation) -> dict[str, str]:
    result = queries.result_of(one)
    return {group.code: group.title for group in result.rules} if result else {}


def person_cells(row: SimulatedPerson, person: Person, area: str, scale: int) -> list[Any]:
    amounts = [numeric(minor, scale) for minor in (row.before, row.after, row.change)]
    return [person.number, listed(person.name), area, *amounts, row.claims, row.refused]


def claim_cells(row: SimulatedClaim, claim: Claim, person: Person, titles: Mapping[str, str], scale: int) -> list[Any]:
    amounts = [numeric(minor, scale) for minor in (row.before, row.after)]
    deed = [titles.get(row.rule, row.rule), claim.done_on.isoformat()]
    return [person.number, listed(person.name), *deed, *amounts, why_of(row)]


def install(app: Flask) -> None:
    app.register_blueprint(pages)
