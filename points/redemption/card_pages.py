"""Printed cards: choose residents, print a sheet of ten, stop a lost one. The digits are shown once, on the sheet."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import fields, validate

from .. import clock
from ..db import db, in_own_transaction
from ..errors import N_, DomainError
from ..people.models import Area, Person
from ..people.queries import Wanted, residents, tree
from ..web import audience, id_from, idempotency_key, in_transaction, me, page_of, payload
from ..web.errors import status_of
from ..web.formats import sentence_of
from ..web.request import new_key
from ..web.schemas import IdField, Strict
from .cards import MOST_AT_ONCE, block_card, print_cards
from .pages import pages
from .pictures import data_uri
from .queries import cards_of

A_SHEET = 10
KEYS_KEPT = 20  # in the browser's cookie, so that reloading a printed sheet does not make new cards


class PrintSchema(Strict):
    """Whose cards, in this order."""

    person = fields.List(
        IdField(),
        required=True,
        validate=validate.Length(min=1, max=MOST_AT_ONCE, error=N_("请选 {min} 到 {max} 位居民。")),
        error_messages={"required": N_("请先选居民，再打印。")},
    )


def chosen_area() -> Area | None:
    """The area the list is narrowed to, if it is one and in the scheme."""
    given = id_from(request.values.get("area", ""))
    return db.session.get(Area, (me().scheme_id, given)) if given else None


@pages.get("/cards")
@audience("cards.print")
def cards() -> ResponseReturnValue:
    return cards_page()


@pages.post("/cards")
@audience("cards.print")
def find_cards() -> ResponseReturnValue:
    """Search; by POST, because a name or a number has no place in an address."""
    return cards_page(text=str(payload().get("text", ""))[:40])


def cards_page(
    *, text: str = "", picked: list[int] | None = None, refusal: str = "", status: int = 200
) -> ResponseReturnValue:
    who, area = me(), chosen_area()
    wanted = Wanted(text=text, area_path=area.path if area else None)
    query = residents(who, wanted, "cards.print")
    if given := id_from(request.args.get("person", "")):
        picked = [given]
        query = query.where(Person.id == given)
    page = page_of(query, Person.id, shape=(int,), key_of=lambda row: (row[0].id,), scalars=False)
    body = render_template(
        "redemption/cards.html",
        page=page,
        cards=cards_of(who.scheme_id, [row[0].id for row in page.rows]),
        areas=tree(who.scheme_id, who.reach("cards.print")),
        area_id=area.id if area else None,
        text=text,
        picked=picked or [],
        refusal=refusal,
        key=new_key(),
    )
    return body, status


@pages.post("/cards/print")
@audience("cards.print")
def print_sheet() -> ResponseReturnValue:
    """Make the cards and show their sheet. A reload makes none: the paper in hand would stop working."""
    body = payload()
    key = str(idempotency_key(body))
    given = body.get("person", [])
    if key in session.get("printed", []):
        sentence = gettext("这些卡刚才已经印出来了，方码只出现一次。要重印，请再选一次；旧卡会作废。")
        return cards_page(refusal=sentence, status=409)
    wanted = PrintSchema().load({"person": given if isinstance(given, list) else [given]} if given else {})
    try:
        made = in_own_transaction(lambda: print_cards(wanted["person"], me(), clock.now()))
    except DomainError as error:
        return cards_page(picked=wanted["person"], refusal=sentence_of(error), status=status_of(error))
    session["printed"] = [*session.get("printed", []), key][-KEYS_KEPT:]
    sheets = [made[first : first + A_SHEET] for first in range(0, len(made), A_SHEET)]
    return render_template("redemption/card_sheet.html", sheets=sheets, picture=data_uri, count=len(made))


@pages.post("/cards/<int:person_id>/block")
@audience("cards.print")
@in_transaction
def block(person_id: int) -> ResponseReturnValue:
    """Stop a lost card at once."""
    block_card(person_id, me(), clock.now())
    flash(gettext("卡停用了。积分一分不少，可以马上印新卡。"))
    return redirect(url_for(".cards", **back_to()))


def back_to() -> dict[str, Any]:
    area = chosen_area()
    return {"area": area.id} if area else {}
