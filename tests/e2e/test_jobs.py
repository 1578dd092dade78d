"""Somebody asks for due work in a real browser, watches it go, and reads what failed: on a desk and on a phone."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from points import clock
from points.db import db, transaction
from points.jobs import Context
from points.jobs.leases import jobs
from points.people.models import Person, Role
from tests.e2e.conftest import PATIENCE_MS, OpenPage
from tests.e2e.looking import LOOKS, readable
from tests.factories import World
from tests.integration.jobs_world import Work

pytestmark = pytest.mark.browser


class Steps:
    """Work that goes on only when the test lets it."""

    def __init__(self, work: Work) -> None:
        self.work, self.halfway, self.goes_on = work, threading.Event(), threading.Event()
        work.kind(self.run)

    def run(self, run: Context) -> int:
        run.progress(400, 1000)
        self.halfway.set()
        assert self.goes_on.wait(PATIENCE_MS / 1000)
        return 1000

    def in_the_background(self) -> threading.Thread:
        worker = threading.Thread(target=self.work.worker().round)
        worker.start()
        return worker


@pytest.fixture
def work(world: World, monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(world, monkeypatch)


@pytest.fixture
def admin(world: World) -> Person:
    return world.staff(Role.ADMIN, world.subdistrict)


def set_row(work: Work, **values: object) -> None:
    with transaction():
        db.session.execute(update(jobs).where(jobs.c.scheme_id == work.scheme_id).values(**values))


def test_asked_for_watched_and_done(work: Work, admin: Person, window: OpenPage) -> None:
    steps = Steps(work)
    page = window(admin)
    page.goto("/people")
    page.get_by_text("账与规矩", exact=True).click()
    page.get_by_role("link", name="定时任务").click()
    expect(page.get_by_text("还没有办过")).to_be_visible()
    page.get_by_role("button", name="现在运行").click()
    expect(page.get_by_text("已经排上，马上开始。")).to_be_visible()
    worker = steps.in_the_background()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "400")  # without a press: the page asks again
    expect(page.get_by_text("办了 400，一共 1000")).to_be_visible()
    expect(page.get_by_role("button", name="现在运行")).to_have_count(0)
    steps.goes_on.set()
    expect(page.get_by_text("1000 件")).to_be_visible()
    expect(page.get_by_text("正常")).to_be_visible()
    worker.join()
    assert page.locator("#jobs").get_attribute("hx-trigger") is None, "a page at rest asks no more"


def test_without_script_a_link_looks_again(work: Work, admin: Person, window: OpenPage) -> None:
    steps = Steps(work)
    page = window(admin, script=False)
    page.goto("/jobs")
    page.get_by_role("button", name="现在运行").click()
    worker = steps.in_the_background()
    assert steps.halfway.wait(PATIENCE_MS / 1000)
    page.get_by_role("link", name="看看办到哪里了").click()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "400")
    steps.goes_on.set()
    worker.join()
    page.get_by_role("link", name="看看办到哪里了").click()
    expect(page.get_by_text("1000 件")).to_be_visible()


def look(page: Page, said: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/jobs")
    expect(page.get_by_text(said)).to_be_visible()
    for name in LOOKS:
        page.evaluate("(look) => document.documentElement.setAttribute('data-look', look)", name)
        readable(page)


@pytest.mark.parametrize("phone", [False, True], ids=["pc", "phone"])
def test_every_state_is_readable(work: Work, admin: Person, window: OpenPage, phone: bool) -> None:
    work.kind(lambda run: 3)
    work.round()
    page, at = window(admin, phone=phone), clock.now()
    look(page, "正常")
    set_row(work, error="fault", detail="ValueError", failed_at=at, tries=3, due_at=at + timedelta(minutes=4))
    look(page, "没办成，会再试")
    set_row(work, due_at=at - timedelta(minutes=30))
    look(page, "到点了，还没开始")
    set_row(work, holder="x", lease_until=at + timedelta(hours=1), done=40, total=90)
    look(page, "正在运行")
