"""Putting a backup into an empty database: proved first, loaded whole, brought up to date, audited."""

from __future__ import annotations

import hmac
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade

from ..proof.audit import Audit, audit_on
from ..proof.snapshot import schemes_of, snapshot
from ..web.settings import setting
from .archive import Damaged, Member, member, members_of, reading, unzipped, verify
from .dumping import key_print
from .tables import Unreadable, is_empty, load, revision_of, speak_plainly, tables_of

Progress = Callable[[int], None]
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class Refused(Exception):
    """This archive cannot be restored here: says why, and what to do."""


class Unfinished(Exception):
    """The archive is restored, but the database could not be brought up to date."""


@dataclass(frozen=True)
class Restored:
    """What was restored, and what the audit says of each scheme (code → audit)."""

    manifest: dict[str, Any]
    photos: int
    has_its_key: bool
    audits: dict[str, Audit]

    @property
    def is_clean(self) -> bool:
        return all(audit.is_clean for audit in self.audits.values())


def restore(path: Path, progress: Progress = lambda steps: None) -> Restored:
    """Fill the empty database and FILES_DIR from an archive, all or nothing. Triggers and constraints see every row.

    Runs as the owner role, which makes the tables. Raises Damaged before anything is touched, Refused, Unreadable,
    and whatever the database says; then the database is as empty as before and no photo was added.
    """
    manifest = verify(path, progress)
    engine = sa.create_engine(setting("OWNER_URL"), poolclass=sa.NullPool, execution_options={"writing": True})
    with engine.connect() as connection:
        refuse_unless_empty(connection)
    _stand_at(engine, manifest["revision"])
    members = {one.name: one for one in members_of(manifest)}
    with reading(path) as archive, _photos_put(archive, members, progress) as photos, engine.begin() as connection:
        refuse_unless_empty(connection)
        speak_plainly(connection)
        if connection.dialect.name == "sqlite":  # a row may point at one further down its own table
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        _load_all(connection, archive, manifest, members, progress)
    try:
        upgrade(revision="head")
    except BaseException as error:
        raise Unfinished(
            f"Everything is back, at revision {manifest['revision']}, but bringing it up to date failed ({error!r}). "
            "Run ./run flask db upgrade and ./run flask ledger audit."
        ) from error
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    engine.dispose()
    has_its_key = hmac.compare_digest(str(manifest.get("key_print")), key_print())
    return Restored(manifest, photos, has_its_key, audits())


def audits() -> dict[str, Audit]:
    """The audit of every scheme, by its code."""
    with snapshot() as connection:
        return {scheme.code: audit_on(connection, scheme.id) for scheme in schemes_of(connection)}


def refuse_unless_empty(connection: sa.Connection) -> None:
    for table in tables_of(connection):
        if not is_empty(connection, table):
            raise Refused(
                f"The database is not empty (table {table.name} has rows). A restore only ever fills an empty one: "
                "name another in DATABASE_URL, or move the SQLite file (with -wal and -shm) away. See docs/backup.md"
            )


def _stand_at(engine: sa.Engine, revision: str) -> None:
    """Bring the empty database to the revision that the archive was made at. Raises Refused when it is unknown."""
    script = ScriptDirectory(str(MIGRATIONS))
    known = [one.revision for one in script.walk_revisions()][::-1]
    if revision not in known:
        raise Refused(
            f"This archive was made by another version of the program (revision {revision}; this one knows "
            f"{known[0]} to {known[-1]}). Install that version or a newer one, then restore."
        )
    with engine.connect() as connection:
        current = revision_of(connection)
    if current is not None and current not in known:
        raise Refused(f"The database is at revision {current}, which this version of the program does not know.")
    if current is not None and known.index(current) > known.index(revision):
        downgrade(revision=revision)
    else:
        upgrade(revision=revision)


def _load_all(
    connection: sa.Connection, archive: Any, manifest: dict[str, Any], members: dict[str, Member], progress: Progress
) -> None:
    tables = {table.name: table for table in tables_of(connection)}
    if unknown := manifest["tables"].keys() - tables.keys():
        raise Refused(f"This archive has tables that revision {manifest['revision']} does not: {', '.join(unknown)}")
    for name, table in tables.items():  # each after those that its rows point at
        if name not in manifest["tables"]:
            continue
        told = manifest["tables"][name]
        columns = list(told["columns"])
        if unknown := set(columns) - set(table.columns.keys()):
            raise Refused(f"Table {name} has no column {', '.join(sorted(unknown))} at revision {manifest['revision']}")
        with unzipped(archive, members[f"tables/{name}.tsv.gz"], progress) as lines:
            loaded = load(connection, table, columns, lines)
        if loaded != told["rows"]:
            raise Unreadable(f"table {name}: {loaded} rows where the manifest counts {told['rows']}")


@contextmanager
def _photos_put(archive: Any, members: dict[str, Member], progress: Progress) -> Iterator[int]:
    """The photos in their place before the rows that name them; taken away again when the body fails."""
    root = Path(setting("FILES_DIR"))
    put: list[Path] = []
    count = 0
    try:
        for name, one in members.items():
            if not name.startswith("files/"):
                continue
            count += 1
            path = root / name.removeprefix("files/")
            if not path.resolve().is_relative_to(root.resolve()):
                raise Damaged(f"{name} leads out of its directory")
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.exists():  # photos are named at random and never change: this one came back earlier
                with member(archive, one, progress) as source:
                    if path.read_bytes() != source.read():
                        raise Refused(f"{path} is there already, and is another file. Empty POINTS_FILES_DIR first.")
                continue
            part = path.with_name(f"{path.name}.part")
            put.append(part)
            with member(archive, one, progress) as source, os.fdopen(_create(part), "wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            put[-1] = path
        yield count
    except BaseException:
        for path in put:
            path.unlink(missing_ok=True)
        raise


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
