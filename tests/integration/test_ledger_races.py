"""Races, with threads and with processes: nothing is overspent, oversold, lost or done twice."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import Pool
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from points import clock, create_app
from points.db import db, in_own_transaction
from points.errors import Conflict, DomainError, InsufficientPoints, SoldOut
from points.ledger import Draft, post
from points.ledger.models import Account, Transfer
from points.proof.audit import audit
from tests.conftest import WAYS
from tests.factories import Books

RUNS_ON = WAYS


def together(app: Flask, jobs: list[Callable[[], Any]]) -> list[Any]:
    """Run the jobs in a thread each, all starting at once: what they returned, or the refusal they met."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        with app.app_context():
            start.wait()
            try:
                return job()
            except DomainError as refusal:
                return refusal
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@pytest.fixture
def app_of(books: Books) -> Iterator[Flask]:
    yield books.world.app
    db.session.rollback()
    assert audit(books.scheme_id).is_clean


def count(books: Books, kind: str) -> int:
    db.session.rollback()
    wanted = select(func.count()).where(Transfer.scheme_id == books.scheme_id, Transfer.kind == kind)
    return db.session.scalar(wanted) or 0


def test_eight_threads_with_a_hundred_debits_each_lose_none(books: Books, app_of: Flask) -> None:
    """With SQLAlchemy's default on SQLite 685 of 800 were lost without an error."""
    person = books.person()
    books.award(person, 1000)

    def spend() -> None:
        for _ in range(100):
            books.redeem(person, 1, {})

    assert together(app_of, [spend] * 8) == [None] * 8
    assert books.wallet(person) == 200
    assert count(books, "redemption") == 800


def test_one_key_from_32_threads_is_one_transfer_and_one_answer(books: Books, app_of: Flask) -> None:
    person, rice = books.person(), books.goods(1)
    books.award(person, 30)  # enough for one
    answers = together(app_of, [lambda: books.redeem(person, 30, {rice: 1}, key="till-1")] * 32)
    assert len(set(answers)) == 1 and isinstance(answers[0], int)
    assert count(books, "redemption") == 1


def test_one_key_for_two_requests_is_one_transfer_and_one_refusal(books: Books, app_of: Flask) -> None:
    one, other = books.person(), books.person()  # not even an account in common, but for issuance
    jobs = [lambda: books.award(one, 5, key="k", asked="a"), lambda: books.award(other, 5, key="k", asked="b")]
    answers = together(app_of, jobs * 4)
    assert count(books, "award") == 1
    assert Counter(type(answer).__name__ for answer in answers) == {"int": 4, "KeyReused": 4}


def test_an_award_is_reversed_once_by_eight_people(books: Books, app_of: Flask) -> None:
    person = books.person()
    made = books.award(person, 20)
    books.award(person, 60)
    answers = together(app_of, [lambda: books.undo(made)] * 8)
    assert sum(isinstance(answer, int) for answer in answers) == 1
    assert all(answer.facts == {"cause": "reversed"} for answer in answers if isinstance(answer, Conflict))
    assert books.wallet(person) == 60


def test_the_first_ones_to_open_an_account_open_it_once(books: Books, app_of: Flask) -> None:
    person = books.person()
    together(app_of, [lambda: books.award(person, 1, "2026-12-31")] * 12)
    assert books.wallet(person) == 12
    assert db.session.scalar(select(func.count()).where(Account.holder_id == person)) == 1


def test_baskets_in_any_order_do_not_deadlock(books: Books, app_of: Flask) -> None:
    people, goods = [books.person() for _ in range(6)], [books.goods(100) for _ in range(4)]
    for person in people:
        books.award(person, 100)

    def shop(turn: int) -> Callable[[], None]:
        def job() -> None:
            for n in range(10):
                order = goods[(turn + n) % 4 :] + goods[: (turn + n) % 4]
                legs = books.redeem_legs(people[turn], 1, dict.fromkeys(order, 1))
                draft = books.draft("redemption", *(legs if n % 2 else legs[::-1]))
                with_tries(books, draft)

        return job

    tries.clear()
    turned_away: list[object] = []
    note = turned_away.append  # one and the same object to listen with and to remove
    event.listen(db.engine, "handle_error", note)
    try:
        assert together(app_of, [shop(turn) for turn in range(6)]) == [None] * 6
    finally:
        event.remove(db.engine, "handle_error", note)
    assert not turned_away  # no deadlock, no serialization failure
    assert set(tries) <= {1, 2}  # twice where the server function found an account that nobody had opened yet
    assert all(books.shelf(item) == 40 for item in goods)


