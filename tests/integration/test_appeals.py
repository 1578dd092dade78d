"""Appeals: who may file, until when, who may read, and what becomes of the books."""

from __future__ import annotations

import threading
import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.awards.appeals.deciding import grant_appeal, refuse_appeal
from points.awards.appeals.escalating import escalate
from points.awards.appeals.filing import file_appeal, withdraw_appeal
from points.awards.appeals.models import About, Appeal, AppealState
from points.awards.appeals.queries import Wanted, appeals_in_reach, chance_of, counts_of
from points.awards.appeals.rules import (
    AppealOpen,
    AppealOver,
    AppealReasonNeeded,
    AppealTooLate,
    AppealWordsNeeded,
    NothingToAppeal,
    OwnAppeal,
    ReadBefore,
    RelativesAppeal,
)
from points.awards.models import Claim, Review, Step
from points.awards.reviewing import reject
from points.db import db, in_own_transaction, transaction
from points.errors import DomainError, KeyReused, NotFound
from points.inbox.models import Message
from points.people.models import Relative, Role
from tests.factories import World
from tests.integration.appeals_world import REASON, WHY, Desk, beside
from tests.integration.awards_world import claimed


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


# ---------------------------------------------------------------- filing


def test_a_rejection_is_appealed_and_the_claim_is_marked_meanwhile(desk: Desk) -> None:
    claim = desk.rejected()
    appeal = desk.appeal(claim)
    assert (appeal.about, appeal.state, claim.has_appeal) == (About.REJECTION, AppealState.OPEN, True)
    assert desk.told()[-1] == "appeal_received"
    steps = db.session.scalars(select(Review.step).where(Review.claim_id == claim.id).order_by(Review.at, Review.id))
    assert list(steps)[-1] == Step.APPEALED


def test_the_same_appeal_twice_is_one_and_another_under_its_key_is_refused(desk: Desk) -> None:
    claim, key = desk.rejected(), uuid.uuid4()
    first = desk.appeal(claim, key=key)
    assert desk.appeal(claim, key=key).id == first.id
    with pytest.raises(KeyReused):
        desk.appeal(claim, key=key, words="别的话，别的事")


def test_one_appeal_at_a_time(desk: Desk) -> None:
    claim = desk.rejected()
    desk.appeal(claim)
    with pytest.raises(AppealOpen):
        desk.appeal(claim)


def test_what_is_not_decided_cannot_be_appealed(desk: Desk) -> None:
    with pytest.raises(NothingToAppeal):
        desk.appeal(claimed(desk.world, desk.person))


@pytest.mark.parametrize(("days", "is_late"), [(0, False), (3, False), (4, True)])
def test_the_days_to_file_count_from_the_day_the_decision_was_told(desk: Desk, days: int, is_late: bool) -> None:
    claim = desk.rejected()
    decided = clock.local(clock.now(), desk.world.scheme.zone)
    last_moment = decided.replace(hour=23, minute=59) + timedelta(days=days)
    if is_late:
        with pytest.raises(AppealTooLate):
            desk.appeal(claim, at=last_moment)
    else:
        assert desk.appeal(claim, at=last_moment).state == AppealState.OPEN


def test_the_scheme_sets_its_own_days(desk: Desk) -> None:
    with transaction():
        settings = {"reviews": {"appeal_file_days": 10, "appeal_decide_days": 2}}
        db.session.merge(desk.world.scheme).settings = settings
    claim = desk.rejected()
    friday = datetime(2031, 1, 3, 4, tzinfo=clock.now().tzinfo)
    assert chance_of(desk.world.visitor(desk.person), claim, clock.now()).until_on == (
        clock.local_date(clock.now(), "Asia/Shanghai") + timedelta(days=10)
    )
    with transaction():
        claim = db.session.merge(claim)
        claim.decided_at = friday
    assert desk.appeal(claim, at=friday).decide_by == date(2031, 1, 7)  # Monday and Tuesday


