"""Areas and roles: the tree at the left, one place at the right."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import in_own_transaction
from ..errors import N_, DomainError
from ..web.audience import audience, me
from ..web.errors import status_of
from ..web.formats import sentence_of
from ..web.navigation import ROLE_NAMES
from ..web.request import in_transaction, payload
from ..web.sentences import translated
from . import places, queries
from .models import AreaKind, Assignment
from .pages import number_from, pages
from .rules import kinds_below
from .schemas import AreaSchema, NewAreaSchema, RoleByNumberSchema

KIND_NAMES = {
    "subdistrict": N_("街道"),
    "community": N_("社区"),
    "grid": N_("网格"),
    "microgrid": N_("微网格"),
}


def page_for(area_id: int | None, *, errors: Any = None, given: Any = None, status: int = 200) -> ResponseReturnValue:
    who = me()
    nodes = queries.tree(who.scheme_id, who.reach("areas.edit"), disabled=True)
    chosen = next((node for node in nodes if node.id == area_id), None) if area_id else (nodes[0] if nodes else None)
    if area_id and chosen is None:
        places.area_in_reach(who, area_id)  # raises NotFound
    posts = queries.posts(who.scheme_id, Assignment.area_id == chosen.id) if chosen else []
    return render_template(
        "people/areas.html",
        nodes=nodes,
        people=queries.people_in(who.scheme_id),
        chosen=chosen,
        kinds=kinds_below(AreaKind(chosen.area.kind)) if chosen else (),
        kind_names=KIND_NAMES,
        posts=[(p, places.givers(who, p.role, p.area.path) and p.person.id != who.person_id) for p in posts],
        roles=places.giveable(who, chosen.area.path) if chosen else [],
        role_names=ROLE_NAMES,
        errors=errors or {},
        given=given or {},
    ), status


@pages.get("/areas")
@audience("areas.edit")
def areas() -> ResponseReturnValue:
    return page_for(number_from("area"))


def _refused(area_id: int, error: ValidationError | DomainError, field: str) -> ResponseReturnValue:
    """The page again, with what was typed and the sentence beside the field of the form that was sent."""
    given = {name: str(value)[:200] for name, value in request.form.items() if name not in ("csrf_token", "key")}
    if isinstance(error, ValidationError):
        sentences = [s for found in translated(error.messages).values() for s in found]
        return page_for(area_id, errors={field: sentences}, given=given, status=422)
    return page_for(area_id, errors={field: [sentence_of(error)]}, given=given, status=status_of(error))


@pages.post("/areas/<int:area_id>/add")
@audience("areas.edit")
def add_area(area_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    places.area_in_reach(who, area_id)
    try:
        wanted = NewAreaSchema().load(payload())
        kind = AreaKind(wanted["kind"])
        made = in_own_transaction(
            lambda: places.add_area(who, parent_id=area_id, kind=kind, name=wanted["name"], at=at)
        )
    except (ValidationError, DomainError) as error:
        return _refused(area_id, error, "new_name")
    flash(gettext("建好了：%(name)s。", name=made.name))
    return redirect(url_for("people.areas", area=area_id))


@pages.post("/areas/<int:area_id>/rename")
@audience("areas.edit")
def rename_area(area_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    places.area_in_reach(who, area_id)
    try:
        wanted = AreaSchema().load(payload())
        in_own_transaction(lambda: places.rename_area(who, area_id, name=wanted["name"], at=at))
    except (ValidationError, DomainError) as error:
        return _refused(area_id, error, "name")
    flash(gettext("名字改好了。"))
    return redirect(url_for("people.areas", area=area_id))


@pages.post("/areas/<int:area_id>/disable")
@audience("areas.edit")
def disable_area(area_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    places.area_in_reach(who, area_id)
    try:
        in_own_transaction(lambda: places.disable_area(who, area_id, at))
    except DomainError as error:
        return _refused(area_id, error, "disable")
    flash(gettext("已停用。"))
    return redirect(url_for("people.areas", area=area_id))


@pages.post("/areas/<int:area_id>/enable")
@audience("areas.edit")
@in_transaction
def enable_area(area_id: int) -> ResponseReturnValue:
    places.enable_area(me(), area_id, clock.now())
    flash(gettext("已恢复。"))
    return redirect(url_for("people.areas", area=area_id))


@pages.post("/areas/<int:area_id>/roles")
@audience("roles.give")
def give_role_here(area_id: int) -> ResponseReturnValue:
    """Give a role in this area to whoever has the number that was typed."""
    who, at = me(), clock.now()
    places.area_in_reach(who, area_id, "roles.give")
    try:
        wanted = RoleByNumberSchema().load(payload())
        person = queries.person_by_number(who, wanted["number"] or "", "roles.give")
        if person is None:
            raise ValidationError({"number": [N_("没有这个编号的居民。")]})
        in_own_transaction(
            lambda: places.give_role(who, person_id=person.id, role=wanted["role"], area_id=area_id, at=at)
        )
    except (ValidationError, DomainError) as error:
        return _refused(area_id, error, "number")
    flash(gettext("岗位已给。下次打开页面就有。"))
    return redirect(url_for("people.areas", area=area_id))
