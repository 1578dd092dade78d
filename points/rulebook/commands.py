"""``flask rulebook …``: check a document, load it, turn it from JSON into Excel and back, list what comes with us."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from .. import clock
from ..db import db, in_own_transaction
from ..errors import DomainError
from ..people.commands import chosen_scheme, scheme_option
from ..web.formats import sentence_of
from .actions import add_version, taken_up
from .document import BadDocument, Document, document_from, preset, presets
from .document_file import MAX_FILE, document_of_file
from .models import RulebookVersion
from .shape import in_order
from .workbook import workbook_of

group = AppGroup("rulebook", help="Rulebooks: check, load, turn into Excel or JSON, list what comes with us.")


def read(name: str, points_scale: int, effective_on: date | None) -> Document:
    """The document in a file, or the preset of that name. Raises BadDocument, ClickException."""
    if (known := preset(name)) is not None:
        return document_from(known, points_scale, effective_on)
    path = Path(name)
    if not path.is_file():
        said = f"没有文件“{name}”，也没有这个名字的自带细则。 No such file, and no preset of that name."
        raise click.ClickException(f"{said} {', '.join(presets())}")
    with path.open("rb") as file:
        document = document_of_file(file.read(MAX_FILE + 1), points_scale)
    return document if effective_on is None else document_from(document.body, points_scale, effective_on)


def say_problems(error: BadDocument) -> None:
    for problem in error.problems:
        click.echo(f"  {problem}", err=True)
    raise click.ClickException(sentence_of(error))


def summary(document: Document) -> str:
    return f"{document.label}, {len(document.rules)} rules, from {document.effective_on}"


day = click.DateTime(["%Y-%m-%d"])


@group.command("presets")
@with_appcontext
def presets_command() -> None:
    """List the rulebooks that come with us."""
    for name, body in presets().items():
        click.echo(f"{name}\t{body['title']}（{len(body['rules'])} 条）\t{body['source']['organisation']}")


@group.command("check")
@click.argument("file")
@with_appcontext
def check_command(file: str) -> None:
    """Check FILE (a file, or the name of one that comes with us); nothing is written."""
    try:
        document = read(file, 1, None)
    except BadDocument as error:
        return say_problems(error)
    click.echo(f"没有问题 No problems: {document.title}, {summary(document)}")
    return None


@group.command("load")
@click.argument("file")
@scheme_option
@click.option("--from", "effective_on", type=day, help="The day it takes effect, instead of the one in the file.")
@with_appcontext
def load_command(file: str, scheme_code: str | None, effective_on: datetime | None) -> None:
    """Load FILE (a file, or the name of one that comes with us) as a new version."""
    scheme = chosen_scheme(scheme_code)
    scheme_id, at = scheme.id, clock.now()
    try:
        document = read(file, scheme.points_scale, effective_on.date() if effective_on else None)
        loaded = in_own_transaction(
            lambda: taken_up(add_version(scheme_id, document, loaded_by=scheme_id, at=at), by=None, at=at)
        )
    except BadDocument as error:
        return say_problems(error)
    except DomainError as error:
        raise click.ClickException(sentence_of(error)) from None
    done = "装好了 Loaded" if loaded.created else "已经有了，什么都没加 There already, nothing was added"
    click.echo(f"{done}: {summary(document)}")
    return None


def write(body: dict[str, Any] | None, target: str) -> None:
    """Write a document to a file, as Excel or JSON by the file's name. Raises ClickException."""
    path = Path(target)
    if path.suffix.lower() not in (".xlsx", ".json"):
        raise click.ClickException("文件名要以 .xlsx 或 .json 结尾。 The file's name must end in .xlsx or .json.")
    excel = path.suffix.lower() == ".xlsx"
    data = (
        workbook_of(body) if excel else json.dumps(in_order(body or {}), ensure_ascii=False, indent=2).encode() + b"\n"
    )
    try:
        path.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"写不了 Cannot write {target}: {error.strerror}") from None
    click.echo(f"写好了 Written: {target}")


@group.command("template")
@click.argument("target")
@with_appcontext
def template_command(target: str) -> None:
    """Write an empty Excel template to TARGET (.xlsx)."""
    if not target.lower().endswith(".xlsx"):
        raise click.ClickException("模板是 Excel 文件，文件名要以 .xlsx 结尾。 The template is an Excel file: .xlsx.")
    write(None, target)


@group.command("convert")
@click.argument("file")
@click.argument("target")
@with_appcontext
def convert_command(file: str, target: str) -> None:
    """Check FILE (JSON, Excel, or the name of one that comes with us) and write it to TARGET (.xlsx or .json)."""
    try:
        document = read(file, 1, None)
    except BadDocument as error:
        return say_problems(error)
    write(document.body, target)
    return None


@group.command("export")
@click.argument("label")
@click.argument("target")
@scheme_option
@with_appcontext
def export_command(label: str, target: str, scheme_code: str | None) -> None:
    """Write the version called LABEL to TARGET (.xlsx or .json)."""
    scheme = chosen_scheme(scheme_code)
    body = db.session.scalar(
        select(RulebookVersion.body).where(RulebookVersion.scheme_id == scheme.id, RulebookVersion.label == label)
    )
    if body is None:
        raise click.ClickException(f"没有叫“{label}”的版本。 No version is called so.")
    write(body, target)
