"""The JSON API's frame: /api/v1, OpenAPI 3.1, one error shape. Each capability adds its blueprint with ``register``."""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

from flask import Flask, current_app
from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields

from .audience import PUBLIC, audience
from .schemas import Amount, IdField, LocalMoment


class RefusalSchema(Schema):
    """What every error looks like (docs/errors.md)."""

    error = fields.String(required=True, metadata={"description": "A stable code, such as code_used"})
    message = fields.String(required=True, metadata={"description": "The reason in the reader's language"})
    facts = fields.Dict(required=True)


class ApiWithAllow(Api):
    """flask-smorest leaves errors to our own handlers: one shape, and 405 keeps its Allow header."""

    ERROR_SCHEMA = RefusalSchema

    def _register_error_handlers(self, *args: Any, **kwargs: Any) -> None:
        return None


def install(app: Flask) -> None:
    app.config.update(
        API_TITLE="Community points",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = app.extensions["points_api"] = ApiWithAllow(app)
    for field in (IdField, Amount, LocalMoment):
        api.register_field(field, "string", None)
    for name, view in list(app.view_functions.items()):
        if name.startswith("api-docs"):  # a bound method takes no mark
            app.view_functions[name] = audience(PUBLIC)(wraps(view)(partial(view)))


def register(blueprint: Blueprint) -> None:
    """Add a capability's API blueprint (its url_prefix begins with /api/v1)."""
    current_app.extensions["points_api"].register_blueprint(blueprint)
