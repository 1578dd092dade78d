"""Points whose date has passed are swept once, whatever interrupts the sweep; what is held waits for its hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from points import clock
from points.db import db, in_own_transaction
from points.errors import Conflict, LedgerFault
from points.ledger import AccountClass, capture, hold, release, request_hash, time_out
from points.ledger.expiry import LEFT, Swept, expires_soon, expiring, sweep
from points.ledger.queries import balance_of, spendable_of, transfer_of, wallet_lots
from points.proof.audit import audit
from tests.conftest import ON_15, WAYS
from tests.factories import Books, World
from tests.integration.together import in_threads
from tests.plans import plan_of

RUNS_ON = (*WAYS, *ON_15)

AT = datetime(2026, 12, 1, 4, tzinfo=UTC)
TODAY = date(2026, 12, 1)
PASSED, BEFORE, AHEAD = "2026-11-30", "2026-10-31", "2026-12-31"


@pytest.fixture(autouse=True)
def _in_december(books: Books) -> Iterator[None]:
    with clock.at(AT):
        yield
    db.session.rollback()
    assert audit(books.scheme_id).is_clean


def give(books: Books, person: int, **marks: int) -> None:
    """Points given in September."""
    for mark, points in marks.items():
        with clock.at(datetime(2026, 9, 1, tzinfo=UTC)):
            books.award(person, points, {"passed": PASSED, "before": BEFORE, "ahead": AHEAD}.get(mark, mark))


def swept(books: Books, on: date = TODAY, at: datetime = AT, **how: Any) -> Swept:
    db.session.rollback()
    return sweep(books.scheme_id, on, at=at, **how)


def lots(books: Books, person: int) -> dict[str, int]:
    db.session.rollback()
    return dict(wallet_lots(books.scheme_id, person, books.points))


def expired(books: Books) -> int:
    db.session.rollback()
    return balance_of(books.scheme_id, books.scheme_id, books.points, AccountClass.EXPIRED)


def test_what_is_left_on_a_passed_date_expires_and_nothing_else(books: Books) -> None:
    one, other = books.person(), books.person()
    give(books, one, passed=30, before=5, ahead=7, never=9)
    give(books, other, ahead=4)
    result = swept(books)
    assert (result.accounts, result.amounts) == (2, {books.points: 35})
    assert lots(books, one) == {AHEAD: 7, "never": 9}
    assert lots(books, other) == {AHEAD: 4}
    assert expired(books) == 35
    assert swept(books).accounts == 0


def test_the_date_itself_still_counts(books: Books) -> None:
    person = books.person()
    give(books, person, passed=30)
    assert swept(books, on=date(2026, 11, 30)).accounts == 0
    assert swept(books).accounts == 1


def test_the_transfer_says_when_and_from_what(books: Books) -> None:
    person = books.person()
    give(books, person, passed=30)
    swept(books)
    found = db.session.execute(
        text("SELECT id FROM transfers WHERE scheme_id = :s AND kind = 'expiry'"), {"s": books.scheme_id}
    ).scalar_one()
    transfer = transfer_of(books.scheme_id, found)
    assert transfer.occurred_at == datetime(2026, 11, 30, 16, tzinfo=UTC)  # the first moment of December in Shanghai
    assert (transfer.recorded_at, transfer.actor_id, transfer.source_kind) == (AT, 0, "expiry")


def test_tried_dry_it_tells_and_changes_nothing(books: Books) -> None:
    people = [books.person() for _ in range(5)]
    for person in people:
        give(books, person, passed=3, ahead=2)
    assert swept(books, dry_run=True, size=2) == Swept(5, {books.points: 15})
    assert swept(books, on=date(2027, 1, 1), dry_run=True) == Swept(10, {books.points: 25})
    assert expired(books) == 0


def test_a_day_that_has_not_come_is_refused(books: Books) -> None:
    with pytest.raises(LedgerFault):
        swept(books, on=date(2026, 12, 2))


def test_what_is_held_stays_until_the_hold_ends(books: Books) -> None:
    person, november = books.person(), datetime(2026, 11, 20, tzinfo=UTC)
    give(books, person, passed=30)
    draft = books.draft("redemption", *books.redeem_legs(person, 12, {}))
    with clock.at(november):
        held = in_own_transaction(
            lambda: hold(books.scheme_id, draft, until=AT + timedelta(days=1), at=november)
        ).hold_id
    assert swept(books).amounts == {books.points: 18}
    assert books.wallet(person) == 12
    in_own_transaction(lambda: release(books.scheme_id, held, actor_id=1, at=AT))
    assert swept(books).amounts == {books.points: 12}
    assert (books.wallet(person), expired(books)) == (0, 30)


def test_a_hold_over_the_date_is_captured_after_the_sweep(books: Books) -> None:
    person, november = books.person(), datetime(2026, 11, 20, tzinfo=UTC)
    give(books, person, passed=30)
    draft = books.draft("redemption", *books.redeem_legs(person, 12, {}))
    with clock.at(november):
        held = in_own_transaction(lambda: hold(books.scheme_id, draft, until=AT + timedelta(days=1), at=november))
    swept(books)
    in_own_transaction(
        lambda: capture(
            *(books.scheme_id, held.hold_id),
            **{"key": "c", "actor_id": 1, "request_hash": request_hash(c=1), "source_kind": "t", "source_id": None},
            at=AT,
        )
    )
    assert (books.wallet(person), expired(books)) == (0, 18)
    assert time_out(books.scheme_id, at=AT + timedelta(days=2)) == 0


def test_an_award_that_expired_is_reversed_from_what_expired(books: Books) -> None:
    person = books.person()
    with clock.at(datetime(2026, 9, 1, tzinfo=UTC)):
        made = books.award(person, 30, PASSED)
    swept(books)
    books.undo(made)
    assert (books.wallet(person), expired(books)) == (0, 0)


def test_stopped_between_chunks_it_goes_on_with_the_rest(books: Books) -> None:
    people = [books.person() for _ in range(5)]
    for person in people:
        give(books, person, passed=3)
    seen: list[int] = []
    stops = iter([False, False, True])
    first = swept(books, size=2, stop=lambda: next(stops), progress=lambda so_far: seen.append(so_far.accounts))
    assert (first.accounts, seen) == (4, [2, 4])
    assert swept(books, size=2).accounts == 1
    assert expired(books) == 15


def test_sweeps_at_once_sweep_once(books: Books) -> None:
    people = [books.person() for _ in range(30)]
    for person in people:
        give(books, person, passed=3)
    answers = in_threads(books.world.app, [lambda: sweep(books.scheme_id, TODAY, at=AT, size=7).accounts] * 4)
    assert sum(answers) == 30, answers
    assert expired(books) == 90


def test_points_that_moved_meanwhile_are_left_to_the_next_run(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody takes from a wallet between the reading and the lock."""
    from points.ledger import expiry

    one, other = books.person(), books.person()
    with clock.at(datetime(2026, 9, 1, tzinfo=UTC)):
        made = books.award(one, 10, PASSED)
        books.award(one, 20, PASSED)
        books.award(other, 5, PASSED)
    read, raced = expiry._left, []

    def late(*args: Any) -> Any:
        found = read(*args)
        if not raced:
            raced.append(books.world.app)
            from points.ledger import reverse

            reverse(
                *(books.scheme_id, made),
                **{"kind": "reversal", "key": "r", "actor_id": 1, "request_hash": request_hash(r=1)},
                **{"source_kind": "t", "source_id": None, "at": AT},
            )
        return found

    monkeypatch.setattr(expiry, "_left", late)
    assert swept(books).amounts == {books.points: 5}
    assert swept(books).amounts == {books.points: 20}


