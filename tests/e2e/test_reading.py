"""The pages on which residents and auditors read: in every look, on the narrowest phone and on a desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from points.people.models import Role
from tests.e2e.conftest import OpenPage
from tests.e2e.looking import readable, readable_in_every_look
from tests.factories import World
from tests.integration.test_reporting import Town

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", ["/me", "/me/statement", "/me/goods", "/help", "/rulebook", "/claims"])
def test_a_residents_page_is_readable_in_every_look(world: World, window: OpenPage, path: str) -> None:
    town = Town(world)
    town.take(香皂=1)
    page = window(town.lan, phone=True)
    readable_in_every_look(page, path)


def test_a_new_resident_is_told_how_to_begin(world: World, window: OpenPage) -> None:
    page = window(world.person(), phone=True)
    for path in ("/me", "/me/statement", "/me/goods"):
        page.goto(path)
        readable(page)
    expect(page.locator("main")).to_contain_text("货架正在补")


def test_the_auditors_pages_are_readable_and_search_as_one_types(world: World, window: OpenPage) -> None:
    town = Town(world)
    receipt = town.take(香皂=1)
    page = window(world.staff(Role.AUDITOR, world.subdistrict))
    for path in ("/audit", f"/audit/{receipt.transfer_id}"):
        page.goto(path)
        readable(page)
    page.goto("/audit")
    expect(page.locator("#found tbody tr")).to_have_count(13)
    page.get_by_label("哪一类").select_option("redemption")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    assert "kind=redemption" in page.url, "what is shown can be bookmarked and sent on"
    page.go_back()
    expect(page.locator("#found tbody tr")).to_have_count(13)


def test_the_audit_works_without_script(world: World, window: OpenPage) -> None:
    town = Town(world)
    town.take(香皂=1)
    page = window(world.staff(Role.AUDITOR, world.subdistrict), script=False)
    page.goto("/audit")
    page.get_by_label("哪一类").select_option("redemption")
    page.get_by_role("button", name="查", exact=True).click()
    expect(page.locator("#found tbody tr")).to_have_count(1)