@pytest.mark.parametrize("words", ["", "不对", "长" * 501])
def test_an_appeal_says_what_is_wrong(desk: Desk, words: str) -> None:
    with pytest.raises(AppealWordsNeeded):
        desk.appeal(desk.rejected(), words=words)


def test_staff_file_for_somebody_within_reach_and_nobody_else_does(desk: Desk) -> None:
    claim = desk.rejected()
    other = desk.world.person("李大山")
    with pytest.raises(NotFound):
        desk.appeal(claim, other)
    elsewhere = desk.world.staff(Role.STAFF, area=beside(desk.world))
    with pytest.raises(NotFound):
        desk.appeal(claim, elsewhere)
    counter = desk.world.staff(Role.STAFF, name="吴霞")
    appeal = desk.appeal(claim, counter)
    assert appeal.filed_by == counter.id
    with pytest.raises(OwnAppeal):
        desk.grant(appeal, counter)


def test_an_appeal_taken_back_leaves_the_decision_and_can_be_filed_again(desk: Desk) -> None:
    claim = desk.rejected()
    appeal = desk.appeal(claim)
    who = desk.world.visitor(desk.person)
    for _ in range(2):
        with transaction():
            assert withdraw_appeal(who, appeal.id, at=clock.now()).state == AppealState.WITHDRAWN
    assert not db.session.get_one(Claim, (desk.scheme_id, claim.id), populate_existing=True).has_appeal
    with pytest.raises(AppealOver):
        desk.grant(appeal)
    assert desk.appeal(claim).id != appeal.id


# ---------------------------------------------------------------- who reads


def test_whoever_decided_entered_or_benefits_does_not_read(desk: Desk) -> None:
    world = desk.world
    household = world.household()
    with transaction():
        db.session.merge(desk.person).household_id = household.id
    at_home = world.staff(Role.STAFF, household=household)
    cousin = world.staff(Role.STAFF)
    with transaction():
        world.add(
            Relative(
                scheme_id=world.scheme_id,
                person_id=cousin.id,
                other_id=desk.person.id,
                kind="other",
                noted_by=desk.reader.id,
                noted_at=clock.now(),
            )
        )
    world.give(desk.person, Role.STAFF)
    enterer = world.staff(Role.STAFF)
    claim = claimed(world, enterer, person_id=desk.person.id)
    who = world.visitor(desk.reviewer)
    with transaction():
        reject(who, claim.id, reason="没有查到", key=uuid.uuid4(), at=clock.now())
    appeal = desk.appeal(claim)
    for by, refusal in [
        (desk.person, OwnAppeal),
        (at_home, OwnAppeal),
        (enterer, OwnAppeal),
        (cousin, RelativesAppeal),
        (desk.reviewer, ReadBefore),
    ]:
        with pytest.raises(refusal):
            desk.grant(appeal, by)
        with pytest.raises(refusal):
            desk.refuse(appeal, by)
    with pytest.raises(NotFound):
        desk.grant(appeal, world.staff(Role.STAFF, area=beside(world)))
    assert desk.grant(appeal).state == AppealState.GRANTED


def test_a_decision_has_its_reasons(desk: Desk) -> None:
    appeal = desk.appeal(desk.rejected())
    with pytest.raises(AppealReasonNeeded):
        desk.refuse(appeal, reason="不")


# ---------------------------------------------------------------- two at once


def together(world: World, *bodies: Any) -> list[str]:
    db.session.rollback()
    start, results = threading.Barrier(len(bodies)), [""] * len(bodies)

    def run(place: int, body: Any) -> None:
        with world.app.app_context():
            start.wait()
            try:
                results[place] = str(in_own_transaction(body))
            except DomainError as refusal:
                results[place] = refusal.code
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(place, body)) for place, body in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    return results