def test_a_scheme_sweeps_its_own(books: Books) -> None:
    other = Books(World(books.world.app))
    person = other.person()
    give(other, person, passed=3)
    assert swept(books).accounts == 0
    assert swept(other).accounts == 1


# ---------------------------------------------------------------- before it comes to that


def test_expires_soon(books: Books) -> None:
    person = books.person()
    give(books, person, passed=30, ahead=7, never=9, **{"2027-01-31": 4})
    db.session.rollback()
    asked = (books.scheme_id, person, books.points, TODAY)
    assert expires_soon(*asked, within_days=30) == [(date(2026, 12, 31), 7)]
    assert expires_soon(*asked, within_days=29) == []
    assert expires_soon(*asked, within_days=61) == [(date(2026, 12, 31), 7), (date(2027, 1, 31), 4)]
    assert spendable_of(books.scheme_id, person, books.points, TODAY) == 20


def test_who_loses_how_much_when_page_by_page(books: Books) -> None:
    people = [books.person() for _ in range(3)]
    for person in people:
        give(books, person, passed=30, ahead=7, never=9, **{"2027-01-31": 4, "2027-03-31": 1})
    db.session.rollback()
    seen, after, pages = [], ("", 0), 0
    while after is not None:
        rows, after = expiring(books.scheme_id, TODAY, 61, after, size=4)
        seen += rows
        pages += 1
    assert pages == 2
    assert [(row.expires_on.isoformat(), row.amount) for row in seen] == [(AHEAD, 7)] * 3 + [("2027-01-31", 4)] * 3
    assert {row.holder_id for row in seen[:3]} == {row.holder_id for row in seen[3:]} == set(people)


