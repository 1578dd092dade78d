"""The clerk's hour: scan, basket, confirm; with a USB scanner, a camera, a card, a typed number, or no script at all."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from points import clock
from points.db import db, in_own_transaction, transaction
from points.people.models import Role, SignInName
from points.redemption.models import Serving
from tests.e2e.conftest import OpenPage, Scene
from tests.e2e.till_world import TillWorld
from tests.factories import World
from tests.signing import PIN, with_password

pytestmark = pytest.mark.browser

RICE, SOAP, WASH, OIL, BAG = "6901000000014", "6901000000021", "6901000000038", "6901000000069", "6901000000076"


@pytest.fixture
def till(world: World) -> TillWorld:
    return TillWorld(world)


class Hands:
    """A clerk at a keyboard with a USB scanner. Counts what they do: a scan is one, a key is one."""

    def __init__(self, page: Page) -> None:
        self.page, self.done = page, 0

    def scan(self, code: str) -> None:
        self.page.keyboard.type(code, delay=3)
        self.page.keyboard.press("Enter")
        self.done += 1

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key, delay=20)
            self.page.wait_for_timeout(60)  # a person is slower than a scanner
            self.done += 1


def opened(page: Page) -> Hands:
    page.goto("/till")
    expect(page.locator("body[data-script]")).to_be_visible()
    return Hands(page)


def serve(hands: Hands, code: str) -> None:
    hands.scan(code)
    expect(hands.page.locator("#person")).to_be_visible()


def refusal(page: Page, *words: str) -> None:
    """The panel says so, and that nothing was taken."""
    panel = page.get_by_role("alert").filter(visible=True)
    for word in words:
        expect(panel).to_contain_text(word)
    expect(panel).to_contain_text("什么都没扣")


def lines(page: Page) -> list[str]:
    return page.locator("#basket .bline .t").all_text_contents()


def test_three_goods_by_keyboard_alone_take_at_most_twelve_actions(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    expect(page.locator("#scan")).to_be_focused()
    serve(hands, till.code(resident).digits)
    assert page.locator("#person").inner_text().split("\n")[0] == "王○兰"
    assert "王秀兰" not in page.content()

    hands.done = 0
    hands.press("d", "m", "Enter")  # 大米 by the first letters of its pinyin
    hands.press("x", "z", "Enter")  # 香皂
    hands.press("+")
    hands.press("x", "y", "y", "Enter")  # 洗衣液
    expect(page.locator(".sums .total")).to_have_text("72 分")
    assert lines(page) == ["洗衣液 2公斤", "香皂", "大米 5公斤"]  # the newest on top
    hands.press("F8")
    assert hands.done <= 12

    expect(page.locator("#receipt")).to_contain_text("72 分")
    expect(page.locator("#receipt")).to_contain_text("28 分")
    assert till.balance(resident) == 28
    assert (till.shelf("大米"), till.shelf("香皂"), till.shelf("洗衣液")) == (19, 38, 11)
    expect(page.locator("#scan")).to_be_focused()


def test_scanned_goods_take_four_actions_and_the_next_customer_is_scanned_straight_away(
    window: OpenPage, till: TillWorld
) -> None:
    first, second = till.resident(100), till.resident(50, name="李建国")
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(first).digits)
    hands.done = 0
    for code in (RICE, SOAP, WASH):
        hands.scan(code)
    hands.press("F8")
    assert hands.done == 4
    expect(page.locator("#receipt .big")).to_have_text(f"{till.receipts()[0].day:%m%d}-0001")
    serve(hands, till.code(second).digits)
    expect(page.locator("#person")).to_contain_text("李○国")
    hands.press("Escape")
    expect(page.locator("#recent")).to_contain_text("0001 王○兰")
    expect(page.locator("[data-today]").first).to_have_text("今天 1 人 · 66 分")


def test_a_phone_camera_reads_the_residents_code(window: OpenPage, till: TillWorld, fake_camera: Scene) -> None:
    resident = till.resident(100)
    fake_camera.show(till.code(resident).digits)
    page = window(till.clerk, phone=True, camera=True)
    opened(page)
    page.get_by_role("button", name="打开摄像头").tap()
    expect(page.locator("#person")).to_contain_text("王○兰")
    expect(page.locator("#person")).to_contain_text("100 分")
    page.locator("#tiles button", has_text="大米").tap()
    page.locator("#tiles button", has_text="抽纸").tap()
    page.get_by_role("button", name="确认 46 分").tap()
    expect(page.locator("#receipt")).to_contain_text("换好了，谢谢王○兰")
    assert till.balance(resident) == 54
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_permission_or_camera_the_page_says_what_to_do_instead(window: OpenPage, till: TillWorld) -> None:
    page = window(till.clerk, phone=True)
    opened(page)
    page.get_by_role("button", name="打开摄像头").tap()
    expect(page.locator("#camera")).to_contain_text("没有让用摄像头")
    expect(page.locator("#camera")).to_contain_text("扫码枪")
    for refused, words in (
        ("mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') }", "没有摄像头"),
        ("Object.defineProperty(navigator, 'mediaDevices', { value: undefined }); isSecureContext = false", "HTTPS"),
    ):
        other = window(till.clerk, phone=True)
        script = refused.replace("mediaDevices.get", "navigator.mediaDevices.get").replace(
            "isSecureContext = false", "Object.defineProperty(window, 'isSecureContext', { value: false })"
        )
        other.add_init_script(script)
        opened(other)
        other.get_by_role("button", name="打开摄像头").tap()
        expect(other.locator("#camera")).to_contain_text(words)


def test_a_typed_number_and_a_card_serve_as_well_as_a_scan(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(300)
    page = window(till.clerk)
    hands = opened(page)
    hands.press("F2")
    expect(page.get_by_role("dialog")).to_contain_text("8 位数")
    page.get_by_role("button", name="打 8 位数").click()
    expect(page.locator("#no-code")).to_be_hidden()
    page.wait_for_timeout(300)  # hands need longer from the button to the keys; the dialog's closing is over by then
    page.keyboard.type(till.code(resident).number8, delay=60)
    expect(page.locator("#scan")).to_have_value(re.compile("^[0-9]{8}$"))
    page.keyboard.press("Enter")
    expect(page.locator("#claim")).to_contain_text("8 位数已核对")
    hands.scan(SOAP)
    hands.press("F8")
    expect(page.locator("#receipt")).to_contain_text("294 分")

    serve(hands, till.card(resident))
    expect(page.locator("#limits")).to_contain_text("用卡一次最多")
    for _ in range(3):
        hands.scan(RICE)
    hands.press("F8")
    refusal(page, "用卡一次最多换 100 分")
    hands.press("1")  # the first way out takes one bag away
    hands.press("F8")
    expect(page.locator("#receipt")).to_contain_text("80 分")
    assert till.balance(resident) == 214


def test_full_width_digits_of_an_input_method_are_the_same_code(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    opened(page)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in till.code(resident).digits)
    page.keyboard.insert_text(wide)
    page.keyboard.press("Enter")
    expect(page.locator("#person")).to_contain_text("王○兰")


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
    assert lines(page) == []


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
    page = window(till.clerk)
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
    page.reload()
    expect(page.locator("#basket .bline")).to_have_count(2)  # the basket survives

    page.route("**/redeem", lambda route: (route.fetch(), route.abort()))
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
    page = window(till.clerk)
    page.clock.install()
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(RICE)
    held: list[Route] = []
    page.route("**/redeem", lambda route: held.append(route))
    page.keyboard.press("F8")
    expect(page.get_by_role("button", name="正在确认").filter(visible=True)).to_be_disabled()
    while not held:
        page.wait_for_timeout(50)
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


def test_a_scan_finds_its_way_whatever_has_the_focus(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    page.get_by_role("link", name="退货").focus()
    serve(hands, till.code(resident).digits)
    page.locator("main").click(position={"x": 5, "y": 500})
    expect(page.locator("#scan")).to_be_focused()
    page.locator("#side").get_by_role("button", name="挂起").focus()
    hands.scan(RICE)
    assert lines(page) == ["大米 5公斤"]
    hands.press("F1")
    hands.scan(SOAP)  # a dialog gives way to a scan
    expect(page.locator("#basket .bline")).to_have_count(2)


def test_a_parked_basket_waits_for_the_residents_next_code(window: OpenPage, till: TillWorld) -> None:
    first, second = till.resident(100), till.resident(100, name="李建国")
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(first).digits)
    hands.scan(RICE)
    hands.scan(till.code(second).digits)  # the next in the queue: asked, never overwritten
    expect(page.get_by_role("group").filter(has_text="王○兰的篮子里还有 1 件")).to_be_visible()
    hands.press("1")
    expect(page.locator("#person")).to_contain_text("李○国")
    hands.scan(SOAP)
    hands.press("F8")
    expect(page.locator("#receipt")).to_be_visible()
    expect(page.locator("#parked")).to_contain_text("王○兰的购物篮，1 件")
    hands.press("Escape", "F9")
    expect(page.locator("#note")).to_contain_text("请王○兰再扫一次码")
    serve(hands, till.code(first).digits)
    assert lines(page) == ["大米 5公斤"]
    hands.press("F8")
    expect(page.locator("#receipt")).to_contain_text("40 分")
    assert (till.balance(first), till.balance(second)) == (60, 94)


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


def test_a_receipt_is_returned_with_the_residents_code(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(RICE)
    hands.press("F8")
    expect(page.locator("#receipt")).to_be_visible()
    hands.press("F10")
    expect(page.get_by_role("heading", name="退货")).to_be_visible()
    page.locator("#what").fill(f"{till.receipts()[0].day:%m%d}-0001")
    page.keyboard.press("Enter")
    expect(page.locator(".slip")).to_contain_text("大米 5公斤 1 袋")
    page.locator("#code").fill(till.code(resident).digits)
    page.get_by_role("button", name="整张退").click()
    expect(page.locator("#reason-error")).to_contain_text("为什么退")
    page.locator("#reason").fill("拿错了")
    page.locator("#code").fill(till.code(resident).digits)
    page.get_by_role("button", name="整张退").click()
    expect(page.get_by_role("status").filter(has_text="退好了")).to_be_visible()
    expect(page.get_by_text("这张凭条已经退了")).to_be_visible()
    assert len(till.returns()) == 1
    assert (till.balance(resident), till.shelf("大米")) == (100, 20)


def test_a_residents_code_shows_what_may_be_brought_back(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(WASH)
    hands.press("F8")
    expect(page.locator("#receipt")).to_be_visible()
    page.goto("/till/returns")
    hands.scan(till.code(resident).digits)
    page.get_by_role("link", name="洗衣液").click()
    expect(page.get_by_text("王○兰的码已经核对过了")).to_be_visible()
    page.locator("#reason").fill("商品有问题")
    page.get_by_role("button", name="整张退").click()
    expect(page.get_by_text("这张凭条已经退了")).to_be_visible()
    assert (till.balance(resident), till.shelf("洗衣液")) == (100, 12)


def test_a_second_clerk_confirms_a_return_when_the_resident_is_away(
    window: OpenPage, till: TillWorld, world: World
) -> None:
    resident = till.resident(100)
    second = with_password(world.staff(Role.CLERK, name="孙小芳"))
    with transaction():
        world.add(SignInName(scheme_id=world.scheme_id, name=second.number, person_id=second.id))
    page = window(till.clerk)
    hands = opened(page)
    serve(hands, till.code(resident).digits)
    hands.scan(OIL)
    hands.press("F8")
    expect(page.locator("#receipt")).to_be_visible()
    page.locator("#recent a").first.click()
    for password in ("000000", PIN):
        page.locator("#reason").fill("商品有问题")
        if not page.locator("#second_name").is_visible():
            page.get_by_text("请另一位同事确认").click()
        page.locator("#second_name").fill(second.number)
        page.locator("#second_password").fill(password)
        page.get_by_role("button", name="整张退").click()
        if password != PIN:
            expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("号码或密码不对")
            assert till.returns() == []
    expect(page.get_by_text("这张凭条已经退了")).to_be_visible()
    assert till.returns()[0].second_id == second.id
    assert (till.balance(resident), till.shelf("食用油")) == (100, 2)


def test_the_till_works_without_script(window: OpenPage, till: TillWorld) -> None:
    resident = till.resident(100)
    page = window(till.clerk, script=False)
    page.goto("/till")
    page.get_by_label("兑换码、卡号或 8 位数").fill(till.code(resident).number8)
    page.get_by_role("button", name="核对").click()
    page.get_by_label("大米").fill("3")
    page.get_by_role("button", name="确认兑换").click()
    refusal(page, "积分不够，还差 20 分")
    expect(page.get_by_label("大米")).to_have_value("3")
    page.get_by_label("大米").fill("2")
    page.get_by_role("button", name="确认兑换").click()
    expect(page.locator(".slip")).to_contain_text("80 分")
    assert till.balance(resident) == 20
    page.get_by_role("link", name="回收银台").click()
    expect(page.get_by_role("heading", name="请扫居民的码")).to_be_visible()


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
