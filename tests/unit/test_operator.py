"""What the operator is told when the database is not as the commands need it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from points import create_app, serve
from points.database.commands import Operator
from points.db import db


def run(url: str, *arguments: str) -> Result:
    app = create_app(SQLALCHEMY_DATABASE_URI=url, OWNER_URL=url)
    ran = CliRunner().invoke(Operator(create_app=lambda: app), arguments)
    with app.app_context():
        db.engine.dispose()
    return ran


@pytest.mark.parametrize("command", [("jobs", "list"), ("ledger", "verify"), ("rulebook", "load", "x.json")])
def test_a_database_without_tables_is_a_sentence_and_an_exit_code(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "x.json").write_text("{}")
    command = tuple(str(tmp_path / part) if part == "x.json" else part for part in command)
    ran = run(f"sqlite:///{tmp_path / 'empty.db'}", *command)
    assert ran.exit_code == 1 and "Traceback" not in ran.output
    assert "./run flask db upgrade" in ran.output


@pytest.mark.parametrize("command", [("jobs", "list"), ("backup", "x.tar"), ("db", "upgrade")])
def test_a_database_that_does_not_answer_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    command = tuple(str(tmp_path / part) if part == "x.tar" else part for part in command)
    ran = run("postgresql+psycopg://nobody@127.0.0.1:1/nothing", *command)
    assert ran.exit_code == 1 and "cannot be reached" in ran.output and "sqlalche.me" not in ran.output


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/nothing", "sqlite:////nowhere/at/all.db"])
def test_serving_without_a_database_says_so_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.delenv("POINTS_OWNER_URL", raising=False)
    with pytest.raises(SystemExit) as ended:
        serve.main(["--empty", "--port", "1"])
    assert "cannot be reached" in str(ended.value)
