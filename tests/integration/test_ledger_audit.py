"""The audit names the first bad row of every law that somebody broke behind the kernel's back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from points import clock
from points.db import db
from points.ledger.expiry import sweep
from points.proof.audit import audit
from points.proof.audit_accounts import BOUNDS, CACHE, MARK, RUNNING
from points.proof.audit_few import BEYOND, HELD, KEY, OPPOSITE, PARTS, UNDOES
from points.proof.audit_pass import EXPIRY, HASH, LINES, ORPHAN, TOUCH, WAS, ZERO
from tests.factories import Books, World
from tests.integration.bare_books import bare, books, tamper

__all__ = ["bare", "books"]  # fixtures

COPY = (
    "INSERT INTO transfers (scheme_id, id, kind, key, actor_id, request_hash, source_kind, source_id, reverses_id, part, "
    "occurred_at, recorded_at) SELECT scheme_id, :n, kind,"
)


@pytest.fixture
def person(books: Books) -> int:
    """Somebody with an award, a redemption and a return in the books."""
    made, rice = books.person(), books.goods(5)
    books.award(made, 50)
    books.undo(books.redeem(made, 20, {rice: 2}), "return")
    books.redeem(made, 10, {rice: 1})
    assert audit(books.scheme_id).is_clean
    return made


WALLET = "(SELECT id FROM accounts WHERE scheme_id = :s AND class = 'wallet')"
FIRST = f"account_id = {WALLET} AND seq = 1"
AWARD = "(SELECT id FROM transfers WHERE scheme_id = :s AND kind = 'award')"


def numbers(books: Books, question: str) -> list[int]:
    db.session.rollback()
    return list(db.session.scalars(text(question), {"s": books.scheme_id}))


def test_an_amount_changed(books: Books, person: int) -> None:
    broken = tamper(books, f"UPDATE postings SET amount = amount + 1 WHERE {FIRST}")
    assert broken == {ZERO, RUNNING, CACHE}


def test_an_amount_changed_with_all_that_follows_from_it(books: Books, person: int) -> None:
    """Even the balances put right: the transfer's sum tells."""
    broken = tamper(
        books,
        f"UPDATE postings SET amount = amount + 1 WHERE {FIRST}",
        f"UPDATE postings SET balance_after = balance_after + 1 WHERE account_id = {WALLET}",
        f"UPDATE accounts SET balance = balance + 1 WHERE id = {WALLET}",
    )
    assert broken == {ZERO}


