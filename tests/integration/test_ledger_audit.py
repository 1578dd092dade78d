"""The audit names the first bad row of every law that somebody broke behind the kernel's back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from points.db import db, new_id
from points.ledger.audit import LAWS, audit
from tests.conftest import ENGINES, as_superuser, fresh_database, make_app
from tests.factories import Books, World

COPY = (
    "INSERT INTO transfers (scheme_id, id, kind, key, actor_id, request_hash, source_kind, source_id, reverses_id, part, "
    "occurred_at, recorded_at) SELECT scheme_id, :n, kind,"
)
TABLES = ("transfers", "postings", "accounts")


@pytest.fixture(scope="module", params=ENGINES)
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A database whose every net has been cut: no triggers, no checks, no unique or foreign keys on the ledger."""
    where = tmp_path_factory.mktemp(f"bare_{request.param}")
    app = make_app(fresh_database(request.param, request, where), where)
    with app.app_context():
        cut_on_sqlite() if request.param == "sqlite" else cut_on_postgresql()
    yield app
    with app.app_context():
        db.engine.dispose()


def cut_on_postgresql() -> None:
    with as_superuser() as connection:
        connection.execute(text("DROP TRIGGER postings_zero_sums ON postings"))
        for table in TABLES:
            connection.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        connection.execute(text("DROP INDEX uq_transfers_part"))
        constraints = connection.execute(
            text(
                "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype IN ('c', 'u', 'f') "
                "AND conrelid::regclass::text IN ('transfers', 'postings', 'accounts') "
                "OR contype = 'f' AND confrelid::regclass::text IN ('transfers', 'accounts')"
            )
        )
        for table, name in constraints.all():
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name} CASCADE"))


def cut_on_sqlite() -> None:
    @event.listens_for(db.engine, "connect")
    def trust(connection: Any, record: object) -> None:
        connection.execute("PRAGMA foreign_keys=OFF")

    with db.engine.connect().execution_options(writing=True) as connection:
        for table in TABLES:  # a copy has neither triggers nor constraints
            connection.execute(text(f"CREATE TABLE bare AS SELECT * FROM {table}"))
            connection.execute(text(f"DROP TABLE {table}"))
            connection.execute(text(f"ALTER TABLE bare RENAME TO {table}"))
        connection.commit()


@pytest.fixture
def books(bare: Flask) -> Iterator[Books]:
    with bare.app_context():
        yield Books(World(bare))
        db.session.rollback()


@pytest.fixture
def person(books: Books) -> int:
    """Somebody with an award, a redemption and a return in the books."""
    made, rice = books.person(), books.goods(5)
    books.award(made, 50)
    books.undo(books.redeem(made, 20, {rice: 2}), "return")
    books.redeem(made, 10, {rice: 1})
    assert audit(books.scheme_id).is_clean
    return made


def tamper(books: Books, *statements: str, **facts: int) -> list[str]:
    """Do it with raw SQL, and tell which laws the audit finds broken."""
    with as_superuser() as connection:
        for statement in statements:
            facts |= {"s": books.scheme_id, "n": new_id()}
            connection.execute(text(statement), {name: facts[name] for name in facts if f":{name}" in statement})
    result = audit(books.scheme_id)
    assert all(str(finding).startswith(finding.law) for finding in result.findings)
    return [finding.law for finding in result.findings]


ORPHAN, LINES, ZERO, RUNNING, CACHE, FLOOR, WAS, ONCE, OPPOSITE, KEY, HASH = LAWS
KIND = "a kind of transfer touches only what the table allows it"
MARK = "a wallet's mark is a month end or never, a shelf's its batch"

WALLET = "(SELECT id FROM accounts WHERE scheme_id = :s AND class = 'wallet')"
FIRST = f"account_id = {WALLET} AND seq = 1"
AWARD = "(SELECT id FROM transfers WHERE scheme_id = :s AND kind = 'award')"


def test_an_amount_changed(books: Books, person: int) -> None:
    broken = tamper(books, f"UPDATE postings SET amount = amount + 1 WHERE {FIRST}")
    assert broken == [ZERO, RUNNING, CACHE]


def test_an_amount_changed_with_all_that_follows_from_it(books: Books, person: int) -> None:
    """Even the balances put right: the transfer's sum tells."""
    broken = tamper(
        books,
        f"UPDATE postings SET amount = amount + 1 WHERE {FIRST}",
        f"UPDATE postings SET balance_after = balance_after + 1 WHERE account_id = {WALLET}",
        f"UPDATE accounts SET balance = balance + 1 WHERE id = {WALLET}",
    )
    assert broken == [ZERO]


