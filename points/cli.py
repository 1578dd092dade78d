"""The operator's commands: ``./run flask …``. Each capability brings its own group."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask


def install(app: Flask) -> None:
    for name in ("ledger", "people", "jobs", "files", "rulebook", "redemption", "reporting"):
        if find_spec(f"points.{name}.commands"):
            app.cli.add_command(import_module(f"points.{name}.commands").group)
    app.cli.add_command(import_module("points.awards.periods.commands").group)
    import_module("points.opening.commands")  # joins the ledger's group
    backup = import_module("points.backup.commands")
    app.cli.add_command(backup.backup_command)
    app.cli.add_command(backup.restore_command)
    if find_spec("points.demo"):
        app.cli.add_command(import_module("points.demo").group)
