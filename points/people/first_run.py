"""The first run of an empty installation: one page makes the scheme and its administrator.

Whoever opens the page first must not become the administrator, so it asks for a code that only the terminal shows.
Production has no such page: there the operator uses ``flask people create-scheme``.
"""

from __future__ import annotations

import hmac
import os
import secrets as random
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError, fields, validate
from sqlalchemy import select

from .. import clock, config
from ..db import db, in_own_transaction
from ..errors import N_, DomainError, NotFound, TooFast
from ..web.audience import PUBLIC, audience
from ..web.formats import sentence_of
from ..web.request import payload
from ..web.schemas import Strict, Text
from . import signing_in, throttle
from .checking import forgive_tries, take_tries
from .founding import CODE_PATTERN, found_scheme
from .models import Role, Scheme, Throttle
from .sealing import keyed_hash
from .secrets import hash_password
from .sign_in import address, device, open_session, said, status_of
from .sign_in_rules import CODE_DIGITS, WeakPassword, WrongCodeLength, check_password, slip_code

pages = Blueprint("first_run", __name__)

MARK = "first-run"  # one row, inserted once: of two founders at once, one is too late
DEFAULT_CODE = "main"


class WrongFirstCode(DomainError):
    """Not the code that the terminal showed at the last start."""

    code = "wrong_first_code"
    sentence = N_("启动码不对。请看启动程序的那个窗口，每次启动都是新的。")


class AlreadyFounded(NotFound):
    """There is a scheme: the page is gone for good."""


class FirstRunSchema(Strict):
    once = Text(most=40, load_default="")
    subdistrict = Text(least=1, most=80, required=True)
    community = Text(least=1, most=80, required=True)
    name = Text(most=80, load_default="")
    code = fields.String(
        load_default=DEFAULT_CODE,
        validate=validate.Regexp(rf"\A{CODE_PATTERN}\Z", error=N_("只用小写字母、数字和短横，最多 32 个。")),
    )
    points_scale = fields.String(load_default="1", validate=validate.OneOf(("0", "1"), error=N_("请选一个。")))
    admin_name = Text(least=1, most=40, required=True)
    admin_number = Text(
        least=2,
        most=40,
        required=True,
        validate=validate.Regexp(r"\A[A-Za-z0-9._-]+\Z", error=N_("只用字母、数字和短横，登录时打起来方便。")),
    )
    password = Text(most=800, load_default="")

    class Meta(Strict.Meta):
        error_messages = {"required": N_("请填这一项。")}


def kept_at() -> Path:
    return Path(config.INSTANCE) / "first-run.code"


def announce(app: Flask) -> str | None:
    """A fresh one-time code to print at start-up, its keyed hash kept in ``instance/`` for every worker process.

    None when there is a scheme already, or in production.
    """
    with app.app_context():
        if app.config["PRODUCTION"] or is_founded():
            kept_at().unlink(missing_ok=True)
            return None
        code = f"{random.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        path = kept_at()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(keyed_hash("first-run", code))
        return f"{code[:4]} {code[4:8]} {code[8:]}"


def is_founded() -> bool:
    return db.session.scalar(select(Scheme.id).limit(1)) is not None


def check_code(typed: str) -> None:
    """Raises WrongCodeLength, WrongFirstCode."""
    given = keyed_hash("first-run", slip_code(typed))
    try:
        kept = kept_at().read_text().strip()
    except OSError:
        raise WrongFirstCode() from None
    if not hmac.compare_digest(kept, given):
        raise WrongFirstCode()


def form(typed: dict[str, Any], errors: dict[str, list[str]] | None = None, refusal: str | None = None) -> str:
    defaults = {"once": "", "subdistrict": "", "community": "", "name": "", "code": DEFAULT_CODE, "points_scale": "1"}
    typed = {**defaults, "admin_name": "", "admin_number": "", **typed}
    return render_template("first_run/show.html", errors=errors or {}, refusal=refusal, typed=typed)


@pages.get("/first-run")
@audience(PUBLIC)
def show() -> ResponseReturnValue:
    if is_founded():
        raise AlreadyFounded()
    return form({})


@pages.post("/first-run")
@audience(PUBLIC)
def found() -> ResponseReturnValue:
    if is_founded():
        raise AlreadyFounded()
    at, sent = clock.now(), payload()
    typed = {name: value for name, value in sent.items() if isinstance(value, str) and name != "password"}
    errors: dict[str, list[str]] = {}
    wanted: dict[str, Any] = {}
    try:
        wanted = FirstRunSchema().load({name: value for name, value in sent.items() if value != ""})
        check_password(wanted.get("password", ""), roles={Role.ADMIN}, numbers=(wanted["admin_number"],))
    except ValidationError as error:
        errors = said(error)
    except WeakPassword as error:
        errors = {"password": [sentence_of(error)]}
    key = throttle.address_key(MARK, address())
    try:
        take_tries(None, key, at)
        check_code(str(sent.get("once", "")))
        in_own_transaction(lambda: forgive_tries(None, key))
    except (WrongCodeLength, WrongFirstCode) as error:
        errors["once"] = [sentence_of(error)]
    except TooFast as error:
        return form(typed, refusal=sentence_of(error)), status_of(error)
    if errors:
        return form(typed, errors), 422

    hashed, label = hash_password(wanted["password"]), device()
    token, who = in_own_transaction(lambda: write(wanted, hashed, label, at))
    kept_at().unlink(missing_ok=True)
    open_session(token, who, wanted["code"])
    following = "rulebook.load" if "rulebook.load" in current_app.view_functions else "front.index"
    return redirect(url_for(following))


def write(wanted: dict[str, Any], hashed: str, label: str, at: Any) -> tuple[str, signing_in.Candidate]:
    """Scheme, places, administrator and sign-in, all or nothing. Raises AlreadyFounded."""
    if is_founded():
        raise AlreadyFounded()
    db.session.add(Throttle(key=MARK, window_at=at, tries=1))
    db.session.flush()
    founded = found_scheme(
        code=wanted["code"],
        name=wanted["name"] or wanted["community"],
        subdistrict=wanted["subdistrict"],
        community=wanted["community"],
        points_scale=int(wanted["points_scale"]),
        admin_name=wanted["admin_name"],
        admin_number=wanted["admin_number"],
        at=at,
    )
    signing_in.keep_password(founded.scheme.id, founded.admin.id, hashed, strong=True, at=at)
    who = signing_in.candidate(founded.scheme.id, founded.admin.id)
    if who is None:
        raise RuntimeError("the administrator just made is not there")
    return signing_in.begin(who, kind="browser", label=label, at=at)[0], who


def install(app: Flask) -> None:
    if not app.config["PRODUCTION"]:
        app.register_blueprint(pages)
