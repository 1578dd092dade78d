"""Very many transfers: a commit per chunk, what is refused by name, and nothing twice whatever interrupts it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from points import clock
from points.db import db, new_id, transaction
from points.errors import InsufficientPoints, KeyReused, LedgerFault
from points.ledger import Draft, HolderKind, open_holder
from points.ledger.bulk import Bulk, collector_paused, post_in_chunks
from points.proof.audit import audit
from tests.conftest import WAYS
from tests.factories import Books

RUNS_ON = WAYS


@pytest.fixture(autouse=True)
def _audited(books: Books) -> Iterator[None]:
    yield
    db.session.rollback()
    assert audit(books.scheme_id).is_clean


def people_of(books: Books, number: int) -> list[int]:
    with transaction():
        return [open_holder(books.scheme_id, new_id(), HolderKind.PERSON) for _ in range(number)]


def awards(books: Books, people: list[int], points: int = 3) -> list[Draft]:
    return [books.draft("award", *books.award_legs(person, points), key=f"list:{person}") for person in people]


def in_chunks(books: Books, drafts: Any, **how: Any) -> Bulk:
    return post_in_chunks(books.scheme_id, drafts, at=clock.now(), **how)


def transfers_in(books: Books) -> int:
    db.session.rollback()
    asked = text("SELECT COUNT(*) FROM transfers WHERE scheme_id = :s")
    return db.session.scalar(asked, {"s": books.scheme_id})


def test_all_are_posted_in_as_many_commits_as_there_are_chunks(books: Books) -> None:
    people, commits, seen = people_of(books, 25), [], []

    @event.listens_for(db.engine, "commit")
    def committed(connection: Any) -> None:
        commits.append(1)

    drafts = awards(books, people)
    result = in_chunks(books, drafts, size=10, progress=lambda bulk: seen.append(bulk.seen))
    event.remove(db.engine, "commit", committed)
    assert (result, seen, len(commits)) == (Bulk(posted=25), [10, 20, 25], 3)
    assert all(books.wallet(person) == 3 for person in people)
    again = in_chunks(books, iter(drafts), size=7)
    assert again == Bulk(replayed=25)
    assert transfers_in(books) == 25


def test_what_is_refused_is_named_and_the_rest_goes_through(books: Books) -> None:
    people = people_of(books, 12)
    in_chunks(books, awards(books, people))
    drafts = [
        books.draft("redemption", *books.redeem_legs(person, 9 if n in (4, 11) else 2, {}))
        for n, person in enumerate(people)
    ]
    drafts[7] = books.draft("award", *books.award_legs(people[7], 3), key=f"list:{people[7]}", asked="something else")
    result = in_chunks(books, drafts, size=5)
    assert (result.posted, result.replayed, sorted(result.refused)) == (9, 0, [4, 7, 11])
    assert isinstance(result.refused[4], InsufficientPoints) and isinstance(result.refused[7], KeyReused)
    assert result.refused[11].facts == {"missing_points": 6}
    assert [books.wallet(people[n]) for n in (0, 4, 7, 11)] == [1, 3, 3, 3]


def test_stopped_between_chunks_it_goes_on_with_the_rest(books: Books) -> None:
    drafts, stops = awards(books, people_of(books, 9)), iter([False, True])
    assert in_chunks(books, drafts, size=4, stop=lambda: next(stops)) == Bulk(posted=4)
    assert in_chunks(books, drafts, size=4) == Bulk(posted=5, replayed=4)
    assert in_chunks(books, []) == Bulk()


def test_a_broken_law_stops_it_and_keeps_the_chunks_before(books: Books) -> None:
    people = people_of(books, 6)
    drafts = awards(books, people)
    drafts[5] = books.draft("gift", *books.award_legs(people[5], 3))
    with pytest.raises(LedgerFault):
        in_chunks(books, drafts, size=3)
    assert transfers_in(books) == 3


def test_words_of_every_kind_arrive_as_they_are(books: Books) -> None:
    """Arrays travel as text: nothing in a key may be taken for its punctuation."""
    [person] = people_of(books, 1)
    keys = ['{"a",b}', "NULL", "back\\slash", 'say "so"', "积分 1,2", "tab\there", "'; DROP"]
    drafts = [books.draft("award", *books.award_legs(person, 1), key=key) for key in keys]
    assert in_chunks(books, drafts).posted == len(keys)
    assert in_chunks(books, drafts).replayed == len(keys)
    db.session.rollback()
    found = db.session.scalars(text("SELECT key FROM transfers WHERE scheme_id = :s"), {"s": books.scheme_id})
    assert sorted(found) == sorted(keys)


def test_a_clerk_beside_it_redeems_between_the_chunks(books: Books) -> None:
    """After every chunk the batch waits until the clerk has been served: were anything still locked, nobody would be."""
    people, shopper = people_of(books, 40), books.person()
    books.award(shopper, 500)
    drafts, served, done, waits = awards(books, people), threading.Event(), threading.Event(), list[bool]()

    def let_the_clerk(bulk: Bulk) -> None:
        served.clear()
        waits.append(served.wait(20))

    def batch() -> None:
        with books.world.app.app_context():
            in_chunks(books, drafts, size=10, progress=let_the_clerk)
            done.set()

    thread, redeemed = threading.Thread(target=batch), 0
    thread.start()
    while not done.is_set() and thread.is_alive():
        books.redeem(shopper, 1, {})
        redeemed += 1
        served.set()
    thread.join()
    assert waits == [True] * 4
    assert transfers_in(books) == 41 + redeemed


KILLED = """
import os, signal, sys
from points import create_app, clock
from points.ledger import bulk
from tests.factories import Books
from tests.integration.test_ledger_bulk import awards
url, scheme, points, people = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), [int(n) for n in sys.argv[4].split(",")]
options = {"SQLALCHEMY_ENGINE_OPTIONS": {"execution_options": {"ledger_path": "statements"}}} if sys.argv[5] else {}
app = create_app(SQLALCHEMY_DATABASE_URI=url, OWNER_URL=url, TESTING=True, SECRET_KEY="t" * 64, **options)
books = Books.__new__(Books)
books.scheme_id, books.points, books.actor_id, books.shop = scheme, points, 7, 0
post_each, posted = bulk.post_each, []
def deadly(*args, **how):
    answers = post_each(*args, **how)
    posted.append(1)
    if len(posted) == 2:  # in the middle of the second chunk, posted but not committed
        os.kill(os.getpid(), signal.SIGKILL)
    return answers
bulk.post_each = deadly
with app.app_context():
    bulk.post_in_chunks(scheme, awards(books, people), at=clock.now(), size=10)
"""


def test_killed_in_the_middle_it_goes_on_and_doubles_nothing(books: Books) -> None:
    people, app = people_of(books, 25), books.world.app
    path = app.config.get("SQLALCHEMY_ENGINE_OPTIONS", {}).get("execution_options", {}).get("ledger_path", "")
    args = (app.config["SQLALCHEMY_DATABASE_URI"], books.scheme_id, books.points, ",".join(map(str, people)), path)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, args)], env=os.environ | {"PYTHONPATH": os.getcwd()}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert transfers_in(books) == 10
    assert in_chunks(books, awards(books, people), size=10) == Bulk(posted=15, replayed=10)
    assert all(books.wallet(person) == 3 for person in people)


def test_the_collector_runs_again_afterwards_if_it_ran_before(books: Books) -> None:
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
