"""Reading and writing: a write needs its transaction, a page reads without one, and nothing prepared is forgotten."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import bindparam, event, insert, select
from sqlalchemy.exc import OperationalError

from points import clock
from points.db import Afresh, Overtaken, Prepared, WriteOutside, db, in_own_transaction, table_of, transaction
from points.errors import TryAgain
from points.people.models import Scheme, Throttle

throttles = table_of(Throttle)
NEW = {"window_at": clock.now(), "tries": 1}
BY_KEY = Prepared(lambda: select(throttles).where(throttles.c.key == bindparam("key")))
LOCKING = Prepared(lambda: select(throttles).where(throttles.c.key == bindparam("key")).with_for_update())
ADDING = Prepared(lambda: insert(throttles).values(**{c.name: bindparam(c.name, type_=c.type) for c in throttles.c}))


def test_a_write_among_reads_is_refused(context: Flask) -> None:
    for add in (
        lambda: db.session.execute(insert(throttles).values(key="test:alone", **NEW)),
        lambda: ADDING.all(key="test:alone", locked_until=None, **NEW),
    ):
        with pytest.raises((WriteOutside, OperationalError)):
            add()
        db.session.rollback()
    assert BY_KEY.first(key="test:alone") is None


def test_values_come_back_as_they_were_sent(context: Flask) -> None:
    at, odd = clock.now(), 'a "quoted" \\ word, {with} NULL and 字'
    with transaction():
        ADDING.all(key=odd, window_at=at, tries=2**40, locked_until=None)
    found = BY_KEY.first(key=odd)
    assert (found.key, found.window_at, found.tries, found.locked_until) == (odd, at, 2**40, None)
    db.session.rollback()


def test_what_is_prepared_outlives_a_rollback(context: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        return  # it prepares nothing that could be forgotten

    with pytest.raises(ZeroDivisionError), transaction():
        for _ in range(10):
            BY_KEY.first(key="test:none")
        driver = db.session.connection().connection.dbapi_connection
        before = dict(driver.prepared)
        assert before
        raise ZeroDivisionError
    assert driver.prepared == before
    db.session.rollback()


def test_a_page_reads_without_a_transaction_on_postgresql(context: Flask) -> None:
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    db.session.rollback()
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        db.session.scalars(select(Scheme)).all()
        driver = db.session.connection().connection.dbapi_connection
        if db.engine.dialect.name == "postgresql":
            assert driver.pgconn.transaction_status == 0, "idle: nothing is held between two statements"
            assert len(sent) == 1
        else:
            assert driver.in_transaction
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
        db.session.rollback()


def begun() -> bool:
    return bool(db.session.connection().connection.dbapi_connection.pgconn.transaction_status)


def test_begin_goes_before_the_first_statement_that_writes_or_locks(context: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        return  # its writers queue from the first statement on: a look cannot be promoted to a write there
    added = {"window_at": clock.now(), "tries": 1, "locked_until": None}
    for first in (
        lambda: ADDING.all(key="test:begins", **added),
        lambda: LOCKING.first(key="test:begins"),
        lambda: db.session.scalars(select(Scheme)).all(),
    ):
        with pytest.raises(ZeroDivisionError), transaction():
            BY_KEY.first(key="test:begins")
            assert not begun()
            first()
            assert begun()
            BY_KEY.first(key="test:begins")
            raise ZeroDivisionError
        assert not begun()
    assert BY_KEY.first(key="test:begins") is None
    db.session.rollback()


def test_a_call_that_is_all_of_a_transaction_commits_by_itself(context: Flask) -> None:
    added = {"window_at": clock.now(), "tries": 1, "locked_until": None}
    if db.engine.dialect.name == "sqlite":
        with transaction():
            ADDING.whole(key="test:whole", **added)
        assert BY_KEY.first(key="test:whole").tries == 1
        db.session.rollback()
        return
    with pytest.raises(WriteOutside), transaction():
        BY_KEY.first(key="test:whole")
        ADDING.whole(key="test:whole", **added)
        assert not begun()
        ADDING.all(key="test:whole:more", **added)  # it would be a transaction of its own
    assert BY_KEY.first(key="test:whole").tries == 1
    with pytest.raises(WriteOutside):
        ADDING.whole(key="test:whole:outside", **added)
    with pytest.raises(ZeroDivisionError), transaction():
        ADDING.all(key="test:whole:before", **added)
        ADDING.whole(key="test:whole:after", **added)  # something was written before: it shares its lot
        raise ZeroDivisionError
    for name in ("more", "outside", "before", "after"):
        assert BY_KEY.first(key=f"test:whole:{name}") is None
    db.session.rollback()


def test_whoever_is_overtaken_looks_again_and_gives_up_in_the_end(context: Flask) -> None:
    seen: list[int] = []

    def body() -> str:
        seen.append(1)
        if len(seen) == 1:
            raise Afresh()
        if len(seen) < 4:
            raise Overtaken()
        return "there"

    assert in_own_transaction(body) == "there" and len(seen) == 4

    def never() -> str:
        raise Overtaken()

    with pytest.raises(TryAgain):
        in_own_transaction(never)
