"""The till keeps what the rulebook says of redeeming, whatever the way: code, card, page, API; and says it beforehand."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update

from points import clock, ledger
from points.awards.models import CapUsage
from points.db import db, in_own_transaction, new_id, transaction
from points.errors import InsufficientPoints, LedgerFault
from points.ledger import AccountClass, Draft, HolderKind, Leg, UnitKind, open_holder, open_unit
from points.ledger.queries import units_of
from points.people.models import Person, Role, Team, TeamKind
from points.proof.audit import audit
from points.redemption.actions import cancel_serving, print_cards, redeem_code
from points.redemption.models import Receipt
from points.redemption.refusals import (
    GoodsNotForThem,
    LevelBars,
    NotForRedeeming,
    PointsMustStay,
    RedeemedEnough,
    RedeemedOftenEnough,
    RedemptionClosed,
    TooFewToBegin,
)
from points.redemption.returning import return_receipt
from points.redemption.rules import Wanted
from points.shop.models import Shop
from points.statements import watching
from tests.factories import World
from tests.integration.awards_world import VISIT, load_rules
from tests.integration.redemption_world import RedemptionWorld, script_headers
from tests.integration.together import in_threads


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    return RedemptionWorld(world)


def terms(shop: RedemptionWorld, label: str = "兑换版", more: dict[str, Any] | None = None, **said: Any) -> None:
    load_rules(shop.world, VISIT, label=label, more={"redemption": said, **(more or {})})


def used(shop: RedemptionWorld) -> dict[tuple[int, str], int]:
    db.session.rollback()
    rows = select(CapUsage).where(CapUsage.scheme_id == shop.scheme_id)
    return {(one.subject_id, one.cap): one.used for one in db.session.scalars(rows)}


def by_code(shop: RedemptionWorld, text: str, *lines: tuple[Any, int], till: Any = None, clerk: Any = None) -> Any:
    wanted = [Wanted(item.id, quantity) for item, quantity in lines]
    body = partial(
        redeem_code,
        text,
        (till or shop.till).id,
        wanted,
        key=uuid.uuid4(),
        clerk=clerk or shop.clerk,
        at=clock.now(),
        expected=None,
    )
    return in_own_transaction(body)


def card_of(shop: RedemptionWorld, person: Person) -> str:
    staff = shop.world.visitor(shop.world.staff(Role.STAFF))
    [card] = in_own_transaction(lambda: print_cards([person.id], staff, clock.now()))
    return str(card.digits)


def test_every_way_of_redeeming_is_refused_alike_and_takes_nothing(shop: RedemptionWorld) -> None:
    terms(shop, conditions=[{"balance": "points", "least": 50}], windows=[{"weekdays": [1, 2, 3, 4, 5, 6, 7]}])
    poor, rich = shop.resident(49), shop.resident(50)
    for way in (
        lambda: shop.bought(poor, (shop.soap, 1)),
        lambda: by_code(shop, shop.code(poor).digits, (shop.soap, 1)),
        lambda: by_code(shop, shop.code(poor).number8, (shop.soap, 1)),
        lambda: by_code(shop, card_of(shop, poor), (shop.soap, 1)),
    ):
        with pytest.raises(TooFewToBegin) as refused:
            way()
        assert refused.value.facts == {"least_points": 50, "missing_points": 1}
    assert (shop.balance(poor), shop.takings(), shop.shelf(shop.soap)) == (49, 0, 10)
    assert shop.bought(rich, (shop.soap, 1)).points == 6


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ({"conditions": [{"balance": "points", "least": 101}]}, "too_few_to_begin", "满 101 分才能换，还差 1 分"),
        ({"conditions": [{"ages": {"from": 149}, "note": "满 149 岁"}]}, "not_for_redeeming", "要满 149 岁"),
        ({"windows": [{"from": "2090-01-01"}]}, "redemption_closed", "2090年1月1日起可以换"),
        ({"conditions": [{"goods": ["香皂"], "ages": {"from": 149}}]}, "goods_not_for_them", "香皂要"),
        ({"limits": [{"per": "month", "points": 5}]}, "redeemed_enough", "本月最多换 5 分"),
        ({"keep": 95}, "points_must_stay", "换完要留下 95 分"),
    ],
)
def test_the_page_without_script_and_the_api_say_which_term_is_in_the_way(
    shop: RedemptionWorld, said: dict[str, Any], error: str, words: str
) -> None:
    terms(shop, **said)
    person, desk = shop.resident(100), shop.world.client(shop.clerk_person)
    token = {"csrf_token": script_headers(desk, "/till")["X-CSRFToken"]}
    begun = desk.post(f"/till/{shop.till.id}/begin", data={"code": shop.code(person).digits, **token})
    assert begun.status_code == 302
    form = {f"quantity-{shop.soap.id}": "1", "key": str(uuid.uuid4()), **token}
    refused = desk.post(begun.location, data=form)
    page = refused.get_data(as_text=True)
    assert refused.status_code == 409 and words in page
    assert f'name="quantity-{shop.soap.id}"' in page and 'value="1"' in page, "what was typed stays"
    body = {"code": shop.code(person).digits, "till_id": str(shop.till.id)}
    wanted = {**body, "lines": [{"item_id": str(shop.soap.id), "quantity": 1}]}
    once = {"Idempotency-Key": str(uuid.uuid4())}
    for _ in range(2):  # sent again it is refused again: nothing was kept under the key
        answer = shop.world.api(shop.clerk_person).post("/api/v1/redemptions", json=wanted, headers=once)
        assert (answer.status_code, answer.get_json()["error"]) == (409, error)
        assert words in answer.get_json()["message"]
    assert shop.untouched(person) and not any(used(shop).values())


def test_the_page_without_script_and_the_api_count_times_alike(shop: RedemptionWorld) -> None:
    terms(shop, limits=[{"per": "month", "times": 1}])
    person, desk = shop.resident(100), shop.world.client(shop.clerk_person)
    token = {"csrf_token": script_headers(desk, "/till")["X-CSRFToken"]}
    begun = desk.post(f"/till/{shop.till.id}/begin", data={"code": shop.code(person).digits, **token})
    form = {f"quantity-{shop.soap.id}": "1", "key": str(uuid.uuid4()), **token}
    assert desk.post(begun.location, data=form).status_code == 302 and shop.balance(person) == 94
    body = {"code": shop.code(person).digits, "till_id": str(shop.till.id)}
    wanted = {**body, "lines": [{"item_id": str(shop.soap.id), "quantity": 1}]}
    api = shop.world.api(shop.clerk_person)
    answer = api.post("/api/v1/redemptions", json=wanted, headers={"Idempotency-Key": str(uuid.uuid4())})
    assert (answer.status_code, answer.get_json()["error"]) == (409, "redeemed_often_enough")
    assert shop.balance(person) == 94


def test_outside_its_days_nothing_is_given_out_and_what_was_taken_can_still_be_returned(shop: RedemptionWorld) -> None:
    day = clock.local_date(clock.now(), shop.clerk.zone)
    person = shop.resident(100)
    receipt = shop.bought(person, (shop.soap, 1))
    terms(shop, windows=[{"from": str(day + timedelta(days=3)), "to": str(day + timedelta(days=5))}])
    with pytest.raises(RedemptionClosed) as refused:
        shop.bought(person, (shop.soap, 1))
    assert refused.value.facts["opens_on"] == day + timedelta(days=3)
    serving = shop.claim(shop.code(person).digits)
    give_back(shop, receipt, serving)
    assert shop.balance(person) == 100


def give_back(shop: RedemptionWorld, receipt: Any, serving: Any) -> None:
    in_own_transaction(
        lambda: return_receipt(
            receipt.id, key=uuid.uuid4(), reason="拿错了", clerk=shop.clerk, at=clock.now(), serving_id=serving.id
        )
    )


def test_times_and_points_are_counted_given_back_by_a_return_and_shared_by_a_household(shop: RedemptionWorld) -> None:
    terms(shop, limits=[{"per": "month", "times": 2}, {"per": "year", "points": 40, "who": "household"}])
    home = shop.world.household()
    one, other = shop.resident(100, household=home), shop.resident(100, household=home)
    first = shop.bought(one, (shop.rice, 1))
    assert used(shop) == {(one.id, "@redeem.times"): 1, (home.id, "@redeem.points"): 30}
    with pytest.raises(RedeemedEnough) as refused:
        shop.bought(other, (shop.soap, 2))
    assert refused.value.facts["left_points"] == 10
    shop.bought(other, (shop.soap, 1))
    give_back(shop, first, shop.claim(shop.code(one).digits))
    assert used(shop) == {
        (one.id, "@redeem.times"): 0,
        (other.id, "@redeem.times"): 1,
        (home.id, "@redeem.points"): 6,
    }
    shop.bought(one, (shop.soap, 1))
    shop.bought(one, (shop.soap, 1))
    with pytest.raises(RedeemedOftenEnough):
        shop.bought(one, (shop.soap, 1))
    assert audit(shop.scheme_id).is_clean


def test_the_same_key_again_gives_the_first_receipt_though_the_limit_is_used_up(shop: RedemptionWorld) -> None:
    terms(shop, limits=[{"per": "day", "times": 1}])
    person, key = shop.resident(100), uuid.uuid4()
    serving = shop.claim(shop.code(person).digits)
    first = shop.redeem(serving, (shop.soap, 1), key=key)
    assert shop.redeem(serving, (shop.soap, 1), key=key).id == first.id
    assert used(shop) == {(person.id, "@redeem.times"): 1}


def test_at_four_tills_at_once_the_last_of_a_limit_is_given_once(shop: RedemptionWorld) -> None:
    terms(shop, limits=[{"per": "month", "points": 60}])
    person = shop.resident(1000)
    with transaction():
        tills = [shop.another_till() for _ in range(4)]
    clerks = [shop.world.visitor(shop.world.staff(Role.CLERK)) for _ in tills]
    codes = [shop.code(person).digits for _ in tills]
    jobs = [
        lambda code=code, till=till, clerk=clerk: by_code(shop, code, (shop.rice, 1), till=till, clerk=clerk).points
        for code, till, clerk in zip(codes, tills, clerks, strict=True)
    ]
    outcomes = Counter(in_threads(shop.world.app, jobs))
    assert outcomes == {30: 2, "RedeemedEnough": 2}
    assert shop.balance(person) == 940 and used(shop) == {(person.id, "@redeem.points"): 60}


def test_at_four_tills_at_once_what_must_stay_stays(shop: RedemptionWorld) -> None:
    terms(shop, keep=50)
    person = shop.resident(60)
    shop.give(person, 55, mark="2099-12-31")
    with transaction():
        tills = [shop.another_till() for _ in range(4)]
    clerks = [shop.world.visitor(shop.world.staff(Role.CLERK)) for _ in tills]
    codes = [shop.code(person).digits for _ in tills]
    jobs = [
        lambda code=code, till=till, clerk=clerk: by_code(shop, code, (shop.rice, 1), till=till, clerk=clerk).points
        for code, till, clerk in zip(codes, tills, clerks, strict=True)
    ]
    outcomes = Counter(in_threads(shop.world.app, jobs))
    assert outcomes == {30: 2, "PointsMustStay": 2}
    assert shop.balance(person) == 55
    with pytest.raises(PointsMustStay):
        shop.bought(person, (shop.soap, 1))


def born(shop: RedemptionWorld, year: int) -> Person:
    person = shop.resident(100)
    with transaction():
        db.session.execute(update(Person).where(Person.id == person.id).values(birth_year=year))
    return person


def test_who_may_redeem_what_is_asked_of_the_register_as_it_is_now(shop: RedemptionWorld) -> None:
    party = {"goods": ["大米"], "roles": ["grid_worker"], "note": "是网格员"}
    terms(shop, conditions=[{"ages": {"from": 60}}, {"areas": [shop.world.community.name]}, party])
    year = clock.local_date(clock.now(), shop.clerk.zone).year
    young, old = born(shop, year - 59), born(shop, year - 60)
    with pytest.raises(NotForRedeeming):
        shop.bought(young, (shop.soap, 1))
    with pytest.raises(GoodsNotForThem) as refused:
        shop.bought(old, (shop.soap, 1), (shop.rice, 1))
    assert refused.value.facts == {"goods": ["大米"], "items": [str(shop.rice.id)], "condition": "是网格员"}
    assert shop.bought(old, (shop.soap, 1)).points == 6
    worker = shop.world.staff(Role.GRID_WORKER)
    shop.give(worker, 100)
    with transaction():
        db.session.execute(update(Person).where(Person.id == worker.id).values(birth_year=1950))
    assert shop.bought(worker, (shop.rice, 1)).points == 30


def test_a_list_that_may_redeem_is_called_by_its_name_never_by_its_code(shop: RedemptionWorld) -> None:
    terms(shop, conditions=[{"members": ["party"]}])
    with transaction():
        holder, at, area_id = (
            open_holder(shop.scheme_id, new_id(), HolderKind.GROUP),
            clock.now(),
            shop.world.community.id,
        )
        team = Team(id=holder, code="party", name="在册党员", kind=TeamKind.LIST, area_id=area_id, made_at=at)
        team.scheme_id = shop.scheme_id
        shop.world.add(team)
    person = shop.resident(100)
    for page in ("/me", "/code"):
        said = shop.world.client(person).get(page).get_data(as_text=True)
        assert "名单：在册党员" in said and "名单：party" not in said
    desk = shop.world.api(shop.clerk_person)
    body = {"code": shop.code(person).digits, "till_id": str(shop.till.id)}
    wanted = {**body, "lines": [{"item_id": str(shop.soap.id), "quantity": 1}]}
    answer = desk.post("/api/v1/redemptions", json=wanted, headers={"Idempotency-Key": str(uuid.uuid4())})
    assert answer.status_code == 409 and answer.get_json()["facts"]["condition"] == "名单：在册党员"
    load_rules(shop.world, {**VISIT, "members": ["party"]}, label="名单版", on=clock.local_date(at, shop.clerk.zone))
    claim = {"rule": "visit", "done_on": str(clock.local_date(at, shop.clerk.zone)), "quantity": "1", "note": "陪同"}
    [refusal] = shop.world.api(person).post("/api/v1/claims/forecast", json=claim).get_json()["refusals"]
    assert "在册党员" in refusal["text"] and "party" not in refusal["text"]


def test_a_level_and_what_was_served_open_the_shelf(shop: RedemptionWorld) -> None:
    star = {"code": "star", "title": "星级", "over": "honour", "steps": [{"from": 5, "title": "一星"}]}
    said = [{"level": "star:1"}, {"balance": "minutes", "least": 60}]
    terms(shop, conditions=said, more={"levels": [star]})
    person = shop.resident(100)
    with pytest.raises(NotForRedeeming) as refused:
        shop.bought(person, (shop.soap, 1))
    assert refused.value.facts["condition"] == "到“一星”"
    opening, wallet = (shop.scheme_id, AccountClass.OPENING), (person.id, AccountClass.WALLET)
    shop.move("opening", opening, wallet, units_of(shop.scheme_id)["HONOUR"], 5)
    with pytest.raises(NotForRedeeming) as refused:
        shop.bought(person, (shop.soap, 1))
    assert "1 小时" in refused.value.facts["condition"]
    shop.move("opening", opening, wallet, units_of(shop.scheme_id)["MINUTES"], 60)
    assert shop.bought(person, (shop.soap, 1)).points == 6


def test_a_level_that_bars_keeps_somebody_from_the_shelf(shop: RedemptionWorld) -> None:
    steps = [
        {"from": 0, "title": "待改进", "effects": [{"type": "bars", "from": ["redeem"]}]},
        {"from": 60, "title": "合格"},
    ]
    credit = {"code": "credit", "title": "信用", "over": "honour", "steps": steps}
    terms(shop, more={"levels": [credit]})
    person = shop.resident(100)
    with pytest.raises(LevelBars) as refused:
        shop.bought(person, (shop.soap, 1))
    assert refused.value.facts == {"level": "信用", "step": "待改进"}
    opening, wallet = (shop.scheme_id, AccountClass.OPENING), (person.id, AccountClass.WALLET)
    shop.move("opening", opening, wallet, units_of(shop.scheme_id)["HONOUR"], 60)
    assert shop.bought(person, (shop.soap, 1)).points == 6


def test_honour_minutes_and_base_scores_are_never_spent(shop: RedemptionWorld) -> None:
    with transaction():
        base = open_unit(shop.scheme_id, "BALANCE.base", UnitKind.HONOUR, scale=0)
    person = shop.resident(0)
    opening, wallet = (shop.scheme_id, AccountClass.OPENING), (person.id, AccountClass.WALLET)
    for unit in (base, units_of(shop.scheme_id)["HONOUR"], units_of(shop.scheme_id)["MINUTES"]):
        shop.move("opening", opening, wallet, unit, 1000)
        with pytest.raises(InsufficientPoints) as refused:
            shop.bought(person, (shop.soap, 1))
        assert refused.value.facts["missing_points"] == 6
        legs = (Leg(person.id, unit, AccountClass.WALLET, -6), Leg(shop.shop.id, unit, AccountClass.TAKINGS, 6))
        draft = Draft("redemption", str(uuid.uuid4()), 1, "0" * 64, "test", None, clock.now(), legs)
        with pytest.raises(LedgerFault):
            in_own_transaction(partial(ledger.post, shop.scheme_id, [draft], at=clock.now()))
        db.session.rollback()


def test_the_look_stays_one_statement_whatever_the_rulebook_asks(shop: RedemptionWorld) -> None:
    person = born(shop, 1990)
    for said in ({}, {"keep": 1}, {"limits": [{"per": "month", "times": 99}], "conditions": [{"ages": {"to": 150}}]}):
        if said:
            terms(shop, label=str(said)[:40], **said)
        shop.bought(person, (shop.soap, 1))  # the first under a version looks twice
        code = shop.code(person).digits
        seen: list[str] = []
        watching.append(seen.append)
        try:
            by_code(shop, code, (shop.soap, 1))
        finally:
            watching.remove(seen.append)
        looks = [one for one in seen if "code_credentials" in one and one.lstrip().startswith("SELECT")]
        assert len([one for one in looks if "typed_numbers" not in one and "receipts" in one and "wanted" in one]) == 1


def test_a_new_version_counts_from_its_day_and_the_old_terms_end(shop: RedemptionWorld) -> None:
    day = clock.local_date(clock.now(), shop.clerk.zone)
    terms(shop, limits=[{"per": "year", "times": 1}])
    person = shop.resident(100)
    shop.bought(person, (shop.soap, 1))
    with pytest.raises(RedeemedOftenEnough):
        shop.bought(person, (shop.soap, 1))
    load_rules(shop.world, VISIT, label="新版", on=day, more={})
    assert shop.bought(person, (shop.soap, 1)).points == 6


def test_the_resident_and_the_clerk_read_it_beforehand(shop: RedemptionWorld) -> None:
    terms(shop, conditions=[{"balance": "points", "least": 50}], limits=[{"per": "month", "times": 3}])
    person = shop.resident(44)
    browser = shop.world.client(person)
    for page in ("/me", "/me/goods", "/code"):
        assert "满 50 分才能换，还差 6 分" in browser.get(page).get_data(as_text=True)
    said = browser.get("/api/v1/me/redeeming").get_json()
    assert said["may"] is False and [one["code"] for one in said["cannot"]] == ["too_few_to_begin"]
    assert "本月最多能换 3 次" in said["left"]
    desk = shop.world.client(shop.clerk_person)
    headers = script_headers(desk, "/till")
    answer = desk.post(f"/till/{shop.till.id}/claim", json={"code": shop.code(person).digits}, headers=headers)
    assert answer.status_code == 201 and "满 50 分才能换，还差 6 分" in answer.get_json()["terms"]["cannot"][0]
    lines = [{"item_id": str(shop.soap.id), "quantity": 1}]
    body = {"lines": lines, "key": str(uuid.uuid4())}
    refused = desk.post(f"/till/servings/{answer.get_json()['id']}/redeem", json=body, headers=headers)
    assert refused.status_code == 409 and refused.get_json()["error"] == "too_few_to_begin"
    in_own_transaction(lambda: cancel_serving(int(answer.get_json()["id"]), shop.clerk, clock.now()))
    assert db.session.scalar(select(Receipt).where(Receipt.scheme_id == shop.scheme_id)) is None


FRIDAYS = [{"weekday": 5, "from": "09:00", "to": "11:00"}, {"weekday": 5, "from": "14:00", "to": "16:00"}]
FRIDAY = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)  # half past ten in the zone


@pytest.mark.parametrize(
    ("windows", "at", "said", "not_said"),
    [
        ([], FRIDAY, "今天开门</b><br><small>9:00 到 11:00、14:00 到 16:00", "换不了"),
        ([{"month_days": [20]}], FRIDAY, "今天开门</b><br><small>9:00 到 11:00、14:00 到 16:00", "换不了"),
        (
            [{"opens": "10:00", "closes": "15:00"}],
            FRIDAY,
            "今天开门</b><br><small>10:00 到 11:00、14:00 到 15:00",
            "换不了",
        ),
        (  # the rulebook from 1 December on, the shop on Fridays
            [{"from": "2026-12-01"}],
            FRIDAY,
            "今天换不了东西</b><br><small>下次能换是 12月4日 星期五 9:00",
            "今天开门",
        ),
        (  # today's hours are over
            [{"opens": "09:00", "closes": "10:00"}],
            FRIDAY,
            "今天换不了东西</b><br><small>下次能换是 11月27日 星期五 9:00",
            "今天开门",
        ),
        ([{"from": "2090-01-01"}], FRIDAY, "今天换不了东西</b><br><small>2090年1月1日起能换", "今天开门"),
        ([{"weekdays": [1]}], FRIDAY, "今天换不了东西</b><br><small>什么时候能换，请问社区", "今天开门"),
        (
            [{"month_days": [4]}],
            FRIDAY - timedelta(days=1),
            "今天不开门</b><br><small>下次能换是 12月4日 星期五",
            "今天开门",
        ),
    ],
    ids=("no windows", "such a day", "such hours", "later", "over", "in years", "never together", "closed"),
)
def test_the_shops_door_says_open_only_on_a_day_when_the_till_gives_something_out(
    shop: RedemptionWorld, windows: list[Any], at: datetime, said: str, not_said: str
) -> None:
    terms(shop, **({"windows": windows} if windows else {"note": "随时"}))
    with transaction():
        db.session.execute(update(Shop).where(Shop.scheme_id == shop.scheme_id).values(opening=FRIDAYS))
    with clock.at(at):
        person = shop.resident(100)
        browser = shop.world.client(person)
        page = browser.get("/me").get_data(as_text=True)
        assert said in page and not_said not in page
        [door] = browser.get("/api/v1/me/redeeming").get_json()["shops"]
        assert said.split("<small>")[1] in door["words"] and door["today"] == ("今天开门" in said)
        goods = browser.get("/me/goods").get_data(as_text=True)
        assert door["words"] in goods and not_said not in goods
        if not door["today"] and door["opens"]:
            with pytest.raises(RedemptionClosed):
                shop.bought(person, (shop.soap, 1))
