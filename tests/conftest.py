"""Real databases for every test: SQLite in a file, and PostgreSQL. Isolation is by scheme: each test makes its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("POINTS_INSTANCE", tempfile.mkdtemp(prefix="points-test-"))
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="points-run-"))

import pytest
from flask import Flask, current_app
from flask_migrate import upgrade
from hypothesis import settings
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from points import create_app
from points.config import database_url
from points.database.roles import Login, connected, make_roles
from points.db import db
from tests.factories import Books, World
from tests.servers import debian_15, embedded, is_15_installed, swift_directory

ENGINES = ("sqlite", "postgresql")
# The ways a posting can go: statements on SQLite, the server function on PostgreSQL, and statements there by setting.
# Suites of the kernel's behaviour say ``RUNS_ON = WAYS``; all others run on the two engines.
WAYS = (*ENGINES, "statements")
# The oldest PostgreSQL we run on, where Debian's is installed: suites that matter there say ``RUNS_ON = (*WAYS, *ON_15)``.
ON_15 = ("postgresql15",) if is_15_installed() else ()

# A busy machine is no reason to fail: an example may take as long as it takes.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "app" in metafunc.fixturenames:
        runs_on = getattr(metafunc.module, "RUNS_ON", ENGINES)
        metafunc.parametrize("app", runs_on, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI nothing may be skipped: a green run must mean that everything ran."""
    for item in items:
        if "statements" in getattr(getattr(item, "callspec", None), "params", {}).values():
            item.add_marker("postgresql")
    if os.environ.get("CI") or os.environ.get("POINTS_NO_SKIP"):
        for item in items:
            for mark in ("skip", "skipif"):
                assert not item.get_closest_marker(mark), f"{item.nodeid} would be skipped"


@pytest.fixture(scope="session", autouse=True)
def cheap_hashing() -> None:
    """Passwords are hashed the same way, only with less work; tests/unit/test_secrets.py holds the real price."""
    from argon2 import PasswordHasher

    from points.people import secrets

    secrets.hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL of our own, as its superuser: POINTS_TEST_POSTGRES_URL, or a throw-away server from the wheel."""
    if url := os.environ.get("POINTS_TEST_POSTGRES_URL"):
        yield url
        return
    with embedded() as url:
        yield url


@pytest.fixture(scope="session")
def postgres15_url() -> Iterator[str]:
    with debian_15() as url:
        yield url


# The application's role, the owner and the superuser of each database that was made, by the application's URL.
POWERS: dict[str, tuple[str, str]] = {}
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")  # roles belong to a server, which workers may share


def fresh_database(engine: str, request: pytest.FixtureRequest, where: Path) -> str:
    """The URL of a new, empty database; on PostgreSQL that of the application's role, made as ``db roles`` makes it."""
    if engine == "sqlite":
        return f"sqlite:///{where / 'points.sqlite3'}"
    base = request.getfixturevalue("postgres15_url" if engine == "postgresql15" else "postgres_url")
    name = f"points_{os.getpid()}_{where.name}".lower().replace("-", "_").replace(".", "_")
    with connected(make_url(database_url(base)), isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    made = make_roles(base, name, Login(f"points_owner_{WORKER}", "owner"), Login(f"points_app_{WORKER}", "app"))
    url, owner = (database_url(each.render_as_string(False)) for each in (made.app_url, made.owner_url))
    superuser = make_url(database_url(base)).set(database=name).render_as_string(False)
    POWERS[url] = (owner, superuser)
    return url


def make_app(url: str, where: Path, **settings: Any) -> Flask:
    """The application in a database that its migrations have just filled, as its own role with no more than its grants."""
    app = create_app(
        SQLALCHEMY_DATABASE_URI=url,
        OWNER_URL=POWERS.get(url, (url, url))[0],
        TESTING=True,
        FILES_DIR=str(where / "files"),
        SECRET_KEY="test" * 16,
        **settings,
    )
    with app.app_context():
        upgrade(revision="head")
    return app


@contextmanager
def _as(power: int) -> Iterator[Connection]:
    db.session.rollback()
    powers = POWERS.get(current_app.config["SQLALCHEMY_DATABASE_URI"])
    if powers is None:  # SQLite knows no roles
        with db.engine.execution_options(writing=True).begin() as connection:
            yield connection
        return
    with connected(make_url(powers[power])) as connection:
        yield connection


def as_owner() -> AbstractContextManager[Connection]:
    """A connection, committed at the end, of the role that owns the tables: triggers stop it, grants do not."""
    return _as(0)


def as_superuser() -> AbstractContextManager[Connection]:
    """A connection, committed at the end, of whoever runs the server: it can switch off whatever stops it."""
    return _as(1)


@pytest.fixture(scope="session")
def app(request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The application on each engine in turn, with all migrations applied."""
    by_statements = {"SQLALCHEMY_ENGINE_OPTIONS": {"execution_options": {"ledger_path": "statements"}}}
    settings = by_statements if request.param == "statements" else {}
    with swift_directory(f"points-{request.param}-") as where:
        app = make_app(fresh_database(request.param, request, where), where, **settings)
        yield app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app
        db.session.rollback()


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    """A fresh scheme with a subdistrict, a community, a grid and a micro-grid, and makers for what a test needs."""
    with app.app_context():
        yield World(app)
        db.session.rollback()


@pytest.fixture
def books(world: World) -> Any:
    return Books(world)
