"""Who stands at the till: codes on phones, typed numbers and printed cards, each good once and for whom it may be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.db import db, in_own_transaction, transaction
from points.errors import NotFound
from points.people.models import AreaKind, Person, Role, SignIn
from points.redemption.actions import block_card, cancel_serving, print_cards, renew_serving
from points.redemption.codes import STEP_S, draw, step_of
from points.redemption.edge import TYPED, claim
from points.redemption.models import Card, Serving, TypedNumber, UsedCode
from points.redemption.queries import serving_view
from points.redemption.refusals import (
    CardBlocked,
    CardDailyLimit,
    CardLimit,
    CodeClaimed,
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    OwnCode,
    PersonDisabled,
    TypedTooOften,
)
from tests.conftest import ENGINES, ON_15
from tests.factories import World
from tests.integration.redemption_world import RedemptionWorld

RUNS_ON = (*ENGINES, *ON_15)


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    return RedemptionWorld(world)


# ---------------------------------------------------------------- codes


def test_a_used_code_is_dead_and_so_is_every_earlier_one_of_that_phone(shop: RedemptionWorld) -> None:
    phone = shop.phone(shop.resident(100))
    photographed, shown = shop.code(phone), shop.code(phone)
    shop.redeem(shop.claim(shown.digits), (shop.soap, 1))
    for text in (shown.digits, photographed.digits, shown.number8, photographed.number8):
        with pytest.raises(CodeUsed):
            shop.claim(text)
    assert (
        db.session.scalar(select(func.count()).select_from(UsedCode).where(UsedCode.scheme_id == shop.scheme_id)) == 1
    )
    assert shop.redeem(shop.claim(shop.code(phone).digits), (shop.soap, 1)), "the next code of the same step lives"


def test_a_photographed_code_claimed_at_another_till_pays_only_once(shop: RedemptionWorld) -> None:
    with transaction():
        second = shop.another_till()
    phone = shop.phone(shop.resident(100))
    old, fresh = shop.code(phone), shop.code(phone)
    thief = shop.claim(old.digits, second)
    shop.redeem(shop.claim(fresh.digits), (shop.soap, 1))
    with pytest.raises(CodeUsed):
        shop.redeem(thief, (shop.rice, 1))
    assert shop.shelf(shop.rice) == 10


def test_two_phones_of_one_person_never_kill_each_others_codes(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    one, other = shop.code(person), shop.code(person)
    shop.redeem(shop.claim(other.digits), (shop.soap, 1))
    shop.redeem(shop.claim(one.digits), (shop.soap, 1))
    assert shop.balance(person) == 88


def test_a_code_is_good_for_its_own_step_one_before_and_one_after(shop: RedemptionWorld) -> None:
    phone = shop.phone(shop.resident(100))
    at = clock.now()
    for step in (-1, 0, 1):
        moment = at + timedelta(seconds=step * STEP_S)
        drawn = shop.code(phone, at)
        cancel = shop.claim(drawn.digits, at=moment)
        in_own_transaction(lambda cancel=cancel, moment=moment: cancel_serving(cancel.id, shop.clerk, moment))
    for step in (-2, 2, 5_000):
        drawn = shop.code(phone, at)
        with pytest.raises(CodeExpired):
            shop.claim(drawn.digits, at=at + timedelta(seconds=step * STEP_S))
    with pytest.raises(CodeUnknown):  # the same four digits again, 10,000 steps later: the tag knows the full step
        shop.claim(drawn.digits, at=at + timedelta(seconds=10_000 * STEP_S))


def test_bad_unknown_and_foreign_codes_get_one_answer(shop: RedemptionWorld, world: World) -> None:
    other = RedemptionWorld(World(world.app))
    theirs = other.code(other.resident(100))
    mine = shop.code(shop.resident(100))
    step = step_of(clock.now())
    bad = [
        theirs.digits,
        theirs.number8 if theirs.number8 != mine.number8 else "x",
        mine.digits[:-1] + str((int(mine.digits[-1]) + 1) % 10),
        "2" + mine.digits[1:],
        draw(bytes(32), shop.scheme_id, "123456789012", step, 0),
        "9" * 38,
        "00000000",
        "6901234567892",
        "",
        "大米",
        "1" * 5000,
    ]
    for text in bad:
        with pytest.raises(CodeUnknown):
            shop.claim(text)


def test_the_code_of_a_phone_that_was_signed_out_is_unknown(shop: RedemptionWorld) -> None:
    phone = shop.phone(shop.resident(100))
    drawn = shop.code(phone)
    with transaction():
        db.session.query(SignIn).filter_by(id=phone.sign_in_id).update({"revoked_at": clock.now()})
    for text in (drawn.digits, drawn.number8):
        with pytest.raises(CodeUnknown):
            shop.claim(text)


def test_a_disabled_person_is_refused_at_the_scan_and_at_the_confirmation(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    drawn, serving = shop.code(person), shop.claim(shop.code(person).digits)
    with transaction():
        db.session.query(Person).filter_by(scheme_id=shop.scheme_id, id=person.id).update({"disabled_at": clock.now()})
    with pytest.raises(PersonDisabled):
        shop.claim(drawn.digits)
    with pytest.raises(PersonDisabled):
        shop.redeem(serving, (shop.soap, 1))
    assert shop.untouched(person)


def test_nobody_serves_self_or_household(shop: RedemptionWorld, world: World) -> None:
    home = world.household()
    clerk_person = world.staff(Role.CLERK, name="赵大海", household=home)
    clerk = world.visitor(clerk_person)
    wife = shop.resident(100, name="孙小红", household=home)
    shop.give(clerk_person, 100)
    for person in (clerk_person, wife):
        drawn = shop.code(person)
        for text in (drawn.digits, drawn.number8):
            with pytest.raises(OwnCode):
                shop.claim(text, clerk=clerk)
        assert shop.claim(drawn.digits).person_id == person.id, "another clerk may"


def test_a_clerk_serves_only_at_tills_within_reach(shop: RedemptionWorld, world: World) -> None:
    drawn = shop.code(shop.resident(100))
    elsewhere = world.staff(Role.CLERK, area=world.grid)  # a role in a grid does not reach a shop of the community
    with pytest.raises(NotFound):
        shop.claim(drawn.digits, clerk=world.visitor(elsewhere))
    other = RedemptionWorld(World(world.app))
    with pytest.raises(NotFound):
        shop.claim(drawn.digits, till=other.till)
    with pytest.raises(NotFound):
        in_own_transaction(lambda: renew_serving(2**63, shop.clerk, clock.now()))


# ---------------------------------------------------------------- typed numbers


def test_the_typed_number_stands_for_the_same_code_once_and_for_ninety_seconds(shop: RedemptionWorld) -> None:
    phone = shop.phone(shop.resident(100))
    at = clock.now()
    drawn = shop.code(phone, at)
    assert len(drawn.number8) == 8
    serving = shop.claim(f"{drawn.number8[:4]} {drawn.number8[4:]}", at=at + timedelta(seconds=89))
    assert serving.means == "number"
    assert shop.claim(drawn.digits, at=at).id == serving.id, "the code above it is the same one"
    shop.redeem(serving, (shop.soap, 1))
    fresh = shop.code(phone, at)
    with pytest.raises(CodeUnknown):
        shop.claim(fresh.number8, at=at + timedelta(seconds=91))


def test_old_typed_numbers_are_cleaned_up(shop: RedemptionWorld) -> None:
    phone = shop.phone(shop.resident(100))
    at = clock.now()
    for n in range(5):
        shop.code(phone, at + timedelta(seconds=100 * n))
    rows = db.session.scalar(
        select(func.count()).select_from(TypedNumber).where(TypedNumber.scheme_id == shop.scheme_id)
    )
    assert rows == 1


def test_guessing_numbers_is_stopped_at_one_till_and_scanning_goes_on(shop: RedemptionWorld) -> None:
    at = clock.now()
    drawn = shop.code(shop.resident(100), at)
    guess = "00000000" if drawn.number8 != "00000000" else "11111111"
    for _ in range(TYPED.free):
        with pytest.raises(CodeUnknown):
            claim(guess, shop.till.id, shop.clerk, at)
    with pytest.raises(TypedTooOften):
        claim(drawn.number8, shop.till.id, shop.clerk, at)
    with transaction():
        second = shop.another_till()
    assert claim(drawn.number8, second.id, shop.clerk, at), "another till is not held up"
    scanned = shop.code(shop.resident(50), at)
    assert claim(scanned.digits, shop.till.id, shop.clerk, at)
    later = at + timedelta(minutes=1)
    assert claim(shop.code(shop.resident(50), later).number8, shop.till.id, shop.clerk, later)


def test_right_numbers_are_never_throttled(shop: RedemptionWorld) -> None:
    phone = shop.phone(shop.resident(100))
    for _ in range(TYPED.free * 2):
        serving = claim(shop.code(phone).number8, shop.till.id, shop.clerk, clock.now())
        in_own_transaction(lambda serving=serving: cancel_serving(serving.id, shop.clerk, clock.now()))


# ---------------------------------------------------------------- cards


def printed(shop: RedemptionWorld, world: World, person: Person) -> Any:
    staff = world.visitor(world.staff(Role.STAFF))
    return in_own_transaction(lambda: print_cards([person.id], staff, clock.now()))[0]


def test_a_printed_card_pays_within_its_limits(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(500)
    card = printed(shop, world, person)
    assert len(card.digits) == 38 and (card.once_points, card.daily_points) == (100, 100)
    stored = db.session.scalar(select(Card.digits_hash).where(Card.scheme_id == shop.scheme_id))
    assert stored and card.digits not in stored
    serving = shop.claim(card.digits)
    assert serving.means == "card"
    with pytest.raises(CardLimit):
        shop.redeem(serving, (shop.rice, 4))
    shop.redeem(serving, (shop.rice, 3))
    serving = shop.claim(card.digits)
    assert serving_view(serving.id, shop.clerk, clock.now()).card_left_points == 10
    with pytest.raises(CardDailyLimit) as refusal:
        shop.redeem(serving, (shop.soap, 2))
    assert refusal.value.facts["used_points"] == 90
    shop.redeem(serving, (shop.soap, 1))
    assert shop.balance(person) == 404
    assert shop.bought(person, (shop.rice, 3)).points == 90, "the phone is not held by the card's limit"


def test_a_new_card_stops_the_old_and_a_lost_one_can_be_stopped(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(100)
    staff = world.visitor(world.staff(Role.STAFF))
    old, new = printed(shop, world, person), printed(shop, world, person)
    with pytest.raises(CardBlocked):
        shop.claim(old.digits)
    serving = shop.claim(new.digits)
    in_own_transaction(lambda: block_card(person.id, staff, clock.now()))
    with pytest.raises(CardBlocked):
        shop.redeem(serving, (shop.soap, 1))
    assert shop.untouched(person)


def test_cards_are_printed_only_for_people_in_reach(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(100)
    other = World(world.app)
    with transaction():
        beside = world.area(AreaKind.COMMUNITY, "桃园社区", world.subdistrict)
    for staff in (world.staff(Role.STAFF, area=beside), other.staff(Role.STAFF), world.staff(Role.CLERK)):
        visitor = (other if staff.scheme_id == other.scheme_id else world).visitor(staff)
        with pytest.raises(NotFound):
            in_own_transaction(lambda visitor=visitor: print_cards([person.id], visitor, clock.now()))


def test_one_card_is_claimed_by_one_till(shop: RedemptionWorld, world: World) -> None:
    with transaction():
        second = shop.another_till()
    card = printed(shop, world, shop.resident(100))
    at = clock.now()
    shop.claim(card.digits, second, at=at)
    with pytest.raises(CodeClaimed):
        shop.claim(card.digits, at=at)
    assert shop.claim(card.digits, at=at + timedelta(minutes=5)).till_id == shop.till.id, "a lapsed claim frees it"


def test_a_second_scan_at_the_same_till_takes_the_place_of_the_first(shop: RedemptionWorld) -> None:
    phone = shop.phone(shop.resident(100))
    first = shop.claim(shop.code(phone).digits)
    shop.claim(shop.code(phone).digits)
    states = dict(
        db.session.execute(select(Serving.id, Serving.state).where(Serving.scheme_id == shop.scheme_id)).all()  # type: ignore[arg-type]
    )
    assert states[first.id] == "cancelled" and sorted(states.values()) == ["cancelled", "open"]
