"""``flask people import FILE``: the same reading, judging and writing as the pages, for the operator."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import select

from .. import clock
from ..db import db, in_own_transaction
from ..errors import DomainError
from ..web.formats import said, sentence_of
from . import importing, sheets, writing
from .cells import folded
from .commands import chosen_scheme, group, scheme_option
from .models import Area, Scheme
from .rows import Places
from .rules import Fate

SHOWN = 50  # rows to be mended that are printed one by one


def chosen_area(scheme: Scheme, text: str | None) -> Area:
    """The enabled area with that name or path; without one, the only area that lies in no other."""
    areas = db.session.scalars(select(Area).where(Area.scheme_id == scheme.id, Area.disabled_at.is_(None))).all()
    if text is None:
        found = [area for area in areas if area.parent_id is None]
    else:
        names = {area.id: area.name for area in areas}
        wanted = [folded(word) for word in Places.words("area", text)]

        def ends_so(area: Area) -> bool:
            path = [folded(names[int(part)]) for part in area.path.split("/") if part and int(part) in names]
            return bool(wanted) and path[-len(wanted) :] == wanted

        found = [area for area in areas if ends_so(area)]
    if len(found) != 1:
        raise click.ClickException(
            f"有 {len(found)} 个区域合适，请用 --area 写清楚，比如 --area 和苑街道/和苑社区。"
            f" {len(found)} areas fit: name one with --area."
        )
    return found[0]


@group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@scheme_option
@click.option("--area", "area_name", help="Name or path of the area whose residents they are (default: the topmost).")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
def import_residents(file: Path, scheme_code: str | None, area_name: str | None, dry_run: bool, yes: bool) -> None:
    """Import a list of residents from FILE (.xlsx or .csv). Exit status 1 when rows are left to be mended."""
    scheme, at = chosen_scheme(scheme_code), clock.now()
    area_id = chosen_area(scheme, area_name).id
    who = importing.Operator(scheme.id, scheme.zone)
    if file.stat().st_size > sheets.MAX_BYTES:
        raise click.ClickException(sentence_of(sheets.TooLarge(rows=sheets.MAX_ROWS)))
    data = file.read_bytes()
    try:
        sheet = sheets.read(file.name, data)
        looked = importing.look(who, sheet, area_id, at)
    except DomainError as error:
        raise click.ClickException(sentence_of(error)) from None
    left = tell(sheet, looked)
    right = looked.count(Fate.NEW, Fate.CHANGED)
    if dry_run:
        click.echo("只是看看，什么都没写入。 Dry run: nothing was written.")
    elif right and (yes or click.confirm(f"写入 {right} 行？ Write {right} rows?")):
        staged = in_own_transaction(
            lambda: importing.stage(who, sheet, looked, name=file.name[-120:], data=data, area_id=area_id, at=at)
        )
        file_id = staged.id
        while not in_own_transaction(lambda: writing.write_chunk(who, file_id, at)):
            click.echo(f"已写入 {importing.file_for(who, file_id).written} 行，共 {right} 行", err=True)
        written = importing.file_for(who, file_id).written
        click.echo(f"写好了 {written} 行。 {written} rows written.")
        left += right - written
    else:
        click.echo("什么都没写入。 Nothing was written.")
    if left:
        raise SystemExit(1)


def tell(sheet: sheets.Sheet, looked: importing.Looked) -> int:
    """Print the five counts and what has to be mended; the number of rows to mend."""
    words = {"new": "新增", "changed": "更新", "same": "没有变化", "double": "表里重复", "wrong": "要改"}
    click.echo("  ".join(f"{words[fate]} {fate} {looked.count(fate)}" for fate in Fate))
    to_mend = [verdict for verdict in looked.verdicts if verdict.problems]
    for verdict in to_mend[:SHOWN]:
        for column, problem in verdict.problems.items():
            sentence = problem.say.format_map({name: said(name, value) for name, value in problem.facts.items()})
            click.echo(
                f"第 {verdict.row} 行 row {verdict.row} {sheet.headers.get(column, column)}：{sentence}", err=True
            )
    if len(to_mend) > SHOWN:
        rest = len(to_mend) - SHOWN
        click.echo(f"还有 {rest} 行要改，在页面上可以下载标好错的表格。 {rest} more.", err=True)
    return len(to_mend)
