"""Whose turn it is: stages of the whole scheme in the queues of other areas, the list of those who are asked for their
word, and one's own claims narrowed."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import Any

import openpyxl
import pytest

from points import clock
from points.awards.models import Claim, ClaimPhoto, ClaimState
from points.awards.queue_queries import elsewhere as waiting_elsewhere
from points.awards.queue_queries import open_count
from points.awards.reviewing import approve
from points.db import db, transaction
from points.people.models import Area, Role
from tests.factories import World
from tests.forms import post
from tests.integration.awards_world import SWEEP, VISIT, claimed, load_rules
from tests.integration.test_queue import found_by, scene
from tests.plans import plan_of

SCHEME_WIDE = {
    "code": "wide",
    "title": "全街道评",
    "stages": [
        {"title": "初审", "by": ["staff"], "votes": 1, "panel": 1, "in": "community"},
        {"title": "评议", "by": ["staff", "officer"], "votes": 2, "panel": 2, "in": "scheme"},
    ],
}
LEADERS = {
    "code": "leaders",
    "title": "组长先看",
    "stages": [{"title": "组长看", "by": ["leader"], "votes": 1, "panel": 1, "in": "community"}],
}


@pytest.fixture
def elsewhere(world: World) -> Area:
    with transaction():
        return world.area(world.community.kind, "远处社区", world.subdistrict)


def agreed(world: World, by: Any, claim: Claim) -> str:
    who = world.visitor(by)
    with transaction():
        return str(approve(who, claim.id, key=uuid.uuid4(), at=clock.now()).state)


def test_a_stage_of_the_whole_scheme_stands_in_the_queue_of_other_areas_too(world: World, elsewhere: Area) -> None:
    load_rules(world, {**VISIT, "path": SCHEME_WIDE})
    here, there = world.staff(Role.STAFF), world.staff(Role.STAFF, area=elsewhere)
    claim = claimed(world, world.person())
    assert found_by(world, there) == found_by(world, there, state="all") == []
    assert agreed(world, here, claim) == "waiting"
    assert found_by(world, there) == found_by(world, there, state="waiting") == [claim.id]
    browser = world.client(there)
    assert f"/queue/{claim.id}" in browser.get("/queue").text
    assert browser.get(f"/queue/{claim.id}").status_code == 200
    answer = post(browser, "/queue", {f"do-{claim.id}": "approve"})
    assert "您同意了，还要另一位看" in answer.text
    assert "同意 1 条，还要另一位看" in answer.text and "通过 1 条" not in answer.text
    assert found_by(world, there) == []
    assert agreed(world, world.staff(Role.OFFICER, area=elsewhere), claim) == "approved"


def test_bulk_approval_takes_what_waits_for_the_whole_scheme(world: World, elsewhere: Area) -> None:
    load_rules(world, {**VISIT, "path": SCHEME_WIDE})
    here, there = world.staff(Role.STAFF), world.staff(Role.STAFF, area=elsewhere)
    claim = claimed(world, world.person())
    agreed(world, here, claim)
    answer = world.api(there).post(
        "/api/v1/queue/bulk", json={"ids": [str(claim.id)]}, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert answer.status_code == 200 and answer.json["counts"]["approved"] == 1, answer.json


def test_a_leader_sees_what_waits_for_leaders_of_their_own_area_alone(world: World, elsewhere: Area) -> None:
    load_rules(world, {**VISIT, "path": LEADERS})
    mine, stranger = world.staff(Role.LEADER), world.staff(Role.LEADER, area=elsewhere)
    claim = claimed(world, world.person(), photos=[scene(1)])
    photo = db.session.scalars(db.select(ClaimPhoto.photo_id).filter_by(claim_id=claim.id)).one()
    for by, status in ((mine, 200), (stranger, 404)):
        browser = world.client(by)
        assert browser.get(f"/claims/{claim.id}/vote").status_code == status
        with browser.get(f"/claims/photos/{photo}") as shown:
            assert shown.status_code == status
        assert world.api(by).get(f"/api/v1/claims/{claim.id}").status_code == status
        assert (f"/claims/{claim.id}/vote" in browser.get("/claims/votes").text) is (status == 200)


def test_the_list_of_what_waits_for_a_leader_is_paged_and_searched(world: World, elsewhere: Area) -> None:
    load_rules(world, {**VISIT, "path": LEADERS})
    leader, far = world.staff(Role.LEADER), world.person(area=elsewhere)
    for _ in range(3):  # of another area: they take no room
        claimed(world, far)
    claims = [claimed(world, world.person(f"张{n}")) for n in range(23)]
    browser = world.client(leader)
    first = browser.get("/claims/votes").text
    after = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = browser.get(after).text
    seen = (
        [one for one in claims if f"/claims/{one.id}/vote" in first],
        [one for one in claims if f"/claims/{one.id}/vote" in second],
    )
    assert [len(one) for one in seen] == [20, 3] and 'rel="next"' not in second
    post(browser, "/claims/votes/search", {"text": "张22"})
    found = browser.get("/claims/votes").text
    assert f"/claims/{claims[22].id}/vote" in found and f"/claims/{claims[0].id}/vote" not in found
    post(browser, "/claims/votes/search", {"text": "没有这样的人"})
    assert "没有找到" in browser.get("/claims/votes").text
    post(browser, "/claims/votes/search", {"clear": "1"})
    assert f"/claims/{claims[0].id}/vote" in browser.get("/claims/votes").text


def test_what_somebody_spoke_about_is_no_longer_asked_of_them(world: World) -> None:
    path = {**LEADERS, "stages": [{**LEADERS["stages"][0], "votes": 2, "panel": 2}]}
    load_rules(world, {**VISIT, "path": path})
    leader = world.staff(Role.LEADER)
    claim = claimed(world, world.person())
    agreed(world, leader, claim)
    assert f"/claims/{claim.id}/vote" not in world.client(leader).get("/claims/votes").text


def test_ones_own_claims_are_narrowed_searched_and_exported(world: World) -> None:
    load_rules(world, VISIT, SWEEP)
    resident = world.person()
    visit, sweep = claimed(world, resident), claimed(world, resident, "sweep", 2000)
    with transaction():
        row = db.session.get_one(Claim, (world.scheme_id, sweep.id))
        row.state, row.made_at = ClaimState.RETURNED, row.made_at - timedelta(hours=1)
    browser = world.client(resident)
    listed = browser.get("/claims?state=returned").text
    assert f"/claims/{sweep.id}" in listed and f"/claims/{visit.id}" not in listed
    post(browser, "/claims/search", {"text": VISIT["title"]})
    listed = browser.get("/claims").text
    assert f"/claims/{visit.id}" in listed and f"/claims/{sweep.id}" not in listed
    sheet = openpyxl.load_workbook(io.BytesIO(browser.get("/claims/export").data)).active
    assert [row[2] for row in sheet.iter_rows(min_row=2, values_only=True)] == [VISIT["title"]]
    post(browser, "/claims/search", {"text": "没有"})
    assert "没有这样的申报" in browser.get("/claims").text


def test_the_rail_counts_as_many_as_the_queue_shows(world: World, elsewhere: Area) -> None:
    load_rules(world, {**VISIT, "path": SCHEME_WIDE}, {**SWEEP, "path": LEADERS})
    staff = world.staff(Role.STAFF)
    resident = world.person()
    first, _, swept = (claimed(world, resident), claimed(world, world.person()), claimed(world, resident, rule="sweep"))
    assert swept.state == "waiting" and open_count(world.visitor(staff))["awards.queue"] == 2
    agreed(world, staff, first)  # now another's turn
    assert len(found_by(world, staff)) == open_count(world.visitor(staff))["awards.queue"] == 1


def test_what_waits_for_others_is_found_by_its_own_index(world: World, elsewhere: Area) -> None:
    """However much waits for the desks of their areas, and however much was decided."""
    load_rules(world, {**VISIT, "path": SCHEME_WIDE})
    there = world.staff(Role.STAFF, area=elsewhere)
    assert "ix_claims_voters" in plan_of(waiting_elsewhere(world.visitor(there)), {})
