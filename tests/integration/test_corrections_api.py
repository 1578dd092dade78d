"""Corrections as JSON: the same two people, reach and refusals as on pages; a repeat is the first answer."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient

from points import clock
from points.awards.models import Claim
from points.db import db, transaction
from points.people.models import Person, Role
from points.people.relatives import add_relative
from tests.factories import World
from tests.integration.awards_world import RULES, claimed, load_rules
from tests.integration.test_awards_api import write

API = "/api/v1"


@pytest.fixture
def place(world: World) -> World:
    load_rules(world, *RULES)
    return world


def credited(place: World, desk: FlaskClient, person: Person | None = None) -> str:
    """The id of a claim of somebody's that was credited."""
    claim = claimed(place, person or place.person())
    assert write(desk, f"{API}/claims/{claim.id}/approve").json["state"] == "approved"
    return str(claim.id)


def state_of(place: World, claim_id: str) -> str:
    db.session.rollback()
    return str(db.session.get_one(Claim, (place.scheme_id, int(claim_id))).state)


def test_a_wrong_award_is_asked_about_read_and_reversed_by_another(place: World) -> None:
    desk, second = place.api(place.staff(Role.STAFF)), place.api(place.staff(Role.STAFF, name="秦岚"))
    claim = credited(place, desk)
    key = uuid.uuid4()
    for _ in range(2):
        asked = write(desk, f"{API}/claims/{claim}/corrections", {"reason": "记错了人"}, key)
        assert (asked.status_code, asked.json["state"], asked.json["standing"]) == (201, "asked", "own_correction")
    assert (asked.json["claim_id"], asked.json["points"], asked.json["person"]) == (claim, 10, "王○○")
    assert state_of(place, claim) == "approved"
    one = f"{API}/corrections/{asked.json['id']}"
    assert [row["standing"] for row in second.get(f"{API}/corrections").json["corrections"]] == [""]
    assert write(desk, f"{one}/confirm").json["error"] == "own_correction"
    for _ in range(2):  # under other keys too: what is done is done once
        done = write(second, f"{one}/confirm")
        assert (done.status_code, done.json["state"], done.json["decided_by"]) == (200, "done", "秦○○")
    assert done.json["transfer_id"] and done.json == second.get(one).json
    assert state_of(place, claim) == "reversed"
    assert second.get(f"{API}/claims/{claim}/corrections").json["corrections"] == [done.json]
    assert second.get(f"{API}/corrections").json["corrections"] == []
    assert len(second.get(f"{API}/corrections?state=done").json["corrections"]) == 1


def test_a_refused_correction_keeps_its_reason_and_may_be_asked_again(place: World) -> None:
    desk, second = place.api(place.staff(Role.STAFF)), place.api(place.staff(Role.STAFF))
    claim = credited(place, desk)
    asked = write(desk, f"{API}/claims/{claim}/corrections", {"reason": "记错了人"}).json["id"]
    assert write(second, f"{API}/claims/{claim}/corrections", {"reason": "又一次"}).json["error"] == "already_asked"
    assert write(second, f"{API}/corrections/{asked}/refuse").status_code == 422
    for _ in range(2):
        refused = write(second, f"{API}/corrections/{asked}/refuse", {"reason": "核对过，没有错"})
        assert (refused.json["state"], refused.json["decided_reason"]) == ("refused", "核对过，没有错")
    late = write(second, f"{API}/corrections/{asked}/confirm")
    assert (late.status_code, late.json["error"]) == (409, "already_decided")
    assert write(desk, f"{API}/claims/{claim}/corrections", {"reason": "又查到一条"}).status_code == 201
    states = [one["state"] for one in desk.get(f"{API}/claims/{claim}/corrections").json["corrections"]]
    assert states == ["refused", "asked"] and state_of(place, claim) == "approved"


def test_relatives_of_the_resident_read_why_they_may_not_decide(place: World) -> None:
    desk, resident = place.api(place.staff(Role.STAFF)), place.person()
    relative = place.staff(Role.STAFF)
    noter = place.visitor(place.staff(Role.STAFF))
    with transaction():
        add_relative(noter, relative.id, other_id=resident.id, kind="parent", at=clock.now())
    claim = credited(place, desk, resident)
    asked = write(desk, f"{API}/claims/{claim}/corrections", {"reason": "记错了人"}).json["id"]
    seen = place.api(relative).get(f"{API}/corrections").json["corrections"]
    assert [one["standing"] for one in seen] == ["own_relative"]
    refused = write(place.api(relative), f"{API}/corrections/{asked}/confirm")
    assert (refused.status_code, refused.json["error"]) == (403, "own_relative")
    page = place.client(relative).get("/corrections").text
    assert "记错了人" in page and "确认更正" not in page  # no button that would only be refused


