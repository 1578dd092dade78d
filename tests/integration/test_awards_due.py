"""What is due is credited by real worker processes, killed in the middle; what the books refuse is kept and shown."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, select, text, update

from points import clock
from points.awards.models import CapUsage, Claim, ClaimState, Review, Step
from points.awards.notice.due import CHUNK, due_ids
from points.awards.notice.exceptions import drop, retry
from points.awards.notice.rules import NotStuck
from points.awards.rules import OwnClaim, ReasonNeeded
from points.db import db, in_own_transaction, new_id, table_of, transaction
from points.errors import NotFound
from points.inbox.models import Message
from points.jobs.kinds import KINDS
from points.jobs.queries import standing_of
from points.ledger.models import Holder, HolderKind, Transfer
from points.ledger.queries import balance_of, units_of
from points.people.models import Person, Role
from points.proof.audit import audit
from tests.factories import World
from tests.integration.notice_world import MONDAY, Board, on
from tests.plans import plan_of

PATIENCE_S = 60
CLAIMS = 500
AFTER = on(date(2026, 11, 20))


@pytest.fixture
def board(world: World) -> Board:
    return Board(world)


def disabled(board: Board, person: Person, at: datetime | None = None) -> None:
    with transaction():
        db.session.execute(
            update(Person)
            .where(Person.scheme_id == board.scheme_id, Person.id == person.id)
            .values(disabled_at=at or clock.now())
        )


def enabled(board: Board, person: Person) -> None:
    with transaction():
        db.session.execute(
            update(Person).where(Person.scheme_id == board.scheme_id, Person.id == person.id).values(disabled_at=None)
        )


def count(query: Any) -> int:
    db.session.rollback()
    return db.session.scalar(query) or 0


def in_state(board: Board, state: ClaimState) -> int:
    return count(
        select(func.count()).select_from(Claim).where(Claim.scheme_id == board.scheme_id, Claim.state == state)
    )


# ---------------------------------------------------------------- stuck, never lost


def test_what_the_books_refuse_is_kept_and_told_once_and_the_others_go_on(board: Board) -> None:
    gone, here = board.world.person("李梅"), board.world.person("张三")
    stuck, fine = board.granted(at=MONDAY, by=gone), board.granted(at=MONDAY, by=here)
    disabled(board, gone)
    assert board.run(AFTER) == 1
    assert board.again(fine).state == ClaimState.APPROVED
    again = board.again(stuck)
    assert (again.state, again.state_reason, again.transfer_id) == (ClaimState.STUCK, "beneficiary_disabled", None)
    assert again.due_on == date(2026, 11, 21), "it is tried again tomorrow"
    assert board.run(AFTER) == 0
    board.run(AFTER + timedelta(days=1))
    failed = select(func.count()).select_from(Review).where(Review.claim_id == stuck.id, Review.step == Step.FAILED)
    assert count(failed) == 1, "its life tells it once, however often it is tried"
    told = select(func.count()).select_from(Message).where(Message.person_id == gone.id, Message.code == "claim_stuck")
    assert count(told) == 1


def test_it_is_tried_again_every_day_until_it_can_be_credited(board: Board) -> None:
    person = board.world.person("李梅")
    claim = board.granted(at=MONDAY, by=person)
    disabled(board, person)
    for days in range(3):
        assert board.run(AFTER + timedelta(days=days)) == 0
    enabled(board, person)
    assert board.run(AFTER + timedelta(days=3)) == 1
    assert board.again(claim).state == ClaimState.APPROVED
    db.session.rollback()
    assert balance_of(board.scheme_id, person.id, units_of(board.scheme_id)["POINTS"]) == 10


def test_staff_try_again_at_once_when_the_cause_is_gone(board: Board) -> None:
    person = board.world.person("李梅")
    claim = board.granted(at=MONDAY, by=person)
    disabled(board, person)
    board.run(AFTER)
    who = board.world.visitor(board.other)
    still = in_own_transaction(lambda: retry(who, claim.id, at=AFTER))
    assert still.state == ClaimState.STUCK
    enabled(board, person)
    assert in_own_transaction(lambda: retry(who, claim.id, at=AFTER)).state == ClaimState.APPROVED
    assert in_own_transaction(lambda: retry(who, claim.id, at=AFTER)).state == ClaimState.APPROVED
    transfers = select(func.count()).select_from(Transfer).where(Transfer.scheme_id == board.scheme_id)
    assert count(transfers) == 1


def test_dropped_with_a_reason_its_caps_are_given_back_and_its_claimant_is_told(board: Board) -> None:
    person = board.world.person("李梅")
    claim = board.granted(at=MONDAY, by=person)
    disabled(board, person)
    board.run(AFTER)
    who = board.world.visitor(board.other)
    with pytest.raises(ReasonNeeded):
        in_own_transaction(lambda: drop(who, claim.id, reason="", key=uuid.uuid4(), at=AFTER))
    key = uuid.uuid4()
    for _ in range(2):
        gone = in_own_transaction(lambda: drop(who, claim.id, reason="已经搬走", key=key, at=AFTER))
        assert (gone.state, gone.state_reason) == (ClaimState.REJECTED, "已经搬走")
    assert count(select(func.sum(CapUsage.used)).where(CapUsage.scheme_id == board.scheme_id)) == 0
    told = select(Message.code).where(Message.person_id == person.id).order_by(Message.at.desc(), Message.id.desc())
    db.session.rollback()
    assert "claim_rejected" in db.session.scalars(told).all()
    with pytest.raises(NotStuck):
        in_own_transaction(lambda: retry(who, claim.id, at=AFTER))
    assert board.run(AFTER + timedelta(days=5)) == 0


def test_nobody_settles_their_own_or_what_is_not_stuck_or_elsewhere(board: Board) -> None:
    world, clerk = board.world, board.world.staff(Role.STAFF, name="自己")
    mine = board.granted(at=MONDAY, by=clerk)
    open_one = board.granted(at=MONDAY)
    with transaction():
        db.session.execute(update(Claim).where(Claim.id == mine.id).values(state="stuck", state_reason="x"))
    own, another = world.visitor(clerk), world.visitor(board.other)
    with pytest.raises(OwnClaim):
        in_own_transaction(lambda: retry(own, mine.id, at=AFTER))
    with pytest.raises(NotStuck):
        in_own_transaction(lambda: retry(another, open_one.id, at=AFTER))
    other = World(world.app)
    stranger = other.visitor(other.staff(Role.STAFF))
    with pytest.raises(NotFound):
        in_own_transaction(lambda: retry(stranger, mine.id, at=AFTER))


def test_a_fault_of_one_award_keeps_no_other_from_its_points(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    from points.awards.notice import due as module

    claims = [board.granted(at=MONDAY, by=board.world.person(f"人{n}")) for n in range(4)]
    broken, real = claims[1].id, module.credit_due

    def faulty(scheme: Any, ids: Any, *args: Any, **kwargs: Any) -> Any:
        if broken in ids:
            raise ZeroDivisionError
        return real(scheme, ids, *args, **kwargs)

    monkeypatch.setattr(module, "credit_due", faulty)
    with pytest.raises(ZeroDivisionError):  # the job shows it, and comes again
        board.run(AFTER)
    assert in_state(board, ClaimState.APPROVED) == 3
    assert board.again(claims[1]).state in (ClaimState.ON_NOTICE, ClaimState.DUE)
    monkeypatch.undo()
    assert board.run(AFTER) == 1


def test_what_is_due_is_found_by_index(board: Board) -> None:
    db.session.rollback()
    scheme, day = bindparam("scheme"), bindparam("day")
    query = (
        select(Claim.due_on, Claim.id)
        .where(Claim.scheme_id == scheme, Claim.state == ClaimState.DUE, Claim.due_on <= day)
        .order_by(Claim.due_on, Claim.id)
        .limit(CHUNK)
    )
    assert "ix_claims_scheme_id_state_due_on_id" in plan_of(
        query, {"scheme": board.scheme_id, "day": date(2026, 11, 20)}
    )


# ---------------------------------------------------------------- killed in the middle


def many_due(board: Board, many: int) -> list[int]:
    """People with one award each that is due, copied from a real one."""
    first = board.granted(at=MONDAY)
    person, claim = table_of(Person), table_of(Claim)
    db.session.rollback()
    whole = dict(db.session.execute(select(claim).where(claim.c.id == first.id)).one()._mapping)
    one = dict(db.session.execute(select(person).where(person.c.id == board.claimant.id)).one()._mapping)
    people = [new_id() for _ in range(many)]
    with transaction():
        holders = [{"scheme_id": board.scheme_id, "id": p, "kind": HolderKind.PERSON} for p in people]
        db.session.execute(insert(table_of(Holder)), holders)
        db.session.execute(insert(person), [one | {"id": p, "number": f"K{p}"} for p in people])
        rows = [
            whole | {"id": new_id(), "person_id": p, "entered_by": p, "key": str(uuid.uuid4()), "notice_place": n + 2}
            for n, p in enumerate(people)
        ]
        db.session.execute(insert(claim), rows)
        today = clock.local_date(clock.now(), board.world.scheme.zone)
        db.session.execute(
            update(claim).where(claim.c.scheme_id == board.scheme_id).values(due_on=today - timedelta(days=1))
        )
    return [board.claimant.id, *people]


@contextmanager
def worker(board: Board) -> Iterator[subprocess.Popen[bytes]]:
    """``flask jobs work`` for this scheme only, in a process of its own."""
    url = board.world.app.config["SQLALCHEMY_DATABASE_URI"]
    command = [sys.executable, "-m", "points", "jobs", "work", "--lease", "3", "--scheme", board.world.scheme.code]
    db.session.rollback()
    process = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url, "PYTHONWARNINGS": ""})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)


def test_a_worker_killed_in_the_middle_loses_nothing_and_credits_nothing_twice(board: Board) -> None:
    assert "awards_due" in KINDS
    people = many_due(board, CLAIMS)
    with worker(board) as first:
        until(lambda: in_state(board, ClaimState.APPROVED) > 0, "the first awards")
        first.kill()
        first.wait()
    credited = in_state(board, ClaimState.APPROVED)
    assert 0 < credited < len(people), "killed too late to prove anything"
    with worker(board):
        until(lambda: in_state(board, ClaimState.APPROVED) == len(people), "the second worker to finish")
    db.session.rollback()
    made = text("SELECT count(*), count(DISTINCT key) FROM transfers WHERE scheme_id = :s AND kind = 'award'")
    assert tuple(db.session.execute(made, {"s": board.scheme_id}).one()) == (len(people), len(people))
    points = units_of(board.scheme_id)["POINTS"]
    assert {balance_of(board.scheme_id, one, points) for one in people} == {10}
    assert in_state(board, ClaimState.ON_NOTICE) == in_state(board, ClaimState.DUE) == 0
    assert audit(board.scheme_id).is_clean
    found = standing_of(board.scheme_id, "awards_due", at=clock.now())
    assert found is not None


def test_each_due_claim_is_given_once_chunk_after_chunk(board: Board) -> None:
    many_due(board, 2 * CHUNK + 5)
    today = clock.local_date(clock.now(), board.world.scheme.zone)
    chunks = list(due_ids(board.scheme_id, ClaimState.ON_NOTICE, today))
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 6]
    assert len({one for chunk in chunks for one in chunk}) == 2 * CHUNK + 6
