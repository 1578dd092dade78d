"""The code on a real phone-sized screen: it can be scanned, redraws itself, hides when asleep, and says thanks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.looking import readable, scanned
from tests.factories import World
from tests.integration.redemption_world import RedemptionWorld

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(world: World) -> RedemptionWorld:
    return RedemptionWorld(world)


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).bounding_box()
    assert found is not None
    return dict(found)


@pytest.mark.parametrize("width", [360, 390, 430])
def test_the_code_fills_the_screen_and_can_be_scanned(shop: RedemptionWorld, window: OpenPage, width: int) -> None:
    page = window(shop.resident(865, name="王秀兰"), phone=True)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto("/code")
    page.wait_for_function("document.querySelector('#left-words').textContent.includes('秒')")
    text = scanned(page)
    assert re.fullmatch(r"[0-9]{58}", text)
    qr = box(page, "#qr")
    assert abs(qr["width"] / min(width, 405) - 0.84) < 0.02 and qr["width"] == pytest.approx(qr["height"], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing to scroll sideways"
    digits = page.inner_text("#number8")
    assert re.fullmatch(r"\d{4} \d{4}", digits)
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('#number8')).fontSize)") >= 46
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('main *')].filter((e) => e.offsetParent && e.textContent.trim())"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 18
    assert shop.claim(text).person_id == shop.claim(digits).person_id


@pytest.mark.parametrize("look", ["large", "sun", "night"])
def test_the_code_is_black_on_white_in_every_look(shop: RedemptionWorld, window: OpenPage, look: str) -> None:
    page = window(shop.resident(10), phone=True)
    page.goto("/code")
    page.evaluate("(look) => document.documentElement.setAttribute('data-look', look)", look)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert shop.claim(scanned(page))


def test_the_phone_says_thanks_by_itself(shop: RedemptionWorld, window: OpenPage) -> None:
    page = window(shop.resident(100), phone=True)
    page.goto("/code")
    serving = shop.claim(scanned(page))
    expect(page.locator("#scanned")).to_be_visible()
    shop.redeem(serving, (shop.rice, 1), (shop.soap, 2))
    page.wait_for_url("**/code/used/**")
    expect(page.get_by_role("heading", name="换好了，谢谢您")).to_be_visible()
    expect(page.locator(".sum")).to_contain_text("−42")
    expect(page.locator("main")).to_contain_text("58")
    page.get_by_role("link", name="看凭条").click()
    expect(page.locator(".paper80")).to_contain_text("大米 5公斤")


def test_a_fresh_code_is_drawn_every_thirty_seconds(shop: RedemptionWorld, window: OpenPage) -> None:
    page = window(shop.resident(10), phone=True)
    page.clock.install()
    page.goto("/code")
    first = scanned(page)
    page.clock.run_for(29_000)
    expect(page.locator("#left-words")).to_have_text(re.compile("还有 1 秒自动换新码"))
    assert page.locator("#left").get_attribute("value") == "1"
    with page.expect_response("**/code/draw"):
        page.clock.run_for(2_000)
    expect(page.locator("#left-words")).to_have_text(re.compile("还有 (30|29|28) 秒"))
    assert scanned(page) != first


def test_a_phone_that_slept_shows_nothing_before_a_fresh_code(shop: RedemptionWorld, window: OpenPage) -> None:
    page = window(shop.resident(10), phone=True)
    page.goto("/code")
    first = scanned(page)
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    expect(page.locator("#qr")).to_be_hidden()
    with page.expect_response("**/code/draw"):
        page.evaluate(hide, False)
    expect(page.locator("#qr")).to_be_visible()
    assert scanned(page) != first


def test_without_network_no_code_is_shown_and_the_words_say_what_to_do(shop: RedemptionWorld, window: OpenPage) -> None:
    page = window(shop.resident(10), phone=True)
    page.goto("/code")
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#offline")).to_contain_text("没有网，码先不显示")
    expect(page.locator("#qr")).to_be_hidden()
    page.context.set_offline(False)
    expect(page.locator("#qr")).to_be_visible()


def test_without_script_the_page_comes_back_by_itself_and_says_thanks(shop: RedemptionWorld, window: OpenPage) -> None:
    page = window(shop.resident(100), phone=True, script=False)
    page.goto("/code")
    refresh = page.locator("meta[http-equiv=refresh]").get_attribute("content") or ""
    seconds, _, address = refresh.partition("; url=")
    assert int(seconds) <= 30
    shop.redeem(shop.claim(scanned(page)), (shop.rice, 1))
    page.goto(address)
    expect(page.get_by_role("heading", name="换好了，谢谢您")).to_be_visible()


@pytest.mark.parametrize("look", ["normal", "large", "sun", "night"])
def test_the_residents_pages_are_accessible(shop: RedemptionWorld, window: OpenPage, look: str) -> None:
    person = shop.resident(100)
    receipt = shop.bought(person, (shop.rice, 1))
    page = window(person, phone=True)
    page.emulate_media(reduced_motion="reduce")  # no colour half way to another
    for path in ("/code", f"/code/used/{receipt.id}", "/receipts", f"/receipts/{receipt.id}"):
        page.goto(path)
        page.evaluate("(look) => document.documentElement.setAttribute('data-look', look)", look)
        readable(page)
