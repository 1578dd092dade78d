"""The API of claims: the same verbs as the pages, keys on every write, one error shape, nothing breaks it."""

from __future__ import annotations

import threading
import uuid
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from points.awards.models import Claim
from points.db import db
from points.people.models import Role
from tests.factories import World
from tests.integration.awards_world import RULES, claimed, load_rules, today


@pytest.fixture
def place(world: World) -> World:
    load_rules(world, *RULES)
    return world


def write(client: FlaskClient, path: str, body: Any = None, key: Any = None) -> Any:
    return client.post(path, json=body or {}, headers={"Idempotency-Key": str(key or uuid.uuid4())})


def deed(world: World, **changes: Any) -> dict[str, Any]:
    return {"rule": "visit", "quantity": "1", "done_on": today(world).isoformat(), "note": "陪同", **changes}


def test_a_claim_is_filed_listed_and_approved_by_api(place: World) -> None:
    resident, staff = place.api(place.person()), place.api(place.staff(Role.STAFF))
    made = write(resident, "/api/v1/claims", deed(place))
    assert made.status_code == 201 and isinstance(made.json["id"], str) and made.json["quantity"] == "1"
    assert [one["state"] for one in resident.get("/api/v1/claims").json["claims"]] == ["waiting"]
    assert len(staff.get("/api/v1/claims?whose=reach&state=waiting").json["claims"]) == 1
    key = uuid.uuid4()
    for _ in range(2):
        done = write(staff, f"/api/v1/claims/{made.json['id']}/approve", key=key)
        assert (done.status_code, done.json["points"], done.json["state"]) == (200, 10, "approved")
    seen = resident.get(f"/api/v1/claims/{made.json['id']}").json
    assert [step["step"] for step in seen["steps"]] == ["sent", "approved"] and seen["person"] == "王○兰"
    assert seen["transfer_id"] == done.json["transfer_id"]


def test_rejections_and_returns_carry_their_reason(place: World) -> None:
    person = place.person()
    staff = place.api(place.staff(Role.STAFF))
    for verb, state in (("reject", "rejected"), ("return", "returned")):
        claim = claimed(place, person)
        assert write(staff, f"/api/v1/claims/{claim.id}/{verb}").status_code == 422
        done = write(staff, f"/api/v1/claims/{claim.id}/{verb}", {"reason": "请补一张照片"})
        assert (done.json["state"], done.json["reason"]) == (state, "请补一张照片")
        again = write(staff, f"/api/v1/claims/{claim.id}/approve")
        assert (again.status_code, again.json["error"]) == (409, "already_decided")


def test_a_photo_is_sent_ahead_and_belongs_to_one_claim(place: World) -> None:
    client = place.api(place.person())
    out = BytesIO()
    Image.new("RGB", (20, 20), "blue").save(out, "PNG")
    keyed = {"Idempotency-Key": str(uuid.uuid4())}
    ids = {
        client.post("/api/v1/claims/photos", data={"photo": (BytesIO(out.getvalue()), "a.png")}, headers=keyed).json[
            "id"
        ]
        for _ in range(2)
    }
    assert len(ids) == 1
    body = deed(place, rule="report", place="路口", photo_ids=list(ids))
    key = uuid.uuid4()
    first = write(client, "/api/v1/claims", body, key)
    assert first.status_code == 201 and first.json["photo_ids"] == list(ids)
    assert write(client, "/api/v1/claims", body, key).json["id"] == first.json["id"]
    assert write(client, "/api/v1/claims", body).status_code == 404
    bad = client.post("/api/v1/claims/photos", data={"photo": (BytesIO(b"x"), "a.png")}, headers=keyed)
    assert bad.json["error"] == "bad_photo"
    assert client.post("/api/v1/claims/photos", data={}, headers=keyed).status_code == 422
    unkeyed = client.post("/api/v1/claims/photos", data={"photo": (BytesIO(out.getvalue()), "a.png")})
    assert unkeyed.json["error"] == "bad_key"


def test_the_forecast_explains_itself_and_needs_no_key(place: World) -> None:
    client = place.api(place.person())
    seen = client.post("/api/v1/claims/forecast", json=deed(place, rule="sweep", quantity="3")).json
    assert (seen["points"], seen["minutes"]) == (2, 180) and sum(one["change"] for one in seen["lines"]) == 2
    assert seen["usable_until"] == f"{today(place).year}-12-31"
    over = client.post("/api/v1/claims/forecast", json=deed(place, quantity="9")).json
    assert over["refusals"][0]["code"] == "too_much" and not over["can_be_sent"]


