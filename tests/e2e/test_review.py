"""The reviewer's day by keyboard alone: filters, photos, decisions, changed amounts, bulk approval, second readings."""

from __future__ import annotations

import io
import random
import re
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, Route, expect

from points import clock
from points.awards.models import Claim, ClaimState, SampledReview
from points.awards.reviewing import approve
from points.db import db, in_own_transaction
from points.files.actions import prepare_photo
from points.people.models import Person, Role
from tests.e2e.conftest import OpenPage
from tests.e2e.looking import follow, readable
from tests.factories import World
from tests.integration.awards_world import RULES, claimed, load_rules, set_reviews, today

pytestmark = pytest.mark.browser


@pytest.fixture
def place(world: World) -> World:
    load_rules(world, *RULES)
    set_reviews(world, sample_percent=0)
    return world


def picture(seed: int) -> io.BytesIO:
    chance = random.Random(seed)
    drawn = Image.new("RGB", (640, 480), "#88aacc")
    pen = ImageDraw.Draw(drawn)
    for _ in range(20):
        x, y = chance.randrange(640), chance.randrange(480)
        pen.rectangle((x, y, x + 140, y + 110), fill=tuple(chance.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    drawn.save(out, "JPEG")
    out.seek(0)
    return out


def states(world: World) -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(db.select(Claim.state).filter_by(scheme_id=world.scheme_id)))


def press(page: Page, *keys: str) -> None:
    page.locator("html.scripted").wait_for()  # a page that has just come listens once its script ran
    for key in keys:
        page.keyboard.press(key)


def test_a_reviewer_works_through_the_day_by_keyboard_alone(place: World, window: OpenPage) -> None:
    for name in ("张三", "李四", "王五", "赵六"):
        claimed(place, place.person(name))
    seen = claimed(
        place,
        place.person("孙七"),
        photos=[prepare_photo(picture(1)), prepare_photo(picture(2))],
        done_on=today(place) - timedelta(days=2),
    )
    page = window(place.staff(Role.STAFF))
    page.goto("/queue")
    readable(page)
    # the photo, larger, the next one, and back to the list
    press(page, "k", "j", "j", "j", "j")
    expect(page.locator("tr[aria-selected]")).to_contain_text("孙○○")
    expect(page.locator(f"[data-open='{seen.id}'] a.shot")).to_have_count(2)
    press(page, "p")
    box = page.get_by_role("dialog", name="照片")
    expect(box.locator("#big-where")).to_have_text("第 1 张，共 2 张，放大到百分之 100")
    press(page, "+")
    expect(box.locator("#big-where")).to_contain_text("放大到百分之 150")
    press(page, "p")
    expect(box.locator("#big-where")).to_contain_text("第 2 张")
    readable(page)
    press(page, "Escape")
    # out of a field again, and letters are keys
    press(page, "e", "Escape", "k", "j", "/", "Escape", "k", "j")
    expect(page.locator("tr[aria-selected]")).to_contain_text("孙○○")
    assert page.input_value("#text") == page.input_value("input[name=points]") == ""
    # less than asked, with a reason
    press(page, "e")
    page.keyboard.type("4")
    press(page, "Tab")
    page.keyboard.type("只做了一半")
    page.keyboard.press("Enter")
    expect(page.locator("#sum")).to_have_text(
        "已定 1 条：通过 1 条共 4 分"
    )  # typed while the item was still on its way
    # approve, reject with a reason from the list, take a draft back
    press(page, "a", "x")
    expect(page.get_by_role("dialog", name="为什么不通过？")).to_be_visible()
    press(page, "2")
    expect(page.locator("#sum")).to_contain_text("已定 3 条")
    press(page, "u")
    expect(page.locator("#sum")).to_contain_text("已定 2 条")
    press(page, "x", "1", "Control+Enter")
    expect(page.locator(".results")).to_contain_text("通过 2 条共 14 分，不通过 1 条")
    assert states(place) == ["approved", "approved", "rejected", "waiting", "waiting"]
    readable(page)
    db.session.rollback()
    mine = db.session.get_one(Claim, (place.scheme_id, seen.id))
    assert (mine.points, mine.state_reason) == (4, "只做了一半")
    # and what was sent last is taken back
    press(page, "u")
    expect(page.get_by_text("撤回了，这一条回到待审。")).to_be_visible()
    assert states(place).count("waiting") == 3
    press(page, "?")
    expect(page.get_by_role("heading", name="快捷键")).to_be_visible()
    readable(page)
    press(page, "Escape")


def test_what_cannot_be_taken_back_says_why(place: World, window: OpenPage) -> None:
    other, me = place.staff(Role.STAFF, name="李芳"), place.staff(Role.STAFF)
    theirs, open_one = claimed(place, place.person("张三")), claimed(place, place.person("王五"))
    long_ago = clock.now() - timedelta(days=2)
    with clock.at(long_ago):
        mine = claimed(place, place.person("李四"))
    decided(place, theirs, other, clock.now())
    decided(place, mine, me, long_ago)
    page = window(me)
    page.goto("/queue?state=all")
    said = page.locator("#said")
    for claim, why in (
        (theirs, "最后的决定不是您做的，只有做决定的人能收回。"),
        (mine, "过了 24 小时，不能直接收回了。请走更正，由另一位确认。"),
        (open_one, "这一条现在没有可以收回的决定。"),
    ):
        page.locator(f"tr[data-id='{claim.id}'] td.pts").click()
        expect(page.locator(f"#pane [data-open='{claim.id}']")).to_be_visible()
        expect(said).to_be_hidden()
        press(page, "u")
        expect(said).to_have_text(why)
    readable(page)
    assert states(place) == ["approved", "approved", "waiting"]


def decided(world: World, claim: Claim, by: Person, at: datetime) -> None:
    who = world.visitor(by)
    with clock.at(at):
        in_own_transaction(lambda: approve(who, claim.id, key=uuid4(), at=at))


def test_what_is_pressed_before_an_item_is_there_waits_for_it(place: World, window: OpenPage) -> None:
    claimed(place, place.person("张三"), done_on=today(place) - timedelta(days=1))
    late = claimed(place, place.person("李四"))
    page = window(place.staff(Role.STAFF))
    held: list[Route] = []
    page.route(f"**/queue/{late.id}?pane=1", lambda route: held.append(route))
    page.goto("/queue")
    press(page, "j")
    expect(page.locator("tr[aria-selected]")).to_contain_text("李○")
    # the item before it is still on the screen: neither its photos nor its buttons are meant
    expect(page.locator("#pane")).to_have_attribute("inert", "")
    # letters after E are text, never a decision
    press(page, "e", "4", "Tab", "a", "x")
    held[0].continue_()
    expect(page.locator("#pane h2")).to_contain_text("李○")
    expect(page.get_by_label("给几分")).to_have_value("4")
    expect(page.get_by_label("为什么少给")).to_be_focused()
    expect(page.get_by_label("为什么少给")).to_have_value("ax")
    expect(page.locator("#sum")).to_have_text("还没有定。A 通过，R 退回，X 不通过。")


def test_an_item_seen_before_is_there_at_once_and_keeps_what_is_written(place: World, window: OpenPage) -> None:
    claimed(place, place.person("张三"), done_on=today(place) - timedelta(days=1))
    again = claimed(place, place.person("李四"))
    page = window(place.staff(Role.STAFF), tapped=True)
    page.clock.install()
    page.goto("/queue")
    press(page, "j")
    expect(page.locator("#pane h2")).to_contain_text("李○")
    held: list[Route] = []
    page.route(f"**/queue/{again.id}?pane=1", lambda route: held.append(route))
    page.clock.fast_forward(40_000)
    with page.expect_request(f"**/queue/{again.id}?pane=1"):  # beforehand, for it lies below
        press(page, "k")
    expect(page.locator("#pane h2")).to_contain_text("张○")
    press(page, "j")
    expect(page.locator("#pane h2")).to_contain_text("李○")
    press(page, "e")
    page.keyboard.type("4")
    with page.expect_response(f"**/queue/{again.id}?pane=1"):
        answer = held[0].fetch()
        held[0].fulfill(response=answer, body=answer.text().replace("李○", "李四"))
    press(page, "Tab")
    page.keyboard.insert_text("只做了一半")
    expect(page.get_by_label("给几分")).to_have_value("4")
    expect(page.locator("#pane h2")).to_contain_text("李○")
    # nobody is writing: what comes is drawn
    press(page, "Escape", "k")
    expect(page.locator("#pane h2")).to_contain_text("张○")
    press(page, "j")
    expect(page.locator("#pane h2")).to_contain_text("李四")


def test_an_item_that_does_not_come_opens_as_a_page(place: World, window: OpenPage) -> None:
    claimed(place, place.person("张三"), done_on=today(place) - timedelta(days=1))
    late = claimed(place, place.person("李四"))
    page = window(place.staff(Role.STAFF))
    page.route(f"**/queue/{late.id}?pane=1", lambda route: route.abort())
    page.goto("/queue")
    press(page, "j")
    page.wait_for_url(f"**/queue/{late.id}")
    readable(page)


def test_bulk_approval_holds_the_odd_ones_back_and_names_them(place: World, window: OpenPage) -> None:
    for name in ("张三", "李四", "王五"):
        claimed(place, place.person(name))
    twin = place.person("赵六")
    claimed(place, twin)
    claimed(place, twin)
    page = window(place.staff(Role.STAFF))
    page.goto("/queue")
    press(page, "b")
    expect(page.get_by_role("heading", name="成批通过")).to_be_visible()
    expect(page.get_by_text("现在什么都还没写入。")).to_be_visible()
    expect(page.get_by_role("heading", name="要留意，不一起通过：2 条")).to_be_visible()
    expect(page.get_by_text("同一天报过同一项").first).to_be_visible()
    readable(page)
    assert states(place) == ["waiting"] * 5
    press(page, "Control+Enter")
    expect(page.get_by_text("办好了：通过 3 条共 30 分")).to_be_visible()
    readable(page)
    assert states(place) == ["approved"] * 3 + ["waiting"] * 2
    page.goto("/queue?flag=any")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").last).to_be_in_viewport()  # the filter leaves the list its room
    page.get_by_role("link", name="清空").click()
    expect(page).to_have_url(re.compile(r"/queue$"))


def test_a_filter_stands_in_the_address_and_works_on_a_phone(place: World, window: OpenPage) -> None:
    claimed(place, place.person("张三"))
    claimed(place, place.person("李四"), "sweep", 2000)
    page = window(place.staff(Role.STAFF), phone=True)
    page.goto("/queue")
    page.locator(".narrow-by > summary").click()
    page.get_by_label("积分项", exact=True).select_option("sweep")
    page.get_by_role("button", name="筛选", exact=True).click()
    expect(page).to_have_url(re.compile(r"rule=sweep"))
    expect(page.locator("tbody tr")).to_have_count(1)
    readable(page)


def test_the_words_reviewers_often_use_are_theirs_to_change(place: World, window: OpenPage) -> None:
    claimed(place, place.person("张三"))
    page = window(place.staff(Role.STAFF))
    page.goto("/queue/reasons")
    readable(page)
    page.locator("#new-rejected").fill("这件事要先在网格登记")
    page.keyboard.press("Enter")
    expect(page.get_by_text("改好了。")).to_be_visible()
    page.goto("/queue")
    press(page, "x")
    expect(page.get_by_role("button", name=re.compile("这件事要先在网格登记"))).to_be_visible()
    press(page, "5")
    expect(page.locator("#sum")).to_contain_text("不通过 1 条")


def test_a_second_reader_reads_and_the_officer_sees_how_often_they_agree(place: World, window: OpenPage) -> None:
    set_reviews(place, sample_percent=100)
    claimed(place, place.person("张三"))
    claimed(place, place.person("李四"))
    first = window(place.staff(Role.STAFF, name="刘芳"))
    first.goto("/queue")
    press(first, "a", "a", "Control+Enter")
    expect(first.locator(".results")).to_contain_text("通过 2 条")
    first.goto("/queue/samples")
    expect(first.get_by_text("没有等您复看的。抽到了会排在这里。")).to_be_visible()
    second = window(place.staff(Role.STAFF, name="何平"))
    second.goto("/queue/samples")
    readable(second)
    follow(second.get_by_role("link", name=re.compile("张○○")))
    readable(second)
    second.get_by_role("button", name="不同意").click()
    expect(second.get_by_text("不同意请写一句为什么")).to_be_visible()
    second.locator("#note").fill("照片里没有人")
    follow(second.get_by_role("button", name="不同意"))
    follow(second.get_by_role("link", name=re.compile("李○○")))
    follow(second.get_by_role("button", name="同意", exact=True))
    officer = window(place.staff(Role.OFFICER, place.subdistrict))
    officer.goto("/queue/agreement")
    readable(officer)
    expect(officer.locator("tbody tr").first).to_contain_text("50%")
    expect(officer.get_by_text("照片里没有人")).to_be_visible()
    db.session.rollback()
    found = db.session.scalars(db.select(SampledReview.state).filter_by(scheme_id=place.scheme_id))
    assert sorted(found) == ["agreed", "disagreed"]


def test_bulk_approval_works_without_script(place: World, window: OpenPage) -> None:
    claimed(place, place.person("张三"))
    page = window(place.staff(Role.STAFF), script=False)
    page.goto("/queue/bulk")
    page.get_by_role("button", name=re.compile("通过这 1 条")).click()
    expect(page.get_by_text("办好了：通过 1 条共 10 分")).to_be_visible()
    assert states(place) == [ClaimState.APPROVED]
