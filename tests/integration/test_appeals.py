"""Appeals: who may file, until when, who may read, and what becomes of the books."""

from __future__ import annotations

import threading
import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock, ledger
from points.awards.appeals.deciding import grant_appeal, refuse_appeal
from points.awards.appeals.escalating import escalate
from points.awards.appeals.filing import file_appeal, withdraw_appeal
from points.awards.appeals.models import About, Appeal, AppealState
from points.awards.appeals.queries import Wanted, appeals_in_reach, chance_of, counts_of
from points.awards.appeals.rules import (
    AppealFinal,
    AppealOpen,
    AppealOver,
    AppealReasonNeeded,
    AppealTooLate,
    AppealWordsNeeded,
    CorrectionFirst,
    NothingToAppeal,
    NotMore,
    OwnAppeal,
    ReadBefore,
    RelativesAppeal,
)
from points.awards.correcting import ask_correction
from points.awards.models import CapUsage, Claim, ClaimState, Review, Step
from points.awards.reviewing import approve, reject
from points.db import db, in_own_transaction, transaction
from points.errors import DomainError, KeyReused, NotFound
from points.inbox.models import Message
from points.ledger.models import Account
from points.ledger.queries import balance_of, units_of
from points.people.models import Area, AreaKind, Relative, Role
from points.proof.audit import audit
from tests.factories import World
from tests.integration.awards_world import REPORT, RULES, VISIT, claimed, load_rules
from tests.integration.test_crediting import MINUS
from tests.integration.test_review_paths import set_reviews

WHY = "那天我确实去了，护士可以证明"
REASON = "问过医院，确实去了"


def beside(world: World) -> Area:
    """Another community of the same subdistrict."""
    with transaction():
        return world.area(AreaKind.COMMUNITY, "西边社区", world.subdistrict)


class Desk:
    """A resident, a reviewer and a reader of one community, with the world's rules."""

    def __init__(self, world: World, *rules: dict[str, Any]) -> None:
        load_rules(world, *(rules or RULES))
        self.world, self.scheme_id = world, world.scheme_id
        self.person = world.person()
        self.reviewer = world.staff(Role.STAFF, name="陈建国")
        self.reader = world.staff(Role.STAFF, name="周明")

    def balance(self) -> int:
        return balance_of(self.scheme_id, self.person.id, units_of(self.scheme_id)["POINTS"])

    def rejected(self, rule: str = "visit", **kwargs: Any) -> Claim:
        claim = claimed(self.world, self.person, rule, **kwargs)
        who = self.world.visitor(self.reviewer)
        with transaction():
            return reject(who, claim.id, reason="没有查到这件事", key=uuid.uuid4(), at=clock.now())

    def approved(self, rule: str = "visit", points: int | None = None, **kwargs: Any) -> Claim:
        claim = claimed(self.world, self.person, rule, **kwargs)
        who = self.world.visitor(self.reviewer)
        with transaction():
            return approve(who, claim.id, points=points, reason="看过了", key=uuid.uuid4(), at=clock.now())

    def appeal(self, claim: Claim, by: Any = None, *, words: str = WHY, key: Any = None, at: Any = None) -> Appeal:
        who = self.world.visitor(by or self.person)
        with transaction():
            return file_appeal(who, claim.id, words=words, key=key or uuid.uuid4(), at=at or clock.now())

    def grant(self, appeal: Appeal, by: Any = None, *, key: Any = None, **kwargs: Any) -> Appeal:
        who = self.world.visitor(by or self.reader)
        with transaction():
            return grant_appeal(who, appeal.id, reason=REASON, key=key or uuid.uuid4(), at=clock.now(), **kwargs)

    def refuse(self, appeal: Appeal, by: Any = None, *, key: Any = None, reason: str = REASON) -> Appeal:
        who = self.world.visitor(by or self.reader)
        with transaction():
            return refuse_appeal(who, appeal.id, reason=reason, key=key or uuid.uuid4(), at=clock.now())

    def told(self) -> list[str]:
        mine = select(Message.code).where(Message.scheme_id == self.scheme_id, Message.person_id == self.person.id)
        return list(db.session.scalars(mine.order_by(Message.at, Message.id)))

    def sound(self) -> None:
        assert audit(self.scheme_id).is_clean


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


# ---------------------------------------------------------------- results


