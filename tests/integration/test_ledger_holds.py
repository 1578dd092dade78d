"""Holds: set aside under the floor, resolved once, whatever happens meanwhile."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from points import clock
from points.db import db, in_own_transaction, new_id, transaction
from points.errors import (
    Conflict,
    DomainError,
    HoldEnded,
    InsufficientPoints,
    KeyReused,
    LedgerFault,
    NotFound,
    SoldOut,
)
from points.ledger import Posted, aside, capture, hold, release, request_hash, time_out
from points.ledger.holds import lines_of
from points.ledger.models import Account, HoldResolution
from points.ledger.queries import postings_of, transfer_of, wallet_lots
from points.proof.audit import audit
from tests.conftest import ON_15, WAYS
from tests.factories import Books
from tests.integration.together import in_processes, in_threads

RUNS_ON = (*WAYS, *ON_15)

AT = datetime(2026, 11, 17, 4, tzinfo=UTC)
SOON, LATER = "2026-11-30", "2027-01-31"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _in_november(books: Books) -> Iterator[None]:
    with clock.at(AT):
        yield
    db.session.rollback()
    held = aside.lines.c
    open_lines = (
        select(held.account_id, func.sum(-held.amount).label("amount"))
        .where(held.scheme_id == books.scheme_id, held.amount < 0)
        .where(~select(HoldResolution.hold_id).where(HoldResolution.hold_id == held.hold_id).exists())
        .group_by(held.account_id)
    )
    expected = {row.account_id: int(row.amount) for row in db.session.execute(open_lines)}
    stored = select(Account.id, Account.held).where(Account.scheme_id == books.scheme_id, Account.held != 0)
    assert {row.id: row.held for row in db.session.execute(stored)} == expected
    assert audit(books.scheme_id).is_clean


def put(books: Books, *legs: Any, until: datetime = AT + HOUR, at: datetime = AT, **how: Any) -> int:
    draft = books.draft("redemption", *legs, **how)
    return in_own_transaction(lambda: hold(books.scheme_id, draft, until=until, at=at)).hold_id


def take(books: Books, hold_id: int, key: str = "", asked: str = "", at: datetime = AT, **how: Any) -> Posted:
    facts = {
        "key": key or secrets.token_hex(8),
        "actor_id": books.actor_id,
        "request_hash": request_hash(capture=hold_id, asked=asked),
        "source_kind": "test",
        "source_id": None,
    }
    return in_own_transaction(lambda: capture(books.scheme_id, hold_id, at=at, **facts | how))


def let_go(books: Books, hold_id: int, at: datetime = AT) -> bool:
    return in_own_transaction(lambda: release(books.scheme_id, hold_id, actor_id=books.actor_id, at=at))


def available(books: Books, person: int) -> dict[str, int]:
    db.session.rollback()
    return dict(wallet_lots(books.scheme_id, person, books.points))


@pytest.fixture
def person(books: Books) -> int:
    made = books.person()
    books.award(made, 30, SOON)
    books.award(made, 20, LATER)
    return made


def test_a_hold_sets_points_and_goods_aside_and_moves_nothing(books: Books, person: int) -> None:
    rice = books.goods(5)
    put(books, *books.redeem_legs(person, 35, {rice: 2}))
    assert books.wallet(person) == 50
    assert available(books, person) == {LATER: 15}  # the soonest date first
    assert books.shelf(rice) == 3
    with pytest.raises(InsufficientPoints) as refused:
        books.redeem(person, 16, {})
    assert refused.value.facts == {"missing_points": 1}
    with pytest.raises(SoldOut) as sold:
        books.redeem(person, 1, {rice: 4})
    assert sold.value.facts["available"] == {rice: 3}


def test_a_hold_is_refused_as_a_posting_is_and_then_sets_nothing_aside(books: Books, person: int) -> None:
    rice = books.goods(5)
    with pytest.raises(SoldOut) as sold:
        put(books, *books.redeem_legs(person, 10, {rice: 6}))
    assert sold.value.facts["available"] == {rice: 5}
    with pytest.raises(InsufficientPoints) as refused:
        put(books, *books.redeem_legs(person, 60, {rice: 1}))
    assert refused.value.facts == {"missing_points": 10}
    assert available(books, person) == {SOON: 30, LATER: 20}
    assert books.shelf(rice) == 5


def test_a_date_that_has_passed_is_not_held(books: Books, person: int) -> None:
    later = datetime(2026, 12, 1, 4, tzinfo=UTC)
    with clock.at(later), pytest.raises(InsufficientPoints):
        put(books, *books.redeem_legs(person, 21, {}), at=later, until=later + HOUR)


def test_what_may_not_be_held(books: Books, person: int) -> None:
    for legs, how in (
        (books.award_legs(person, 5), {}),  # takes from the issuance
        (books.redeem_legs(person, 5, {}), {"until": AT}),
        (books.redeem_legs(person, 5, {})[:1], {}),
    ):
        with pytest.raises(LedgerFault):
            put(books, *legs, **how)


def test_the_same_key_is_the_same_hold(books: Books, person: int) -> None:
    legs = books.redeem_legs(person, 40, {})
    first = put(books, *legs, key="k", asked="a")
    assert put(books, *legs, key="k", asked="a") == first
    assert put(books, *legs, key="k", asked="a", at=AT + 2 * HOUR) == first  # even when its time is over
    assert available(books, person) == {LATER: 10}
    with pytest.raises(KeyReused):
        put(books, *legs, key="k", asked="b")


def test_capturing_posts_it_whole_from_the_accounts_it_sat_on(books: Books, person: int) -> None:
    rice = books.goods(5)
    held = put(books, *books.redeem_legs(person, 35, {rice: 2}))
    books.award(person, 9, "2026-11-30")
    posted = take(books, held)
    assert not posted.replayed
    assert (books.wallet(person), books.shelf(rice)) == (24, 3)
    assert available(books, person) == {SOON: 9, LATER: 15}
    lines = {(line.klass, line.mark): line.amount for line in postings_of(books.scheme_id, posted.transfer_id)}
    assert lines == {
        **{("wallet", SOON): -30, ("wallet", LATER): -5, ("takings", ""): 35},
        **{("shelf", "0"): -2, ("given_out", ""): 2},
    }
    assert transfer_of(books.scheme_id, posted.transfer_id).kind == "redemption"


def test_capturing_less_gives_the_rest_back(books: Books, person: int) -> None:
    rice, oil = books.goods(5), books.goods(5)
    held = put(books, *books.redeem_legs(person, 35, {rice: 2, oil: 1}))
    number = {(x.klass, x.unit_id, x.mark): x.line for x in lines_of(books.scheme_id, held)}
    parts = {
        number["wallet", books.points, SOON]: 12,
        number["takings", books.points, ""]: 12,
        number["shelf", rice, "0"]: 1,
        number["given_out", rice, ""]: 1,
    }
    with pytest.raises(Conflict) as beyond:
        take(books, held, parts=parts | {number["shelf", rice, "0"]: 3})
    assert beyond.value.facts == {"cause": "beyond", "line": number["shelf", rice, "0"], "left": 2}
    for wrong in (parts | {99: 1}, parts | {number["shelf", oil, "0"]: 0}, parts | {number["shelf", oil, "0"]: 1}, {}):
        with pytest.raises(LedgerFault):
            take(books, held, parts=wrong)
    take(books, held, parts=parts)
    assert available(books, person) == {SOON: 18, LATER: 20}
    assert (books.shelf(rice), books.shelf(oil)) == (4, 5)


def test_the_same_capture_is_the_same_transfer(books: Books, person: int) -> None:
    held, other = put(books, *books.redeem_legs(person, 10, {})), put(books, *books.redeem_legs(person, 10, {}))
    first = take(books, held, key="c")
    assert take(books, held, key="c") == Posted(first.transfer_id, replayed=True)
    assert take(books, held, key="c", at=AT + 2 * HOUR).replayed  # even when its time is over
    with pytest.raises(KeyReused):
        take(books, held, key="c", asked="something else")
    with pytest.raises(HoldEnded) as ended:
        take(books, held, key="d")
    assert ended.value.facts == {"outcome": "captured"}
    # the key of another hold's transfer, whatever its hash says
    for hashed in (request_hash(capture=held, asked=""), request_hash(x=1)):
        with pytest.raises(KeyReused):
            take(books, other, key="c", request_hash=hashed)
    assert available(books, person) == {SOON: 10, LATER: 20}


def test_releasing_gives_back_and_again_changes_nothing(books: Books, person: int) -> None:
    held = put(books, *books.redeem_legs(person, 35, {}))
    assert let_go(books, held) is True
    assert let_go(books, held) is False
    assert available(books, person) == {SOON: 30, LATER: 20}
    with pytest.raises(HoldEnded) as ended:
        take(books, held)
    assert ended.value.facts == {"outcome": "released"}
    captured = put(books, *books.redeem_legs(person, 35, {}))
    take(books, captured)
    with pytest.raises(HoldEnded) as ended:
        let_go(books, captured)
    assert ended.value.facts == {"outcome": "captured"}


def test_a_hold_past_its_time_is_refused_even_before_anybody_sweeps(books: Books, person: int) -> None:
    held = put(books, *books.redeem_legs(person, 35, {}))
    for end in (take, let_go):
        with pytest.raises(HoldEnded) as ended:
            end(books, held, at=AT + HOUR)
        assert ended.value.facts == {"outcome": "expired"}
    assert available(books, person) == {LATER: 15}  # until the sweep
    assert time_out(books.scheme_id, at=AT + HOUR) == 1
    assert available(books, person) == {SOON: 30, LATER: 20}


def test_a_hold_nobody_knows(books: Books) -> None:
    for end in (take, let_go):
        with pytest.raises(NotFound):
            end(books, new_id())


def test_time_out_ends_what_is_late_in_chunks_and_goes_on_where_it_was_stopped(books: Books, person: int) -> None:
    late = [put(books, *books.redeem_legs(person, 5, {}), until=AT + timedelta(minutes=n)) for n in range(1, 6)]
    put(books, *books.redeem_legs(person, 5, {}), until=AT + 2 * HOUR)
    let_go(books, late[0])
    stops = iter([False, True])
    assert time_out(books.scheme_id, at=AT + HOUR, size=3, stop=lambda: next(stops)) == 3
    assert time_out(books.scheme_id, at=AT + HOUR, size=3) == 1
    assert time_out(books.scheme_id, at=AT + HOUR) == 0
    assert sum(available(books, person).values()) == 45


def test_a_capture_from_a_date_that_passed_meanwhile(books: Books, person: int) -> None:
    """A hold sits on the accounts it took."""
    held = put(books, *books.redeem_legs(person, 35, {}), until=AT + timedelta(days=30))
    december = datetime(2026, 12, 5, 4, tzinfo=UTC)
    with clock.at(december):
        take(books, held, at=december)
    assert books.wallet(person) == 15


def test_more_than_there_is_cannot_be_set_aside_behind_the_plan(books: Books, person: int) -> None:
    account = db.session.scalar(select(Account.id).where(Account.holder_id == person, Account.mark == SOON))
    for amount in (31, 10**12):
        with pytest.raises(LedgerFault), transaction():
            aside.set_aside(books.scheme_id, [(account, amount)])
    with transaction():
        aside.set_aside(books.scheme_id, [(account, 30)])
        aside.set_aside(books.scheme_id, [(account, -30)])


def test_holds_of_another_scheme_are_unknown(books: Books, person: int) -> None:
    from tests.factories import World

    held = put(books, *books.redeem_legs(person, 35, {}))
    other = Books(World(books.world.app))
    with pytest.raises(NotFound):
        take(other, held)
    assert time_out(other.scheme_id, at=AT + 2 * HOUR) == 0
    assert lines_of(other.scheme_id, held) == []


# ---------------------------------------------------------------- races


@pytest.mark.parametrize("round_", range(4))
def test_capture_release_and_time_out_at_once_one_wins(books: Books, person: int, round_: int) -> None:
    rice = books.goods(3)
    held = put(books, *books.redeem_legs(person, 35, {rice: 2}))
    ends = [
        lambda: ("captured", take(books, held).transfer_id),
        lambda: ("released", let_go(books, held)),
        lambda: ("expired", time_out(books.scheme_id, at=AT + HOUR)),
    ]
    answers = in_threads(books.world.app, (ends[round_ % 3 :] + ends[: round_ % 3]) * 3)
    won = [answer[0] for answer in answers if isinstance(answer, tuple) and answer[1]]
    assert len(won) == 1, answers
    assert all(isinstance(answer, tuple) or answer == "HoldEnded" for answer in answers), answers
    db.session.rollback()
    outcome = db.session.scalar(select(HoldResolution.outcome).where(HoldResolution.hold_id == held))
    assert outcome == won[0]
    kept = outcome == "captured"
    assert (books.wallet(person), books.shelf(rice)) == ((15, 1) if kept else (50, 3))


def test_two_captures_with_one_key_are_one_transfer(books: Books, person: int) -> None:
    held = put(books, *books.redeem_legs(person, 35, {}))
    answers = in_threads(books.world.app, [lambda: take(books, held, key="till-1").transfer_id] * 8)
    assert len(set(answers)) == 1 and isinstance(answers[0], int)


def test_one_key_from_many_threads_is_one_hold(books: Books, person: int) -> None:
    answers = in_threads(
        books.world.app, [lambda: put(books, *books.redeem_legs(person, 50, {}), key="h", asked="h")] * 8
    )
    assert len(set(answers)) == 1 and isinstance(answers[0], int)


def test_processes_that_hold_capture_release_and_spend_break_nothing(books: Books, person: int) -> None:
    rice = books.goods(40)

    def one(turn: int) -> str:
        try:
            held = put(books, *books.redeem_legs(person, 3, {rice: 1}))
            if turn % 3 == 0:
                take(books, held)
            elif turn % 3 == 1:
                let_go(books, held)
            else:
                books.redeem(person, 1, {})
            return "done"
        except DomainError as refusal:
            return refusal.code

    with clock.at(AT):
        groups = [[lambda turn=turn: one(turn) for turn in range(12)] for _ in range(4)]
        answers = Counter(in_processes(books.world.app, groups))
    assert set(answers) <= {"done", "insufficient_points"}, answers
    time_out(books.scheme_id, at=AT + HOUR)
    db.session.rollback()
    assert (
        db.session.scalar(
            text("SELECT COUNT(*) FROM accounts WHERE scheme_id = :s AND held <> 0"), {"s": books.scheme_id}
        )
        == 0
    )
