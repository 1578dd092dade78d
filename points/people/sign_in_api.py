"""Signing in by API: a token for a program or a client of one's own, with the same checks as the page."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from .. import clock
from ..db import in_own_transaction
from ..errors import N_, DomainError
from ..web.api import register
from ..web.audience import PUBLIC, SIGNED_IN, SecondFactorNeeded, audience, before_ready, me
from ..web.schemas import IdField, Strict, Text
from . import second_factor, signing_in
from .checking import check_password, with_second_factor
from .sign_in import address, asked_scheme, end_this_browser
from .sign_in_rules import PASSWORD_MOST

api = Blueprint("sign_in_api", __name__, url_prefix="/api/v1", description="Signing in")


class SchemeNeeded(DomainError):
    """There are several schemes and the request names none."""

    code = "scheme_needed"
    sentence = N_("请说明是哪个社区（scheme）。")


class SetUpNeeded(SecondFactorNeeded):
    """The role asks for a second factor and none has been set up; that happens in a browser."""

    code = "second_factor_missing"
    sentence = N_("您的岗位要有验证器。请先用浏览器登录，设好再来。")


class AskSchema(Strict):
    name = Text(required=True, least=1, most=80, metadata={"description": "Number, phone or staff name"})
    password = Text(required=True, least=1, most=PASSWORD_MOST * 4)
    totp = Text(load_default="", most=40, metadata={"description": "Authenticator code or recovery code, if needed"})
    scheme = Text(load_default="", most=40, metadata={"description": "Code of the scheme, if there are several"})
    label = Text(load_default="", most=120, metadata={"description": "Shown in the list of one's own sign-ins"})


class TokenSchema(Schema):
    token = fields.String(metadata={"description": "Send as `Authorization: Bearer …`. Told once"})
    expires_at = fields.DateTime()
    person_id = IdField()


class DutySchema(Schema):
    role = fields.String()
    area_id = IdField()


class MeSchema(Schema):
    person_id = IdField()
    name = fields.String()
    number = fields.String()
    scheme = fields.String(attribute="scheme_code")
    scheme_name = fields.String()
    zone = fields.String()
    points_scale = fields.Integer(metadata={"description": "Decimals of points: amounts are in minor units"})
    kind = fields.String(validate=validate.OneOf(("browser", "token")))
    duties = fields.List(fields.Nested(DutySchema))


@api.post("/sign-in")
@api.arguments(AskSchema)
@api.response(201, TokenSchema)
@audience(PUBLIC)
def sign_in(asked: dict[str, Any]) -> dict[str, Any]:
    """A token for name and password, and the authenticator's code where a role asks for it."""
    at, from_address = clock.now(), address()
    scheme = asked_scheme(asked["scheme"])
    if scheme is None:
        raise SchemeNeeded()
    who = check_password(scheme.id, asked["name"], asked["password"], address=from_address, at=at)
    if who.needs_second_factor and who.totp_sealed is None:
        raise SetUpNeeded()
    if who.needs_second_factor and not asked["totp"]:
        raise SecondFactorNeeded()
    label = asked["label"] or request.user_agent.string[:60]

    def begin() -> tuple[str, Any]:
        if who.needs_second_factor:
            second_factor.use_code(who.scheme_id, who.person_id, asked["totp"], at)
        return signing_in.begin(who, kind="token", label=label, at=at, second_factor=who.needs_second_factor)

    if who.needs_second_factor:
        token, ends = with_second_factor(who.scheme_id, who.person_id, begin, at=at)
    else:
        token, ends = in_own_transaction(begin)
    return {"token": token, "expires_at": ends, "person_id": who.person_id}


sign_in.before_session = True  # a client without cookie has no token to prove yet


@api.delete("/sign-in")
@api.response(204)
@before_ready
@audience(SIGNED_IN)
def sign_out() -> None:
    """End this token or session."""
    who, at = me(), clock.now()
    if who.kind == "browser":
        end_this_browser(at)
    else:
        in_own_transaction(lambda: signing_in.end(who, at))


@api.get("/me")
@api.response(200, MeSchema)
@before_ready
@audience(SIGNED_IN)
def show_me() -> Any:
    """Who this token or session is, with the duties it carries."""
    return me()


def install(app: Flask) -> None:
    with app.app_context():
        register(api)
