"""Undoing: the opposite of a transfer, at most once, and where points go whose date has passed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from points import clock
from points.db import db, transaction
from points.errors import Conflict, InsufficientPoints, LedgerFault, NotFound, SoldOut
from points.ledger import AccountClass, reversal
from points.ledger.models import Account
from points.ledger.onward import fetched_back, lock_to_carry
from points.ledger.queries import balance_of, postings_of, transfer_of, undone_by, wallet_lots
from points.proof.audit import audit
from tests.conftest import ON_15, WAYS
from tests.factories import Books

RUNS_ON = (*WAYS, *ON_15)

AT = datetime(2026, 11, 17, 4, tzinfo=UTC)
SOON, LATER = "2026-12-31", "2027-01-31"


@pytest.fixture(autouse=True)
def _in_november() -> Iterator[None]:
    with clock.at(AT):
        yield


def test_a_return_gives_back_points_and_goods(books: Books) -> None:
    person, rice = books.person(), books.goods(10)
    books.award(person, 20, SOON)
    books.award(person, 20, LATER)
    made = books.redeem(person, 30, {rice: 2})
    back = books.undo(made, "return")
    assert wallet_lots(books.scheme_id, person, books.points) == [(SOON, 20), (LATER, 20)]
    assert books.shelf(rice) == 10
    assert undone_by(books.scheme_id, made) == [back]
    assert undone_by(books.scheme_id, back) == []
    assert audit(books.scheme_id).is_clean


def test_points_that_come_back_after_their_date_live_thirty_days_more(books: Books) -> None:
    person = books.person()
    books.award(person, 20, "2026-11-30")
    books.award(person, 20, SOON)
    made = books.redeem(person, 40, {})
    with clock.at(datetime(2027, 1, 4, tzinfo=UTC)):
        books.undo(made, "return")
        assert wallet_lots(books.scheme_id, person, books.points) == [("2027-02-28", 40)]
    assert audit(books.scheme_id).is_clean


def test_the_date_itself_is_the_schemes_day(books: Books) -> None:
    person = books.person()
    books.award(person, 20, "2026-11-30")
    made = books.redeem(person, 20, {})
    with clock.at(datetime(2026, 11, 30, 15, 59, tzinfo=UTC)):  # one minute to midnight in Shanghai
        books.undo(made, "return")
        assert wallet_lots(books.scheme_id, person, books.points) == [("2026-11-30", 20)]
        made = books.redeem(person, 20, {})
    with clock.at(datetime(2026, 11, 30, 16, 1, tzinfo=UTC)):
        books.undo(made, "return")
        assert wallet_lots(books.scheme_id, person, books.points) == [("2026-12-31", 20)]


def test_an_award_is_reversed_once(books: Books) -> None:
    person = books.person()
    made = books.award(person, 20)
    back = books.undo(made, key="undo-1")
    assert books.wallet(person) == 0
    assert books.undo(made, key="undo-1") == back  # sent twice: one reversal, one answer
    books.award(person, 20)
    with pytest.raises(Conflict) as refused:
        books.undo(made, key="undo-2")
    assert refused.value.facts == {"cause": "reversed"}
    assert books.wallet(person) == 20


def test_an_award_that_was_spent_is_not_reversed(books: Books) -> None:
    person = books.person()
    made = books.award(person, 20)
    books.redeem(person, 15, {})
    with pytest.raises(InsufficientPoints) as refused:
        books.undo(made)
    assert refused.value.facts == {"missing_points": 15}
    assert books.wallet(person) == 5


def test_an_award_reversed_already_says_so_even_when_the_points_are_gone(books: Books) -> None:
    person = books.person()
    made = books.award(person, 20)
    books.undo(made)
    with pytest.raises(Conflict) as refused:
        books.undo(made)
    assert refused.value.facts == {"cause": "reversed"}


def test_a_mistaken_donation_is_reversed(books: Books) -> None:
    rice = books.goods()
    made = books.post("donation", books.leg("supply", rice, -5), books.leg("shelf", rice, 5))
    books.undo(made)
    assert books.shelf(rice) == 0


def test_a_donation_whose_goods_are_given_out_is_not_reversed(books: Books) -> None:
    person, rice = books.person(), books.goods()
    books.award(person, 20)
    made = books.post("donation", books.leg("supply", rice, -10), books.leg("shelf", rice, 10))
    books.redeem(person, 20, {rice: 8})
    with pytest.raises(SoldOut):
        books.undo(made)
    assert books.shelf(rice) == 2
    assert audit(books.scheme_id).is_clean


def test_what_undoes_is_not_undone_and_each_kind_only_by_its_own(books: Books) -> None:
    person = books.person()
    award = books.award(person, 20)
    redemption = books.redeem(person, 5, {})
    with pytest.raises(LedgerFault):
        books.undo(award, "return")
    with pytest.raises(LedgerFault):
        books.undo(redemption, "reversal")
    back = books.undo(redemption, "return")
    with pytest.raises(LedgerFault):
        books.undo(back, "reversal")


def test_what_is_not_there_cannot_be_reversed_nor_another_schemes(books: Books) -> None:
    other = Books(type(books.world)(books.world.app))
    made = books.award(books.person(), 5)
    for books_of, transfer_id in ((books, 4711), (other, made)):
        with pytest.raises(NotFound):
            books_of.undo(transfer_id)
        with pytest.raises(NotFound):
            transfer_of(books_of.scheme_id, transfer_id)
    assert postings_of(other.scheme_id, made) == []


def carried(books: Books, person: int, *moves: tuple[str, int], lapses: int = 0, pool: int = 0) -> None:
    """A period's end: what moves between the dates of a wallet, what lapses, what a pool gets of it."""
    legs = [books.leg("wallet", books.points, amount, person, mark) for mark, amount in moves]
    if lapses:
        legs.append(books.leg("expired", books.points, lapses, books.scheme_id))
    if pool:
        legs.append(books.leg("wallet", books.points, -lapses - sum(amount for _, amount in moves), pool, "never"))
    books.post("carry", *legs, occurred_at=AT)


