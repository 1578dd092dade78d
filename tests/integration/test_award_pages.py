"""Claims over HTTP: the form, the queue, corrections, photos; hostile values change nothing."""

from __future__ import annotations

import re
import uuid
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from points.awards.models import Claim, ClaimPhoto, Correction, Review
from points.db import db
from points.people.models import Role
from tests.factories import World
from tests.integration.awards_world import RULES, claimed, load_rules, today


@pytest.fixture
def place(world: World) -> World:
    load_rules(world, *RULES)
    return world


def token_of(client: FlaskClient) -> str:
    """The client's form token, asked for once."""
    if not hasattr(client, "form_token"):
        page = client.get("/claims").get_data(as_text=True)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert found, page[:500]
        client.form_token = found[1]
    return client.form_token


def send(client: FlaskClient, path: str, data: dict[str, Any], **kwargs: Any) -> Any:
    return client.post(path, data={"csrf_token": token_of(client), "key": str(uuid.uuid4()), **data}, **kwargs)


def picture(colour: str = "green") -> BytesIO:
    out = BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "PNG")
    out.seek(0)
    return out


def deed(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "rule": "visit",
        "quantity": "1",
        "done_on": today(world).isoformat(),
        "done_at": "morning",
        "place": "社区医院",
        "note": "陪楼下老邻居去医院换药",
        "person_id": "",
        **changes,
    }


def count(world: World, model: Any = Claim) -> int:
    db.session.rollback()
    return db.session.scalar(db.select(db.func.count()).select_from(model).filter_by(scheme_id=world.scheme_id))


def only_claim(world: World) -> Claim:
    db.session.rollback()
    return db.session.scalars(db.select(Claim).filter_by(scheme_id=world.scheme_id)).one()


# ---------------------------------------------------------------- the claimant


def test_a_resident_files_a_claim_with_a_photo_and_sees_its_path(place: World) -> None:
    client = place.client(place.person())
    assert "楼道劳动" in client.get("/claims/new").get_data(as_text=True)
    answer = send(client, "/claims", deed(place, photos=[(picture(), "a.png")]), content_type="multipart/form-data")
    assert answer.status_code == 302
    page = client.get(answer.location).get_data(as_text=True)
    assert "等审核" in page and "社区医院" in page and "已交给社区" in page
    photo = re.search(r'src="(/claims/photos/\d+)"', page)
    assert photo
    with client.get(photo[1]) as shown:
        assert shown.mimetype == "image/jpeg"
    assert "陪同就医" in client.get("/claims").get_data(as_text=True)


def test_sending_the_form_twice_files_one_claim(place: World) -> None:
    client, key = place.client(place.person()), str(uuid.uuid4())
    first = send(client, "/claims", deed(place, key=key, photos=[(picture(), "a.png")]))
    again = send(client, "/claims", deed(place, key=key, photos=[(picture(), "a.png")]))
    assert first.location == again.location and count(place) == 1 and count(place, ClaimPhoto) == 1


def test_without_script_the_forecast_is_shown_and_nothing_is_filed(place: World) -> None:
    client = place.client(place.person())
    answer = send(client, "/claims", deed(place, rule="sweep", quantity="3.5", do="forecast"))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "2 分" in page and "一次最多算 2 分" in page
    assert count(place) == 0


def test_the_script_asks_for_the_forecast_as_json(place: World) -> None:
    client = place.client(place.person())
    headers = {"X-CSRFToken": token_of(client), "Accept": "application/json"}
    body = deed(place, rule="report", photos=0)
    seen = client.post("/claims/forecast", json=body, headers=headers)
    assert seen.json["big"] == "2 到 50 分" and not seen.json["can_be_sent"]
    assert any(line["icon"] == "warn" and "照片" in line["text"] for line in seen.json["lines"])
    wrong = client.post("/claims/forecast", json={**body, "quantity": "x"}, headers=headers)
    assert wrong.status_code == 422 and wrong.json["facts"]["fields"]["quantity"] == ["请填数字。"]


