"""One row altered, deleted or swapped, in every column of every table: audit or verify names it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask

from points.db import db
from points.ledger.models import Transfer
from tests.conftest import ENGINES, POWERS, fresh_database, make_app

from . import tamper
from .simulate import Engine, Run, history

AT = datetime(2029, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module", params=ENGINES)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A long history, sealed."""
    where: Path = tmp_path_factory.mktemp(f"forged_{request.param}")
    app: Flask = make_app(fresh_database(request.param, request, where), where)
    engine = Engine(request.param, app)
    Run([engine]).play([step for step in history(11, 90) if not step.fault])
    with app.app_context():
        tamper.sealed(engine.scheme_id, AT)
    return engine


def undetected(engine: Engine, tables: Sequence[Any] = tamper.TABLES) -> tuple[int, list[str]]:
    with engine.app.app_context():
        url = engine.app.config["SQLALCHEMY_DATABASE_URI"]
        db.session.remove()
        db.engine.dispose()
        superuser = POWERS.get(url, (url, url))[1]
        return tamper.undetected(superuser, tamper.Scheme(engine.scheme_id, "", tamper.ZONE), AT, tables=tables)


def test_every_forged_row_is_named(played: Engine) -> None:
    count, missed = undetected(played)
    assert not missed, missed
    assert count > 90


def test_a_build_that_verifies_nothing_is_found_out(played: Engine) -> None:
    class Nothing:
        findings = ()

    with patch.object(tamper, "verify", lambda *_, **__: Nothing):
        _, missed = undetected(played, [Transfer])
    assert any(one.startswith("not noticed: transfers.") for one in missed)
