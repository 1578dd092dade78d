"""Resident lists from real files: looked at, mended, written once, whatever happens in between."""

from __future__ import annotations

import io
import threading
import time
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import func, select

from points import clock
from points.db import db, in_own_transaction, transaction
from points.people import importing, sheets, writing
from points.people.models import AreaKind, Household, ImportFile, Person, Role, SignInName, Trace
from tests.factories import World
from tests.forms import post
from tests.integration.imports_world import ROWS, counts, people, upload, xlsx


@pytest.fixture
def client(world: World) -> FlaskClient:
    return world.client(world.staff(Role.STAFF))


def test_a_list_is_looked_at_first_and_then_what_is_right_is_written(world: World, client: FlaskClient) -> None:
    answer = upload(client, world, xlsx(ROWS))
    assert answer.status_code == 302
    assert people(world) == {}
    page = client.get(answer.location).text
    assert "什么都还没写入" in page
    for sentence in ("手机号只有 10 位，少了 1 位", "没写姓名", "和第 7 行编号相同，请留一行", "和第 6 行编号相同"):
        assert sentence in page
    assert 'data-label="表格行">4</td>' in page  # as numbered in the sheet: title and header are rows 1 and 2
    assert "139****902" in page
    assert "1390013902" not in page
    assert "王○○" in page
    assert "写入没问题的 2 行" in page
    assert counts(world) == {"new": 2, "wrong": 2, "double": 2}

    written = post(client, f"{answer.location}/write")
    assert written.location == answer.location
    made = people(world)
    assert set(made) == {"张三丰", "曾乐"}
    one = made["张三丰"]
    assert (one.number, one.phone, one.birth_year, one.area_id) == ("0451", "13800138001", 1951, world.grid.id)
    assert made["曾乐"].household_id == one.household_id
    assert len(made["曾乐"].number) == 8
    assert db.session.get(SignInName, (world.scheme_id, "0451")).person_id == one.id
    page = client.get(answer.location).text
    assert "写好了 2 行" in page
    assert "剩下 4 行改好后再传" in page


@pytest.fixture(autouse=True)
def first_grid_has_a_digit(world: World) -> None:
    with transaction():
        db.session.merge(world.grid).name = "第 1 网格"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_csv_is_read_in_every_usual_encoding_and_with_every_separator(
    world: World, client: FlaskClient, encoding: str, mark: str
) -> None:
    lines = [
        ["编号", "姓名", "电话", "地址"],
        ["A1", "曾乐", "138 0013 8000", '"3 号楼, 5 单元"'],
        [],
        ["A2", "㐀某", "", "x"],
    ]
    data = "\r\n".join(mark.join(line) for line in lines).encode(encoding)
    answer = upload(client, world, data, "名册.csv")
    post(client, f"{answer.location}/write")
    made = people(world)
    assert made["曾乐"].phone == "13800138000"
    assert made["曾乐"].address == "3 号楼, 5 单元"
    assert made["㐀某"].number == "A2"


def test_the_same_list_again_adds_and_changes_nothing(world: World, client: FlaskClient) -> None:
    data = xlsx(ROWS)
    first = upload(client, world, data).location
    post(client, f"{first}/write")
    before = {name: (p.id, p.version) for name, p in people(world).items()}
    again = upload(client, world, data).location
    assert again != first
    assert "已经导过一次" in client.get(again).text
    post(client, f"{again}/write")
    assert {name: (p.id, p.version) for name, p in people(world).items()} == before
    db.session.rollback()
    file = db.session.scalars(select(ImportFile).where(ImportFile.scheme_id == world.scheme_id)).all()[-1]
    assert (file.counts["new"], file.counts["changed"], file.counts["same"]) == (0, 0, 2)


def test_the_same_list_twice_before_writing_is_written_once(world: World, client: FlaskClient) -> None:
    other = world.client(world.staff(Role.STAFF))
    one, two = upload(client, world, xlsx(ROWS)).location, upload(other, world, xlsx(ROWS)).location
    post(client, f"{one}/write")
    post(other, f"{two}/write")
    assert len(people(world)) == 2
    assert "没有变化" in other.get(two).text


def test_writing_twice_or_in_two_tabs_writes_once(world: World, client: FlaskClient) -> None:
    where = upload(client, world, xlsx(ROWS)).location
    for _ in range(2):
        assert post(client, f"{where}/write").status_code == 302
    assert len(people(world)) == 2
    step = post(client, f"{where}/write", headers={"Accept": "application/json"})
    assert step.json == {"written": 2, "total": 2, "done": True}