def expired(books: Books) -> int:
    return balance_of(books.scheme_id, books.scheme_id, books.points, AccountClass.EXPIRED)


def test_what_a_period_carried_on_is_taken_from_where_it_is_now_and_what_lapsed_from_the_expired(books: Books) -> None:
    person = books.person()
    early, late = books.award(person, 10, SOON), books.award(person, 20, LATER)
    books.award(person, 5, SOON)
    books.redeem(person, 10, {})  # of what ends soonest: 5 are left there
    carried(books, person, (SOON, -5), (LATER, -20), ("never", 12), lapses=13)  # 5 of the early go on, 7 of the late
    with pytest.raises(InsufficientPoints) as refused:
        books.undo(early)
    assert refused.value.facts == {"missing_points": 5}
    books.undo(late)
    assert (books.wallet(person), expired(books)) == (5, 0)
    books.undo(early, allow_debt=True)
    assert books.wallet(person) == 0
    assert balance_of(books.scheme_id, person, books.points, AccountClass.DEBT) == -5
    assert audit(books.scheme_id).is_clean


def test_points_carried_on_twice_are_followed_part_by_part_and_never_beyond(books: Books) -> None:
    person = books.person()
    made = books.award(person, 20, SOON)
    [giving] = [row.line for row in postings_of(books.scheme_id, made) if row.klass == "issuance"]
    [taking] = [row.line for row in postings_of(books.scheme_id, made) if row.klass == "wallet"]
    carried(books, person, (SOON, -20), (LATER, 16), lapses=4)
    books.award(person, 100, "never")
    carried(books, person, (LATER, -16), ("never", 10), lapses=6)
    for amount in (3, 9):
        books.undo(made, lines={giving: amount, taking: amount})
    assert (books.wallet(person), expired(books)) == (108, 0)  # what lapsed first, then what went on
    with pytest.raises(Conflict) as refused:
        books.undo(made, lines={giving: 9, taking: 9})
    assert refused.value.facts == {"cause": "beyond", "line": giving, "left": 8}
    books.undo(made)
    assert (books.wallet(person), expired(books)) == (100, 0)
    with pytest.raises(Conflict):
        books.undo(made)
    assert audit(books.scheme_id).is_clean


