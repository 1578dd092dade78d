"""Returns: a whole receipt, once, farming nothing and losing nothing, and never by one person alone."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from points import clock
from points.db import db, in_own_transaction, transaction
from points.errors import KeyReused, LimitReached, NotFound
from points.ledger.models import Account
from points.people.models import Assignment, Person, Role
from points.people.visitor import Visitor
from points.redemption.actions import print_cards, return_receipt
from points.redemption.counters import card_used
from points.redemption.models import Receipt, Return
from points.redemption.queries import receipts_by_transfer, state_of_code, till_today
from points.redemption.refusals import (
    AlreadyReturned,
    CodeUsed,
    OwnReceipt,
    ReturnNotConfirmed,
    ReturnTooLate,
    SecondRefused,
    ServingEnded,
    ServingLapsed,
)
from tests.conftest import ENGINES, ON_15
from tests.factories import World
from tests.integration.redemption_world import RedemptionWorld

RUNS_ON = (*ENGINES, *ON_15)


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    return RedemptionWorld(world)


def give_back(shop: RedemptionWorld, receipt: Receipt, clerk: Visitor | None = None, **more: Any) -> Return:
    more.setdefault("key", uuid.uuid4())
    more.setdefault("reason", "米袋破了")
    more.setdefault("at", clock.now())
    receipt_id = receipt.id
    return in_own_transaction(lambda: return_receipt(receipt_id, clerk=clerk or shop.clerk, **more))


def wallets(shop: RedemptionWorld, person: Person) -> dict[str, int]:
    db.session.rollback()
    rows = db.session.execute(
        select(Account.mark, Account.balance).where(
            Account.scheme_id == shop.scheme_id, Account.holder_id == person.id, Account.unit_id == shop.points
        )
    )
    return {row.mark: row.balance for row in rows}


def test_a_return_gives_everything_back_where_it_came_from(shop: RedemptionWorld, world: World) -> None:
    shop.limit(shop.rice, 1)
    person = shop.resident(0)
    shop.give(person, 50, mark="2027-06-30")
    shop.give(person, 50, mark="2027-12-31")
    before = wallets(shop, person)
    for _ in range(3):  # again and again: no point is made, none is lost
        receipt = shop.bought(person, (shop.rice, 1), (shop.wash, 1))
        made = give_back(shop, receipt, serving_id=shop.claim(shop.code(person).digits).id)
        assert wallets(shop, person) == before
    assert (shop.shelf(shop.rice), shop.shelf(shop.wash), shop.takings()) == (10, 10, 0)
    view = receipts_by_transfer(shop.scheme_id, [made.transfer_id])[made.transfer_id]
    assert view.is_returned and view.returned and view.returned.reason == "米袋破了"
    day = clock.local_date(clock.now(), "Asia/Shanghai")
    assert till_today(shop.till.id, shop.clerk, day) == (0, 0)


def test_what_was_returned_counts_against_no_limit(shop: RedemptionWorld, world: World) -> None:
    shop.limit(shop.soap, 2)
    shop.limit(None, 2, period="day")
    person, second = shop.resident(100), world.staff(Role.STAFF).id
    receipt = shop.bought(person, (shop.soap, 2))
    give_back(shop, receipt, second_id=second)
    shop.bought(person, (shop.soap, 2))
    with pytest.raises(LimitReached):
        shop.bought(person, (shop.soap, 1))


def test_a_return_gives_the_cards_day_back(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(500)
    staff = world.visitor(world.staff(Role.STAFF))
    [card] = in_own_transaction(lambda: print_cards([person.id], staff, clock.now()))
    receipt = shop.redeem(shop.claim(card.digits), (shop.rice, 3))
    day = receipt.day
    give_back(shop, receipt, second_id=staff.person_id)
    assert card_used(shop.scheme_id, person.id, day) == 0
    shop.redeem(shop.claim(card.digits), (shop.rice, 3))


def test_a_receipt_is_returned_once(shop: RedemptionWorld, world: World) -> None:
    person, second = shop.resident(100), world.staff(Role.STAFF).id
    receipt = shop.bought(person, (shop.rice, 1))
    key = uuid.uuid4()
    first = give_back(shop, receipt, second_id=second, key=key)
    assert give_back(shop, receipt, second_id=second, key=key).id == first.id
    with pytest.raises(KeyReused):
        give_back(shop, receipt, second_id=second, key=key, reason="别的原因")
    with pytest.raises(AlreadyReturned):
        give_back(shop, receipt, second_id=second)
    assert shop.balance(person) == 100 and shop.shelf(shop.rice) == 10


def test_one_clerk_alone_returns_nothing(shop: RedemptionWorld, world: World) -> None:
    person, stranger = shop.resident(100), shop.resident(100)
    receipt = shop.bought(person, (shop.rice, 1))
    with pytest.raises(ReturnNotConfirmed):
        give_back(shop, receipt)
    with pytest.raises(ReturnNotConfirmed):
        give_back(shop, receipt, serving_id=shop.claim(shop.code(stranger).digits).id)
    with pytest.raises(SecondRefused):
        give_back(shop, receipt, second_id=shop.clerk.person_id)
    with pytest.raises(SecondRefused):
        give_back(shop, receipt, second_id=stranger.id)
    with pytest.raises(SecondRefused):
        give_back(shop, receipt, second_id=2**62)
    assert shop.balance(person) == 70


def test_the_second_person_holds_a_role_here_and_does_not_live_with_the_resident(
    shop: RedemptionWorld, world: World
) -> None:
    home = world.household()
    person = shop.resident(100, household=home)
    receipt = shop.bought(person, (shop.rice, 1))
    relative = world.staff(Role.STAFF, household=home).id
    narrow = world.staff(Role.STAFF, area=world.grid).id
    auditor = world.staff(Role.AUDITOR).id
    former = world.staff(Role.STAFF).id
    foreign = World(world.app).staff(Role.STAFF).id
    with transaction():
        db.session.query(Assignment).filter_by(person_id=former).update({"ended_at": clock.now()})
    for second in (relative, narrow, auditor, former, foreign, person.id):
        with pytest.raises(SecondRefused):
            give_back(shop, receipt, second_id=second)
    above = world.staff(Role.OFFICER, area=world.subdistrict).id
    give_back(shop, receipt, second_id=above)


def test_nobody_takes_back_for_self_or_household(shop: RedemptionWorld, world: World) -> None:
    home = world.household()
    clerk_person = world.staff(Role.CLERK, household=home)
    clerk, second = world.visitor(clerk_person), world.staff(Role.STAFF).id
    shop.give(clerk_person, 100)
    wife = shop.resident(100, household=home)
    for person in (clerk_person, wife):
        receipt = shop.bought(person, (shop.soap, 1))
        with pytest.raises(OwnReceipt):
            give_back(shop, receipt, clerk=clerk, second_id=second)
        give_back(shop, receipt, second_id=second)


def test_a_receipt_of_another_scheme_or_shop_out_of_reach_does_not_exist(shop: RedemptionWorld, world: World) -> None:
    other = RedemptionWorld(World(world.app))
    theirs = other.bought(other.resident(100), (other.soap, 1))
    with pytest.raises(NotFound):
        give_back(shop, theirs, second_id=world.staff(Role.STAFF).id)
    mine = shop.bought(shop.resident(100), (shop.soap, 1))
    elsewhere = world.visitor(world.staff(Role.CLERK, area=world.grid))
    with pytest.raises(NotFound):
        give_back(shop, mine, clerk=elsewhere, second_id=world.staff(Role.STAFF).id)
    with pytest.raises(NotFound):
        in_own_transaction(
            lambda: return_receipt(2**63, key=uuid.uuid4(), reason="没有", clerk=shop.clerk, at=clock.now())
        )


def test_a_code_that_returned_is_dead_and_its_phone_says_so(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    receipt = shop.bought(person, (shop.rice, 1))
    phone = shop.phone(person)
    drawn = shop.code(phone)
    serving = shop.claim(drawn.digits)
    give_back(shop, receipt, serving_id=serving.id)
    with pytest.raises(CodeUsed):
        shop.claim(drawn.digits)
    with pytest.raises(ServingEnded):
        shop.redeem(serving, (shop.soap, 1))
    assert state_of_code(phone, drawn.after, clock.now()).receipt_id == receipt.id


def test_a_lapsed_or_cancelled_serving_confirms_nothing(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    receipt = shop.bought(person, (shop.rice, 1))
    at = clock.now()
    serving = shop.claim(shop.code(person).digits, at=at)
    with pytest.raises(ServingLapsed):
        give_back(shop, receipt, serving_id=serving.id, at=at + timedelta(minutes=5))
    assert shop.balance(person) == 70


def test_a_receipt_can_be_returned_for_seven_days(shop: RedemptionWorld, world: World) -> None:
    person, second, at = shop.resident(100), world.staff(Role.STAFF).id, clock.now()
    first, other = shop.bought(person, (shop.soap, 1), at=at), shop.bought(person, (shop.soap, 1), at=at)
    give_back(shop, first, second_id=second, at=at + timedelta(days=7))
    with pytest.raises(ReturnTooLate):
        give_back(shop, other, second_id=second, at=at + timedelta(days=8))


def test_a_disabled_residents_receipt_can_still_be_returned(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(100)
    receipt = shop.bought(person, (shop.rice, 1))
    with transaction():
        db.session.query(Person).filter_by(scheme_id=shop.scheme_id, id=person.id).update({"disabled_at": clock.now()})
    give_back(shop, receipt, second_id=world.staff(Role.STAFF).id)
    assert shop.balance(person) == 100