def test_the_sweep_reads_by_its_index(books: Books) -> None:
    """A plan that reads all accounts would cost the whole table once per chunk."""
    give(books, books.person(), passed=1)
    db.session.rollback()
    named = {"scheme": books.scheme_id, "since": "", "before": AHEAD, "mark": "", "id": 0, "size": 10}
    plan = plan_of(LEFT, named)
    assert "ix_accounts_dated" in plan, plan
    assert "SCAN accounts" not in plan and "Sort" not in plan and "TEMP B-TREE" not in plan, plan


# ---------------------------------------------------------------- the command


def run(books: Books, *args: str) -> Any:
    db.session.rollback()
    return books.world.app.test_cli_runner().invoke(
        args=["ledger", "expire", "--scheme", books.world.scheme.code, *args]
    )


def test_the_command_tries_dry_then_sweeps(books: Books) -> None:
    person, code = books.person(), books.world.scheme.code
    give(books, person, passed=30, ahead=7)
    assert run(books, "--on", "2027-01-01", "--dry-run").output == f"{code}: 2 wallets, 37 POINTS would expire\n"
    early = run(books, "--on", "2027-01-01")
    assert early.exit_code == 2 and "--dry-run" in early.output
    assert books.wallet(person) == 37
    done = run(books, "--on", "2026-12-01")
    assert done.exit_code == 0 and "1 wallets, 30 POINTS expired" in done.output
    assert books.wallet(person) == 7
    assert "0 wallets expired" in run(books, "--on", "2026-12-01").output
    assert (
        books.world.app.test_cli_runner()
        .invoke(args=["ledger", "expire", "--on", "2026-12-01", "--scheme", "nowhere"])
        .exit_code
        == 2
    )


def test_amounts_are_told_in_the_units_own_decimals(books: Books) -> None:
    from points.proof.book_commands import decimal

    assert [decimal(n, scale) for n, scale in ((1205, 1), (-5, 1), (7, 0), (-7, 2))] == ["120.5", "-0.5", "7", "-0.07"]


KILLED = """
import os, signal, sys
from datetime import date, datetime, UTC
from points import create_app, clock
from points.ledger.expiry import sweep
url, scheme = sys.argv[1], int(sys.argv[2])
options = {"SQLALCHEMY_ENGINE_OPTIONS": {"execution_options": {"ledger_path": "statements"}}} if sys.argv[3] == "1" else {}
app = create_app(SQLALCHEMY_DATABASE_URI=url, OWNER_URL=url, TESTING=True, SECRET_KEY="t" * 64, **options)
at = datetime(2026, 12, 1, 4, tzinfo=UTC)
from points.ledger import expiry
post_each, posted = expiry.post_each, []
def deadly(*args, **how):
    answers = post_each(*args, **how)
    posted.append(1)
    if len(posted) == 2:  # in the middle of the second chunk, posted but not committed
        os.kill(os.getpid(), signal.SIGKILL)
    return answers
expiry.post_each = deadly
with app.app_context(), clock.at(at):
    sweep(scheme, date(2026, 12, 1), at=at, size=10)
"""


def test_killed_in_the_middle_it_goes_on_and_doubles_nothing(books: Books) -> None:
    people = [books.person() for _ in range(25)]
    for person in people:
        give(books, person, passed=3)
    app = books.world.app
    by_statements = app.config.get("SQLALCHEMY_ENGINE_OPTIONS", {}).get("execution_options", {}).get("ledger_path")
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, url, str(books.scheme_id), "1" if by_statements else "0"],
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert expired(books) == 30
    assert swept(books, size=10).accounts == 15
    assert expired(books) == 75


def test_nothing_can_be_spent_from_a_swept_date(books: Books) -> None:
    person = books.person()
    give(books, person, passed=3)
    swept(books)
    with pytest.raises(Conflict):
        books.redeem(person, 1, {})
