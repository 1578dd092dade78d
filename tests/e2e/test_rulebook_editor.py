"""The officer's journey in a real browser: a draft from a preset, a rule changed, a problem mended, compared, published."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from points import clock
from points.db import db
from points.rulebook.models import RulebookDraft, RulebookVersion
from tests.e2e.conftest import OpenPage
from tests.e2e.looking import follow, readable
from tests.factories import World
from tests.integration.test_rulebook import body, load, officer

pytestmark = pytest.mark.browser


def field(page: Page, name: str) -> str:
    return f"[id='{name}']"


def begun(page: Page) -> str:
    """A draft from a published rulebook; its address."""
    page.goto("/rulebook/versions")
    page.get_by_text("禾花塘社区爱心超市").click()
    page.get_by_role("button", name="开始写草稿").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("草稿")
    return page.url.split("#")[0]


def labels(world: World) -> list[str]:
    db.session.rollback()
    query = db.select(RulebookVersion.label).filter_by(scheme_id=world.scheme_id)
    return sorted(db.session.scalars(query))


def test_an_officer_changes_a_rule_sees_what_it_gives_mends_it_and_publishes(world: World, window: OpenPage) -> None:
    load(world, body("hailin"))
    page = window(officer(world))
    address = begun(page)
    readable(page)
    follow(page.get_by_role("link", name="调解邻里矛盾"))
    readable(page)
    preview = page.locator("[data-preview]")
    expect(preview).to_contain_text("每次 5 分")
    page.select_option(field(page, "amount.type"), "brackets")
    expect(page.locator("#field-amount\\.points")).to_be_hidden()
    page.locator("#field-amount\\.brackets > [data-add]").click()
    page.keyboard.type("1")  # the new row has the focus
    page.keyboard.press("Tab")
    page.keyboard.type("八")
    error = page.locator("[data-errors='amount.brackets.0.points'] .errtext")
    expect(error).to_have_text("请填数字。")
    expect(page.locator("[data-state]")).to_have_text("存好了")
    readable(page)
    page.reload()
    expect(error).to_have_text("请填数字。")
    page.goto(f"{address}/publish")
    expect(page.get_by_role("button", name="公布这一版")).to_have_count(0)
    readable(page)
    page.locator("main .wrongs a").first.click()
    expect(page.locator(field(page, "amount.brackets.0.points"))).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("8")
    expect(error).to_have_count(0)
    expect(preview.locator(".res .big")).to_have_text("8 分")
    page.fill("[name='try.quantity']", "x")
    expect(preview).to_contain_text("数量请填数字")
    page.fill("[name='try.quantity']", "3")
    expect(preview).to_contain_text("3 次，够 1 次这一档，8 分")
    page.keyboard.press("ControlOrMeta+s")
    expect(page.locator("[data-state]")).to_have_text("存好了")
    page.goto(f"{address}/publish")
    expect(page.locator("main")).to_contain_text("没有问题")
    page.fill("#label", "禾花塘 新版")
    page.fill("#effective_on", (clock.now() + timedelta(days=30)).date().isoformat())
    readable(page)
    page.get_by_role("button", name="公布这一版").dblclick()
    expect(page.get_by_role("heading", level=1)).to_contain_text("积分细则")
    assert labels(world) == ["海林 试行", "禾花塘 新版"]
    page.goto("/rulebook/versions")
    expect(page.locator(".versions")).to_contain_text("还没到日子")
    readable(page)
    page.goto("/rulebook/changes")
    page.select_option("#before", label="海林 试行")
    page.select_option("#after", label="禾花塘 新版")
    page.get_by_role("button", name="比一比").click()
    expect(page.locator("main")).to_contain_text("不再有")
    readable(page)


def test_rows_are_added_taken_away_and_taken_back_with_the_keyboard(world: World, window: OpenPage) -> None:
    page = window(officer(world))
    address = begun(page)
    page.goto(f"{address}/rules/0")
    page.locator("#section-caps summary").press("Enter")
    page.locator("#field-caps > [data-add]").press("Enter")
    page.select_option(field(page, "caps.0.what"), "points")
    page.fill(field(page, "caps.0.most"), "20")
    page.select_option(field(page, "caps.0.per"), "month")
    expect(page.locator("[data-preview]")).to_contain_text("20 分")
    expect(page.locator("[data-state]")).to_have_text("存好了")
    page.locator("#field-caps [data-remove]").press("Enter")
    expect(page.locator("#field-caps > [data-add]")).to_be_focused()
    expect(page.locator("[data-preview]")).not_to_contain_text("20 分")
    expect(page.locator("[data-state]")).to_have_text("存好了")
    page.get_by_role("button", name=re.compile("撤掉上一步")).click()
    expect(page.locator("main")).to_contain_text("撤掉了")
    db.session.rollback()
    draft = db.session.scalars(db.select(RulebookDraft).filter_by(scheme_id=world.scheme_id)).one()
    assert draft.body == body()


def test_two_officers_do_not_overwrite_each_other(world: World, window: OpenPage) -> None:
    first, second = window(officer(world)), window(officer(world))
    address = begun(first)
    for page in (first, second):
        page.goto(f"{address}/rules/0")
    first.fill("#title", "甲写的")
    expect(first.locator("[data-state]")).to_have_text("存好了")
    second.fill("#title", "乙写的")
    expect(second.locator("[data-state]")).to_contain_text("刚改过这一处")
    second.get_by_role("button", name="存好").last.click()
    expect(second.get_by_role("alert")).to_contain_text("刚改过这一处")
    expect(second.locator("#title")).to_have_value("乙写的")
    readable(second)


def test_the_editor_works_without_a_script(world: World, window: OpenPage) -> None:
    page = window(officer(world), script=False)
    page.goto("/rulebook/versions")
    page.check("input[value='preset:hailin']")
    page.get_by_role("button", name="开始写草稿").click()
    page.get_by_role("link", name="推荐他人注册").click()
    page.fill(field(page, "amount.points"), "7")
    page.get_by_role("button", name="先看看，不存").click()
    expect(page.locator(".res .big")).to_have_text("7 分")
    page.locator(".savebar").get_by_role("button", name="存好").click()
    expect(page.locator("main")).to_contain_text("存好了")


def test_the_editor_fits_a_phone(world: World, window: OpenPage) -> None:
    page = window(officer(world), phone=True)
    address = begun(page)
    for path in ("", "/rules/0", "/parts/review", "/parts/levels", "/publish"):
        page.goto(address + path)
        readable(page)


def test_a_resident_tries_out_a_deed(world: World, window: OpenPage) -> None:
    load(world, body("hailin"))
    page = window(world.person(), phone=True)
    page.goto("/rulebook")
    page.get_by_text("志愿服务").last.click()
    page.locator("details.rule").first.evaluate("(one) => { one.open = true }")
    page.get_by_role("link", name=re.compile("算一算")).first.click()
    page.fill("[name='try.quantity']", "3")
    page.get_by_role("button", name="算一算").click()
    expect(page.locator(".reckon")).to_contain_text("一次最多算 2")
    readable(page)
