"""The pages on which a rulebook is written, compared, brought in and taken away."""

from __future__ import annotations

import json
import re
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from points import clock
from points.db import db
from points.people.models import Role
from points.rulebook.document import document_from
from points.rulebook.editor_parts import PARTS
from points.rulebook.models import RulebookDraft, RulebookVersion
from tests.factories import World
from tests.forms import post
from tests.integration.drafts_world import begun
from tests.integration.test_rulebook import body, count, load, officer


def fields_of(page: str) -> dict[str, Any]:
    """What a browser would send of the page's editor as it stands."""
    page = page[page.index("data-editor") :]
    form = re.sub(r"<template.*?</template>", "", page[: page.index("</form>")], flags=re.S)
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r' name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        if name and ("checkbox" not in tag or " checked" in tag):
            found.setdefault(name[1], []).append(value[1] if value else "")
    for name, inside in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', form, flags=re.S):
        chosen = re.search(r'value="([^"]*)"[^>]* selected', inside)
        found[name] = [chosen[1] if chosen else ""]
    for name, text in re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', form, flags=re.S):
        found[name] = [text]
    return {name: [unescape(one) for one in values] for name, values in found.items()}


RULEBOOKS = Path(__file__).parents[1] / "rulebooks"
WHOLE = [
    *sorted(RULEBOOKS.glob("*.json")),
    *(RULEBOOKS / f"field/{name}.json" for name in ("fire-safety", "practice-teams")),
]


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_saving_every_page_as_it_is_shown_changes_nothing(world: World, path: Path) -> None:
    client = world.client(officer(world))
    document = document_from(json.loads(path.read_text("utf-8"))).body
    file = (BytesIO(json.dumps(document).encode()), "x.json")
    tenths = World(world.app, points_scale=1)
    client = tenths.client(officer(tenths))
    address = post(client, "/rulebook/drafts", {"start": "file", "document": file}).location
    draft_id = int(address.rsplit("/", 1)[1])
    before = db.session.scalar(select(RulebookDraft.body).where(RulebookDraft.id == draft_id))
    for place in range(len(before["rules"])):
        page = client.get(f"{address}/rules/{place}")
        assert page.status_code == 200, page.text
        assert post(client, f"{address}/rules/{place}", fields_of(page.text) | {"do": "save"}).status_code == 302
    for part in PARTS:
        at = f"{address}/parts/{part.name}"
        assert post(client, at, fields_of(client.get(at).text) | {"do": "save"}).status_code == 302
    db.session.expire_all()
    after, version = db.session.execute(
        select(RulebookDraft.body, RulebookDraft.version).where(RulebookDraft.id == draft_id)
    ).one()
    assert (after, version) == (before, 1)


def test_an_officer_writes_changes_compares_and_publishes(world: World) -> None:
    load(world, body("hailin"))
    client = world.client(officer(world))
    assert "现在没有草稿" in client.get("/rulebook/versions").text
    address = post(client, "/rulebook/drafts", {"start": "preset:hehuatang"}).location
    page = client.get(f"{address}/rules/0").text
    assert "每次 15 分" in page and "试算" in page
    sent = fields_of(page) | {"amount.type": "brackets", "do": "add:amount.brackets"}
    more = post(client, f"{address}/rules/0", sent).text
    assert 'name="amount.brackets.0.points"' in more, "a row is added without a script, and nothing is saved"
    sent |= {"amount.brackets.0.from": "1", "amount.brackets.0.points": "x", "do": "save"}
    assert post(client, f"{address}/rules/0", sent).status_code == 302
    page = client.get(f"{address}/rules/0").text
    assert "请填数字" in page and 'href="#field-amount.brackets.0.points"' in page
    assert "还有 1 处要改" in client.get(f"{address}/publish").text
    refused = post(client, f"{address}/publish", {"label": "新", "effective_on": "2027-01-01", "version": "2"})
    assert refused.status_code == 422
    sent = fields_of(page) | {"amount.brackets.0.points": "20", "do": "save"}
    assert post(client, f"{address}/rules/0", sent).status_code == 302
    assert "够 1 次这一档，20 分" in re.sub(r"\s+", " ", client.get(f"{address}/rules/0").text)
    current = count(world, RulebookVersion)
    day = clock.now().date().replace(year=clock.now().year + 1).isoformat()
    check = client.get(f"{address}/publish").text
    assert "没有问题" in check and "海林 试行" in check
    version = re.search(r'name="version" value="([0-9]+)"', check)
    assert version is not None
    sent = {"label": "禾花塘 新", "effective_on": day, "version": version[1]}
    late = post(client, f"{address}/publish", sent | {"effective_on": "2020-01-01"})
    assert late.status_code == 422 and "新版本最早从" in late.text
    done = post(client, f"{address}/publish", sent)
    assert done.status_code == 302 and "version=" in done.location
    assert post(client, f"{address}/publish", sent).location == done.location, "pressed twice"
    db.session.rollback()
    assert count(world, RulebookVersion) == current + 1
    assert "还没到日子" in client.get("/rulebook/versions").text


