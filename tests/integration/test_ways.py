"""Ways between pages: everybody reaches what they need from their first page, and finds the way out."""

from __future__ import annotations

from datetime import date

import pytest

from points.people.models import Role
from tests.factories import World
from tests.integration.awards_world import REPORT, SWEEP, VISIT, load_rules
from tests.integration.redemption_world import RedemptionWorld


@pytest.mark.parametrize("role", [Role.STAFF, Role.OFFICER, Role.ADMIN, Role.AUDITOR])
def test_who_works_at_a_desk_reaches_their_own_points_and_the_way_out(world: World, role: Role) -> None:
    page = world.client(world.staff(role)).get("/", follow_redirects=True).get_data(as_text=True)
    for way in ('href="/me"', 'href="/security"', 'action="/sign-out"'):
        assert way in page


def test_a_clerk_reaches_stock_own_points_and_the_way_out_from_the_till(world: World) -> None:
    clerk = world.client(RedemptionWorld(world).clerk_person)
    page = clerk.get("/till").get_data(as_text=True)
    for way in ('href="/shop/stock"', 'href="/me"', 'href="/security"', 'action="/sign-out"', 'data-do="help"'):
        assert way in page
    assert 'data-do="help"' not in clerk.get("/till/returns").get_data(as_text=True), "nothing would open there"


def test_a_resident_reaches_rules_claims_receipts_and_the_way_out(world: World) -> None:
    resident = world.client(world.person())
    home = resident.get("/me").get_data(as_text=True)
    for way in ('href="/rulebook"', 'href="/claims"', 'href="/claims/new"', 'href="/me/statement"', 'href="/help"'):
        assert way in home
    assert 'href="/receipts"' in resident.get("/me/statement").get_data(as_text=True)
    assert 'action="/sign-out"' in resident.get("/help").get_data(as_text=True)


def test_from_a_residents_page_the_claim_on_their_behalf_is_about_them(world: World) -> None:
    resident = world.person(name="杨桂英")
    staff = world.client(world.staff(Role.STAFF))
    page = staff.get(f"/people/{resident.id}").get_data(as_text=True)
    assert f'href="/claims/new?person={resident.id}"' in page
    form = staff.get(f"/claims/new?person={resident.id}").get_data(as_text=True)
    assert "杨○英" in form


def test_a_new_shop_belongs_to_a_community_unless_somebody_says_otherwise(world: World) -> None:
    page = world.client(world.staff(Role.OFFICER, area=world.subdistrict)).get("/shop/shops/new").get_data(as_text=True)
    assert f'<option value="{world.community.id}" selected>' in page, "its clerks could not reach one above them"


def test_a_clerk_without_a_shop_is_told_and_gets_on(world: World) -> None:
    page = world.client(world.staff(Role.CLERK)).get("/till", follow_redirects=True).get_data(as_text=True)
    assert "您还没有分到开着的爱心超市" in page
    assert 'href="/me"' in page
    assert 'action="/sign-out"' in page


@pytest.mark.parametrize(
    "page", ["/people/export?format=xlsx", "/people/export?format=csv", "/people/imports/template.xlsx"]
)
def test_a_download_with_a_chinese_name_travels_in_headers_that_servers_accept(world: World, page: str) -> None:
    answer = world.client(world.staff(Role.STAFF)).get(page)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''%E5%B1%85")


def test_whoever_reports_finds_reports_first_or_what_comes_nearest(world: World) -> None:
    rider = world.client(world.staff(Role.RIDER))
    advice = {**VISIT, "code": "advice", "title": "建言献策", "kind": "suggestion"}
    load_rules(world, VISIT, SWEEP, advice)
    form = rider.get("/claims/new?kind=report").get_data(as_text=True)
    assert form.index("建言献策") < form.index("陪同就医"), "rules without reports: telling is a suggestion"
    load_rules(world, VISIT, SWEEP, advice, REPORT, on=date(2021, 1, 1), label="2021版")
    form = rider.get("/claims/new?kind=report").get_data(as_text=True)
    assert form.index("上报隐患") < form.index("建言献策") < form.index("陪同就医")