def test_what_is_missing_is_said_beside_its_field_and_what_was_typed_stays(place: World) -> None:
    client = place.client(place.person())
    typed = deed(place, rule="report", place="", quantity="1", note="井盖坏了<b>")
    answer = send(client, "/claims", typed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "要有 1 张照片" in page and "井盖坏了&lt;b&gt;" in page
    kept = send(client, "/claims", {**typed, "photos": [(picture(), "a.png")]})
    page = kept.get_data(as_text=True)
    assert kept.status_code == 422 and "要写在哪里做的" in page
    photo = re.search(r'name="photo_ids" value="(\d+)"', page)
    assert photo
    assert send(client, "/claims", {**typed, "place": "3 号楼", "photo_ids": photo[1]}).status_code == 302
    assert count(place, ClaimPhoto) == 1


def test_a_broken_photo_is_refused_in_words(place: World) -> None:
    client = place.client(place.person())
    answer = send(client, "/claims", deed(place, photos=[(BytesIO(b"GIF89a not a photo"), "a.png")]))
    assert answer.status_code == 422 and "这张照片用不了" in answer.get_data(as_text=True) and count(place) == 0


def test_the_claimant_completes_and_withdraws(place: World) -> None:
    resident, staff = place.person(), place.staff(Role.STAFF)
    client, desk = place.client(resident), place.client(staff)
    claim = claimed(place, resident)
    send(desk, f"/queue/{claim.id}", {"do": "return", "reason": "请补一张照片"})
    page = client.get(f"/claims/{claim.id}").get_data(as_text=True)
    assert "请补一张照片" in page and "补好再交" in page
    again = send(client, f"/claims/{claim.id}/resend", {"note": "补上照片", "photos": [(picture(), "b.png")]})
    assert again.status_code == 302 and only_claim(place).state == "waiting"
    assert send(client, f"/claims/{claim.id}/withdraw", {}).status_code == 302
    assert only_claim(place).state == "withdrawn"
    assert send(client, f"/claims/{claim.id}/withdraw", {}).status_code == 409


def test_staff_claim_for_a_resident_found_by_number_name_or_phone(place: World) -> None:
    resident, staff = place.person("周大爷"), place.staff(Role.STAFF)
    client = place.client(staff)
    assert "替谁报" in client.get("/claims/new?on_behalf=1").get_data(as_text=True)
    for sought in (resident.number, "周"):
        page = send(client, "/claims/find", {"sought": sought}).get_data(as_text=True)
        assert "周○爷" in page and "周大爷" not in page
    assert "没有找到" in send(client, "/claims/find", {"sought": "%"}).get_data(as_text=True)
    form = client.get(f"/claims/new?person={resident.id}").get_data(as_text=True)
    assert "替 周○爷" in form
    answer = send(client, "/claims", deed(place, person_id=str(resident.id)))
    assert answer.status_code == 302 and only_claim(place).source == "staff"


def test_a_photo_is_shown_to_claimant_enterer_and_staff_in_reach_only(place: World) -> None:
    resident = place.person()
    client = place.client(resident)
    send(client, "/claims", deed(place, photos=[(picture(), "a.png")]))
    db.session.rollback()
    photo = db.session.scalars(db.select(ClaimPhoto.photo_id).filter_by(scheme_id=place.scheme_id)).one()
    other = World(place.app)
    seen = {
        200: [client, place.client(place.staff(Role.STAFF)), place.client(place.staff(Role.AUDITOR))],
        404: [
            place.client(place.person("李四")),
            place.client(place.staff(Role.CLERK)),
            other.client(other.staff(Role.STAFF)),
        ],
    }
    for status, clients in seen.items():
        for one in clients:
            with one.get(f"/claims/photos/{photo}") as answer:
                assert answer.status_code == status
    assert place.client().get(f"/claims/photos/{photo}").status_code == 302


# ---------------------------------------------------------------- the queue


def test_many_decisions_in_one_go_each_with_its_own_result(place: World) -> None:
    residents = [place.person(name) for name in ("张三", "李四", "王五")]
    staff, colleague = place.staff(Role.STAFF), place.staff(Role.STAFF)
    first, second, third = (claimed(place, one) for one in residents)
    own = claimed(place, staff, person_id=residents[0].id)
    desk = place.client(staff)
    page = desk.get("/queue").get_data(as_text=True)
    assert "您录的，别人审" in page and "张○○" in page and "张三" not in page
    raced = send(place.client(colleague), "/queue", {f"do-{third.id}": "approve"})
    assert "通过 1 条共 10 分" in raced.get_data(as_text=True)
    form = {
        "key": str(uuid.uuid4()),
        f"do-{first.id}": "approve",
        f"do-{second.id}": "return",
        f"reason-{second.id}": "请补一张照片",
        f"do-{third.id}": "approve",
        f"do-{own.id}": "approve",
        "do-999999999999999999999": "approve",
        "do-abc": "approve",
    }
    for _ in range(2):  # a reload repeats nothing
        text = send(desk, "/queue", form).get_data(as_text=True)
        assert "通过 1 条共 10 分，退回 1 条" in text and "2 条没办成" in text
        assert "这条刚由另一位同事办好了，没有重复入账。" in text and "这条是您录的，要请另一位来审。" in text
    db.session.rollback()
    states = dict(db.session.execute(db.select(Claim.id, Claim.state).filter_by(scheme_id=place.scheme_id)).all())
    assert states == {first.id: "approved", second.id: "returned", third.id: "approved", own.id: "waiting"}


def test_picked_rows_are_approved_together_without_script(place: World) -> None:
    claims = [claimed(place, place.person()) for _ in range(3)]
    desk = place.client(place.staff(Role.STAFF))
    form = {f"do-{claim.id}": "" for claim in claims} | {f"pick-{claims[0].id}": "1", f"pick-{claims[1].id}": "1"}
    text = send(desk, "/queue", {**form, "all": "approve"}).get_data(as_text=True)
    assert "通过 2 条共 20 分" in text


def test_the_reviewer_gives_points_where_the_rule_leaves_them_open(place: World) -> None:
    resident, desk = place.person(), place.client(place.staff(Role.STAFF))
    client = place.client(resident)
    send(client, "/claims", deed(place, rule="report", photos=[(picture(), "a.png")]))
    claim = only_claim(place)
    assert "2 到 50 分，由您定" in desk.get(f"/queue/{claim.id}").get_data(as_text=True)
    for wrong in ("", "1", "51", "-3", "abc", "9" * 30, "1e3", "５"):
        answer = send(desk, f"/queue/{claim.id}", {"do": "approve", "points": wrong})
        assert answer.status_code == 422, wrong
    assert send(desk, f"/queue/{claim.id}", {"do": "approve", "points": "30"}).status_code == 302
    assert only_claim(place).points == 30


def test_the_reviewer_says_what_became_of_the_deed(place: World) -> None:
    half = {"code": "half", "title": "只做了一半", "percent": 50}
    load_rules(place, {**RULES[0], "outcomes": [half]}, on=today(place), label="b")
    first, second = (claimed(place, place.person(), done_on=today(place)) for _ in range(2))
    desk = place.client(place.staff(Role.STAFF))
    assert "只做了一半：算 50%" in desk.get(f"/queue/{first.id}").get_data(as_text=True)
    send(desk, f"/queue/{first.id}", {"do": "approve", "outcome": "half"})
    page = send(desk, "/queue", {f"do-{second.id}": "approve", f"outcome-{second.id}": "half"})
    assert "通过 1 条共 5 分" in page.get_data(as_text=True)
    db.session.rollback()
    assert set(db.session.scalars(db.select(Claim.points).filter_by(scheme_id=place.scheme_id))) == {5}


def test_the_queue_is_filtered_searched_and_exported(place: World) -> None:
    claimed(place, place.person("张三"))
    claimed(place, place.person("=cmd|' /C calc'!A0"), "sweep", 1000, note="=1+1")
    desk = place.client(place.staff(Role.STAFF))
    assert "<small>陪同就医" not in desk.get("/queue?kind=volunteering").get_data(as_text=True)
    send(desk, "/queue/search", {"text": "张", "state": "waiting", "kind": ""})
    page = desk.get("/queue").get_data(as_text=True)
    assert "张○○" in page and "<small>楼道劳动" not in page
    assert "张" not in send(desk, "/queue/search", {"text": "张"}).location
    send(desk, "/queue/search", {"clear": "1"})
    csv = desk.get("/queue/export?state=all").data.decode("utf-8-sig")
    assert len(csv.strip().splitlines()) == 3 and "'=1+1" in csv and "张三" not in csv
    sheet = desk.get("/queue/export?state=all&format=xlsx")
    import openpyxl

    cells = [cell for row in openpyxl.load_workbook(BytesIO(sheet.data)).active.iter_rows() for cell in row]
    assert "'=1+1" in [cell.value for cell in cells] and all(cell.data_type != "f" for cell in cells)
    assert "没有找到" in send(desk, "/queue/search", {"text": "没有这个人"}, follow_redirects=True).get_data(
        as_text=True
    )


def test_the_pane_is_a_part_and_the_item_a_page(place: World) -> None:
    claim = claimed(place, place.person())
    desk = place.client(place.staff(Role.STAFF))
    part, page = desk.get(f"/queue/{claim.id}?pane=1"), desk.get(f"/queue/{claim.id}")
    assert b"<html" not in part.data and b"<html" in page.data
    assert "没有疑点" in part.get_data(as_text=True)


def test_a_photo_used_before_and_a_deed_claimed_twice_are_pointed_out(place: World) -> None:
    first, second = place.person("张三"), place.person("李四")
    send(place.client(first), "/claims", deed(place, photos=[(picture("red"), "a.png")]))
    send(place.client(second), "/claims", deed(place, photos=[(picture("red"), "b.png")]))
    send(place.client(second), "/claims", deed(place, quantity="2"))
    page = place.client(place.staff(Role.STAFF)).get("/queue").get_data(as_text=True)
    assert page.count("照片像用过</span>") >= 2 and page.count("同一天报过同一项</span>") >= 2


def test_only_reviewers_open_the_queue_and_only_in_their_area(place: World) -> None:
    claim = claimed(place, place.person())
    for role in (Role.RESIDENT, Role.CLERK, Role.GRID_WORKER, Role.LEADER, Role.AUDITOR, Role.ADMIN):
        client = place.client(place.staff(role))
        assert client.get("/queue").status_code == 403
        assert send(client, "/queue", {f"do-{claim.id}": "approve"}).status_code == 403
        assert send(client, f"/queue/{claim.id}", {"do": "approve"}).status_code == 403
    other = World(place.app)
    desk = other.client(other.staff(Role.STAFF))
    for path in (f"/queue/{claim.id}", f"/claims/{claim.id}"):
        assert desk.get(path).status_code == 404
    assert send(desk, f"/queue/{claim.id}", {"do": "approve"}).status_code == 404
    assert "没有找到" in send(desk, "/queue", {f"do-{claim.id}": "approve"}).get_data(as_text=True)
    assert only_claim(place).state == "waiting"


# ---------------------------------------------------------------- corrections


def test_a_wrong_award_is_asked_and_confirmed_on_pages(place: World) -> None:
    claim = claimed(place, place.person())
    staff, second = place.client(place.staff(Role.STAFF)), place.client(place.staff(Role.STAFF, name="秦岚"))
    send(staff, f"/queue/{claim.id}", {"do": "approve"})
    assert send(staff, f"/queue/{claim.id}/correction", {"reason": ""}).status_code == 422
    assert send(staff, f"/queue/{claim.id}/correction", {"reason": "记错了人"}).status_code == 302
    db.session.rollback()
    asked = db.session.scalars(db.select(Correction.id).filter_by(scheme_id=place.scheme_id)).one()
    mine = staff.get("/corrections").get_data(as_text=True)
    assert "这条更正是您提的" in mine and "确认更正" not in mine
    assert send(staff, f"/corrections/{asked}", {"do": "confirm"}).status_code == 403
    assert "确认更正，收回 10 分" in second.get("/corrections").get_data(as_text=True)
    assert send(second, f"/corrections/{asked}", {"do": "refuse"}).status_code == 422
    assert send(second, f"/corrections/{asked}", {"do": "confirm"}).status_code == 302
    assert only_claim(place).state == "reversed"
    done = second.get("/corrections?state=done").get_data(as_text=True)
    assert "已更正" in done and re.search("谁确认的</dt><dd>秦○○", done)  # both of the two people
    page = staff.get(f"/queue/{claim.id}").get_data(as_text=True)
    assert "<span>原来入账</span>" in page and "<span>已入账</span>" not in page


def test_corrections_are_searched_and_exported(place: World) -> None:
    staff, second = place.client(place.staff(Role.STAFF)), place.client(place.staff(Role.STAFF))
    for name, reason in (("王秀兰", "记错了人"), ("李国强", "记了两次")):
        claim = claimed(place, place.person(name))
        send(staff, f"/queue/{claim.id}", {"do": "approve"})
        send(staff, f"/queue/{claim.id}/correction", {"reason": reason})
    whole = second.get("/corrections").get_data(as_text=True)
    assert "记错了人" in whole and "记了两次" in whole
    send(second, "/corrections/search", {"text": "李国", "state": "asked"})
    found = second.get("/corrections").get_data(as_text=True)
    assert "记了两次" in found and "记错了人" not in found
    table = second.get("/corrections/export.csv?state=all").get_data(as_text=True)
    assert "李○○" in table and "记了两次" in table and "记错了人" not in table and "李国强" not in table
    assert second.get("/corrections/export.xlsx").data[:2] == b"PK"
    send(second, "/corrections/search", {"text": "没有这个人"})
    assert "没有找到" in second.get("/corrections").get_data(as_text=True)


# ---------------------------------------------------------------- hostile values

BAD = [
    "",
    " ",
    "x",
    "-1",
    "0",
    "1e9",
    "9" * 400,
    "' OR 1=1 --",
    "\x00",
    "😀" * 300,
    "１",
    "NaN",
    "2026-13-45",
    "[]",
    "null",
]


@pytest.mark.parametrize("name", ["rule", "quantity", "done_on", "done_at", "person_id", "photo_ids", "place", "note"])
def test_no_value_of_the_claim_form_breaks_it(place: World, name: str) -> None:
    client = place.client(place.person())
    for value in BAD:
        answer = send(client, "/claims", deed(place, **{name: value}))
        assert answer.status_code in (302, 400, 404, 422), (name, value, answer.status_code)
        headers = {"X-CSRFToken": token_of(client), "Accept": "application/json"}
        for given in (value, None, [], {}, 10**30, True, -0.5):
            seen = client.post("/claims/forecast", json=deed(place, **{name: given}), headers=headers)
            assert seen.status_code in (200, 400, 404, 422), (name, given, seen.status_code)
    assert count(place, Review) == count(place)


@pytest.mark.parametrize("id", ["0", "1", str(2**63), str(2**64), "9" * 50, "-1", "x"])
def test_ids_that_are_none_are_not_found(place: World, id: str) -> None:
    claimed(place, place.person())
    desk = place.client(place.staff(Role.STAFF))
    for path in (f"/claims/{id}", f"/queue/{id}", f"/claims/photos/{id}"):
        assert desk.get(path).status_code == 404
    for path in (
        f"/queue/{id}",
        f"/queue/{id}/correction",
        f"/claims/{id}/withdraw",
        f"/claims/{id}/resend",
        f"/corrections/{id}",
    ):
        assert send(desk, path, {"do": "approve", "reason": "测试一下"}).status_code == 404, path
    assert desk.get(f"/claims/new?person={id}").status_code in (200, 404)
    assert desk.get(f"/queue?after={id}&kind={id}&state={id}&open={id}").status_code == 200


def test_a_form_without_token_or_key_is_refused(place: World) -> None:
    client = place.client(place.person())
    assert client.post("/claims", data=deed(place)).status_code == 400
    assert client.post("/claims", data={**deed(place), "csrf_token": token_of(client)}).status_code == 422
    assert count(place) == 0


def test_no_value_of_the_reviewers_forms_breaks_them(place: World) -> None:
    resident, staff, second = place.person(), place.staff(Role.STAFF), place.staff(Role.STAFF)
    waiting, credited = claimed(place, resident), claimed(place, resident)
    desk, other = place.client(staff), place.client(second)
    send(desk, f"/queue/{credited.id}", {"do": "approve"})
    send(desk, f"/queue/{credited.id}/correction", {"reason": "记错了人"})
    db.session.rollback()
    asked = db.session.scalars(db.select(Correction.id).filter_by(scheme_id=place.scheme_id)).one()
    for value in BAD:
        for path, data in (
            ("/queue/search", {"text": value, "state": value, "kind": value}),
            ("/claims/find", {"sought": value}),
            ("/queue", {f"do-{waiting.id}": value, f"reason-{waiting.id}": value, f"points-{waiting.id}": value}),
            ("/queue", {f"do-{waiting.id}": "approve", f"points-{waiting.id}": value.strip() or "x"}),
            (f"/queue/{waiting.id}", {"do": value, "reason": value}),
            (f"/queue/{waiting.id}", {"do": "approve", "points": value.strip() or "x"}),
            (f"/corrections/{asked}", {"do": value, "reason": value}),
            (f"/queue/{waiting.id}/correction", {"reason": value}),
            (f"/queue/{waiting.id}", {"do": "approve", "key": value}),
        ):
            answer = send(other, path, data)
            assert answer.status_code < 500, (path, data, answer.status_code)
        assert other.get("/queue").status_code == 200
    db.session.rollback()
    states = dict(db.session.execute(db.select(Claim.id, Claim.state).filter_by(scheme_id=place.scheme_id)).all())
    assert states == {waiting.id: "waiting", credited.id: "approved"}
