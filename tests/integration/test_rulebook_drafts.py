"""Drafts of a rulebook: several people edit one and no step is lost; the API does all that the pages do."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import uuid4

import pytest

from points.db import db, in_own_transaction, transaction
from points.errors import NotAllowed, NotFound
from points.people.models import Role
from points.rulebook import draft_edits as edits
from points.rulebook.draft_edits import DraftChanged, seen_of
from points.rulebook.drafts import (
    DraftClosed,
    NoStepLeft,
    begin_draft,
    draft_by_id,
    drop_draft,
    edit_draft,
    restore_draft,
    undo,
)
from points.rulebook.models import RulebookDraft
from tests.factories import World
from tests.integration.drafts_world import begun, changed_title, titles
from tests.integration.test_rulebook import NOON, body, count, load, officer

# ---------------------------------------------------------------- actions


def test_a_form_sent_twice_begins_one_draft(world: World) -> None:
    who, key = world.visitor(officer(world)), uuid4()
    with transaction():
        first = begin_draft(who, body(), None, key=key, at=NOON).id
    with transaction():
        assert begin_draft(who, body(), None, key=key, at=NOON).id == first
    assert count(world, RulebookDraft) == 1


def test_steps_are_taken_back_one_by_one(world: World) -> None:
    who, draft = begun(world)
    before = json.dumps(draft.body, sort_keys=True)
    steps: list[Any] = [
        changed_title("护理病人"),
        lambda it: edits.copy_rule(it.body, 2),
        lambda it: edits.remove_rule(it.body, 0),
        lambda it: edits.move_rule(it.body, 5, 1),
        lambda it: edits.add_rule(it.body, 3, edits.new_rule(it.body)),
        lambda it: edits.put_part(
            it.body, "categories", ["categories"], {"categories": [{"code": "c", "title": "类"}]}
        ),
        lambda it: edits.put_whole(it.body, body("hailin")),
    ]
    states = [before]
    for step in steps:
        with transaction():
            edit_draft(who, draft.id, step, NOON)
        states.append(json.dumps(draft_by_id(who, draft.id).body, sort_keys=True))
    assert len(set(states)) == 8
    for earlier in reversed(states[:-1]):
        with transaction():
            undo(who, draft.id, NOON)
        assert json.dumps(draft_by_id(who, draft.id).body, sort_keys=True) == earlier
    with pytest.raises(NoStepLeft), transaction():
        undo(who, draft.id, NOON)


def test_what_one_types_into_a_rule_is_taken_back_at_once(world: World) -> None:
    who, draft = begun(world)
    for text in ("护", "护理", "护理老"):
        with transaction():
            edit_draft(who, draft.id, changed_title(text), NOON)
    assert len(draft_by_id(who, draft.id).steps) == 1
    with transaction():
        undo(who, draft.id, NOON)
    assert titles(draft_by_id(who, draft.id))[0] == "护理残疾人、病人"


def test_the_second_of_two_people_sees_that_the_rule_has_changed(world: World) -> None:
    first, draft = begun(world)
    second = world.visitor(officer(world))
    seen = seen_of(draft.body["rules"][0])
    with transaction():
        edit_draft(first, draft.id, changed_title("甲改的", 0, seen), NOON)
    with pytest.raises(DraftChanged) as refused, transaction():
        edit_draft(second, draft.id, changed_title("乙改的", 0, seen), NOON)
    assert refused.value.facts["who"]
    other = seen_of(draft_by_id(first, draft.id).body["rules"][3])
    with transaction():  # another rule, at another place since: no quarrel
        edit_draft(first, draft.id, lambda it: edits.remove_rule(it.body, 1), NOON)
    with transaction():
        edit_draft(second, draft.id, changed_title("乙改的", 3, other), NOON)
    assert titles(draft_by_id(first, draft.id))[:3] == ["甲改的", "爱心捐款捐物", "乙改的"]


def test_many_at_once_lose_no_rule(world: World) -> None:
    who, draft = begun(world)
    draft_id, app, start = draft.id, world.app, threading.Barrier(5)

    def add(name: str) -> None:
        with app.app_context():
            start.wait()
            in_own_transaction(
                lambda: edit_draft(
                    who,
                    draft_id,
                    lambda it: edits.add_rule(it.body, 0, {**edits.new_rule(it.body), "title": name}),
                    NOON,
                )
            )

    threads = [threading.Thread(target=add, args=(f"第{n}个",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.expire_all()
    found = draft_by_id(who, draft_id)
    assert sorted(titles(found)[:5]) == [f"第{n}个" for n in range(5)]
    assert len({rule["code"] for rule in found.body["rules"]}) == 15
    assert found.version == 6


def test_a_dropped_draft_can_be_taken_up_again(world: World) -> None:
    who, draft = begun(world)
    with transaction():
        drop_draft(who, draft.id, NOON)
    with pytest.raises(DraftClosed), transaction():
        edit_draft(who, draft.id, changed_title("改"), NOON)
    with transaction():
        restore_draft(who, draft.id, NOON)
    with transaction():
        edit_draft(who, draft.id, changed_title("改"), NOON)


def test_nobody_else_edits_and_another_schemes_draft_is_not_found(world: World) -> None:
    _, draft = begun(world)
    foreign = World(world.app)
    with pytest.raises(NotFound):
        draft_by_id(foreign.visitor(officer(foreign)), draft.id)
    for person in (world.staff(Role.STAFF, world.subdistrict), world.staff(Role.OFFICER, world.community)):
        who = world.visitor(person)
        with pytest.raises(NotAllowed), transaction():
            begin_draft(who, body(), None, key=uuid4(), at=NOON)


# ---------------------------------------------------------------- API


def test_the_api_does_all_that_the_pages_do(world: World) -> None:
    load(world, body("hailin"))
    api, root = world.api(officer(world)), "/api/v1/rulebook"
    key = {"Idempotency-Key": str(uuid4())}
    draft = api.post(f"{root}/drafts", json={"document": body()}, headers=key).json
    assert api.post(f"{root}/drafts", json={"document": body()}, headers=key).json["id"] == draft["id"]
    at = f"{root}/drafts/{draft['id']}"
    rule = {**draft["document"]["rules"][0], "amount": {"type": "fixed", "points": "x"}}
    tried = api.post(f"{at}/rules/0/trial", json={"rule": rule}).json
    assert tried["problems"][0]["path"] == ["rules", 0, "amount", "points"]
    tried = api.post(f"{at}/rules/0/trial", json={"answers": {"quantity": "2"}}).json
    assert tried["assessment"]["points"] == 30 and tried["lines"] and tried["asks"][0]["name"] == "quantity"
    wrong = api.put(f"{at}/rules/0", json={"rule": rule, "seen": draft["seen"]["rules"][0]}).json
    assert [one["path"] for one in wrong["problems"]] == [["rules", 0, "amount", "points"]]
    stale = api.put(f"{at}/rules/0", json={"rule": rule | {"title": "别的"}, "seen": draft["seen"]["rules"][0]})
    assert (stale.status_code, stale.json["error"]) == (409, "draft_changed")
    assert api.post(f"{at}/publish", json={"label": "x", "effective_on": "2027-01-01", "version": 2}).status_code == 422
    assert api.post(f"{at}/undo").json["problems"] == []
    seen = api.get(at).json["seen"]
    assert len(api.post(f"{at}/rules/1/copy", json={"seen": seen["rules"][1]}).json["document"]["rules"]) == 11
    moved = api.post(f"{at}/rules/0/move", json={"seen": seen["rules"][0], "to": 3}).json
    assert moved["document"]["rules"][3]["code"] == "r01"
    gone = api.delete(f"{at}/rules/3?seen={seen['rules'][0]}").json
    assert [rule["code"] for rule in gone["document"]["rules"]][:3] == ["r02", "r11", "r03"]
    added = api.post(
        f"{at}/rules",
        json={"rule": {"code": "z9", "title": "新", "unit": "event", "amount": {"type": "fixed", "points": 1}}},
    )
    assert added.status_code == 201
    part = {"seen": seen["parts"]["categories"], "values": {"categories": [{"code": "c", "title": "类"}]}}
    assert api.put(f"{at}/parts/categories", json=part).status_code == 200
    assert api.put(f"{at}/parts/categories", json=part | {"values": {"rules": []}}).status_code == 404
    version = api.get(at).json["version"]
    sent = {"label": "2027版", "effective_on": "2027-01-01", "version": version}
    made = api.post(f"{at}/publish", json=sent).json
    assert api.post(f"{at}/publish", json=sent).json["id"] == made["id"]
    lines = api.get(f"{root}/versions").json
    assert [one["state"] for one in lines] == ["upcoming", "in_force"] and lines[1]["until"] == "2027-01-01"
    assert api.get(f"{root}/versions/{made['id']}").json["document"]["label"] == "2027版"
    found = api.get(f"{root}/changes?before=v{lines[1]['id']}&after=v{made['id']}").json
    assert {one["fate"] for one in found["items"]} >= {"new", "changed"}
    other = api.post(f"{root}/drafts", json={"version_id": made["id"]}, headers={"Idempotency-Key": str(uuid4())}).json
    assert api.delete(f"{root}/drafts/{other['id']}").status_code == 204
    assert api.post(f"{root}/drafts/{other['id']}/restore").json["based_on"] == made["id"]
    assert [one["id"] for one in api.get(f"{root}/drafts").json] == [other["id"]]
    reader = world.api(world.person())
    rule_id = reader.get(f"{root}?on=2027-01-01").json["rules"][0]["id"]
    assert reader.post(f"{root}/rules/{rule_id}/trial", json={"answers": {"quantity": "1"}}).json["lines"]
    assert reader.get(f"{root}/drafts").status_code == 403


@pytest.mark.parametrize(
    "document",
    [
        {"rules": "x"},
        {"rules": [1]},
        {"rules": [{"amount": 5}]},
        {"rules": [{"trust": [1]}]},
        {"rules": [{"roles": "all"}]},
        {"title": {"a": 1}},
        {"note": "\x00"},
        {"note": "\ud800"},
        {"note": "x" * 1_100_000},
        {"rules": [{}] * 501},
        {"late": 5},
        {"categories": {"a": 1}},
    ],
)
def test_a_hostile_document_begins_no_draft(world: World, document: dict[str, Any]) -> None:
    api = world.api(officer(world))
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    answer = api.post("/api/v1/rulebook/drafts", data=json.dumps({"document": document}), headers=headers)
    assert answer.status_code in (400, 422), answer.json
