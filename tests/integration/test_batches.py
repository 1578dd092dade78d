"""Lists of many awards: read from a sheet or told by the API, forecast row by row, mended, dropped, and seen by whom."""

from __future__ import annotations

import io
import zipfile
from uuid import uuid4

import pytest
from openpyxl import load_workbook

from points import clock
from points.db import db, transaction
from points.people.models import AreaKind, Person, Role
from tests.factories import Books, World
from tests.forms import post
from tests.integration.awards_world import claimed, today
from tests.integration.batches_world import Desk


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_the_same_file_again_and_a_mended_one_add_nothing(desk: Desk, world: World, books: Books) -> None:
    person = world.person()
    data = desk.sheet(desk.row(person, quantity=2))
    first = desk.bring(data)
    desk.let_through(first)
    post(desk.theirs, f"{first}/award")
    again = desk.bring(data)
    assert "已经发过一次" in desk.ours.get(f"{again}?show=all").text
    assert desk.fates(again) == ["double"]
    assert post(desk.ours, f"{again}/send").status_code == 422
    other = desk.bring(desk.sheet(desk.row(person, quantity=1, note="改过的表")))
    assert desk.fates(other) == ["double"] and "里已经有这一条" in desk.ours.get(other).text
    apart = desk.award(desk.row(person, quantity=1, act="下午那次"))
    assert desk.fates(apart) == ["awarded"] and books.wallet(person.id) == 30


def test_caps_are_reckoned_down_the_file(desk: Desk, world: World, books: Books) -> None:
    person = world.person()
    rows = [desk.row(person, quantity=2, act=f"第{n}次") for n in range(3)]
    url = desk.bring(desk.sheet(*rows))
    assert [row.points for row in desk.rows(url)] == [20, 20, 0]  # 40 a month
    desk.let_through(url)
    post(desk.theirs, f"{url}/award")
    assert books.wallet(person.id) == 40


def test_every_wrong_cell_is_named_in_words(desk: Desk, world: World) -> None:
    one = world.person("王一")
    gone = world.person("李四")
    with transaction():
        db.session.get_one(Person, (world.scheme_id, gone.id)).disabled_at = clock.now()
        elsewhere = world.area(AreaKind.COMMUNITY, "别处", world.subdistrict)
    foreign = world.person("外人", area=elsewhere)
    url = desk.bring(
        desk.sheet(
            desk.row(one, "没有这项"),
            desk.row(one, quantity="很多"),
            desk.row(one, day="2026-13-40"),
            desk.row(one, day="2099-01-01"),
            ["R0", "", "visit", 1, "", desk.day, "", "", ""],
            ["", "王一", "visit", 1, "", desk.day, "", "", ""],
            desk.row(one, "report"),
            desk.row(one, "help"),
            desk.row(one, "help", points="99", act="2"),
            desk.row(one, quantity=9, act="3"),
            desk.row(gone),
            desk.row(foreign),
            desk.row(one, name="张三"),
            desk.row(one, points="99", act="4"),
            desk.row(one, "award"),
        )
    )
    page = desk.ours.get(f"{url}?show=all").text
    for sentence in (
        "积分细则里没有“没有这项”",
        "要写数字",
        "日期写成 2026-11-20 这样",
        "那天还没到",
        "没有找到这位居民",
        "只有姓名认不准",
        "要有 1 张照片",
        "这一项由人定分，请填 1 到 20 分",
        "一次最多填 5",
        "这位居民已停用",
        "这位居民登记在别的社区",
        "这个编号登记的不是这个姓名",
        "这一项的分数由积分细则算出，是 10 分",
        "请选一选是哪一种",
    ):
        assert sentence in page, sentence
    assert set(desk.fates(url)) == {"wrong"}
    assert "交给另一位审批" not in page
    book = load_workbook(io.BytesIO(desk.ours.get(f"{url}/rows.xlsx?show=mend").data))
    assert book.active.max_row == 16 and "要写数字" in str(book.active["K3"].value) + str(
        book.active["J3"].value
    ) + str([cell.value for cell in book.active[3]])


def test_doubles_within_the_file_and_with_claims_by_hand_are_named(desk: Desk, world: World) -> None:
    one, two = world.person(), world.person()
    claimed(world, two, done_on=today(world))
    url = desk.bring(desk.sheet(desk.row(one), desk.row(one), desk.row(two), desk.row(two, act="另一次")))
    assert desk.fates(url) == ["good", "double", "double", "good"]
    page = desk.ours.get(f"{url}?show=mend").text
    assert "和第 3 行是同一个人" in page and "已经有一条申报" in page


def test_whoever_approves_reads_who_and_what_where_the_sheet_has_only_numbers(desk: Desk, world: World) -> None:
    person = world.person("顾小花")
    header = ["居民编号", "项目", "数量", "日期"]
    url = desk.bring(desk.sheet([person.number, "visit", 1, desk.day], header=header))
    post(desk.ours, f"{url}/send")
    page = desk.theirs.get(url).text
    assert "顾○○" in page and "顾小花" not in page and "陪同就医" in page


def test_a_list_that_is_dropped_leaves_no_rows(desk: Desk, world: World) -> None:
    url = desk.bring(desk.sheet(desk.row(world.person())))
    assert post(desk.theirs, f"{url}/drop").status_code == 404
    post(desk.ours, f"{url}/drop")
    assert desk.rows(url) == [] and desk.ours.get(url).status_code == 409


