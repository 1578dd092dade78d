"""What is missing is said by us, in the reader's language and what to do, where the browser would say it in its own."""

from __future__ import annotations

import re
import uuid

from points import clock
from points.awards.reviewing import reject
from points.db import transaction
from points.people.models import Role
from tests.factories import World
from tests.forms import post
from tests.integration.awards_world import VISIT, claimed, load_rules
from tests.integration.notice_world import Board


def test_an_appeal_without_words_is_answered_at_its_field_both_ways(world: World) -> None:
    load_rules(world, VISIT)
    resident, staff = world.person(), world.staff(Role.STAFF)
    claim = claimed(world, resident)
    who = world.visitor(staff)
    with transaction():
        reject(who, claim.id, reason="没有查到这件事", key=uuid.uuid4(), at=clock.now())
    browser = world.client(resident)
    page = browser.get(f"/claims/{claim.id}/appeal").text
    assert "novalidate" in page.split(f"/claims/{claim.id}/appeal")[1].split(">")[0]
    answer = post(browser, f"/claims/{claim.id}/appeal", {"words": ""})
    assert answer.status_code == 422 and "errtext" in answer.text
    post(browser, f"/claims/{claim.id}/appeal", {"words": "我确实去了医院"})
    reader = world.client(world.staff(Role.OFFICER, world.subdistrict))
    appeal = re.findall(r'href="/appeals/(\d+)', reader.get("/appeals").text)[0]
    assert "novalidate" in reader.get(f"/appeals/{appeal}").text
    answer = post(reader, f"/appeals/{appeal}", {"do": "grant", "reason": ""})
    assert answer.status_code == 422 and ("errtext" in answer.text or 'role="alert"' in answer.text)


def test_who_was_helped_is_asked_to_confirm_only_where_the_rule_asks(world: World) -> None:
    load_rules(world, {**VISIT, "code": "also", "also": [{"for": "helped", "points": 1}]})
    resident, helped = world.person(), world.person("刘德福")
    claim = claimed(world, resident, "also", helped=helped.number)
    page = world.client(resident).get(f"/claims/{claim.id}").text
    assert "刘○福" in page and "还没确认" not in page


def test_an_objection_without_words_is_answered_at_its_field(world: World) -> None:
    board = Board(world)
    notice = board.notice_of(board.granted())
    url = f"/s/{world.scheme.code}/notice/{notice.number}/1/objection"
    browser = world.client()
    assert "novalidate" in browser.get(url).text
    answer = post(browser, url, {"words": ""})
    assert answer.status_code == 422 and "errtext" in answer.text
