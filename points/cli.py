"""The operator's commands: ``./run flask …``. Each capability brings its own group."""

from __future__ import annotations

from importlib import import_module

from flask import Flask


def install(app: Flask) -> None:
    for name in ("people", "jobs", "files", "rulebook", "awards.periods", "reporting", "demo"):
        app.cli.add_command(import_module(f"points.{name}.commands").group)
    import_module("points.people.import_commands")  # joins the people's group
    import_module("points.opening.commands")  # joins the ledger's group
    backup = import_module("points.backup.commands")
    app.cli.add_command(backup.backup_command)
    app.cli.add_command(backup.restore_command)
