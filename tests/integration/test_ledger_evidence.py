"""From the shelf to the deeds and back: which award paid for which redemption."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from points import clock
from points.db import db
from points.errors import LedgerFault
from points.ledger.evidence import Trail
from points.ledger.expiry import sweep
from points.ledger.queries import paid_by, paid_for, postings_of, undone_by
from tests.conftest import WAYS
from tests.factories import Books

RUNS_ON = WAYS

AT = datetime(2026, 11, 17, 4, tzinfo=UTC)
SOON, LATER = "2026-12-31", "2027-01-31"


@pytest.fixture(autouse=True)
def _the_clock_stands_still() -> Iterator[None]:
    """So that nothing but the accounts' own order can tell what came first."""
    with clock.at(AT):
        yield


def deeds(books: Books, transfer: int) -> list[tuple[int, int]]:
    db.session.rollback()
    return [(part.transfer_id, part.amount) for part in paid_by(books.scheme_id, transfer)]


def uses(books: Books, award: int) -> tuple[list[tuple[int, int]], int]:
    db.session.rollback()
    found = paid_for(books.scheme_id, award)
    return [(part.transfer_id, part.amount) for part in found.uses], found.left


def test_points_are_spent_first_in_first_out(books: Books) -> None:
    person = books.person()
    garden, stairs, report = (books.award(person, n) for n in (10, 20, 30))
    soap = books.redeem(person, 15, {})
    rice = books.redeem(person, 30, {})
    assert deeds(books, soap) == [(garden, 10), (stairs, 5)]
    assert deeds(books, rice) == [(stairs, 15), (report, 15)]
    assert uses(books, garden) == ([(soap, 10)], 0)
    assert uses(books, stairs) == ([(soap, 5), (rice, 15)], 0)
    assert uses(books, report) == ([(rice, 15)], 15)


def test_the_soonest_date_pays_first_whatever_was_earned_first(books: Books) -> None:
    person = books.person()
    garden, stairs = books.award(person, 10, LATER), books.award(person, 10, SOON)
    rice = books.redeem(person, 15, {})
    assert deeds(books, rice) == [(stairs, 10), (garden, 5)]
    parts = paid_by(books.scheme_id, rice)
    assert [(part.mark, part.kind) for part in parts] == [(SOON, "award"), (LATER, "award")]


def test_what_is_returned_goes_on_under_the_name_of_its_deeds(books: Books) -> None:
    person = books.person()
    garden = books.award(person, 10)
    rice = books.redeem(person, 10, {})
    back = books.undo(rice, "return")
    assert uses(books, garden) == ([(rice, 10), (back, -10)], 10)
    stairs = books.award(person, 10)
    oil = books.redeem(person, 15, {})
    assert deeds(books, oil) == [(garden, 10), (stairs, 5)]
    assert deeds(books, rice) == [(garden, 10)]
    assert deeds(books, back) == []


def test_a_return_after_the_date_carries_its_deeds_to_the_new_account(books: Books) -> None:
    person = books.person()
    garden, stairs = books.award(person, 10, SOON), books.award(person, 10, "never")
    rice = books.redeem(person, 14, {})
    with clock.at(datetime(2027, 1, 4, tzinfo=UTC)):
        back = books.undo(rice, "return")
        oil = books.redeem(person, 16, {})
    assert deeds(books, oil) == [(garden, 10), (stairs, 6)]
    assert uses(books, garden) == ([(rice, 10), (back, -10), (oil, 10)], 0)
    assert uses(books, stairs)[1] == 4


def test_a_reversal_takes_the_awards_own_points_first(books: Books) -> None:
    person = books.person()
    garden, wrong = books.award(person, 10), books.award(person, 10)
    undone = books.undo(wrong)
    rice = books.redeem(person, 10, {})
    assert deeds(books, undone) == [(wrong, 10)]
    assert deeds(books, rice) == [(garden, 10)]
    assert uses(books, wrong) == ([(undone, 10)], 0)


def test_balances_brought_in_count_as_a_deed(books: Books) -> None:
    person = books.person()
    brought = books.post(
        "opening", books.leg("opening", books.points, -10), books.leg("wallet", books.points, 10, person)
    )
    rice = books.redeem(person, 4, {})
    assert deeds(books, rice) == [(brought, 4)]
    assert uses(books, brought) == ([(rice, 4)], 6)


def test_honour_and_minutes_are_left_out_and_stock_moves_have_no_deeds(books: Books) -> None:
    person = books.person()
    legs = [books.leg("issuance", unit, -n) for unit, n in ((books.points, 5), (books.minutes, 90))]
    legs += [books.leg("wallet", unit, n, person) for unit, n in ((books.points, 5), (books.minutes, 90))]
    assert uses(books, books.post("award", *legs)) == ([], 5)
    rice = books.goods()
    assert deeds(books, books.post("donation", books.leg("supply", rice, -1), books.leg("shelf", rice, 1))) == []


