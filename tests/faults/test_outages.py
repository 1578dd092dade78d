"""What befalls servers, in short: killed, cut off, full. The long run does each of them dozens of times.

How long it takes until the next answer is told, never demanded: that belongs in the report.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from points.db import db
from tests.conftest import make_app

from . import sabotage
from .cuts import Till, cut_everywhere, post_once
from .disk import fill_up, limited_sqlite, refusing_postgresql, small_filesystem
from .ground import Ground, build
from .kill import kill_application, kill_postgres, kill_writers
from .proxy import WAYS, Proxy
from .servers import Postgres, postgres

# One worker for all of it: the server is killed under whoever uses it.
pytestmark = pytest.mark.xdist_group("outages")


@pytest.fixture(scope="module")
def where() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="points-outages-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def server(where: Path) -> Iterator[Postgres]:
    """A server of our own on TCP, as durable as in production."""
    with postgres(where) as made:
        yield made


@pytest.fixture(scope="module")
def seed() -> int:
    found = int(os.environ.get("POINTS_FAULTS_SEED", time.time()))
    print(f"seed {found}")
    return found


@contextmanager
def running(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def sqlite(where: Path, name: str) -> Flask:
    return make_app(f"sqlite:///{where / name}.sqlite3", where)


def test_a_writer_killed_twice_loses_and_doubles_nothing(where: Path, seed: int) -> None:
    with running(sqlite(where, "writer")):
        found = kill_writers(build(), seed, 2)
    assert not found.faults, (seed, found.faults[:10])
    assert found.told.counts()["made"] > 10


def test_a_build_that_answers_before_it_commits_is_found_out(where: Path) -> None:
    """Rich, so that hardly anything is refused: at any moment somebody was just answered. Not every kill hits it."""
    for seed in range(3, 9):
        with running(sqlite(where, f"early{seed}")):
            found = kill_writers(build(points=10**6, pieces=10**6), seed, 2, broken="acknowledged_before_durable")
        if any("lost" in fault or "doubled" in fault for fault in found.faults):
            return
    raise AssertionError("nobody noticed")


def test_the_application_and_postgresql_killed_lose_and_double_nothing(
    server: Postgres, where: Path, seed: int
) -> None:
    with running(make_app(server.database("killed"), where)):
        ways = (kill_application, lambda *told: kill_postgres(told[0], server, *told[1:]))
        for kill in ways:
            found = kill(build(points=10**6, pieces=10**6), seed, 2)
            print("back after", [f"{s:.1f} s" for s in found.back_s], dict(found.statuses))
            assert not found.faults, (seed, found.faults[:10])
            assert found.told.counts()["made"] > 0
            assert not found.statuses[500], found.bugs  # trouble with the database is said in words


def through(server: Postgres, where: Path, name: str) -> tuple[Proxy, Flask, Ground]:
    """A town, founded straight on the server, and an application that reaches it through a proxy."""
    with running(make_app(server.database(name), where)):
        ground = build(points=10**6, pieces=10**6)
    proxy = Proxy(server.port)
    cut = server.url(name, proxy.port).replace("postgresql://", "postgresql+psycopg://")
    keys = {"DATA_KEY": ground.data_key}
    return proxy, make_app(f"{cut}?sslmode=disable&gssencmode=disable", where, **keys), ground


def test_whatever_message_is_cut_the_same_key_settles_it(server: Postgres, where: Path) -> None:
    proxy, app, ground = through(server, where, "cut")
    with app.test_request_context():
        for make, ways in ((lambda: post_once(ground), WAYS), (Till(ground).once, ("drop",))):
            found = cut_everywhere(app, proxy, ground, make, ways, every=50)
            assert not found.faults, found.faults[:10]
            assert found.answered and found.settled
        db.session.remove()
        db.engine.dispose()
    proxy.close()


def test_a_build_that_never_tries_again_is_found_out(server: Postgres, where: Path) -> None:
    proxy, app, ground = through(server, where, "cut_broken")
    with app.test_request_context(), sabotage.applied("never_tried_again"):
        found = cut_everywhere(app, proxy, ground, lambda: post_once(ground), ways=("drop",), every=50)
        db.session.remove()
        db.engine.dispose()
    proxy.close()
    assert any("not tried again" in fault for fault in found.faults), found.faults[:10]


@pytest.mark.parametrize("broken", ["", "full_disk_unheard_of"])
def test_a_full_disk_under_sqlite_is_told_in_words(where: Path, broken: str) -> None:
    place = where / f"small{len(broken)}"
    with small_filesystem(place, 24) as small:
        app = sqlite(place if small else where, f"full{len(broken)}")
        with running(app), sabotage.applied(broken):
            app.config["PROPAGATE_EXCEPTIONS"] = app.testing = False  # as a visitor sees it
            found = fill_up(app, build(points=10**5, pieces=10**5), small or limited_sqlite())
    print(found.how, found.answers)
    assert bool(found.faults) == bool(broken), found.faults[:10]


def test_a_full_disk_under_postgresql_is_told_in_words(where: Path) -> None:
    with small_filesystem(where / "small_pg", 200) as small:
        settings = {"max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "16MB"}
        place = where / ("small_pg" if small else "other_pg")
        place.mkdir(exist_ok=True)
        with postgres(place, settings) as server:
            app = make_app(server.database("full"), where)
            with running(app):
                ground = build(points=10**5, pieces=10**5)
                found = fill_up(app, ground, small or refusing_postgresql(server.execute_in("full")), most=20_000)
    print(found.how, found.answers)
    assert not found.faults, found.faults[:10]
