"""The operator's commands: ``./run flask …``. Each capability brings its own group."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy.exc import DBAPIError

# An unknown table or column, as SQLite says it and by PostgreSQL's code.
NOT_THERE = ("no such table", "no such column", "42P01", "42703")


def install(app: Flask) -> None:
    for name in ("people", "jobs", "files", "rulebook", "awards.periods", "reporting"):
        app.cli.add_command(import_module(f"points.{name}.commands").group)
    import_module("points.opening.commands")  # joins the ledger's group
    backup = import_module("points.backup.commands")
    app.cli.add_command(backup.backup_command)
    app.cli.add_command(backup.restore_command)
    app.cli.add_command(import_module("points.demo").group)


class Operator(FlaskGroup):
    """The operator's commands; what is wrong with the database is said in a sentence, and the exit code is 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DBAPIError as error:
            sentence = said_of(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from None


def said_of(error: DBAPIError) -> str | None:
    """What the operator should do about an error of the database, if it is one they can mend."""
    told, state = str(error.orig), getattr(error.orig, "sqlstate", None)
    if state in NOT_THERE or any(told.startswith(one) for one in NOT_THERE):
        return "The database is not set up for this version yet. First run: ./run flask db upgrade"
    if error.connection_invalidated or "connection failed" in told or "unable to open database file" in told:
        return f"The database cannot be reached; check DATABASE_URL and that it runs. It said: {told.splitlines()[0]}"
    return None
