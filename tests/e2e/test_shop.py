"""Goods come to the shelf in a real browser: with a scanner, with the camera, and without script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from points.db import db
from points.shop import queries
from points.shop.models import Item
from tests.e2e.conftest import OpenPage, Scene
from tests.e2e.looking import RULES
from tests.factories import World
from tests.integration.shop_world import ShopWorld

pytestmark = pytest.mark.browser


@pytest.fixture
def market(world: World) -> ShopWorld:
    return ShopWorld(world)


def pieces(market: ShopWorld, item: Item) -> int:
    db.session.rollback()
    return queries.pieces_at(market.scheme_id, market.shop.id, [item.id])[item.id]


def findings(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]


def test_a_scanner_chooses_the_goods_and_only_the_button_sends(market: ShopWorld, window: OpenPage) -> None:
    market.item("书包", "")
    rice = market.item(barcode="6901234567892")
    page = window(market.clerk_person)
    page.goto("/shop/stock")
    page.get_by_label("扫条码").click()
    page.keyboard.type("6901234567892")
    page.keyboard.press("Enter")  # as a scanner ends
    expect(page.get_by_label("或者选一件")).to_have_value(str(rice.id))
    expect(page.get_by_label("收了多少")).to_be_focused()
    page.keyboard.type("20")
    page.get_by_label("谁捐的、从哪买的").fill("粮油店")
    page.get_by_role("button", name="收进来").dblclick()
    expect(page.get_by_text("收好了：大米 5公斤 20 袋")).to_be_visible()
    assert pieces(market, rice) == 20


def test_the_camera_reads_a_label_on_a_phone(market: ShopWorld, window: OpenPage, fake_camera: Scene) -> None:
    bag = market.item("书包", "")
    fake_camera.show(queries.code_of(bag))
    page = window(market.clerk_person, phone=True, camera=True)
    page.goto("/shop/stock")
    page.get_by_role("button", name="用相机扫").click()
    expect(page.get_by_label("或者选一件")).to_have_value(str(bag.id))
    expect(page.locator("video")).to_be_hidden()


def test_without_script_the_same_form_receives(market: ShopWorld, window: OpenPage) -> None:
    rice = market.item(barcode="6901234567892")
    page = window(market.clerk_person, script=False)
    page.goto("/shop/stock")
    expect(page.get_by_role("button", name="用相机扫")).to_be_hidden()
    page.get_by_label("扫条码").fill("6901234567892")
    page.get_by_label("收了多少").fill("5")
    page.get_by_role("button", name="收进来").click()
    expect(page.get_by_text("架上现在 5 袋")).to_be_visible()
    assert pieces(market, rice) == 5


def test_staff_add_an_item_with_a_photo_and_a_limit(market: ShopWorld, window: OpenPage, tmp_path: Path) -> None:
    photo = tmp_path / "rice.png"
    Image.new("RGB", (900, 600), "#e0d0a0").save(photo)
    page = window(market.staff_person)
    page.goto("/shop/items")
    page.get_by_role("link", name="加商品").first.click()
    page.get_by_label("名称").fill("东北大米")
    page.get_by_label("单位").fill("袋")
    page.get_by_label("照片").set_input_files(photo)
    page.get_by_label("在这家店的价格（分）").fill("40")
    page.get_by_role("button", name="加上").click()
    expect(page.get_by_text("已加上：东北大米")).to_be_visible()
    thumb = page.locator("img.thumb")
    expect(thumb).to_be_visible()
    expect(thumb).to_have_js_property("naturalWidth", 900)
    page.get_by_label("每人最多（袋）").fill("2")
    page.get_by_role("button", name="设限量").click()
    expect(page.get_by_text("每人每月最多 2 袋")).to_be_visible()


@pytest.mark.parametrize("phone", [False, True], ids=["pc", "phone"])
def test_every_page_is_accessible_and_nothing_runs_off_the_side(
    market: ShopWorld, window: OpenPage, phone: bool
) -> None:
    rice = market.item(pieces=3, market_price_cents=3000)
    market.item("一个名字特别特别长的商品用来看会不会把页面撑破", "特大号家庭装二十四片", barcode="6901234567892")
    market.limit(rice, 1)
    market.receive(rice, 2)
    page = window(market.staff_person, phone=phone)
    for url in (
        "/shop/items",
        "/shop/items/new",
        f"/shop/items/{rice.id}",
        "/shop/stock",
        "/shop/stock?do=waste",
        "/shop/moves",
        "/shop/shops",
        f"/shop/shops/{market.shop.id}",
        "/shop/labels",
    ):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url
        assert findings(page) == [], url
        assert re.search(r"\S", page.title())
