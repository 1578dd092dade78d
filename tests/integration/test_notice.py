"""Awards go on their community's notice, wait out its window, and are credited when they are due."""

from __future__ import annotations

import threading
import uuid
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from points import clock
from points.awards.models import Claim, ClaimState, Review, Step
from points.awards.reviewing import approve
from points.calendar.models import CalendarDay
from points.db import db, in_own_transaction, transaction
from points.inbox.models import Message
from points.ledger.models import Transfer
from points.ledger.queries import balance_of, units_of
from points.people.models import AreaKind, Role
from tests.factories import World
from tests.integration.awards_world import claimed
from tests.integration.notice_world import MONDAY, Board, on


@pytest.fixture
def board(world: World) -> Board:
    return Board(world)


def points_of(board: Board, person_id: int) -> int:
    db.session.rollback()
    return balance_of(board.scheme_id, person_id, units_of(board.scheme_id)["POINTS"])


def transfers(board: Board) -> int:
    db.session.rollback()
    return (
        db.session.scalar(select(func.count()).select_from(Transfer).where(Transfer.scheme_id == board.scheme_id)) or 0
    )


def test_a_granted_award_waits_the_promised_working_days_in_its_community(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    notice = board.notice_of(claim)
    assert claim.state == ClaimState.ON_NOTICE and claim.transfer_id is None
    assert (notice.opens_on, notice.closes_on, notice.days) == (date(2026, 11, 16), date(2026, 11, 19), 3)
    assert claim.due_on == date(2026, 11, 20)
    assert notice.area_id == board.world.community.id
    assert notice.number == "2026-11-001" and claim.notice_place == 1 and notice.items == 1
    assert notice.beyond, "the calendar is empty: it was reckoned by the week, and that is kept"
    assert points_of(board, board.claimant.id) == 0


def test_holidays_lengthen_the_window(board: Board) -> None:
    at = clock.now()
    with transaction():
        for offset in range(30):
            day = date(2026, 11, 16) + timedelta(days=offset)
            kind = "holiday" if day == date(2026, 11, 18) else "workday" if day.weekday() < 5 else "weekend"
            db.session.add(CalendarDay(scheme_id=board.scheme_id, day=day, kind=kind, title="", set_by=1, set_at=at))
    notice = board.notice_of(board.granted(at=MONDAY))
    assert notice.closes_on == date(2026, 11, 20) and not notice.beyond


def test_one_list_a_community_and_window_numbered_within_the_month(board: Board) -> None:
    world = board.world
    with transaction():
        east = world.area(AreaKind.COMMUNITY, "东苑社区", world.subdistrict)
    neighbour = world.person("李梅", area=east)
    world.give(board.reviewer, Role.STAFF, east)
    board.granted(at=MONDAY)
    board.granted(at=MONDAY, by=world.person("张三"))
    board.granted(at=MONDAY, by=neighbour)
    board.granted(rule="both", at=MONDAY)
    board.granted(at=on(date(2026, 11, 17)), by=world.person("周五"))
    board.granted(at=on(date(2026, 12, 1)), by=world.person("吴六"))
    assert [(n.number, n.items) for n in board.notices()] == [
        ("2026-11-001", 2),
        ("2026-11-002", 1),
        ("2026-11-003", 1),
        ("2026-11-004", 1),
        ("2026-12-001", 1),
    ]


def test_approvals_at_once_share_one_list_and_no_place(board: Board) -> None:
    world, people = board.world, 8
    reviewers = [world.staff(Role.STAFF) for _ in range(people)]
    with clock.at(MONDAY):
        claims = [claimed(world, world.person(f"人{n}"), "nurse", done_on=date(2026, 11, 15)) for n in range(people)]
        ids = [claim.id for claim in claims]
        visitors = [world.visitor(one) for one in reviewers]
    gate, failed = threading.Barrier(people), []

    def go(place: int) -> None:
        with world.app.app_context():
            gate.wait()
            try:
                in_own_transaction(lambda: approve(visitors[place], ids[place], key=uuid.uuid4(), at=MONDAY).id)
            except Exception as error:
                failed.append(error)

    db.session.rollback()
    threads = [threading.Thread(target=go, args=(n,)) for n in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    (notice,) = board.notices()
    assert notice.items == people
    places = db.session.scalars(select(Claim.notice_place).where(Claim.scheme_id == board.scheme_id)).all()
    assert sorted(places) == list(range(1, people + 1))


def test_nothing_is_credited_before_the_last_day_is_over(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    assert board.run(on(date(2026, 11, 19), hour=15)) == 0  # 23:00 on the last day
    assert board.again(claim).state == ClaimState.ON_NOTICE
    assert board.notice_of(claim).closed_at is None
    assert board.run(on(date(2026, 11, 19), hour=16)) == 1  # midnight
    again = board.again(claim)
    assert again.state == ClaimState.APPROVED and again.transfer_id is not None
    assert points_of(board, board.claimant.id) == 10
    assert board.notice_of(claim).closed_at is not None
    steps = db.session.scalars(select(Review.step).where(Review.claim_id == claim.id).order_by(Review.at, Review.id))
    assert list(steps)[-1] == Step.POSTED


def test_running_it_again_credits_nothing_twice(board: Board) -> None:
    board.granted(at=MONDAY)
    day = on(date(2026, 11, 20))
    assert (board.run(day), board.run(day), board.run(day + timedelta(days=3))) == (1, 0, 0)
    assert transfers(board) == 1 and points_of(board, board.claimant.id) == 10


def test_two_workers_at_once_credit_each_award_once(board: Board) -> None:
    people = [board.world.person(f"人{n}") for n in range(30)]
    for person in people:
        board.granted(at=MONDAY, by=person)
    failed: list[Exception] = []

    def go() -> None:
        with board.world.app.app_context():
            try:
                board.run(on(date(2026, 11, 20)))
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert transfers(board) == len(people)
    assert all(points_of(board, person.id) == 10 for person in people)


def test_a_posting_period_waits_as_due_until_its_first_day(board: Board) -> None:
    claim = board.granted("monthly", at=MONDAY)
    assert (claim.state, claim.due_on) == (ClaimState.DUE, date(2026, 12, 1))
    assert board.run(on(date(2026, 11, 29))) == 0
    assert board.run(on(date(2026, 12, 1))) == 1
    assert points_of(board, board.claimant.id) == 4


def test_after_its_notice_an_award_waits_for_its_posting_day(board: Board) -> None:
    claim = board.granted("both", at=MONDAY)
    assert (claim.state, claim.due_on) == (ClaimState.ON_NOTICE, date(2026, 12, 1))
    board.run(on(date(2026, 11, 19)))
    assert board.again(claim).state == ClaimState.DUE
    assert board.notice_of(claim).closed_at is not None
    assert board.run(on(date(2026, 12, 1))) == 1


def test_a_notice_that_ends_after_the_posting_day_is_credited_when_it_ends(board: Board) -> None:
    claim = board.granted("both", at=on(date(2026, 11, 30)))
    assert claim.due_on == date(2026, 12, 3)
    assert board.run(on(date(2026, 12, 3))) == 1


def test_the_claimant_is_told_of_the_notice_and_of_the_credit(board: Board) -> None:
    claim = board.granted(at=MONDAY)
    board.run(on(date(2026, 11, 20)))
    codes = db.session.scalars(
        select(Message.code).where(Message.scheme_id == board.scheme_id, Message.person_id == board.claimant.id)
    ).all()
    assert {"claim_on_notice", "claim_credited"} <= set(codes)
    assert len(codes) == len(set(codes)), claim.id


def test_the_caps_are_taken_when_it_is_granted(board: Board) -> None:
    for _ in range(4):
        assert (board.granted(at=MONDAY).outcome or {})["points"] == 10
    fifth = board.granted(at=MONDAY, done_on=date(2026, 11, 14))
    assert (fifth.outcome or {})["points"] == 0, "the month's 40 are promised, although nothing is credited yet"
