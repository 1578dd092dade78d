"""Anybody may object in the window; the award is held; somebody who had no part in it decides."""

from __future__ import annotations

import threading
import uuid
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.awards.models import CapUsage, Claim, ClaimState, Review, Step
from points.awards.notice.models import Objection, ObjectionState
from points.awards.notice.objecting import Said, decide, object_to
from points.awards.notice.rules import (
    MOST_OBJECTIONS,
    NoticeOver,
    ObjectionDecided,
    OwnAward,
    OwnObjection,
    OwnReview,
    TooManyObjections,
    WordsNeeded,
)
from points.db import db, in_own_transaction, transaction
from points.errors import KeyReused, NotFound
from points.inbox.models import Message
from points.people.models import Person, Role, Scheme
from tests.factories import World
from tests.integration.notice_world import MONDAY, Board, on

WEDNESDAY = on(date(2026, 11, 18))
AFTER = on(date(2026, 11, 20))
WORDS = "那天没有看到她在"


@pytest.fixture
def board(world: World) -> Board:
    return Board(world)


def objected(board: Board, claim: Claim, at: Any = WEDNESDAY, key: Any = None, **said: Any) -> Objection:
    claim = board.again(claim)
    number, place = board.notice_of(claim).number, board.again(claim).notice_place or 0
    scheme = board.scheme
    wanted = Said(said.pop("words", WORDS), **said)
    db.session.rollback()
    key = key or uuid.uuid4()
    with clock.at(at):
        return in_own_transaction(lambda: object_to(scheme, number, place, wanted, key=key, at=at))


def said(scheme: Scheme, number: str, place: int, at: Any) -> int:
    return in_own_transaction(lambda: object_to(scheme, number, place, Said(WORDS), key=uuid.uuid4(), at=at).id)


def decided(board: Board, objection: Objection, by: Person, uphold: bool, at: Any = WEDNESDAY, **how: Any) -> Objection:
    who = board.world.visitor(by)
    how.setdefault("reason", "查过监控和签到，情况属实")
    how.setdefault("key", uuid.uuid4())
    with clock.at(at):
        return in_own_transaction(lambda: decide(who, objection.id, uphold=uphold, at=at, **how))


def used(board: Board) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.sum(CapUsage.used)).where(CapUsage.scheme_id == board.scheme_id)) or 0


def codes(board: Board, person: Person) -> list[str]:
    db.session.rollback()
    mine = select(Message.code).where(Message.scheme_id == board.scheme_id, Message.person_id == person.id)
    return list(db.session.scalars(mine.order_by(Message.at, Message.id)))


def test_an_objection_holds_that_award_and_no_other(board: Board) -> None:
    claim, other = board.granted(at=MONDAY), board.granted(at=MONDAY, by=board.world.person("李梅"))
    made = objected(board, claim)
    assert len(made.number) == 12 and made.number.isdigit()
    assert board.again(claim).state == ClaimState.HELD
    assert board.run(AFTER) == 1
    assert board.again(other).state == ClaimState.APPROVED
    assert board.again(claim).state == ClaimState.HELD and board.again(claim).transfer_id is None
    assert "objection_received" in codes(board, board.claimant)


def test_who_objected_is_in_no_step_and_no_message_of_the_claimant(board: Board) -> None:
    claim, objector = board.granted(at=MONDAY), board.world.person("钱多")
    objected(board, claim, person_id=objector.id, name="钱多", contact="13800138000")
    db.session.rollback()
    step = db.session.scalars(select(Review).where(Review.claim_id == claim.id, Review.step == Step.OBJECTED)).one()
    assert step.by_id is None and step.reason == ""
    values = db.session.scalars(select(Message.values).where(Message.person_id == board.claimant.id)).all()
    assert all("钱" not in str(one) and "138" not in str(one) and WORDS not in str(one) for one in values)