tries: list[int] = []


def with_tries(books: Books, draft: Draft) -> None:
    """Post, and note how often the body had to run."""
    ran = 0

    def body() -> None:
        nonlocal ran
        ran += 1
        post(books.scheme_id, [draft], at=clock.now())

    in_own_transaction(body)
    tries.append(ran)


# ---------------------------------------------------------------- processes


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Four processes, as four tills: each with an application of its own."""
    with multiprocessing.get_context("spawn").Pool(4) as made:
        yield made


def processes(pool: Pool, books: Books, work: Callable[..., list[str]], turns: list[Any]) -> Counter[str]:
    """The work, in a process of its own for every turn: what became of each try."""
    url = books.world.app.config["SQLALCHEMY_DATABASE_URI"]
    facts = {name: getattr(books, name) for name in ("scheme_id", "shop", "points", "actor_id")}
    results = [pool.apply_async(in_process, (url, facts, work, turn)) for turn in turns]
    return Counter(word for result in results for word in result.get(300))


applications: dict[str, Flask] = {}


def in_process(url: str, facts: dict[str, int], work: Callable[..., list[str]], turn: Any) -> list[str]:
    if url not in applications:
        applications[url] = create_app(SQLALCHEMY_DATABASE_URI=url, OWNER_URL=url, TESTING=True, SECRET_KEY="test" * 16)
    books = Books.__new__(Books)
    vars(books).update(facts)
    with applications[url].app_context():
        return work(books, turn)


def take_a_bag(books: Books, turn: tuple[list[int], int]) -> list[str]:
    people, rice = turn
    done = []
    for person in people:
        try:
            books.redeem(person, 1, {rice: 1})
            done.append("taken")
        except SoldOut as refused:
            assert refused.facts["available"] == {rice: 0}
            done.append("sold out")
    return done


def test_fifty_residents_and_the_last_ten_bags(books: Books, app_of: Flask, pool: Pool) -> None:
    people, rice = [books.person() for _ in range(50)], books.goods(10)
    for person in people:
        books.award(person, 1)
    answers = processes(pool, books, take_a_bag, [(people[n::4], rice) for n in range(4)])
    assert answers == {"taken": 10, "sold out": 40}
    assert books.shelf(rice) == 0
    assert sum(books.wallet(person) for person in people) == 40


def spend_one_by_one(books: Books, person: int) -> list[str]:
    done = []
    for _ in range(40):
        try:
            books.redeem(person, 1, {})
            done.append("spent")
        except InsufficientPoints as refused:
            assert refused.facts == {"missing_points": 1}
            done.append("refused")
    return done


def test_four_tills_spend_one_wallet_to_nothing(books: Books, app_of: Flask, pool: Pool) -> None:
    person = books.person()
    for mark in ("2026-12-31", "2027-01-31", "never"):
        books.award(person, 33, mark)
    assert processes(pool, books, spend_one_by_one, [person] * 4) == {"spent": 99, "refused": 61}
    assert books.wallet(person) == 0


def send_again(books: Books, turn: tuple[int, str]) -> list[str]:
    person, key = turn
    return [str(books.redeem(person, 5, {}, key=key)) for _ in range(8)]


def test_one_key_from_four_processes_is_one_transfer(books: Books, app_of: Flask, pool: Pool) -> None:
    person = books.person()
    books.award(person, 5)
    answers = processes(pool, books, send_again, [(person, "till-1")] * 4)
    assert list(answers.values()) == [32]
    assert books.wallet(person) == 0
