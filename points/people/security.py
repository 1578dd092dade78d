"""One's own sign-in: the second factor, the password, and the list of phones and computers that are signed in."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from .. import clock
from ..db import in_own_transaction
from ..errors import NotFound, TooFast
from ..web.audience import SIGNED_IN, SecondFactorNeeded, audience, before_ready, me
from ..web.formats import sentence_of
from ..web.language import here
from ..web.request import payload
from ..web.schemas import Strict, Text
from . import second_factor as factor
from . import signing_in
from .checking import check_own_password, with_second_factor
from .pictures import qr_svg
from .sealing import CannotUnseal, seal, unseal
from .secrets import authenticator_address, hash_password, new_authenticator
from .sign_in import address, open_session, pages, status_of
from .sign_in_rules import PASSWORD_MOST, WeakPassword, roles_need_password
from .sign_in_rules import check_password as check_new
from .signing_in import WrongNameOrPassword


class CodeSchema(Strict):
    code = Text(most=80, load_default="")
    next = Text(most=2000, load_default="")


class PasswordSchema(Strict):
    old = Text(most=PASSWORD_MOST * 4, load_default="")
    new = Text(most=PASSWORD_MOST * 4, load_default="")
    next = Text(most=2000, load_default="")


# ---------------------------------------------------------------- second factor


@pages.get("/second-factor")
@before_ready
@audience(SIGNED_IN)
def second_factor() -> ResponseReturnValue:
    if not me().has_second_factor:
        return redirect(url_for("sign_in.enrol", next=here(request.args.get("next", ""))))
    return code_form()


def code_form(refusal: str | None = None) -> str:
    back = here(request.values.get("next", ""))
    return render_template("sign_in/second_factor.html", refusal=refusal, next=back)


@pages.post("/second-factor")
@before_ready
@audience(SIGNED_IN)
def give_second_factor() -> ResponseReturnValue:
    who, at = me(), clock.now()
    wanted = CodeSchema().load(payload())
    try:
        token = with_second_factor(
            who.scheme_id, who.person_id, lambda: factor.pass_with(who, wanted["code"], at), at=at
        )
    except (factor.WrongCode, TooFast) as error:
        return code_form(sentence_of(error)), status_of(error)
    open_session(token, who)
    return redirect(here(wanted["next"]))


@pages.get("/second-factor/new")
@before_ready
@audience(SIGNED_IN)
def enrol() -> ResponseReturnValue:
    who, at = me(), clock.now()
    if who.has_second_factor and not factor.is_fresh(who, at):
        return redirect(url_for("sign_in.second_factor", next=url_for("sign_in.enrol")))
    return enrol_form()


def pending_secret() -> str:
    """The authenticator being set up, sealed in the cookie until its first code proves that it was taken over."""
    who = me()
    try:
        owner, secret = unseal(session["enrol"]).decode().split(":")
        if owner == str(who.person_id):
            return secret
    except (KeyError, CannotUnseal, ValueError, AttributeError):
        pass
    secret = new_authenticator()
    session["enrol"] = seal(f"{who.person_id}:{secret}".encode())
    return secret


def enrol_form(refusal: str | None = None) -> str:
    who, secret = me(), pending_secret()
    uri = authenticator_address(secret, account=who.number, issuer=who.scheme_name)
    return render_template(
        "sign_in/enrol.html",
        picture=qr_svg(uri, gettext("给验证器扫的码")),
        secret=" ".join(secret[n : n + 4] for n in range(0, len(secret), 4)),
        account=who.number,
        uri=uri,
        refusal=refusal,
        next=here(request.values.get("next", "")),
    )


@pages.post("/second-factor/new")
@before_ready
@audience(SIGNED_IN)
def enrol_now() -> ResponseReturnValue:
    who, at = me(), clock.now()
    wanted, secret = CodeSchema().load(payload()), pending_secret()
    try:
        token, codes = with_second_factor(
            who.scheme_id, who.person_id, lambda: factor.enrol(who, secret, wanted["code"], at), at=at
        )
    except (factor.WrongCode, TooFast) as error:
        return enrol_form(sentence_of(error)), status_of(error)
    except SecondFactorNeeded:
        return redirect(url_for("sign_in.second_factor", next=url_for("sign_in.enrol")))
    open_session(token, who)
    return render_template("sign_in/recovery_codes.html", codes=codes, next=here(wanted["next"]))


@pages.post("/second-factor/recovery-codes")
@audience(SIGNED_IN)
def renew_recovery_codes() -> ResponseReturnValue:
    who, at = me(), clock.now()
    try:
        codes = in_own_transaction(lambda: factor.renew_recovery_codes(who, at))
    except SecondFactorNeeded:
        return redirect(url_for("sign_in.second_factor", next=url_for("sign_in.security")))
    return render_template("sign_in/recovery_codes.html", codes=codes, next=url_for("sign_in.security"))


# ---------------------------------------------------------------- password and sign-ins


@pages.get("/security")
@audience(SIGNED_IN)
def security() -> ResponseReturnValue:
    return security_page()


@pages.get("/security/password")
@before_ready
@audience(SIGNED_IN)
def longer() -> ResponseReturnValue:
    """A step before going on: a role has come, and six digits are no longer enough."""
    return password_form({})


def password_form(errors: dict[str, list[str]]) -> str:
    who = me()
    if not who.needs_password:
        return security_page(errors)
    back = here(request.values.get("next", ""))
    return render_template("sign_in/longer.html", errors=errors, next=back)


def security_page(errors: dict[str, list[str]] | None = None) -> str:
    who = me()
    at_desk = roles_need_password(who.roles)
    return render_template(
        "sign_in/security.html",
        frame="web/console.html" if at_desk else "web/resident.html",
        sign_ins=signing_in.own_sign_ins(who, clock.now()),
        codes_left=factor.recovery_codes_left(who),
        at_desk=at_desk,
        errors=errors or {},
    )


@pages.post("/security/password")
@before_ready
@audience(SIGNED_IN)
def change_password() -> ResponseReturnValue:
    who, at = me(), clock.now()
    if who.needs_second_factor and who.second_factor_at is None:
        raise SecondFactorNeeded()
    wanted: dict[str, Any] = PasswordSchema().load(payload())
    try:
        found = check_own_password(who, wanted["old"], address=address(), at=at)
    except (WrongNameOrPassword, TooFast) as error:
        wrong = gettext("现在的密码不对。") if isinstance(error, WrongNameOrPassword) else sentence_of(error)
        return password_form({"old": [wrong]}), status_of(error)
    try:
        strong = check_new(wanted["new"], roles=found.roles, numbers=found.numbers, birth_year=found.birth_year)
    except WeakPassword as error:
        return password_form({"new": [sentence_of(error)]}), 422
    hashed = hash_password(wanted["new"])
    in_own_transaction(lambda: signing_in.change_password(who, hashed, strong=strong, at=at))
    flash(gettext("密码换好了。别的手机和电脑要用新密码重新登录。"))
    return redirect(here(wanted["next"]) if wanted["next"] else url_for("sign_in.security"))


@pages.post("/security/sign-ins/<int:sign_in_id>/end")
@audience(SIGNED_IN)
def end_sign_in(sign_in_id: int) -> ResponseReturnValue:
    who, at = me(), clock.now()
    if sign_in_id >= 2**63:
        raise NotFound()
    in_own_transaction(lambda: signing_in.revoke_own(who, sign_in_id, at))
    flash(gettext("那一台已经退出。"))
    return redirect(url_for("sign_in.security"))


@pages.post("/security/sign-ins/end-others")
@audience(SIGNED_IN)
def end_others() -> ResponseReturnValue:
    who, at = me(), clock.now()
    in_own_transaction(lambda: signing_in.revoke(who.scheme_id, who.person_id, at, but=who.sign_in_id))
    flash(gettext("别的手机和电脑都已经退出。"))
    return redirect(url_for("sign_in.security"))
