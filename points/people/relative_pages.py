"""Relatives on a person's page: note one, take one away."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import in_own_transaction
from ..errors import DomainError, NotFound
from ..web.audience import audience, me
from ..web.errors import status_of
from ..web.formats import sentence_of
from ..web.request import payload
from ..web.sentences import translated
from . import queries, relatives, residents
from .pages import page_for, pages
from .schemas import OtherSchema, RelativeSchema


@pages.post("/people/<int:person_id>/relatives")
@audience("people.edit")
def add_relative(person_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    person = residents.resident_for(who, person_id, "people.edit")
    try:
        wanted = RelativeSchema(unknown="exclude").load(payload())
        other = queries.person_by_number(who, wanted["number"], "people.see")
        if other is None:
            raise NotFound()
        found, kind = other.id, wanted["kind"]
        in_own_transaction(lambda: relatives.add_relative(who, person_id, other_id=found, kind=kind, at=at))
    except ValidationError as error:
        return page_for(person, errors=translated(error.messages), status=422)
    except NotFound:
        return page_for(person, errors={"number": [gettext("没有找到这位居民，请核对编号。")]}, status=422)
    except DomainError as error:
        return page_for(person, errors={"number": [sentence_of(error)]}, status=status_of(error))
    flash(gettext("记下了，两边都能看到。"))
    return redirect(url_for("people.show", person_id=person_id))


@pages.post("/people/<int:person_id>/relatives/remove")
@audience("people.edit")
def remove_relative(person_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    other_id = OtherSchema(unknown="exclude").load(payload())["other_id"]
    in_own_transaction(lambda: relatives.remove_relative(who, person_id, other_id, at))
    flash(gettext("已去掉。"))
    return redirect(url_for("people.show", person_id=person_id))
