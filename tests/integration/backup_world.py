"""What the tests of backup and restore share: an installation with a little of everything, and empty ones."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import inspect, select

from points import clock, create_app
from points.backup.archive import MANIFEST, SEAL
from points.db import db, transaction
from points.files.models import Photo
from points.people.models import Trace
from tests.conftest import POWERS, fresh_database
from tests.factories import Books, World

NASTY = "王\\N\\t\t名\n\r\\\"'\x0b😀 \\."
OTHER = {"sqlite": "postgresql", "postgresql": "sqlite"}


def lived(app: Flask) -> Books:
    """A scheme that has awarded, given out, taken back, and written down what is hard to write down."""
    books = Books(World(app, points_scale=1))
    person, rice = books.person(), books.goods(20)
    books.award(person, 500, "2099-12-31")
    books.redeem(person, 300, {rice: 2})
    books.undo(books.redeem(person, 100, {rice: 1}), "return")
    with transaction():
        db.session.merge(books.world.scheme).settings = {"note": NASTY, "deep": [None, True, 1.5, {}]}
        books.world.add(
            Trace(scheme_id=books.scheme_id, at=clock.now(), actor_id=0, action="test", detail={"said": NASTY})
        )
    books.world.person(NASTY[:30])
    photo(books)
    return books


def photo(books: Books) -> Path:
    """A photo as the application keeps it: the file, then its row."""
    data, name = secrets.token_bytes(3000), f"{books.scheme_id}/{secrets.token_hex(16)}.jpg"
    path = Path(books.world.app.config["FILES_DIR"]) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with transaction():
        row = Photo(
            scheme_id=books.scheme_id,
            name=name,
            sha256=hashlib.sha256(data).hexdigest(),
            width=1,
            height=1,
            size_bytes=len(data),
            made_by=0,
            made_at=clock.now(),
        )
        books.world.add(row)
    return path


def installed(engine: str, request: pytest.FixtureRequest, where: Path) -> Flask:
    """The application over a new, empty database, without tables."""
    where.mkdir()
    url = fresh_database(engine, request, where)
    return create_app(
        SQLALCHEMY_DATABASE_URI=url,
        OWNER_URL=POWERS.get(url, (url, url))[0],
        TESTING=True,
        FILES_DIR=str(where / "files"),
        SECRET_KEY="test" * 16,
    )


def let_go(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def engine_of(app: Flask) -> str:
    return str(app.config["SQLALCHEMY_DATABASE_URI"]).split(":")[0].split("+")[0]


def contents(app: Flask) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as the models read them."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in db.Model.metadata.sorted_tables
        }


def files(app: Flask) -> dict[str, bytes]:
    root = Path(app.config["FILES_DIR"])
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def invoke(app: Flask, *args: object) -> Any:
    with app.app_context():
        return app.test_cli_runner().invoke(args=[str(arg) for arg in args])


def in_context(app: Flask, body: Callable[[], Any]) -> Any:
    with app.app_context():
        try:
            return body()
        finally:
            db.session.remove()


def untouched(target: Flask) -> bool:
    with target.app_context():
        tables = inspect(db.engine).get_table_names()
        db.engine.dispose()
    return tables == [] and files(target) == {}


def rewritten(file: Path, out: Path, change: Callable[[dict[str, bytes]], None], seal: bool = True) -> Path:
    """The archive with other members; with ``seal`` by somebody who also puts all hashes right."""
    with tarfile.open(file) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]
    change(members)
    if seal:
        manifest = json.loads(members.pop(MANIFEST))
        del members[SEAL]
        manifest["members"] = [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
        ]
        members[MANIFEST] = json.dumps(manifest).encode()
        members[SEAL] = f"{hashlib.sha256(members[MANIFEST]).hexdigest()}  {MANIFEST}\n".encode()
    with tarfile.open(out, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out