def test_a_running_balance_changed(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE postings SET balance_after = 51 WHERE {FIRST}") == {RUNNING}


def test_a_balance_changed(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET balance = 1000 WHERE id = {WALLET}") == {CACHE}


def test_a_counter_changed(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET seq = seq + 1 WHERE id = {WALLET}") == {CACHE}


def test_a_number_skipped(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE postings SET seq = 9 WHERE account_id = {WALLET} AND seq = 4") == {RUNNING}


def test_a_posting_deleted(books: Books, person: int) -> None:
    broken = tamper(books, f"DELETE FROM postings WHERE {FIRST}")
    assert {LINES, ZERO, RUNNING, CACHE} == broken


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
    assert broken == {LINES}


def test_a_wallet_without_its_floor(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET floor = NULL WHERE id = {WALLET}") == {BOUNDS}
    assert tamper(books, f"UPDATE accounts SET floor = -100 WHERE id = {WALLET}") == {BOUNDS}


def test_more_held_than_there_is(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET held = 41 WHERE id = {WALLET}") == {BOUNDS, HELD}
    assert tamper(books, f"UPDATE accounts SET held = 0, ceiling = 39 WHERE id = {WALLET}") == {BOUNDS, WAS}


def test_a_balance_that_once_was_below_the_floor(books: Books, person: int) -> None:
    broken = tamper(books, f"UPDATE accounts SET floor = 35 WHERE id = {WALLET}")
    assert broken == {WAS}


def test_a_reversal_that_takes_from_where_no_periods_end_carried_it(books: Books) -> None:
    made, soon, late = books.person(), "2026-12-31", "2027-12-31"
    award = books.award(made, 20, soon)
    moved = (books.leg("wallet", books.points, -20, made, soon), books.leg("wallet", books.points, 20, made, late))
    books.post("carry", *moved)
    books.undo(award)
    assert audit(books.scheme_id).is_clean
    assert tamper(books, "UPDATE transfers SET kind = 'gift' WHERE scheme_id = :s AND kind = 'carry'") == {OPPOSITE}


def test_a_transfer_reversed_twice(books: Books, person: int) -> None:
    broken = tamper(
        books,
        f"{COPY} 'again', actor_id, request_hash, source_kind, source_id, "
        "reverses_id, part, occurred_at, recorded_at FROM transfers WHERE scheme_id = :s AND reverses_id IS NOT NULL",
    )
    assert broken == {PARTS, LINES}


def test_a_reversal_of_something_else(books: Books, person: int) -> None:
    last = "(SELECT MAX(id) FROM transfers WHERE scheme_id = :s AND kind = 'redemption')"
    broken = tamper(books, f"UPDATE transfers SET reverses_id = {last} WHERE scheme_id = :s AND kind = 'return'")
    assert broken == {BEYOND}


def test_a_reversal_that_undoes_another_line(books: Books, person: int) -> None:
    back = "transfer_id = (SELECT id FROM transfers WHERE scheme_id = :s AND kind = 'return')"
    for undoes in ("undoes + 1", "NULL", "99"):
        assert OPPOSITE in tamper(books, f"UPDATE postings SET undoes = {undoes} WHERE {back} AND line = 0")


def test_a_line_that_undoes_without_being_a_reversal(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE postings SET undoes = 0 WHERE transfer_id = {AWARD} AND line = 0") == {UNDOES}


def test_parts_with_a_gap(books: Books, person: int) -> None:
    assert tamper(books, "UPDATE transfers SET part = 2 WHERE scheme_id = :s AND kind = 'return'") == {PARTS}


def test_what_came_back_to_a_place_it_did_not_come_from(books: Books, person: int) -> None:
    """A return to somebody else, to another shelf, to another unit."""
    other = books.person()
    books.award(other, 1)
    back = "transfer_id = (SELECT id FROM transfers WHERE scheme_id = :s AND kind = 'return')"
    theirs = "(SELECT id FROM accounts WHERE holder_id = :other AND class = 'wallet')"
    shelf = "(SELECT id FROM accounts WHERE scheme_id = :s AND class = 'shelf')"
    mine = "(SELECT id FROM accounts WHERE holder_id = :person AND class = 'wallet')"
    for here, account in ((mine, theirs), (theirs, shelf), (shelf, mine)):
        moved = f"UPDATE postings SET account_id = {account} WHERE {back} AND account_id = {here}"
        assert OPPOSITE in tamper(books, moved, other=other, person=person)


def test_goods_that_came_back_to_another_batch(books: Books, person: int) -> None:
    books.post("donation", books.leg("supply", (item := books.goods()), -3), books.leg("shelf", item, 3, mark="B2"))
    back = "transfer_id = (SELECT id FROM transfers WHERE scheme_id = :s AND kind = 'return')"
    batch = "(SELECT id FROM accounts WHERE scheme_id = :s AND class = 'shelf' AND mark = 'B2')"
    rice = "(SELECT unit_id FROM accounts WHERE scheme_id = :s AND class = 'shelf' AND mark = '0')"
    shelf = "(SELECT id FROM accounts WHERE scheme_id = :s AND class = 'shelf' AND mark = '0')"
    broken = tamper(
        books,
        f"UPDATE accounts SET unit_id = {rice} WHERE id = {batch}",
        f"UPDATE postings SET account_id = {batch} WHERE {back} AND account_id = {shelf}",
    )
    assert OPPOSITE in broken


def test_a_kind_rewritten(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE transfers SET kind = 'waste' WHERE id = {AWARD}") == {TOUCH}
    assert tamper(books, "UPDATE transfers SET kind = 'gift' WHERE scheme_id = :s AND kind = 'waste'") == {TOUCH}


def test_a_key_emptied(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE transfers SET key = '' WHERE id = {AWARD}") == {HASH}


def test_one_key_for_two_transfers(books: Books, person: int) -> None:
    assert tamper(books, "UPDATE transfers SET key = 'k' WHERE scheme_id = :s AND kind <> 'return'") == {KEY}


def test_a_hash_shortened(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE transfers SET request_hash = 'x' WHERE id = {AWARD}") == {HASH}


def test_a_date_rewritten(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET mark = '2026-12-30' WHERE id = {WALLET}") == {MARK}


def test_a_class_or_a_unit_nobody_knows(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET class = 'purse' WHERE id = {WALLET}") >= {MARK, TOUCH}
    assert tamper(books, "UPDATE accounts SET unit_id = 5 WHERE scheme_id = :s AND class = 'takings'") >= {MARK, TOUCH}


def test_transfers_that_counted_in_another_order_than_they_are_named(books: Books, person: int) -> None:
    """Two at the same time: the one with the smaller number may have come second."""
    for _ in range(3):
        books.redeem(person, 1, {})
    first, second = "(SELECT MIN(id) FROM spent)", "(SELECT MAX(id) FROM spent)"
    spent = "WITH spent AS (SELECT id FROM transfers WHERE scheme_id = :s AND kind = 'redemption' AND key <> 'gone')"
    ids = [*numbers(books, f"{spent} SELECT {first}"), *numbers(books, f"{spent} SELECT {second}")]
    for table, column in (("transfers", "id"), ("postings", "transfer_id")):
        swap = f"CASE WHEN {column} = :a THEN :b ELSE :a END"
        tamper(books, f"UPDATE {table} SET {column} = -{column} WHERE {column} IN (:a, :b)", a=ids[0], b=ids[1])
        tamper(
            books,
            f"UPDATE {table} SET {column} = {swap.replace('= :a', '= -:a')} WHERE {column} IN (-:a, -:b)",
            **{"a": ids[0], "b": ids[1]},
        )
    reversed_ = (
        "UPDATE transfers SET reverses_id = CASE reverses_id WHEN :a THEN :b WHEN :b THEN :a END WHERE kind = 'return'"
    )
    assert tamper(books, f"{reversed_} AND scheme_id = :s", a=ids[0], b=ids[1]) == set()


def test_two_postings_with_one_number(books: Books, person: int) -> None:
    assert RUNNING in tamper(books, f"UPDATE postings SET seq = 9 WHERE account_id = {WALLET} AND seq > 2")


def test_a_transfer_with_one_line(books: Books, person: int) -> None:
    assert LINES in tamper(books, f"DELETE FROM postings WHERE transfer_id = {AWARD} AND line = 1")


def test_lines_of_a_transfer_that_never_was(books: Books, person: int) -> None:
    """Before, between and after the others."""
    for number in ("1", "(SELECT MIN(id) + 1 FROM transfers WHERE scheme_id = :s)", "9223372036854775807"):
        broken = tamper(
            books,
            "INSERT INTO postings (scheme_id, transfer_id, line, account_id, amount, seq, balance_after) "
            f"VALUES (:s, {number}, 0, {WALLET}, 5, 77, 1)",
        )
        assert {ORPHAN, LINES, ZERO} <= broken


def test_points_that_expired_before_their_date(books: Books, person: int) -> None:
    with clock.at(datetime(2026, 11, 30, 4, tzinfo=UTC)):
        books.award(person, 5, "2026-11-30")
    with clock.at(datetime(2026, 11, 30, 17, tzinfo=UTC)):  # December in Shanghai
        sweep(books.scheme_id, date(2026, 12, 1), at=clock.now())
    earlier = "UPDATE transfers SET recorded_at = '2026-11-30 15:59:59.000000' WHERE scheme_id = :s AND kind = 'expiry'"
    assert tamper(books) == set()
    assert tamper(books, earlier) == {EXPIRY}


def test_a_debt_that_turned_into_a_present(books: Books, person: int) -> None:
    made = books.award(person, 30)
    books.redeem(person, 60, {})
    books.undo(made, allow_debt=True)
    assert tamper(books) == set()
    debt = "WHERE scheme_id = :s AND class = 'debt'"
    assert tamper(books, f"UPDATE accounts SET ceiling = 5 {debt}") == {BOUNDS}
    assert tamper(books, f"UPDATE accounts SET ceiling = NULL {debt}") == {BOUNDS}
    assert tamper(books, f"UPDATE accounts SET ceiling = 0, floor = -1 {debt}") == {BOUNDS}
    assert WAS in tamper(books, f"UPDATE accounts SET ceiling = -30, floor = NULL {debt}")


def test_stripes_where_there_may_be_none(books: Books, person: int) -> None:
    assert tamper(books, f"UPDATE accounts SET stripe = 1 WHERE id = {WALLET}") == {BOUNDS}


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


def test_the_command_speaks_json(books: Books, person: int) -> None:
    asked = ["ledger", "audit", "--json", "--scheme", books.world.scheme.code]
    run = books.world.app.test_cli_runner()
    [clean] = json.loads(run.invoke(args=asked).stdout)
    assert (clean["scheme"], clean["clean"], clean["transfers"]) == (books.world.scheme.code, True, 5)
    tamper(books, f"UPDATE accounts SET balance = 1000 WHERE id = {WALLET}")
    bad = run.invoke(args=asked)
    [finding] = json.loads(bad.stdout)[0]["findings"]
    assert (bad.exit_code, finding["law"], finding["row"]["recomputed"]) == (1, CACHE, 40)
