"""Headers, CSRF and proxies. No inline script or style anywhere: the policy forbids both."""

from __future__ import annotations

import json
import re

from flask import Flask, Response, abort, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "worker-src 'self' blob:; connect-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

csrf = CSRFProtect()


def harden(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = POLICY
    headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["X-Frame-Options"] = "DENY"
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint == "static":
        # An address with its version may be kept; modules import each other without one, so those are asked about.
        headers["Cache-Control"] = "public, max-age=86400" if "v" in request.args else "no-cache"
    elif "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    return response


def bearer() -> str | None:
    """The API token of a request, if it carries one. Such a request has no cookie to forge, so needs no CSRF token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_text(body: bytes) -> bool:
    """Whether the strings of a JSON body can be stored: no NUL, no lone surrogate. Malformed JSON is judged later."""
    if b"\\u0000" in body:
        return False
    if re.search(rb"\\u[dD][89a-fA-F]", body):
        try:
            json.dumps(json.loads(body), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return False
        except (ValueError, RecursionError):
            return True
    return True


def install(app: Flask) -> None:
    hops = app.config["TRUSTED_PROXIES"]
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    csrf.init_app(app)

    @app.before_request
    def check_text() -> None:
        """Refuse NUL and halves of characters: neither can be stored, so they would be an error further in."""
        texts = [request.path, *request.args, *(text for values in request.args.listvalues() for text in values)]
        if request.is_json:
            if not is_text(request.get_data()):
                abort(400)
        elif request.mimetype:  # a body without a type is no form
            texts += [*request.form, *(text for values in request.form.listvalues() for text in values)]
        if any("\x00" in text for text in texts):
            abort(400)

    @app.before_request
    def check_form() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if request.method in ("POST", "PUT", "PATCH", "DELETE") and view is not None:
            if bearer() is None and not getattr(view, "before_session", False):
                csrf.protect()

    app.after_request(harden)
