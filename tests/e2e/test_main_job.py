"""The main job as its people do it, in a real browser: from an Excel list and a published rulebook to a bag of rice,
and back from the receipt to the deeds."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest
from openpyxl import Workbook
from playwright.sync_api import expect
from sqlalchemy import select

from points import clock
from points.awards.actions import file_claim
from points.awards.reviewing import approve
from points.db import db, transaction
from points.people.models import Person, Role
from points.proof.audit import audit
from points.redemption.servings import open_till
from points.shop.actions import create_item, create_shop, set_price
from points.shop.stock import receive_stock
from tests.e2e.conftest import OpenPage, Scene
from tests.e2e.looking import scanned
from tests.factories import World

pytestmark = pytest.mark.browser

GOODS = (("大米", "5公斤", "袋", "6901234500011", "rice", 40), ("香皂", "", "块", "6901234500042", "soap", 6))


def a_list(where: Path) -> Path:
    """The community's list of residents, as an Excel file."""
    book = Workbook()
    sheet = book.active
    sheet.append(["居民编号", "姓名", "手机", "出生年份", "住址"])
    sheet.append(["8001", "王秀兰", "13800138000", 1952, "1 号楼 302"])
    sheet.append(["8002", "刘德福", "13900139000", 1948, "1 号楼 101"])
    sheet.append(["8003", "马桂兰", "1370013700", 1950, "1 号楼 203"])
    path = where / "名册.xlsx"
    book.save(path)
    return path


def stocked(world: World, staff: Person, clerk: Person) -> None:
    """A shop with a till, rice and soap."""
    who, at = world.visitor(staff), clock.now()
    with transaction():
        shop = create_shop(who, name="和苑爱心超市", place="3 号楼", area_id=world.community.id, opening=[], at=at)
        for name, size, measure, barcode, picture, points in GOODS:
            item = create_item(who, name=name, size=size, measure=measure, barcode=barcode, picture=picture, at=at)
            set_price(who, shop.id, item.id, points, at=at)
            receive_stock(
                who,
                shop_id=shop.id,
                item_id=item.id,
                quantity=10,
                kind="donation",
                partner="粮油店",
                key=uuid4(),
                at=at,
            )
    clerks = world.visitor(clerk)
    with transaction():
        open_till(shop.id, clerks, at)


def resident_named(world: World, number: str) -> Person:
    db.session.rollback()
    return db.session.scalars(select(Person).filter_by(scheme_id=world.scheme_id, number=number)).one()


def credited_before(world: World, person: Person, reviewer: Person, times: int) -> None:
    """Deeds of earlier days, claimed and approved in the same way."""
    who, staff = world.visitor(person), world.visitor(reviewer)
    for _ in range(times):
        with transaction():
            claim = file_claim(who, rule="r01", quantity=1000, done_on=clock.now().date(), key=uuid4(), at=clock.now())
        with transaction():
            approve(staff, claim.id, key=uuid4(), at=clock.now())