def test_many_at_once_write_each_row_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "CHUNK", 7)
    staff = world.visitor(world.staff(Role.STAFF))
    rows = [[f"T{n:03}", "曾乐", "", 1950, f"{n} 号", f"H{n // 3}", ""] for n in range(60)]
    data = xlsx(rows)
    sheet, at = sheets.read("a.xlsx", data), clock.now()

    def staged() -> int:
        looked = importing.look(staff, sheet, world.community.id, at)
        area = world.community.id
        made = in_own_transaction(
            lambda: importing.stage(staff, sheet, looked, name="a", data=uuid4().bytes, area_id=area, at=at)
        )
        return made.id

    files = [staged(), staged()]  # the same rows in two lists as well
    failures: list[BaseException] = []

    def write(file_id: int) -> None:
        try:
            with world.app.app_context():
                while not in_own_transaction(lambda: writing.write_chunk(staff, file_id, at)):
                    pass
                db.session.remove()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(files[n % 2],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    db.session.rollback()
    made = db.session.scalars(
        select(Person.number).where(Person.scheme_id == world.scheme_id, Person.number.like("T%"))
    ).all()
    assert sorted(made) == [f"T{n:03}" for n in range(60)]
    homes = select(func.count()).select_from(Household).where(Household.scheme_id == world.scheme_id)
    assert db.session.scalar(homes) == 20
    lists = db.session.scalars(select(ImportFile).where(ImportFile.scheme_id == world.scheme_id)).all()
    assert sum(file.written for file in lists) == 60
    assert all(file.done_at for file in lists)


def test_a_crash_in_the_middle_is_taken_up_where_it_stopped(
    world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "CHUNK", 2)
    rows = [[f"C{n}", "曾乐", "", 1950, f"{n} 号", "", ""] for n in range(5)]
    where = upload(client, world, xlsx(rows)).location
    step = post(client, f"{where}/write", headers={"Accept": "application/json"})
    assert step.json == {"written": 2, "total": 5, "done": False}
    page = client.get(where).text
    assert "接着写" in page
    assert "写到第 2 行，共 5 行" in page
    assert post(client, f"{where}/drop").status_code == 302
    assert client.get(where).status_code == 200  # what has begun is not dropped
    post(client, f"{where}/write")
    assert sorted(
        db.session.scalars(select(Person.number).where(Person.scheme_id == world.scheme_id, Person.number.like("C%")))
    ) == [f"C{n}" for n in range(5)]


def test_what_changed_since_the_look_is_left_for_a_person(world: World, client: FlaskClient) -> None:
    where = upload(client, world, xlsx([["0451", "张三丰", "13800138001", "", "", "", ""]])).location
    form = {
        "number": "0451",
        "name": "李四",
        "phone": "",
        "birth_year": "",
        "address": "",
        "household": "",
        "guardian": "",
    }
    post(client, "/people/new", form | {"area_id": str(world.grid.id)})
    post(client, f"{where}/write")
    assert set(people(world)) == {"李四"}
    assert "资料又变了" in client.get(where).text


def test_a_changed_row_changes_exactly_what_differs_and_never_empties_anything(
    world: World, client: FlaskClient
) -> None:
    first = upload(client, world, xlsx([["0451", "张三丰", "13800138001", 1951, "1 号楼", "H1", "第 1 网格"]])).location
    post(client, f"{first}/write")
    rows = [["0451", "张三丰", "13900139001", "", "", "H2", ""]]
    second = upload(client, world, xlsx(rows)).location
    page = client.get(second).text
    assert "更新：手机号、户号" in page
    post(client, f"{second}/write")
    person = people(world)["张三丰"]
    assert (person.phone, person.birth_year, person.address, person.area_id) == (
        "13900139001",
        1951,
        "1 号楼",
        world.grid.id,
    )
    assert person.version == 2
    home = db.session.get(Household, (world.scheme_id, person.household_id))
    assert home.number == "H2"
    traces = select(Trace).where(Trace.scheme_id == world.scheme_id, Trace.subject_id == person.id)
    edits = [t.detail["columns"] for t in db.session.scalars(traces) if t.action == "person.edit"]
    assert edits == [["phone", "household"]]


def test_the_rows_to_mend_are_downloaded_mended_and_sent_again(world: World, client: FlaskClient) -> None:
    where = upload(client, world, xlsx(ROWS)).location
    post(client, f"{where}/write")
    sheet = load_workbook(io.BytesIO(client.get(f"{where}/mend.xlsx").data)).active
    header, *rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert header[:2] == ["居民编号", "姓名"]
    assert header[-2:] == ["原表格行", "要改的地方"]
    assert rows[0][-1] == "手机号只有 10 位，少了 1 位"
    assert rows[0][2] == "1390013902"
    rows[0][2] = "13900139021"
    rows[1][1] = "李梅"
    again = upload(client, world, xlsx(rows[:3], header, None)).location
    page = client.get(again).text
    assert "没用到的列：原表格行、要改的地方" in page
    post(client, f"{again}/write")
    assert set(people(world)) == {"张三丰", "曾乐", "王秀兰", "李梅", "王某"}


def test_the_template_is_empty_and_is_understood(world: World, client: FlaskClient) -> None:
    data = client.get("/people/imports/template.xlsx").data
    book = load_workbook(io.BytesIO(data))
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    assert {"居民编号", "姓名", "手机号", "微网格"} <= set(header)
    assert {sheet.column_dimensions[cell.column_letter].number_format for cell in sheet[1]} == {"@"}  # 0451 stays 0451
    refused = upload(client, world, data)
    assert "表头下面没有内容" in refused.text
    sheet["A2"], sheet["B2"] = "0451", "曾乐"
    out = io.BytesIO()
    book.save(out)
    assert upload(client, world, out.getvalue()).status_code == 302


def test_a_list_not_wanted_after_all_is_deleted_with_its_rows(world: World, client: FlaskClient) -> None:
    where = upload(client, world, xlsx(ROWS)).location
    post(client, f"{where}/drop")
    post(client, f"{where}/drop")
    assert counts(world) == {}
    assert client.get(where).status_code == 409
    assert post(client, f"{where}/write").status_code == 409
    assert people(world) == {}


def test_lists_are_seen_only_within_reach(world: World, client: FlaskClient) -> None:
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "别的社区", world.subdistrict)
    where = upload(client, world, xlsx(ROWS)).location
    outside = World(world.app)
    strangers = [world.client(world.staff(Role.STAFF, area=elsewhere)), outside.client(outside.staff(Role.OFFICER))]
    for stranger in strangers:
        for url in ("", "/mend.xlsx"):
            assert stranger.get(f"{where}{url}").status_code == 404
        for url in ("/write", "/drop"):
            assert post(stranger, f"{where}{url}").status_code == 404
        assert "名册.xlsx" not in stranger.get("/people/imports").text
    assert upload(client, world, xlsx(ROWS), area=elsewhere.id).status_code == 404
    assert client.get(f"/people/imports/{2**63}").status_code == 404
    assert people(world) == {}


