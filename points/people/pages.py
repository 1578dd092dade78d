"""Residents at the staff's desk: find, look, add, edit, export. Areas and imports have pages of their own."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, DomainError, NotFound
from ..ledger import queries as ledger
from ..web.audience import audience, me
from ..web.errors import status_of
from ..web.formats import listed, sentence_of
from ..web.navigation import ROLE_NAMES
from ..web.paging import id_from, page_of
from ..web.request import idempotency_key, in_transaction, new_key, payload
from ..web.sentences import translated
from . import places, queries, relatives, residents, team_queries, workbooks
from .actions import HONOUR, MINUTES, POINTS
from .enrolment import trace
from .models import Area, Assignment, Person
from .schemas import EditResidentSchema, NewResidentSchema, RoleInAreaSchema, SearchSchema

pages = Blueprint("people", __name__)

DEEDS = {
    "person.create": N_("建档"),
    "person.edit": N_("改了资料"),
    "person.open": N_("打开完整资料来修改"),
    "person.unmask": N_("看了完整资料"),
    "messages.see": N_("看了收到的消息"),
    "person.disable": N_("停用"),
    "person.enable": N_("恢复"),
    "relative.add": N_("记了亲属"),
    "relative.remove": N_("去掉了亲属"),
    "role.give": N_("给了岗位"),
    "role.end": N_("结束岗位"),
}
COLUMN_NAMES = {
    "number": N_("居民编号"),
    "name": N_("姓名"),
    "phone": N_("手机号"),
    "birth_year": N_("出生年"),
    "address": N_("住址"),
    "household": N_("户号"),
    "area": N_("区域"),
    "community": N_("社区"),
    "grid": N_("网格"),
    "microgrid": N_("微网格"),
    "area_id": N_("区域"),
    "guardian": N_("监护人"),
}
STATUSES = ("here", "gone", "all")


def column_names(columns: Any) -> str:
    return "、".join(gettext(COLUMN_NAMES.get(column, column)) for column in columns)


def number_from(name: str) -> int | None:
    """An id in the query string; anything else is as if it were not there."""
    return id_from(request.args.get(name, ""))


# ---------------------------------------------------------------- the list


def wanted_from_request(areas: list[queries.Node]) -> tuple[queries.Wanted, int | None]:
    area_id, status = number_from("area"), request.args.get("status", "here")
    paths = {node.id: node.area.path for node in areas}
    if area_id is not None and area_id not in paths:
        raise NotFound()
    wanted = queries.Wanted(
        text=str(session.get("people_text", ""))[:40],
        area_path=paths.get(area_id) if area_id else None,
        household_id=number_from("household"),
        status=status if status in STATUSES else "here",
    )
    return wanted, area_id


@pages.get("/people")
@audience("people.see")
def index() -> ResponseReturnValue:
    who = me()
    areas = queries.tree(who.scheme_id, who.reach("people.see"), disabled=True)
    wanted, area_id = wanted_from_request(areas)
    page = page_of(
        queries.residents(who, wanted),
        Person.id,
        shape=[int],
        key_of=lambda row: [row[0].id],
        scalars=False,
    )
    return render_template("people/index.html", page=page, wanted=wanted, areas=areas, area_id=area_id)


@pages.post("/people/search")
@audience("people.see")
def search() -> ResponseReturnValue:
    """What is searched for (a name, a phone) stays out of addresses and logs: it is kept in the session."""
    session["people_text"] = SearchSchema(unknown="exclude").load(payload())["text"]
    kept = {name: value for name in ("area", "status", "household") if (value := request.form.get(name, "")[:20])}
    return redirect(url_for("people.index", **kept))


EXPORTED = ("number", "name", "phone", "birth_year", "address", "household", "area")


@pages.route("/people/export", methods=["GET", "POST"])
@audience("people.see")
def export() -> ResponseReturnValue:
    """The list as it is narrowed now. By GET masked; by POST in full, which is written down."""
    who, at = me(), clock.now()
    full = request.method == "POST"
    areas = queries.tree(who.scheme_id, who.reach("people.see"), disabled=True)
    wanted, _ = wanted_from_request(areas)
    labels = {node.id: node.label for node in areas}
    found = db.session.execute(
        queries.residents(who, wanted, "people.unmask" if full else "people.see").order_by(Person.id)
    ).all()
    rows = [
        [
            person.number,
            person.name if full else listed(person.name),
            person.phone if full else ("****" if person.phone else ""),
            person.birth_year,
            person.address if full else ("****" if person.address else ""),
            household,
            labels.get(area.id, area.name),
        ]
        for person, area, household in found
    ]
    if full:
        in_own_transaction(
            lambda: trace(who.scheme_id, who.person_id, "people.export", None, at, rows=len(rows), status=wanted.status)
        )
    header = [gettext(COLUMN_NAMES[column]) for column in EXPORTED]
    name = gettext("居民") + clock.local_date(at, who.zone).strftime("-%Y%m%d")
    if request.values.get("format") == "csv":
        return download(workbooks.comma_separated(header, rows), f"{name}.csv", workbooks.CSV)
    made = workbooks.xlsx(gettext("居民"), header, ((row, ()) for row in rows), (14, 12, 16, 10, 30, 14, 40))
    return download(made, f"{name}.xlsx", workbooks.XLSX)


def download(data: bytes, name: str, kind: str) -> Response:
    """A file to keep. Its Chinese name travels encoded: a server refuses headers that are not ASCII."""
    answer = Response(data, mimetype=kind.partition(";")[0], content_type=kind)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return answer


# ---------------------------------------------------------------- one person


def page_for(person: Person, *, open_: bool = False, errors: Any = None, status: int = 200) -> ResponseReturnValue:
    who = me()
    area = db.session.get(Area, (who.scheme_id, person.area_id))
    assert area is not None  # a foreign key says so
    given = queries.posts(who.scheme_id, Assignment.person_id == person.id)
    units = ledger.units_of(who.scheme_id)
    today = clock.local_date(clock.now(), who.zone)
    return render_template(
        "people/show.html",
        person=person,
        open=open_,
        area=queries.place_name(area),
        household=residents.household_number(person),
        members=queries.household_members(who, person),
        teams=team_queries.teams_of(who.scheme_id, person.id),
        relatives=relatives.relatives_of(who.scheme_id, person.id),
        relative_kinds=relatives.KIND_WORDS,
        posts=[(post, places.givers(who, post.role, post.area.path) and person.id != who.person_id) for post in given],
        roles=places.all_giveable(who) if person.id != who.person_id else [],
        role_names=ROLE_NAMES,
        areas=queries.tree(who.scheme_id, who.reach("roles.give")),
        traces=[
            (one, gettext(DEEDS[one.action]), column_names(one.detail.get("columns", ())), listed(name))
            for one, name in queries.traces_of(who.scheme_id, person.id)
            if one.action in DEEDS
        ],
        errors=errors or {},
        points=ledger.spendable_of(who.scheme_id, person.id, units[POINTS], today),
        honour=ledger.balance_of(who.scheme_id, person.id, units[HONOUR]),
        minutes=ledger.balance_of(who.scheme_id, person.id, units[MINUTES]),
        mine=person.id == who.person_id or (person.household_id and person.household_id == who.household_id),
        key=new_key(),
    ), status


@pages.get("/people/<int:person_id>")
@audience("people.see")
def show(person_id: int) -> ResponseReturnValue:
    return page_for(residents.resident_for(me(), person_id, "people.see"))


@pages.post("/people/<int:person_id>/unmask")
@audience("people.unmask")
def unmask(person_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    return page_for(in_own_transaction(lambda: residents.unmask(who, person_id, at)), open_=True)


def form_page(values: dict[str, Any], errors: Any, person: Person | None, status: int, **more: Any) -> Any:
    who = me()
    areas = queries.tree(who.scheme_id, who.reach("people.edit"))
    given = {"key": new_key(), **more}
    page = render_template(
        "people/form.html", values=values, errors=errors, person=person, areas=areas, names=COLUMN_NAMES, **given
    )
    return page, status


TYPED = ("number", "name", "phone", "birth_year", "address", "household", "guardian", "area_id", "anyway")


def typed(data: dict[str, Any]) -> dict[str, Any]:
    """What was typed, to be shown again: text only, and not endlessly."""
    return {name: str(data.get(name, ""))[:400] for name in TYPED}


WHERE = {
    "number_taken": "number",
    "looks_like_double": "anyway",
    "foreign_household": "household",
    "not_found": "area_id",
}


@pages.get("/people/new")
@audience("people.edit")
def new() -> ResponseReturnValue:
    first = {"area_id": str(number_from("area") or "")}
    return form_page(typed(first), {}, None, 200)


@pages.post("/people/new")
@audience("people.edit")
def create() -> ResponseReturnValue:
    who, at, data = me(), clock.now(), payload()
    key = str(idempotency_key(data))
    try:
        facts = NewResidentSchema().load(data)
        made = in_own_transaction(lambda: residents.add_resident(who, at=at, key=key, **facts))
    except ValidationError as error:
        return form_page(typed(data), translated(error.messages), None, 422, key=key)
    except DomainError as error:
        if error.code not in WHERE:
            raise
        return form_page(typed(data), {WHERE[error.code]: [sentence_of(error)]}, None, status_of(error), key=key)
    flash(gettext("已建档，编号 %(number)s。", number=made.number))
    return redirect(url_for("people.show", person_id=made.id))


@pages.post("/people/<int:person_id>/open")
@audience("people.edit")
def open_(person_id: int) -> ResponseReturnValue:
    """The form to edit shows everything, so opening it is a press that is written down."""
    who, at = me(), clock.now()
    person = in_own_transaction(lambda: residents.open_record(who, person_id, at))
    return form_page(values_of(person), {}, person, 200, version=person.version)


def values_of(person: Person) -> dict[str, Any]:
    values = {name: getattr(person, name, None) for name in TYPED}
    values["household"] = residents.household_number(person)
    return {name: "" if value is None else str(value) for name, value in values.items()}


@pages.post("/people/<int:person_id>/edit")
@audience("people.edit")
def edit(person_id: int) -> ResponseReturnValue:
    who, at, data = me(), clock.now(), payload()
    person = residents.resident_for(who, person_id, "people.edit")
    version = data.get("version", "")
    try:
        facts = EditResidentSchema().load(data)
        in_own_transaction(lambda: residents.edit_resident(who, person_id, at=at, **facts))
    except ValidationError as error:
        return form_page(typed(data), translated(error.messages), person, 422, version=version)
    except residents.ChangedMeanwhile as error:
        db.session.expire_all()
        now = residents.resident_for(who, person_id, "people.edit")
        facts_now = values_of(now)
        differs = [(COLUMN_NAMES[c], facts_now[c]) for c in error.facts["columns"] if c != "area_id"]
        return form_page(typed(data), {}, now, 409, version=now.version, raced=sentence_of(error), differs=differs)
    except DomainError as error:
        if error.code not in WHERE:
            raise
        errors = {WHERE[error.code]: [sentence_of(error)]}
        return form_page(typed(data), errors, person, status_of(error), version=version)
    flash(gettext("已保存。"))
    return redirect(url_for("people.show", person_id=person_id))


@pages.post("/people/<int:person_id>/disable")
@audience("people.edit")
@in_transaction
def disable(person_id: int) -> ResponseReturnValue:
    residents.disable_resident(me(), person_id, clock.now())
    flash(gettext("已停用：不能登录、申报和兑换，账都留着。"))
    return redirect(url_for("people.show", person_id=person_id))


@pages.post("/people/<int:person_id>/enable")
@audience("people.edit")
@in_transaction
def enable(person_id: int) -> ResponseReturnValue:
    residents.enable_resident(me(), person_id, clock.now())
    flash(gettext("已恢复。"))
    return redirect(url_for("people.show", person_id=person_id))


@pages.post("/people/<int:person_id>/roles")
@audience("roles.give")
def give_role(person_id: int) -> ResponseReturnValue:
    who, at, data = me(), clock.now(), payload()
    person = residents.resident_for(who, person_id, "roles.give")
    try:
        wanted = RoleInAreaSchema().load(data)
    except ValidationError as error:
        return page_for(person, errors=translated(error.messages), status=422)
    in_own_transaction(lambda: places.give_role(who, person_id=person_id, at=at, **wanted))
    flash(gettext("岗位已给。下次打开页面就有。"))
    return redirect(url_for("people.show", person_id=person_id))


@pages.post("/people/roles/<int:assignment_id>/end")
@audience("roles.give")
@in_transaction
def end_role(assignment_id: int) -> ResponseReturnValue:
    ended = places.end_role(me(), assignment_id, clock.now())
    flash(gettext("岗位已结束。"))
    if request.form.get("from") == "area":
        return redirect(url_for("people.areas", area=ended.area_id))
    return redirect(url_for("people.show", person_id=ended.person_id))


def install(app: Flask) -> None:
    for part in ("area_pages", "import_pages", "team_pages", "team_import_pages", "relative_pages"):
        import_module(f"points.people.{part}")
    app.register_blueprint(pages)
