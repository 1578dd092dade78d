"""What is decided about a deed keeps its person from redeeming until a day: told before, refused at every till, lifted."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, text

from points import clock
from points.awards.appeals.deciding import grant_appeal
from points.awards.appeals.filing import file_appeal
from points.awards.correcting import ask_correction, confirm_correction
from points.awards.crediting import credit_due
from points.awards.models import Bar, Claim, ClaimState
from points.awards.reviewing import approve
from points.awards.rules import DeductionByStaff
from points.awards.undoing import undo
from points.db import db, in_own_transaction, transaction
from points.inbox.models import Message
from points.people.models import Person, Role, Scheme
from points.redemption.models import Receipt
from points.redemption.refusals import BarredFromRedeeming
from points.statements import watching
from tests.factories import World
from tests.integration.awards_world import VISIT, claimed, load_rules, set_reviews
from tests.integration.redemption_world import RedemptionWorld, script_headers
from tests.integration.test_redeeming_terms import by_code, card_of

FALSE = {"code": "false", "title": "虚报", "percent": 0}
MINUS = {
    "code": "minus",
    "title": "恶意损坏",
    "kind": "other",
    "unit": "case",
    "amount": {"type": "fixed", "points": -5},
    "deductions": {"from": ["points"], "below_zero": "stop", "notice_days": 0, "appeal_days": 7, "ends": {"years": 1}},
    "path": "one",
}


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    return RedemptionWorld(world)


def rules(shop: RedemptionWorld, **bars: Any) -> None:
    bars = {"from": ["redeem"], "for": {"months": 3}, **bars}
    bars = {name: value for name, value in bars.items() if value is not None}
    rule = {**VISIT, "caps": [], "beside": {}, "outcomes": [{**FALSE, "bars": bars}]}
    load_rules(shop.world, rule, {**MINUS, "bars": bars}, more={})
    set_reviews(shop.world, deductions_allowed=True)


def caught(shop: RedemptionWorld, person: Person, by: Person | None = None) -> Claim:
    """A claim of the person's is found to be false."""
    who = shop.world.visitor(by or shop.world.staff(Role.STAFF))
    claim = claimed(shop.world, person)
    with transaction():
        return approve(who, claim.id, outcome="false", reason="查过了，没有去", key=uuid.uuid4(), at=clock.now())


def last_day(shop: RedemptionWorld) -> date:
    found = db.session.scalar(select(Bar.until_on).where(Bar.scheme_id == shop.scheme_id))
    assert found is not None
    return found


def test_every_way_is_refused_until_the_day_and_takes_nothing(shop: RedemptionWorld) -> None:
    rules(shop)
    person, other = shop.resident(100), shop.resident(100)
    caught(shop, person)
    until_on = last_day(shop)
    assert until_on > clock.local_date(clock.now(), shop.clerk.zone) + timedelta(days=80)
    for way in (
        lambda: shop.bought(person, (shop.soap, 1)),
        lambda: by_code(shop, shop.code(person).digits, (shop.soap, 1)),
        lambda: by_code(shop, shop.code(person).number8, (shop.soap, 1)),
        lambda: by_code(shop, card_of(shop, person), (shop.soap, 1)),
    ):
        with pytest.raises(BarredFromRedeeming) as refused:
            way()
        assert refused.value.facts == {"until_on": until_on}
    assert shop.untouched(person)
    assert shop.bought(other, (shop.soap, 1)).points == 6
    with clock.at(clock.day_start(until_on, shop.clerk.zone)), pytest.raises(BarredFromRedeeming):
        shop.bought(person, (shop.soap, 1))
    with clock.at(clock.day_start(until_on + timedelta(days=1), shop.clerk.zone)):
        assert shop.bought(person, (shop.soap, 1)).points == 6


