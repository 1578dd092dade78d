"""Printing a slip for somebody: asked first, then shown once, ready for paper."""

from __future__ import annotations

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import fields, validate

from .. import clock
from ..db import db, in_own_transaction, is_id
from ..errors import NotFound
from ..web.audience import audience, me
from ..web.request import new_key, payload
from ..web.schemas import Strict
from . import residents, slips
from .models import Secret
from .pictures import qr_svg
from .sign_in import pages
from .sign_in_rules import STAFF_LEAST, roles_need_password


class SlipSchema(Strict):
    reason = fields.String(load_default="first", validate=validate.OneOf(("first", "forgot", "lost")))
    second_factor = fields.String(load_default="", validate=validate.OneOf(("", "forget")))


@pages.get("/people/<int:person_id>/slip")
@audience("slips.issue")
def slip(person_id: int) -> ResponseReturnValue:
    who = me()
    if not is_id(person_id):
        raise NotFound()
    person = slips.person_in_reach(who, person_id)
    kept = db.session.get(Secret, (who.scheme_id, person_id))
    return render_template(
        "sign_in/slip_ask.html",
        person=person,
        activated=kept is not None and kept.password_hash is not None,
        can_forget=who.may("roles.give") and kept is not None and kept.totp_sealed is not None,
        key=new_key(),
    )


@pages.post("/people/<int:person_id>/slip")
@audience("slips.issue")
def issue_slip(person_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    if not is_id(person_id):
        raise NotFound()
    wanted = SlipSchema().load(payload())
    printed = in_own_transaction(
        lambda: slips.issue(
            who,
            person_id,
            lost=wanted["reason"] == "lost",
            forget_second_factor=bool(wanted["second_factor"]),
            at=at,
        )
    )
    # The code stands behind the "#": browsers never send it, so no log ever holds it.
    link = url_for("sign_in.activate", code=who.scheme_code, _external=True) + "#" + printed.code
    return render_template(
        "sign_in/slip.html",
        printed=printed,
        person=printed.person,
        code=f"{printed.code[:4]} {printed.code[4:8]} {printed.code[8:]}",
        page=url_for("sign_in.activate", code=who.scheme_code, _external=True),
        at_desk=roles_need_password(residents.roles_of(who.scheme_id, person_id)),
        least=STAFF_LEAST,
        picture=qr_svg(link, gettext("给手机扫的码，和开通码一样")),
    )
