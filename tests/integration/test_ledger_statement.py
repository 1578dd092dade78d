"""The statement: every transfer once, newest first, with the running balance over all dates, whatever the page size."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from points import clock
from points.db import db
from points.ledger import AccountClass, queries
from points.ledger.statement import Line, statement
from tests.conftest import WAYS
from tests.factories import Books
from tests.plans import asked

RUNS_ON = WAYS

AT = datetime(2026, 11, 17, 4, tzinfo=UTC)
MARKS = ("2026-12-31", "2027-01-31", "never")


def whole(books: Books, person: int, size: int, **how: object) -> list[Line]:
    db.session.rollback()
    rows, after = [], None
    while True:
        page = statement(books.scheme_id, person, books.points, after=after, size=size, **how)
        assert len(page.rows) == size or page.next is None
        rows += page.rows
        if page.next is None:
            return rows
        after = page.next


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_pages_of_any_size_tell_the_same_story(
    books: Books, monkeypatch: pytest.MonkeyPatch, seed: int, stopped: bool
) -> None:
    """Also when the clock stands still: then only the accounts' own numbers tell what came first."""
    rng, person, balance, expected = random.Random(seed), books.person(), 0, []
    for step in range(40):
        with clock.at(AT + timedelta(seconds=0 if stopped else step)):
            if balance and rng.random() < 0.5:
                amount = -rng.randint(1, balance)
                made = books.redeem(person, -amount, {})
            else:
                amount = rng.randint(1, 9)
                made = books.award(person, amount, rng.choice(MARKS))
        balance += amount
        expected.append((made, amount, balance))
    rows = whole(books, person, 200)
    assert sorted((row.transfer_id, row.amount) for row in rows) == sorted((made, n) for made, n, _ in expected)
    if not stopped:
        assert [(row.transfer_id, row.amount, row.balance_after) for row in rows] == expected[::-1]
    total = balance
    for row in rows:
        assert row.balance_after == total >= 0
        total -= row.amount
    assert total == 0
    for size, many in ((1, 12), (7, 12), (5, 1), (2, 2)):
        monkeypatch.setattr("points.ledger.statement.MANY", many)
        assert whole(books, person, size) == rows


def test_a_redemption_over_two_dates_is_one_line(books: Books) -> None:
    person = books.person()
    first = books.award(person, 5, "2027-01-31")
    second = books.award(person, 5, "never")
    with clock.at(AT):
        spent = books.redeem(person, 8, {})
    back = books.undo(spent, "return")
    rows = whole(books, person, 2)
    assert {row.transfer_id: (row.kind, row.amount, row.reverses_id) for row in rows} == {
        back: ("return", 8, spent),
        spent: ("redemption", -8, None),
        second: ("award", 5, None),
        first: ("award", 5, None),
    }
    assert rows[0].balance_after == 10


def test_a_page_never_ends_within_a_transfer(books: Books) -> None:
    """What is owed stands in one account, and undoing an award of two dates that was spent has two lines there."""
    person, parts = books.person(), [(1, 2), (3, 4), (5, 6)]
    made = [
        books.post(
            "award",
            books.leg("issuance", books.points, -one - other),
            books.leg("wallet", books.points, one, person, "2026-12-31"),
            books.leg("wallet", books.points, other, person, "never"),
        )
        for one, other in parts
    ]
    with clock.at(AT):
        books.redeem(person, 21, {})
        for award in made:
            books.undo(award, allow_debt=True)
    for size in (1, 2, 3, 20):
        rows = whole(books, person, size, klass=AccountClass.DEBT)
        assert [(row.amount, row.balance_after) for row in rows] == [(-11, -21), (-7, -10), (-3, -3)]


def test_what_came_in_or_went_out_alone(books: Books) -> None:
    person = books.person()
    for n in range(1, 8):
        books.award(person, n + 1)
        books.redeem(person, 1, {})
    assert [row.amount for row in whole(books, person, 2, sign=1)] == [8, 7, 6, 5, 4, 3, 2]
    assert [row.amount for row in whole(books, person, 3, sign=-1)] == [-1] * 7


