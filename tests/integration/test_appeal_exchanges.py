"""An appeal against a deed that gave of one balance and took of another: all of it is undone, or nothing."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from points import clock
from points.awards.appeals.models import About, Appeal, AppealState
from points.awards.models import Claim, ClaimState
from points.awards.reviewing import approve
from points.awards.rules import AlreadySpent
from points.db import db, transaction
from points.inbox.models import Message
from points.ledger import AccountClass, Draft, Leg, post, request_hash
from points.ledger.queries import balance_of, units_of
from points.people.models import Role
from tests.factories import World
from tests.integration.appeals_world import Desk
from tests.integration.awards_world import VISIT, claimed, load_rules, set_reviews

TERMS = {"from": ["minutes"], "notice_days": 0, "appeal_days": 7, "ends": {"years": 1}}
SWAP: dict[str, Any] = {
    "code": "swap",
    "title": "时长换积分",
    "kind": "other",
    "unit": "event",
    "amount": {"type": "fixed", "points": 7},
    "beside": {"minutes": -60},
}


class Counter(Desk):
    """A resident who has 90 minutes of service to their name, and a rule that gives 7 points for 60 of them."""

    def __init__(self, world: World, below_zero: str = "stop") -> None:
        super().__init__(world)
        load_rules(
            world,
            {**SWAP, "deductions": {**TERMS, "below_zero": below_zero}},
            {**VISIT, "code": "served", "beside": {"minutes": 90}, "caps": [], "spacing": []},
            label="换积分",
            on=date(2020, 1, 2),
        )
        set_reviews(world, deductions_allowed=True)

    def swapped(self) -> Claim:
        """Asked for at the desk, entered by one and approved by another."""
        claim = claimed(self.world, self.world.staff(Role.STAFF), "swap", person_id=self.person.id)
        who = self.world.visitor(self.reviewer)
        with transaction():
            return approve(who, claim.id, reason="看过了", key=uuid.uuid4(), at=clock.now())

    def minutes(self) -> int:
        return balance_of(self.scheme_id, self.person.id, units_of(self.scheme_id)["MINUTES"])

    def owed(self, unit: str) -> int:
        return -balance_of(self.scheme_id, self.person.id, units_of(self.scheme_id)[unit], AccountClass.DEBT)

    def move(self, klass: AccountClass, amount: int) -> None:
        """Take points away for something else: from the wallet, or as a debt."""
        unit, at = units_of(self.scheme_id)["POINTS"], clock.now()
        legs = (
            Leg(self.person.id, unit, klass, -amount),
            Leg(self.scheme_id, unit, AccountClass.ISSUANCE, amount, ""),
        )
        draft = Draft("deduction", f"{klass}:{amount}", 0, request_hash(moved=amount), "test", None, at, legs)
        with transaction():
            post(self.scheme_id, [draft], at=at, zone="Asia/Shanghai")


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


def test_a_granted_appeal_undoes_both_sides_of_an_exchange(counter: Counter) -> None:
    counter.approved("served")
    before = counter.balance()
    claim = counter.swapped()
    assert (counter.balance(), counter.minutes()) == (before + 7, 30)
    appeal = counter.appeal(claim)
    assert appeal.about == About.DEDUCTION
    counter.grant(appeal)
    assert (counter.balance(), counter.minutes()) == (before, 90)
    claim = db.session.get_one(Claim, (counter.scheme_id, claim.id), populate_existing=True)
    assert (claim.state, claim.has_appeal) == (ClaimState.REVERSED, False)
    told = db.session.scalars(
        select(Message).where(Message.person_id == counter.person.id, Message.code == "appeal_granted")
    ).one()
    assert told.values["exchange"] and "returned_points" not in told.values  # nothing of the points comes back: they go
    counter.sound()


def test_what_an_exchange_repaid_of_a_debt_is_owed_again(counter: Counter) -> None:
    counter.approved("served")
    counter.move(AccountClass.WALLET, counter.balance())
    counter.move(AccountClass.DEBT, 5)
    claim = counter.swapped()
    assert (counter.balance(), counter.owed("POINTS"), counter.minutes()) == (2, 0, 30)
    counter.grant(counter.appeal(claim))
    assert (counter.balance(), counter.owed("POINTS"), counter.minutes()) == (0, 5, 90)
    counter.sound()


def test_what_is_spent_of_an_exchange_stands_in_the_way_and_leaves_everything_as_it_was(counter: Counter) -> None:
    counter.approved("served")
    counter.move(AccountClass.WALLET, counter.balance())
    claim = counter.swapped()
    counter.move(AccountClass.WALLET, 4)
    appeal = counter.appeal(claim)
    with pytest.raises(AlreadySpent) as refusal:
        counter.grant(appeal)
    assert refusal.value.facts["missing_points"] == 4
    assert (counter.balance(), counter.minutes()) == (3, 30)
    assert db.session.get_one(Appeal, (counter.scheme_id, appeal.id), populate_existing=True).state == AppealState.OPEN
    counter.refuse(appeal)
    counter.sound()


def test_minutes_owed_for_an_exchange_and_worked_off_since_are_given_back(world: World) -> None:
    counter = Counter(world, "debt")
    claim = counter.swapped()  # without a minute in hand
    assert (counter.balance(), counter.minutes(), counter.owed("MINUTES")) == (7, 0, 60)
    counter.approved("served")
    assert (counter.minutes(), counter.owed("MINUTES")) == (30, 0)
    before = counter.balance()
    counter.grant(counter.appeal(claim))
    assert (counter.balance(), counter.minutes(), counter.owed("MINUTES")) == (before - 7, 90, 0)
    counter.sound()
