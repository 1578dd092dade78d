"""What is not theirs: whoever belongs to another scheme, or to another community, is refused at every page and endpoint,
with real ids; nothing of it is shown to them, and nothing of it changes."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from points import clock
from points.db import db, transaction
from points.people.models import Area, AreaKind, Person, Role
from tests.factories import World
from tests.forms import post, token_of
from tests.integration.awards_world import HOME, REPORT, SWEEP, VISIT, load_rules, today
from tests.integration.batches_world import Desk as BatchDesk
from tests.integration.notice_world import NURSE
from tests.integration.test_awards_api import write
from tests.integration.test_simulator import DRAFT

SECRETS = ("鹿鸣远", "鹿○", "只此一句", "独此一家")  # nobody else is called so, and nobody else says so
KEPT = (
    *("claims", "reviews", "corrections", "appeals", "objections", "notices", "claim_batches", "claim_batch_rows"),
    *("rulebook_drafts", "simulations", "transfers", "holds", "sampled_reviews"),
)
SAID: dict[str, Any] = {
    "reason": "不是我的事",
    "words": "不是我的事，也来说一句",
    "note": "不是我的事",
    "do": "approve",
}
BODIES: tuple[dict[str, Any], ...] = (
    *({}, {"reason": "不是我的事"}, {"words": "不是我的事，也来说一句"}, {"do": "refuse", "reason": "不是我的事"}),
    *({"do": "uphold", "reason": "不是我的事"}, {"do": "again"}, {"agrees": True}, {"agrees": False, "note": "不对"}),
)


@pytest.fixture
def ids(world: World) -> dict[str, int]:
    """One of everything on the way from claim to credit, by the name that addresses call it."""
    load_rules(world, VISIT, SWEEP, REPORT, HOME, NURSE, more={"title": "独此一家的细则"})
    person = world.person("鹿鸣远")
    desk, officer = world.staff(Role.STAFF, name="鹿鸣春"), world.staff(Role.OFFICER, world.subdistrict)
    api, mine = world.api(desk), world.api(person)
    found: dict[str, int] = {"person": person.id}

    def claim(rule: str) -> int:
        body = {"rule": rule, "quantity": "1", "done_on": today(world).isoformat(), "note": "只此一句"}
        made = write(mine, "/api/v1/claims", body)
        assert made.status_code == 201, made.text
        return int(made.json["id"])

    def sent(client: FlaskClient, path: str, **body: Any) -> dict[str, Any]:
        answer = write(client, f"/api/v1{path}", body)
        assert answer.status_code < 300, (path, answer.text)
        return dict(answer.json)

    found["claim"] = claim("visit")
    wrong, refused, shown = claim("sweep"), claim("home"), claim("nurse")
    sent(api, f"/claims/{wrong}/approve")
    found["correction"] = int(sent(api, f"/claims/{wrong}/corrections", reason="只此一句")["id"])
    sent(api, f"/claims/{refused}/reject", reason="只此一句")
    found["appeal"] = int(sent(mine, f"/claims/{refused}/appeals", words="只此一句，请再看")["id"])
    sent(api, f"/claims/{shown}/approve")
    pages = world.client(officer)
    notice = pages.get("/notices").text
    found["notice"] = int(re.search(r'href="/notices/([0-9]+)"', notice)[1])  # type: ignore[index]
    number = re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{3}", notice)[0]  # type: ignore[index]
    public = f"/s/{world.scheme.code}/notice/{number}/1/objection"
    assert post(world.client(), public, {"words": "只此一句，不对"}).status_code < 400
    db.session.rollback()
    found["objection"] = row_of(world, "objections")
    book = BatchDesk.__new__(BatchDesk)
    book.world, book.day, book.ours = world, today(world).isoformat(), world.client(desk)
    found["batch"] = int(book.bring(book.sheet(book.row(person, note="只此一句"))).rsplit("/", 1)[1])
    file = io.BytesIO(json.dumps({**DRAFT, "title": "独此一家的草稿"}).encode())
    draft = post(pages, "/rulebook/drafts", {"start": "file", "document": (file, "x.json")}).location
    found["draft"], found["version"] = int(draft.rsplit("/", 1)[1]), row_of(world, "rulebook_versions")
    day = today(world).isoformat()
    run = post(pages, "/simulations", {"what": f"draft:{found['draft']}", "from_on": day, "to_on": day})
    found["run"] = int(run.location.rsplit("/", 1)[1])
    return found


def row_of(world: World, table: str) -> int:
    of = db.metadata.tables[table]
    return int(db.session.scalars(select(of.c.id).where(of.c.scheme_id == world.scheme_id)).first() or 0)


def kept_of(world: World) -> dict[str, Any]:
    """Everything that the scheme has on the way from claim to credit, and its books."""
    db.session.rollback()
    found = {}
    for name in KEPT:
        table = db.metadata.tables[name]
        rows = db.session.execute(
            select(table).where(table.c.scheme_id == world.scheme_id).order_by(*table.primary_key)
        )
        found[name] = [tuple(map(str, row)) for row in rows]
    return found


def addresses(world: World, ids: dict[str, int]) -> Iterator[tuple[str, str]]:
    """(method, address) of every route that names one of these things by its id."""
    for rule in world.app.url_map.iter_rules():
        values: dict[str, Any] = {}
        for name in rule.arguments:
            known = next((ids[noun] for noun in ids if name.startswith(noun)), None)
            options = getattr(rule._converters[name], "items", ())
            values[name] = known or (min(options) if options else 1)
        if not any(value in ids.values() for value in values.values()):
            continue
        built = rule.build(values, append_unknown=False)
        assert built is not None
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, built[1]


def stranger(other: World, area: Area, roles: tuple[Role, ...]) -> Person:
    made = other.person("何人", area=area)
    for role in roles:
        other.give(made, role, area)
    return made


def attempts(client: FlaskClient, method: str, url: str) -> Iterator[Any]:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    if method == "GET":
        yield client.get(url)
    elif url.startswith("/api/"):
        token = {"X-CSRFToken": token_of(client)}
        for body in BODIES:
            yield client.open(url, method=method, json=body, headers=key | token)
        files = {"document": (io.BytesIO(b"{}"), "x.json")}
        yield client.open(url, method=method, data=files, headers=key | token, content_type="multipart/form-data")
    else:
        for do in ("approve", "confirm", "refuse", "grant", "uphold", "again", "save"):
            yield post(client, url, SAID | {"do": do, "agrees": "yes", "visible": "1"})


@pytest.mark.parametrize("who", ["another scheme", "another community", "a neighbour", "nobody"])
def test_nothing_of_others_is_shown_or_changed(world: World, ids: dict[str, int], who: str) -> None:
    if who == "another scheme":
        other = World(world.app)
        roles = (Role.ADMIN, Role.OFFICER, Role.STAFF, Role.AUDITOR, Role.CLERK, Role.LEADER, Role.GRID_WORKER)
        client = other.client(stranger(other, other.subdistrict, roles))
    elif who == "another community":
        with transaction():
            elsewhere = world.area(AreaKind.COMMUNITY, "西边社区", world.subdistrict)
        client = world.client(stranger(world, elsewhere, (Role.STAFF, Role.LEADER, Role.GRID_WORKER, Role.CLERK)))
    else:
        client = world.client(world.person("邻居甲") if who == "a neighbour" else None)
    public = ids["version"]  # what is published is everybody's within the scheme
    before, seen = kept_of(world), 0
    for method, url in addresses(world, ids):
        for answer in attempts(client, method, url):
            seen += 1
            assert answer.status_code < 500, f"{method} {url}: {answer.text[:300]}"
            if who != "another scheme" and str(public) in url:
                continue
            assert answer.status_code in (302, 400, 401, 403, 404, 409, 415, 422), (
                f"{method} {url} {answer.status_code}"
            )
            told = [secret for secret in SECRETS if secret in answer.text]
            assert not told, f"{method} {url} tells {told}"
    after = kept_of(world)
    assert {name for name in KEPT if before[name] != after[name]} == set() and seen > 200
    assert clock.now()
