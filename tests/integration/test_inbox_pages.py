"""Messages on the phone, in the console, at the counter and by API."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from points import clock
from points.db import db, transaction
from points.inbox import Told, tell, tell_many
from points.inbox.models import Message
from points.inbox.words import LOOKED_THROUGH
from points.people.models import Role, Trace
from tests.factories import World
from tests.forms import post

VALUES = {"title": "陪同就医", "points": 125, "until_on": date(2031, 11, 26)}


def notice(world: World, person: Any, link: str = "/claims", key: str = "k") -> None:
    with transaction():
        tell(world.scheme_id, person.id, "claim_on_notice", VALUES, link, key, clock.now())


def unread_of(world: World, person: Any) -> int:
    mine = select(Message.read_at).where(Message.scheme_id == world.scheme_id, Message.person_id == person.id)
    return sum(1 for read_at in db.session.scalars(mine) if read_at is None)


def test_a_message_stands_in_the_readers_language_whenever_it_was_written(world: World) -> None:
    person = world.person()
    notice(world, person)
    client = world.client(person)
    chinese = client.get("/messages").get_data(as_text=True)
    assert "“陪同就医”通过了，125 分。名单公示到2031年11月26日" in chinese
    english = client.get("/messages?lang=en").get_data(as_text=True)
    assert "陪同就医" in english and "26 Nov 2031" in english


def test_the_unread_count_stands_on_the_tab_and_the_first_page_until_it_is_read(world: World) -> None:
    person = world.person()
    client = world.client(person)
    assert "没看过的消息" not in client.get("/home", follow_redirects=True).get_data(as_text=True)
    notice(world, person)
    page = client.get("/", follow_redirects=True).get_data(as_text=True)
    assert "有 1 条新消息" in page and "没看过的消息" in page
    message = db.session.scalar(select(Message).where(Message.person_id == person.id))
    assert message is not None
    answer = post(client, f"/messages/{message.id}/open")
    assert answer.status_code == 302 and answer.location == "/claims"
    assert unread_of(world, person) == 0
    assert "没看过的消息" not in client.get("/", follow_redirects=True).get_data(as_text=True)


def test_looking_at_the_list_marks_nothing(world: World) -> None:
    person = world.person()
    notice(world, person)
    world.client(person).get("/messages")
    assert unread_of(world, person) == 1


def test_all_are_read_at_once_and_only_ones_own(world: World) -> None:
    person, other = world.person(), world.person("李大山")
    for key in ("a", "b"):
        notice(world, person, key=key)
    notice(world, other)
    client = world.client(person)
    assert post(client, "/messages/read", {"until": clock.now().isoformat()}).status_code == 302
    assert (unread_of(world, person), unread_of(world, other)) == (0, 1)


def test_nobody_opens_anothers_message(world: World) -> None:
    person, other = world.person(), world.person("李大山")
    notice(world, person)
    message = db.session.scalar(select(Message).where(Message.person_id == person.id))
    assert message is not None
    assert post(world.client(other), f"/messages/{message.id}/open").status_code == 404
    assert unread_of(world, person) == 1


def test_the_list_pages_by_key_and_has_an_empty_state(world: World) -> None:
    person = world.person()
    client = world.client(person)
    assert "还没有消息" in client.get("/messages").get_data(as_text=True)
    with transaction():
        some = [Told(person.id, "claim_on_notice", VALUES | {"title": f"第 {n} 件"}, "", f"k{n}") for n in range(45)]
        tell_many(world.scheme_id, some, clock.now())
    seen: list[str] = []
    url: str | None = "/messages"
    while url:
        text = client.get(url).get_data(as_text=True)
        seen += [line.split("”")[0] for line in text.split("“")[1:] if line.startswith("第 ")]
        rest = text.partition('rel="next" href="')[2]
        url = rest.split('"')[0].replace("&amp;", "&") if rest else None
    assert len(seen) == 45 == len(set(seen))
    post(client, "/messages/read", {"until": clock.now().isoformat()})
    assert "没有没看过的消息" in client.get("/messages?show=unread").get_data(as_text=True)


def test_a_reader_at_the_counter_leaves_a_trace_and_reads_only_within_reach(world: World) -> None:
    person = world.person("王秀兰")
    notice(world, person)
    staff = world.staff(Role.STAFF)
    answer = post(world.client(staff), f"/people/{person.id}/messages")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "陪同就医" in text and "王○○" in text and "王秀兰" not in text
    assert unread_of(world, person) == 1
    left = db.session.scalars(select(Trace).where(Trace.scheme_id == world.scheme_id, Trace.action == "messages.see"))
    assert [(one.actor_id, one.subject_id) for one in left] == [(staff.id, person.id)]
    elsewhere = world.staff(Role.STAFF, area=world.grid, name="外面的")
    outsider = world.person("住得远", area=world.community)
    page = post(world.client(elsewhere), f"/people/{outsider.id}/messages")
    assert page.status_code == 404
    assert post(world.client(person), f"/people/{person.id}/messages").status_code == 403


def test_the_api_lists_counts_and_marks(world: World) -> None:
    person = world.person()
    for n in range(3):
        notice(world, person, key=f"k{n}")
    api = world.api(person)
    found = api.get("/api/v1/messages").get_json()
    assert found["unread"] == 3 and len(found["messages"]) == 3 and found["next"] is None
    first = found["messages"][0]
    assert first["code"] == "claim_on_notice" and first["values"]["points"] == 125 and "陪同就医" in first["body"]
    assert api.post("/api/v1/messages/read", json={"ids": [first["id"]]}).get_json() == {"marked": 1, "unread": 2}
    assert len(api.get("/api/v1/messages?unread=true").get_json()["messages"]) == 2
    until = (clock.now() + timedelta(minutes=1)).isoformat()
    assert api.post("/api/v1/messages/read", json={"until": until}).get_json() == {"marked": 2, "unread": 0}
    assert api.post("/api/v1/messages/read", json={"ids": ["x"]}).status_code == 422
    staff = world.api(world.staff(Role.STAFF))
    assert len(staff.post(f"/api/v1/people/{person.id}/messages").get_json()["messages"]) == 3


def test_staff_see_the_count_in_the_console(world: World) -> None:
    staff = world.staff(Role.OFFICER)
    notice(world, staff)
    client = world.client(staff)
    assert 'class="rail"' in client.get("/messages").get_data(as_text=True)
    assert "没看过的：" in client.get("/queue").get_data(as_text=True)


def test_messages_are_searched_as_they_are_read_however_many_there_are(world: World) -> None:
    person = world.person()
    notice(world, person, key="oldest")
    other = {**VALUES, "title": "楼道值守"}
    with transaction():
        for n in range(LOOKED_THROUGH):
            at = clock.now() + timedelta(seconds=n + 1)
            tell(world.scheme_id, person.id, "claim_on_notice", other, "/claims", f"k{n}", at)
    client = world.client(person)
    first = post(client, "/messages/search", {"text": "陪同就医"}, follow_redirects=True).text
    assert "没有找到" in first and "“陪同就医”" not in first
    second = client.get(html.unescape(re.findall(r'rel="next" href="([^"]+)"', first)[0])).text
    assert "“陪同就医”通过了" in second and "楼道值守" not in second
    api = world.api(person)
    assert len(api.get("/api/v1/messages?text=楼道值守").json["messages"]) == LOOKED_THROUGH
    english = api.get("/api/v1/messages?text=PUBLIC LIST", headers={"Accept-Language": "en"}).json["messages"]
    assert len(english) == LOOKED_THROUGH
    assert "楼道值守" in post(client, "/messages/search", {"text": "x", "clear": "1"}, follow_redirects=True).text
