"""Signing in and out, and the steps that may come first: second factor, longer password, privacy notice."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from marshmallow import ValidationError

from .. import clock
from ..db import in_own_transaction
from ..errors import N_, DomainError, NotAllowed, NotFound, TooFast
from ..web.audience import PUBLIC, SIGNED_IN, SecondFactorNeeded, audience, before_ready, me, visitor
from ..web.formats import sentence_of
from ..web.language import here
from ..web.request import payload
from ..web.schemas import Strict, Text
from ..web.sentences import translated
from . import signing_in
from . import visitor as visitors
from .checking import check_password, check_slip
from .models import Scheme
from .secrets import hash_password
from .sign_in_rules import (
    PASSWORD_MOST,
    RESIDENT_LIFE,
    WeakPassword,
    WrongCodeLength,
    roles_need_password,
    slip_code,
)
from .sign_in_rules import (
    check_password as check_new,
)
from .signing_in import Candidate, WrongNameOrPassword
from .slips import BadSlip, use

pages = Blueprint("sign_in", __name__)

DEVICES = (
    ("MicroMessenger", "微信"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


class PasswordNeeded(NotAllowed):
    """A role has come since the password was set; first it must become longer (in a browser)."""

    code = "password_needed"
    sentence = N_("您有了社区的岗位，先换一个长一些的密码。")


class PrivacyNeeded(NotAllowed):
    """The privacy notice has not been agreed to yet, or there is a new version (in a browser)."""

    code = "privacy_needed"
    sentence = N_("请先看一下个人信息告知。")


class SignInSchema(Strict):
    name = Text(most=80, load_default="")
    password = Text(most=PASSWORD_MOST * 4, load_default="")
    scheme = Text(most=40, load_default="")
    next = Text(most=2000, load_default="")


class ActivateSchema(Strict):
    code = Text(most=80, load_default="")
    pin = Text(most=PASSWORD_MOST * 4, load_default="")
    scheme = Text(most=40, load_default="")


# ---------------------------------------------------------------- who is asking


def waiting_for(who: visitors.Visitor) -> tuple[str, DomainError] | None:
    """The step that is still missing before somebody may go on: its page and the refusal for everything else."""
    missing: tuple[str, DomainError]
    if who.needs_second_factor and who.second_factor_at is None:
        missing = ("second_factor" if who.has_second_factor else "enrol"), SecondFactorNeeded()
    elif who.needs_password and who.kind == "browser":
        missing = "longer", PasswordNeeded()
    elif not who.has_agreed:
        missing = "privacy", PrivacyNeeded()
    else:
        return None
    endpoint, refusal = missing
    back = request.full_path.rstrip("?") if request.method == "GET" and request.path != "/" else None
    return url_for(f"sign_in.{endpoint}", next=back), refusal


def open_session(token: str, who: Candidate | visitors.Visitor, scheme_code: str | None = None) -> None:
    """Put a fresh token in the cookie. Of what it held before only the reader's choices survive."""
    kept = {name: session[name] for name in ("lang", "look", "scheme") if name in session}
    session.clear()
    session.update(kept)
    session["token"] = token
    if scheme_code:
        session["scheme"] = scheme_code
    session.permanent = not roles_need_password(who.roles)  # a shared desk forgets when the browser is closed


def close_session() -> None:
    kept = {name: session[name] for name in ("lang", "look", "scheme") if name in session}
    session.clear()
    session.update(kept)


def device() -> str:
    """What the visitor signs in with, in two words, for the list of one's own sign-ins."""
    agent = request.user_agent.string
    return next((name for mark, name in DEVICES if mark in agent), "")


def address() -> str | None:
    return request.remote_addr


def asked_scheme(code: str | None) -> Scheme | None:
    """The scheme of this request: as named, else the one remembered, else the only one; None when one must choose."""
    if code:
        return signing_in.scheme_by_code(code)
    found = signing_in.schemes(limit=2)
    if len(found) == 1:
        return found[0]
    if found and (remembered := session.get("scheme")):
        try:
            return signing_in.scheme_by_code(str(remembered))
        except NotFound:
            return None
    return None


def status_of(error: DomainError) -> int:
    return 429 if isinstance(error, TooFast) else 422


def choose(endpoint: str) -> ResponseReturnValue:
    """Let somebody choose the scheme; with none at all, say what is missing."""
    text = request.args.get("q", "").strip()[:40]
    found = signing_in.schemes(text)
    if not found and not text:
        return render_template("sign_in/nothing.html"), 503
    return render_template(
        "sign_in/choose.html",
        schemes=found[: signing_in.SHOWN_SCHEMES],
        more=len(found) > signing_in.SHOWN_SCHEMES,
        text=text,
        endpoint=endpoint,
        next=request.args.get("next", ""),
    )


# ---------------------------------------------------------------- in and out


@pages.get("/sign-in")
@pages.get("/s/<code>/sign-in")
@audience(PUBLIC)
def show(code: str | None = None) -> ResponseReturnValue:
    scheme = None if code is None and "choose" in request.args else asked_scheme(code)
    back = here(request.args.get("next", ""))
    if visitor() is not None:
        return redirect(back)
    if scheme is None:
        return choose("sign_in.show")
    return sign_in_form(scheme, next=back)


def sign_in_form(scheme: Scheme, **values: Any) -> str:
    values = {"name": "", "errors": {}, "refusal": None, "next": "/", **values}
    several = len(signing_in.schemes(limit=2)) > 1
    return render_template("sign_in/sign_in.html", scheme=scheme, several=several, **values)


