"""Making a backup: every table at one moment, then the photos, then the manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from .. import clock
from ..db import db
from ..people.sealing import keyed_hash
from ..proof.snapshot import snapshot
from ..web.settings import setting
from .archive import FORMAT, LEFT_OUT, PHOTO, VERSION, Writer, writing
from .tables import kinds_of, lines_of, revision_of, speak_plainly, tables_of

Progress = Callable[[int], None]


class NothingThere(Exception):
    """The database has no tables of ours."""


@dataclass(frozen=True)
class Backup:
    """What was backed up. ``lost`` are photos that a row names and that are not there, or are not what was kept."""

    manifest: dict[str, Any]
    size: int
    lost: list[str]


def key_print() -> str:
    """A short print of the data key, by which a restore knows whether the key at hand is the one this was sealed with.

    64 of 256 bits of a keyed hash: it tells nothing about the key.
    """
    return keyed_hash("backup", "print of the data key")[:16]


def size_of_all() -> int:
    """Roughly how many steps of progress a backup takes: rows of tables and kilobytes of photos."""
    with snapshot() as connection:
        rows = [sa.select(sa.func.count()).select_from(table) for table in tables_of(connection)]
        return sum(connection.scalar(one) or 0 for one in rows) + sum(_kilobytes(path) for path, _ in photo_files())


def back_up(path: Path, progress: Progress = lambda steps: None) -> Backup:
    """Write the archive while others go on writing. Photos come after the rows that name them: they are whole before
    their rows are, and never change, so each photo named at the moment of the backup is there.

    Raises Kept, NothingThere, Unreadable, OSError; then there is no archive, nor a part of one.
    """
    made_at = clock.now()
    with writing(path) as out:
        with snapshot() as connection:
            manifest, photos = _tables(connection, out, made_at, progress)
        lost = _photos(out, photos, made_at, progress)
        count = sum(one.name.startswith("files/") for one in out.members)
        manifest |= {"photos": count, "lost_photos": lost}
        out.close(manifest, made_at.timestamp())
    return Backup(manifest, path.stat().st_size, lost)


def _tables(
    connection: sa.Connection, out: Writer, made_at: datetime, progress: Progress
) -> tuple[dict[str, Any], dict[str, str]]:
    """Every table at one moment: what the manifest says of them, and the photos they name with their hashes."""
    speak_plainly(connection)
    revision = revision_of(connection)
    if revision is None:
        raise NothingThere("this database has no tables yet: there is nothing to back up")
    tables = tables_of(connection)
    described = {}
    for table in tables:
        rows = 0

        def counted(table: sa.Table = table) -> Iterator[bytes]:
            nonlocal rows
            for piece in lines_of(connection, table):
                lines = piece.count(b"\n")
                rows += lines
                progress(lines)
                yield piece

        out.add_zipped(f"tables/{table.name}.tsv.gz", counted(), made_at.timestamp())
        described[table.name] = {"rows": rows, "columns": {name: str(kind) for name, kind in kinds_of(table).items()}}
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": made_at.isoformat(),
        "revision": revision,
        "engine": connection.dialect.name,
        "engine_version": ".".join(map(str, connection.dialect.server_version_info or ())),
        "key_print": key_print(),
        "tables": described,
    }
    return manifest, _named_photos(connection, tables)


def _named_photos(connection: sa.Connection, tables: list[sa.Table]) -> dict[str, str]:
    photos = next((table for table in tables if table.name == "photos"), None)
    if photos is None:
        return {}
    named = connection.execution_options(yield_per=1000).execute(sa.select(photos.c.name, photos.c.sha256))
    return {f"files/{name}": sha256 for name, sha256 in named}


def _photos(out: Writer, named: dict[str, str], made_at: datetime, progress: Progress) -> list[str]:
    """Every file of a scheme; those that a row names and that are missing or changed."""
    sound = set()
    for path, name in photo_files():
        try:
            with path.open("rb") as file:
                kept = out.add(name, file, os.fstat(file.fileno()).st_size, made_at.timestamp())
        except FileNotFoundError:  # erased this moment
            continue
        if named.get(name) == kept.sha256:
            sound.add(name)
        progress(_kilobytes(path))
    return sorted(named.keys() - sound)


def photo_files() -> Iterator[tuple[Path, str]]:
    """Every whole file below the schemes' directories, with its name in an archive."""
    root = Path(setting("FILES_DIR"))
    for where, directories, files in os.walk(root):
        directories.sort()
        for file in sorted(files):
            path = Path(where) / file
            name = f"files/{path.relative_to(root).as_posix()}"
            if PHOTO.fullmatch(name) and not name.endswith(LEFT_OUT) and path.is_file() and not path.is_symlink():
                yield path, name


def _kilobytes(path: Path) -> int:
    try:
        return path.stat().st_size // 1024
    except FileNotFoundError:
        return 0


def is_there() -> bool:
    """Whether the database has tables of ours."""
    with db.engine.connect() as connection:
        return revision_of(connection) is not None
