"""Whoever can write every table, past triggers and foreign keys, is found out by ``verify``, which names the row."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text

from points import clock
from points.db import db, new_id
from points.proof.audit import audit
from points.proof.proofs import published
from points.proof.snapshot import snapshot
from points.proof.verify import MOST, Finding, broken_seals
from tests.conftest import as_superuser
from tests.factories import Books, World
from tests.integration.test_seals import TUESDAY, award, on, seal, the_scheme, verdict


def tamper(books: Books, *statements: str, **facts: Any) -> None:
    """Do it with raw SQL as somebody whom no trigger and no foreign key stops."""
    facts = {"s": books.scheme_id, **facts}
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        with as_superuser() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                assert connection.execute(text(statement), facts).rowcount
        return
    with closing(sqlite3.connect(str(db.engine.url.database), isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert raw.execute(statement, {k: v for k, v in facts.items() if f":{k}" in statement}).rowcount
        for _, sql in triggers:
            raw.execute(sql)
        raw.execute("COMMIT")


def findings(books: Books, **how: Any) -> list[Finding]:
    return list(verdict(books, on(5), **how).findings)


class Week:
    """Two awards and a redemption on Tuesday, a return on Wednesday, an award on Thursday; all sealed."""

    def __init__(self, books: Books) -> None:
        with clock.at(on(0)):
            self.person, rice = books.person(), books.goods()
            self.stocked = books.post(
                "donation", books.leg("supply", rice, -9), books.leg("shelf", rice, 9, mark="2027-03")
            )
            self.first, self.second = books.award(self.person, 50), books.award(self.person, 8)
            self.redeemed = books.redeem(self.person, 20, {rice: 2})
        self.tuesday = sorted((self.stocked, self.first, self.second, self.redeemed))  # as the seal orders them
        with clock.at(on(1)):
            self.returned = books.undo(self.redeemed, "return")
        self.third = award(books, on(2), 6)
        seal(books, on(5))


@pytest.fixture
def week(books: Books) -> Week:
    made = Week(books)
    assert findings(books) == []
    return made


Attack = tuple[str, Callable[[Week], int | None], str]
OF = "scheme_id = :s AND transfer_id = :t"
# one statement that changes one row · which transfer is named · what is said about it
ALTERED: dict[str, Attack] = {
    "an amount": (
        f"UPDATE postings SET amount = amount + 5 WHERE {OF} AND line = 1",
        lambda week: week.first,
        "the amount of line 1 was changed from",
    ),
    "a running balance": (
        f"UPDATE postings SET balance_after = balance_after + 5 WHERE {OF} AND line = 0",
        lambda week: week.first,
        "line 0 was changed: now account",
    ),
    "whose line it is": (
        f"UPDATE postings SET account_id = (SELECT account_id FROM postings WHERE scheme_id = :s AND "
        f"transfer_id = :u AND line = 1), seq = 99 WHERE {OF} AND line = 1",
        lambda week: week.redeemed,
        "line 1 was changed: now account",
    ),
    "a line's number": (
        f"UPDATE postings SET seq = 77 WHERE {OF} AND line = 0",
        lambda week: week.redeemed,
        "line 0 was changed",
    ),
    "which line is undone": (
        f"UPDATE postings SET undoes = 3 WHERE {OF} AND undoes = 0",
        lambda week: week.returned,
        "was changed: now account",
    ),
    "the kind": (
        "UPDATE transfers SET kind = 'opening' WHERE scheme_id = :s AND id = :t",
        lambda week: week.first,
        "its own row was changed: now transfer",
    ),
    "who did it": (
        "UPDATE transfers SET actor_id = 12345 WHERE scheme_id = :s AND id = :t",
        lambda week: week.second,
        "actor 12345",
    ),
    "when it happened": (
        "UPDATE transfers SET occurred_at = '2026-11-01 00:00:00.000000' WHERE scheme_id = :s AND id = :t",
        lambda week: week.third,
        "occurred 2026-11-01T",
    ),
    "the key": (
        "UPDATE transfers SET key = 'another' WHERE scheme_id = :s AND id = :t",
        lambda week: week.third,
        "its own row was changed",
    ),
    "the request": (
        "UPDATE transfers SET request_hash = 'x' WHERE scheme_id = :s AND id = :t",
        lambda week: week.third,
        "request x",
    ),
    "the paper behind it": (
        "UPDATE transfers SET source_id = 99 WHERE scheme_id = :s AND id = :t",
        lambda week: week.third,
        "source 99",
    ),
    "what it reverses": (
        "UPDATE transfers SET reverses_id = 99 WHERE scheme_id = :s AND id = :t",
        lambda week: week.returned,
        "reverses 99",
    ),
    "a transfer gone": (
        "DELETE FROM transfers WHERE scheme_id = :s AND id = :t",
        lambda week: week.second,
        "was deleted",
    ),
    "a line gone": (f"DELETE FROM postings WHERE {OF} AND line = 1", lambda week: week.redeemed, "line 1 was deleted"),
    "a line added": (
        "INSERT INTO postings SELECT scheme_id, transfer_id, 9, account_id, 3, seq + 900, 3, NULL FROM postings "
        f"WHERE {OF} AND line = 0",
        lambda week: week.first,
        "line 9 was added: now account",
    ),
    "a leaf's hash": (
        f"UPDATE seal_leaves SET leaf = '{'ab' * 32}' WHERE {OF}",
        lambda week: week.first,
        "its leaf was changed, not its rows",
    ),
    "a leaf's hash, no hash at all": (
        f"UPDATE seal_leaves SET leaf = 'nonsense' WHERE {OF}",
        lambda week: week.first,
        "its leaf was changed, not its rows",
    ),
    "a leaf's salt": (
        f"UPDATE seal_leaves SET salt = '{'cd' * 16}' WHERE {OF}",
        lambda week: week.first,
        "its salt, or every row of it",
    ),
    "a shelf's batch": (
        "UPDATE accounts SET mark = '2037-03' WHERE scheme_id = :s AND class = 'shelf'",
        lambda week: week.stocked,
        "mark 2037-03",
    ),
    "an account gone": (
        "DELETE FROM accounts WHERE scheme_id = :s AND class = 'shelf'",
        lambda week: week.stocked,
        "holder None",
    ),
    "a unit's decimals": (
        "UPDATE units SET scale = 3 WHERE scheme_id = :s AND code LIKE 'ITEM%'",
        lambda week: week.stocked,
        "scale 3",
    ),
    "a leaf gone": (f"DELETE FROM seal_leaves WHERE {OF}", lambda week: None, "leaf 1 of the day is gone"),
    "a day's count": (
        "UPDATE seals SET count = 9 WHERE scheme_id = :s AND number = 1",
        lambda week: None,
        "seal 1 is not the hash of its day, count",
    ),
    "a day's time": (
        "UPDATE seals SET sealed_at = '2026-11-30 00:00:00.000000' WHERE scheme_id = :s AND number = 2",
        lambda week: None,
        "seal 2 is not the hash of its day, count",
    ),
    "a day's seal": (
        f"UPDATE seals SET seal = '{'ef' * 32}' WHERE scheme_id = :s AND number = 2",
        lambda week: None,
        "seal 2 is not the hash of its day",
    ),
    "a seal gone": (
        "DELETE FROM seals WHERE scheme_id = :s AND number = 2",
        lambda week: None,
        "seal 2 is gone: the next is number 3",
    ),
    "a seal's day": (
        "UPDATE seals SET day = '2026-12-24' WHERE scheme_id = :s AND number = 4",
        lambda week: None,
        "seal 4 is of another day",
    ),
}


@pytest.mark.parametrize("what", ALTERED)
def test_one_row_altered_or_deleted_is_named(books: Books, week: Week, what: str) -> None:
    statement, named, said = ALTERED[what]
    facts = {"t": named(week) or week.tuesday[1], "u": week.third}
    tamper(books, statement, **{name: facts[name] for name in facts if f":{name}" in statement})
    found = findings(books)[0]
    assert said in found.what
    assert found.transfer_id == named(week)
    assert found.day or "is gone" in found.what


def test_what_the_amount_was_is_told_when_the_sum_tells_it(books: Books, week: Week) -> None:
    tamper(books, f"UPDATE postings SET amount = 7 WHERE {OF} AND amount = 8", t=week.second)
    assert str(findings(books)[0]).startswith(f"{TUESDAY}, transfer {week.second}: the amount of line ")
    assert str(findings(books)[0]).endswith("was changed from 8 to 7")


def test_two_leaves_that_changed_places_are_named(books: Books, week: Week) -> None:
    move = "UPDATE seal_leaves SET position = {} WHERE scheme_id = :s AND transfer_id = {}"
    one, other = week.tuesday[1:3]
    tamper(books, move.format(99, one), move.format(1, other), move.format(2, one))
    found = findings(books)
    assert (found[0].transfer_id, found[0].what) == (one, "leaf 2 stands out of order")
    assert found[-1].what == "the leaves of the day do not come to its root"


def test_lines_swapped_between_two_transfers_are_named(books: Books, week: Week) -> None:
    """Each transfer still balances, every account still adds up: only the seal knows."""
    amounts = "amount = CASE transfer_id WHEN :t THEN 8 ELSE 50 END * CASE WHEN amount > 0 THEN 1 ELSE -1 END"
    tamper(
        books,
        f"UPDATE postings SET {amounts} WHERE scheme_id = :s AND transfer_id IN (:t, :u)",
        t=week.first,
        u=week.second,
    )
    found = findings(books)
    assert [one.transfer_id for one in found] == sorted([week.first, week.second])
    assert "line 0 was changed" in found[0].what and "line 1 was changed" in found[0].what


def test_a_row_forged_together_with_its_leaf_breaks_the_root(books: Books, week: Week) -> None:
    from points.proof.leaves import contents_of

    tamper(books, f"UPDATE postings SET amount = -amount WHERE {OF}", t=week.first)
    with snapshot() as connection:
        forged = contents_of(connection, books.scheme_id, [week.first])[week.first].leaf(bytes(16)).hex()
    tamper(books, f"UPDATE seal_leaves SET leaf = '{forged}', salt = '{'00' * 16}' WHERE {OF}", t=week.first)
    assert findings(books) == [Finding("the leaves of the day do not come to its root", TUESDAY)]


def test_a_transfer_slipped_in_afterwards_is_named(books: Books, week: Week) -> None:
    forged = new_id()
    same = "actor_id, request_hash, source_kind, source_id, occurred_at, recorded_at"
    tamper(
        books,
        f"INSERT INTO transfers (scheme_id, id, kind, key, {same}) SELECT scheme_id, :n, kind, :k, {same} FROM transfers "
        "WHERE scheme_id = :s AND id = :t",
        n=forged,
        k="slipped in",
        t=week.first,
    )
    assert [(one.day, one.transfer_id) for one in findings(books)] == [(TUESDAY, forged)]
    assert "slipped in afterwards" in findings(books)[0].what


def test_a_leaf_of_no_day_is_named(books: Books, week: Week) -> None:
    tamper(books, "DELETE FROM seals WHERE scheme_id = :s AND number = 3")
    assert Finding("the day of this leaf has no seal", on(2).date(), week.third) in findings(books)


OF_THE_SEALS = (
    "a leaf gone",
    "a day's count",
    "a day's time",
    "a day's seal",
    "a seal gone",
    "a seal's day",
    "a leaf's hash",
)


@pytest.mark.parametrize("what", OF_THE_SEALS)
def test_the_quick_look_at_the_seals_alone_sees_what_was_done_to_them(books: Books, week: Week, what: str) -> None:
    tamper(books, ALTERED[what][0], **({"t": week.tuesday[1]} if ":t" in ALTERED[what][0] else {}))
    with snapshot() as connection:
        found = list(broken_seals(connection, books.scheme_id))
    whole = findings(books)
    assert found and set(found) <= set(whole)
    [named] = [one for one in audit(books.scheme_id).findings if one.law == "the seals hold together"]
    assert (named.row["what"], named.row["day"]) == (found[0].what, str(found[0].day))


def test_the_quick_look_leaves_the_rows_behind_them_to_verify(books: Books, week: Week) -> None:
    tamper(books, "UPDATE transfers SET source_kind = 'x' WHERE scheme_id = :s")
    with snapshot() as connection:
        assert list(broken_seals(connection, books.scheme_id)) == []


def test_a_history_sealed_anew_shows_against_the_published_seals(books: Books, week: Week) -> None:
    """Whoever may write everything throws the seals away, rewrites the past and seals it again."""
    with snapshot() as connection:
        kept = json.loads("".join(published(connection, the_scheme(books, connection))))["seals"]
    assert findings(books, published=kept) == []
    tamper(books, "DELETE FROM seal_leaves WHERE scheme_id = :s", "DELETE FROM seals WHERE scheme_id = :s")
    tamper(books, f"UPDATE postings SET amount = -amount WHERE {OF}", t=week.first)
    seal(books, on(3))
    assert findings(books) == []  # the forged chain is whole in itself
    found = findings(books, published=kept)
    assert found[0] == Finding(f"seal 1 of {TUESDAY} was published with another root, sealed, seal")
    assert found[-1] == Finding("seal 5 of 2026-11-21 was published and is not here")


def test_not_more_is_told_than_anybody_reads(books: Books) -> None:
    with clock.at(on(0)):
        person = books.person()
        books.post_all(*(books.draft("award", *books.award_legs(person, 1)) for _ in range(MOST + 5)))
    seal(books, on(1))
    tamper(books, "UPDATE transfers SET source_kind = 'x' WHERE scheme_id = :s")
    assert len(findings(books)) == MOST


def test_a_scheme_answers_for_itself_alone(books: Books, week: Week) -> None:
    other = Books(World(books.world.app))
    award(other, on(0))
    seal(other, on(5))
    tamper(books, "UPDATE transfers SET source_kind = 'x' WHERE scheme_id = :s")
    assert findings(books) and not findings(other)
