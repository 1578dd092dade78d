"""Balances made again from postings and holds are those that are stored, and whatever is stored otherwise is named."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from points import clock
from points.db import in_own_transaction
from points.ledger import hold
from points.proof.audit import audit
from points.proof.rebuild import rebuild
from tests.factories import Books
from tests.integration.bare_books import bare, books, tamper

__all__ = ["bare", "books"]  # fixtures

WALLET = "(SELECT id FROM accounts WHERE scheme_id = :s AND class = 'wallet')"


@pytest.fixture
def person(books: Books) -> int:
    made, rice, now = books.person(), books.goods(5), clock.now()
    books.award(made, 50)
    books.undo(books.redeem(made, 20, {rice: 2}), "return")
    draft = books.draft("redemption", *books.redeem_legs(made, 12, {rice: 1}))
    in_own_transaction(lambda: hold(books.scheme_id, draft, until=now + timedelta(hours=1), at=now))
    return made


def run(books: Books, *args: str) -> Any:
    asked = ["ledger", "rebuild", "--scheme", books.world.scheme.code, *args]
    return books.world.app.test_cli_runner().invoke(args=asked)


def test_what_is_rebuilt_is_what_is_stored(books: Books, person: int) -> None:
    result = rebuild(books.scheme_id)
    assert result.is_same and result.accounts == audit(books.scheme_id).accounts >= 6
    said = run(books)
    assert (said.exit_code, said.output) == (
        0,
        f"{books.world.scheme.code}: the same ({result.accounts} accounts rebuilt)\n",
    )
    assert books.world.app.test_cli_runner().invoke(args=["ledger", "rebuild", "--scheme", "nowhere"]).exit_code == 2


@pytest.mark.parametrize(
    ("column", "said"),
    [("balance", "balance 51, rebuilt 50"), ("held", "held 13, rebuilt 12"), ("seq", "counter 4, rebuilt 3")],
)
def test_what_is_stored_otherwise_is_named(books: Books, person: int, column: str, said: str) -> None:
    tamper(books, f"UPDATE accounts SET {column} = {column} + 1 WHERE id = {WALLET}")
    [difference] = rebuild(books.scheme_id).differences
    assert str(difference) == f"account {difference.account_id}: {said}"
    bad = run(books)
    assert bad.exit_code == 1 and "NOT THE SAME" in bad.output and said in bad.output
    plain = run(books, "--json")
    [answer] = json.loads(plain.stdout)
    assert (plain.exit_code, answer["same"], answer["differences"][0]["account_id"]) == (
        1,
        False,
        difference.account_id,
    )


def test_it_looks_at_one_moment_and_holds_no_writer_up(books: Books, person: int) -> None:
    from points.proof.rebuild import rebuild_on
    from points.proof.snapshot import snapshot

    with snapshot() as connection:
        assert rebuild_on(connection, books.scheme_id).is_same
        books.award(person, 1)
        assert rebuild_on(connection, books.scheme_id).is_same  # as of the same moment
    assert rebuild(books.scheme_id).is_same
