"""Lists of residents as they are sent in, for the tests of the import."""

from __future__ import annotations

import io
from collections.abc import Sequence

from flask.testing import FlaskClient
from openpyxl import Workbook
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from points.db import db
from points.people.models import ImportRow, Person
from tests.factories import World
from tests.forms import post

HEADER = ["居民编号", "姓名", "手机号", "出生年", "住址", "户号", "网格"]
ROWS: list[list[object]] = [
    ["0451", "张三丰", 13800138001.0, 1951, "1 号楼 101", "H1", "第 1 网格"],
    ["0452", "王秀兰", "1390013902", "1951年", "1 号楼 102", "", "第一网格"],
    ["0453", "", "", 1948, "1 号楼 103", "", ""],
    ["0512", "王某", "", 1944, "2 号楼", "", ""],
    ["0512", "王某", "", 1944, "2 号楼", "", ""],
    ["", "曾乐", "无", 1960, "3 号楼", "H1", "第1网格"],
]


def xlsx(
    rows: Sequence[Sequence[object]], header: Sequence[str] = HEADER, title: str | None = "和苑社区居民名册"
) -> bytes:
    book = Workbook()
    sheet = book.active
    sheet.title = "和苑"
    if title:
        sheet.append([title])
    sheet.append(list(header))
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def upload(
    client: FlaskClient, world: World, data: bytes, name: str = "名册.xlsx", area: int | None = None
) -> TestResponse:
    form = {"area_id": str(area or world.community.id), "file": (io.BytesIO(data), name)}
    return post(client, "/people/imports", form, content_type="multipart/form-data")


def people(world: World) -> dict[str, Person]:
    db.session.rollback()
    found = db.session.scalars(select(Person).where(Person.scheme_id == world.scheme_id, Person.name != "陈建国"))
    return {person.name: person for person in found}


def counts(world: World) -> dict[str, int]:
    db.session.rollback()
    rows = db.session.execute(
        select(ImportRow.fate, func.count()).where(ImportRow.scheme_id == world.scheme_id).group_by(ImportRow.fate)
    )
    return dict(rows.all())
