"""An officer tries a draft over real claims in a real browser, and sets the year's budget: on a desk and on a phone."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from points import clock
from points.awards.periods.work import close_periods
from points.db import db, transaction
from points.people.models import Person, Role
from points.rulebook.models import RulebookDraft
from tests.e2e.conftest import OpenPage
from tests.e2e.looking import follow, readable
from tests.factories import World
from tests.integration.awards_world import RULES, load_rules, today
from tests.integration.periods_world import earn, load, work
from tests.integration.test_giving import STARS, family
from tests.integration.test_rankings import STAR
from tests.integration.test_simulator import DRAFT, credited

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def officer(world: World) -> Any:
    """Thirty residents with deeds of three kinds, and a draft that pays one better, one worse and one not at all."""
    load_rules(world, *RULES)
    staff, person = world.staff(Role.STAFF), world.staff(Role.OFFICER, area=world.subdistrict)
    for number, name in enumerate("安波伊田石何吕张孔曹严华"):
        credited(world, world.person(f"{name}小明"), staff, ("visit", "home", "served")[number % 3])
    at = clock.now()
    with transaction():
        draft = RulebookDraft(scheme_id=world.scheme_id, title="明年的草案", body=DRAFT, made_by=person.id, made_at=at)
        draft.edited_by, draft.edited_at, draft.key = person.id, at, str(uuid.uuid4())
        world.add(draft)
    return person


def dates(page: Page, world: World) -> None:
    on = today(world)
    page.get_by_label("从哪天报的").fill((on - timedelta(days=20)).isoformat())
    page.get_by_label("到哪天（含）").fill(on.isoformat())


def test_an_officer_tries_a_draft_reads_the_result_and_takes_the_list_along(
    world: World, officer: Any, window: OpenPage
) -> None:
    page = window(officer)
    page.goto("/simulations")
    readable(page)
    page.get_by_label("用哪一份细则").select_option(label="草稿：明年的草案")
    dates(page, world)
    page.get_by_role("button", name="开始试算").click()
    expect(page.get_by_role("heading", name="试算：2027草案")).to_be_visible()
    expect(page.get_by_text("60 → 68")).to_be_visible()  # four visits 10 → 15, four homes 5 → 2, four served 0 → none
    readable(page)
    page.get_by_role("link", name="少得 4").click()
    expect(page.locator("#people tbody tr")).to_have_count(4)
    page.get_by_label("找居民").fill("波小明")
    page.get_by_role("button", name="找", exact=True).click()
    expect(page.locator("#people tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="导出 CSV").click()
    assert "波○○" in download.value.path().read_text("utf-8-sig")
    page.get_by_role("link", name="看是哪些，为什么").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    readable(page)
    page.set_viewport_size(PHONE)
    readable(page)
    follow(page.get_by_role("link", name="回到试算"))
    readable(page)


def test_the_year_s_budget_is_set_and_read_on_both(officer: Any, window: OpenPage) -> None:
    page = window(officer)
    page.goto("/budgets")
    readable(page)
    page.get_by_label("一共多少（含已经发的）").fill("5000")
    page.get_by_label("为什么（会记下来）").fill("年初定")
    page.get_by_role("button", name="定下来").click()
    expect(page.get_by_text("剩 5000")).to_be_visible()
    readable(page)
    page.set_viewport_size(PHONE)
    readable(page)


def test_residents_read_their_level_a_ranking_and_give_points_on_a_phone(
    world: World, books: Any, window: OpenPage
) -> None:
    load(world, levels=[STARS], rankings=[STAR], gifts={"to": ["household"]})
    who, _, _ = family(world)

    person = db.session.get_one(Person, (world.scheme_id, who.person_id))
    earn(world, person, 60, datetime(2026, 8, 10, 3, tzinfo=UTC))
    close_periods(work(world, date(2026, 10, 1)))
    books.award(who.person_id, 40)
    page = window(person, phone=True)
    page.goto("/me")
    readable(page)
    follow(page.get_by_role("link", name="星级：二星"))
    readable(page)
    page.get_by_role("link", name="看排行榜").click()
    follow(page.get_by_role("link", name="季度之星"))
    readable(page)
    page.goto("/me/gifts")
    readable(page)
    page.locator("label.choice").first.click()
    page.get_by_label("送多少分").fill("12")
    follow(page.get_by_role("button", name="下一步"))
    readable(page)
    page.get_by_role("button", name="确认送").click()
    expect(page.get_by_text("已经送到了")).to_be_visible()
    readable(page)
