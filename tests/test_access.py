"""Who may call what: every route names its audience, everybody else is refused, and nothing falls over on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete
from werkzeug.routing import Rule

from points.db import MAX_ID, db, transaction
from points.people.models import PrivacyConsent, Role
from points.people.permissions import MAY
from points.web.audience import PUBLIC, SIGNED_IN, audience_of
from tests.factories import World
from tests.signing import Browser

WRITES = ("POST", "PUT", "PATCH", "DELETE")
ENDS_THE_SIGN_IN = {"sign_in_api.sign_out", "sign_in.leave"}

# The only views that somebody signed in reaches while a step is still missing (second factor, password, privacy notice).
STEPS = {
    "sign_in.second_factor",
    "sign_in.give_second_factor",
    "sign_in.enrol",
    "sign_in.enrol_now",
    "sign_in.longer",
    "sign_in.change_password",
    "sign_in.agree",
    "sign_in_api.sign_out",
    "sign_in_api.show_me",
}

# What anybody on the internet may call; whoever adds to it changes this list and says why in the review.
OPEN = {
    "api-docs.openapi_json",
    "first_run.found",
    "first_run.show",
    "front.healthz",
    "front.index",
    "notice.public_answer",  # what became of an objection, for whoever has its receipt number
    "notice.public_ask",
    "notice.public_index",  # public notice is public: masked names, nothing that is of use elsewhere
    "notice.public_index_plain",
    "notice.public_notice",
    "notice.public_notice_plain",
    "notice.public_object",  # anybody may object to an award on notice; throttled
    "notice.public_object_now",
    "notice.public_pdf",
    "notice.public_search",  # within what the notice shows: its words are kept in the visitor's session, as in all lists
    "reporting.help",
    "reporting.proof",  # who knows its leaf's salt has seen the proof before
    "reporting.proof_file",
    "reporting.seals",
    "reporting.seals_file",
    "reporting.seals_plain",
    "reporting.verify_script",
    "settings.change",
    "sign_in.activate",
    "sign_in.activate_now",
    "sign_in.enter",
    "sign_in.leave",
    "sign_in.lost",
    "sign_in.privacy",
    "sign_in.show",
    "sign_in_api.sign_in",
    "static",
}


def views(app: Flask) -> Iterator[tuple[Rule, str, Any]]:
    """Every route, method and the function that answers it."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            of_class = getattr(view, "view_class", None)
            yield rule, method, getattr(of_class, method.lower()) if of_class else view


def address(rule: Rule, number: int = 1, word: str = "x") -> str:
    values: dict[str, Any] = {}
    for name in rule.arguments:
        kind = rule._converters[name]
        of_kind = {"IntegerConverter": number, "AnyConverter": min(getattr(kind, "items", (word,)))}
        values[name] = of_kind.get(type(kind).__name__, word)
    with_values = rule.build(values, append_unknown=False)
    assert with_values is not None
    return str(with_values[1])


def call(client: Any, method: str, url: str, **kwargs: Any) -> Any:
    return client.open(url, method=method, headers={"Accept": "application/json"}, **kwargs)


# ---------------------------------------------------------------- what is written down


def test_every_route_names_its_audience(app: Flask) -> None:
    for rule, method, view in views(app):
        named = audience_of(view)
        assert named, f"{method} {rule} names no audience"
        unknown = set(named) - {PUBLIC, SIGNED_IN, *MAY}
        assert not unknown, f"{method} {rule} names {unknown}, which the permission table does not know"


def test_the_routes_open_to_everybody_are_known(app: Flask) -> None:
    assert {rule.endpoint for rule, _, view in views(app) if PUBLIC in audience_of(view)} == OPEN


def test_the_routes_before_a_missing_step_are_known(app: Flask) -> None:
    assert {rule.endpoint for rule, _, view in views(app) if getattr(view, "before_ready", False)} == STEPS


def test_one_route_needs_no_form_token(app: Flask) -> None:
    exempt = {rule.endpoint for rule, _, view in views(app) if getattr(view, "before_session", False)}
    assert exempt == {"sign_in_api.sign_in"}


def test_reading_never_writes_and_writing_is_never_a_link(app: Flask) -> None:
    for rule, method, view in views(app):
        if PUBLIC not in audience_of(view) and method in WRITES:
            assert "GET" not in (rule.methods or set()) or rule.endpoint in READ_BY_POST, (
                f"{rule} answers GET and {method}"
            )


# Long or personal search terms travel in the body, so that no address or log holds them; nothing is changed.
READ_BY_POST = {"awards.bulk", "awards.queue", "people.export"}


def test_every_role_may_do_something_and_every_action_is_somebodys() -> None:
    assert all(MAY.values())
    assert {role for roles in MAY.values() for role in roles} == set(Role)


# ---------------------------------------------------------------- what really happens


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_its_own_pages_and_no_others(world: World, role: Role) -> None:
    person = world.person() if role is Role.RESIDENT else world.staff(role)
    who, client = world.visitor(person), world.api(person)
    for rule, method, view in views(world.app):
        if rule.endpoint in ENDS_THE_SIGN_IN or rule.endpoint == "static":
            continue
        named, url = audience_of(view), address(rule)
        answer = call(client, method, url)
        assert answer.status_code < 500, f"{role}: {method} {url} → {answer.status_code}"
        if {PUBLIC, SIGNED_IN} & set(named):
            continue
        if any(who.may(action) for action in named):
            assert answer.status_code != 401, f"{role}: {method} {url}"
        else:
            assert answer.status_code == 403, f"{role}: {method} {url} → {answer.status_code}"
            assert answer.json["error"] == "not_allowed"