def test_what_was_carried_on_and_spent_is_still_spent(books: Books) -> None:
    person = books.person()
    made = books.award(person, 20, SOON)
    carried(books, person, (SOON, -20), (LATER, 20))
    books.redeem(person, 15, {})
    books.award(person, 50, "never")  # another's: not touched
    with pytest.raises(InsufficientPoints) as refused:
        books.undo(made)
    assert refused.value.facts == {"missing_points": 15}
    books.undo(made, allow_debt=True)
    assert books.wallet(person) == 50
    assert audit(books.scheme_id).is_clean


def test_what_flowed_into_a_pool_comes_from_the_pool_as_far_as_it_has_it(books: Books) -> None:
    person, other, pool = books.person(), books.person(), books.person()
    made, others = books.award(person, 20, SOON), books.award(other, 20, SOON)
    carried(books, person, (SOON, -20), ("never", 5), pool=pool)
    carried(books, other, (SOON, -20), pool=pool)
    books.redeem(pool, 10, {})
    books.undo(made)
    assert (books.wallet(person), books.wallet(pool)) == (0, 10)
    with pytest.raises(InsufficientPoints) as refused:
        books.undo(others)
    assert refused.value.facts == {"missing_points": 10}
    assert audit(books.scheme_id).is_clean


def test_what_the_sweep_was_quicker_with_is_followed_as_if_it_had_still_lain_there(books: Books) -> None:
    person, ended = books.person(), datetime(2026, 12, 31, 16, tzinfo=UTC)
    made = books.award(person, 20, SOON)
    with clock.at(ended + timedelta(hours=1)):
        books.post(
            "expiry",
            books.leg("wallet", books.points, -20, person, SOON),
            books.leg("expired", books.points, 20, books.scheme_id),
        )
    with clock.at(ended + timedelta(hours=2)):
        back, on = (
            books.leg("expired", books.points, -12, books.scheme_id),
            ("wallet", books.points, 12, person, "never"),
        )
        books.post("carry", back, books.leg(*on), occurred_at=ended)
    [lot] = [row.account_id for row in postings_of(books.scheme_id, made) if row.klass == "wallet"]
    assert not fetched_back(books.scheme_id, [lot])
    books.undo(made)
    assert (books.wallet(person), expired(books)) == (0, 0)
    assert fetched_back(books.scheme_id, [lot]) == {lot: 8}
    assert audit(books.scheme_id).is_clean


def test_who_carries_over_holds_every_date_and_where_it_goes(books: Books) -> None:
    person, pool = books.person(), books.person()
    books.award(person, 20, SOON)
    with transaction():
        lock_to_carry(books.scheme_id, books.points, [person], pool, LATER)
    wanted = db.select(Account.holder_id, Account.mark).where(Account.holder_id.in_((person, pool)))
    assert sorted(db.session.execute(wanted).all()) == sorted([(person, SOON), (person, LATER), (pool, "never")])


def test_a_reversal_begins_anew_when_it_could_not_lock_where_the_points_are(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waited for the wallet, a period's end opened the account it carried to."""
    person, runs = books.person(), list[int]()
    made = books.award(person, 20, SOON)
    carried(books, person, (SOON, -20), (LATER, 20))

    def as_it_was(*wanted: Any) -> Any:
        places = reversal_lock(*wanted)
        runs.append(len(runs))
        if len(runs) == 1:
            places = {
                place: {mark: one for mark, one in lots.items() if mark != LATER} for place, lots in places.items()
            }
        return places

    reversal_lock = reversal.lock
    monkeypatch.setattr(reversal, "lock", as_it_was)
    books.undo(made)
    assert len(runs) == 2
    assert books.wallet(person) == 0
    assert audit(books.scheme_id).is_clean


def test_what_a_period_turned_into_another_unit_is_no_way_to_follow(books: Books) -> None:
    person = books.person()
    made = books.award(person, 20, SOON)
    honour = (books.leg("issuance", books.honour, -2), books.leg("wallet", books.honour, 2, person, "never"))
    points = books.leg("wallet", books.points, -20, person, SOON)
    books.post("carry", points, books.leg("expired", books.points, 20, books.scheme_id), *honour)
    books.undo(made)
    assert (books.wallet(person), books.wallet(person, books.honour), expired(books)) == (0, 2, 0)
    assert audit(books.scheme_id).is_clean
