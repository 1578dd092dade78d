"""A request as plain data, and the transaction around a view."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID, uuid4

from flask import request

from ..db import in_own_transaction
from ..errors import N_, DomainError

View = TypeVar("View", bound=Callable[..., Any])


class BadKey(DomainError):
    """The idempotency key is missing or no UUID. Status 422."""

    code = "bad_key"
    sentence = N_("请刷新页面再办：这个表单少了操作编号。")


class BadPayload(DomainError):
    """The body is not JSON, or not an object."""

    code = "bad_payload"
    sentence = N_("发来的内容看不懂，应当是一个 JSON 对象。")


def in_transaction(view: View) -> View:
    """Commit what the view did, or none of it; run it again whole when the database turned it away (see db.py)."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return in_own_transaction(lambda: view(*args, **kwargs))

    return wrapped  # type: ignore[return-value]


def wants_json() -> bool:
    """Whether the answer should be JSON: the API, or a page's script that says so."""
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json"


def payload() -> dict[str, Any]:
    """What was sent, form or JSON, as plain data. A field sent twice becomes a list. No token, no empty text fields
    are removed: schemas decide."""
    if request.is_json:
        data = request.get_json(silent=True)
        if not isinstance(data, dict):
            raise BadPayload()
        return data
    form = {name: values if len(values) > 1 else values[0] for name, values in request.form.lists()}
    form.pop("csrf_token", None)
    return form


def idempotency_key(data: dict[str, Any] | None = None) -> UUID:
    """The caller's key: header ``Idempotency-Key``, or the form's ``key``. Raises BadKey."""
    given = request.headers.get("Idempotency-Key") or (data or request.form).get("key") or ""
    try:
        return UUID(str(given))
    except ValueError:
        raise BadKey() from None


def new_key() -> str:
    """A fresh key for a form about to be shown."""
    return str(uuid4())
