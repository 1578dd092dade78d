"""Undoing in parts: some lines, never beyond them; awards of which some has expired or been spent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from points import clock
from points.db import db
from points.errors import Conflict, InsufficientPoints, LedgerFault
from points.ledger import AccountClass
from points.ledger.queries import balance_of, postings_of, transfer_of, wallet_lots
from tests.conftest import ON_15, WAYS
from tests.factories import Books

RUNS_ON = (*WAYS, *ON_15)

AT = datetime(2026, 11, 17, 4, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 2, 4, tzinfo=UTC)
THIS, NEXT = "2026-11-30", "2026-12-31"
C = AccountClass


@pytest.fixture(autouse=True)
def _in_november() -> Iterator[None]:
    with clock.at(AT):
        yield


def line_of(books: Books, transfer_id: int, klass: str, unit_id: int | None = None) -> int:
    db.session.rollback()
    [line] = [
        row.line
        for row in postings_of(books.scheme_id, transfer_id)
        if row.klass == klass and row.unit_id == (unit_id or books.points)
    ]
    return line


def sweep(books: Books, person: int, points: int, mark: str) -> None:
    """What the sweep does, in one transfer."""
    books.post(
        "expiry",
        books.leg("wallet", books.points, -points, person, mark),
        books.leg("expired", books.points, points, books.scheme_id),
    )


def of_scheme(books: Books, klass: AccountClass) -> int:
    db.session.rollback()
    return balance_of(books.scheme_id, books.scheme_id, books.points, klass)


def debt_of(books: Books, person: int) -> int:
    db.session.rollback()
    return balance_of(books.scheme_id, person, books.points, C.DEBT)


# ---------------------------------------------------------------- returns of some lines


def test_one_bag_of_two_comes_back(books: Books) -> None:
    person, rice, oil = books.person(), books.goods(10), books.goods(10)
    books.award(person, 100)
    made = books.redeem(person, 60, {rice: 2, oil: 1})
    lines = {
        line_of(books, made, "wallet"): 20,
        line_of(books, made, "takings"): 20,
        line_of(books, made, "shelf", rice): 1,
        line_of(books, made, "given_out", rice): 1,
    }
    back = books.undo(made, "return", lines=lines)
    assert (books.wallet(person), books.shelf(rice), books.shelf(oil)) == (60, 9, 9)
    assert transfer_of(books.scheme_id, back).part == 1
    assert {row.undoes for row in postings_of(books.scheme_id, back)} == set(lines)
    rest = books.undo(made, "return")
    assert transfer_of(books.scheme_id, rest).part == 2
    assert (books.wallet(person), books.shelf(rice), books.shelf(oil)) == (100, 10, 10)
    with pytest.raises(Conflict) as refused:
        books.undo(made, "return")
    assert refused.value.facts == {"cause": "reversed"}


def test_no_more_of_a_line_comes_back_than_went(books: Books) -> None:
    person, rice = books.person(), books.goods(10)
    books.award(person, 100)
    made = books.redeem(person, 60, {rice: 2})
    shelf, given = line_of(books, made, "shelf", rice), line_of(books, made, "given_out", rice)
    with pytest.raises(Conflict) as refused:
        books.undo(made, "return", lines={shelf: 3, given: 3})
    assert refused.value.facts == {"cause": "beyond", "line": shelf, "left": 2}
    books.undo(made, "return", lines={shelf: 2, given: 2})
    with pytest.raises(Conflict) as refused:
        books.undo(made, "return", lines={shelf: 1, given: 1})
    assert refused.value.facts == {"cause": "reversed", "line": shelf, "left": 0}
    books.undo(made, "return")  # the points that are left
    assert (books.wallet(person), books.shelf(rice)) == (100, 10)


@pytest.mark.parametrize("lines", [{9: 1}, {0: 0}, {0: -5}, {0: 5}])
def test_lines_are_lines_of_the_transfer_and_balance(books: Books, lines: dict[int, int]) -> None:
    person = books.person()
    books.award(person, 100)
    made = books.redeem(person, 60, {})
    with pytest.raises(LedgerFault):
        books.undo(made, "return", lines=lines)
    assert books.wallet(person) == 40


def test_what_two_passed_dates_paid_comes_back_to_one_account_line_by_line(books: Books) -> None:
    person = books.person()
    books.award(person, 10, "2026-10-31", occurred_at=AT)
    with clock.at(datetime(2026, 10, 5, tzinfo=UTC)):
        books.award(person, 20, THIS)
        made = books.redeem(person, 30, {})
    with clock.at(DECEMBER):
        back = books.undo(made, "return")
        assert wallet_lots(books.scheme_id, person, books.points) == [("2027-01-31", 30)]
        returned = [row for row in postings_of(books.scheme_id, back) if row.klass == "wallet"]
        assert sorted((row.amount, row.seq, row.balance_after) for row in returned) == [(10, 1, 10), (20, 2, 30)]


# ---------------------------------------------------------------- awards spent or expired


def test_an_award_is_taken_back_from_the_account_it_went_to(books: Books) -> None:
    person = books.person()
    made = books.award(person, 10, THIS)
    books.award(person, 10, NEXT)
    books.redeem(person, 4, {})
    with pytest.raises(InsufficientPoints) as refused:
        books.undo(made)
    assert refused.value.facts["missing_points"] == 4
    assert books.wallet(person) == 16


def test_with_permission_what_was_spent_is_a_debt_that_awards_repay(books: Books) -> None:
    person = books.person()
    made = books.award(person, 10)
    books.redeem(person, 7, {})
    books.undo(made, allow_debt=True)
    assert (books.wallet(person), debt_of(books, person)) == (0, -7)
    first = books.award(person, 5)
    assert (books.wallet(person), debt_of(books, person)) == (0, -2)
    books.award(person, 5)
    assert (books.wallet(person), debt_of(books, person)) == (3, 0)
    books.award(person, 5)
    assert (books.wallet(person), debt_of(books, person)) == (8, 0)
    books.undo(first)  # an award that repaid a debt, taken back: the debt is there again
    assert (books.wallet(person), debt_of(books, person)) == (8, -5)
    assert of_scheme(books, C.ISSUANCE) == -10


def test_two_awards_in_one_batch_repay_a_debt_once(books: Books) -> None:
    person = books.person()
    made = books.award(person, 10)
    books.redeem(person, 7, {})
    books.undo(made, allow_debt=True)
    books.post_all(
        books.draft("award", *books.award_legs(person, 5)),
        books.draft("award", *books.award_legs(books.person(), 5)),
        books.draft("award", *books.award_legs(person, 5)),
    )
    assert (books.wallet(person), debt_of(books, person)) == (3, 0)


def test_what_has_expired_of_an_award_comes_from_the_expired(books: Books) -> None:
    person = books.person()
    made = books.award(person, 10, THIS)
    other = books.award(person, 6, THIS)
    books.redeem(person, 4, {})
    with clock.at(DECEMBER):
        sweep(books, person, 12, THIS)
        books.undo(made)
        assert (books.wallet(person), of_scheme(books, C.EXPIRED)) == (0, 2)
        with pytest.raises(InsufficientPoints) as refused:
            books.undo(other)  # only two of its six have expired, the rest was spent
        assert refused.value.facts["missing_points"] == 4
        books.undo(other, allow_debt=True)
        assert (of_scheme(books, C.EXPIRED), debt_of(books, person)) == (0, -4)


def test_an_award_whose_date_has_passed_unswept_is_taken_from_its_account(books: Books) -> None:
    person = books.person()
    made = books.award(person, 10, THIS)
    with clock.at(DECEMBER):
        books.undo(made)
    assert (books.wallet(person), of_scheme(books, C.EXPIRED)) == (0, 0)


def test_a_debt_is_nobody_elses(books: Books) -> None:
    person, neighbour = books.person(), books.person()
    made = books.award(person, 10)
    books.redeem(person, 10, {})
    books.undo(made, allow_debt=True)
    books.award(neighbour, 5)
    assert (books.wallet(neighbour), debt_of(books, person)) == (5, -10)


def test_a_debt_is_per_unit(books: Books) -> None:
    person = books.person()
    made = books.award(person, 10)
    books.redeem(person, 10, {})
    books.undo(made, allow_debt=True)
    legs = (books.leg("issuance", books.honour, -5), books.leg("wallet", books.honour, 5, person))
    books.post("award", *legs)
    assert (books.wallet(person, books.honour), debt_of(books, person)) == (5, -10)
