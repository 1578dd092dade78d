"""Refusals as answers: one place turns an error into a status, a code, a sentence and its facts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Flask, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from marshmallow import ValidationError
from sqlalchemy.exc import DBAPIError, TimeoutError
from werkzeug.exceptions import HTTPException

from ..db import db, refusal_of
from ..errors import N_, Conflict, DomainError, LedgerFault, NotAllowed, NotFound, StorageFull, TooFast, TryAgain
from .audience import SecondFactorNeeded, SignInNeeded
from .formats import sentence_of
from .request import BadPayload, wants_json
from .sentences import translated

STATUS: dict[type[BaseException], int] = {
    SignInNeeded: 401,
    SecondFactorNeeded: 401,
    NotFound: 404,
    NotAllowed: 403,
    Conflict: 409,
    TooFast: 429,
    TryAgain: 503,
    StorageFull: 503,
    DomainError: 422,
}


class Invalid(DomainError):
    """What was sent does not have the right shape. Facts: ``fields``, a list of sentences per field."""

    code = "invalid"
    sentence = N_("有几处要改，改好再交。什么都没写入。")


class BadToken(DomainError):
    """The form's protection token is missing or old (CSRF)."""

    code = "bad_token"
    sentence = N_("页面放得太久了。刚才填的没有交上去，请回到上一页刷新再交。")


HTTP_SENTENCES = {
    400: N_("发来的内容看不懂，请回到上一页再试。"),
    404: NotFound.sentence,
    405: N_("这个地址不能这样用。"),
    413: N_("内容太大了，最多 16 MB。"),
    415: N_("发来的格式不对。"),
    429: N_("试得太快了，请过一会儿再试。"),
}

STATUS[BadToken] = 400


def status_of(error: DomainError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def plain(value: Any) -> Any:
    """Facts as JSON can carry them; ids and other large integers as strings."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, bool) or value is None or isinstance(value, (str, float)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    return str(value)


def answer(code: str, sentence: str, facts: dict[str, Any], status: int) -> ResponseReturnValue:
    if wants_json():
        return make_response({"error": code, "message": sentence, "facts": plain(facts)}, status)
    if status == 401 and request.method == "GET":
        return redirect(url_for("sign_in.show", next=request.full_path.rstrip("?")))
    return render_template("web/refused.html", code=code, sentence=sentence, facts=facts, status=status), status


def install(app: Flask) -> None:
    @app.errorhandler(DomainError)
    def refused(error: DomainError) -> ResponseReturnValue:
        made = make_response(answer(error.code, sentence_of(error), error.facts, status_of(error)))
        if isinstance(error, TooFast) and "wait" in error.facts:
            made.headers["Retry-After"] = str(error.facts["wait"])
        return made

    @app.errorhandler(ValidationError)
    def invalid(error: ValidationError) -> ResponseReturnValue:
        return answer(Invalid.code, gettext(Invalid.sentence), {"fields": translated(error.messages)}, 422)

    @app.errorhandler(CSRFError)
    def bad_token(error: CSRFError) -> ResponseReturnValue:
        return answer(BadToken.code, gettext(BadToken.sentence), {}, STATUS[BadToken])

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        if status < 400:
            return error.get_response()
        messages = getattr(error, "data", {}).get("messages", {})  # a schema's complaints about an API request
        fields = {name: one for place in messages.values() if isinstance(place, dict) for name, one in place.items()}
        if fields:
            return answer(Invalid.code, gettext(Invalid.sentence), {"fields": translated(fields)}, 422)
        sentence = gettext(HTTP_SENTENCES.get(status, "页面没打开。刚才填的都在，请再试一次。"))
        made = make_response(answer(error.name.lower().replace(" ", "_"), sentence, {}, status))
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after", "location"):
                made.headers[name] = value
        return made

    @app.errorhandler(UnicodeEncodeError)
    @app.errorhandler(RecursionError)
    def no_sense(error: Exception) -> ResponseReturnValue:
        """JSON with half a character, or nested a hundred thousand deep; else it would be our bug, so it is logged."""
        db.session.rollback()
        current_app.logger.warning("%s: %s", type(error).__name__, request.path)
        return answer(BadPayload.code, gettext(BadPayload.sentence), {}, 422)

    @app.errorhandler(LedgerFault)
    def broken_law(error: LedgerFault) -> ResponseReturnValue:
        current_app.logger.critical("LEDGER FAULT: %s. Run: flask ledger audit", error, exc_info=error)
        return answer("ledger_fault", gettext("账上出了问题，已经停下，什么都没写入。请告诉管理员。"), {}, 500)

    @app.errorhandler(DBAPIError)
    @app.errorhandler(TimeoutError)
    def database(error: DBAPIError | TimeoutError) -> ResponseReturnValue:
        """The database in trouble (gone, full, overrun) while it was read: said in words, as when it is written."""
        refusal = TryAgain() if isinstance(error, TimeoutError) else refusal_of(error)
        if refusal is None:
            return bug(error)
        db.session.rollback()
        current_app.logger.error("%s: %s: %s", refusal.code, request.path, error)
        return refused(refusal)

    @app.errorhandler(Exception)
    def bug(error: Exception) -> ResponseReturnValue:
        db.session.rollback()
        current_app.logger.exception("unhandled")
        if current_app.testing or current_app.debug:
            raise error
        return answer("fault", gettext("页面没打开。刚才填的都在，请再试一次。"), {}, 500)
