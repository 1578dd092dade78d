"""Signing in by API: the twin of the page, with tokens instead of cookies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from points import clock
from points.people.models import Role
from tests.factories import World
from tests.signing import PASSWORD, PIN, Browser, with_authenticator, with_password


def ask(world: World, body: dict[str, Any], **kwargs: Any) -> TestResponse:
    body = {"scheme": world.scheme.code, **body}
    return Browser(world).client.post("/api/v1/sign-in", json=body, **kwargs)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_for_name_and_password(world: World) -> None:
    person = with_password(world.person())
    answer = ask(world, {"name": person.number, "password": PIN, "label": "till"})
    assert answer.status_code == 201
    assert answer.json["person_id"] == str(person.id)
    client = world.app.test_client()
    me = client.get("/api/v1/me", headers=bearer(answer.json["token"]))
    assert me.status_code == 200
    assert me.json["number"] == person.number
    assert me.json["kind"] == "token"
    assert client.delete("/api/v1/sign-in", headers=bearer(answer.json["token"])).status_code == 204
    assert client.get("/api/v1/me", headers=bearer(answer.json["token"])).status_code == 401


def test_me_names_the_duties(world: World) -> None:
    me = world.api(world.staff(Role.CLERK)).get("/api/v1/me").json
    assert me["duties"] == [{"role": "clerk", "area_id": str(world.community.id)}]
    assert me["points_scale"] == world.scheme.points_scale


@pytest.mark.parametrize(("name", "password"), [("R-nobody", PIN), (None, "940517")])
def test_a_wrong_name_or_password_is_401_and_reads_the_same(world: World, name: str | None, password: str) -> None:
    person = with_password(world.person())
    answer = ask(world, {"name": name or person.number, "password": password})
    assert answer.status_code == 401
    assert answer.json["error"] == "wrong_name_or_password"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": 5, "password": PIN},
        {"name": "x", "password": ["a"]},
        {"name": "x", "password": "y", "evil": 1},
        {"name": "x" * 81, "password": "y"},
        {"name": "x", "password": "y" * 801},
        {"name": "x", "password": "y", "totp": {}},
    ],
)
def test_a_senseless_request_is_422_with_the_fields(world: World, body: dict[str, Any]) -> None:
    answer = ask(world, body)
    assert answer.status_code == 422
    assert answer.json["error"] == "invalid"
    assert answer.json["facts"]["fields"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(world: World, raw: bytes) -> None:
    answer = world.app.test_client().post("/api/v1/sign-in", data=raw, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert set(answer.json) == {"error", "message", "facts"}


def test_an_unknown_scheme_is_404_and_none_at_all_is_asked_for(world: World) -> None:
    World(world.app)
    assert ask(world, {"name": "x", "password": "y", "scheme": "no-such"}).status_code == 404
    assert ask(world, {"name": "x", "password": "y", "scheme": ""}).json["error"] == "scheme_needed"


def test_the_api_counts_the_same_tries_as_the_page(world: World) -> None:
    person = with_password(world.person())
    for _ in range(3):
        assert ask(world, {"name": person.number, "password": "940517"}).status_code == 401
    for _ in range(2):
        assert Browser(world).sign_in(person.number, "940517").status_code == 422
    answer = ask(world, {"name": person.number, "password": PIN})
    assert answer.status_code == 429
    assert answer.json["error"] == "too_many_tries"
    assert 0 < int(answer.headers["Retry-After"]) <= 30


def test_staff_need_their_authenticators_code_once_each(world: World) -> None:
    officer = with_password(world.staff(Role.OFFICER), PASSWORD)
    body = {"name": officer.number, "password": PASSWORD}
    assert ask(world, body).json["error"] == "second_factor_missing"
    totp = with_authenticator(officer)
    assert ask(world, body).json["error"] == "second_factor_needed"
    assert ask(world, {**body, "totp": "000000"}).json["error"] == "wrong_second_factor"
    at = clock.now()
    with clock.at(at):
        code = totp.at(int(at.timestamp()))
        answer = ask(world, {**body, "totp": code})
        assert answer.status_code == 201
        assert ask(world, {**body, "totp": code}).json["error"] == "wrong_second_factor"
    client = world.app.test_client()
    assert client.get("/api/v1/me", headers=bearer(answer.json["token"])).status_code == 200
    with clock.at(clock.now() + timedelta(hours=13)):
        assert client.get("/api/v1/me", headers=bearer(answer.json["token"])).status_code == 401


def test_a_cookie_needs_the_csrf_token_and_a_bearer_does_not(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    browser.sign_in(person.number, PIN)
    assert browser.client.delete("/api/v1/sign-in").status_code == 400
    assert browser.client.delete("/api/v1/sign-in", headers={"X-CSRFToken": "nonsense"}).status_code == 400
    assert browser.client.delete("/api/v1/sign-in", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert browser.is_in
    assert browser.client.delete("/api/v1/sign-in", headers={"X-CSRFToken": browser.token()}).status_code == 204
    assert not browser.is_in
    assert world.api(person).delete("/api/v1/sign-in").status_code == 204


def test_a_cookies_token_is_no_api_token_and_the_other_way_round(world: World) -> None:
    person = world.person()
    as_cookie, as_bearer = world.token(person, kind="browser"), world.token(person, kind="token")
    client = world.app.test_client()
    assert client.get("/api/v1/me", headers=bearer(as_cookie)).status_code == 401
    with client.session_transaction() as session:
        session["token"] = as_bearer
    assert client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer " + "x" * 5000, "Bearer \u00ff"])
def test_a_senseless_authorization_is_nobody(world: World, header: str) -> None:
    answer = world.app.test_client().get("/api/v1/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json["error"] == "sign_in_needed"
