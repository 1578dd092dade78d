"""``flask ledger import FILE``: opening balances for the operator. It stands here, above the people, and joins the
ledger's group."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import click
from openpyxl.utils import get_column_letter

from .. import clock
from ..db import in_own_transaction
from ..errors import DomainError
from ..ledger.queries import units_of
from ..people import sheets, workbooks
from ..people.commands import chosen_scheme, scheme_option
from ..proof.book_commands import decimal
from ..proof.commands import group
from ..web.formats import sentence_of
from . import importing, reading

NO_HEADER = (
    "没有找到表头：前 15 行里要有“居民编号”（或“店铺”“物品”）和“期初余额”，可以照着模板来（--template）。 "
    "No header: it names the resident number (or shop and item) and the amount. --template makes an empty list."
)


@group.command("import")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@scheme_option
@click.option("--unit", default="POINTS", show_default=True, help="The unit of rows that name none.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--template", type=click.Path(dir_okay=False, path_type=Path), help="Write an empty list (.xlsx) here.")
def import_command(file: Path | None, scheme_code: str | None, unit: str, dry_run: bool, template: Path | None) -> None:
    """Bring in opening balances from FILE (.xlsx or .csv), all rows or none; the same list again changes nothing.

    Each row is a resident's points (or honour, minutes) or goods on a shop's shelf, posted against the scheme's opening
    account. Ends with 1 and every cell that has to be mended. See docs/import.md.
    """
    if template is not None:
        _write_template(template)
        return
    if file is None:
        raise click.UsageError("name a FILE, or --template to get an empty one")
    scheme, at = chosen_scheme(scheme_code), clock.now()
    scheme_id, zone = scheme.id, scheme.zone
    if file.stat().st_size > sheets.MAX_BYTES:
        raise click.ClickException(sentence_of(sheets.TooLarge(rows=sheets.MAX_ROWS)))
    if unit.upper() not in units_of(scheme_id):
        raise click.BadParameter(f"no unit {unit!r}", param_hint="--unit")
    data = file.read_bytes()
    try:
        sheet = sheets.read(file.name, data, reading.understand)
    except sheets.NoHeader:
        raise click.ClickException(NO_HEADER) from None
    except DomainError as error:
        raise click.ClickException(sentence_of(error)) from None
    looked = importing.look(scheme, sheet, unit=unit.upper(), at=at)
    _tell(scheme_id, sheet, looked)
    if looked.problems:
        rows = len({problem.row for problem in looked.problems})
        raise click.ClickException(f"有 {rows} 行要改，什么都没写入。 {rows} rows to mend; nothing was written.")
    if dry_run:
        click.echo("只是看看，什么都没写入。 Dry run: nothing was written.")
        return
    if not looked.fresh:
        click.echo("没有新的，什么都没写入。 Nothing is new, nothing was written.")
        return
    digest = hashlib.sha256(data).hexdigest()
    with click.progressbar(length=len(looked.fresh), label="import", file=sys.stderr, show_pos=True) as bar:
        try:
            new = in_own_transaction(
                lambda: importing.write(
                    scheme_id, zone, looked.fresh, digest=digest, at=at, progress=lambda n: bar.update(n - bar.pos)
                )
            )
        except DomainError as error:
            raise click.ClickException(
                f"{sentence_of(error)} 什么都没写入，请再运行一次。 Nothing was written; run it again ({error})."
            ) from None
    click.echo(f"写好了 {new} 行。 {new} rows written.")


def _write_template(path: Path) -> None:
    if path.exists():
        raise click.ClickException(f"{path} 已经在了。 It is there already.")
    path.write_bytes(workbooks.template("期初余额", reading.TEMPLATE, "怎么填 How to fill it in"))
    click.echo(f"{path}")


def _tell(scheme_id: int, sheet: sheets.Sheet, looked: importing.Looked) -> None:
    """Print the totals, and every cell that has to be mended."""
    click.echo(f"{sheet.title or 'CSV'}: {len(sheet.lines)} 行 rows")
    for code, (rows, sums, scale) in importing.totals(looked.fresh, scheme_id).items():
        parts = ", ".join(f"{mark} {decimal(amount, scale)}" for mark, amount in sorted(sums.items()))
        click.echo(f"  {code}: {rows} 行 rows, 共 total {decimal(sum(sums.values()), scale)} ({parts})")
    click.echo(f"  已经在账上 already in the books: {len(looked.known)}   为零 zero: {looked.zero}")
    if sheet.unused:
        click.echo(f"  没用到的列 columns not used: {', '.join(sheet.unused)}")
    cells = {line.row: line.cells for line in sheet.lines}
    for problem in looked.problems:
        place = sheet.places.get(problem.column)
        cell = f"{get_column_letter(place + 1)}{problem.row}" if place is not None else f"第 {problem.row} 行"
        header = sheet.headers.get(problem.column, problem.column)
        text = cells[problem.row].get(problem.column, "")[:40]
        click.echo(f"{cell} {header} “{text}”：{problem.sentence}", err=True)
