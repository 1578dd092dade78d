"""Files that mean harm, or are merely wrong: refused with a sentence and soon, or kept as plain text."""

from __future__ import annotations

import io
import time
import zipfile

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook

from points.db import db, transaction
from points.people.models import Role
from tests.factories import World
from tests.forms import post
from tests.integration.imports_world import HEADER, ROWS, counts, people, upload, xlsx


@pytest.fixture
def client(world: World) -> FlaskClient:
    return world.client(world.staff(Role.STAFF))


@pytest.fixture(autouse=True)
def first_grid_has_a_digit(world: World) -> None:
    with transaction():
        db.session.merge(world.grid).name = "第 1 网格"


def bomb(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def remade(change: dict[str, bytes]) -> bytes:
    """A true workbook with some of its parts exchanged."""
    with zipfile.ZipFile(io.BytesIO(xlsx([["1", "曾乐"]], HEADER[:2]))) as archive:
        return bomb({name: archive.read(name) for name in archive.namelist()} | change)


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><sst>&b;</sst>'
SHEET = '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
WIDE = "<row r='1'>" + "".join("<c t='inlineStr'><is><t>姓名</t></is></c>" for _ in range(3_000)) + "</row>"
HOSTILE = {
    "empty.xlsx": b"",
    "empty.csv": b"",
    "old.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
    "noise.xlsx": b"PK\x03\x04" + b"\x00\xff" * 500,
    "noise.csv": bytes(range(128, 256)) * 40,
    "text.xlsx": "姓名\n曾乐".encode(),
    "no-workbook.xlsx": bomb({"a.txt": b"x"}),
    "zeros.xlsx": remade({"xl/media/a.xml": b"<a>" + b"0" * 210_000_000 + b"</a>"}),
    "laughs.xlsx": remade({"xl/sharedStrings.xml": LAUGHS}),
    "many-parts.xlsx": bomb({"xl/workbook.xml": b"<a/>"} | {f"xl/{n}.xml": b"<a/>" for n in range(600)}),
    "wide.xlsx": remade({"xl/worksheets/sheet1.xml": SHEET.format(WIDE).encode()}),
    "broken.xlsx": remade({"xl/worksheets/sheet1.xml": b"<worksheet><sheetData><row>"}),
    "far.xlsx": remade(
        {
            "xl/worksheets/sheet1.xml": SHEET.format(
                "<row r='1'><c t='inlineStr'><is><t>姓名</t></is></c></row>"
                "<row r='99999999999'><c t='inlineStr'><is><t>曾乐</t></is></c></row>"
            ).encode()
        }
    ),
    "no-header.csv": "甲,乙\n1,2".encode(),
    "no-rows.csv": "姓名,编号\n\n".encode(),
    "quote.csv": ('姓名,编号\n"' + "a" * 300_000).encode(),
    "too-many.csv": ("姓名,编号\n" + "\n".join(f"曾乐,{n}" for n in range(20_001))).encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_sentence_and_soon(world: World, client: FlaskClient, name: str) -> None:
    began = time.monotonic()
    answer = upload(client, world, HOSTILE[name], name)
    assert answer.status_code == 422, answer.text
    assert 'id="file-error"' in answer.text
    assert time.monotonic() - began < 8
    assert counts(world) == {}


def test_a_sheet_that_claims_a_million_columns_is_read_by_its_cells(world: World, client: FlaskClient) -> None:
    rows = "".join(
        f"<row r='{n}'><c r='A{n}' t='inlineStr'><is><t>{a}</t></is></c><c r='B{n}' t='inlineStr'><is><t>{b}</t></is></c>"
        f"<c r='XFD{n}' t='inlineStr'><is><t>far</t></is></c></row>"
        for n, (a, b) in enumerate([("编号", "姓名"), ("Q1", "曾乐")], start=1)
    )
    sheet = SHEET.format(rows).replace("<sheetData>", "<dimension ref='A1:XFD1048576'/><sheetData>")
    answer = upload(client, world, remade({"xl/worksheets/sheet1.xml": sheet.encode()}))
    post(client, f"{answer.location}/write")
    assert people(world)["曾乐"].number == "Q1"


def test_hostile_cells_are_refused_or_kept_as_plain_text(world: World, client: FlaskClient) -> None:
    rows = [
        "编号,姓名,手机,住址",
        "H1,=HYPERLINK(1),,x",
        "H2,曾乐,,=cmd|' /C calc'!A0",
        "H3,<script>alert(1)</script>,,x",
        "H4,王\x00秀兰,,\x00\x01x",
        f"H5,王{'长' * 500},,x",
        "'; DROP TABLE people; --,王五,,x",
        f"H7,王六,,{'路' * 5000}",
        "H8,{say},,{0.__class__}",
    ]
    where = upload(client, world, "\n".join(rows).encode(), "h.csv").location
    page = client.get(where, query_string={"show": "all"}).text
    assert "<script>alert" not in page
    post(client, f"{where}/write")
    made = people(world)
    assert set(made) == {"曾乐", "王秀兰"}
    assert made["曾乐"].address == "=cmd|' /C calc'!A0"
    sheet = load_workbook(io.BytesIO(client.get(f"{where}/mend.xlsx").data)).active
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)


def test_forms_without_file_or_area_say_so(world: World, client: FlaskClient) -> None:
    assert "请选一个表格文件" in post(client, "/people/imports", {"area_id": str(world.community.id)}).text
    form = {"file": (io.BytesIO(xlsx(ROWS)), "a.xlsx")}
    assert post(client, "/people/imports", form, content_type="multipart/form-data").status_code == 422
    form = {"area_id": "9" * 30, "file": (io.BytesIO(xlsx(ROWS)), "a.xlsx")}
    assert post(client, "/people/imports", form, content_type="multipart/form-data").status_code == 422
