"""Everything at once: many clerks, one code; many residents, the last bags; one key many times."""

from __future__ import annotations

import uuid
from collections import Counter
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.db import db, in_own_transaction, transaction
from points.ledger.models import Transfer
from points.people.models import Role
from points.redemption.actions import cancel_serving, redeem_code
from points.redemption.counters import take_card
from points.redemption.models import Receipt, Return, UsedCode
from points.redemption.returning import return_receipt
from points.redemption.rules import Wanted
from tests.factories import World
from tests.integration.redemption_world import RedemptionWorld
from tests.integration.together import in_processes, in_threads


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    return RedemptionWorld(world)


def count(shop: RedemptionWorld, table: Any, *conditions: Any) -> int:
    db.session.rollback()
    rows = select(func.count()).select_from(table).where(table.scheme_id == shop.scheme_id, *conditions)
    return int(db.session.scalar(rows) or 0)


def buy(shop: RedemptionWorld, text: str, till: Any, clerk: Any, *lines: Wanted, key: uuid.UUID | None = None) -> str:
    """Claim and redeem in one transaction: the receipt's id."""
    body = partial(
        redeem_code, text, till.id, lines, key=key or uuid.uuid4(), clerk=clerk, at=clock.now(), expected=None
    )
    return str(in_own_transaction(body).id)