def test_of_two_readers_at_once_one_decides(desk: Desk) -> None:
    claim = desk.rejected()
    appeal_id, at = desk.appeal(claim).id, clock.now()
    one, other = desk.world.visitor(desk.reader), desk.world.visitor(desk.world.staff(Role.OFFICER))
    results = together(
        desk.world,
        lambda: grant_appeal(one, appeal_id, reason=REASON, key=uuid.uuid4(), at=at).state,
        lambda: refuse_appeal(other, appeal_id, reason=REASON, key=uuid.uuid4(), at=at).state,
        lambda: grant_appeal(one, appeal_id, reason=REASON, key=uuid.uuid4(), at=at).state,
    )
    assert sorted(results).count("appeal_over") == 2, results
    assert desk.balance() == (10 if "granted" in results else 0)
    desk.sound()


def test_of_two_appeals_filed_at_once_one_is_open(desk: Desk) -> None:
    claim_id, at = desk.rejected().id, clock.now()
    me, counter = desk.world.visitor(desk.person), desk.world.visitor(desk.world.staff(Role.STAFF))
    results = together(
        desk.world,
        lambda: file_appeal(me, claim_id, words=WHY, key=uuid.uuid4(), at=at).state,
        lambda: file_appeal(counter, claim_id, words=WHY, key=uuid.uuid4(), at=at).state,
    )
    assert sorted(results) == ["appealed_already", "open"]
    assert db.session.scalar(select(func.count()).select_from(Appeal).where(Appeal.claim_id == claim_id)) == 1


def test_a_decision_and_a_withdrawal_at_once_give_one_result(desk: Desk) -> None:
    claim = desk.rejected()
    appeal_id, at = desk.appeal(claim).id, clock.now()
    me, reader = desk.world.visitor(desk.person), desk.world.visitor(desk.reader)
    results = together(
        desk.world,
        lambda: withdraw_appeal(me, appeal_id, at=at).state,
        lambda: grant_appeal(reader, appeal_id, reason=REASON, key=uuid.uuid4(), at=at).state,
    )
    assert "appeal_over" in results and len(set(results) & {"withdrawn", "granted"}) == 1
    assert desk.balance() == (10 if "granted" in results else 0)


# ---------------------------------------------------------------- the list


def test_overdue_appeals_are_counted_and_listed_first(desk: Desk) -> None:
    late, fresh = desk.appeal(desk.rejected()), desk.appeal(desk.rejected())
    today = clock.local_date(clock.now(), "Asia/Shanghai")
    with transaction():
        db.session.merge(late).decide_by = today - timedelta(days=1)
    officer = desk.world.visitor(desk.world.staff(Role.OFFICER))
    assert counts_of(officer, today) == (2, 1)
    query = appeals_in_reach(officer, Wanted(), today).order_by(Appeal.decide_by, Appeal.id)
    assert [row[0].id for row in db.session.execute(query)] == [late.id, fresh.id]
    only = db.session.execute(appeals_in_reach(officer, Wanted(state="overdue"), today)).all()
    assert [row[0].id for row in only] == [late.id]
    elsewhere = desk.world.visitor(desk.world.staff(Role.OFFICER, area=beside(desk.world)))
    assert counts_of(elsewhere, today) == (0, 0)


def test_officers_are_told_once_a_day_of_what_is_overdue_in_their_areas(desk: Desk) -> None:
    world, today = desk.world, clock.local_date(clock.now(), "Asia/Shanghai")
    officer, other = world.staff(Role.OFFICER), world.staff(Role.OFFICER, area=beside(world))
    world.give(officer, Role.OFFICER, area=world.subdistrict)  # above its community as well: counted once
    late, _ = desk.appeal(desk.rejected()), desk.appeal(desk.rejected())
    with transaction():
        db.session.merge(late).decide_by = today - timedelta(days=1)
    for _ in range(2):
        assert escalate(world.scheme_id, today, clock.now()) == 1
    told = select(Message).where(Message.scheme_id == world.scheme_id, Message.code == "appeals_overdue")
    assert [(one.person_id, one.values["count"]) for one in db.session.scalars(told)] == [(officer.id, 1)]
    assert other.id != officer.id
    assert escalate(world.scheme_id, today + timedelta(days=1), clock.now()) == 1
    assert len(list(db.session.scalars(told))) == 2
    desk.refuse(late)
    assert escalate(world.scheme_id, today + timedelta(days=2), clock.now()) == 0
