"""The first run of an empty installation: only whoever sees the terminal founds it, once; production has no such page."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from points import config
from points.db import db
from points.people import first_run
from points.people.models import Area, Assignment, Scheme, Secret
from tests.conftest import ENGINES, fresh_database, make_app
from tests.signing import PASSWORD, Browser

FORM = {
    "subdistrict": "示范街道",
    "community": "和苑社区",
    "admin_name": "李明",
    "admin_number": "admin",
    "password": PASSWORD,
    "points_scale": "1",
    "name": "",
    "code": "main",
}


class Empty:
    """An installation without any scheme, as much of a world as a browser needs."""

    def __init__(self, app: Flask) -> None:
        self.app = app


@pytest.fixture(params=ENGINES)
def empty(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(config, "INSTANCE", tmp_path / "instance")
    app = make_app(fresh_database(request.param, request, tmp_path), tmp_path)
    yield Empty(app)
    with app.app_context():
        db.engine.dispose()


def counted(empty: Any, table: Any) -> int:
    with empty.app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_an_empty_installation_leads_to_the_first_page_and_asks_for_the_code(empty: Any) -> None:
    code = first_run.announce(empty.app)
    assert code
    browser = Browser(empty)
    assert browser.get("/").headers["Location"] == "/first-run"
    page = browser.get("/first-run")
    assert page.status_code == 200 and 'name="lang" value="en"' in page.text
    assert browser.get("/sign-in").status_code == 503
    for once in ("", "1234", "0000 0000 0000", "x" * 30):
        answer = browser.post("/first-run", **FORM, once=once)
        assert answer.status_code == 422
        assert "有 1 处要改：" in answer.get_data(as_text=True)
        assert PASSWORD not in answer.get_data(as_text=True)
    assert counted(empty, Scheme) == 0


def test_with_the_code_the_scheme_is_founded_and_its_administrator_signed_in(empty: Any) -> None:
    code = first_run.announce(empty.app)
    browser = Browser(empty)
    answer = browser.post("/first-run", **FORM, once=code)
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/rulebook/load")
    with empty.app.app_context():
        scheme = db.session.scalars(select(Scheme)).one()
        assert (scheme.code, scheme.name, scheme.points_scale) == ("main", "和苑社区", 1)
        assert set(db.session.scalars(select(Assignment.role))) == {"admin", "officer"}
        assert set(db.session.scalars(select(Area.name))) == {"示范街道", "和苑社区"}
        assert db.session.scalars(select(Secret)).one().is_strong
    assert browser.get("/security").headers["Location"].startswith("/second-factor/new")
    assert browser.get("/first-run").status_code == 404
    assert Browser(empty).post("/first-run", **FORM, once=code).status_code == 404
    assert not first_run.kept_at().exists()
    assert first_run.announce(empty.app) is None
    other = Browser(empty)
    assert other.post("/sign-in", name="ADMIN", password=PASSWORD).status_code == 302


def test_the_code_is_kept_hashed_for_every_worker_and_only_the_last_start_counts(empty: Any) -> None:
    old, new = first_run.announce(empty.app), first_run.announce(empty.app)
    kept = first_run.kept_at()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert new and new.replace(" ", "") not in kept.read_text()
    assert Browser(empty).post("/first-run", **FORM, once=old).status_code == 422
    assert Browser(empty).post("/first-run", **FORM, once=new).status_code == 302


def test_without_a_code_announced_nobody_founds_anything(empty: Any) -> None:
    assert Browser(empty).post("/first-run", **FORM, once="000000000000").status_code == 422
    assert counted(empty, Scheme) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "short"),
        ("password", "password123"),
        ("password", ""),
        ("admin_number", "a b"),
        ("admin_number", ""),
        ("community", ""),
        ("subdistrict", "x" * 81),
        ("points_scale", "2"),
        ("code", "Main Street"),
        ("code", "a" * 200),
    ],
)
def test_a_mistake_is_shown_beside_its_field_and_nothing_is_written(empty: Any, field: str, value: str) -> None:
    code = first_run.announce(empty.app)
    answer = Browser(empty).post("/first-run", **{**FORM, field: value}, once=code)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.get_data(as_text=True)
    assert counted(empty, Scheme) == 0
    assert Browser(empty).post("/first-run", **FORM, once=code).status_code == 302


def test_guessing_the_code_is_slowed_down(empty: Any) -> None:
    first_run.announce(empty.app)
    browser = Browser(empty)
    data = {**FORM, "csrf_token": browser.token()}
    seen = [browser.client.post("/first-run", data={**data, "once": f"{n:012}"}).status_code for n in range(61)]
    assert seen == [422] * 60 + [429]


def test_two_founders_at_once_are_one(empty: Any) -> None:
    code = first_run.announce(empty.app)
    browsers = [Browser(empty) for _ in range(4)]
    tokens = [browser.token() for browser in browsers]
    start, answers = Barrier(4), []

    def found(n: int) -> None:
        start.wait()
        data = {**FORM, "csrf_token": tokens[n], "once": code, "code": f"main{n}"}
        answers.append(browsers[n].client.post("/first-run", data=data).status_code)

    threads = [Thread(target=found, args=(n,)) for n in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(answers)[0] == 302
    assert set(sorted(answers)[1:]) <= {404, 422}  # too late, or the code was already gone
    assert counted(empty, Scheme) == 1
