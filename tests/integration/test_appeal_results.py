"""What comes of an appeal: the decision stands, or the deed is credited, raised or given back in one go."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from points import clock, ledger
from points.awards.appeals.models import About, Appeal, AppealState
from points.awards.appeals.queries import chance_of
from points.awards.appeals.rules import (
    AppealFinal,
    AppealOver,
    CorrectionFirst,
    NotMore,
)
from points.awards.correcting import ask_correction
from points.awards.models import CapUsage, Claim, ClaimState
from points.awards.reviewing import approve, reject
from points.db import db, transaction
from points.errors import DomainError, KeyReused
from points.inbox.models import Message
from points.ledger.models import Account
from points.ledger.queries import balance_of, units_of
from points.people.models import Role
from tests.factories import World
from tests.integration.appeals_world import Desk, reported
from tests.integration.awards_world import REPORT, VISIT, claimed, load_rules, set_reviews
from tests.integration.test_crediting import MINUS


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


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
    claim = reported(desk, 5)
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


def give_away(desk: Desk, points: int) -> None:
    unit, other = units_of(desk.scheme_id)["POINTS"], desk.world.person("李大山")
    mark = db.session.scalar(
        select(Account.mark)
        .where(Account.scheme_id == desk.scheme_id, Account.holder_id == desk.person.id)
        .where(Account.balance > 0, Account.unit_id == unit)
    )
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

    claim = reported(desk, 5)
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
    claim = reported(desk, 5)
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


def test_a_deduction_reads_as_one_and_what_an_appeal_decided_is_not_offered_for_appeal_again(desk: Desk) -> None:
    desk.approved(quantity=4000)
    claim = deducted(desk, "stop")
    browser = desk.world.client(desk.person)
    page = browser.get("/me/statement").get_data(as_text=True)
    assert "扣分：高空抛物" in page and "这 30 分是因为这件事扣的" in page and "更正" not in page
    page = browser.get(f"/claims/{claim.id}").get_data(as_text=True)
    assert "扣了 30 分" in page and "已入账 −30" not in page
    desk.grant(desk.appeal(claim))
    assert "更正：高空抛物" in browser.get("/me/statement").get_data(as_text=True)


def test_what_an_appeal_has_decided_is_told_without_a_way_to_appeal(desk: Desk) -> None:
    claim = reported(desk, 5)
    desk.grant(desk.appeal(claim), points=12)
    credited = select(Message).where(Message.scheme_id == desk.scheme_id, Message.code == "claim_credited")
    first, second = db.session.scalars(credited.order_by(Message.at, Message.id))
    assert "appeal_until_on" in first.values and second.values["points"] == 12
    assert "appeal_until_on" not in second.values
    assert not chance_of(
        desk.world.visitor(desk.person), db.session.get_one(Claim, (desk.scheme_id, claim.id)), clock.now()
    ).is_open