def test_a_refused_appeal_changes_nothing_and_is_the_last_word(desk: Desk) -> None:
    claim = desk.rejected()
    appeal, key = desk.appeal(claim), uuid.uuid4()
    desk.refuse(appeal, key=key)
    assert desk.refuse(appeal, key=key).state == AppealState.REFUSED
    with pytest.raises(AppealOver):
        desk.grant(appeal)
    with pytest.raises(AppealFinal):
        desk.appeal(claim)
    assert desk.balance() == 0 and desk.told()[-1] == "appeal_refused"
    assert not db.session.get_one(Claim, (desk.scheme_id, claim.id), populate_existing=True).has_appeal


def test_a_granted_appeal_against_a_rejection_credits_the_deed(desk: Desk) -> None:
    claim = desk.rejected()
    appeal, key = desk.appeal(claim), uuid.uuid4()
    desk.grant(appeal, key=key)
    assert desk.grant(appeal, key=key).state == AppealState.GRANTED
    claim = db.session.get_one(Claim, (desk.scheme_id, claim.id), populate_existing=True)
    assert (claim.state, claim.points, claim.has_appeal, claim.round) == (ClaimState.APPROVED, 10, False, 2)
    assert desk.balance() == 10 and appeal.points_after == 10 and "appeal_granted" in desk.told()
    with pytest.raises(KeyReused):
        desk.refuse(desk.appeal(desk.rejected()), key=key)
    desk.sound()


def test_a_granted_appeal_against_an_amount_reverses_and_gives_more_in_one_go(desk: Desk) -> None:
    claim = _report(desk, 5)
    assert desk.balance() == 5
    appeal = desk.appeal(claim)
    assert appeal.about == About.AMOUNT and appeal.points_before == 5
    with pytest.raises(NotMore):
        desk.grant(appeal, points=5)
    assert desk.balance() == 5
    desk.grant(appeal, points=12)
    appeal = db.session.get_one(Appeal, (desk.scheme_id, appeal.id), populate_existing=True)
    assert (appeal.points_before, appeal.points_after) == (5, 12) and desk.balance() == 12
    assert appeal.reversal_id and appeal.award_id and appeal.reversal_id != appeal.award_id
    desk.sound()


def _report(desk: Desk, points: int) -> Claim:
    rule = {**REPORT, "code": "report_no_photo", "evidence": {}}
    load_rules(desk.world, rule, label="只为申诉", on=date(2020, 1, 2))
    return desk.approved("report_no_photo", points=points)


def give_away(desk: Desk, points: int) -> None:
    unit, other = units_of(desk.scheme_id)["POINTS"], desk.world.person("李大山")
    mark = db.session.scalar(
        select(Account.mark).where(Account.scheme_id == desk.scheme_id, Account.holder_id == desk.person.id)
        .where(Account.balance > 0, Account.unit_id == unit)
    )  # fmt: skip
    wallet = ledger.AccountClass.WALLET
    draft = ledger.Draft(
        kind="gift",
        key=uuid.uuid4().hex,
        actor_id=desk.person.id,
        request_hash=ledger.request_hash(gift=1),
        source_kind="test",
        source_id=None,
        occurred_at=clock.now(),
        legs=(
            ledger.Leg(desk.person.id, unit, wallet, -points, mark),
            ledger.Leg(other.id, unit, wallet, points, mark),
        ),
    )
    with transaction():
        ledger.post(desk.scheme_id, [draft], at=clock.now())


def test_points_spent_meanwhile_do_not_stand_in_the_way_of_more(desk: Desk) -> None:

    claim = _report(desk, 5)
    give_away(desk, 5)
    assert desk.balance() == 0
    desk.grant(desk.appeal(claim), points=12)
    assert desk.balance() == 7  # the debt of 5 is repaid at once
    desk.sound()


def test_caps_are_given_back_before_they_are_taken_anew(desk: Desk) -> None:
    claims = [desk.approved(quantity=1000) for _ in range(3)]  # 30 of 40 a month
    fourth = desk.rejected(quantity=1000)
    desk.grant(desk.appeal(fourth))
    assert desk.balance() == 40
    used = db.session.scalars(select(CapUsage.used).where(CapUsage.scheme_id == desk.scheme_id))
    assert max(used) == 40
    assert len({claim.id for claim in claims}) == 3


def test_a_correction_that_was_asked_for_goes_first(desk: Desk) -> None:
    claim = _report(desk, 5)
    appeal = desk.appeal(claim)
    who = desk.world.visitor(desk.reviewer)
    with transaction():
        ask_correction(who, claim.id, reason="记错了人", key=uuid.uuid4(), at=clock.now())
    with pytest.raises(CorrectionFirst):
        desk.grant(appeal, points=12)


