"""Claims in a real browser: the forecast follows the fields, the queue by keyboard alone, and all of it without script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from points.awards.models import Claim
from points.db import db
from points.people.models import Role
from tests.e2e.conftest import OpenPage
from tests.e2e.looking import follow, readable
from tests.factories import World
from tests.integration.awards_world import RULES, VISIT, claimed, load_rules, today

pytestmark = pytest.mark.browser


@pytest.fixture
def place(world: World) -> World:
    load_rules(world, *RULES)
    return world


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (320, 240), "#12523c").save(tmp_path / "deed.jpg")
    return tmp_path / "deed.jpg"


def states(world: World) -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(db.select(Claim.state).filter_by(scheme_id=world.scheme_id)))


def test_a_resident_sees_what_a_deed_earns_while_filling_the_form_in(
    place: World, window: OpenPage, photo: Path
) -> None:
    page = window(place.person(), phone=True)
    page.goto("/claims/new")
    readable(page)
    big = page.locator("#forecast .big")
    page.get_by_text("楼道劳动").click()
    expect(big).to_have_text("1 分")
    expect(page.locator("label[for=quantity]")).to_have_text("做了几个小时？")
    for _ in range(4):
        page.get_by_role("button", name="多一点").click()
    expect(page.locator("#quantity")).to_have_value("3")
    expect(big).to_have_text("2 分")
    expect(page.locator("#forecast")).to_contain_text("一次最多算 2 分")
    page.get_by_text("上报隐患").click()
    expect(big).to_have_text("2 到 50 分")
    expect(page.locator("#forecast")).to_contain_text("要有 1 张照片")
    page.locator("#photos").set_input_files(photo)
    expect(page.locator("label.drop[for=photos]")).to_contain_text("选了 1 张照片")
    page.fill("#place", "3 号楼门口")
    expect(page.locator("#forecast")).not_to_contain_text("要")
    page.get_by_role("button", name="交给社区看").dblclick()
    expect(page.get_by_text("已交给社区")).to_be_visible()
    readable(page)
    assert states(place) == ["waiting"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for box in page.locator("main .btn, main input:visible, main select:visible").all():
        assert (box.bounding_box() or {"height": 44})["height"] >= 44
    page.goto("/claims")
    expect(page.locator(".badge")).to_have_text("等审核")
    readable(page)


def test_the_queue_is_cleared_by_keyboard_alone(place: World, window: OpenPage) -> None:
    for name in ("张三", "李四", "王五", "赵六"):
        claimed(place, place.person(name))
    page = window(place.staff(Role.STAFF))
    page.goto("/queue")
    readable(page)
    press = page.keyboard.press
    press("a")
    expect(page.locator("#sum")).to_have_text("已定 1 条：通过 1 条共 10 分")
    expect(page.locator("tr[aria-selected]")).to_contain_text("李○○")
    press("r")
    expect(page.get_by_role("dialog")).to_be_visible()
    readable(page)
    press("1")
    expect(page.locator("#sum")).to_have_text("已定 2 条：通过 1 条共 10 分，退回 1 条")
    press("x")
    page.get_by_label("或者自己写").fill("那天没有这件事")
    press("Enter")
    expect(page.locator("#sum")).to_contain_text("不通过 1 条")
    press("a")
    press("u")
    expect(page.locator("#sum")).to_contain_text("已定 3 条")
    assert states(place) == ["waiting"] * 4  # drafts until submitted
    page.reload()
    expect(page.locator("#sum")).to_contain_text("已定 3 条")  # and kept
    press("/")
    page.keyboard.type("ax")  # letters in a field are letters
    expect(page.locator("#text")).to_have_value("ax")
    page.locator("#text").fill("")
    page.locator("h1").click()
    press("?")
    expect(page.get_by_role("heading", name="快捷键")).to_be_visible()
    press("Escape")
    press("Control+Enter")
    expect(page.locator(".results")).to_contain_text("办好了：通过 1 条共 10 分，退回 1 条，不通过 1 条")
    assert states(place) == ["approved", "rejected", "returned", "waiting"]
    expect(page.locator("#sum")).to_have_text("还没有定。A 通过，R 退回，X 不通过。")
    readable(page)


def test_what_the_reviewer_chooses_in_the_open_item_goes_with_the_draft(place: World, window: OpenPage) -> None:
    storm = {
        "code": "storm",
        "title": "天气",
        "by": "reviewer",
        "choices": [{"code": "bad", "title": "暴雨", "factor": 3}],
    }
    amount = {"type": "per_unit", "points": 10, "coefficients": [storm]}
    load_rules(place, {**VISIT, "code": "wet", "amount": amount, "caps": []}, label="雨天版", on=today(place))
    first = claimed(place, place.person("张三"), "wet", done_on=today(place))
    claimed(place, place.person("李四"), "wet", done_on=today(place))
    page = window(place.staff(Role.STAFF))
    page.goto("/queue")
    page.get_by_label("天气").select_option("bad")
    page.locator("h1").click()
    page.keyboard.press("a")
    expect(page.locator("tr[aria-selected]")).to_contain_text("李○○")
    page.keyboard.press("k")
    expect(page.get_by_label("天气")).to_have_value("bad")  # and it is shown again
    page.keyboard.press("Control+Enter")
    expect(page.locator(".results")).to_contain_text("30 分")
    assert states(place) == ["approved", "waiting"]
    db.session.rollback()
    assert db.session.get_one(Claim, (place.scheme_id, first.id)).points == 30


def test_rows_are_picked_and_approved_together(place: World, window: OpenPage) -> None:
    for name in ("张三", "李四"):
        claimed(place, place.person(name))
    page = window(place.staff(Role.STAFF))
    page.goto("/queue")
    page.get_by_label("选中本页没有提示的申报").check()
    page.keyboard.press("Shift+A")
    page.get_by_role("button", name=re.compile("提交 2 条")).click()
    expect(page.locator(".results")).to_contain_text("通过 2 条共 20 分")
    expect(page.get_by_text("都看完了。下一条来了会排在这里。")).to_be_visible()
    assert states(place) == ["approved", "approved"]


def test_everything_works_without_script(place: World, window: OpenPage, photo: Path) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    page = window(resident, phone=True, script=False)
    page.goto("/claims/new")
    page.get_by_text("楼道劳动").click()
    page.fill("#quantity", "3")
    page.locator("#photos").set_input_files(photo)
    page.get_by_role("button", name="先算一下").click()
    expect(page.locator("#forecast .big")).to_have_text("2 分")
    expect(page.locator("input[name=photo_ids]")).to_be_checked()  # the photo is not lost
    page.get_by_role("button", name="交给社区看").click()
    expect(page.locator(".photos img")).to_have_count(1)
    desk = window(staff, script=False)
    desk.goto("/queue")
    desk.get_by_label("决定").select_option("return")
    desk.get_by_role("button", name="提交", exact=True).click()
    expect(desk.locator(".results")).to_contain_text("请写一句原因")
    desk.get_by_role("link", name=re.compile("楼道劳动")).click()
    desk.get_by_role("button", name=re.compile("^通过")).click()
    expect(desk.get_by_text("通过，2 分已入账")).to_be_visible()
    assert states(place) == ["approved"]


def test_on_a_phone_the_list_is_a_page_and_the_item_a_page(place: World, window: OpenPage) -> None:
    claimed(place, place.person("张三"))
    page = window(place.staff(Role.STAFF), phone=True)
    page.goto("/queue")
    expect(page.locator("#pane")).not_to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    follow(page.get_by_role("link", name=re.compile("陪同就医")))
    readable(page)
    page.get_by_role("button", name="通过", exact=True).click()
    expect(page.get_by_text("通过，10 分已入账")).to_be_visible()
    assert states(place) == ["approved"]


def test_a_wrong_award_is_put_right_by_two_people(place: World, window: OpenPage) -> None:
    claim = claimed(place, place.person("张三"))
    first = window(place.staff(Role.STAFF))
    first.goto(f"/queue/{claim.id}")
    follow(first.get_by_role("button", name=re.compile("^通过")))
    first.goto(f"/queue/{claim.id}")
    first.get_by_label("为什么要更正？").fill("同一件事记了两次")
    follow(first.get_by_role("button", name="提出更正"))
    second = window(place.staff(Role.STAFF))
    second.goto("/corrections")
    readable(second)
    second.get_by_role("button", name="确认更正，收回 10 分").click()
    expect(second.get_by_text("已更正。原来那一笔留着")).to_be_visible()
    assert states(place) == ["reversed"]
