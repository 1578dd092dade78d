"""Books whose every net has been cut, for tests that tamper with them: no triggers, checks, unique or foreign keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from points.db import db, new_id
from points.proof.audit import audit
from tests.conftest import ENGINES, as_superuser, fresh_database, make_app
from tests.factories import Books, World

TABLES = ("transfers", "postings", "accounts", "holds", "hold_lines", "hold_resolutions")


@pytest.fixture(scope="module", params=ENGINES)
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A database whose every net has been cut: no triggers, no checks, no unique or foreign keys on the ledger."""
    where = tmp_path_factory.mktemp(f"bare_{request.param}")
    app = make_app(fresh_database(request.param, request, where), where)
    with app.app_context():
        cut_on_sqlite() if request.param == "sqlite" else cut_on_postgresql()
    yield app
    with app.app_context():
        db.engine.dispose()


def cut_on_postgresql() -> None:
    with as_superuser() as connection:
        connection.execute(text("DROP TRIGGER postings_zero_sums ON postings"))
        for table in TABLES:
            connection.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        connection.execute(text("DROP INDEX uq_transfers_part"))
        constraints = connection.execute(
            text(
                "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype IN ('c', 'u', 'f') "
                "AND conrelid::regclass::text = ANY(:tables) "
                "OR contype = 'f' AND confrelid::regclass::text = ANY(:tables) "
                "OR contype = 'p' AND conrelid::regclass::text = 'hold_resolutions'"
            ),
            {"tables": list(TABLES)},
        )
        for table, name in constraints.all():
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name} CASCADE"))


def cut_on_sqlite() -> None:
    @event.listens_for(db.engine, "connect")
    def trust(connection: Any, record: object) -> None:
        connection.execute("PRAGMA foreign_keys=OFF")

    with db.engine.connect().execution_options(writing=True) as connection:
        for table in TABLES:  # a copy has neither triggers nor constraints
            connection.execute(text(f"CREATE TABLE bare AS SELECT * FROM {table}"))
            connection.execute(text(f"DROP TABLE {table}"))
            connection.execute(text(f"ALTER TABLE bare RENAME TO {table}"))
        connection.commit()


@pytest.fixture
def books(bare: Flask) -> Iterator[Books]:
    with bare.app_context():
        yield Books(World(bare))
        db.session.rollback()


def tamper(books: Books, *statements: str, **facts: int) -> set[str]:
    """Do it with raw SQL, and tell which laws the audit finds broken."""
    with as_superuser() as connection:
        for statement in statements:
            facts |= {"s": books.scheme_id, "n": new_id()}
            connection.execute(text(statement), {name: facts[name] for name in facts if f":{name}" in statement})
    result = audit(books.scheme_id)
    assert all(str(finding).startswith(finding.law) for finding in result.findings)
    return {finding.law for finding in result.findings}
