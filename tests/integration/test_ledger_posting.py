"""The one writer: what it records, what it refuses, and that a key means one thing for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from points import clock
from points.db import MAX_AMOUNT, db, new_id, transaction
from points.errors import Conflict, InsufficientPoints, KeyReused, LedgerFault, SoldOut
from points.ledger import AccountClass, HolderKind, earlier, open_holder, posting, request_hash, rules
from points.ledger.models import Account, Posting, Transfer
from points.ledger.queries import (
    balance_of,
    balances_of,
    paid_by,
    paid_for,
    postings_of,
    shelf_of,
    spendable_of,
    statement,
    transfer_of,
    undone_by,
    wallet_lots,
)
from points.proof.audit import audit
from tests.conftest import ON_15, WAYS
from tests.factories import Books
from tests.plans import asked

RUNS_ON = (*WAYS, *ON_15)

AT = datetime(2026, 11, 17, 4, tzinfo=UTC)
SOON, LATER, PASSED = "2026-12-31", "2027-01-31", "2026-10-31"


@pytest.fixture(autouse=True)
def _in_november() -> Iterator[None]:
    with clock.at(AT):
        yield


def rows_in(books: Books, table: type) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table).where(table.scheme_id == books.scheme_id))


def test_an_award_lands_in_the_wallet(books: Books) -> None:
    person = books.person()
    made = books.award(person, 50)
    assert books.wallet(person) == 50
    transfer = transfer_of(books.scheme_id, made)
    assert (transfer.kind, transfer.recorded_at, transfer.actor_id) == ("award", AT, books.actor_id)
    assert [(line.klass, line.amount, line.seq, line.balance_after) for line in postings_of(books.scheme_id, made)] == [
        ("wallet", 50, 1, 50),
        ("issuance", -50, 1, -50),
    ]


def test_points_honour_and_minutes_come_in_one_transfer(books: Books) -> None:
    person = books.person()
    legs = [books.leg("issuance", unit, -n) for unit, n in ((books.points, 5), (books.honour, 3), (books.minutes, 90))]
    legs += [
        books.leg("wallet", unit, n, person) for unit, n in ((books.points, 5), (books.honour, 3), (books.minutes, 90))
    ]
    made = books.post("award", *legs)
    assert [books.wallet(person, unit) for unit in (books.points, books.honour, books.minutes)] == [5, 3, 90]
    assert len(postings_of(books.scheme_id, made)) == 6


def test_a_redemption_moves_points_and_goods_together(books: Books) -> None:
    person, rice, oil = books.person(), books.goods(10), books.goods(4)
    books.award(person, 50)
    books.redeem(person, 30, {rice: 2, oil: 1})
    assert books.wallet(person) == 20
    assert shelf_of(books.scheme_id, books.shop) == {rice: 8, oil: 3}
    assert audit(books.scheme_id).is_clean


def test_spending_takes_the_soonest_date_first_and_never_what_has_passed(books: Books) -> None:
    person = books.person()
    for mark, points in (("never", 10), (LATER, 20), (SOON, 5), (PASSED, 40)):
        books.award(person, points, mark)
    assert books.wallet(person) == 75
    assert spendable_of(books.scheme_id, person, books.points, AT.date()) == 35
    books.redeem(person, 7, {})
    assert wallet_lots(books.scheme_id, person, books.points) == [(PASSED, 40), (LATER, 18), ("never", 10)]
    with pytest.raises(InsufficientPoints) as refused:
        books.redeem(person, 30, {})
    assert refused.value.facts == {"missing_points": 2}


def test_what_is_held_is_not_spent(books: Books) -> None:
    person = books.person()
    books.award(person, 10)
    with transaction():
        db.session.execute(update(Account).where(Account.holder_id == person).values(held=4))
    with pytest.raises(InsufficientPoints) as refused:
        books.redeem(person, 8, {})
    assert refused.value.facts == {"missing_points": 2}
    books.redeem(person, 6, {})
    assert (books.wallet(person), wallet_lots(books.scheme_id, person, books.points)) == (4, [])


def test_a_refusal_names_everything_that_is_short_and_stores_nothing(books: Books) -> None:
    person, rice, oil, soap = books.person(), books.goods(1), books.goods(), books.goods(9)
    books.award(person, 500)
    before = rows_in(books, Posting)
    with pytest.raises(SoldOut) as refused:
        books.redeem(person, 30, {rice: 2, oil: 1, soap: 3}, key="till-1")
    assert refused.value.facts == {"available": {rice: 1, oil: 0}, "goods": ()}
    assert rows_in(books, Posting) == before
    assert earlier(books.scheme_id, books.actor_id, "till-1", "") is None
    assert books.wallet(person) == 500


def test_a_wallet_that_was_never_opened_is_simply_empty(books: Books) -> None:
    with pytest.raises(InsufficientPoints) as refused:
        books.redeem(books.person(), 30, {})
    assert refused.value.facts == {"missing_points": 30}


def test_the_same_item_on_two_lines_never_oversells(books: Books) -> None:
    person, rice = books.person(), books.goods(3)
    books.award(person, 50)
    twice = [*books.redeem_legs(person, 20, {rice: 2}), books.leg("shelf", rice, -2), books.leg("given_out", rice, 2)]
    with pytest.raises(SoldOut) as refused:
        books.post("redemption", *twice)
    assert refused.value.facts["available"] == {rice: 3}


def test_batches_leave_the_shelf_in_order(books: Books) -> None:
    person, rice = books.person(), books.goods()
    books.award(person, 50)
    for batch in ("2", "1"):
        books.post("donation", books.leg("supply", rice, -2), books.leg("shelf", rice, 2, mark=batch))
    books.redeem(person, 10, {rice: 3})
    left = db.session.execute(
        select(Account.mark, Account.balance).where(Account.unit_id == rice, Account.klass == "shelf")
    )
    assert dict(left.all()) == {"1": 0, "2": 1}


def test_a_batch_that_is_named_is_taken_before_the_rest_of_the_shelf(books: Books) -> None:
    rice = books.goods()
    for batch in ("1", "2"):
        books.post("donation", books.leg("supply", rice, -2), books.leg("shelf", rice, 2, mark=batch))
    wasted = [books.leg("shelf", rice, -1), books.leg("shelf", rice, -2, mark="1"), books.leg("waste", rice, 3)]
    books.post("waste", *wasted)
    assert books.shelf(rice) == 1
    with pytest.raises(SoldOut) as refused:
        books.post("waste", books.leg("shelf", rice, -1, mark="1"), books.leg("waste", rice, 1))
    assert refused.value.facts["available"] == {rice: 0}


def test_a_ceiling_is_kept(books: Books) -> None:
    person = books.person()
    books.award(person, 10)
    with transaction():
        db.session.execute(update(Account).where(Account.holder_id == person).values(ceiling=12))
    with pytest.raises(Conflict) as refused:
        books.award(person, 3)
    assert refused.value.facts == {"cause": "ceiling"}
    books.award(person, 2)
    assert books.wallet(person) == 12


# ---------------------------------------------------------------- keys


def test_the_same_key_and_request_gives_the_first_answer(books: Books) -> None:
    person = books.person()
    drafts = [books.draft("award", *books.award_legs(person, 5), key="claim-1")]
    with transaction():
        first = posting.post(books.scheme_id, drafts, at=AT)
    with transaction():
        again = posting.post(books.scheme_id, drafts, at=AT)
    assert not first[0].replayed and again[0].replayed
    assert first[0].transfer_id == again[0].transfer_id
    assert earlier(books.scheme_id, books.actor_id, "claim-1", drafts[0].request_hash) == again[0]
    assert books.wallet(person) == 5


def test_the_same_key_for_another_request_is_refused(books: Books) -> None:
    person = books.person()
    books.award(person, 5, key="claim-1", asked="5 for the garden")
    with pytest.raises(KeyReused):
        books.award(person, 5, key="claim-1", asked="5 for the stairs")
    with pytest.raises(KeyReused):
        earlier(books.scheme_id, books.actor_id, "claim-1", request_hash(asked="6"))
    assert books.wallet(person) == 5


def test_a_key_belongs_to_its_actor_and_scheme(books: Books) -> None:
    person = books.person()
    first = books.award(person, 5, key="claim-1")
    assert books.award(person, 5, key="claim-1", actor_id=8) != first
    other = Books(type(books.world)(books.world.app))
    assert earlier(other.scheme_id, books.actor_id, "claim-1", "") is None
    assert books.wallet(person) == 10


def test_a_replay_is_answered_even_when_the_points_are_gone(books: Books) -> None:
    person = books.person()
    books.award(person, 5)
    first = books.redeem(person, 5, {}, key="till-1")
    assert books.redeem(person, 5, {}, key="till-1") == first


def test_the_hash_of_a_request_does_not_depend_on_the_order_of_its_parts() -> None:
    assert request_hash(a=1, b=AT) == request_hash(b=AT, a=1) != request_hash(a=1, b=2)


# ---------------------------------------------------------------- many at once


def test_many_transfers_are_recorded_together(books: Books) -> None:
    people = [books.person() for _ in range(3)]
    books.award(people[0], 1, key="old")
    drafts = [books.draft("award", *books.award_legs(person, n), key=f"new-{n}") for n, person in enumerate(people, 1)]
    replayed = books.draft("award", *books.award_legs(people[0], 1), key="old")
    twin = drafts[0]
    ids = books.post_all(*drafts, replayed, twin)
    assert len(set(ids)) == 4 and ids[0] == ids[4]
    db.session.rollback()
    assert balances_of(books.scheme_id, [*people, 99], books.points) == {
        people[0]: 2,
        people[1]: 2,
        people[2]: 3,
        99: 0,
    }
    assert audit(books.scheme_id).is_clean


def test_later_drafts_see_what_earlier_ones_did(books: Books) -> None:
    person = books.person()
    award = books.draft("award", *books.award_legs(person, 5))
    spend = books.draft("redemption", *books.redeem_legs(person, 5, {}))
    with pytest.raises(InsufficientPoints):
        books.post_all(spend, award)
    books.post_all(award, spend)
    assert books.wallet(person) == 0


def test_all_are_recorded_or_none(books: Books) -> None:
    rich, poor = books.person(), books.person()
    books.award(rich, 5)
    with pytest.raises(InsufficientPoints):
        books.post_all(*(books.draft("redemption", *books.redeem_legs(who, 5, {})) for who in (rich, poor)))
    assert books.wallet(rich) == 5


def test_two_thousand_transfers_in_one_go(books: Books) -> None:
    people = [books.person() for _ in range(20)]
    books.post_all(*(books.draft("award", *books.award_legs(people[n % 20], 1)) for n in range(2000)))
    assert all(books.wallet(person) == 100 for person in people)
    assert audit(books.scheme_id).is_clean


def test_every_statement_finds_its_rows_by_an_index(books: Books) -> None:
    """However many transfers there are: on SQLite, whose plans do not depend on how full the tables happen to be."""
    if db.engine.dialect.name != "sqlite":
        with asked() as sent:
            books.award(books.person(), 5)
        assert sent
        return
    person, rice = books.person(), books.goods(5)
    books.award(person, 50)
    made = books.redeem(person, 5, {rice: 1})
    for work in (
        lambda: books.redeem(person, 5, {rice: 1}),
        lambda: books.undo(made, "return"),
        lambda: books.wallet(person),
        lambda: statement(books.scheme_id, person, books.points, size=2),
        lambda: paid_by(books.scheme_id, made),
        lambda: paid_for(books.scheme_id, made),
        lambda: undone_by(books.scheme_id, made),
        lambda: postings_of(books.scheme_id, made),
        lambda: spendable_of(books.scheme_id, person, books.points, AT.date()),
        lambda: shelf_of(books.scheme_id, books.shop),
    ):
        with asked() as sent:
            work()
        db.session.rollback()
        for sql in filter(lambda sql: sql.startswith(("SELECT", "INSERT", "UPDATE", "WITH")), sent):
            facts = (None,) * sql.count("?")
            plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", facts).all()
            slow = [step for *_, step in plan if step.startswith("SCAN") or step.endswith("(scheme_id=?)")]
            assert not [step for step in slow if "VIRTUAL TABLE" not in step], sql  # the lists that were handed in


def test_nothing_to_post_is_nothing_done(books: Books) -> None:
    assert books.post_all() == []


def test_a_holder_made_a_moment_ago_can_be_given_points(books: Books) -> None:
    with transaction():
        person = open_holder(books.scheme_id, new_id(), HolderKind.PERSON)
        posting.post(books.scheme_id, [books.draft("award", *books.award_legs(person, 5))], at=AT)
    assert books.wallet(person) == 5


def test_recorded_is_never_before_the_callers_now(books: Books) -> None:
    later, draft = AT + timedelta(hours=1), books.draft("award", *books.award_legs(books.person(), 5))
    with transaction():
        made = posting.post(books.scheme_id, [draft], at=later)
    assert transfer_of(books.scheme_id, made[0].transfer_id).recorded_at == later


def test_a_shared_account_may_be_spread_over_rows(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "STRIPES", 4)
    monkeypatch.setattr("points.ledger.accounts.is_sqlite", lambda: False)
    person, rice = books.person(), books.goods(40)
    for writer in range(40):
        monkeypatch.setattr("points.ledger.accounts.writer_number", lambda writer=writer: writer)
        books.award(person, 2)
        books.redeem(person, 2, {rice: 1})
    db.session.rollback()
    issued = db.session.execute(select(Account.stripe).where(Account.holder_id == books.scheme_id))
    assert {stripe for (stripe,) in issued} == {0, 1, 2, 3}
    assert balance_of(books.scheme_id, books.shop, books.points, AccountClass.TAKINGS) == 80
    assert balance_of(books.scheme_id, books.scheme_id, books.points, AccountClass.ISSUANCE) == -80
    assert (books.wallet(person), books.shelf(rice)) == (0, 0)
    assert sum(line.amount for line in statement(books.scheme_id, person, books.points, size=200).rows) == 0
    assert audit(books.scheme_id).is_clean


# ---------------------------------------------------------------- laws


def test_a_kind_that_touches_what_it_may_not_is_a_fault_and_changes_nothing(books: Books) -> None:
    person, rice = books.person(), books.goods(5)
    books.award(person, 10)
    before = rows_in(books, Transfer)
    for kind, legs in (
        ("award", (books.leg("supply", books.points, -5), books.leg("wallet", books.points, 5, person))),
        ("award", (books.leg("issuance", rice, -5), books.leg("wallet", rice, 5, person))),
        (
            "redemption",
            (books.leg("wallet", books.points, -5, person), books.leg("wallet", books.points, 5, books.shop)),
        ),
        ("donation", (books.leg("shelf", rice, -5), books.leg("supply", rice, 5))),
    ):
        with pytest.raises(LedgerFault):
            books.post(kind, *legs)
    assert rows_in(books, Transfer) == before


def test_legs_name_holders_and_units_of_their_own_scheme(books: Books) -> None:
    other = Books(type(books.world)(books.world.app))
    stranger = other.person()
    for legs in (
        books.award_legs(stranger, 5),
        books.award_legs(12345, 5),
        (books.leg("issuance", other.points, -5), books.leg("wallet", other.points, 5, books.person())),
    ):
        with pytest.raises(LedgerFault):
            books.post("award", *legs)
    assert other.wallet(stranger) == 0


def test_an_account_moved_to_and_fro_is_a_fault(books: Books) -> None:
    rice = books.goods(5)
    legs = [books.leg(klass, rice, n, mark=mark) for klass, n, mark in (("shelf", -2, "0"), ("shelf", 2, "0"))]
    with pytest.raises(LedgerFault):
        books.post("stock_count", *legs)


def test_a_balance_beyond_exact_counting_is_a_fault(books: Books) -> None:
    person = books.person()
    books.award(person, 1)
    with transaction():
        db.session.execute(update(Account).where(Account.holder_id == person).values(balance=2**53 - 1))
    with pytest.raises(LedgerFault):
        books.award(person, MAX_AMOUNT)


def test_an_update_that_does_not_become_what_was_planned_is_a_fault(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = books.person()
    books.award(person, 5)
    lock = posting.lock

    def overtaken(*args: object) -> object:
        places = lock(*args)
        db.session.execute(text("UPDATE accounts SET balance = 0, seq = seq + 1 WHERE holder_id = :p"), {"p": person})
        return places

    monkeypatch.setattr(posting, "lock", overtaken)
    with pytest.raises(LedgerFault):
        books.redeem(person, 5, {})
    assert books.wallet(person) == 5
