"""What somebody had at a moment gone by is looked up by index, however long the history."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from points import clock
from points.db import db, new_id
from points.ledger import AccountClass
from points.ledger.history import ASKED, _looking, balance_at, balances_by_mark, balances_then, moved, wallets_at
from points.ledger.models import Account
from tests.conftest import WAYS
from tests.factories import Books, World
from tests.plans import plan_of

RUNS_ON = WAYS

BEGIN = datetime(2026, 10, 1, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HALF = MINUTE / 2  # the moment of recording lies after the accounts are locked: a little later than the caller's now


def had(books: Books, person: int, moment: datetime, **how: Any) -> int:
    db.session.rollback()
    return balance_at(books.scheme_id, person, how.pop("unit", books.points), moment, **how)


def test_what_somebody_had_then(books: Books) -> None:
    person = books.person()
    for n, step in enumerate((lambda: books.award(person, 50, "2027-01-31"), lambda: books.redeem(person, 20, {}))):
        with clock.at(BEGIN + n * MINUTE):
            step()
    moments = (BEGIN - HALF, BEGIN + HALF / 2, BEGIN + HALF, BEGIN + MINUTE + HALF, BEGIN + 9 * MINUTE)
    assert [had(books, person, moment) for moment in moments] == [0, 50, 50, 30, 30]
    assert had(books, new_id(), BEGIN) == 0
    taken = [had(books, books.shop, moment, klass=AccountClass.TAKINGS) for moment in moments]
    assert taken == [0, 0, 0, 20, 20]
    assert had(books, person, BEGIN, unit=books.honour) == 0


@pytest.mark.parametrize("seed", range(3))
def test_every_moment_of_a_long_history(books: Books, seed: int) -> None:
    """Over several dates, with returns, beside what the history added up to at the time."""
    rng, person, total, seen, spent = random.Random(seed), books.person(), 0, [], []
    for n in range(40):
        with clock.at(BEGIN + n * MINUTE):
            act = rng.random()
            if total < 10 or act < 0.4:
                points = rng.randint(1, 30)
                books.award(person, points, rng.choice(["never", "2027-01-31", "2027-02-28"]))
                total += points
            elif act < 0.8 or not spent:
                points = rng.randint(1, total)
                spent.append((books.redeem(person, points, {}), points))
                total -= points
            else:
                transfer, points = spent.pop()
                books.undo(transfer, "return", at=clock.now())
                total += points
        seen.append(total)
    assert [had(books, person, BEGIN + n * MINUTE + HALF) for n in range(40)] == seen


def test_what_somebody_had_then_of_each_date(books: Books) -> None:
    person, january, february = books.person(), "2027-01-31", "2027-02-28"
    for n, step in enumerate(
        (
            lambda: books.award(person, 50, january),
            lambda: books.award(person, 20, february),
            lambda: books.redeem(person, 60, {}),
        )
    ):
        with clock.at(BEGIN + n * MINUTE):
            step()
    found = [
        balances_by_mark(books.scheme_id, person, books.points, moment, AccountClass.WALLET, marks)
        for moment in (BEGIN - HALF, BEGIN + HALF, BEGIN + MINUTE + HALF, BEGIN + 2 * MINUTE + HALF)
        for marks in ([january, february, "2027-03-31"],)
    ]
    assert found == [
        dict(zip((january, february), points, strict=True)) for points in ((0, 0), (50, 0), (50, 20), (0, 10))
    ]
    assert balances_by_mark(books.scheme_id, person, books.points, BEGIN, AccountClass.WALLET, ["2027-03-31"]) == {}


def test_what_many_had_then_in_all_their_units(books: Books) -> None:
    one, other, nobody, points = books.person(), books.person(), books.person(), books.points
    with clock.at(BEGIN):
        books.award(one, 50, "2027-01-31")
        books.award(one, 20, "2027-02-28")
    with clock.at(BEGIN + MINUTE):
        books.post("award", books.leg("issuance", books.honour, -5), books.leg("wallet", books.honour, 5, one))
        books.award(other, 7)
        books.redeem(one, 60, {})
    db.session.rollback()
    people = [one, other, nobody]
    assert wallets_at(books.scheme_id, people, BEGIN + HALF) == {
        (one, points): 70,
        (one, books.honour): 0,
        (other, points): 0,
    }
    assert wallets_at(books.scheme_id, people, BEGIN + MINUTE + HALF) == {
        (one, points): 10,
        (one, books.honour): 5,
        (other, points): 7,
    }
    of_one_unit = wallets_at(books.scheme_id, people, BEGIN + MINUTE + HALF, books.honour)
    assert of_one_unit == {(one, books.honour): 5}
    used = db.session.query(Account).filter_by(scheme_id=books.scheme_id, holder_id=one, unit_id=points)
    lots = {row.id: row.mark for row in used if row.seq}
    found = balances_then(books.scheme_id, list(used), BEGIN + MINUTE + HALF)
    assert {lots[account]: left for account, left in found.items()} == {"2027-01-31": 0, "2027-02-28": 10}


def test_what_moved_between_two_moments(books: Books) -> None:
    person, rice = books.person(), books.goods(10)
    books.award(person, 100, "2027-01-31")
    for n, pieces in enumerate((2, 3, 4)):
        with clock.at(BEGIN + n * MINUTE):
            books.redeem(person, 10 * pieces, {rice: pieces})
    db.session.rollback()
    shops, (start, end) = [books.shop, new_id()], (BEGIN + HALF, BEGIN + MINUTE + HALF)
    given_out = moved(books.scheme_id, shops, AccountClass.GIVEN_OUT, start, end)
    assert given_out == {(books.shop, rice): 3}
    assert moved(books.scheme_id, shops, AccountClass.TAKINGS, start, end) == {(books.shop, books.points): 30}
    assert moved(books.scheme_id, shops, AccountClass.TAKINGS, BEGIN - HALF, end) == {(books.shop, books.points): 50}
    assert moved(books.scheme_id, [new_id()], AccountClass.TAKINGS, start, end) == {}


def test_it_looks_by_index_and_takes_few_looks(books: Books) -> None:
    person = books.person()
    for n in range(33):
        with clock.at(BEGIN + n * MINUTE):
            books.award(person, 1)
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    db.session.rollback()
    event.listen(db.engine, "before_cursor_execute", note)
    assert had(books, person, BEGIN + 20 * MINUTE + HALF) == 21
    event.remove(db.engine, "before_cursor_execute", note)
    looks = [statement for statement in asked if "postings" in statement]
    assert 1 <= len(looks) <= 6 and not any("sum(" in statement.lower() for statement in asked)
    plan = plan_of(_looking(), {"scheme": books.scheme_id, **ASKED.bind([(1, 1)])})
    assert not any(word in plan for word in ("Seq Scan", "SCAN postings", "SCAN transfers", "AUTOMATIC")), plan
    assert plan.count("postings") >= 1 and plan.count("transfers") >= 1


# ---------------------------------------------------------------- the command


def run(world: World, *args: str) -> Any:
    db.session.rollback()
    return world.app.test_cli_runner().invoke(args=["ledger", "balance", "--scheme", world.scheme.code, *args])


def test_the_command_knows_residents_by_number(books: Books) -> None:
    person = books.world.person()
    number, holder = person.number, person.id
    for n, points in enumerate((50, 25)):
        with clock.at(BEGIN + n * timedelta(days=1)):
            books.award(holder, points)
    assert run(books.world, number, "--at", "2026-10-02").output == "2026-10-02 00:00:00            50 POINTS\n"
    assert run(books.world, str(holder), "--at", "2026-10-01T11:59").output.endswith(" 0 POINTS\n")
    assert "75 POINTS" in run(books.world, number).output
    assert run(books.world, "R-nobody").exit_code == 2
    assert run(books.world, "99").output == "Nothing, ever.\n"
