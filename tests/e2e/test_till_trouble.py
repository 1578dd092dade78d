"""Trouble at the till: refusals with a way out, lost and slow answers, double presses, stray keys, and queues of scans."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import update

from points import clock
from points.db import db, in_own_transaction
from points.people.models import Role
from points.redemption.models import Serving
from tests.e2e.conftest import OpenPage
from tests.e2e.till_hands import OIL, RICE, SOAP, WASH, Hands, lines, opened, refusal, serve
from tests.e2e.till_world import TillWorld
from tests.factories import World
from tests.integration.awards_world import VISIT, load_rules

pytestmark = pytest.mark.browser


@pytest.fixture
def till(world: World) -> TillWorld:
    return TillWorld(world)


def test_expired_used_and_unknown_codes_are_refused_with_a_way_out(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    hands.scan(till.code(resident, clock.now() - timedelta(minutes=5)).digits)
    refusal(page, "这个码过期了", "请居民等新码出来，再扫一次")
    hands.press("Escape")
    expect(page.locator("#scan")).to_be_focused()
    hands.scan("9" * 58)
    refusal(page, "这个码认不出来")
    hands.press("Escape")
    hands.scan("1234")
    refusal(page, "这个码认不出来")
    hands.press("Escape")
    code = till.code(resident).digits
    serve(hands, code)
    hands.scan(SOAP)
    hands.press("F8")
    expect(page.locator("#receipt")).to_be_visible()
    hands.scan(code)
    refusal(page, "这个码用过了")
    assert len(till.receipts()) == 1


def test_a_refusal_holds_the_screen_against_a_queue_of_scans(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    hands.scan("9" * 58)
    refusal(page, "这个码认不出来")
    hands.scan(till.code(resident).digits)
    hands.scan(RICE)
    page.keyboard.press("Enter")
    refusal(page, "这个码认不出来")
    expect(page.locator("body")).to_have_attribute("data-view", "waiting")
    hands.press("Escape")
    serve(hands, till.code(resident).digits)
    expect(lines(page)).to_have_text([])


def test_not_enough_points_names_what_is_missing_and_what_to_take_out(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(86)
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    for code in (RICE, "6901000000083", WASH):  # 40, 被套 30, 20
        hands.scan(code)
    hands.press("t", "f")
    hands.press("Escape", "F8")
    refusal(page, "积分不够，还差 4 分", "购物篮 90 分，王○兰有 86 分")
    expect(page.get_by_role("button", name="拿掉洗衣液，共 70 分")).to_be_visible()
    expect(page.get_by_role("button", name="先看提示").filter(visible=True)).to_be_disabled()
    hands.press("1")
    expect(page.locator(".sums .total")).to_have_text("70 分")
    hands.press("F8")
    expect(page.locator("#receipt")).to_contain_text("70 分")
    assert till.balance(resident) == 16


def test_sold_out_and_limits_name_the_goods_and_keep_the_rest(window: OpenPage, till: TillWorld) -> None:
    till.limit("香皂", 3)
    resident = till.resident(300)
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(OIL)
    for _ in range(4):
        hands.scan(SOAP)
    expect(page.locator("#limits")).to_contain_text("香皂，每月 3 块")
    expect(page.locator("#limits")).to_contain_text("多了 1 块")
    till.empty_shelf("食用油")
    hands.press("F8")
    refusal(page, "食用油", "刚换完")
    hands.press("1")
    hands.press("F8")
    refusal(page, "香皂")
    hands.press("1")
    expect(page.locator(".sums .total")).to_have_text("18 分")
    hands.press("F8")
    expect(page.locator("#receipt")).to_contain_text("282 分")

    serve(hands, till.code(resident).digits)
    hands.scan(SOAP)
    hands.press("F8")
    refusal(page, "香皂本月已换 3 块", "1日起可以再换")
    assert till.balance(resident) == 282


def test_own_household_and_a_code_at_another_till_are_refused(window: OpenPage, till: TillWorld, world: World) -> None:
    home = world.household()
    clerk = world.staff(Role.CLERK, name="钱小梅", household=home)
    family, resident = till.resident(100, household=home), till.resident(100)
    page = window(clerk)
    hands = opened(page)
    hands.scan(till.code(family).digits)
    refusal(page, "这是您自己或家里人的码", "请另一位店员来换")
    hands.press("Escape")
    code = till.code(resident).digits
    serve(hands, code)

    till.another_till()
    other = window(till.clerk)
    other.goto("/till")
    other.get_by_role("button", name="2 号台").click()
    expect(other.locator("body[data-script]")).to_be_visible()
    others = Hands(other)
    others.scan(code)
    refusal(other, "这个码正在 1 号台用")
    hands.press("Escape")  # an empty basket is left without a question, and the code is free again
    expect(page.locator("body")).to_have_attribute("data-view", "waiting")
    others.press("Escape")
    serve(others, code)


def test_a_double_press_on_confirm_redeems_once(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(RICE)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/redeem") else None)
    page.evaluate(
        """() => { const button = [...document.querySelectorAll('[data-do="confirm"]')].find((b) => b.offsetParent);
        button.click(); button.click();
        dispatchEvent(new KeyboardEvent('keydown', { key: 'F8' })); }"""
    )
    expect(page.locator("#receipt")).to_be_visible()
    assert len(sent) == 1
    assert len(till.receipts()) == 1
    assert till.balance(resident) == 60


def test_a_lost_answer_is_settled_with_the_same_key(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk, tapped=True)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(RICE)
    keys: list[str] = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # the server has done it…
            route.abort()  # …but nobody hears of it
        else:
            route.continue_()

    page.route("**/redeem", lose)
    hands.press("F8")
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("网络慢，没有重复扣。再试一次")
    hands.scan(SOAP)  # held
    hands.press("1")
    expect(page.locator("#receipt")).to_contain_text("刚才那次已经成了")
    expect(page.locator("#receipt")).to_contain_text("没有扣两次")
    assert len(set(keys)) == 1
    assert len(till.receipts()) == 1
    assert till.balance(resident) == 60


def test_a_reload_in_the_middle_of_confirming_redeems_once(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(RICE)
    hands.scan(SOAP)
    page.route("**/redeem", lambda route: (route.fetch(), route.abort()))
    page.reload()
    expect(page.locator("#basket .bline")).to_have_count(2)  # the basket survives

    hands.press("F8")
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("网络慢")
    page.unroute("**/redeem")
    page.reload()
    expect(page.locator("#receipt")).to_contain_text("没有扣两次")
    assert len(till.receipts()) == 1
    assert till.balance(resident) == 54


def test_a_slow_network_is_said_after_eight_seconds_and_a_late_answer_still_counts(
    window: OpenPage, till: TillWorld
) -> None:
    resident = till.resident(100)
    page = window(till.clerk, tapped=True)
    page.clock.install()
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(RICE)
    held: list[Route] = []
    page.route("**/redeem", lambda route: held.append(route))
    with page.expect_request("**/redeem"):
        page.keyboard.press("F8")
    expect(page.get_by_role("button", name="正在确认").filter(visible=True)).to_be_disabled()
    page.clock.fast_forward(7_000)
    expect(page.locator("#panel")).to_be_hidden()
    page.clock.fast_forward(1_500)
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("网络慢，没有重复扣。再试一次")
    held[0].continue_()
    expect(page.locator("#receipt")).to_contain_text("60 分")
    expect(page.locator("#panel")).to_be_hidden()
    assert len(till.receipts()) == 1


def test_stray_enters_do_nothing_and_only_f8_confirms(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    hands.press("Enter", "Enter")
    expect(page.locator("body")).to_have_attribute("data-view", "waiting")
    serve(hands, till.code(resident).digits)
    hands.scan(RICE)
    hands.press("Enter", "Enter")
    expect(page.locator("body")).to_have_attribute("data-view", "serving")
    assert till.receipts() == []
    hands.press("-")
    expect(page.locator("#basket .bline")).to_have_count(0)


def test_cancelling_asks_first_takes_nothing_and_frees_the_code(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    code = till.code(resident).digits
    serve(hands, code)
    hands.scan(RICE)
    hands.press("Escape")
    expect(page.get_by_role("group").filter(has_text="不给王○兰换了")).to_be_visible()
    hands.press("Escape")
    expect(page.locator("#basket .bline")).to_have_count(1)
    hands.press("Escape", "1")
    expect(page.locator("body")).to_have_attribute("data-view", "waiting")
    serve(hands, code)
    assert till.balance(resident) == 100


def test_an_unknown_bar_code_is_told_and_held(window: OpenPage, till: TillWorld) -> None:
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(till.resident(100)).digits)
    hands.scan("4006381333931")
    panel = page.get_by_role("alert").filter(visible=True)
    expect(panel).to_contain_text("条码 4006381333931 没有登记")
    hands.press("1")  # find it among all goods
    expect(page.locator("#found li")).to_have_count(9)
    hands.press("ArrowDown", "Enter")
    expect(page.locator("#basket .bline")).to_have_count(1)


def test_a_claim_that_ran_out_keeps_the_basket_and_asks_for_one_scan(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(RICE)
    past = clock.now() - timedelta(seconds=1)
    mine = update(Serving).where(Serving.scheme_id == till.scheme_id)
    in_own_transaction(lambda: db.session.execute(mine.values(expires_at=past)))
    hands.press("F8")
    refusal(page, "请居民再扫一次码")
    hands.press("Escape")
    serve(hands, till.code(resident).digits)
    expect(page.locator("#basket .bline")).to_have_count(1)
    expect(page.get_by_role("button", name="确认兑换 40 分")).to_be_enabled()
    hands.press("F8")
    expect(page.locator("#receipt")).to_be_visible()
    assert till.balance(resident) == 60


def test_what_the_rulebook_refuses_offers_what_would_be_allowed_or_the_end(window: OpenPage, till: TillWorld) -> None:
    load_rules(till.world, VISIT, more={"redemption": {"keep": 50}})
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(till.resident(100)).digits)
    hands.scan(RICE)
    hands.scan(WASH)
    hands.press("F8")
    refusal(page, "50 分")
    expect(page.locator("#panel .do button").first).to_contain_text("拿掉洗衣液")
    hands.press("1")
    hands.press("F8")
    expect(page.locator("#receipt")).to_be_visible()
    hands.press("Escape")
    serve(hands, till.code(till.resident(40)).digits)
    hands.scan(SOAP)
    hands.press("F8")
    refusal(page, "50 分")
    expect(page.locator("#panel .do button").first).to_contain_text("取消，不换了")
    hands.press("1")
    expect(page.locator("#scan")).to_be_visible()
    expect(page.locator("#panel")).to_be_hidden()
    assert len(till.receipts()) == 1
