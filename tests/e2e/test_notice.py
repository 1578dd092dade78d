"""An objector on a phone, without an account; the officer's notice on a desk; the list on paper. In a real browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from points import clock
from points.awards.models import Claim, ClaimState
from points.db import db, transaction
from points.people.models import Person
from tests.e2e.conftest import OpenPage
from tests.e2e.looking import LOOKS, readable, readable_in_every_look
from tests.factories import World
from tests.integration.notice_world import Board

pytestmark = pytest.mark.browser
NAMES = ("王秀兰", "李建华", "张○", "欧阳春", "陈思", "周五一", "吴越", "郑重")


@pytest.fixture
def board(world: World) -> Board:
    return Board(world)


@pytest.fixture
def claims(board: Board) -> list[Claim]:
    return [board.granted(by=board.world.person(name)) for name in NAMES]


def keep(page: Page, name: str) -> None:
    """A picture to be looked at, when somebody asked for pictures."""
    if where := os.environ.get("POINTS_PICTURES"):
        page.screenshot(path=str(Path(where) / f"{name}.png"), full_page=True)


def public(board: Board, path: str = "") -> str:
    return f"/s/{board.world.scheme.code}/notice{path}"


def number(board: Board) -> str:
    return board.notices()[0].number


def test_somebody_without_an_account_objects_on_a_phone_and_learns_the_outcome(
    board: Board, claims: list[Claim], window: OpenPage
) -> None:
    phone = window(None, phone=True)
    phone.goto(public(board))
    readable(phone)
    keep(phone, "notice-lists-phone")
    phone.get_by_role("link", name=number(board)).click()
    expect(phone.get_by_text("王○○")).to_be_visible()
    expect(phone.get_by_text("秀兰")).to_have_count(0)
    readable(phone)
    keep(phone, "notice-list-phone")
    phone.get_by_role("link", name="这条不对，第 2 条").click()
    expect(phone.get_by_role("button", name="提异议")).to_be_visible()
    readable(phone)
    keep(phone, "notice-object-phone")
    phone.get_by_label("哪里不对？").fill("那天我在场，没有看到这个人")
    phone.get_by_role("button", name="提异议").click()
    expect(phone.get_by_role("heading", name="收到了，谢谢您")).to_be_visible()
    readable(phone)
    keep(phone, "notice-receipt-phone")
    receipt = phone.locator(".receipt").inner_text()
    assert board.again(claims[1]).state == ClaimState.HELD

    desk = window(board.other)
    desk.goto("/objections")
    expect(desk.get_by_text("那天我在场，没有看到这个人")).to_be_visible()
    readable(desk)
    keep(desk, "objections-pc")
    desk.get_by_label("查到了什么").fill("签到表上没有他")
    desk.get_by_role("button", name="异议成立，不入账").click()
    expect(desk.get_by_text("双方都告诉了")).to_be_visible()

    phone.get_by_role("link", name="以后在这里查结果").click()
    expect(phone.get_by_label("回执号")).to_be_visible()
    readable(phone)
    phone.get_by_label("回执号").fill(receipt)
    phone.get_by_role("button", name="查结果").click()
    expect(phone.get_by_text("成立，那一笔不入账")).to_be_visible()
    expect(phone.get_by_text("签到表上没有他")).to_be_visible()
    readable(phone)
    keep(phone, "notice-answer-phone")
    assert board.again(claims[1]).state == ClaimState.REJECTED


def test_the_form_says_what_is_missing_without_script(board: Board, claims: list[Claim], window: OpenPage) -> None:
    phone = window(None, phone=True, script=False)
    phone.goto(public(board, f"/{number(board)}/1/objection"))
    phone.get_by_label("哪里不对？").fill("    不    ")  # long enough for the browser, not for us
    phone.get_by_role("button", name="提异议").click()
    expect(phone.get_by_text("请写 4 到 500 个字")).to_be_visible()
    phone.get_by_label("哪里不对？").fill("不是真的，查一查")
    phone.get_by_role("button", name="提异议").click()
    expect(phone.get_by_role("heading", name="收到了，谢谢您")).to_be_visible()


def test_public_pages_are_readable_in_every_look(board: Board, claims: list[Claim], window: OpenPage) -> None:
    phone = window(None, phone=True)
    for path in ("", f"/{number(board)}", f"/{number(board)}/1/objection", "/objections"):
        readable_in_every_look(phone, public(board, path))


def test_the_desks_lists_fit_on_a_phone(board: Board, claims: list[Claim], window: OpenPage) -> None:
    phone = window(board.officer, phone=True)
    phone.goto("/notices")
    for _ in range(2):
        table = phone.locator(".scrollx")
        assert table.evaluate("it => it.scrollWidth <= it.clientWidth"), phone.url
        readable(phone)
        if phone.url.endswith("/notices"):
            phone.get_by_role("link", name=number(board)).click()
            expect(phone.get_by_role("heading", name=f"公示 {number(board)}")).to_be_visible()


def test_the_officer_finds_the_list_prints_it_and_sees_what_is_stuck(
    board: Board, claims: list[Claim], window: OpenPage
) -> None:
    desk = window(board.officer)
    desk.goto("/queue")
    desk.get_by_role("link", name="公示", exact=False).first.click()
    expect(desk.get_by_role("heading", name="公示", exact=True)).to_be_visible()
    readable(desk)
    keep(desk, "notices-pc")
    desk.get_by_role("link", name=number(board)).click()
    expect(desk.get_by_role("heading", name=f"公示 {number(board)}")).to_be_visible()
    expect(desk.get_by_text("公示中，第 1 天")).to_be_visible()
    readable(desk)
    keep(desk, "notice-pc")
    desk.get_by_role("link", name="打印张贴").click()
    expect(desk.get_by_role("heading", name="积分公示")).to_be_visible()
    readable(desk)
    if where := os.environ.get("POINTS_PICTURES"):
        desk.pdf(path=str(Path(where) / "notice-print.pdf"), format="A4", prefer_css_page_size=True)
        desk.emulate_media(media="print")
        desk.set_viewport_size({"width": 794, "height": 1123})
        keep(desk, "notice-print-a4")
        desk.emulate_media(media="screen")
        desk.set_viewport_size({"width": 1440, "height": 900})
    with transaction():
        db.session.execute(update(Person).where(Person.id == claims[0].person_id).values(disabled_at=clock.now()))
        db.session.execute(
            update(Claim)
            .where(Claim.scheme_id == board.scheme_id)
            .values(due_on=clock.local_date(clock.now(), board.world.scheme.zone))
        )
    board.run(clock.now())
    desk.goto("/due")
    expect(desk.get_by_text("这位居民停用了")).to_be_visible()
    readable(desk)
    keep(desk, "due-pc")
    desk.get_by_text("办不成，不入账了").click()
    desk.get_by_label("为什么不入账").fill("人已经搬走")
    desk.get_by_role("button", name="不入账", exact=True).click()
    expect(desk.get_by_text("不入账了，原因告诉了申报的人")).to_be_visible()


def test_staff_pages_are_readable_on_a_phone_and_in_every_look(
    board: Board, claims: list[Claim], window: OpenPage
) -> None:
    desk = window(board.officer)
    desk.emulate_media(reduced_motion="reduce")
    notice = board.notices()[0]
    for path in (f"/notices/{notice.id}", "/due?state=on_notice", "/calendar"):
        desk.goto(path)
        for look in LOOKS:
            desk.evaluate("(look) => document.documentElement.setAttribute('data-look', look)", look)
            readable(desk)
    phone = window(board.officer, phone=True)
    for path, name in (
        ("/notices", "notices"),
        (f"/notices/{notice.id}", "notice-staff"),
        (f"/notices/{notice.id}/print", "notice-print"),
        ("/objections", "objections"),
        ("/due?state=on_notice", "due"),
        ("/calendar", "calendar"),
        ("/calendar?view=list", "calendar-list"),
        ("/calendar/import", "calendar-import"),
    ):
        phone.goto(path)
        readable(phone)
        keep(phone, f"{name}-phone")


def test_the_officer_imports_a_year_and_changes_a_day(board: Board, window: OpenPage, tmp_path: Path) -> None:
    year = clock.local_date(clock.now(), board.world.scheme.zone).year + 1
    sheet = tmp_path / "days.csv"
    sheet.write_text(f"日期,到哪天,类型,名称\n{year}-10-01,{year}-10-07,节假日,国庆节\n", encoding="utf-8")
    desk = window(board.officer)
    desk.goto("/calendar")
    expect(desk.get_by_text("工作日历里没有今天")).to_be_visible()
    keep(desk, "calendar-empty-pc")
    desk.get_by_role("main").get_by_role("link", name="导入新的一年").click()
    expect(desk.get_by_role("heading", name="选一个文件")).to_be_visible()
    readable(desk)
    desk.get_by_label("文件", exact=True).set_input_files(sheet)
    desk.get_by_role("button", name="先看结果").click()
    expect(desk.get_by_text("按星期补齐")).to_be_visible()
    readable(desk)
    keep(desk, "calendar-look-pc")
    desk.get_by_role("button", name="写入 365 天" if year % 4 else "写入 366 天").click()
    expect(desk.get_by_text("写好了")).to_be_visible()
    desk.goto(f"/calendar?month={year}-10&day={year}-10-08#edit")
    readable(desk)
    keep(desk, "calendar-pc")
    desk.get_by_label("是什么日子").select_option("holiday")
    desk.get_by_role("button", name="改好").click()
    expect(desk.get_by_text("改好了。以前算好的日子不变")).to_be_visible()


def test_a_claimant_sees_where_the_award_waits(board: Board, window: OpenPage) -> None:
    claim = board.granted()
    phone = window(board.claimant, phone=True)
    phone.goto(f"/claims/{claim.id}")
    expect(phone.get_by_text("正在公示")).to_be_visible()
    readable(phone)
    keep(phone, "claim-on-notice-phone")
    phone.goto("/me/statement")
    expect(phone.get_by_text("公示中")).to_be_visible()