def test_a_person_elsewhere_sees_no_list_and_decides_none(desk: Desk, world: World) -> None:
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "别处", world.subdistrict)
    stranger = world.client(world.staff(Role.STAFF, area=elsewhere))
    url = desk.bring(desk.sheet(desk.row(world.person())))
    post(desk.ours, f"{url}/send")
    for path in (url, f"{url}/rows.xlsx"):
        assert stranger.get(path).status_code == 404
    assert post(stranger, f"{url}/approve").status_code == 404
    assert post(stranger, f"{url}/award").status_code == 404
    auditor = world.client(world.staff(Role.AUDITOR))
    assert auditor.get(url).status_code == 200 and post(auditor, f"{url}/approve").status_code == 403


def test_a_workbook_that_would_unfold_without_end_is_refused_before_it_does(desk: Desk) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (200 * 1024 * 1024))
    form = {"area_id": str(desk.world.community.id), "file": (io.BytesIO(out.getvalue()), "名单.xlsx")}
    answer = post(desk.ours, "/batches", form, content_type="multipart/form-data")
    assert answer.status_code == 422 and "表格太大了" in answer.text


def test_cells_that_a_spreadsheet_would_calculate_stay_text(desk: Desk, world: World) -> None:
    person = world.person()
    note = "=HYPERLINK(1)"
    url = desk.bring(desk.sheet(desk.row(person, note="'" + note), desk.row(person, "<b>", act="x")))
    assert "&lt;b&gt;" in desk.ours.get(f"{url}?show=all").text
    book = load_workbook(io.BytesIO(desk.ours.get(f"{url}/rows.xlsx").data))
    cells = [cell.value for row in book.active.iter_rows() for cell in row]
    assert f"'{note}" in cells and not any(str(one).startswith("=") for one in cells)


def test_the_template_lists_the_rules_and_comes_back_as_it_was_filled_in(desk: Desk, world: World) -> None:
    book = load_workbook(io.BytesIO(desk.ours.get("/batches/template.xlsx").data))
    assert [sheet.title for sheet in book.worksheets] == ["发放名单", "积分项目", "怎么填"]
    rules = [row[0].value for row in book.worksheets[1].iter_rows(min_row=2)]
    assert "陪同就医（visit）" in rules and len(rules) == 8
    sheet = book.worksheets[0]
    assert len(sheet.data_validations.dataValidation) == 2
    columns = {cell.value: cell.column for cell in sheet[1]}
    assert {sheet.column_dimensions[cell.column_letter].number_format for cell in sheet[1]} == {"@"}  # 0452 stays 0452
    person = world.person()
    for column, value in {"居民编号": person.number, "项目": rules[0], "日期": desk.day}.items():
        sheet.cell(2, columns[column], value)
    out = io.BytesIO()
    book.save(out)
    assert desk.fates(desk.bring(out.getvalue())) == ["good"]


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04x", b"\xd0\xcf\x11\xe0", "没有\n表头".encode()], ids=["empty", "zip", "xls", "text"]
)
def test_a_file_that_is_no_list_is_refused_kindly(desk: Desk, data: bytes) -> None:
    form = {"area_id": str(desk.world.community.id), "file": (io.BytesIO(data), "名单.csv")}
    answer = post(desk.ours, "/batches", form, content_type="multipart/form-data")
    assert answer.status_code == 422 and 'id="file-error"' in answer.text


def test_the_api_does_what_the_pages_do(desk: Desk, world: World, books: Books) -> None:
    ours, theirs = world.api(desk.maker), world.api(desk.approver)
    person = world.person("王一")
    key = {"Idempotency-Key": str(uuid4())}
    rows = [
        {"number": person.number, "rule": "visit", "day": desk.day},
        {"number": "R0", "rule": "visit", "day": desk.day},
    ]
    body = {"name": "接口", "area_id": str(world.community.id), "rows": rows}
    made = ours.post("/api/v1/batches", json=body, headers=key)
    assert made.status_code == 201 and made.json["rows"]["good"] == 1 and made.json["points"] == "10"
    url = f"/api/v1/batches/{made.json['id']}"
    listed = ours.get(f"{url}/rows?show=mend").json["rows"]
    assert [row["row"] for row in listed] == [2] and "没有找到" in listed[0]["problems"]["number"]
    assert ours.post(f"{url}/send").json["state"] == "waiting"
    assert ours.post(f"{url}/approve").json["error"] == "own_batch"
    assert theirs.post(f"{url}/approve").json["state"] == "approved"
    assert theirs.post(f"{url}/award").json["state"] == "done"
    assert books.wallet(person.id) == 10
    assert ours.get("/api/v1/batches?state=done").json["batches"][0]["id"] == made.json["id"]
    data = {"file": (io.BytesIO(desk.sheet(desk.row(person, act="2"))), "a.xlsx")}
    sent = ours.post(f"/api/v1/batches/file?area_id={world.community.id}", data=data)
    assert sent.status_code == 201 and sent.json["rows"]["good"] == 1
    assert ours.post(f"/api/v1/batches/{sent.json['id']}/drop").status_code == 204