def test_eight_clerks_in_eight_processes_and_one_code_make_one_redemption(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(300)
    with transaction():
        tills = [shop.another_till() for _ in range(8)]
    clerks = [world.visitor(world.staff(Role.CLERK)) for _ in tills]
    drawn = shop.code(person)
    rice = Wanted(shop.rice.id, 1)
    texts = [drawn.digits, drawn.number8] * 4
    jobs = [
        [partial(buy, shop, text, till, clerk, rice)] for text, till, clerk in zip(texts, tills, clerks, strict=True)
    ]
    outcomes = Counter("ok" if one.isdigit() else one for one in in_processes(world.app, jobs))
    assert outcomes.pop("ok") == 1
    assert set(outcomes) <= {"CodeUsed", "CodeClaimed"}, outcomes
    assert (shop.balance(person), shop.shelf(shop.rice), shop.takings()) == (270, 9, 30)
    assert count(shop, Receipt) == count(shop, UsedCode) == count(shop, Transfer, Transfer.kind == "redemption") == 1


def test_two_steps_of_eight_clerks_are_one_redemption_as_well(shop: RedemptionWorld, world: World) -> None:
    """First all claim, then whoever has a claim redeems."""
    person = shop.resident(300)
    with transaction():
        tills = [shop.another_till() for _ in range(8)]
    clerks = [world.visitor(world.staff(Role.CLERK)) for _ in tills]
    drawn = shop.code(person)

    def visit(till: Any, clerk: Any) -> str:
        serving = shop.claim(drawn.digits, till, clerk)
        return str(shop.redeem(serving, (shop.rice, 1), clerk=clerk).id)

    outcomes = in_threads(world.app, [partial(visit, till, clerk) for till, clerk in zip(tills, clerks, strict=True)])
    assert sum(one.isdigit() for one in outcomes) == 1, outcomes
    assert shop.balance(person) == 270


def test_fifty_residents_and_the_last_ten_bags_of_rice(shop: RedemptionWorld, world: World) -> None:
    with transaction():
        tills = [shop.another_till() for _ in range(5)]
    clerks = [world.visitor(world.staff(Role.CLERK)) for _ in tills]
    people = [shop.resident(30) for _ in range(50)]
    codes = [shop.code(person).digits for person in people]
    rice = Wanted(shop.rice.id, 1)
    jobs: list[list[Any]] = [[] for _ in tills]
    for n, text in enumerate(codes):
        jobs[n % 5].append(partial(buy, shop, text, tills[n % 5], clerks[n % 5], rice))
    outcomes = Counter("ok" if one.isdigit() else one for one in in_processes(world.app, jobs))
    assert outcomes == {"ok": 10, "SoldOut": 40}
    assert shop.shelf(shop.rice) == 0 and shop.given_out(shop.rice) == 10 and shop.takings() == 300
    assert sorted(shop.balance(person) for person in people) == [0] * 10 + [30] * 40
    numbers = db.session.execute(
        select(Receipt.till_id, Receipt.count).where(Receipt.scheme_id == shop.scheme_id).order_by(Receipt.count)
    ).all()
    for till in tills:
        mine = [n for till_id, n in numbers if till_id == till.id]
        assert mine == list(range(1, len(mine) + 1)), "no number twice, none missing"


def test_the_same_item_on_two_lines_never_oversells(shop: RedemptionWorld, world: World) -> None:
    with transaction():
        tills = [shop.another_till() for _ in range(6)]
    clerks = [world.visitor(world.staff(Role.CLERK)) for _ in tills]
    codes = [shop.code(shop.resident(1000)).digits for _ in tills]
    twice = [Wanted(shop.rice.id, 2), Wanted(shop.soap.id, 1), Wanted(shop.rice.id, 2)]
    jobs = [partial(buy, shop, *one, *twice) for one in zip(codes, tills, clerks, strict=True)]
    outcomes = Counter("ok" if one.isdigit() else one for one in in_threads(world.app, jobs))
    assert outcomes == {"ok": 2, "SoldOut": 4}
    assert (shop.shelf(shop.rice), shop.shelf(shop.soap)) == (2, 8)


def test_one_key_from_thirty_two_threads_is_one_transfer_and_one_answer(shop: RedemptionWorld, world: World) -> None:
    person, key = shop.resident(300), uuid.uuid4()
    serving = shop.claim(shop.code(person).digits)
    db.session.expunge(serving)

    def press() -> str:
        return str(shop.redeem(serving, (shop.rice, 1), (shop.soap, 1), key=key).id)

    assert len(set(in_threads(world.app, [press] * 32))) == 1
    assert shop.balance(person) == 264
    assert count(shop, Receipt) == count(shop, Transfer, Transfer.kind == "redemption") == 1


def test_one_key_of_claim_and_redeem_in_one_is_one_answer_too(shop: RedemptionWorld, world: World) -> None:
    person, key = shop.resident(300), uuid.uuid4()
    drawn = shop.code(person)
    press = partial(buy, shop, drawn.digits, shop.till, shop.clerk, Wanted(shop.rice.id, 1), key=key)
    outcomes = in_threads(world.app, [press] * 12)
    assert len(set(outcomes)) == 1 and outcomes[0].isdigit(), outcomes
    assert shop.balance(person) == 270 and count(shop, Receipt) == 1


def test_a_wallet_is_never_overspent_from_two_phones(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(100)
    with transaction():
        tills = [shop.another_till() for _ in range(6)]
    clerks = [world.visitor(world.staff(Role.CLERK)) for _ in tills]
    codes = [shop.code(person).digits for _ in tills]  # six browsers, six credentials
    jobs = [partial(buy, shop, *one, Wanted(shop.rice.id, 1)) for one in zip(codes, tills, clerks, strict=True)]
    outcomes = Counter("ok" if one.isdigit() else one for one in in_threads(world.app, jobs))
    assert outcomes == {"ok": 3, "InsufficientPoints": 3}
    assert shop.balance(person) == 10


def test_cancelling_and_confirming_at_once_is_one_or_the_other(shop: RedemptionWorld, world: World) -> None:
    for _ in range(5):
        person = shop.resident(100)
        serving = shop.claim(shop.code(person).digits)
        db.session.expunge(serving)
        cancel = partial(in_own_transaction, partial(cancel_serving, serving.id, shop.clerk, clock.now()))

        def confirm(serving: Any = serving) -> str:
            return str(shop.redeem(serving, (shop.soap, 1)).id)

        confirmed, cancelled = in_threads(world.app, [confirm, cancel])
        if cancelled == "AlreadyDone":
            assert confirmed.isdigit() and shop.balance(person) == 94
        else:
            assert confirmed == "ServingEnded" and shop.balance(person) == 100


def test_the_days_limit_of_a_card_holds_when_many_pay_at_once(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(1000)
    day = clock.local_date(clock.now(), "Asia/Shanghai")
    take = partial(in_own_transaction, partial(take_card, shop.clerk, person.id, day, 30))
    outcomes = Counter(in_threads(world.app, [take] * 8))
    assert outcomes == {None: 3, "CardDailyLimit": 5}


def test_one_receipt_returned_by_many_at_once_comes_back_once(shop: RedemptionWorld, world: World) -> None:
    person = shop.resident(100)
    receipt_id = shop.bought(person, (shop.rice, 1)).id
    clerks = [world.visitor(world.staff(Role.CLERK)) for _ in range(6)]
    second_id = world.staff(Role.STAFF).id

    def back(clerk: Any) -> str:
        made = in_own_transaction(
            partial(
                return_receipt,
                receipt_id,
                key=uuid.uuid4(),
                reason="米袋破了",
                clerk=clerk,
                at=clock.now(),
                second_id=second_id,
            )
        )
        return str(made.id)

    outcomes = Counter(
        "ok" if one.isdigit() else one for one in in_threads(world.app, [partial(back, c) for c in clerks])
    )
    assert outcomes == {"ok": 1, "AlreadyReturned": 5}
    assert (shop.balance(person), shop.shelf(shop.rice), count(shop, Return)) == (100, 10, 1)


def test_one_return_sent_many_times_is_one_answer(shop: RedemptionWorld, world: World) -> None:
    person, key = shop.resident(100), uuid.uuid4()
    receipt = shop.bought(person, (shop.rice, 1))
    serving = shop.claim(shop.code(person).digits)
    body = partial(
        return_receipt,
        receipt.id,
        key=key,
        reason="米袋破了",
        clerk=shop.clerk,
        at=clock.now(),
        serving_id=serving.id,
    )
    outcomes = in_threads(world.app, [lambda: in_own_transaction(body).id] * 12)
    assert len(set(outcomes)) == 1 and isinstance(outcomes[0], int), outcomes
    assert shop.balance(person) == 100
