"""An appeal in a real browser: a claimant on the phone reads what was told and appeals, a reader decides at the desk."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from points import clock
from points.awards.appeals.models import Appeal
from points.awards.reviewing import reject
from points.db import db, transaction
from points.people.models import Role
from tests.e2e.conftest import OpenPage
from tests.e2e.looking import follow, readable, readable_in_every_look
from tests.factories import World
from tests.integration.awards_world import RULES, claimed, load_rules

pytestmark = pytest.mark.browser


def states(world: World) -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(db.select(Appeal.state).filter_by(scheme_id=world.scheme_id)))


def test_a_claimant_appeals_and_a_reader_decides(world: World, window: OpenPage) -> None:
    load_rules(world, *RULES)
    person, reviewer = world.person(), world.staff(Role.STAFF)
    claim_id = claimed(world, person).id
    who = world.visitor(reviewer)
    with transaction():
        reject(who, claim_id, reason="没有查到这件事", key=uuid.uuid4(), at=clock.now())

    phone = window(person, phone=True)
    phone.goto("/me")
    expect(phone.locator(".tabs .n")).to_contain_text("2")  # sent, and refused
    readable(phone)
    phone.get_by_role("link", name="条新消息").click()
    newest = phone.locator(".told li").first
    expect(newest).to_contain_text("没通过：没有查到这件事")
    readable(phone)
    newest.get_by_role("button", name="去看看").click()
    expect(phone).to_have_url(f"{phone.url.split('/claims')[0]}/claims/{claim_id}")
    expect(phone.locator(".tabs .n")).to_contain_text("1")
    readable(phone)
    follow(phone.get_by_role("link", name="我要申诉"))
    readable(phone)
    phone.get_by_label("哪里不对？").fill("那天我确实去了，护士可以证明")
    phone.get_by_role("button", name="交上去").dblclick()
    expect(phone.get_by_text("申诉交上去了")).to_be_visible()
    expect(phone.locator(".badge", has_text="申诉中").first).to_be_visible()
    readable(phone)
    assert states(world) == ["open"]

    desk = window(world.staff(Role.STAFF, name="周明"))
    desk.goto("/appeals")
    readable(desk)
    desk.get_by_role("link", name="陪同就医").press("Enter")
    expect(desk.get_by_text("护士可以证明")).to_be_visible()
    readable(desk)
    desk.get_by_label("理由（申诉的人会看到）").fill("问过医院，确实去了")
    desk.get_by_role("button", name="申诉成立").press("Enter")
    expect(desk.get_by_text("申诉成立，已经改过来了")).to_be_visible()
    readable(desk)
    assert states(world) == ["granted"]

    phone.goto("/messages")
    expect(phone.locator(".told")).to_contain_text("您说得对：问过医院，确实去了")
    phone.get_by_role("button", name="都看过了").click()
    expect(phone.locator(".told li.unread")).to_have_count(0)
    readable_in_every_look(phone, "/messages")
    readable_in_every_look(phone, f"/claims/{claim_id}")
