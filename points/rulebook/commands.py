"""``flask rulebook …``: check a document, load it, list what comes with the product."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from .. import clock
from ..db import db, in_own_transaction
from ..errors import DomainError
from ..people.models import Scheme
from ..web.formats import sentence_of
from .actions import add_version
from .document import MAX_BYTES, BadDocument, Document, document_from, document_in, preset, presets

group = AppGroup("rulebook", help="积分细则：检查、装入、列出自带的。")


def read(name: str, points_scale: int, effective_on: date | None) -> Document:
    """The document in a file, or the preset of that name. Raises BadDocument, ClickException."""
    if (known := preset(name)) is not None:
        return document_from(known, points_scale, effective_on)
    path = Path(name)
    if not path.is_file():
        raise click.ClickException(f"没有文件“{name}”，也没有这个名字的自带细则。自带的有：{'、'.join(presets())}")
    with path.open("rb") as file:
        return document_in(file.read(MAX_BYTES + 1), points_scale, effective_on)


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
        loaded = in_own_transaction(lambda: add_version(scheme_id, document, loaded_by=scheme_id, at=at))
    except BadDocument as error:
        return say_problems(error)
    except DomainError as error:
        raise click.ClickException(sentence_of(error)) from None
    done = "装好了" if loaded.created else "已经有了，什么都没加"
    click.echo(f"{done}：{document.label}，{len(document.rules)} 条，从 {document.effective_on} 起。")
    return None