def test_a_change_shows_side_by_side_and_can_be_taken_away(world: World) -> None:
    old = load(world, body()).version.id
    client = world.client(officer(world))
    address = post(client, "/rulebook/drafts", {"start": f"version:{old}"}).location
    page = client.get(f"{address}/rules/1").text
    post(client, f"{address}/rules/1", fields_of(page) | {"amount.points": "33", "do": "save"})
    parts = client.get(f"{address}/parts/groups").text
    group = {"groups.0.code": "g", "groups.0.title": "照料", "groups.0.caps.0.what": "points"}
    group |= {"groups.0.caps.0.most": "40", "groups.0.caps.0.per": "month", "do": "save"}
    assert post(client, f"{address}/parts/groups", fields_of(parts) | group).status_code == 302
    query = f"before=v{old}&after=d{address.rsplit('/', 1)[1]}"
    page = client.get(f"/rulebook/changes?{query}").text
    for words in ("每次 10 分", "每次 33 分", "照料", "共用上限", "9 条规则没变"):
        assert words in page, words
    from openpyxl import load_workbook

    sheet = load_workbook(BytesIO(client.get(f"/rulebook/changes.xlsx?{query}").data)).active
    assert any("33" in str(cell) for row in sheet.iter_rows(values_only=True) for cell in row)
    assert "33" in client.get(f"/rulebook/changes.csv?{query}").data.decode("utf-8-sig")
    assert client.get("/rulebook/changes.xlsx").status_code == 404
    assert client.get(f"/rulebook/changes?before=v1&after=d{2**65}").status_code == 404


def test_the_script_is_answered_with_problems_by_field_and_what_the_rule_says(world: World) -> None:
    client = world.client(officer(world))
    address = post(client, "/rulebook/drafts", {"start": "preset:hailin"}).location
    sent = fields_of(client.get(f"{address}/rules/0").text)
    good = post(client, f"{address}/rules/0/look", sent | {"try.quantity": "3"}).json
    assert good["errors"] == {} and "一次最多算 2" in good["html"]
    bad = post(client, f"{address}/rules/0/look", sent | {"caps.0.most": "-3", "code": "坏 代号"}).json
    assert set(bad["errors"]) == {"caps.0.most", "code"}
    ask = {"Accept": "application/json"}
    saved = post(client, f"{address}/rules/0", sent | {"title": "改过"}, headers=ask).json
    assert saved["version"] == 2
    stale = post(client, f"{address}/rules/0", sent | {"title": "别的"}, headers=ask)
    assert stale.status_code == 409 and stale.json["error"] == "draft_changed"
    shown = post(client, f"{address}/rules/0", sent | {"title": "别的", "do": "save"})
    assert shown.status_code == 409 and 'value="别的"' in shown.text and "刚改过这一处" in shown.text
    twice = {"trust.0.source": "self", "trust.0.points": "50", "trust.1.source": "self", "seen": saved["seen"]}
    doubled = post(client, f"{address}/rules/0", sent | twice, headers=ask)
    assert doubled.status_code == 422 and "trust.1.source" in doubled.json["errors"]


def test_rules_are_moved_copied_and_removed_from_the_list(world: World) -> None:
    client = world.client(officer(world))
    address = post(client, "/rulebook/drafts", {"start": "preset:hehuatang"}).location

    def press(verb: str, place: int) -> None:
        found = re.search(rf'value="({verb}:{place}:[0-9a-f]{{16}})"', client.get(address).text)
        assert found is not None
        assert post(client, f"{address}/rules", {"do": found[1]}).status_code == 302

    def order() -> list[str]:
        return re.findall(r'/rules/[0-9]+">([^<]+)</a>', client.get(address).text)

    before = order()
    press("down", 0)
    assert order() == [before[1], before[0], *before[2:]]
    press("copy", 2)
    assert order()[2:4] == [before[2]] * 2
    press("remove", 3)
    assert len(order()) == 10
    assert post(client, f"{address}/undo").status_code == 302
    assert len(order()) == 11
    assert post(client, f"{address}/rules", {"do": "explode:1:aaaaaaaaaaaaaaaa"}).status_code == 404
    assert post(client, f"{address}/rules", {"do": "add"}).location.endswith("/rules/11")


