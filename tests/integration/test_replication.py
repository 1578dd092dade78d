"""A commit that no standby has confirmed is not acknowledged; sending it again with the same key settles it.

A server of its own waits for a standby that does not exist: every commit hangs until somebody cuts the wait short.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import make_url

from points import clock
from points.db import db, in_own_transaction
from points.errors import TryAgain
from points.ledger import post
from points.postgresql import SETTLE, connection_class
from points.redemption.actions import redeem_code
from points.redemption.rules import Wanted
from tests.conftest import POWERS, fresh_database, make_app
from tests.factories import Books, World
from tests.integration.redemption_world import RedemptionWorld
from tests.servers import embedded

pytestmark = pytest.mark.postgresql
PATIENCE_S = 20.0
database = sys.modules["points.db"]  # the package names the object in it alike


class Standby:
    """What an operator does to the server beside us. It waits for no standby itself."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True, options="-c synchronous_commit=local")

    def wanted(self, name: str) -> None:
        self.connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self.connection.execute("SELECT pg_reload_conf()")
        while self.connection.execute("SHOW synchronous_standby_names").fetchone() != (name,):
            time.sleep(0.01)

    def waiting(self) -> int:
        """The process of the application that waits for the standby in its commit, as soon as there is one."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = self.connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid <> pg_backend_pid()"
            ).fetchone()
            if found:
                return int(found[0])
            time.sleep(0.01)
        raise AssertionError("no commit waits for the standby")

    def cut(self, how: str) -> None:
        """Cut short the wait of whoever waits, and see to it that it has ended."""
        pid, began = self.waiting(), self.began()
        self.connection.execute(f"SELECT {how}({pid})")
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.began() == began:
            time.sleep(0.01)

    def began(self) -> list[Any]:
        """Who waits for the standby, and in which statement: since when."""
        return self.connection.execute(
            "SELECT pid, query_start FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid <> pg_backend_pid()"
        ).fetchall()

    def transfers(self) -> int:
        return int(self.connection.execute("SELECT count(*) FROM transfers").fetchone()[0])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with embedded() as url:
        yield url


def own_database(server: str, where: Path) -> str:
    class Request:
        def getfixturevalue(self, name: str) -> str:
            return server

    return fresh_database("postgresql", Request(), where)  # type: ignore[arg-type]


@pytest.fixture
def replicated(server: str, tmp_path: Path) -> Iterator[tuple[Books, Standby]]:
    """Books, and somebody with points in them, on a server that from then on waits for its standby."""

    url = own_database(server, tmp_path)
    app: Flask = make_app(url, tmp_path)
    standby = Standby(make_url(POWERS[url][1]).set(drivername="postgresql").render_as_string(False))
    with app.app_context():
        books = Books(World(app))
        books.holder = books.person()
        books.award(books.holder, 1)
        db.session.rollback()
        db.engine.dispose()
        standby.wanted("nobody")
        yield books, standby
        standby.wanted("")
        db.session.rollback()
        db.engine.dispose()
    standby.connection.close()


def in_background(app: Flask, work: Any) -> tuple[threading.Thread, list[Any]]:
    came: list[Any] = []

    def run() -> None:
        with app.app_context():
            try:
                came.append(work())
            except BaseException as refused:
                came.append(refused)
            finally:
                db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_redemption_commits_by_itself_and_waits_for_the_standby_like_all_else(
    replicated: tuple[Books, Standby], how: str
) -> None:
    books, standby = replicated
    standby.wanted("")
    shop = RedemptionWorld(books.world)
    person = shop.resident(100)
    code, key = shop.code(person).digits, uuid4()
    redeem = partial(redeem_code, code, shop.till.id, [Wanted(shop.rice.id, 1)], key=key, clerk=shop.clerk)
    db.session.rollback()
    db.engine.dispose()
    before = standby.transfers()
    standby.wanted("nobody")
    thread, came = in_background(
        books.world.app, lambda: in_own_transaction(partial(redeem, at=clock.now(), expected=None)).points
    )
    standby.cut(how)
    standby.waiting()  # committed here and nowhere else: looked for again, its receipt is found, and that waits too
    assert came == [] and standby.transfers() == before + 1
    standby.wanted("")
    thread.join(PATIENCE_S)
    assert came == [30] and standby.transfers() == before + 1
    assert shop.balance(person) == 70


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_cut_wait_is_no_acknowledgement_and_the_same_key_settles_it(
    replicated: tuple[Books, Standby], how: str
) -> None:
    books, standby = replicated
    runs: list[int] = []

    def body() -> int:
        runs.append(1)
        return award(books)

    thread, came = in_background(books.world.app, lambda: in_own_transaction(body))
    standby.waiting()
    before = len(runs)
    standby.cut(how)
    standby.waiting()  # it was committed here, yet the body runs again, and what it finds waits for the standby too
    assert standby.transfers() == 2
    assert len(runs) > before and came == []
    standby.wanted("")  # the standby is back: whoever waits goes on
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert len(came) == 1 and isinstance(came[0], int), came
    assert standby.transfers() == 2


def test_with_the_standby_gone_for_good_it_is_try_again_never_done(
    replicated: tuple[Books, Standby], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when its sender sends it again: it is found at once, and still not acknowledged until the standby has it."""
    books, standby = replicated
    monkeypatch.setattr(database, "PATIENCE_S", 0.0)
    for _ in range(2):
        thread, came = in_background(books.world.app, lambda: in_own_transaction(lambda: award(books)))
        standby.cut("pg_cancel_backend")
        thread.join(PATIENCE_S)
        assert len(came) == 1 and isinstance(came[0], TryAgain), came
        assert standby.transfers() == 2
    thread, came = in_background(books.world.app, lambda: in_own_transaction(lambda: award(books)))
    standby.waiting()
    assert came == []
    standby.wanted("")
    thread.join(PATIENCE_S)
    assert isinstance(came[0], int) and standby.transfers() == 2


