"""The server function: one round trip for what goes through, nothing changed by what does not, one lock order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from points import clock
from points.db import db, in_own_transaction, sqlstate, transaction
from points.errors import InsufficientPoints, LedgerFault, SoldOut
from points.ledger import AccountClass, accounts, post, queries, rules
from points.ledger.queries import postings_of, wallet_lots
from points.proof.audit import audit
from tests.conftest import ON_15
from tests.factories import Books, World
from tests.plans import asked

RUNS_ON = ("postgresql", *ON_15)

AT = datetime(2026, 11, 17, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_november() -> Iterator[None]:
    with clock.at(AT):
        yield


def asked_by(books: Books, *drafts: Any) -> list[str]:
    """The statements that posting the drafts sends."""
    with asked() as sent, transaction():
        post(books.scheme_id, drafts, at=AT)
    return sent


def test_a_transfer_is_one_round_trip(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "STRIPES", 1)
    person, rice = books.person(), books.goods(10)
    books.award(person, 50)
    books.redeem(person, 1, {rice: 1})
    [statement] = asked_by(books, books.draft("redemption", *books.redeem_legs(person, 5, {rice: 2})))
    assert "points_post" in statement
    assert (books.wallet(person), books.shelf(rice)) == (44, 7)


def test_several_dates_and_batches_are_taken_in_order_in_that_round_trip(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "STRIPES", 1)
    person, rice = books.person(), books.goods(3)
    books.post("donation", books.leg("supply", rice, -4), books.leg("shelf", rice, 4, mark="2027-03-01"))
    for mark, points in (("never", 10), ("2026-12-31", 10), ("2026-11-30", 10), ("2026-10-31", 10)):
        books.award(person, points, mark)
    books.redeem(person, 1, {rice: 1})
    draft = books.draft("redemption", *books.redeem_legs(person, 24, {rice: 4}))
    [statement] = asked_by(books, draft)
    assert "points_post" in statement
    lots = wallet_lots(books.scheme_id, person, books.points)
    assert lots == [("2026-10-31", 10), ("never", 5)]  # what has passed is not spent, what is soonest goes first
    assert books.shelf(rice) == 2
    assert audit(books.scheme_id).is_clean


@pytest.mark.parametrize(("points", "pieces", "refusal"), [(51, 1, InsufficientPoints), (5, 11, SoldOut)])
def test_what_is_refused_has_changed_nothing(books: Books, points: int, pieces: int, refusal: type[Exception]) -> None:
    person, rice, oil = books.person(), books.goods(10), books.goods(5)
    books.award(person, 50, "2026-12-31")
    with transaction():  # the refusal is caught inside, and the rest of the transaction is committed
        with pytest.raises(refusal):
            post(
                books.scheme_id, [books.draft("redemption", *books.redeem_legs(person, points, {rice: pieces}))], at=AT
            )
        post(books.scheme_id, [books.draft("redemption", *books.redeem_legs(person, 5, {oil: 1}))], at=AT)
    assert (books.wallet(person), books.shelf(rice), books.shelf(oil)) == (45, 10, 4)
    result = audit(books.scheme_id)
    assert result.is_clean, result.findings


def test_legs_that_meet_at_one_place_go_by_statements(books: Books) -> None:
    person = books.person()
    books.award(person, 10, "2026-12-31")
    books.award(person, 10, "never")
    sent = asked_by(
        books,
        books.draft(
            "redemption",
            books.leg("wallet", books.points, -10, person, "2026-12-31"),
            books.leg("wallet", books.points, -5, person),
            books.leg("takings", books.points, 15),
        ),
    )
    assert not any("points_post" in statement for statement in sent)
    assert wallet_lots(books.scheme_id, person, books.points) == [("never", 5)]


# ---------------------------------------------------------------- the lock order


@pytest.mark.parametrize("second_in_order", [True, False])
def test_one_order_keeps_writers_from_deadlock_and_its_inversion_deadlocks(
    world: World, monkeypatch: pytest.MonkeyPatch, second_in_order: bool
) -> None:
    """A third party holds the wallet; the first writer waits for it, then the second. In order the second waits behind
    the first. Inverted it holds the takings already, which the first needs next: each waits for the other."""
    books, app = Books(world), world.app
    monkeypatch.setattr(rules, "STRIPES", 1)
    plain, inverted, ran = rules.in_lock_order, threading.local(), list[str]()

    def order(leg: Any) -> Any:
        rank, *rest = plain(leg)
        return (-rank if getattr(inverted, "yes", False) else rank, *rest)

    monkeypatch.setattr(rules, "in_lock_order", order)
    person = books.person()
    books.award(person, 50)
    books.redeem(person, 1, {})
    wallet = "SELECT id FROM accounts WHERE scheme_id = :s AND holder_id = :h AND class = 'wallet' FOR UPDATE"

    def spend(name: str, invert: bool) -> None:
        inverted.yes = invert
        draft = books.draft("redemption", *books.redeem_legs(person, 5, {}), key=name)

        def body() -> None:
            ran.append(name)
            post(books.scheme_id, [draft], at=AT)

        with app.app_context(), clock.at(AT):
            in_own_transaction(body)

    db.session.rollback()
    with db.engine.connect().execution_options(writing=True) as holder:
        holder.execute(text(wallet), {"s": books.scheme_id, "h": person})
        threads = []
        for name, invert in (("first", False), ("second", not second_in_order)):
            thread = threading.Thread(target=spend, args=(name, invert))
            thread.start()
            threads.append(thread)
            wait_for_waiters(len(threads))
        holder.rollback()
    for thread in threads:
        thread.join(30)
    assert sorted(set(ran)) == ["first", "second"]
    assert (len(ran) > 2) is not second_in_order  # a deadlock's victim runs again, and may meet the other once more
    assert books.wallet(person) == 39
    assert audit(books.scheme_id).is_clean


def test_nobody_waits_for_a_lot_that_comes_before_one_that_is_locked_already(world: World) -> None:
    """Somebody spends from the later lot and waits for it; it turns out too small and stays locked, while the earlier
    lot was filled meanwhile and is held by a third, who wants the later one next: by then it must be free."""
    books, app = Books(world), world.app
    person, ran = books.person(), list[str]()
    books.award(person, 10, "never")
    books.award(person, 1, "2026-12-31")
    books.redeem(person, 1, {})
    lot = "SELECT id FROM accounts WHERE scheme_id = :s AND holder_id = :h AND mark = :m FOR NO KEY UPDATE NOWAIT"
    change = "UPDATE accounts SET balance = balance + :x, seq = seq + 1 WHERE scheme_id = :s AND holder_id = :h AND mark = :m"

    def spend() -> None:
        draft = books.draft("redemption", *books.redeem_legs(person, 5, {}), key="spend")

        def body() -> None:
            ran.append("spend")
            try:
                post(books.scheme_id, [draft], at=AT)
            except DBAPIError as error:
                ran.append(sqlstate(error))
                raise

        with app.app_context(), clock.at(AT):
            in_own_transaction(body)

    db.session.rollback()
    where = {"s": books.scheme_id, "h": person}
    spending = threading.Thread(target=spend)
    writing = db.engine.execution_options(writing=True)
    with writing.connect() as third, writing.connect() as holder:
        holder.execute(text(change), where | {"m": "never", "x": -8})
        spending.start()
        wait_for_waiters(1, on=holder)
        books.award(person, 10, "2026-12-31")
        third.execute(text(lot), where | {"m": "2026-12-31"})
        holder.commit()
        wait_for_waiters(1, on=third)
        third.execute(text(lot), where | {"m": "never"})
        third.rollback()
    spending.join(30)
    assert ran == ["spend", "spend"]
    assert wallet_lots(books.scheme_id, person, books.points) == [("2026-12-31", 5), ("never", 2)]


def wait_for_waiters(count: int, on: Connection | None = None) -> None:
    """Until so many sessions of this database wait for a lock; ``on``: for one that this connection holds."""
    waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    question = text(waiting)
    if on is not None:
        pid = on.scalar(text("SELECT pg_backend_pid()"))
        question = text(f"{waiting} AND :pid = ANY(pg_blocking_pids(pid))").bindparams(pid=pid)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with db.engine.connect() as connection:
            if (connection.scalar(question) or 0) >= count:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_lines_come_in_the_lock_order(books: Books) -> None:
    person, rice = books.person(), books.goods(10)
    books.award(person, 50)
    made = books.post("redemption", *reversed(books.redeem_legs(person, 5, {rice: 2})))
    ranks = [rules.RANK[AccountClass(row.klass)] for row in postings_of(books.scheme_id, made)]
    assert ranks == sorted(ranks)


def test_what_is_remembered_of_units_is_bounded(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "KEPT", 0)
    known = accounts.kinds_of(books.scheme_id, [books.points])
    assert accounts.kinds_of(books.scheme_id, [books.points, books.goods()])[books.points] == known[books.points]
    with pytest.raises(LedgerFault):
        accounts.kinds_of(books.scheme_id, [4711])
    monkeypatch.setattr(queries, "KEPT", 0)
    monkeypatch.setattr(queries, "_ids", {(1, "POINTS"): 2})
    assert queries.unit_of(books.scheme_id, "POINTS") == books.points and (1, "POINTS") not in queries._ids
