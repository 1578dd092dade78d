"""The till: whose code it is, what is refused and why, and one transfer for points and goods."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.db import db, in_own_transaction, transaction
from points.errors import InsufficientPoints, KeyReused, LimitReached, NotFound, SoldOut
from points.ledger.models import Account, Transfer
from points.people.models import AreaKind, Person, Role, SignIn
from points.redemption.actions import block_card, cancel_serving, print_cards, redeem, redeem_code, renew_serving
from points.redemption.codes import STEP_S, draw, step_of
from points.redemption.edge import TYPED, claim
from points.redemption.models import Card, Receipt, Serving, TypedNumber, UsedCode
from points.redemption.queries import receipts_by_transfer, serving_view, till_today
from points.redemption.refusals import (
    AlreadyDone,
    CardBlocked,
    CardDailyLimit,
    CardLimit,
    CodeClaimed,
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    EmptyBasket,
    NotSold,
    OwnCode,
    PersonDisabled,
    PriceChanged,
    ServingEnded,
    ServingLapsed,
    TypedTooOften,
)
from points.redemption.rules import Wanted
from points.shop.models import Price
from tests.conftest import ENGINES, ON_15
from tests.factories import World
from tests.integration.redemption_world import RedemptionWorld

RUNS_ON = (*ENGINES, *ON_15)


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    return RedemptionWorld(world)


def untouched(shop: RedemptionWorld, person: Person, points: int = 100) -> bool:
    return (
        shop.balance(person) == points
        and shop.takings() == 0
        and [shop.shelf(i) for i in (shop.rice, shop.soap, shop.wash)] == [10, 10, 10]
        and db.session.scalar(select(func.count()).select_from(Receipt).where(Receipt.scheme_id == shop.scheme_id)) == 0
    )


# ---------------------------------------------------------------- one visit


def test_points_leave_the_wallet_in_the_stroke_in_which_goods_leave_the_shelf(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    before = db.session.scalar(select(func.count()).select_from(Transfer).where(Transfer.scheme_id == shop.scheme_id))
    receipt = shop.bought(person, (shop.rice, 1), (shop.soap, 2), (shop.wash, 1))
    assert (receipt.points, receipt.balance_before, receipt.balance_after) == (72, 100, 28)
    assert shop.balance(person) == 28 and shop.takings() == 72
    assert (shop.shelf(shop.rice), shop.shelf(shop.soap), shop.shelf(shop.wash)) == (9, 8, 9)
    assert (shop.given_out(shop.rice), shop.given_out(shop.soap)) == (1, 2)
    after = db.session.scalar(select(func.count()).select_from(Transfer).where(Transfer.scheme_id == shop.scheme_id))
    assert after == (before or 0) + 1
    sums = db.session.execute(
        select(Account.unit_id, func.sum(Account.balance))
        .where(Account.scheme_id == shop.scheme_id)
        .group_by(Account.unit_id)
    )
    assert all(int(total) == 0 for _, total in sums)


def test_receipts_are_numbered_per_till_and_day_without_gaps(shop: RedemptionWorld) -> None:
    person = shop.resident(500)
    day = clock.local_date(clock.now(), "Asia/Shanghai")
    views = []
    for _ in range(3):
        receipt = shop.bought(person, (shop.soap, 1))
        views.append(receipts_by_transfer(shop.scheme_id, [receipt.transfer_id])[receipt.transfer_id])
    assert [view.number for view in views] == [f"{day:%m%d}-000{n}" for n in (1, 2, 3)]
    assert [line.title for line in views[0].lines] == ["香皂"]
    tomorrow = clock.now() + timedelta(days=1)
    with pytest.raises(SoldOut):  # a refusal takes no number
        shop.redeem(shop.claim(shop.code(person).digits), (shop.soap, 99))
    later = shop.redeem(shop.claim(shop.code(person, tomorrow).digits, at=tomorrow), (shop.soap, 1), at=tomorrow)
    assert later.count == 1
    assert till_today(shop.till.id, shop.clerk, day) == (3, 18)


def test_the_points_that_run_out_first_are_spent_first(shop: RedemptionWorld) -> None:
    person = shop.resident(0)
    shop.give(person, 20)
    shop.give(person, 20, mark="2027-12-31")
    shop.give(person, 20, mark="2026-12-31")
    shop.bought(person, (shop.rice, 1))
    marks = db.session.execute(
        select(Account.mark, Account.balance).where(
            Account.scheme_id == shop.scheme_id, Account.holder_id == person.id, Account.unit_id == shop.points
        )
    )
    assert dict(marks.all()) == {"2026-12-31": 0, "2027-12-31": 10, "never": 20}  # type: ignore[arg-type]


def test_the_same_item_on_two_lines_is_one(shop: RedemptionWorld) -> None:
    person = shop.resident(500)
    serving = shop.claim(shop.code(person).digits)
    with pytest.raises(SoldOut) as refusal:
        shop.redeem(serving, (shop.rice, 6), (shop.rice, 5))
    assert refusal.value.facts == {"goods": ["大米"], "available": {str(shop.rice.id): 10}}
    receipt = shop.redeem(serving, (shop.rice, 1), (shop.soap, 1), (shop.rice, 2))
    view = receipts_by_transfer(shop.scheme_id, [receipt.transfer_id])[receipt.transfer_id]
    assert [(line.name, line.quantity, line.points) for line in view.lines] == [("大米", 3, 90), ("香皂", 1, 6)]


def test_the_till_sees_a_masked_name_the_balance_and_what_is_left_of_limits(shop: RedemptionWorld) -> None:
    shop.limit(shop.rice, 2)
    person = shop.resident(100, name="王秀兰")
    view = serving_view(shop.claim(shop.code(person).digits).id, shop.clerk, clock.now())
    assert (view.balance_points, view.card_once_points) == (100, None)
    assert [(one.item_id, one.left) for one in view.standing] == [(shop.rice.id, 2)]


# ---------------------------------------------------------------- refusals of a basket


def test_missing_points_are_named_and_what_to_leave_out(shop: RedemptionWorld) -> None:
    person = shop.resident(60)
    serving = shop.claim(shop.code(person).digits)
    with pytest.raises(InsufficientPoints) as refusal:
        shop.redeem(serving, (shop.rice, 1), (shop.soap, 2), (shop.wash, 1))
    assert refusal.value.facts == {"missing_points": 12, "enough_without": "香皂"}
    assert untouched(shop, person, 60)
    assert shop.redeem(serving, (shop.rice, 1), (shop.wash, 1)).balance_after == 0, "the code still serves"


def test_all_goods_that_are_short_are_named_at_once(shop: RedemptionWorld) -> None:
    person = shop.resident(1000)
    serving = shop.claim(shop.code(person).digits)
    with pytest.raises(SoldOut) as refusal:
        shop.redeem(serving, (shop.rice, 11), (shop.soap, 1), (shop.wash, 12))
    assert refusal.value.facts["goods"] == ["大米", "洗衣液"]
    assert untouched(shop, person, 1000)


def test_a_changed_price_is_shown_before_it_is_taken(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    serving = shop.claim(shop.code(person).digits)
    with transaction():
        db.session.query(Price).filter_by(scheme_id=shop.scheme_id, item_id=shop.rice.id).update({"points": 35})
    with pytest.raises(PriceChanged) as refusal:
        shop.redeem(serving, (shop.rice, 1), expected_points=30)
    assert refusal.value.facts == {"total_points": 35, "expected_points": 30}
    assert untouched(shop, person)
    assert shop.redeem(serving, (shop.rice, 1), expected_points=35).points == 35


def test_goods_without_a_price_here_are_not_sold_and_foreign_ones_do_not_exist(
    shop: RedemptionWorld, world: World
) -> None:
    person = shop.resident(100)
    unpriced = shop.item("被子", None, pieces=0)
    serving = shop.claim(shop.code(person).digits)
    with pytest.raises(NotSold) as refusal:
        shop.redeem(serving, (unpriced, 1))
    assert refusal.value.facts["goods"] == ["被子"]
    other = RedemptionWorld(World(world.app))
    with pytest.raises(NotFound):
        shop.redeem(serving, (other.rice, 1))
    with pytest.raises(EmptyBasket):
        shop.redeem(serving)
    assert untouched(shop, person)


def test_a_limit_is_kept_across_visits_and_says_when_again(shop: RedemptionWorld) -> None:
    shop.limit(shop.soap, 3)
    person = shop.resident(100)
    shop.bought(person, (shop.soap, 2))
    serving = shop.claim(shop.code(person).digits)
    with pytest.raises(LimitReached) as refusal:
        shop.redeem(serving, (shop.soap, 2), (shop.rice, 1))
    assert refusal.value.facts["used"] == 2 and refusal.value.facts["limit"] == 3
    assert shop.balance(person) == 88 and shop.shelf(shop.rice) == 10
    shop.redeem(serving, (shop.soap, 1), (shop.rice, 1))


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
    assert untouched(shop, person)


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


# ---------------------------------------------------------------- the claim


def test_a_claimed_code_names_the_till_that_has_it(shop: RedemptionWorld) -> None:
    with transaction():
        second = shop.another_till()
    drawn = shop.code(shop.resident(100))
    first = shop.claim(drawn.digits, second)
    with pytest.raises(CodeClaimed) as refusal:
        shop.claim(drawn.digits)
    assert refusal.value.facts == {"till": second.name}
    in_own_transaction(lambda: cancel_serving(first.id, shop.clerk, clock.now()))
    assert shop.claim(drawn.digits).till_id == shop.till.id, "cancelling frees the code"


def test_a_claim_lives_five_minutes_is_renewed_and_ends_after_fifteen(shop: RedemptionWorld) -> None:
    at = clock.now()
    person = shop.resident(100)
    serving = shop.claim(shop.code(person, at).digits, at=at)
    for minutes in (4, 8, 12):
        moment = at + timedelta(minutes=minutes)
        serving = in_own_transaction(lambda id=serving.id, moment=moment: renew_serving(id, shop.clerk, moment))
    assert serving.expires_at == at + timedelta(minutes=15)
    late = at + timedelta(minutes=15)
    with pytest.raises(ServingLapsed):
        in_own_transaction(lambda: renew_serving(serving.id, shop.clerk, late))
    with pytest.raises(ServingLapsed):
        shop.redeem(serving, (shop.soap, 1), at=late)
    assert untouched(shop, person)
    again = shop.claim(shop.code(person, late).digits, at=late)
    assert again.id != serving.id
    shop.redeem(again, (shop.soap, 1), at=late)


def test_a_cancelled_serving_pays_nothing_and_a_done_one_names_its_receipt(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    serving = shop.claim(shop.code(person).digits)
    for _ in range(2):
        in_own_transaction(lambda: cancel_serving(serving.id, shop.clerk, clock.now()))
    with pytest.raises(ServingEnded):
        shop.redeem(serving, (shop.soap, 1))
    serving = shop.claim(shop.code(person).digits)
    receipt = shop.redeem(serving, (shop.soap, 1))
    with pytest.raises(AlreadyDone) as refusal:
        shop.redeem(serving, (shop.soap, 1))
    assert refusal.value.facts["receipt_id"] == str(receipt.id)
    with pytest.raises(AlreadyDone):
        in_own_transaction(lambda: cancel_serving(serving.id, shop.clerk, clock.now()))
    assert shop.balance(person) == 94


def test_another_clerks_serving_does_not_exist(shop: RedemptionWorld, world: World) -> None:
    serving = shop.claim(shop.code(shop.resident(100)).digits)
    other = world.visitor(world.staff(Role.CLERK))
    for act in (renew_serving, cancel_serving):
        with pytest.raises(NotFound):
            in_own_transaction(lambda act=act: act(serving.id, other, clock.now()))
    with pytest.raises(NotFound):
        shop.redeem(serving, (shop.soap, 1), clerk=other)


# ---------------------------------------------------------------- keys


def test_the_same_key_gives_the_same_receipt_and_another_request_is_refused(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    serving, key = shop.claim(shop.code(person).digits), uuid.uuid4()
    first = shop.redeem(serving, (shop.soap, 1), (shop.rice, 1), key=key)
    assert shop.redeem(serving, (shop.rice, 1), (shop.soap, 1), key=key).id == first.id
    with pytest.raises(KeyReused):
        shop.redeem(serving, (shop.soap, 2), key=key)
    assert shop.balance(person) == 64


def test_claim_and_redeem_in_one_is_replayed_after_the_code_died(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    drawn, key = shop.code(person), uuid.uuid4()

    def once(lines: list[Wanted]) -> Receipt:
        return redeem_code(drawn.digits, shop.till.id, lines, key=key, clerk=shop.clerk, at=clock.now(), expected=None)

    soap = [Wanted(shop.soap.id, 1)]
    first = in_own_transaction(lambda: once(soap))
    assert in_own_transaction(lambda: once(soap)).id == first.id
    with pytest.raises(KeyReused):
        in_own_transaction(lambda: once([Wanted(shop.rice.id, 1)]))
    assert shop.balance(person) == 94


def test_a_refusal_keeps_nothing_under_its_key(shop: RedemptionWorld) -> None:
    person = shop.resident(5)
    serving, key = shop.claim(shop.code(person).digits), uuid.uuid4()
    with pytest.raises(InsufficientPoints):
        shop.redeem(serving, (shop.soap, 1), key=key)
    shop.give(person, 5)
    assert shop.redeem(serving, (shop.soap, 1), key=key).balance_after == 4


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
    assert untouched(shop, person)


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


def test_actions_say_who_and_when(shop: RedemptionWorld) -> None:
    """The verbs take no request: the same call serves pages, API and command."""
    at = clock.now() - timedelta(minutes=1)
    serving = shop.claim(shop.code(shop.resident(100), at).digits, at=at)
    receipt = in_own_transaction(
        lambda: redeem(serving.id, [Wanted(shop.soap.id, 1)], key=uuid.uuid4(), clerk=shop.clerk, at=at)
    )
    assert receipt.made_at == at and receipt.clerk_id == shop.clerk_person.id
