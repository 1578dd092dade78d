"""Community points on a double-entry ledger, redeemed at the love supermarket. ``create_app`` says what there is."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from flask import Flask
from flask_migrate import Migrate

from . import config
from .db import db

# From the ground up; each may import only what stands before it (tests/test_architecture.py).
CAPABILITIES = ("people", "jobs", "files", "calendar", "inbox", "rulebook", "shop", "awards", "redemption", "reporting")


def create_app(production: bool = False, **overrides: Any) -> Flask:
    """The application. ``production`` refuses to start without its secrets; ``overrides`` are for tests."""
    app = Flask(__name__, root_path=str(config.ROOT / "points"), static_folder=str(config.ROOT / "static"))
    app.template_folder = str(config.ROOT / "templates")
    app.config.update(config.settings(production), **overrides)
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", config.pool_for(app.config["SQLALCHEMY_DATABASE_URI"]))
    app.jinja_env.undefined = import_module("jinja2").StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    db.init_app(app)
    Migrate(app, db, directory=str(config.ROOT / "migrations"), render_as_batch=True)
    for part in ("security", "language", "formats", "navigation", "errors", "api", "audience"):
        import_module(f"points.web.{part}").install(app)
    import_module("points.ledger.models")
    for name in CAPABILITIES:
        import_module(f"points.{name}").install(app)
    import_module("points.cli").install(app)
    return app