def test_every_part_of_the_document_has_a_page(world: World) -> None:
    from points.rulebook.shape import document_shape

    covered = {name for part in PARTS for name in part.fields} | {"rules", "format"}
    assert {node.name for node in document_shape().fields} == covered
    client = world.client(officer(world))
    address = post(client, "/rulebook/drafts", {"start": "empty"}).location
    for part in PARTS:
        page = client.get(f"{address}/parts/{part.name}")
        assert page.status_code == 200, page.text
        assert post(client, f"{address}/parts/{part.name}", fields_of(page.text) | {"do": "save"}).status_code == 302
    assert client.get(f"{address}/parts/nothing").status_code == 404


def test_files_go_out_and_come_back(world: World) -> None:
    client = world.client(officer(world))
    address = post(client, "/rulebook/drafts", {"start": "preset:huangshi"}).location
    for kind in ("xlsx", "json"):
        data = client.get(f"{address}/rulebook.{kind}").data
        made = post(client, "/rulebook/drafts", {"start": "file", "document": (BytesIO(data), f"x.{kind}")})
        assert made.status_code == 302, made.text
        draft = db.session.get(RulebookDraft, (world.scheme_id, int(made.location.rsplit("/", 1)[1])))
        assert draft is not None and draft.body == body("huangshi")
    from openpyxl import load_workbook

    book = load_workbook(BytesIO(client.get(f"{address}/rulebook.xlsx").data))
    sheet = book["细则"]
    column = next(cell.column for cell in sheet[2] if cell.value == "unit")
    sheet.cell(3, column).value = "parsec"
    book["版本"]["C3"].value = "=1+1"
    out = BytesIO()
    book.save(out)
    for at, start in (("/rulebook/drafts", {"start": "file"}), (f"{address}/file", {}), ("/rulebook/load", {})):
        page = post(client, at, start | {"document": (BytesIO(out.getvalue()), "x.xlsx")})
        assert page.status_code == 422 and "这一格是公式" in page.text, at
        assert ">C3<" in page.text
    assert client.get("/rulebook/template.xlsx").status_code == 200
    replaced = client.get("/rulebook/template.xlsx").data
    assert post(client, f"{address}/file", {"document": (BytesIO(replaced), "x.xlsx")}).status_code == 422
    for junk in (b"", b"PK\x03\x04junk", b"\xd0\xcf\x11\xe0", b"{", b'{"label": "\\ud800"}'):
        assert post(client, f"{address}/file", {"document": (BytesIO(junk), "x")}).status_code == 422


@pytest.mark.parametrize("kind", ["xlsx", "json"])
def test_a_file_that_says_the_same_changes_nothing_and_the_page_says_so(world: World, kind: str) -> None:
    from openpyxl import load_workbook

    client = world.client(officer(world))
    address = post(client, "/rulebook/drafts", {"start": "preset:huangshi"}).location

    def sent(data: bytes) -> tuple[str, int]:
        assert post(client, f"{address}/file", {"document": (BytesIO(data), f"x.{kind}")}).status_code == 302
        db.session.expire_all()
        draft = db.session.get_one(RulebookDraft, (world.scheme_id, int(address.rsplit("/", 1)[1])))
        return client.get(address).text, len(draft.steps)

    data = client.get(f"{address}/rulebook.{kind}").data
    same, other = BytesIO(), BytesIO()
    if kind == "xlsx":
        book = load_workbook(BytesIO(data))
        book.save(same)  # opened and saved by another program
        book["细则"]["B3"].value = "换了个名字"
        book.save(other)
    else:
        document = json.loads(data)
        same.write(json.dumps(document, indent=4).encode())
        document["rules"][0]["title"] = "换了个名字"
        other.write(json.dumps(document).encode())
    text, steps = sent(same.getvalue())
    assert steps == 0 and "什么都没改" in text, text[text.index("<main") :][:1500]
    text, steps = sent(other.getvalue())
    assert "有 1 处和原来不一样" in text and "换了个名字" in text and steps == 1


