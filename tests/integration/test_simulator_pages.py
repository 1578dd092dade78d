"""The simulator in the browser and by the API: asked for, read, sorted, searched, exported, cancelled; masked."""

from __future__ import annotations

import csv
import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook

from points import clock
from points.awards.simulating import actions, pages
from points.db import transaction
from points.people.models import Role
from points.rulebook.models import RulebookDraft
from tests.factories import World
from tests.forms import post
from tests.integration.awards_world import RULES, load_rules, today
from tests.integration.test_simulator import DRAFT, credited


@pytest.fixture
def town(world: World) -> Any:
    load_rules(world, *RULES)
    staff = world.staff(Role.STAFF)
    for name, rule in (("安小明", "visit"), ("波小红", "home"), ("伊小刚", "served")):
        credited(world, world.person(name), staff, rule)
    return world


def asked(world: World, **more: Any) -> dict[str, Any]:
    on = today(world)
    return {"from_on": (on - timedelta(days=20)).isoformat(), "to_on": on.isoformat(), **more}


def draft(world: World, person_id: int, body: dict[str, Any] = DRAFT) -> RulebookDraft:
    at = clock.now()
    with transaction():
        row = RulebookDraft(scheme_id=world.scheme_id, title="草案", body=body, made_by=person_id, made_at=at)
        row.edited_by, row.edited_at, row.key = person_id, at, str(uuid.uuid4())
        return world.add(row)


def test_an_officer_tries_a_draft_and_reads_who_gains_and_who_loses(town: World) -> None:
    officer = town.staff(Role.OFFICER, area=town.subdistrict)
    made = draft(town, officer.id)
    browser = town.client(officer)
    page = browser.get("/simulations")
    assert page.status_code == 200 and "草案" in page.text
    answer = post(browser, "/simulations", {**asked(town, what=f"draft:{made.id}"), "key": str(uuid.uuid4())})
    assert answer.status_code == 302
    shown = browser.get(answer.location)
    assert shown.status_code == 200
    for words in ("15 → 17", "安○○", "按新细则不算的申报"):
        assert words in shown.text, words
    assert "安小明" not in shown.text
    gaining = browser.get(answer.location + "?show=gain")
    assert "安○○" in gaining.text and "波○○" not in gaining.text
    ascending = browser.get(answer.location + "?order=change&down=0").text
    assert ascending.index("波○○") < ascending.index("伊○○") < ascending.index("安○○")
    found = post(browser, answer.location + "/search", {"text": "波小红"}, follow_redirects=True)
    assert "波○○" in found.text and "安○○" not in found.text
    assert "text=" not in answer.location
    refused = browser.get(answer.location + "/claims?reason=refused")
    assert "伊○○" in refused.text and "这份细则里没有这一项" in refused.text
    assert "安○○" not in refused.text


def test_the_lists_come_as_files_with_masked_names(town: World) -> None:
    officer = town.staff(Role.OFFICER, area=town.subdistrict)
    browser = town.client(officer)
    made = draft(town, officer.id)
    where = post(browser, "/simulations", {**asked(town, what=f"draft:{made.id}"), "key": str(uuid.uuid4())}).location
    sheet = load_workbook(io.BytesIO(browser.get(where + "/people.xlsx").data)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][3:6] == ("原来", "改后", "变化")
    assert [row[3:] for row in rows[1:]] == [(10, 15, 5, 1, 0), (0, 0, 0, 1, 1), (5, 2, -3, 1, 0)]
    assert {row[1] for row in rows[1:]} == {"安○○", "波○○", "伊○○"}
    text = browser.get(where + "/claims.csv").data.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == 4


def test_a_file_with_problems_is_named_by_field_and_nothing_is_asked(town: World) -> None:
    browser = town.client(town.staff(Role.OFFICER, area=town.subdistrict))
    body = json.dumps(DRAFT | {"decimals": 7}).encode()
    form = {**asked(town), "key": str(uuid.uuid4()), "document": (io.BytesIO(body), "d.json")}
    answer = post(browser, "/simulations", form, content_type="multipart/form-data")
    assert answer.status_code == 422 and "改好才能算" in answer.text
    good = {**asked(town), "key": str(uuid.uuid4()), "document": (io.BytesIO(json.dumps(DRAFT).encode()), "d.json")}
    assert post(browser, "/simulations", good, content_type="multipart/form-data").status_code == 302
    wrong = {**asked(town), "to_on": "2199-01-01", "key": str(uuid.uuid4())}
    wrong["document"] = (io.BytesIO(json.dumps(DRAFT).encode()), "d.json")
    answer = post(browser, "/simulations", wrong, content_type="multipart/form-data")
    assert answer.status_code == 422 and "不能到今天以后" in answer.text


def test_a_long_range_is_due_work_that_shows_how_far_it_is_and_can_be_cancelled(
    town: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "AT_ONCE", 1)
    monkeypatch.setattr(pages, "AT_ONCE", 1)
    officer = town.staff(Role.OFFICER, area=town.subdistrict)
    browser = town.client(officer)
    made = draft(town, officer.id)
    where = post(browser, "/simulations", {**asked(town, what=f"draft:{made.id}"), "key": str(uuid.uuid4())}).location
    waiting = browser.get(where)
    assert "<progress" in waiting.text and "一共 3" in waiting.text
    assert post(browser, where + "/cancel", {"key": str(uuid.uuid4())}).status_code == 302
    assert "已经取消" in browser.get(where).text


@pytest.mark.parametrize("role", [Role.STAFF, Role.AUDITOR, Role.CLERK, Role.RESIDENT])
def test_nobody_else_sees_the_simulator(town: World, role: Role) -> None:
    person = town.staff(role, area=town.subdistrict)
    assert town.client(person).get("/simulations").status_code == 403
    assert town.api(person).get("/api/v1/simulations").status_code == 403


def test_the_api_says_the_same_as_the_page(town: World) -> None:
    api = town.api(town.staff(Role.OFFICER, area=town.subdistrict))
    key = {"Idempotency-Key": str(uuid.uuid4())}
    made = api.post("/api/v1/simulations", json=asked(town, document=DRAFT), headers=key)
    assert made.status_code == 201
    body = made.json
    assert (body["state"], body["before"], body["after"], body["refused"]) == ("done", "15", "17", 1)
    assert (body["people"], body["gaining"], body["losing"]) == (3, 1, 1)
    assert body["reasons"] == {"no_such_rule": 1}
    assert api.post("/api/v1/simulations", json=asked(town, document=DRAFT), headers=key).json["id"] == body["id"]
    people = api.get(f"/api/v1/simulations/{body['id']}/people?show=lose").json
    assert [(one["name"], one["change"]) for one in people["people"]] == [("波○○", "-3")]
    claims = api.get(f"/api/v1/simulations/{body['id']}/claims?reason=refused").json
    assert [one["rule"] for one in claims["claims"]] == ["served"]
    assert api.get("/api/v1/simulations").json["simulations"][0]["id"] == body["id"]
    assert api.get("/api/v1/simulations/77").status_code == 404
    bad = api.post("/api/v1/simulations", json=asked(town, document={}), headers={"Idempotency-Key": str(uuid.uuid4())})
    assert bad.status_code == 422 and bad.json["error"] == "bad_rulebook"