def test_what_is_recorded_meanwhile_does_not_shift_the_pages(books: Books) -> None:
    person = books.person()
    for n in range(1, 7):
        books.award(person, n)
    page = statement(books.scheme_id, person, books.points, size=3)
    books.award(person, 100)
    books.award(person, 200, "2027-01-31")  # in an account that was not there
    rest = statement(books.scheme_id, person, books.points, after=page.next, size=10)
    assert [row.amount for row in (*page.rows, *rest.rows)] == [6, 5, 4, 3, 2, 1]
    assert rest.rows[0].balance_after == 6


def test_a_spoilt_cursor_is_the_first_page(books: Books) -> None:
    person = books.person()
    books.award(person, 5)
    for spoilt in (
        "",
        "x",
        "é",
        "W10",
        "bnVsbA",
        "WzEsMl0",
        "W1sxLDBdXQ",
        "W1t0cnVlLDFdXQ",
        "W1siYSIsMV1d",
        "_w",
        "AQ",
    ):
        page = statement(books.scheme_id, person, books.points, after=spoilt)
        assert len(page.rows) in (0, 1)


def test_a_cursor_opens_nobody_elses_statement(books: Books) -> None:
    one, other = books.person(), books.person()
    for _ in range(3):
        books.award(one, 5)
        books.award(other, 5)
    page = statement(books.scheme_id, one, books.points, size=1)
    for person, after in ((other, page.next), (one, statement(books.scheme_id, other, books.points, size=1).next)):
        own = {line.transfer_id for line in whole(books, person, 20)}
        assert {line.transfer_id for line in statement(books.scheme_id, person, books.points, after=after).rows} <= own


def test_somebody_without_an_account_has_an_empty_statement(books: Books) -> None:
    page = statement(books.scheme_id, books.person(), books.points)
    assert (page.rows, page.next) == ([], None)


def test_a_shelf_has_a_statement_too(books: Books) -> None:
    rice = books.goods(5)
    page = statement(books.scheme_id, books.shop, rice, AccountClass.SHELF)
    assert [(row.kind, row.amount, row.balance_after) for row in page.rows] == [("donation", 5, 5)]


def test_a_page_costs_two_statements_and_sums_nothing(books: Books) -> None:
    person = books.person()
    for n in range(30):
        books.award(person, 5, MARKS[n % 3])
    page = statement(books.scheme_id, person, books.points, size=5)
    db.session.rollback()
    with asked() as sent:
        statement(books.scheme_id, person, books.points, after=page.next, size=5)
    sent = [sql.lower() for sql in sent]
    assert len(sent) == 2
    assert not any(word in sql for sql in sent for word in ("offset", "sum(", "limit"))


def test_a_hundred_dates_make_no_page_dear_and_no_cursor_long(books: Books) -> None:
    """A new account a month, for eight years: a page looks into a few of them, and its address stays an address."""
    person, months = books.person(), [date(2026 + n // 12, n % 12 + 1, 1) - timedelta(days=1) for n in range(12, 112)]
    awards = [books.draft("award", *books.award_legs(person, 5, str(month))) for month in months for _ in range(2)]
    for place in range(0, 200, 10):
        with clock.at(AT + timedelta(minutes=place)):
            books.post_all(*awards[place : place + 10])
    page = statement(books.scheme_id, person, books.points, size=5)
    db.session.rollback()
    with asked() as sent:
        page = statement(books.scheme_id, person, books.points, after=page.next, size=5)
    assert len(sent) == 3 and len(page.next or "") < 300
    rows = whole(books, person, 30)
    assert [row.balance_after for row in rows] == list(range(1000, 0, -5))
    assert rows == whole(books, person, 200)


def test_balances_and_units_are_told_in_bulk(books: Books) -> None:
    one, other = books.person(), books.person()
    books.award(one, 5, "2026-12-31")
    books.award(one, 6)
    db.session.rollback()
    assert queries.balances_of(books.scheme_id, [one, other], books.points) == {one: 11, other: 0}
    assert queries.balance_of(books.scheme_id, books.scheme_id, books.points, AccountClass.ISSUANCE) == -11
    assert queries.stock_of(books.scheme_id, books.shop, [4711]) == {4711: 0}
    assert queries.spendable_of(books.scheme_id, one, books.points, date(2027, 1, 1)) == 6


def test_a_unit_is_looked_up_once(books: Books) -> None:
    for _ in range(2):
        assert queries.unit_of(books.scheme_id, "HONOUR") == books.honour
    with pytest.raises(KeyError):
        queries.unit_of(books.scheme_id, "NO-SUCH")