def test_lists_are_paged_searched_and_end(place: World) -> None:
    desk = place.api(place.staff(Role.STAFF))
    for name in ("王秀兰", "李国强", "赵小妹"):
        claim = credited(place, desk, place.person(name))
        write(desk, f"{API}/claims/{claim}/corrections", {"reason": "记错了人"})
    seen, after = [], ""
    for _ in range(3):
        page = desk.get(f"{API}/corrections", query_string={"size": 1, "after": after}).json
        seen += [one["person"] for one in page["corrections"]]
        after = page["next"]
    assert seen == ["王○○", "李○○", "赵○○"] and after is None
    found = desk.get(f"{API}/corrections", query_string={"text": "李国"}).json["corrections"]
    assert [one["person"] for one in found] == ["李○○"]
    for bad in ({"state": "x"}, {"size": 0}, {"size": 10**9}, {"text": "x" * 41}):
        assert desk.get(f"{API}/corrections", query_string=bad).status_code == 422


def test_nobody_out_of_reach_sees_or_moves_a_correction(place: World) -> None:
    desk, resident = place.api(place.staff(Role.STAFF)), place.person()
    claim = credited(place, desk, resident)
    asked = write(desk, f"{API}/claims/{claim}/corrections", {"reason": "记错了人"}).json["id"]
    with transaction():
        elsewhere = place.area(place.community.kind, "远处社区", place.subdistrict)
    there = place.api(place.staff(Role.STAFF, area=elsewhere))
    nobody = place.app.test_client()
    reads = (f"/corrections/{asked}", "/corrections", f"/claims/{claim}/corrections")
    for client, statuses in ((there, {404}), (place.api(resident), {403}), (nobody, {400, 401})):
        for path in reads:
            answer = client.get(API + path)
            assert answer.status_code in statuses or answer.json == {"corrections": [], "next": None}
            assert "记错了人" not in answer.text
        for path in (f"/corrections/{asked}/confirm", f"/corrections/{asked}/refuse", f"/claims/{claim}/corrections"):
            body = {} if path.endswith("confirm") else {"reason": "不是我的"}
            assert write(client, API + path, body).status_code in statuses
    for number in (0, 1, 2**63, 10**30):
        assert desk.get(f"{API}/corrections/{number}").status_code == 404
        assert write(desk, f"{API}/corrections/{number}/confirm").status_code == 404
    assert state_of(place, claim) == "approved"


def test_every_write_asks_for_a_key(place: World) -> None:
    desk = place.api(place.staff(Role.STAFF))
    claim = credited(place, desk)
    for path in (f"/claims/{claim}/corrections", "/corrections/1/refuse", "/corrections/1/confirm"):
        body = {} if path.endswith("confirm") else {"reason": "记错了人"}
        assert desk.post(API + path, json=body).json["error"] == "bad_key"


def test_two_who_confirm_at_once_reverse_once(place: World) -> None:
    desk = place.api(place.staff(Role.STAFF))
    claim = credited(place, desk)
    asked = write(desk, f"{API}/claims/{claim}/corrections", {"reason": "记错了人"}).json["id"]
    clients = [place.api(place.staff(Role.STAFF)) for _ in range(4)]
    answers: list[Any] = []

    def confirm(client: FlaskClient) -> None:
        answers.append(write(client, f"{API}/corrections/{asked}/confirm"))

    threads = [threading.Thread(target=confirm, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json["error"] for answer in answers if answer.status_code == 409} == {"already_decided"}


def test_the_description_names_what_comes_in_and_out(place: World) -> None:
    described = place.app.test_client().get(f"{API}/openapi.json").json
    confirm = described["paths"][f"{API}/corrections/{{correction_id}}/confirm"]["post"]
    assert [one["name"] for one in confirm["parameters"]] == ["Idempotency-Key"]
    out = described["components"]["schemas"]["CorrectionOut"]["properties"]
    assert out["id"]["type"] == "string" and "string" in out["transfer_id"]["type"]
    assert {"standing", "missing_points", "reason"} <= set(out)
