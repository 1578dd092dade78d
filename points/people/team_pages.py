"""Teams, organisations and lists at the staff's desk: find, make, edit, look who belongs to them, take people out."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError
from sqlalchemy import Row

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, DomainError, NotFound
from ..web.audience import audience, me
from ..web.errors import status_of
from ..web.formats import listed, sentence_of
from ..web.paging import page_of
from ..web.request import idempotency_key, in_transaction, new_key, payload
from ..web.sentences import translated
from . import queries, team_queries, teams, workbooks
from .enrolment import trace
from .models import Area, Person, Team, TeamKind
from .pages import STATUSES, download, pages
from .schemas import EditTeamSchema, MemberSchema, NewTeamSchema, SearchSchema
from .team_queries import WantedTeams

TEAM_KINDS = {
    "team": N_("志愿服务队"),
    "organisation": N_("组织、单位"),
    "list": N_("名单"),
}
EXPORTED = (N_("居民编号"), N_("姓名"), N_("手机号"), N_("区域"), N_("户号"), N_("加入日期"))


@pages.context_processor
def team_words() -> dict[str, Any]:
    return {"team_kinds": TEAM_KINDS}


# ---------------------------------------------------------------- the list


def wanted_teams() -> WantedTeams:
    kind, status = request.args.get("kind", "all"), request.args.get("status", "here")
    return WantedTeams(
        text=request.args.get("q", "")[:40],
        kind=kind if kind in TEAM_KINDS else "all",
        status=status if status in STATUSES else "here",
    )


@pages.get("/people/teams")
@audience("teams.see")
def teams_index() -> ResponseReturnValue:
    who, wanted = me(), wanted_teams()
    query = team_queries.teams(who, wanted)
    page = page_of(query, Team.id, shape=[int], key_of=lambda row: [row[0].id], scalars=False)
    sizes = team_queries.sizes(who.scheme_id, [row[0].id for row in page.rows])
    return render_template("people/teams.html", page=page, wanted=wanted, sizes=sizes)


@pages.get("/people/teams/export")
@audience("teams.see")
def teams_export() -> ResponseReturnValue:
    """The teams as the list is narrowed now, with how many belong to each; nobody's name but the leaders', masked."""
    who = me()
    found = db.session.execute(team_queries.teams(who, wanted_teams()).order_by(Team.id)).all()
    sizes = team_queries.sizes(who.scheme_id, [row[0].id for row in found])
    header = [gettext(name) for name in (N_("代号"), N_("名称"), N_("种类"), N_("区域"), N_("负责人"), N_("人数"))]
    rows = [
        [team.code, team.name, gettext(TEAM_KINDS[team.kind]), area.name, listed(leader), sizes.get(team.id, 0)]
        for team, area, leader in found
    ]
    return as_file(gettext("队伍和名单"), header, rows, (14, 30, 14, 24, 12, 8))


def as_file(name: str, header: list[str], rows: list[list[Any]], widths: tuple[int, ...]) -> ResponseReturnValue:
    if request.values.get("format") == "csv":
        return download(workbooks.comma_separated(header, rows), f"{name}.csv", workbooks.CSV)
    return download(workbooks.xlsx(name, header, ((row, ()) for row in rows), widths), f"{name}.xlsx", workbooks.XLSX)


# ---------------------------------------------------------------- one team


def team_page(
    team: Team, *, opened: bool = False, errors: Any = None, status: int = 200, **more: Any
) -> ResponseReturnValue:
    """A team with its members; those of a restricted list only when somebody pressed to see them."""
    who = me()
    page = None
    if opened or not team.is_restricted:
        query = team_queries.members(who, team)
        page = page_of(query, Person.id, shape=[int], key_of=lambda row: [row[0].id], scalars=False)
    area = db.session.get(Area, (who.scheme_id, team.area_id))
    assert area is not None  # a foreign key says so
    leader = db.session.get(Person, (who.scheme_id, team.leader_id)) if team.leader_id else None
    return render_template(
        "people/team.html",
        team=team,
        area=queries.place_name(area),
        leader=leader,
        size=team_queries.sizes(who.scheme_id, [team.id]).get(team.id, 0),
        page=page,
        can_award="batches.new_for_team" in current_app.view_functions,
        may_edit=who.may_in("teams.edit", area.path),
        may_open=who.may_in("teams.open", area.path),
        errors=errors or {},
        key=new_key(),
        **{"text": "", **more},
    ), status


@pages.get("/people/teams/<int:team_id>")
@audience("teams.see")
def team_show(team_id: int) -> ResponseReturnValue:
    return team_page(teams.team_for(me(), team_id))


@pages.post("/people/teams/<int:team_id>/open")
@audience("teams.open")
def team_open(team_id: int) -> ResponseReturnValue:
    """Who is on a restricted list: a press that is written down."""
    who, at = me(), clock.now()
    return team_page(in_own_transaction(lambda: teams.open_members(who, team_id, at)), opened=True)


@pages.get("/people/teams/<int:team_id>/members.xlsx")
@audience("teams.see")
def team_members(team_id: int) -> ResponseReturnValue:
    """The members with names and phones masked; a restricted list only in full, by a press that is written down."""
    team = teams.team_for(me(), team_id)
    if team.is_restricted:
        raise NotFound()
    return members_file(team, full=False)


@pages.post("/people/teams/<int:team_id>/members/full")
@audience("teams.open")
def team_members_full(team_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    team = teams.team_for(who, team_id, "teams.open")
    in_own_transaction(lambda: trace(who.scheme_id, who.person_id, "team.export", team.id, at))
    return members_file(team, full=True)


def members_file(team: Team, *, full: bool) -> ResponseReturnValue:
    found = db.session.execute(team_queries.members(me(), team).order_by(Person.id)).all()
    rows = [member_row(row, full) for row in found]
    return as_file(team.name[:31], [gettext(name) for name in EXPORTED], rows, (14, 12, 16, 24, 14, 14))


def member_row(row: Row[Any], full: bool) -> list[Any]:
    person, area, household, since = row
    name, phone = (person.name, person.phone) if full else (listed(person.name), "****" if person.phone else "")
    return [person.number, name, phone, area.name, household, clock.local_date(since, me().zone).isoformat()]


# ---------------------------------------------------------------- making and editing

TYPED = ("name", "code", "kind", "area_id", "leader", "note", "is_restricted")
WHERE = {"team_code_taken": "code", "not_found": "leader", "own_place": "leader"}


def team_form(values: dict[str, str], errors: Any, team: Team | None, status: int, **more: Any) -> ResponseReturnValue:
    who = me()
    areas = queries.tree(who.scheme_id, who.reach("teams.edit"))
    given = {"key": new_key(), **more}
    return render_template(
        "people/team_form.html", values=values, errors=errors, team=team, areas=areas, **given
    ), status


def typed(data: dict[str, Any]) -> dict[str, str]:
    return {name: str(data.get(name, ""))[:200] for name in TYPED}


def facts_from(data: dict[str, Any], schema: Any) -> dict[str, Any]:
    """The form's fields as ``add_team`` and ``edit_team`` take them. Raises ValidationError."""
    facts: dict[str, Any] = schema.load(data)
    number = facts.pop("leader")
    leader = queries.person_by_number(me(), number, "people.see") if number else None
    if number and leader is None:
        raise ValidationError({"leader": [N_("没有找到这位居民，请核对编号。")]})
    return facts | {"leader_id": leader.id if leader else None}


