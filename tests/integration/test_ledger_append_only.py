"""Whoever reaches the tables past the application meets the database's own laws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from points import clock, create_app
from points.db import changing_in, db, new_id, transaction
from points.people.models import Trace
from points.proof.seals import seal_days
from tests.conftest import ENGINES, ON_15, as_owner, fresh_database, make_app
from tests.factories import Books

RUNS_ON = (*ENGINES, *ON_15)


create_app(SQLALCHEMY_DATABASE_URI="sqlite://", TESTING=True)  # knows all tables
KEPT = {
    table.name: changing for table in db.Model.metadata.tables.values() if (changing := changing_in(table)) is not None
}


def attack(statement: str, **facts: Any) -> None:
    """As the owner of the tables, whom no grant stops; what the application's role may not is in test_grants.py."""
    with as_owner() as connection:
        connection.execute(text(statement), facts)


@pytest.fixture
def made(books: Books) -> int:
    """An award in the books and in a seal, and a trace."""
    with transaction():
        db.session.add(Trace(scheme_id=books.scheme_id, at=clock.now(), actor_id=1, action="unmask"))
    award = books.award(books.person(), 50)
    assert seal_days(books.scheme_id, at=clock.now() + clock.ONE_DAY, zone="Asia/Shanghai") == 1
    return award


@pytest.mark.parametrize("table", ["transfers", "postings", "traces", "seals", "seal_leaves"])
@pytest.mark.parametrize(
    "attempt",
    ["UPDATE {table} SET scheme_id = scheme_id WHERE scheme_id = :s", "DELETE FROM {table} WHERE scheme_id = :s"],
)
def test_what_is_written_once_stays(books: Books, made: int, table: str, attempt: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        attack(attempt.format(table=table), s=books.scheme_id)


@pytest.mark.parametrize("table", sorted(KEPT))
def test_no_table_is_emptied_at_a_stroke(books: Books, made: int, table: str) -> None:
    attempt = "DELETE FROM accounts" if db.engine.dialect.name == "sqlite" else f"TRUNCATE {table} CASCADE"
    with pytest.raises(IntegrityError, match="append-only"):
        attack(attempt)


def triggers() -> dict[str, set[str]]:
    """Table → the verbs that some trigger of its watches."""
    found: dict[str, set[str]] = {}
    if db.engine.dialect.name == "sqlite":
        for table, name in db.session.execute(text("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")):
            found.setdefault(table, set()).add(name.split("_")[-1].upper())
        return found
    catalogue = (
        "SELECT tgrelid::regclass::text, tgtype FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgenabled = 'O' AND tgfoid = 'points_append_only'::regproc"
    )
    for table, verbs in db.session.execute(text(catalogue)):
        found.setdefault(table, set()).update(verb for verb, bit in VERBS.items() if verbs & bit)
    return found


VERBS = {"DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}


def unwatched() -> dict[str, set[str]]:
    """Table → the verbs that its mark forbids and no trigger of its watches."""
    found, wanted = triggers(), set(VERBS) - ({"TRUNCATE"} if db.engine.dialect.name == "sqlite" else set())
    missing = {
        name: wanted - ({"UPDATE"} if changing else set()) - found.get(name, set()) for name, changing in KEPT.items()
    }
    return {name: verbs for name, verbs in missing.items() if verbs}


def test_the_books_are_marked_as_what_stays() -> None:
    assert KEPT["accounts"] == ("balance", "held", "seq", "floor", "ceiling")
    assert {"transfers", "postings", "holds", "hold_lines", "hold_resolutions", "seals", "seal_leaves"} <= set(KEPT)
    assert {"reviews", "traces", "receipt_lines", "used_codes", "rulebook_versions", "earning_rules"} <= set(KEPT)
    assert [name for name, changing in KEPT.items() if changing] == ["accounts"]


def test_every_table_that_stays_is_watched(books: Books) -> None:
    """Also those that hold nothing yet: a table rebuild on SQLite would have dropped their triggers without a word."""
    assert unwatched() == {}


def test_a_table_that_nobody_watches_is_noticed(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KEPT, "people", ())
    assert {"UPDATE", "DELETE"} <= unwatched()["people"]


def test_nothing_is_replaced(books: Books, made: int) -> None:
    if db.engine.dialect.name == "sqlite":
        attempt = (
            "INSERT OR REPLACE INTO postings SELECT scheme_id, transfer_id, line, account_id, 7, seq, 7, undoes "
            "FROM postings WHERE transfer_id = :t"
        )
    else:
        attempt = (
            "INSERT INTO postings SELECT * FROM postings WHERE transfer_id = :t "
            "ON CONFLICT (scheme_id, transfer_id, line) DO UPDATE SET amount = 7"
        )
    with pytest.raises(IntegrityError, match="append-only"):
        attack(attempt, t=made)


ACCOUNT = "FROM accounts WHERE scheme_id = :s AND class = 'wallet'"
TRANSFER = (
    "INSERT INTO transfers (scheme_id, id, kind, key, actor_id, request_hash, source_kind, source_id, reverses_id, part, "
    "occurred_at, recorded_at) SELECT scheme_id, {}, kind, {}, actor_id, request_hash, source_kind, source_id, {}, {}, "
    "occurred_at, recorded_at FROM transfers WHERE id = :t"
)
INSERT = "INSERT INTO postings (scheme_id, transfer_id, line, account_id, amount, seq, balance_after) "


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE accounts SET balance = -1 WHERE scheme_id = :s AND class = 'wallet'",
        "UPDATE accounts SET held = 51 WHERE scheme_id = :s AND class = 'wallet'",
        "UPDATE accounts SET held = -1 WHERE scheme_id = :s",
        "UPDATE accounts SET ceiling = 49 WHERE scheme_id = :s AND class = 'wallet'",
        "UPDATE accounts SET balance = 9007199254740993 WHERE scheme_id = :s AND class = 'wallet'",
        "UPDATE accounts SET holder_id = 1 WHERE scheme_id = :s",
        "UPDATE accounts SET unit_id = 1 WHERE scheme_id = :s",
        "UPDATE units SET scale = 7 WHERE scheme_id = :s",
        "UPDATE units SET kind = 'gold' WHERE scheme_id = :s",
        "UPDATE units SET code = 'SAME' WHERE scheme_id = :s",
        "UPDATE holders SET kind = 'cat' WHERE scheme_id = :s",
        f"INSERT INTO accounts SELECT scheme_id, :n, holder_id, unit_id, class, mark, stripe, 0, NULL, 0, 0, 0 {ACCOUNT}",
        TRANSFER.format(":n", "key", "NULL", "NULL"),
        TRANSFER.format(":t", "'other'", "NULL", "NULL"),
        TRANSFER.format(":n", "'other'", "1", "1"),
        TRANSFER.format(":n", "'other'", "NULL", "1"),
        TRANSFER.format(":n", "'other'", "id", "NULL"),
        f"{INSERT} SELECT :s, :t, 9, id, 0, 9, 50 {ACCOUNT}",
        f"{INSERT} SELECT :s, :t, 9, id, 1000000000001, 9, 50 {ACCOUNT}",
        f"{INSERT} SELECT :s, :n, 0, id, 5, 9, 55 {ACCOUNT}",
        f"{INSERT} SELECT :s, :t, 0, id, 5, 9, 55 {ACCOUNT}",
        f"{INSERT} SELECT :s, :t, 9, id, 5, 1, 55 {ACCOUNT}",
        f"{INSERT} VALUES (:s, :t, 9, :n, 5, 9, 55)",
    ],
)
def test_every_constraint_holds_against_raw_sql(books: Books, made: int, attempt: str) -> None:
    with pytest.raises(IntegrityError):
        attack(
            attempt,
            **{name: {"s": books.scheme_id, "n": new_id(), "t": made}[name] for name in "snt" if f":{name}" in attempt},
        )
    assert books.post("donation", *donated(books))


