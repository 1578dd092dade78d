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
from ..people.models import Scheme
from ..web.formats import sentence_of
from .actions import add_version, taken_up
from .document import BadDocument, Document, document_from, preset, presets
from .document_file import MAX_FILE, document_of_file
from .models import RulebookVersion
from .shape import in_order
from .workbook import workbook_of

group = AppGroup("rulebook", help="积分细则：检查、装入、列出自带的。")


def read(name: str, points_scale: int, effective_on: date | None) -> Document:
    """The document in a file, or the preset of that name. Raises BadDocument, ClickException."""
    if (known := preset(name)) is not None:
        return document_from(known, points_scale, effective_on)
    path = Path(name)
    if not path.is_file():
        raise click.ClickException(f"没有文件“{name}”，也没有这个名字的自带细则。自带的有：{'、'.join(presets())}")
    with path.open("rb") as file:
        document = document_of_file(file.read(MAX_FILE + 1), points_scale)
    return document if effective_on is None else document_from(document.body, points_scale, effective_on)


def scheme_named(code: str | None) -> Scheme:
    """The scheme of that code, or the only one there is. Raises ClickException."""
    found = db.session.scalars(
        select(Scheme).where(Scheme.code == code) if code else select(Scheme).order_by(Scheme.code).limit(2)
    ).all()
    if len(found) == 1:
        return found[0]
    raise click.ClickException("没有这个积分体系。" if code or not found else "不止一个积分体系，请加 --scheme CODE。")


def say_problems(error: BadDocument) -> None:
    for problem in error.problems:
        click.echo(f"  {problem}", err=True)
    raise click.ClickException(sentence_of(error))


day = click.DateTime(["%Y-%m-%d"])


@group.command("presets")
@with_appcontext
def presets_command() -> None:
    """列出自带的积分细则。"""
    for name, body in presets().items():
        click.echo(f"{name}\t{body['title']}（{len(body['rules'])} 条）\t{body['source']['organisation']}")


@group.command("check")
@click.argument("file")
@with_appcontext
def check_command(file: str) -> None:
    """检查 FILE（文件或自带细则的名字），什么都不写入。"""
    try:
        document = read(file, 1, None)
    except BadDocument as error:
        return say_problems(error)
    click.echo(
        f"没有问题：{document.title}，{document.label}，{len(document.rules)} 条，从 {document.effective_on} 起。"
    )
    return None


@group.command("load")
@click.argument("file")
@click.option("--scheme", "code", help="积分体系的代号；只有一个时可以不写。")
@click.option("--from", "effective_on", type=day, help="从哪天起用（YYYY-MM-DD）；不写就用文件里的。")
@with_appcontext
def load_command(file: str, code: str | None, effective_on: datetime | None) -> None:
    """把 FILE（文件或自带细则的名字）装成一个新版本。"""
    scheme = scheme_named(code)
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
    done = "装好了" if loaded.created else "已经有了，什么都没加"
    click.echo(f"{done}：{document.label}，{len(document.rules)} 条，从 {document.effective_on} 起。")
    return None


def write(body: dict[str, Any] | None, target: str) -> None:
    """Write a document to a file, as Excel or JSON by the file's name. Raises ClickException."""
    path = Path(target)
    if path.suffix.lower() not in (".xlsx", ".json"):
        raise click.ClickException("文件名要以 .xlsx 或 .json 结尾。")
    excel = path.suffix.lower() == ".xlsx"
    data = (
        workbook_of(body) if excel else json.dumps(in_order(body or {}), ensure_ascii=False, indent=2).encode() + b"\n"
    )
    try:
        path.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"写不了“{target}”：{error.strerror}") from None
    click.echo(f"写好了：{target}")


@group.command("template")
@click.argument("target")
@with_appcontext
def template_command(target: str) -> None:
    """写一份空的 Excel 模板到 TARGET（.xlsx）。"""
    if not target.lower().endswith(".xlsx"):
        raise click.ClickException("模板是 Excel 文件，文件名要以 .xlsx 结尾。")
    write(None, target)


@group.command("convert")
@click.argument("file")
@click.argument("target")
@with_appcontext
def convert_command(file: str, target: str) -> None:
    """把 FILE（JSON、Excel 或自带细则的名字）检查好，写成 TARGET（.xlsx 或 .json）。"""
    try:
        document = read(file, 1, None)
    except BadDocument as error:
        return say_problems(error)
    write(document.body, target)
    return None


@group.command("export")
@click.argument("label")
@click.argument("target")
@click.option("--scheme", "code", help="积分体系的代号；只有一个时可以不写。")
@with_appcontext
def export_command(label: str, target: str, code: str | None) -> None:
    """把叫 LABEL 的版本写成 TARGET（.xlsx 或 .json）。"""
    scheme = scheme_named(code)
    body = db.session.scalar(
        select(RulebookVersion.body).where(RulebookVersion.scheme_id == scheme.id, RulebookVersion.label == label)
    )
    if body is None:
        raise click.ClickException(f"没有叫“{label}”的版本。")
    write(body, target)
