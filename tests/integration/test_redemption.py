"""A visit to the till: one transfer or a refusal that says what to do; claims of a code, keys, and receipts by number."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from points import clock
from points.db import db, in_own_transaction, transaction
from points.errors import InsufficientPoints, KeyReused, LimitReached, NotFound, SoldOut
from points.ledger.models import Account, Transfer
from points.people.models import Role
from points.redemption.actions import cancel_serving, redeem, redeem_code, renew_serving
from points.redemption.models import Receipt
from points.redemption.queries import receipts_by_transfer, serving_view, till_today
from points.redemption.refusals import (
    AlreadyDone,
    CodeClaimed,
    EmptyBasket,
    NotSold,
    PriceChanged,
    ServingEnded,
    ServingLapsed,
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
    assert shop.untouched(person, 60)
    assert shop.redeem(serving, (shop.rice, 1), (shop.wash, 1)).balance_after == 0, "the code still serves"


def test_all_goods_that_are_short_are_named_at_once(shop: RedemptionWorld) -> None:
    person = shop.resident(1000)
    serving = shop.claim(shop.code(person).digits)
    with pytest.raises(SoldOut) as refusal:
        shop.redeem(serving, (shop.rice, 11), (shop.soap, 1), (shop.wash, 12))
    assert refusal.value.facts["goods"] == ["大米", "洗衣液"]
    assert shop.untouched(person, 1000)


def test_a_changed_price_is_shown_before_it_is_taken(shop: RedemptionWorld) -> None:
    person = shop.resident(100)
    serving = shop.claim(shop.code(person).digits)
    with transaction():
        db.session.query(Price).filter_by(scheme_id=shop.scheme_id, item_id=shop.rice.id).update({"points": 35})
    with pytest.raises(PriceChanged) as refusal:
        shop.redeem(serving, (shop.rice, 1), expected_points=30)
    assert refusal.value.facts == {"total_points": 35, "expected_points": 30}
    assert shop.untouched(person)
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
    assert shop.untouched(person)


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
    assert shop.untouched(person)
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


def test_actions_say_who_and_when(shop: RedemptionWorld) -> None:
    """The verbs take no request: the same call serves pages, API and command."""
    at = clock.now() - timedelta(minutes=1)
    serving = shop.claim(shop.code(shop.resident(100), at).digits, at=at)
    receipt = in_own_transaction(
        lambda: redeem(serving.id, [Wanted(shop.soap.id, 1)], key=uuid.uuid4(), clerk=shop.clerk, at=at)
    )
    assert receipt.made_at == at and receipt.clerk_id == shop.clerk_person.id