def test_a_result_found_by_reading_alone_waits_for_the_standby_too(replicated: tuple[Books, Standby]) -> None:
    """Verbs look their key up before they lock or write anything: such a transaction has nothing of its own to wait for."""
    books, standby = replicated
    found = text("SELECT id FROM transfers WHERE scheme_id = :s AND kind = 'award'")
    thread, came = in_background(
        books.world.app,
        lambda: in_own_transaction(lambda: db.session.execute(found, {"s": books.scheme_id}).scalar()),
    )
    standby.waiting()
    assert came == []
    standby.wanted("")
    thread.join(PATIENCE_S)
    assert isinstance(came[0], int)


def test_pages_are_read_while_the_standby_is_gone(replicated: tuple[Books, Standby]) -> None:
    books, _ = replicated
    assert db.session.execute(text("SELECT count(*) FROM transfers")).scalar() == 1
    db.session.rollback()
    assert books.scheme_id


def test_without_replication_nothing_more_is_sent(server: str, tmp_path: Path) -> None:
    """To wait for what was found again costs a statement only where commits wait at all."""
    sent: list[str] = []
    app = make_app(own_database(server, tmp_path), tmp_path)
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        ours = connection_class()
        execute = ours.execute
        patch.setattr(
            ours,
            "execute",
            lambda self, query, *args, **how: (sent.append(query), execute(self, query, *args, **how))[1],
        )
        in_own_transaction(lambda: db.session.execute(text("SELECT 1")).scalar())
        assert sent.count("SHOW synchronous_standby_names") == 1  # when the connection was opened
        assert SETTLE not in sent
        db.session.rollback()
        db.engine.dispose()


def award(books: Books) -> int:
    """Five points under a key that never changes, in the transaction that is open."""
    draft = books.draft("award", *books.award_legs(books.holder, 5), key="once")
    return post(books.scheme_id, [draft], at=clock.now())[0].transfer_id
