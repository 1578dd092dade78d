"""``flask db roles`` and ``flask db distribute``, beside Flask-Migrate's own commands, and the command line."""

from __future__ import annotations

from os import environ
from typing import Any

import click
from alembic.script import ScriptDirectory
from flask import current_app
from flask.cli import FlaskGroup, with_appcontext
from flask_migrate.cli import db as group
from sqlalchemy import Inspector, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from ..db import db
from . import distribution
from .contract import violations
from .roles import Login, Refused, connected, make_roles


@group.command("roles")
@click.option("--admin-url", envvar="POINTS_ADMIN_URL", required=True, help="Who may create roles: postgresql://…")
@click.option("--owner", default="points_owner", show_default=True, help="The role that owns the tables and migrates.")
@click.option("--app", default="points_app", show_default=True, help="The role of the application.")
@click.option("--database", help="The database; else that of DATABASE_URL, else points. Created where it is missing.")
@with_appcontext
def roles_command(admin_url: str, owner: str, app: str, database: str | None) -> None:
    """Create the owner's and the application's role on PostgreSQL, and give each its rights. May be repeated.

    The administrator's URL, POINTS_OWNER_PASSWORD and POINTS_APP_PASSWORD come from the environment. A new role
    without a password gets a random one, printed once; an existing one keeps its own.
    """
    try:
        made = make_roles(
            admin_url,
            database or _database() or "points",
            Login(owner, environ.get("POINTS_OWNER_PASSWORD") or None),
            Login(app, environ.get("POINTS_APP_PASSWORD") or None),
        )
    except Refused as refused:
        raise click.ClickException(str(refused)) from refused
    for line in made.done:
        click.echo(line, err=True)
    click.echo(f"POINTS_OWNER_URL={_shown(made.owner_url)}")
    click.echo(f"DATABASE_URL={_shown(made.app_url)}")
    if made.owner_url.password is None or made.app_url.password is None:
        click.echo("Where a URL shows no password, the role has the one it had.", err=True)


def _database() -> str | None:
    url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"])
    return url.database if url.get_backend_name() == "postgresql" else None


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@group.command("distribute")
@click.option("--dry-run", is_flag=True, help="Only print the statements.")
@with_appcontext
def distribute_command(dry_run: bool) -> None:
    """Spread the schemes over the machines of a Citus cluster: print the statements, or run them as the owner.

    A run that was cut off goes on where it stopped. Take a backup first, and stop the application meanwhile.
    """
    url = make_url(current_app.config["OWNER_URL"])
    migrations = current_app.extensions["migrate"].migrate.get_config()
    shipped = distribution.shipped_functions(ScriptDirectory.from_config(migrations))
    if url.get_backend_name() != "postgresql":
        if not dry_run:
            raise click.ClickException("This is SQLite: move to PostgreSQL first (docs/scale.md).")
        _check(inspect(db.engine))
        return _print(distribution.statements(shipped))
    with connected(url) as connection:
        _check(inspect(connection))
        citus = distribution.has_citus(connection)
        found = distribution.statements(
            distribution.live_functions(connection) or shipped,
            triggers=distribution.live_triggers(connection),
            done=distribution.already_taken(connection) if citus else (),
        )
    if dry_run:
        return _print(found)
    if not citus:
        raise click.ClickException("This server has no Citus extension in this database: CREATE EXTENSION citus first.")
    with connected(url, isolation_level="AUTOCOMMIT") as connection:  # each by itself: a large table takes its time
        for statement in found:
            click.echo(f"{statement};")
            connection.exec_driver_sql(statement)
    return None


def _check(seen: Inspector) -> None:
    there = set(seen.get_table_names())
    if there and (missing := set(db.Model.metadata.tables) - there):
        raise click.ClickException(f"Run `flask db upgrade` first: there is no table {', '.join(sorted(missing))}.")
    if broken := violations(seen):
        raise click.ClickException("The schema does not keep the scale-out contract:\n" + "\n".join(broken))


def _print(statements: list[str]) -> None:
    for statement in statements:
        click.echo(f"{statement};")


# ---------------------------------------------------------------- what is wrong with the database

# An unknown table or column, as SQLite says it and by PostgreSQL's code.
NOT_THERE = ("no such table", "no such column", "42P01", "42703")


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