@pages.get("/people/teams/new")
@audience("teams.edit")
def team_new() -> ResponseReturnValue:
    kind = request.args.get("kind", "")
    return team_form(typed({"kind": kind if kind in TEAM_KINDS else TeamKind.TEAM.value}), {}, None, 200)


@pages.post("/people/teams/new")
@audience("teams.edit")
def team_create() -> ResponseReturnValue:
    who, at, data = me(), clock.now(), payload()
    key = str(idempotency_key(data))
    try:
        facts = facts_from(data, NewTeamSchema())
        made = in_own_transaction(lambda: teams.add_team(who, at=at, key=key, **facts))
    except ValidationError as error:
        return team_form(typed(data), translated(error.messages), None, 422, key=key)
    except DomainError as error:
        if error.code not in WHERE:
            raise
        return team_form(typed(data), {WHERE[error.code]: [sentence_of(error)]}, None, status_of(error), key=key)
    flash(gettext("建好了。现在可以把人放进来。"))
    return redirect(url_for("people.team_show", team_id=made.id))


@pages.get("/people/teams/<int:team_id>/edit")
@audience("teams.edit")
def team_edit_form(team_id: int) -> ResponseReturnValue:
    team = teams.team_for(me(), team_id, "teams.edit")
    leader = db.session.get(Person, (team.scheme_id, team.leader_id)) if team.leader_id else None
    values = {name: str(getattr(team, name, "") or "") for name in TYPED}
    values |= {"leader": leader.number if leader else "", "is_restricted": "1" if team.is_restricted else ""}
    return team_form(values, {}, team, 200, version=team.version)