def test_32_threads_with_one_key_file_one_claim(place: World) -> None:
    person = place.person()
    token, key, answers = place.token(person), str(uuid.uuid4()), []
    body = deed(place)
    start = threading.Barrier(32)

    def send() -> None:
        client = place.app.test_client()
        start.wait()
        made = client.post(
            "/api/v1/claims", json=body, headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        )
        answers.append((made.status_code, made.json.get("id")))

    threads = [threading.Thread(target=send) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = {answer for answer in answers if answer[0] == 201}
    assert len(done) == 1 and all(status in (201, 503) for status, _ in answers), answers
    db.session.rollback()
    assert db.session.scalar(db.select(db.func.count()).select_from(Claim).filter_by(scheme_id=place.scheme_id)) == 1


def test_every_write_wants_a_key_and_refusals_have_one_shape(place: World) -> None:
    claim = claimed(place, place.person())
    staff, resident = place.api(place.staff(Role.STAFF)), place.api(place.person())
    for path, body in (
        ("/api/v1/claims", deed(place)),
        (f"/api/v1/claims/{claim.id}/approve", {}),
        (f"/api/v1/claims/{claim.id}/reject", {"reason": "不对"}),
        (f"/api/v1/claims/{claim.id}/return", {"reason": "补照片"}),
    ):
        for headers in ({}, {"Idempotency-Key": "x"}):
            answer = staff.post(path, json=body, headers=headers)
            assert (answer.status_code, answer.json["error"]) == (422, "bad_key"), path
            assert set(answer.json) == {"error", "message", "facts"}
    assert write(resident, f"/api/v1/claims/{claim.id}/approve").status_code == 403
    assert resident.get("/api/v1/claims?whose=reach").status_code == 403
    assert place.app.test_client().get("/api/v1/claims").status_code == 401


def test_other_schemes_and_areas_are_not_found(place: World) -> None:
    claim = claimed(place, place.person())
    other = World(place.app)
    foreign = other.api(other.staff(Role.STAFF))
    neighbour = place.api(place.person("李四"))
    for client in (foreign, neighbour):
        assert client.get(f"/api/v1/claims/{claim.id}").status_code == 404
    assert write(foreign, f"/api/v1/claims/{claim.id}/approve").status_code == 404
    assert write(foreign, "/api/v1/claims", deed(place, person_id=str(claim.person_id))).status_code == 404


BAD = [None, "", "x", -1, 0, 10**30, "9" * 400, True, [], {}, 1.5, "\x00", "' OR 1=1", "😀" * 600]
FIELDS = ("rule", "quantity", "done_on", "done_at", "person_id", "photo_ids", "place", "note", "extra")


def test_no_body_breaks_the_api(place: World) -> None:
    client, staff = place.api(place.person()), place.api(place.staff(Role.STAFF))
    claim = claimed(place, place.person())
    for value in BAD:
        for name in FIELDS:
            answer = write(client, "/api/v1/claims", deed(place, **{name: value}))
            assert answer.status_code in (201, 400, 404, 422), (name, value, answer.json)
        for verb in ("approve", "reject", "return"):
            body = {"points": value or "x"} if verb == "approve" else {"reason": value if value != BAD[-2] else ""}
            answer = write(staff, f"/api/v1/claims/{claim.id}/{verb}", body)
            assert answer.status_code in (400, 422), (verb, value, answer.json)
        listed = staff.get("/api/v1/claims", query_string={"after": str(value), "size": str(value)})
        assert listed.status_code in (200, 400, 422), (value, listed.json)
    for raw in (b"", b"[1]", b"null", b"{", b"\xff"):
        answer = client.post(
            "/api/v1/claims", data=raw, content_type="application/json", headers={"Idempotency-Key": str(uuid.uuid4())}
        )
        assert answer.status_code in (400, 422)
    for id in ("0", str(2**63), "9" * 40):
        assert client.get(f"/api/v1/claims/{id}").status_code == 404
        assert write(staff, f"/api/v1/claims/{id}/approve").status_code == 404
    db.session.rollback()
    assert db.session.get(Claim, (place.scheme_id, claim.id)).state == "waiting"


def test_the_api_is_documented(place: World) -> None:
    paths = place.app.test_client().get("/api/v1/openapi.json").json["paths"]
    assert {"post", "get"} <= set(paths["/api/v1/claims"])
    for verb in ("approve", "reject", "return"):
        names = [one["name"] for one in paths[f"/api/v1/claims/{{claim_id}}/{verb}"]["post"]["parameters"]]
        assert "Idempotency-Key" in names
