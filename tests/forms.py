"""Posting forms in tests as a browser does: with the token that protects them."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse


def token_of(client: FlaskClient) -> str:
    """A CSRF token that fits the client's session."""
    secret = client.application.secret_key
    with client.session_transaction() as session:
        raw = session.setdefault("csrf_token", hashlib.sha1(uuid4().bytes).hexdigest())
    return str(URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw))


def post(client: FlaskClient, url: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
    """A form with its token and a fresh key; give ``key`` to send the same form again."""
    return client.post(url, data={"csrf_token": token_of(client), "key": str(uuid4()), **(data or {})}, **kwargs)