@pages.post("/people/teams/<int:team_id>/edit")
@audience("teams.edit")
def team_edit(team_id: int) -> ResponseReturnValue:
    who, at, data = me(), clock.now(), payload()
    team = teams.team_for(who, team_id, "teams.edit")
    try:
        facts = facts_from(data, EditTeamSchema())
        if not facts["code"]:
            facts["code"] = team.code
        in_own_transaction(lambda: teams.edit_team(who, team_id, at=at, **facts))
    except ValidationError as error:
        return team_form(typed(data), translated(error.messages), team, 422, version=data.get("version", ""))
    except DomainError as error:
        if error.code not in {**WHERE, "team_changed": ""}:
            raise
        db.session.expire_all()
        team = teams.team_for(who, team_id, "teams.edit")
        field = WHERE.get(error.code, "name")
        return team_form(typed(data), {field: [sentence_of(error)]}, team, status_of(error), version=team.version)
    flash(gettext("已保存。"))
    return redirect(url_for("people.team_show", team_id=team_id))


@pages.post("/people/teams/<int:team_id>/disable")
@audience("teams.edit")
@in_transaction
def team_disable(team_id: int) -> ResponseReturnValue:
    teams.disable_team(me(), team_id, clock.now())
    flash(gettext("已停用：积分细则不再认它，名单和账都留着。"))
    return redirect(url_for("people.team_show", team_id=team_id))


@pages.post("/people/teams/<int:team_id>/enable")
@audience("teams.edit")
@in_transaction
def team_enable(team_id: int) -> ResponseReturnValue:
    teams.enable_team(me(), team_id, clock.now())
    flash(gettext("已恢复。"))
    return redirect(url_for("people.team_show", team_id=team_id))


# ---------------------------------------------------------------- one member


@pages.post("/people/teams/<int:team_id>/find")
@audience("teams.edit")
def team_find(team_id: int) -> ResponseReturnValue:
    """Whom to put in: the search (a name, a phone) travels in the body, so that no address or log holds it."""
    who = me()
    team = teams.team_for(who, team_id, "teams.edit")
    text = SearchSchema(unknown="exclude").load(payload())["text"]
    found = db.session.execute(queries.residents(who, queries.Wanted(text=text)).order_by(Person.id).limit(12)).all()
    there = team_queries.among(who.scheme_id, team.id, [row[0].id for row in found])
    return team_page(team, found=found if text else [], there=there, text=text)


@pages.post("/people/teams/<int:team_id>/members")
@audience("teams.edit")
def team_add(team_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    person_id = MemberSchema(unknown="exclude").load(payload())["person_id"]
    added = in_own_transaction(lambda: teams.add_members(who, team_id, [person_id], at))
    flash(gettext("放进来了。") if added else gettext("这位已经在里面了。"))
    return redirect(url_for("people.team_show", team_id=team_id))


@pages.post("/people/teams/<int:team_id>/members/remove")
@audience("teams.edit")
def team_remove(team_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    person_id = MemberSchema(unknown="exclude").load(payload())["person_id"]
    in_own_transaction(lambda: teams.remove_members(who, team_id, [person_id], at))
    flash(gettext("已拿掉。"))
    return redirect(url_for("people.team_show", team_id=team_id))