@pages.post("/sign-in")
@audience(PUBLIC)
def enter() -> ResponseReturnValue:
    at = clock.now()
    wanted = SignInSchema().load(payload())
    scheme = asked_scheme(wanted["scheme"])
    if scheme is None:
        return choose("sign_in.show")
    code, scheme_id, back = scheme.code, scheme.id, here(wanted["next"])
    errors: dict[str, list[str]] = {}
    if not wanted["name"]:
        errors["name"] = [gettext("请填号码。")]
    if not wanted["password"]:
        errors["password"] = [gettext("请填密码。")]
    if errors:
        return sign_in_form(scheme, name=wanted["name"], errors=errors, next=back), 422
    try:
        who = check_password(scheme_id, wanted["name"], wanted["password"], address=address(), at=at)
    except (WrongNameOrPassword, TooFast) as error:
        scheme = signing_in.scheme_by_code(code)
        answer = sign_in_form(scheme, name=wanted["name"], refusal=sentence_of(error), next=back)
        wait = {"Retry-After": str(error.facts["wait"])} if "wait" in error.facts else {}
        return answer, status_of(error), wait
    label = device()
    token, _ = in_own_transaction(lambda: signing_in.begin(who, kind="browser", label=label, at=at))
    end_this_browser(at)
    open_session(token, who, code)
    return redirect(back)


def end_this_browser(at: Any) -> None:
    """Whoever was signed in with this browser until now no longer is."""
    if (before := visitor()) is not None and before.kind == "browser":
        in_own_transaction(lambda: signing_in.end(before, at))
        g.pop("visitor", None)


@pages.post("/sign-out")
@audience(PUBLIC)
def leave() -> ResponseReturnValue:
    end_this_browser(clock.now())
    close_session()
    return redirect(url_for("sign_in.show"))


@pages.get("/sign-in/help")
@audience(PUBLIC)
def lost() -> ResponseReturnValue:
    """What to do without slip, without password, without phone."""
    return render_template("sign_in/lost.html", scheme=asked_scheme(request.args.get("s")))


# ---------------------------------------------------------------- the slip


@pages.get("/activate")
@pages.get("/s/<code>/activate")
@audience(PUBLIC)
def activate(code: str | None = None) -> ResponseReturnValue:
    scheme = asked_scheme(code)
    if scheme is None:
        return choose("sign_in.activate")
    return activate_form(scheme)


def activate_form(scheme: Scheme, **values: Any) -> str:
    values = {"code": "", "errors": {}, "refusal": None, **values}
    sample_until = clock.local_date(clock.now(), scheme.zone)
    return render_template("sign_in/activate.html", scheme=scheme, sample_until=sample_until, **values)


@pages.post("/activate")
@audience(PUBLIC)
def activate_now() -> ResponseReturnValue:
    """Use the slip, set the PIN, sign in. Nothing is used up by a mistake in either field."""
    at = clock.now()
    wanted = ActivateSchema().load(payload())
    scheme = asked_scheme(wanted["scheme"])
    if scheme is None:
        return choose("sign_in.activate")
    scheme_code, scheme_id = scheme.code, scheme.id

    def again(status: int, headers: dict[str, str] | None = None, **values: Any) -> ResponseReturnValue:
        form = activate_form(signing_in.scheme_by_code(scheme_code), code=wanted["code"], **values)
        return form, status, headers or {}

    try:
        code = slip_code(wanted["code"])
    except WrongCodeLength as error:
        return again(422, errors={"code": [sentence_of(error)]})
    try:
        who = check_slip(scheme_id, code, address=address(), at=at)
        strong = check_new(wanted["pin"], roles=who.roles, numbers=who.numbers, birth_year=who.birth_year)
        hashed, label = hash_password(wanted["pin"]), device()

        def take_it() -> str:
            use(who, code, hashed, strong=strong, at=at)
            return signing_in.begin(who, kind="browser", label=label, at=at)[0]

        token = in_own_transaction(take_it)
    except WeakPassword as error:
        return again(422, errors={"pin": [sentence_of(error)]})
    except BadSlip as error:
        return again(422, errors={"code": [sentence_of(error)]})
    except TooFast as error:
        return again(429, {"Retry-After": str(error.facts.get("wait", 60))}, refusal=sentence_of(error))
    end_this_browser(at)
    open_session(token, who, scheme_code)
    return redirect(url_for("front.index"))


# ---------------------------------------------------------------- privacy notice


class AgreeSchema(Strict):
    guardian = Text(most=40, load_default="")
    next = Text(most=2000, load_default="")


@pages.get("/privacy")
@audience(PUBLIC)
def privacy() -> ResponseReturnValue:
    return privacy_page()


def privacy_page(errors: dict[str, list[str]] | None = None) -> str:
    who = visitor()
    asks = who is not None and not who.has_agreed
    return render_template(
        "sign_in/privacy.html",
        asks=asks,
        is_minor=who is not None and asks and signing_in.minor(who, clock.now()),
        version=visitors.PRIVACY_VERSION,
        errors=errors or {},
        next=here(request.values.get("next", "")),
    )


@pages.post("/privacy")
@before_ready
@audience(SIGNED_IN)
def agree() -> ResponseReturnValue:
    who, at = me(), clock.now()
    wanted = AgreeSchema().load(payload())
    try:
        in_own_transaction(lambda: signing_in.agree(who, guardian=wanted["guardian"], at=at))
    except signing_in.GuardianNeeded as error:
        return privacy_page({"guardian": [sentence_of(error)]}), 422
    return redirect(here(wanted["next"]))


def said(error: ValidationError) -> dict[str, list[str]]:
    """A schema's complaints, per field, in the reader's language."""
    return translated(error.messages)  # type: ignore[no-any-return]


def after(response: Any) -> Any:
    visitors.note_seen()
    return response


def install(app: Flask) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = RESIDENT_LIFE
    app.extensions["waiting_for"] = waiting_for
    app.register_blueprint(pages)
    app.after_request(after)
