"""What the system tells a person: once, in the reader's language, to nobody else."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from points import clock
from points.awards.messages import tell_of, tell_of_many
from points.db import db, in_own_transaction, transaction
from points.inbox import Told, tell, tell_many
from points.inbox.actions import mark_all_read, mark_read
from points.inbox.codes import NAMES, PLACE, known, register
from points.inbox.models import Message
from points.inbox.queries import UNREAD, messages_of, unread_count
from tests.factories import World
from tests.integration.awards_world import VISIT, claimed, load_rules
from tests.plans import asked, plan_of

RETURNED = {"title": "陪同就医", "reason": "请补一张照片"}


def told(world: World, person_id: int) -> list[Message]:
    query = messages_of(world.scheme_id, person_id).order_by(Message.at, Message.id)
    return list(db.session.scalars(query))


def returned(world: World, person: Any, key: str = "k", **values: Any) -> None:
    with transaction():
        tell(world.scheme_id, person.id, "claim_returned", RETURNED | values, "/claims/1", key, clock.now())


def test_the_same_is_told_once(world: World) -> None:
    person = world.person()
    returned(world, person)
    returned(world, person, reason="别的")
    assert [one.values["reason"] for one in told(world, person.id)] == ["请补一张照片"]


def test_two_who_tell_the_same_at_once_tell_it_once(world: World) -> None:
    person, scheme_id = world.person(), world.scheme_id
    start = threading.Barrier(4)

    def run(order: int) -> None:
        with world.app.app_context():
            keys = [f"k{n}" for n in range(6)]
            some = [Told(person.id, "claim_returned", RETURNED, "", key) for key in (keys[::-1] if order else keys)]
            start.wait()
            in_own_transaction(lambda: tell_many(scheme_id, some, clock.now()))

    threads = [threading.Thread(target=run, args=(n % 2,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    assert len(told(world, person.id)) == 6


def test_what_is_undone_was_never_told(world: World) -> None:
    person = world.person()
    with pytest.raises(RuntimeError), transaction():
        tell(world.scheme_id, person.id, "claim_returned", RETURNED, "", "k", clock.now())
        raise RuntimeError
    assert told(world, person.id) == []


@pytest.mark.parametrize(
    ("code", "values", "link", "key"),
    [
        ("no_such_code", {}, "", "k"),
        ("claim_returned", {"title": "陪同就医"}, "", "k"),
        ("claim_returned", RETURNED, "https://elsewhere.example/", "k"),
        ("claim_returned", RETURNED, "//elsewhere.example/", "k"),
        ("claim_returned", RETURNED, "", ""),
        ("claim_returned", RETURNED, "", "k" * 81),
    ],
)
def test_a_message_that_cannot_be_said_is_a_bug_of_the_teller(
    world: World, code: str, values: dict[str, Any], link: str, key: str
) -> None:
    person = world.person()
    with pytest.raises(ValueError), transaction():
        tell(world.scheme_id, person.id, code, values, link, key, clock.now())


def test_no_sentence_has_room_for_a_name(context: Any) -> None:
    assert len(known()) >= 30
    for one in known():
        places = set(PLACE.findall(one.title + one.body + "".join(said for _, said in one.more)))
        assert not places & NAMES, one.code
    with pytest.raises(ValueError):
        register("named", "{name}看过", "…")


def test_a_known_code_is_said_in_one_way_only(context: Any) -> None:
    with pytest.raises(ValueError):
        register("claim_sent", "别的", "别的")


def test_only_the_reader_marks_a_message_as_read(world: World) -> None:
    person, other = world.person(), world.person("李大山")
    returned(world, person)
    returned(world, person, "l")
    returned(world, other)
    first, reader, stranger = told(world, person.id)[0], world.visitor(person), world.visitor(other)
    with transaction():
        assert mark_read(stranger, [first.id], clock.now()) == 0
    with transaction():
        assert mark_read(reader, [first.id, -1, 2**70], clock.now()) == 1
    with transaction():
        assert mark_read(reader, [first.id], clock.now()) == 0
    assert unread_count(world.scheme_id, person.id) == 1
    assert unread_count(world.scheme_id, other.id) == 1


def test_all_read_leaves_what_came_after_the_page_was_shown(world: World) -> None:
    person = world.person()
    returned(world, person)
    shown_at, reader = clock.now(), world.visitor(person)
    with clock.at(shown_at + timedelta(seconds=5)):
        returned(world, person, "later")
    with transaction():
        assert mark_all_read(reader, shown_at, clock.now()) == 1
    assert [one.key for one in told(world, person.id) if one.read_at is None] == ["later"]


def test_unread_are_counted_up_to_a_hundred(world: World) -> None:
    person = world.person()
    with transaction():
        some = [Told(person.id, "claim_returned", RETURNED, "", f"k{n}") for n in range(130)]
        tell_many(world.scheme_id, some, clock.now())
    assert unread_count(world.scheme_id, person.id) == 100


def test_a_claim_tells_its_claimant_and_whoever_entered_it_when_it_comes_back(world: World) -> None:
    load_rules(world, VISIT)
    person = world.person()
    from points.people.models import Role

    staff = world.staff(Role.STAFF)
    claim = claimed(world, staff, person_id=person.id)
    before = {one.id: len(told(world, one.id)) for one in (person, staff)}
    with transaction():
        tell_of(claim, "claim_returned", clock.now(), reason="请补一张照片")
        tell_of(claim, "claim_on_notice", clock.now(), points=10, until_on=date(2026, 11, 26))
    assert len(told(world, person.id)) == before[person.id] + 2
    assert [one.code for one in told(world, staff.id)][before[staff.id] :] == ["entered_returned"]
    assert told(world, person.id)[-1].link == f"/claims/{claim.id}"
    with transaction():
        claim.round = 2
        tell_of_many([(claim, {"reason": "请补一张照片"})], "claim_returned", clock.now())
    assert len(told(world, person.id)) == before[person.id] + 3
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Message).where(Message.scheme_id == world.scheme_id))


def test_unread_messages_and_a_page_are_found_by_index(world: World) -> None:
    person = world.person()
    named = {"scheme": world.scheme_id, "person": person.id}
    with transaction():
        assert "ix_messages_" in plan_of(UNREAD.build(), named)
        page = messages_of(world.scheme_id, person.id).order_by(Message.at.desc(), Message.id.desc()).limit(20)
        plan = plan_of(page, {})
        assert "ix_messages_scheme_id_person_id_at_id" in plan and "SORT" not in plan.upper().replace(
            "TEMP B-TREE", "SORT"
        )


def test_a_page_asks_for_the_count_once(world: World) -> None:
    person = world.person()
    client = world.client(person)
    client.get("/me")
    with asked() as sent:
        assert client.get("/me").status_code == 200
    assert sum("messages" in statement for statement in sent) == 1
