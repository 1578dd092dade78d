"""Hostile, huge and malformed values at every form and endpoint: a clear refusal, never a fault, nothing written."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from points.db import db
from points.ledger.models import Transfer
from points.people.models import Person, Role
from tests.factories import World

ROOT = Path(__file__).resolve().parents[2]
HUGE = [0, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**30]
TEXTS = [
    "",
    "0",
    "-1",
    "1e309",
    "NaN",
    "9" * 5000,  # more than Python makes a number of
    "１２３",
    "²",  # a digit, and no number
    "'; DROP TABLE people; --",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "\x00\x01\x7f",
    "\u202e\u200b\ufeff",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 60,
    "../../../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "A" * 100_000,
    "2026-02-30",
    "9999-99-99T99:99",
]
JSONS: list[Any] = [
    None,
    [],
    {},
    "text",
    1e400,
    -(10**40),
    True,
    {"a": {"b": [[[[]]]]}},
    [None] * 1000,
    "\u0000",
]


def names() -> list[str]:
    """Every field name that stands in a template or a script, so that new forms are attacked without being listed."""
    found: set[str] = set()
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static").rglob("*.js")]:
        if "vendor" not in path.parts:
            found |= set(re.findall(r'name="([a-z_]{2,30})"', path.read_text()))
    for path in (ROOT / "points").rglob("*schemas.py"):
        found |= set(re.findall(r"^    ([a-z_]{2,30}) = ", path.read_text(), re.M))
    return sorted(found - {"viewport", "csrf_token", "htmx"} | {"key", "code", "lines", "expected_points", "till_id"})


NAMES = names()


def everybody(world: World) -> Person:
    """Somebody who may do everything: only the input stands in the way."""
    person = world.staff(Role.ADMIN, world.subdistrict, name="何人")
    for role in (Role.OFFICER, Role.STAFF, Role.CLERK, Role.AUDITOR, Role.GRID_WORKER, Role.LEADER):
        world.give(person, role, world.subdistrict)
    return person


def routes(world: World, *methods: str) -> list[tuple[str, str, list[str]]]:
    """(method, rule, converters' names) of every route but the static files and signing out."""
    found = []
    for rule in world.app.url_map.iter_rules():
        if rule.endpoint in ("static", "sign_in.leave", "sign_in.end_others", "sign_in.end_sign_in"):
            continue
        found += [(m, rule.rule, sorted(rule.arguments)) for m in methods if m in (rule.methods or ())]
    return sorted(found)


def path_of(rule: str, value: object) -> str:
    return re.sub(r"<(?:[a-z_]+(?:\([^)]*\))?:)?[a-z_0-9]+>", str(value), rule)


def fine(answer: Any, said: str) -> None:
    assert answer.status_code < 500, f"{said}: {answer.status_code} {answer.text[:300]}"


def token_of(client: FlaskClient) -> str:
    return re.search(r'name="csrf-token" content="([^"]+)"', client.get("/help").text).group(1)  # type: ignore[union-attr]


def transfers(world: World) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Transfer).filter_by(scheme_id=world.scheme_id)) or 0