def test_a_good_deed_becomes_a_bag_of_rice(world: World, window: OpenPage, fake_camera: Scene, tmp_path: Path) -> None:
    officer = world.staff(Role.OFFICER, world.subdistrict, name="何伟")
    staff, second = world.staff(Role.STAFF, name="陈建国"), world.staff(Role.STAFF, name="刘芳")
    clerk, auditor = world.staff(Role.CLERK, name="赵玉芬"), world.staff(Role.AUDITOR, world.subdistrict, name="郑洁")
    stocked(world, staff, clerk)

    # the officer loads a published rulebook
    page = window(officer)
    page.goto("/rulebook/load")
    page.locator("input[name=preset][value=hehuatang]").check()
    page.get_by_role("button", name="看看这一份").click()
    page.locator("main form button.main").last.click()
    expect(page.locator("body")).to_contain_text("禾花塘 2015版")

    # staff import the list: one row is wrong, two are written
    desk = window(staff)
    desk.goto("/people/imports")
    desk.locator("input[type=file]").set_input_files(a_list(tmp_path))
    desk.locator("main form button.main").first.click()
    expect(desk.get_by_text("手机号只有 10 位，少了 1 位")).to_be_visible()
    desk.get_by_role("button", name="写入没问题的 2 行").click()
    expect(desk.get_by_text("写好了 2 行")).to_be_visible()
    lan = resident_named(world, "8001")

    # and print her activation slip; she opens her account with it
    desk.goto(f"/people/{lan.id}")
    desk.get_by_role("link", name="打印开通条").click()
    desk.locator("main form button.main").click()
    slip = re.sub(r"\s", "", desk.locator(".paperslip .mono").inner_text())
    assert re.fullmatch(r"[0-9]{12}", slip)
    phone = window(phone=True)
    phone.goto(f"/s/{world.scheme.code}/activate")
    phone.fill("#code", slip)
    phone.fill("#pin", "470318")
    phone.get_by_role("button", name="开通", exact=True).click()
    phone.locator("main form button.main").first.click()  # the privacy notice
    expect(phone.get_by_text("还没有积分")).to_be_visible()

    # she claims a deed and sees beforehand what it earns
    phone.get_by_role("link", name="我做了好事，要申报").click()
    phone.locator("label.choice", has_text="护理残疾人、病人").click()
    expect(phone.locator("#forecast .big")).to_contain_text("15")
    phone.fill("#note", "给楼下卧床的老人翻身、喂饭。")
    phone.locator("#send").click()
    expect(phone.get_by_text("等审核").first).to_be_visible()

    # another member of staff approves it, with the keyboard alone
    queue = window(second)
    queue.goto("/queue")
    expect(queue.locator("tr[data-can]")).to_have_count(1)
    queue.keyboard.press("a")
    queue.keyboard.press("Control+Enter")
    expect(queue.locator(".results")).to_be_visible()
    credited_before(world, lan, second, times=3)
    phone.goto("/me")
    expect(phone.locator(".sum .num")).to_have_text("60")

    # she shows her code; the clerk's camera reads it off the phone's screen
    phone.get_by_role("link", name="出示兑换码").click()
    fake_camera.show(scanned(phone, phone.locator(".qr")))
    till = window(clerk, camera=True)
    till.goto("/till")
    till.locator("[data-do=camera]:visible").first.click()
    expect(till.locator("#person")).to_contain_text("王○兰")
    for barcode in ("6901234500011", "6901234500042"):
        till.keyboard.type(barcode, delay=8)
        till.keyboard.press("Enter")
    expect(till.locator("#basket .bline")).to_have_count(2)
    till.keyboard.press("F8")
    expect(till.locator("body")).to_contain_text("-0001")

    # her phone thanks her by itself; her statement says what went where
    expect(phone.get_by_text("换好了")).to_be_visible()
    expect(phone.locator("body")).to_contain_text("−46")
    phone.goto("/me/statement")
    taken = phone.locator("details", has_text="大米 1 袋")
    taken.locator("summary").click()
    expect(taken).to_contain_text("和苑爱心超市")
    expect(taken.locator(".b").first).to_contain_text("14")

    # the auditor walks from the rice to the deeds, and back
    books = window(auditor)
    books.goto("/audit?kind=redemption")
    books.get_by_role("link", name="打开").click()
    expect(books.locator("h2", has_text="这 46 分，是这 4 件好事换来的")).to_be_visible()
    books.locator(".deeds a", has_text="入账").first.click()
    expect(books.locator("h2", has_text="去了哪里")).to_be_visible()
    expect(books.locator(".deeds")).to_contain_text("大米 1 袋")

    db.session.rollback()
    assert not audit(world.scheme_id).findings


def test_a_printed_card_and_a_typed_number_do_as_well(world: World, window: OpenPage) -> None:
    """Without a phone: a card is printed and scanned like a barcode. With one whose picture cannot be read: 8 digits."""
    from points.rulebook.actions import add_version
    from points.rulebook.document import preset

    with transaction():
        add_version(world.scheme_id, preset("hehuatang") or {}, loaded_by=world.scheme_id, at=clock.now())
    staff, second = world.staff(Role.STAFF, name="陈建国"), world.staff(Role.STAFF, name="刘芳")
    clerk, lan = world.staff(Role.CLERK, name="赵玉芬"), world.person("王秀兰")
    stocked(world, staff, clerk)
    credited_before(world, lan, second, times=6)

    desk = window(staff)
    desk.goto(f"/cards?person={lan.id}")
    desk.locator("button[form=print].main").click()
    card = scanned(desk, desk.locator(".pcard img").first)
    assert re.fullmatch(r"[0-9]{38}", card)

    till = window(clerk)
    till.goto("/till")
    till.keyboard.type(card, delay=4)
    till.keyboard.press("Enter")
    expect(till.locator("#person")).to_contain_text("王○兰")
    till.keyboard.type("6901234500011", delay=4)
    till.keyboard.press("Enter")
    expect(till.locator("#basket .bline")).to_have_count(1)
    till.keyboard.press("F8")
    expect(till.locator("body")).to_contain_text("-0001")

    phone = window(lan, phone=True)
    phone.goto("/code")
    number = phone.locator("#number8").inner_text()
    till.keyboard.type(number.replace(" ", ""), delay=4)
    till.keyboard.press("Enter")
    expect(till.locator("#person")).to_contain_text("王○兰")
    till.keyboard.type("6901234500042", delay=4)
    till.keyboard.press("Enter")
    expect(till.locator("#basket .bline")).to_have_count(1)
    till.keyboard.press("F8")
    expect(till.locator("body")).to_contain_text("-0002")
    expect(phone.get_by_text("换好了")).to_be_visible()
    phone.goto("/me")
    expect(phone.locator(".sum .num")).to_have_text("44")
    db.session.rollback()
    assert not audit(world.scheme_id).findings