def test_what_the_rulebook_refuses_leaves_the_appealed_already(desk: Desk) -> None:
    for _ in range(4):
        desk.approved(quantity=1000)
    fifth = claimed(desk.world, desk.person, "home")
    first = claimed(desk.world, desk.person, "home")
    who = desk.world.visitor(desk.reviewer)
    with transaction():
        approve(who, first.id, reason="看过了", key=uuid.uuid4(), at=clock.now())
    with transaction():
        reject(who, fifth.id, reason="这周记过了", key=uuid.uuid4(), at=clock.now())
    appeal = desk.appeal(fifth)
    with pytest.raises(DomainError) as refusal:
        desk.grant(appeal)
    assert refusal.value.code == "cannot_earn"
    assert db.session.get_one(Appeal, (desk.scheme_id, appeal.id), populate_existing=True).state == AppealState.OPEN


def deducted(desk: Desk, below_zero: str) -> Claim:
    load_rules(desk.world, deduction(below_zero), VISIT, label="扣分", on=date(2020, 1, 2))
    set_reviews(desk.world, deductions_allowed=True)
    claim = claimed(desk.world, desk.world.staff(Role.STAFF), "minus", person_id=desk.person.id)
    who = desk.world.visitor(desk.reviewer)
    with transaction():
        return approve(who, claim.id, reason="看过监控", key=uuid.uuid4(), at=clock.now())


def deduction(below_zero: str) -> dict[str, Any]:
    return {**MINUS, "deductions": {**MINUS["deductions"], "below_zero": below_zero}}


def test_a_granted_appeal_against_a_deduction_gives_all_of_it_back(desk: Desk) -> None:
    desk.approved(quantity=1000)
    claim = deducted(desk, "stop")
    assert desk.balance() == 0
    assert chance_of(desk.world.visitor(desk.person), claim, clock.now()).until_on == (
        clock.local_date(clock.now(), "Asia/Shanghai") + timedelta(days=5)
    )  # the document's own days
    appeal = desk.appeal(claim)
    assert appeal.about == About.DEDUCTION
    desk.grant(appeal)
    assert desk.balance() == 10 and "appeal_granted" in desk.told()
    claim = db.session.get_one(Claim, (desk.scheme_id, claim.id), populate_existing=True)
    assert (claim.state, claim.has_appeal) == (ClaimState.REVERSED, False)
    desk.sound()


def test_a_debt_that_awards_have_repaid_meanwhile_is_given_back_as_points(desk: Desk) -> None:
    claim = deducted(desk, "debt")
    desk.approved(quantity=2000)  # 20 of the 30 owed
    assert desk.balance() == 0
    desk.grant(desk.appeal(claim))
    assert desk.balance() == 20
    units = units_of(desk.scheme_id)
    assert balance_of(desk.scheme_id, desk.person.id, units["POINTS"], ledger.AccountClass.DEBT) == 0
    desk.sound()


def test_a_deduction_that_took_nothing_can_be_appealed_as_well(desk: Desk) -> None:
    claim = deducted(desk, "stop")
    assert claim.points == 0
    desk.grant(desk.appeal(claim))
    assert db.session.get_one(Claim, (desk.scheme_id, claim.id), populate_existing=True).state == ClaimState.REVERSED


def test_what_needs_public_notice_goes_on_notice_when_an_appeal_is_granted(world: World) -> None:
    desk = Desk(world, {**VISIT, "notice_days": 3})
    claim = desk.rejected()
    desk.grant(desk.appeal(claim))
    claim = db.session.get_one(Claim, (desk.scheme_id, claim.id), populate_existing=True)
    assert claim.state == ClaimState.ON_NOTICE and claim.notice_id is not None and desk.balance() == 0


def test_an_amount_still_on_notice_is_granted_anew_with_a_notice_of_its_own(world: World) -> None:
    rule = {**REPORT, "evidence": {}, "notice_days": 3, "caps": [{"what": "points", "most": 20, "per": "month"}]}
    desk = Desk(world, rule)
    claim = desk.approved("report", points=5)
    assert claim.state == ClaimState.ON_NOTICE
    desk.grant(desk.appeal(claim), points=20)
    claim = db.session.get_one(Claim, (desk.scheme_id, claim.id), populate_existing=True)
    assert (claim.state, claim.round, desk.balance()) == (ClaimState.ON_NOTICE, 2, 0)
    used = db.session.scalars(select(CapUsage.used).where(CapUsage.scheme_id == desk.scheme_id))
    assert list(used) == [20]


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
