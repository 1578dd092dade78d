"""``flask backup FILE`` and ``flask restore FILE``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import sqlalchemy as sa
from flask.cli import with_appcontext

from .. import config
from ..database.commands import said_of
from ..web.settings import setting
from . import dumping, restoring
from .archive import Damaged, Kept, verify
from .tables import Unreadable

KEYS = (
    (
        "POINTS_DATA_KEY",
        "data.secret",
        "without it every password, PIN, authenticator, slip and code key is void and set anew; no point is lost",
    ),
    ("SECRET_KEY", "cookie.secret", "without it everybody has to sign in again"),
)
SURE = (Damaged, Kept, Unreadable, dumping.NothingThere, restoring.Refused)


@contextmanager
def _told(happened: str) -> Iterator[None]:
    """What goes wrong as one sentence, and what it means for the files and the database."""
    try:
        yield
    except restoring.Unfinished as error:
        raise click.ClickException(str(error)) from None
    except SURE as error:
        raise click.ClickException(f"{error}\n{happened}") from None
    except sa.exc.DBAPIError as error:
        raise click.ClickException(f"{said_of(error) or f'{type(error).__name__}: {error}'}\n{happened}") from None
    except (OSError, sa.exc.SQLAlchemyError) as error:
        raise click.ClickException(f"{type(error).__name__}: {error}\n{happened}") from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("sqlite3", "psycopg"):  # the driver's own words
            raise click.ClickException(f"{type(error).__name__}: {error}\n{happened}") from None
        raise


@contextmanager
def _bar(label: str, steps: int) -> Iterator[Callable[[int], None]]:
    with click.progressbar(length=max(steps, 1), label=label, file=sys.stderr) as bar:
        yield bar.update


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
def backup_command(file: Path) -> None:
    """Write the database and all photos to FILE, one archive, while the system runs. The keys are not in it."""
    with _told("No archive was written."):
        if not dumping.is_there():
            raise dumping.NothingThere("this database has no tables yet: there is nothing to back up")
        with _bar("backup", dumping.size_of_all()) as step:
            made = dumping.back_up(file, step)
    rows = {name: table["rows"] for name, table in made.manifest["tables"].items()}
    click.echo(
        f"{file}: {made.size} bytes, {made.manifest['engine']}, revision {made.manifest['revision']}, "
        f"{sum(rows.values())} rows in {len(rows)} tables (schemes {rows.get('schemes', 0)}, "
        f"transfers {rows.get('transfers', 0)}), {made.manifest['photos']} photos"
    )
    for name in made.lost:
        click.echo(f"WARNING: a row names the photo {name}, which is missing or not what was kept", err=True)
    click.echo("Not in the archive; keep copies APART from it:")
    for name, kept, without in KEYS:
        where = "from the environment" if os.environ.get(name) else str(config.INSTANCE / kept)
        click.echo(f"  {name} ({where}): {without}")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", is_flag=True, help="Only prove that the archive is whole; touch nothing.")
@click.option("--into-empty", is_flag=True, help="The default, and the only way: a restore never deletes anything.")
@with_appcontext
def restore_command(file: Path, check: bool, into_empty: bool) -> None:
    """Fill the empty database of DATABASE_URL (SQLite or PostgreSQL) and POINTS_FILES_DIR from the archive FILE.

    Ends with 1 when the archive is damaged, the database is not empty, or the audit afterwards finds anything.
    """
    size = file.stat().st_size
    if check:
        with _told("The archive is not usable."), _bar("check", size) as step:
            manifest = verify(file, step)
        click.echo(f"{file} is whole: made {manifest['made_at']}, revision {manifest['revision']}")
        return
    target = sa.make_url(setting("OWNER_URL")).render_as_string(hide_password=True)
    click.echo(f"Restoring {file} into {target} and {setting('FILES_DIR')}", err=True)
    with _told("Nothing was restored."), _bar("restore", 2 * size) as step:
        done = restoring.restore(file, step)
    rows = sum(table["rows"] for table in done.manifest["tables"].values())
    click.echo(
        f"{rows} rows and {done.photos} photos restored, as of {done.manifest['made_at']} "
        f"(made on {done.manifest['engine']} at revision {done.manifest['revision']})"
    )
    for name in done.manifest.get("lost_photos", []):
        click.echo(f"WARNING: the photo {name} was missing already when the backup was made", err=True)
    if not done.has_its_key:
        click.echo(
            "WARNING: POINTS_DATA_KEY is not the one this was made with: what it sealed stays shut.",
            err=True,
        )
    for code, audit in done.audits.items():
        counts = f"{audit.accounts} accounts, {audit.transfers} transfers, {audit.postings} postings"
        click.echo(f"audit {code}: {'clean' if audit.is_clean else 'NOT CLEAN'} ({counts})")
        for finding in audit.findings:
            click.echo(f"  {finding}")
    sys.exit(0 if done.is_clean else 1)
