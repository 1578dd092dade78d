"""Who may call a route. Every view names its audience; one that names none is refused to all.

``people`` installs the finder of a request's visitor (a Flask-Login request loader) and says which step is missing.
A visitor is any object with ``may(action) -> bool``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from flask import Flask, current_app, g, has_request_context, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ..errors import N_, DomainError, NotAllowed

View = TypeVar("View", bound=Callable[..., Any])


class Visitor(Protocol):
    """Whoever is signed in: a person in a scheme with what they may do."""

    def may(self, action: str) -> bool: ...


class SignInNeeded(DomainError):
    """Nobody is signed in, or the session has ended. Status 401."""

    code = "sign_in_needed"
    sentence = N_("请先登录。")


class SecondFactorNeeded(DomainError):
    """The action needs the six-digit code of the authenticator. Status 401."""

    code = "second_factor_needed"
    sentence = N_("这件事要先输入验证器上的 6 位数。")


PUBLIC = "public"
SIGNED_IN = "signed_in"


def audience(*actions: str) -> Callable[[View], View]:
    """Let a view be called by those who may do any of the actions; or by anybody (PUBLIC) or anybody signed in."""
    if not actions:
        raise ValueError("an audience needs a name")

    def mark(view: View) -> View:
        view.audience = actions  # type: ignore[attr-defined]
        return view

    return mark


def audience_of(view: Any) -> tuple[str, ...]:
    """The audience a view names; empty when it names none. A MethodView names it per method."""
    return getattr(view, "audience", ())


def visitor() -> Any | None:
    """Whoever is asking, or None. Looked up once a request (Flask-Login keeps it; ``people`` says how to find it)."""
    found = current_user._get_current_object()
    return found if found.is_authenticated else None


def reader() -> Any | None:
    """Whoever reads the page that is being made; None for nobody's, and where none is made (due work, a command)."""
    return visitor() if has_request_context() else None


def known_to_request(name: str) -> dict[Any, Any]:
    """What was looked up for this request under a name, to be filled."""
    found: dict[Any, Any] = g.setdefault(name, {})
    return found


def me() -> Any:
    """Whoever is signed in. Raises SignInNeeded."""
    found = visitor()
    if found is None:
        raise SignInNeeded()
    return found


def guard() -> ResponseReturnValue | None:
    """Refuse the request unless its view's audience includes whoever asks."""
    if request.endpoint is None or request.method == "OPTIONS":
        return None  # no route: 404 or 405 follow; OPTIONS tells methods only
    view = current_app.view_functions[request.endpoint]
    if hasattr(view, "view_class"):
        view = getattr(view.view_class, request.method.lower().replace("head", "get"), view)
    allowed = audience_of(view)
    if PUBLIC in allowed:
        return None
    if not allowed:
        raise NotAllowed()
    who = visitor()
    if who is None:
        if request.path.startswith("/api/") or request.method != "GET":
            raise SignInNeeded()
        return redirect(url_for("sign_in.show", next=request.full_path.rstrip("?")))
    waiting = current_app.extensions["waiting_for"](who)  # None, or the page of the missing step and its refusal
    if waiting and not getattr(view, "before_ready", False):
        step, refusal = waiting
        if request.path.startswith("/api/") or request.method != "GET":
            raise refusal
        return redirect(step)
    if SIGNED_IN in allowed or any(who.may(action) for action in allowed):
        return None
    raise NotAllowed()


def before_ready(view: View) -> View:
    """Let a signed-in person reach this view although a step is still missing (second factor, privacy notice)."""
    view.before_ready = True  # type: ignore[attr-defined]
    return view


def install(app: Flask) -> None:
    audience(PUBLIC)(app.view_functions["static"])
    app.before_request(guard)