def test_an_award_to_several_people_is_followed_in_every_wallet(books: Books) -> None:
    one, other = books.person(), books.person()
    legs = [books.leg("issuance", books.points, -15)]
    legs += [books.leg("wallet", books.points, n, who) for who, n in ((one, 10), (other, 5))]
    award = books.post("award", *legs)
    rice, oil = books.redeem(one, 4, {}), books.redeem(other, 5, {})
    found, left = uses(books, award)
    assert sorted(found) == sorted([(rice, 4), (oil, 5)]) and left == 6


def test_a_return_without_its_redemption_is_a_fault(books: Books) -> None:
    class Row:
        account_id, mark, transfer_id, line, amount, undoes, reverses_id = 1, "never", 2, 0, 5, 0, 3

    class Debit(Row):
        account_id, transfer_id, amount, undoes, reverses_id = 1, 3, -5, None, None

    with pytest.raises(LedgerFault):
        Trail([Row, Debit])  # type: ignore[list-item]


# ---------------------------------------------------------------- in parts


def back(books: Books, transfer: int, points: int, mark: str) -> int:
    """A return of so many of the points that a redemption took from a date."""
    db.session.rollback()
    lines = {(row.klass, row.mark): row.line for row in postings_of(books.scheme_id, transfer)}
    return books.undo(transfer, "return", lines={lines["wallet", mark]: points, lines["takings", ""]: points})


def test_what_comes_back_in_parts_comes_back_once(books: Books) -> None:
    """The second part brings back what the first has left, not the first deed again."""
    person = books.person()
    garden, stairs = books.award(person, 10, SOON), books.award(person, 10, SOON)
    rice = books.redeem(person, 20, {})
    first, second = back(books, rice, 12, SOON), back(books, rice, 8, SOON)
    assert uses(books, garden) == ([(rice, 10), (first, -10)], 10)
    assert uses(books, stairs) == ([(rice, 10), (first, -2), (second, -8)], 10)
    assert deeds(books, rice) == [(garden, 10), (stairs, 10)]  # what paid for it then
    assert undone_by(books.scheme_id, rice) == [first, second]


def test_a_part_comes_back_to_the_line_it_undoes(books: Books) -> None:
    person = books.person()
    garden, stairs = books.award(person, 10, SOON), books.award(person, 10, LATER)
    rice = books.redeem(person, 15, {})
    part = back(books, rice, 4, LATER)
    assert uses(books, garden) == ([(rice, 10)], 0)
    assert uses(books, stairs) == ([(rice, 5), (part, -4)], 9)


def test_a_return_after_the_date_keeps_the_names_of_its_deeds(books: Books) -> None:
    person = books.person()
    garden, stairs = books.award(person, 10, SOON), books.award(person, 10, LATER)
    rice = books.redeem(person, 15, {})
    with clock.at(datetime(2027, 1, 5, 4, tzinfo=UTC)):
        part = back(books, rice, 6, SOON)
        whole = books.undo(rice, "return", at=clock.now())
    assert uses(books, garden) == ([(rice, 10), (part, -6), (whole, -4)], 10)
    assert uses(books, stairs) == ([(rice, 5), (whole, -5)], 10)


def test_points_that_expired_were_used_for_nothing_else(books: Books) -> None:
    person = books.person()
    garden, stairs = books.award(person, 10, SOON), books.award(person, 10, LATER)
    rice = books.redeem(person, 4, {})
    with clock.at(datetime(2027, 1, 5, 4, tzinfo=UTC)):
        db.session.rollback()
        assert sweep(books.scheme_id, date(2027, 1, 5), at=clock.now()).accounts == 1
    found, left = uses(books, garden)
    assert (found[0], found[1][1], left) == ((rice, 4), 6, 0)
    assert [part.kind for part in paid_for(books.scheme_id, garden).uses] == ["redemption", "expiry"]
    assert uses(books, stairs) == ([], 10)
    assert deeds(books, found[1][0]) == [(garden, 6)]


def test_a_debt_is_repaid_before_anything_is_left_to_use(books: Books) -> None:
    person = books.person()
    garden = books.award(person, 10)
    rice = books.redeem(person, 10, {})
    books.undo(garden, allow_debt=True)
    assert uses(books, garden) == ([(rice, 10)], 0)
    stairs = books.award(person, 15)  # ten of them repay
    assert uses(books, stairs) == ([], 5)