def test_no_id_in_an_address_is_a_fault(world: World) -> None:
    client = world.client(everybody(world))
    for method, rule, arguments in routes(world, "GET"):
        for value in [*HUGE, -1, "x", "%00", "..%2f", "９"] if arguments else [""]:
            answer = client.get(path_of(rule, value))
            fine(answer, f"{method} {path_of(rule, value)}")
            if arguments and isinstance(value, int) and value >= 2**63:
                assert answer.status_code in (302, 404, 422), f"{rule} {value}: {answer.status_code}"


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_no_query_is_a_fault(world: World, text: str) -> None:
    client = world.client(everybody(world))
    args = dict.fromkeys(
        [*NAMES, "after", "q", "show", "shop", "kind", "since", "until", "person", "lang", "about"], text
    )
    query = urlencode(args)
    for _, rule, arguments in routes(world, "GET"):
        if not arguments and len(text) < 2000:
            fine(client.get(rule, query_string=query), f"GET {rule} with {text[:30]!r}")


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_no_form_is_a_fault_and_nothing_is_posted(world: World, text: str) -> None:
    client = world.client(everybody(world))
    before, token = transfers(world), token_of(client)
    once = urlencode(dict.fromkeys(NAMES, text) | {"csrf_token": token})
    twice = urlencode({name: [text, text] for name in NAMES} | {"csrf_token": [token]}, doseq=True)
    for _, rule, arguments in routes(world, "POST"):
        if rule.startswith("/api/") or rule == "/sign-out":
            continue
        for value, bodies in [(2**63, [once]), (12345, [once, twice])] if arguments else [("", [once, twice])]:
            for body in bodies:
                sent = {"data": body, "content_type": "application/x-www-form-urlencoded"}
                fine(client.post(path_of(rule, value), **sent), f"POST {rule} with {text[:30]!r}")
    assert transfers(world) == before


@pytest.mark.parametrize("rule", ["file", "photos", "photo", "document"])
def test_no_file_is_a_fault(world: World, rule: str) -> None:
    client = world.client(everybody(world))
    token = token_of(client)
    junk = [
        b"",
        b"\x00" * 1000,
        b"PK\x03\x04" + b"\xff" * 500,
        b"\x89PNG\r\n\x1a\n" + b"A" * 200,
        b'{"rules": [[[[',
        b"\xff\xfe",
    ]
    for _, path, arguments in routes(world, "POST"):
        if arguments or path.startswith("/api/"):
            continue
        for body in junk:
            form = {rule: (io.BytesIO(body), "x.xlsx"), "csrf_token": token, "key": "no"}
            fine(client.post(path, data=form, content_type="multipart/form-data"), f"POST {path} {body[:10]!r}")


@pytest.mark.parametrize("body", JSONS, ids=range(len(JSONS)))
def test_no_json_is_a_fault_and_errors_have_one_shape(world: World, body: Any) -> None:
    client = world.api(everybody(world))
    before = transfers(world)
    bodies = [json.dumps(body), json.dumps(dict.fromkeys(NAMES, body))]
    for method, rule, arguments in routes(world, "POST", "PUT", "PATCH", "DELETE"):
        if not rule.startswith("/api/"):
            continue
        if rule == "/api/v1/sign-in" and method == "DELETE":
            continue
        for value in (2**63, 7) if arguments else ("",):
            for sent in bodies:
                answer = client.open(
                    path_of(rule, value),
                    method=method,
                    data=sent,
                    content_type="application/json",
                    headers={"Idempotency-Key": "6f1c2f3e-0000-4000-8000-000000000000"},
                )
                fine(answer, f"{method} {rule} with {sent[:40]}")
                if answer.status_code >= 400:
                    said = answer.get_json()
                    assert set(said) == {"error", "message", "facts"}, f"{rule}: {said}"
    assert transfers(world) == before


NEEDS_NO_BODY = {"/api/v1/messages/read"}  # nothing said: all of them


def test_a_body_that_is_no_json_is_refused_in_words(world: World) -> None:
    client = world.api(everybody(world))
    for method, rule, arguments in routes(world, "POST"):
        if rule.startswith("/api/") and rule not in NEEDS_NO_BODY:
            for raw in (b"", b"{", b"\xff\xfe\x00", b'{"a": 1e999999}', b"[" * 5000):
                answer = client.open(
                    path_of(rule, 7 if arguments else ""), method=method, data=raw, content_type="application/json"
                )
                fine(answer, f"{rule} {raw[:10]!r}")
                assert answer.status_code in (400, 401, 403, 404, 409, 415, 422, 429), (
                    f"{rule} {raw[:10]!r}: {answer.status_code}"
                )