def test_a_list_cannot_reach_people_or_places_elsewhere(world: World, client: FlaskClient) -> None:
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "别的社区", world.subdistrict)
    stranger = world.person("外人", area=elsewhere)
    rows = [[stranger.number, "改名", "", "", "", "", ""], ["N1", "曾乐", "", "", "", "", "别的社区"]]
    where = upload(client, world, xlsx(rows)).location
    page = client.get(where).text
    assert "登记在别的社区" in page
    assert "没有“别的社区”" in page
    assert counts(world) == {"wrong": 2}


def test_nobody_changes_their_own_record_by_a_list(world: World) -> None:
    staff = world.staff(Role.STAFF)
    where = upload(
        world.client(staff), world, xlsx([[staff.number, staff.name, "13800138009", "", "", "H7", ""]])
    ).location
    assert "您自己或家里人" in world.client(staff).get(where).text


# ---------------------------------------------------------------- hostile files


def test_five_thousand_rows_go_by_page(world: World, client: FlaskClient) -> None:
    rows = [[f"{n:05}", "曾乐", f"138{n:08}", 1950, f"{n} 号", f"H{n // 3}", "第 1 网格"] for n in range(5_000)]
    data = xlsx(rows)
    began = time.monotonic()
    where = upload(client, world, data).location
    looked = time.monotonic()
    assert "写入没问题的 5000 行" in client.get(where).text
    post(client, f"{where}/write")
    while "接着写" in client.get(where).text:
        post(client, f"{where}/write")
    wrote = time.monotonic()
    db.session.rollback()
    assert (
        db.session.scalar(select(func.count()).select_from(Person).where(Person.scheme_id == world.scheme_id)) == 5_001
    )
    assert looked - began < 30, looked - began  # about 3 s on an idle machine; no query per row
    assert wrote - looked < 30, wrote - looked


# ---------------------------------------------------------------- by command


def run(world: World, tmp_path: object, data: bytes, *options: str) -> object:
    from points.people.commands import group

    file = tmp_path / "名册.xlsx"  # type: ignore[operator]
    file.write_bytes(data)
    return world.app.test_cli_runner().invoke(group, ["import", str(file), "--scheme", world.scheme.code, *options])


def test_the_operator_looks_and_imports_by_command(world: World, tmp_path: object) -> None:
    db.session.rollback()
    result = run(world, tmp_path, xlsx(ROWS), "--area", "和苑街道/和苑社区", "--dry-run")
    assert result.exit_code == 1
    assert "新增 new 2" in result.output
    assert "第 4 行" in result.output
    assert "手机号只有 10 位，少了 1 位" in result.output
    assert people(world) == {}
    db.session.rollback()
    result = run(world, tmp_path, xlsx(ROWS), "--area", "和苑社区", "--yes")
    assert "写好了 2 行" in result.output
    assert set(people(world)) == {"张三丰", "曾乐"}
    db.session.rollback()
    result = run(world, tmp_path, xlsx([ROWS[0]]), "--yes")
    assert result.exit_code == 0, result.output
    assert "没有变化 same 1" in result.output
    db.session.rollback()
    assert run(world, tmp_path, b"x", "--yes").exit_code == 1
    assert run(world, tmp_path, xlsx(ROWS), "--area", "月亮").exit_code == 1
