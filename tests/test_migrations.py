"""Migrations run up, match the models, and run down again; every table is scoped by scheme."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import UniqueConstraint, create_engine, inspect

from points import create_app
from points.db import db
from tests.conftest import ENGINES, fresh_database

# Directory tables: looked up before the scheme is known, or spread by their own key (DESIGN: tenancy).
DIRECTORY = {"schemes", "sign_in_names", "sign_ins", "throttles", "alembic_version"}


@pytest.mark.parametrize("engine", ENGINES)
def test_migrations_run_up_match_the_models_and_run_down(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = fresh_database(engine, request, tmp_path)
    app = create_app(SQLALCHEMY_DATABASE_URI=url, OWNER_URL=url, TESTING=True)
    with app.app_context():
        upgrade(revision="head")
        seen = create_engine(url)
        with seen.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": False})
            assert compare_metadata(context, db.Model.metadata) == []
        downgrade(revision="base")
        assert set(inspect(seen).get_table_names()) <= {"alembic_version"}
        upgrade(revision="head")
        assert "transfers" in inspect(seen).get_table_names()
        seen.dispose()
        db.engine.dispose()


def tables() -> list[str]:
    create_app(SQLALCHEMY_DATABASE_URI="sqlite://", TESTING=True)
    return sorted(set(db.Model.metadata.tables) - DIRECTORY)


@pytest.mark.parametrize("name", tables())
def test_scheme_stands_first_in_every_key_and_index(name: str) -> None:
    table = db.Model.metadata.tables[name]
    assert next(iter(table.primary_key.columns)).name == "scheme_id"
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            assert next(iter(constraint.columns)).name == "scheme_id", constraint.name
    for index in table.indexes:
        assert next(iter(index.columns)).name == "scheme_id", index.name
    for key in table.foreign_key_constraints:
        assert key.column_keys[0] == "scheme_id", key.name
        if key.referred_table.name != "schemes":
            assert len(key.column_keys) >= 2, f"{key.name} could cross schemes"