def test_the_page_without_script_and_the_api_refuse_alike(shop: RedemptionWorld) -> None:
    rules(shop, rest_of="year", **{"for": None})
    person = shop.resident(100)
    caught(shop, person)
    said = f"到{last_day(shop).month}月{last_day(shop).day}日为止先不能换"
    desk = shop.world.client(shop.clerk_person)
    answer = desk.post(f"/till/{shop.till.id}/begin", data={"code": shop.code(person).digits, **token(desk)})
    assert answer.status_code == 302
    basket = desk.get(answer.location)
    assert said in basket.get_data(as_text=True)
    form = {f"quantity-{shop.soap.id}": "1", "key": str(uuid.uuid4()), **token(desk)}
    refused = desk.post(answer.location, data=form)
    assert refused.status_code == 409 and said in refused.get_data(as_text=True)
    lines = [{"item_id": str(shop.soap.id), "quantity": 1}]
    body = {"code": shop.code(person).digits, "till_id": str(shop.till.id), "lines": lines}
    api = shop.world.api(shop.clerk_person)
    made = api.post("/api/v1/redemptions", json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    assert made.status_code == 409 and made.get_json()["error"] == "barred_from_redeeming"
    assert shop.untouched(person)


def token(desk: Any) -> dict[str, str]:
    return {"csrf_token": script_headers(desk, "/till")["X-CSRFToken"]}


def test_the_resident_reads_it_before_they_stand_at_the_till_and_is_told(shop: RedemptionWorld) -> None:
    rules(shop)
    person = shop.resident(100)
    browser = shop.world.client(person)
    assert "先不能换" not in browser.get("/me").get_data(as_text=True)
    caught(shop, person)
    for page in ("/me", "/me/goods", "/code"):
        assert "先不能换" in browser.get(page).get_data(as_text=True), page
    said = browser.get("/api/v1/me/redeeming").get_json()
    assert said["may"] is False and [one["code"] for one in said["cannot"]] == ["barred_from_redeeming"]
    codes = db.session.scalars(select(Message.code).where(Message.person_id == person.id)).all()
    assert "barred_at_the_till" in codes and "barred" not in codes


@pytest.mark.parametrize(
    ("start", "code"), [(["earn"], "barred"), (["earn", "redeem"], "barred_from_both"), (["ranking"], None)]
)
def test_a_message_says_what_exactly_is_barred(shop: RedemptionWorld, start: list[str], code: str | None) -> None:
    rules(shop, **{"from": start})
    person = shop.resident(100)
    caught(shop, person)
    codes = db.session.scalars(select(Message.code).where(Message.person_id == person.id)).all()
    assert [one for one in codes if one.startswith("barred")] == ([code] if code else [])


def test_a_decision_that_is_undone_or_corrected_lifts_it_at_once(shop: RedemptionWorld) -> None:
    rules(shop)
    one, another = shop.world.staff(Role.STAFF), shop.world.staff(Role.STAFF)
    first, second = shop.resident(100), shop.resident(100)
    undone, wrong = caught(shop, first, one), caught(shop, second, one)
    who, other = shop.world.visitor(one), shop.world.visitor(another)
    in_own_transaction(partial(undo, who, undone.id, reason="查错了人", key=uuid.uuid4(), at=clock.now()))
    assert shop.bought(first, (shop.soap, 1)).points == 6
    with pytest.raises(BarredFromRedeeming):
        shop.bought(second, (shop.soap, 1))
    asked = in_own_transaction(
        lambda: ask_correction(who, wrong.id, reason="查错了人", key=uuid.uuid4(), at=clock.now()).id
    )
    in_own_transaction(partial(confirm_correction, other, asked, key=uuid.uuid4(), at=clock.now()))
    assert shop.bought(second, (shop.soap, 1)).points == 6


def test_an_appeal_that_is_won_lifts_the_bar_of_a_deduction(shop: RedemptionWorld) -> None:
    rules(shop)
    staff, reader, person = shop.world.staff(Role.STAFF), shop.world.staff(Role.STAFF), shop.resident(100)
    third, again = shop.world.visitor(shop.world.staff(Role.STAFF)), shop.world.visitor(reader)
    claim = claimed(shop.world, staff, "minus", person_id=person.id)
    with transaction():
        approve(third, claim.id, points=None, reason="", key=uuid.uuid4(), at=clock.now())
    with pytest.raises(BarredFromRedeeming):
        shop.bought(person, (shop.soap, 1))
    mine = shop.world.visitor(person)
    with transaction():
        appeal = file_appeal(mine, claim.id, words="不是我弄坏的，有人看见", key=uuid.uuid4(), at=clock.now())
    with pytest.raises(BarredFromRedeeming):
        shop.bought(person, (shop.soap, 1))
    with transaction():
        how = {"reason": "看过录像，不是他", "key": uuid.uuid4(), "at": clock.now()}
        grant_appeal(again, appeal.id, **how)
    assert shop.bought(person, (shop.soap, 1)).points == 6 and shop.balance(person) == 94


def test_a_rule_may_bar_without_taking_points_on_notice_and_open_to_appeal(shop: RedemptionWorld) -> None:
    """伪造材料的，一年内不得兑换：不扣分，也要审核、公示，可以申诉。"""
    year = {"from": ["redeem"], "for": {"years": 1}}
    deductions = {**MINUS["deductions"], "notice_days": 2}
    forged = {**MINUS, "amount": {"type": "fixed", "points": 0}, "bars": year, "deductions": deductions}
    load_rules(shop.world, VISIT, forged)
    set_reviews(shop.world, deductions_allowed=True)
    staff, reader, person = shop.world.staff(Role.STAFF), shop.world.staff(Role.STAFF), shop.resident(100)
    with pytest.raises(DeductionByStaff):
        claimed(shop.world, person, "minus")
    third, again = shop.world.visitor(shop.world.staff(Role.STAFF)), shop.world.visitor(reader)
    claim = claimed(shop.world, staff, "minus", person_id=person.id)
    with transaction():
        approve(third, claim.id, points=None, reason="材料是假的", key=uuid.uuid4(), at=clock.now())
    assert shop.bought(person, (shop.soap, 1)).points == 6, "it stands on public notice first"
    db.session.rollback()
    waiting = db.session.get_one(Claim, (shop.scheme_id, claim.id))
    assert waiting.state in (ClaimState.ON_NOTICE, ClaimState.DUE) and waiting.due_on is not None
    zone, due_on = shop.clerk.zone, waiting.due_on
    with clock.at(clock.day_start(due_on, zone) + timedelta(hours=10)):
        scheme_id = shop.scheme_id
        in_own_transaction(lambda: credit_due(db.session.get_one(Scheme, scheme_id), [claim.id], clock.now()))
        with pytest.raises(BarredFromRedeeming):
            shop.bought(person, (shop.soap, 1))
        assert shop.balance(person) == 94 and last_day(shop).year > due_on.year
        codes = list(db.session.scalars(select(Message.code).where(Message.person_id == person.id)))
        assert {"sanction_announced", "sanction_made", "barred_at_the_till"} <= set(codes)
        mine = shop.world.visitor(person)
        with transaction():
            appeal = file_appeal(mine, claim.id, words="不是我交的材料", key=uuid.uuid4(), at=clock.now())
        with transaction():
            how = {"reason": "查清了，是别人冒用的", "key": uuid.uuid4(), "at": clock.now()}
            grant_appeal(again, appeal.id, **how)
        assert shop.bought(person, (shop.soap, 1)).points == 6


def test_the_bar_holds_under_a_later_version_that_says_nothing_of_it(shop: RedemptionWorld) -> None:
    rules(shop)
    person = shop.resident(100)
    caught(shop, person)
    load_rules(shop.world, VISIT, label="新版", on=clock.local_date(clock.now(), shop.clerk.zone))
    with pytest.raises(BarredFromRedeeming):
        shop.bought(person, (shop.soap, 1))


def test_the_bar_comes_with_the_look_and_is_found_by_the_person(shop: RedemptionWorld) -> None:
    rules(shop)
    person, barred = shop.resident(100), shop.resident(100)
    caught(shop, barred)
    shop.bought(person, (shop.soap, 1))
    code, seen = shop.code(person).digits, list[str]()
    watching.append(seen.append)
    try:
        by_code(shop, code, (shop.soap, 1))
    finally:
        watching.remove(seen.append)
    [look] = [one for one in seen if "bars" in one]
    assert "receipts" in look and "wanted" in look
    assert db.session.scalar(select(Receipt.id).where(Receipt.person_id == barred.id)) is None
    if db.engine.dialect.name == "sqlite":
        sql = "SELECT until_on FROM bars WHERE scheme_id = 1 AND person_id = 2 AND until_on >= 3 AND what = 'redeem'"
        plan = " ".join(row[-1] for row in db.session.execute(text(f"EXPLAIN QUERY PLAN {sql}")))
        assert "ix_bars_scheme_id_person_id_until_on" in plan
