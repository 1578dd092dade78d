"""Awarding many at once in a real browser: a sheet by two people, a team without a sheet, lists and relatives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from openpyxl import Workbook
from playwright.sync_api import Page, expect

from points.people.models import Role
from tests.e2e.conftest import OpenPage
from tests.e2e.looking import follow, readable
from tests.factories import World
from tests.integration.awards_world import RULES, load_rules, today

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
PC = {"width": 1440, "height": 900}


def look(page: Page, name: str) -> None:
    """Accessible and whole on a desk and on a phone; kept as pictures where POINTS_PICTURES says."""
    for size, width in ((PC, "pc"), (PHONE, "phone")):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        readable(page)
        if folder := os.environ.get("POINTS_PICTURES"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
    page.set_viewport_size(PC)  # type: ignore[arg-type]


def test_a_sheet_is_brought_by_one_let_through_by_another_and_awarded(
    world: World, window: OpenPage, tmp_path: Path
) -> None:
    load_rules(world, *RULES)
    people = [world.person(name) for name in ("王秀兰", "李大海", "赵小妹")]
    approver = world.staff(Role.STAFF, name="孙主任")
    book = Workbook()
    book.active.append(["居民编号", "姓名", "项目", "数量", "日期", "说明"])
    day = today(world).isoformat()
    for person in people:
        book.active.append([person.number, person.name, "陪同就医", 2, day, "陪老人看病"])
    book.active.append([people[0].number, "", "楼道劳动", "好多", day, ""])
    book.active.append([people[1].number, "", "陪同就医", 2, day, ""])
    book.active.append([approver.number, "", "陪同就医", 1, day, ""])
    book.save(tmp_path / "名单.xlsx")

    page = window(world.staff(Role.STAFF))
    page.goto("/batches")
    look(page, "batches")
    page.set_input_files("#file", tmp_path / "名单.xlsx")
    page.get_by_role("button", name="先看结果").click()
    expect(page.locator("tbody tr")).to_contain_text(["要写数字", "和第 3 行是同一个人"])
    look(page, "batch-dry-run")
    follow(page.get_by_role("link", name="全部 6"))
    look(page, "batch-all")
    page.get_by_role("button", name="交给另一位审批：4 行，70 分").click()
    expect(page.get_by_text("等另一位审批").first).to_be_visible()
    address = page.url
    expect(page.get_by_role("button", name="通过并发放")).to_have_count(0)

    other = window(approver)
    other.goto("/batches?state=waiting")
    other.get_by_role("link", name="名单.xlsx").click()
    expect(other.get_by_text("由另一位来看")).to_be_visible()
    look(other, "batch-approve")
    other.get_by_role("button", name="不通过").click()
    expect(other.locator("#reason-error")).to_be_visible()
    readable(other)
    other.goto(address)
    other.get_by_role("button", name="通过并发放").click()
    other.get_by_role("button", name="现在就发").click()
    expect(other.get_by_text("办完了").first).to_be_visible()
    look(other, "batch-done")
    page.goto(address)
    expect(page.locator(".badge", has_text="已发放")).to_have_count(3)
    expect(page.locator(".badge", has_text="转审批")).to_have_count(1)
    page.get_by_role("link", name="看这一笔").first.click()
    expect(page.get_by_text("陪同就医").first).to_be_visible()


def test_a_team_is_made_filled_and_awarded_by_keyboard_and_press(world: World, window: OpenPage) -> None:
    load_rules(world, *RULES)
    people = [world.person(name) for name in ("王秀兰", "李大海", "赵小妹")]
    page = window(world.staff(Role.STAFF))
    page.goto("/people/teams")
    look(page, "teams-empty")
    page.get_by_role("link", name="新建").first.click()
    page.fill("#name", "和苑志愿服务队")
    look(page, "team-form")
    page.keyboard.press("Enter")
    expect(page.get_by_text("建好了")).to_be_visible()
    page.fill("#numbers", " ".join(person.number for person in people) + " R-0")
    page.locator("form", has=page.locator("#numbers")).get_by_role("button", name="先看结果").click()
    expect(page.get_by_text("没有找到这位居民")).to_be_visible()
    look(page, "team-import")
    page.get_by_role("button", name="放进没问题的 3 位").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    look(page, "team")
    page.get_by_role("link", name="发放给这些人").click()
    page.select_option("#rule", "visit")
    page.get_by_label("只给下面勾上的").check()
    page.get_by_label(people[0].number).check()
    page.get_by_label(people[2].number).check()
    look(page, "team-award")
    page.get_by_role("button", name="先看结果").click()
    expect(page.get_by_role("button", name="交给另一位审批：2 行，20 分")).to_be_visible()
    page.goto("/people/teams")
    look(page, "teams")


def test_a_restricted_list_opens_by_a_press_and_relatives_are_noted(world: World, window: OpenPage) -> None:
    person, kin = world.person("王秀兰"), world.person("李大海")
    page = window(world.staff(Role.STAFF))
    page.goto("/people/teams/new")
    page.get_by_label("名单", exact=True).check()
    page.fill("#name", "低保家庭")
    page.get_by_label("限看").check()
    page.get_by_role("button", name="建好").click()
    page.fill("#text", person.number)
    page.get_by_role("button", name="找", exact=True).click()
    page.get_by_role("button", name="放进来").click()
    expect(page.get_by_text("这份名单限看，有 1 人")).to_be_visible()
    expect(page.get_by_text(person.number)).to_have_count(0)
    look(page, "team-restricted")
    page.get_by_role("button", name="看名单（会记下来）").click()
    expect(page.get_by_text(person.number)).to_be_visible()
    look(page, "team-opened")
    page.goto(f"/people/{person.id}")
    page.get_by_text("记一位亲属…").click()
    page.fill("#number", kin.number)
    page.select_option("#kind", "child")
    page.get_by_role("button", name="记下来").click()
    expect(page.get_by_text("两边都能看到")).to_be_visible()
    look(page, "relatives")