def test_signed_out_there_is_only_the_front_door(world: World) -> None:
    client = world.app.test_client()
    for rule, method, view in views(world.app):
        if PUBLIC in audience_of(view):
            continue
        url = address(rule)
        answer = client.open(url, method=method, headers={"Authorization": "Bearer nobody"} if method in WRITES else {})
        if method == "GET" and not url.startswith("/api/"):
            assert answer.status_code == 302, url
            assert answer.headers["Location"].startswith("/sign-in?next="), url
        else:
            assert answer.status_code == 401, f"{method} {url} → {answer.status_code}"


def test_no_form_is_taken_without_its_token(world: World) -> None:
    client = everything(world, by="client")
    for rule, method, view in views(world.app):
        if method in WRITES and not getattr(view, "before_session", False):
            answer = call(client, method, address(rule))
            assert (answer.status_code, answer.json["error"]) == (400, "bad_token"), f"{method} {rule}"


def test_whoever_has_not_agreed_yet_reaches_nothing_else(world: World) -> None:
    person = world.person()
    with transaction():
        db.session.execute(delete(PrivacyConsent).where(PrivacyConsent.person_id == person.id))
    api, client = world.api(person), world.client(person)
    for rule, method, view in views(world.app):
        if PUBLIC in audience_of(view) or rule.endpoint in STEPS:
            continue
        url = address(rule)
        if method == "GET" and not url.startswith("/api/"):
            assert client.get(url).headers["Location"].startswith("/privacy?next="), url
        else:
            assert call(api, method, url).json["error"] == "privacy_needed", f"{method} {url}"


def everything(world: World, by: str = "api") -> Any:
    """One person with every role at once, so that nothing stops at the door."""
    person = world.staff(Role.ADMIN, area=world.subdistrict)
    for role in Role:
        if role not in (Role.RESIDENT, Role.ADMIN):
            world.give(person, role, world.subdistrict)
    return getattr(world, by)(person)


@pytest.mark.parametrize("number", [0, 1, MAX_ID, MAX_ID + 1, 10**40])
def test_an_id_that_is_nobodys_is_not_found_never_a_fault(world: World, number: int) -> None:
    client = everything(world)
    for rule, method, _ in views(world.app):
        named = {name for name in rule.arguments if type(rule._converters[name]).__name__ != "AnyConverter"}
        if not named or rule.endpoint == "static":
            continue
        url = address(rule, number)
        answer = call(client, method, url)
        assert answer.status_code in (302, 303, 400, 403, 404, 409, 422), f"{method} {url} → {answer.status_code}"
        assert answer.status_code < 400 or set(answer.json or ()) == {"error", "message", "facts"}, f"{method} {url}"


HOSTILE = (
    "q=%27%22%3Cscript%3E%00&after=zzz&before=%ff&show=x&month=2026-99&from=2026-13-45&to=x&day=0&area=99999999999999999999"
    "&shop=-1&role=x&kind=x&state=x&size=1e9&page=-1&lang=xx&next=//evil.example&person=1&number=%F0%9F%98%80&period=x"
)


def test_hostile_queries_are_answered_not_fallen_over(world: World) -> None:
    client = everything(world)
    for rule, method, _ in views(world.app):
        if method == "GET" and rule.endpoint != "static":
            url = f"{address(rule)}?{HOSTILE}"
            answer = client.get(url)
            assert answer.status_code < 500, f"{url} → {answer.status_code}"
            assert "evil.example" not in answer.headers.get("Location", ""), url
            assert b"<script>\x00" not in answer.data, url


@pytest.mark.parametrize(
    "body",
    [
        {"data": b"\xff\xfe", "content_type": "application/json"},
        {"data": b"[" * 50_000, "content_type": "application/json"},
        {"json": {"a": "x" * 100_000, "id": 2**70, "at": None, "lines": [[]], "key": {}}},
        {"data": b'{"name": "\\ud800", "password": "\\ud800", "q": "\\ud800"}', "content_type": "application/json"},
        {"data": b'{"name": "\\u0000", "password": "\\u0000"}', "content_type": "application/json"},
        {"data": {"a": "\x00", "quantity": "1e9", "id": "9" * 40, "name": "\u202e" * 500}},
        {"data": b"--x\r\nContent-Disposition: form-data", "content_type": "multipart/form-data; boundary=x"},
    ],
)
def test_hostile_bodies_are_answered_not_fallen_over(world: World, body: dict[str, Any]) -> None:
    client = everything(world)
    for rule, method, _ in views(world.app):
        if method in WRITES and rule.endpoint not in ENDS_THE_SIGN_IN:
            answer = call(client, method, address(rule), **body)
            assert answer.status_code < 500, f"{method} {rule} → {answer.status_code}"


def test_the_front_page_leads_each_role_to_its_first_screen(world: World) -> None:
    first = {
        Role.RESIDENT: "/me",
        Role.GRID_WORKER: "/me",
        Role.RIDER: "/me",
        Role.LEADER: "/me",
        Role.CLERK: "/till",
        Role.STAFF: "/queue",
        Role.OFFICER: "/queue",
        Role.AUDITOR: "/audit",
        Role.ADMIN: "/people",
    }
    for role, path in first.items():
        person = world.person() if role is Role.RESIDENT else world.staff(role)
        assert world.client(person).get("/").headers["Location"] == path
    assert Browser(world).get("/").headers["Location"] == "/sign-in"


def test_health_is_told_to_anybody_and_asks_the_database(world: World) -> None:
    assert Browser(world).get("/healthz").json == {"status": "ok"}