def test_upheld_the_award_falls_and_its_caps_are_given_back(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    before = used(board)
    made = objected(board, claim, person_id=board.world.person("钱多").id)
    decided(board, made, board.other, uphold=True, reason="签到表上没有她")
    again = board.again(claim)
    assert (again.state, again.state_reason, again.due_on) == (ClaimState.REJECTED, "签到表上没有她", None)
    assert before > 0 and used(board) == 0
    assert "objection_upheld" in codes(board, board.claimant)
    assert board.run(AFTER) == 0 and board.again(claim).transfer_id is None


def test_the_objector_with_an_account_is_told_both_times(board: Board) -> None:
    objector = board.world.person("钱多")
    made = objected(board, board.granted(at=MONDAY), person_id=objector.id)
    decided(board, made, board.other, uphold=False)
    assert codes(board, objector) == ["objection_filed", "objection_answered_no"]


def test_set_aside_in_the_window_it_goes_on_to_the_end_of_the_window(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    due_on = claim.due_on
    decided(board, objected(board, claim), board.other, uphold=False)
    again = board.again(claim)
    assert (again.state, again.due_on) == (ClaimState.ON_NOTICE, due_on), "the window is never shortened"
    assert board.run(on(date(2026, 11, 19))) == 0
    assert board.run(AFTER) == 1


def test_set_aside_after_the_window_it_is_due_at_once(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    made = objected(board, claim)
    board.run(AFTER)
    decided(board, made, board.other, uphold=False, at=on(date(2026, 11, 25)))
    assert board.again(claim).state == ClaimState.DUE
    assert board.run(on(date(2026, 11, 25))) == 1


def test_set_aside_after_the_window_it_still_waits_for_its_posting_day(board: Board) -> None:
    claim = board.granted("both", at=MONDAY)
    decided(board, objected(board, claim), board.other, uphold=False, at=on(date(2026, 11, 25)))
    assert (board.again(claim).state, board.again(claim).due_on) == (ClaimState.DUE, date(2026, 12, 1))
    assert board.run(on(date(2026, 11, 30))) == 0
    assert board.run(on(date(2026, 12, 1))) == 1


def test_with_two_objections_the_award_goes_on_when_both_are_decided(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    first, second = objected(board, claim), objected(board, claim, words="另一个人也说不是")
    decided(board, first, board.other, uphold=False)
    assert board.again(claim).state == ClaimState.HELD
    decided(board, second, board.other, uphold=False)
    assert board.again(claim).state == ClaimState.ON_NOTICE


def test_upheld_once_all_open_ones_are(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    first, second = objected(board, claim), objected(board, claim, words="另一个人也说不是")
    decided(board, first, board.other, uphold=True)
    db.session.rollback()
    assert {db.session.get_one(Objection, (board.scheme_id, one.id)).state for one in (first, second)} == {"upheld"}


@pytest.mark.parametrize("at", [on(date(2026, 11, 20)), on(date(2026, 12, 20))])
def test_after_the_last_day_nobody_objects(board: Board, at: Any) -> None:
    claim = board.granted(at=MONDAY)
    with pytest.raises(NoticeOver):
        objected(board, claim, at=at)


def test_the_last_day_counts_until_midnight(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    assert objected(board, claim, at=on(date(2026, 11, 19), hour=15)).state == ObjectionState.OPEN


def test_nobody_objects_to_their_own_award(board: Board) -> None:
    with pytest.raises(OwnAward):
        objected(board, board.granted(at=MONDAY), person_id=board.claimant.id)


def test_sent_twice_it_is_one_objection(board: Board) -> None:
    claim, key = board.granted(at=MONDAY), uuid.uuid4()
    first, second = objected(board, claim, key=key), objected(board, claim, key=key)
    assert first.id == second.id
    with pytest.raises(KeyReused):
        objected(board, claim, key=key, words="完全另一件事")


def test_too_short_and_too_many(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    with pytest.raises(WordsNeeded):
        objected(board, claim, words="不对")
    for n in range(MOST_OBJECTIONS):
        objected(board, claim, words=f"第 {n} 个人说不对")
    with pytest.raises(TooManyObjections):
        objected(board, claim)


def test_what_is_not_there_cannot_be_objected_to(board: Board) -> None:
    board.granted(at=MONDAY)
    scheme = board.scheme
    for number, place in (("2026-11-001", 2), ("2026-11-999", 1), ("x", 1)):
        with pytest.raises(NotFound):
            said(scheme, number, place, WEDNESDAY)


# ---------------------------------------------------------------- who decides


def test_not_the_reviewer_nor_the_objector_nor_the_household_nor_who_entered(board: Board) -> None:
    from points.awards.rules import OwnClaim, OwnEntry, OwnHousehold

    world = board.world
    family = world.household()
    claimant = world.person("王秀兰", household=family)
    kin = world.staff(Role.STAFF, household=family)
    clerk = world.staff(Role.STAFF, name="录入员")
    claim = board.granted(at=MONDAY, by=claimant)
    made = objected(board, claim, person_id=board.other.id)
    for by, refusal in ((board.reviewer, OwnReview), (board.other, OwnObjection), (kin, OwnHousehold)):
        with pytest.raises(refusal):
            decided(board, made, by, uphold=True)
    entered = board.granted(at=MONDAY, by=clerk, person_id=claimant.id)
    with pytest.raises(OwnEntry):
        decided(board, objected(board, entered), clerk, uphold=True)
    staff_claim = board.granted(at=MONDAY, by=clerk)
    with pytest.raises(OwnClaim):
        decided(board, objected(board, staff_claim), clerk, uphold=True)
    assert board.again(claim).state == ClaimState.HELD
    assert decided(board, made, board.officer, uphold=False).decided_by == board.officer.id


def test_upholding_one_would_decide_ones_own_as_well_so_it_is_refused(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    mine = objected(board, claim, person_id=board.other.id)
    theirs = objected(board, claim, words="另一个人也说不是")
    with pytest.raises(OwnObjection):
        decided(board, theirs, board.other, uphold=True)
    assert decided(board, mine, board.officer, uphold=True).state == ObjectionState.UPHELD


def test_not_somebody_from_elsewhere_or_without_the_duty(board: Board) -> None:
    world, made = board.world, objected(board, board.granted(at=MONDAY))
    from points.people.models import AreaKind

    with transaction():
        east = world.area(AreaKind.COMMUNITY, "东苑社区", world.subdistrict)
    for by in (world.staff(Role.STAFF, east), world.staff(Role.AUDITOR, world.subdistrict), world.person()):
        with pytest.raises(NotFound):
            decided(board, made, by, uphold=True)


def test_a_decision_needs_its_reason_and_is_taken_once(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    made = objected(board, claim)
    with pytest.raises(WordsNeeded):
        decided(board, made, board.other, uphold=True, reason="嗯")
    assert board.again(claim).state == ClaimState.HELD
    decided(board, made, board.other, uphold=False)
    assert decided(board, made, board.other, uphold=False).state == ObjectionState.DISMISSED
    with pytest.raises(ObjectionDecided):
        decided(board, made, board.officer, uphold=True)
    steps = select(func.count()).select_from(Review).where(Review.claim_id == claim.id, Review.step == Step.CLEARED)
    assert db.session.scalar(steps) == 1


def test_of_two_who_decide_at_once_one_does(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    made = objected(board, claim)
    made_id = made.id
    visitors = [board.world.visitor(one) for one in (board.other, board.officer)]
    gate, outcomes = threading.Barrier(2), []

    def go(place: int) -> None:
        with board.world.app.app_context():
            gate.wait()
            try:
                in_own_transaction(
                    lambda: (
                        decide(
                            visitors[place],
                            made_id,
                            uphold=place == 0,
                            reason="查过签到表了",
                            key=uuid.uuid4(),
                            at=WEDNESDAY,
                        ).id
                    )
                )
                outcomes.append("done")
            except ObjectionDecided:
                outcomes.append("late")

    db.session.rollback()
    threads = [threading.Thread(target=go, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "late"]
    upheld = board.again(claim).state == ClaimState.REJECTED
    assert upheld == (used(board) == 0)


def test_an_objection_races_the_closing_and_one_of_them_wins(board: Board) -> None:
    """Held or credited, never both: whoever locks the claim first decides."""
    claims = [board.granted(at=MONDAY, by=board.world.person(f"人{n}")) for n in range(10)]
    places = [(board.notice_of(one).number, board.again(one).notice_place or 0) for one in claims]
    last = on(date(2026, 11, 19), hour=15)
    db.session.rollback()
    gate, failed = threading.Barrier(2), []

    def object_all() -> None:
        with board.world.app.app_context():
            gate.wait()
            for number, place in places:
                try:
                    said(db.session.get_one(Scheme, board.scheme_id), number, place, last)
                except NoticeOver:
                    pass
                except Exception as error:
                    failed.append(error)

    def close() -> None:
        with board.world.app.app_context():
            gate.wait()
            try:
                board.run(AFTER)
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=one) for one in (object_all, close)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for one in claims:
        again = board.again(one)
        assert (again.state, again.transfer_id is None) in ((ClaimState.HELD, True), (ClaimState.APPROVED, False))
