"""Migrations run up, match the models, and run down again."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine, inspect

from points.db import db
from tests.conftest import ENGINES, ON_15, fresh_database, make_app


@pytest.mark.parametrize("engine", (*ENGINES, *ON_15))
def test_migrations_run_up_match_the_models_and_run_down(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = fresh_database(engine, request, tmp_path)
    app = make_app(url, tmp_path)
    with app.app_context():
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
