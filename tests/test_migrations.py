"""Migrations run up, match the models, and run down again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine, inspect, text

from points.awards.periods.work import close_periods
from points.db import db
from tests.conftest import ENGINES, ON_15, fresh_database, make_app
from tests.factories import World
from tests.integration.periods_world import earn, load, work
from tests.integration.test_rankings import STAR
from tests.integration.test_team_rankings import AUGUST, BEST, team


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


@pytest.mark.parametrize("engine", ENGINES)
def test_places_of_people_outlive_a_step_back_and_those_of_teams_go_with_it(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    app = make_app(fresh_database(engine, request, tmp_path), tmp_path)
    with app.app_context():
        world = World(app)
        load(world, rankings=[{**BEST, "prizes": [{"to": 1, "title": "队"}]}, {**STAR, "per": "month"}])
        person = world.person()
        team(world, "一队", person)
        earn(world, person, 20, AUGUST)
        close_periods(work(world, date(2026, 9, 1)))
        kept, before = (person.id, 1, 20), set(places("holder_id"))
        assert len(before) == 2
        db.session.remove()
        downgrade(revision="0017")
        assert places("person_id") == [kept]
        db.session.remove()
        upgrade(revision="head")
        assert places("holder_id") == [kept] and before > {kept}
        db.session.remove()
        db.engine.dispose()


def places(holder: str) -> list[tuple[int, ...]]:
    return [tuple(row) for row in db.session.execute(text(f"SELECT {holder}, place, amount FROM ranking_rows"))]
