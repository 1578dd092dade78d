"""Appeals on pages and by API: the claimant's, the counter's, the reader's; and what the statement says of them."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import datetime, timedelta
from typing import Any

from openpyxl import load_workbook

from points import clock
from points.awards.appeals.models import Appeal, AppealState
from points.awards.models import Claim
from points.db import db, transaction
from points.people.models import Role
from tests.factories import World
from tests.forms import post
from tests.integration.appeals_world import REASON, WHY, Desk, reported


def text_of(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


def fresh(world: World, model: Any, one_id: int) -> Any:
    return db.session.get_one(model, (world.scheme_id, one_id), populate_existing=True)


def test_a_claimant_appeals_on_the_phone_and_sees_the_clock(world: World) -> None:
    desk = Desk(world)
    claim_id = desk.rejected().id
    client = world.client(desk.person)
    assert "我要申诉" in text_of(client.get(f"/claims/{claim_id}"))
    assert "最晚哪天提" in text_of(client.get(f"/claims/{claim_id}/appeal"))
    short = post(client, f"/claims/{claim_id}/appeal", {"words": "不对"})
    assert short.status_code == 422 and "4 到 500 个字" in text_of(short) and "不对" in text_of(short)
    key = str(uuid.uuid4())
    for _ in range(2):
        done = post(client, f"/claims/{claim_id}/appeal", {"words": WHY, "key": key})
        assert done.status_code == 302 and done.location == f"/claims/{claim_id}"
    page = text_of(client.get(f"/claims/{claim_id}"))
    assert "申诉中" in page and WHY in page and "答复" in page and "我要申诉" not in page
    assert "申诉中" in text_of(client.get("/claims"))
    appeal = db.session.query(Appeal).filter_by(scheme_id=world.scheme_id).one()
    assert post(client, f"/appeals/{appeal.id}/withdraw").status_code == 302
    assert fresh(world, Appeal, appeal.id).state == AppealState.WITHDRAWN


def test_somebody_else_sees_neither_form_nor_appeal(world: World) -> None:
    desk = Desk(world)
    claim_id = desk.rejected().id
    appeal_id = desk.appeal(fresh(world, Claim, claim_id)).id
    client = world.client(world.person("李大山"))
    assert client.get(f"/claims/{claim_id}/appeal").status_code == 404
    assert post(client, f"/claims/{claim_id}/appeal", {"words": WHY}).status_code == 404
    assert post(client, f"/appeals/{appeal_id}/withdraw").status_code == 404
    assert client.get(f"/appeals/{appeal_id}").status_code == 403


def test_staff_write_down_what_an_elder_says(world: World) -> None:
    desk = Desk(world)
    claim_id = desk.rejected().id
    client = world.client(desk.reviewer)
    assert "代居民申诉" in text_of(client.get(f"/claims/{claim_id}/appeal"))
    assert post(client, f"/claims/{claim_id}/appeal", {"words": WHY}).status_code == 302
    page = text_of(world.client(desk.person).get(f"/claims/{claim_id}"))
    assert "工作人员写下来的" in page


def test_a_reader_decides_on_the_page_with_reasons(world: World) -> None:
    desk = Desk(world)
    appeal_id = desk.appeal(desk.rejected()).id
    theirs = world.client(desk.reviewer)
    assert "您经手过" in text_of(theirs.get(f"/appeals/{appeal_id}"))
    refused = post(theirs, f"/appeals/{appeal_id}", {"do": "grant", "reason": REASON})
    assert refused.status_code == 403 and "没有经手过" in text_of(refused)
    client = world.client(desk.reader)
    listed = text_of(client.get("/appeals"))
    assert "王○○" in listed and "王秀兰" not in listed and "陪同就医" in listed
    short = post(client, f"/appeals/{appeal_id}", {"do": "grant", "reason": "是"})
    assert short.status_code == 422 and "4 到 500 个字" in text_of(short)
    assert post(client, f"/appeals/{appeal_id}", {"reason": REASON}).status_code == 422
    done = post(client, f"/appeals/{appeal_id}", {"do": "grant", "reason": REASON})
    assert done.status_code == 302 and desk.balance() == 10
    assert "没有等答复的申诉" in text_of(client.get("/appeals"))
    assert "陪同就医" in text_of(client.get("/appeals?state=granted"))
    claim = text_of(world.client(desk.person).get(f"/claims/{fresh(world, Appeal, appeal_id).claim_id}"))
    assert "申诉成立" in claim and REASON in claim and "现在是 10 分" in claim


def test_the_amount_is_decided_on_the_page_where_the_rule_leaves_it_to_the_reader(world: World) -> None:
    desk = Desk(world)
    appeal_id = desk.appeal(reported(desk, 5)).id
    client = world.client(desk.reader)
    assert "给几分" in text_of(client.get(f"/appeals/{appeal_id}"))
    wrong = post(client, f"/appeals/{appeal_id}", {"do": "grant", "reason": REASON, "points": "x"})
    assert wrong.status_code == 422
    done = post(client, f"/appeals/{appeal_id}", {"do": "grant", "reason": REASON, "points": "12"})
    assert done.status_code == 302 and desk.balance() == 12


def test_the_statement_marks_what_is_appealed_and_names_the_deed_of_all_three_entries(world: World) -> None:
    desk = Desk(world)
    appeal = desk.appeal(reported(desk, 5))
    client = world.client(desk.person)
    assert "申诉中" in text_of(client.get("/me/statement"))
    desk.grant(appeal, points=12)
    page = text_of(client.get("/me/statement"))
    assert "申诉中" not in page and page.count("上报隐患") >= 3  # the former award, its reversal, the new one


def test_the_list_is_filtered_searched_and_exported(world: World) -> None:
    desk = Desk(world)
    first, second = desk.appeal(desk.rejected()), desk.appeal(reported(desk, 5))
    with transaction():
        fresh(world, Appeal, first.id).decide_by = clock.local_date(clock.now(), "Asia/Shanghai") - timedelta(days=1)
    client = world.client(world.staff(Role.OFFICER))
    page = text_of(client.get("/appeals"))
    assert "1 件过了期限" in page and page.index(f"/appeals/{first.id}") < page.index(f"/appeals/{second.id}")
    only = text_of(client.get("/appeals?about=amount"))
    assert f"/appeals/{second.id}" in only and f"/appeals/{first.id}" not in only
    assert f"/appeals/{second.id}" not in text_of(client.get("/appeals?state=overdue"))
    assert post(client, "/appeals/search", {"text": "没有这个人"}).location == "/appeals"
    assert "这里还没有" in text_of(client.get("/appeals"))
    post(client, "/appeals/search", {"text": "陪同"})
    rows = list(csv.reader(io.StringIO(client.get("/appeals/export").get_data().decode("utf-8-sig"))))
    assert len(rows) == 2 and rows[1][1] == "王○○" and rows[1][4] == WHY
    assert all(datetime.fromisoformat(rows[1][place]) for place in (5, 7)), "days that a spreadsheet can sort"
    post(client, "/appeals/search", {"text": ""})
    book = load_workbook(io.BytesIO(client.get("/appeals/export?format=xlsx").get_data()))
    assert book.active.max_row == 3


def test_the_rail_counts_what_is_open(world: World) -> None:
    desk = Desk(world)
    desk.appeal(desk.rejected())
    page = text_of(world.client(desk.reader).get("/appeals"))
    assert '申诉<span class="n">1</span>' in page


def test_what_is_overdue_stands_on_the_first_page_of_officers(world: World) -> None:
    desk = Desk(world)
    appeal_id = desk.appeal(desk.rejected()).id
    client = world.client(world.staff(Role.OFFICER))
    assert "过了期限" not in text_of(client.get("/", follow_redirects=True))
    with transaction():
        appeal = fresh(world, Appeal, appeal_id)
        appeal.decide_by = clock.local_date(clock.now(), "Asia/Shanghai") - timedelta(days=1)
    assert "有 1 件申诉过了期限" in text_of(client.get("/", follow_redirects=True))


def test_reviewers_see_the_appeal_beside_the_claim_and_can_write_one_down(world: World) -> None:
    desk = Desk(world)
    claim_id = desk.rejected().id
    client = world.client(desk.reviewer)
    assert "代居民申诉" in text_of(client.get(f"/queue/{claim_id}"))
    desk.appeal(fresh(world, Claim, claim_id))
    assert WHY in text_of(client.get(f"/queue/{claim_id}"))


def test_an_auditor_reads_and_decides_nothing(world: World) -> None:
    desk = Desk(world)
    appeal_id = desk.appeal(desk.rejected()).id
    client = world.client(world.staff(Role.AUDITOR))
    page = text_of(client.get(f"/appeals/{appeal_id}"))
    assert WHY in page and "您的决定" not in page
    assert post(client, f"/appeals/{appeal_id}", {"do": "refuse", "reason": REASON}).status_code == 403


def test_the_api_does_what_the_pages_do(world: World) -> None:
    desk = Desk(world)
    claim_id = desk.rejected().id
    mine = world.api(desk.person)
    before = mine.get(f"/api/v1/claims/{claim_id}/appeals").get_json()
    assert before["can_appeal"] and before["about"] == "rejection" and before["until_on"] and before["appeals"] == []
    key = {"Idempotency-Key": str(uuid.uuid4())}
    made = mine.post(f"/api/v1/claims/{claim_id}/appeals", json={"words": WHY}, headers=key)
    assert made.status_code == 201 and made.get_json()["state"] == "open"
    again = mine.post(f"/api/v1/claims/{claim_id}/appeals", json={"words": WHY}, headers=key)
    appeal_id = made.get_json()["id"]
    assert again.get_json()["id"] == appeal_id
    second = mine.post(
        f"/api/v1/claims/{claim_id}/appeals", json={"words": WHY}, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert second.status_code == 409 and second.get_json()["error"] == "appealed_already"
    theirs = world.api(desk.reader)
    found = theirs.get("/api/v1/appeals").get_json()
    assert found["open"] == 1 and found["appeals"][0]["person"] == "王○○" and not found["appeals"][0]["is_overdue"]
    assert theirs.get(f"/api/v1/appeals/{appeal_id}").get_json()["words"] == WHY
    assert mine.get("/api/v1/appeals").status_code == 403
    decision = {"do": "grant", "reason": REASON}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    for _ in range(2):
        done = theirs.post(f"/api/v1/appeals/{appeal_id}/decision", json=decision, headers=key)
        assert done.status_code == 200 and done.get_json()["state"] == "granted"
        assert done.get_json()["points_after"] == 10
    late = mine.post(f"/api/v1/appeals/{appeal_id}/withdraw")
    assert late.status_code == 409 and late.get_json()["error"] == "appeal_over"
    assert theirs.post(f"/api/v1/appeals/{appeal_id}/decision", json=decision).status_code == 422
    assert desk.balance() == 10