@pytest.mark.parametrize("role", [Role.STAFF, Role.CLERK, Role.AUDITOR, Role.RESIDENT])
def test_nobody_else_opens_the_editor(world: World, role: Role) -> None:
    _, draft = begun(world)
    client = world.client(world.staff(role, world.subdistrict) if role != Role.RESIDENT else world.person())
    for path in (
        "versions",
        f"drafts/{draft.id}",
        f"drafts/{draft.id}/rules/0",
        "changes",
        f"drafts/{draft.id}/publish",
    ):
        assert client.get(f"/rulebook/{path}").status_code == 403, path
    assert post(client, f"/rulebook/drafts/{draft.id}/undo").status_code == 403


def test_a_resident_tries_out_what_a_deed_would_earn(world: World) -> None:
    load(world, body("hailin"))
    client = world.client(world.person())
    page = client.get("/rulebook").text
    address = re.search(r'href="(/rulebook/rules/[0-9]+/try)"', page)
    assert address is not None
    tried = client.get(f"{address[1]}?try.quantity=3").text
    assert "一次最多算 2" in tried and "2 分" in tried
    assert "数量请填数字" in client.get(f"{address[1]}?try.quantity=many").text
    assert client.get(f"{address[1]}?try.quantity=1e999").status_code == 200
    assert client.get("/rulebook/rules/1/try").status_code == 404


@pytest.mark.parametrize("document", [{}, {"rules": [{}]}, {"surprise": 1}, {"rules": [{"code": 5, "amount": {"type": []}}]}, {"categories": [{"code": 1}, {}]}, {"decimals": "many", "groups": [{"caps": [{}]}]}])  # fmt: skip
def test_a_draft_may_be_as_wrong_as_it_likes_and_its_pages_open(world: World, document: dict[str, Any]) -> None:
    person = officer(world)
    headers = {"Idempotency-Key": str(uuid4())}
    made = world.api(person).post("/api/v1/rulebook/drafts", json={"document": document}, headers=headers)
    if made.status_code == 422:
        return
    client, at = world.client(person), f"/rulebook/drafts/{made.json['id']}"
    paths = ["", "/publish", "/rulebook.xlsx", "/rulebook.json", "/parts/categories", "/parts/groups", "/parts/about"]
    paths += ["/rules/0"] if document.get("rules") else []
    for path in paths:
        assert client.get(at + path).status_code == 200, path
    assert client.get(f"/rulebook/changes?before=d{made.json['id']}&after=d{made.json['id']}").status_code == 200


def test_days_and_months_of_redeeming_are_ticked_and_kept(world: World) -> None:
    client = world.client(officer(world))
    window = {"weekdays": [6, 7], "months": [3, 12], "month_days": [1, 15]}
    draft = begun(world, body(redemption={"windows": [window]}))[1]
    address = f"/rulebook/drafts/{draft.id}"
    page = client.get(f"{address}/parts/redemption").text
    for name, ticked, offered in (("weekdays", {"6", "7"}, 7), ("months", {"3", "12"}, 12)):
        boxes = re.findall(
            rf'<input type="checkbox" name="redemption.windows.0.{name}" value="([0-9]+)"( checked)?', page
        )
        assert {value for value, checked in boxes if checked} == ticked and len(boxes) == offered
    assert "一行一个数，如 15" in page and "星期六" in page
    sent = fields_of(page) | {"redemption.windows.0.weekdays": ["1", "7"], "do": "save"}
    assert post(client, f"{address}/parts/redemption", sent).status_code == 302
    db.session.expire_all()
    (kept,) = db.session.scalars(select(RulebookDraft.body).where(RulebookDraft.scheme_id == world.scheme_id))
    assert kept["redemption"]["windows"] == [{**window, "weekdays": [1, 7]}]


def test_conditions_are_folded_until_they_are_used_or_wrong(world: World) -> None:
    choices = [
        {"code": "a", "title": "工作日", "points": 2, "when": {"days": ["workday"]}},
        {"code": "b", "title": "别的日子", "points": 5},
    ]
    rule = {"code": "r01", "title": "陪护", "unit": "event", "amount": {"type": "choice", "choices": choices}}
    client = world.client(officer(world))
    sent = (BytesIO(json.dumps(body("huangshi") | {"rules": [rule]}).encode()), "x.json")
    begun = post(client, "/rulebook/drafts", {"start": "file", "document": sent})
    assert begun.status_code == 302, begun.text
    page = re.sub(r"<template.*?</template>", "", client.get(f"{begun.location}/rules/0").text, flags=re.S)
    assert re.findall(r'<details class="fold"( open)?>', page) == [" open", ""]