def donated(books: Books) -> tuple[Any, ...]:
    rice = books.goods()
    return books.leg("supply", rice, -5), books.leg("shelf", rice, 5)


def test_a_scheme_cannot_point_into_another(books: Books, made: int) -> None:
    other = Books(type(books.world)(books.world.app))
    with pytest.raises(IntegrityError):
        attack(
            "INSERT INTO accounts SELECT :o, :n, holder_id, unit_id, class, 'x', 0, 0, NULL, 0, 0, 0 "
            "FROM accounts WHERE scheme_id = :s AND class = 'wallet'",
            o=other.scheme_id,
            n=new_id(),
            s=books.scheme_id,
        )


def test_postings_that_do_not_sum_to_zero_are_refused_on_postgresql(books: Books, made: int) -> None:
    """SQLite has no triggers over a whole statement; there the audit finds it."""
    attempt = f"{INSERT} SELECT :s, :t, 9, id, 5, 9, 55 {ACCOUNT}"
    if db.engine.dialect.name == "postgresql":
        with pytest.raises(IntegrityError, match="does not sum to zero"):
            attack(attempt, s=books.scheme_id, t=made)
    else:
        attack(attempt, s=books.scheme_id, t=made)


@pytest.mark.parametrize("engine", (*ENGINES, *ON_15))
def test_migrations_go_up_and_down_and_up(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    app: Flask = make_app(fresh_database(engine, request, tmp_path), tmp_path)
    with app.app_context():
        downgrade(revision="base")
        upgrade(revision="head")
        assert unwatched() == {}
        db.session.rollback()
        db.engine.dispose()