def test_a_running_balance_changed(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE postings SET balance_after = 51 WHERE {FIRST}") == [RUNNING]


def test_a_balance_changed(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET balance = 1000 WHERE id = {WALLET}") == [CACHE]


def test_a_counter_changed(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET seq = seq + 1 WHERE id = {WALLET}") == [CACHE]


def test_a_number_skipped(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE postings SET seq = 9 WHERE account_id = {WALLET} AND seq = 4") == [RUNNING]


def test_a_posting_deleted(books: Books, person: int) -> None:
    broken = tamper(books, f"DELETE FROM postings WHERE {FIRST}")
    assert {LINES, ZERO, RUNNING, CACHE} == set(broken)


def test_a_transfer_deleted(books: Books, person: int) -> None:
    assert ORPHAN in tamper(books, "DELETE FROM transfers WHERE scheme_id = :s AND kind = 'award'")


def test_an_account_deleted(books: Books, person: int) -> None:
    assert ORPHAN in tamper(books, "DELETE FROM accounts WHERE scheme_id = :s AND class = 'issuance'")


def test_a_transfer_without_lines(books: Books, person: int) -> None:
    broken = tamper(
        books,
        f"{COPY} 'new', actor_id, request_hash, source_kind, source_id, NULL, "
        f"NULL, occurred_at, recorded_at FROM transfers WHERE id = {AWARD}",
    )
    assert broken == [LINES]


def test_a_wallet_without_its_floor(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET floor = NULL WHERE id = {WALLET}") == [FLOOR]
    assert tamper(books, f"UPDATE accounts SET floor = -100 WHERE id = {WALLET}") == [FLOOR]


def test_more_held_than_there_is(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET held = 41 WHERE id = {WALLET}") == [FLOOR]
    assert tamper(books, f"UPDATE accounts SET held = 0, ceiling = 39 WHERE id = {WALLET}") == [FLOOR]


def test_a_balance_that_once_was_below_the_floor(books: Books, person: int) -> None:
    broken = tamper(books, f"UPDATE accounts SET floor = 35 WHERE id = {WALLET}")
    assert broken == [WAS]


def test_a_transfer_reversed_twice(books: Books, person: int) -> None:
    broken = tamper(
        books,
        f"{COPY} 'again', actor_id, request_hash, source_kind, source_id, "
        "reverses_id, part, occurred_at, recorded_at FROM transfers WHERE scheme_id = :s AND reverses_id IS NOT NULL",
    )
    assert ONCE in broken


def test_a_reversal_of_something_else(books: Books, person: int) -> None:
    last = "(SELECT MAX(id) FROM transfers WHERE scheme_id = :s AND kind = 'redemption')"
    broken = tamper(books, f"UPDATE transfers SET reverses_id = {last} WHERE scheme_id = :s AND kind = 'return'")
    assert broken == [OPPOSITE]


def test_a_kind_rewritten(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE transfers SET kind = 'waste' WHERE id = {AWARD}") == [KIND]
    assert tamper(books, "UPDATE transfers SET kind = 'gift' WHERE scheme_id = :s AND kind = 'waste'") == [KIND]


def test_a_key_emptied(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE transfers SET key = '' WHERE id = {AWARD}") == [KEY]


def test_a_hash_shortened(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE transfers SET request_hash = 'x' WHERE id = {AWARD}") == [HASH]


def test_a_date_rewritten(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET mark = '2026-12-30' WHERE id = {WALLET}") == [MARK]


def test_the_row_is_named(books: Books, person: int) -> None:
    tamper(books, f"UPDATE accounts SET balance = 1000 WHERE id = {WALLET}")
    found = audit(books.scheme_id).findings[0]
    assert found.row["recomputed"] == 40
    assert "balance 1000, recomputed 40" in str(found)


def test_a_scheme_answers_for_itself_alone(books: Books, person: int) -> None:
    other = Books(World(books.world.app))
    other.award(other.person(), 5)
    tamper(books, f"UPDATE accounts SET balance = 1000 WHERE id = {WALLET}")
    assert audit(other.scheme_id).is_clean


# ---------------------------------------------------------------- the command


def test_the_command_says_clean_or_names_the_row_and_fails(books: Books, person: int) -> None:
    run = books.world.app.test_cli_runner()
    code = books.world.scheme.code
    clean = run.invoke(args=["ledger", "audit", "--scheme", code])
    assert clean.exit_code == 0, clean.output
    assert f"{code}: clean (" in clean.output and " 5 transfers" in clean.output
    tamper(books, f"UPDATE accounts SET balance = 1000 WHERE id = {WALLET}")
    bad = run.invoke(args=["ledger", "audit", "--scheme", code])
    assert bad.exit_code == 1
    assert f"{code}: NOT CLEAN" in bad.output and "balance 1000" in bad.output
    every = run.invoke(args=["ledger", "audit"])
    assert every.exit_code == 1 and bad.output in every.output
    assert run.invoke(args=["ledger", "audit", "--scheme", "nowhere"]).exit_code == 2
