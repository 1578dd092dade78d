"""The audit of holds: whatever somebody did to one behind the kernel's back is named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from points import clock
from points.db import in_own_transaction
from points.ledger import capture, hold, release, request_hash, time_out
from points.proof.audit_few import ENDING, HELD, KEY, WAITING
from tests.factories import Books
from tests.integration.bare_books import bare, books, tamper

__all__ = ["bare", "books"]  # fixtures

HOUR = timedelta(hours=1)
OPEN, TAKEN, LEFT, LATE = "'open'", "'taken'", "'left'", "'late'"


def of(key: str) -> str:
    return f"(SELECT id FROM holds WHERE scheme_id = :s AND key = {key})"


@pytest.fixture(autouse=True)
def _holds(books: Books) -> None:
    """A hold that is open, and one of every ending."""
    person, rice = books.person(), books.goods(9)
    books.award(person, 50)
    now, ids = clock.now(), {}
    for key in ("open", "taken", "left", "late"):
        draft = books.draft("redemption", *books.redeem_legs(person, 5, {rice: 1}), key=key)
        held = in_own_transaction(
            lambda draft=draft: hold(
                books.scheme_id, draft, until=now + HOUR * (1 if draft.key == "late" else 9), at=now
            )
        )
        ids[key] = held.hold_id
    facts = {"actor_id": 1, "request_hash": request_hash(x=1), "source_kind": "t", "source_id": None, "at": now}
    in_own_transaction(lambda: capture(books.scheme_id, ids["taken"], key="c", **facts))
    in_own_transaction(lambda: release(books.scheme_id, ids["left"], actor_id=1, at=now))
    assert time_out(books.scheme_id, at=now + 2 * HOUR) == 1
    assert tamper(books) == set()


def test_something_set_aside_that_nobody_holds(books: Books) -> None:
    assert tamper(books, "UPDATE accounts SET held = held + 1 WHERE scheme_id = :s AND class = 'wallet'") == {HELD}


def test_a_hold_that_was_made_larger(books: Books) -> None:
    assert tamper(books, f"UPDATE hold_lines SET amount = 2 * amount WHERE hold_id = {of(OPEN)}") == {HELD}


def test_a_hold_that_sums_to_something(books: Books) -> None:
    line = f"UPDATE hold_lines SET amount = amount + 1 WHERE hold_id = {of(OPEN)} AND amount > 1"
    assert tamper(books, line) == {WAITING}


def test_a_hold_without_lines(books: Books) -> None:
    assert tamper(books, f"DELETE FROM hold_lines WHERE hold_id = {of(LEFT)}") == {WAITING}


def test_a_hold_that_takes_from_nowhere(books: Books) -> None:
    assert WAITING in tamper(books, f"UPDATE hold_lines SET amount = -amount WHERE hold_id = {of(LEFT)}")


def test_a_hold_deleted(books: Books) -> None:
    assert {WAITING, ENDING} <= tamper(books, f"DELETE FROM holds WHERE id = {of(TAKEN)}")


def test_a_line_at_an_account_that_never_was(books: Books) -> None:
    assert WAITING in tamper(books, f"UPDATE hold_lines SET account_id = 5 WHERE hold_id = {of(LEFT)} AND line = 0")


def test_a_release_deleted(books: Books) -> None:
    assert tamper(books, f"DELETE FROM hold_resolutions WHERE hold_id = {of(LEFT)}") == {HELD}


def test_a_hold_that_ended_twice(books: Books) -> None:
    broken = tamper(
        books,
        "INSERT INTO hold_resolutions SELECT scheme_id, hold_id, 'expired', NULL, actor_id, resolved_at "
        f"FROM hold_resolutions WHERE hold_id = {of(LATE)}",
    )
    assert broken == {ENDING}


def test_a_hold_that_ran_out_before_its_time(books: Books) -> None:
    assert tamper(books, f"UPDATE hold_resolutions SET outcome = 'expired' WHERE hold_id = {of(LEFT)}") == {ENDING}


def test_a_release_that_names_a_transfer(books: Books) -> None:
    transfer = "(SELECT transfer_id FROM hold_resolutions WHERE scheme_id = :s AND transfer_id IS NOT NULL)"
    assert tamper(books, f"UPDATE hold_resolutions SET transfer_id = {transfer} WHERE hold_id = {of(LEFT)}") == {ENDING}


def test_a_capture_without_its_transfer(books: Books) -> None:
    for transfer in ("NULL", "5"):
        update = f"UPDATE hold_resolutions SET transfer_id = {transfer} WHERE hold_id = {of(TAKEN)}"
        assert tamper(books, update) == {ENDING}


def test_a_capture_of_more_than_was_held(books: Books) -> None:
    assert tamper(books, f"UPDATE hold_lines SET amount = amount - 1 WHERE hold_id = {of(TAKEN)} AND amount > 1") == {
        *(ENDING, WAITING)
    }


def test_a_capture_of_something_else(books: Books) -> None:
    """A transfer of another kind, and one that moved elsewhere."""
    for kind in ("opening", "redemption"):
        other = f"(SELECT MIN(id) FROM transfers WHERE scheme_id = :s AND kind <> 'x{kind}')"
        assert ENDING in tamper(
            books,
            f"UPDATE holds SET kind = '{kind}' WHERE id = {of(TAKEN)}",
            f"UPDATE hold_resolutions SET transfer_id = {other} WHERE hold_id = {of(TAKEN)}",
        )


def test_two_holds_that_ended_in_one_transfer(books: Books) -> None:
    transfer = "(SELECT MAX(transfer_id) FROM hold_resolutions WHERE scheme_id = :s AND transfer_id IS NOT NULL)"
    set_ = f"UPDATE hold_resolutions SET outcome = 'captured', transfer_id = {transfer} WHERE hold_id = {of(LEFT)}"
    assert tamper(books, set_) == {ENDING}


def test_one_key_for_two_holds(books: Books) -> None:
    assert tamper(books, "UPDATE holds SET key = 'same' WHERE scheme_id = :s") == {KEY}
