"""``flask ledger audit``, ``rebuild`` and ``export``; the group that holds all commands of the ledger."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import IO

import click
from flask.cli import with_appcontext

from .audit import audit_on
from .book_commands import commands as book_commands
from .export import FORMATS
from .rebuild import rebuild_on
from .seal_commands import as_json, every, of_scheme
from .seal_commands import commands as seal_commands
from .snapshot import schemes_of, snapshot


@click.group("ledger")
def group() -> None:
    """Prove the books, and write them out."""


@group.command("audit")
@of_scheme
@as_json
@with_appcontext
def audit_command(code: str | None, plain: bool) -> None:
    """Work the books out again: exit 1 and the first bad row of each broken law. All schemes unless one is named."""
    with snapshot() as connection:
        results = [(scheme.code, audit_on(connection, scheme.id)) for scheme in every(connection, code)]
    if plain:
        click.echo(json.dumps([result.as_plain(name) for name, result in results], default=str, indent=2))
    else:
        for name, result in results:
            counts = f"{result.accounts} accounts, {result.transfers} transfers, {result.postings} postings"
            click.echo(f"{name}: {'clean' if result.is_clean else 'NOT CLEAN'} ({counts})")
            for finding in result.findings:
                click.echo(f"  {finding}")
    sys.exit(0 if all(result.is_clean for _, result in results) else 1)


@group.command("rebuild")
@of_scheme
@as_json
@with_appcontext
def rebuild_command(code: str | None, plain: bool) -> None:
    """Make every balance again from postings and holds, into a copy: exit 1 and the accounts that differ from what is
    stored. Nothing is changed. All schemes unless one is named."""
    with snapshot() as connection:
        results = [(scheme.code, rebuild_on(connection, scheme.id)) for scheme in every(connection, code)]
    if plain:
        answers = [{"scheme": name, **asdict(result), "same": result.is_same} for name, result in results]
        click.echo(json.dumps(answers, indent=2))
    else:
        for name, result in results:
            said = "the same" if result.is_same else "NOT THE SAME"
            click.echo(f"{name}: {said} ({result.accounts} accounts rebuilt)")
            for difference in result.differences:
                click.echo(f"  {difference}")
    sys.exit(0 if all(result.is_same for _, result in results) else 1)


@group.command("export")
@of_scheme
@click.option("--format", "style", type=click.Choice(sorted(FORMATS)), required=True)
@click.option(
    "-o", "out", type=click.File("w", encoding="utf-8", atomic=True), default="-", help="A file; else the screen."
)
@with_appcontext
def export_command(code: str | None, style: str, out: IO[str]) -> None:
    """Write out a scheme's books: beancount, hledger (plain-text accounting), csv (a line
    per posting) or jsonl (all of it, an object per line)."""
    with snapshot() as connection:
        found = schemes_of(connection, code)
        if len(found) != 1:
            known = ", ".join(scheme.code for scheme in found) or "none"
            raise click.BadParameter(f"name one scheme; there are: {known}", param_hint="--scheme")
        for piece in FORMATS[style](connection, found[0]):
            out.write(piece)


for command in (*seal_commands, *book_commands):
    group.add_command(command)
