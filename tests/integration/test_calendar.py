"""The calendar of a scheme: imported, changed by hand, exported and imported again, by pages and by API."""

from __future__ import annotations

import io
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from points import clock
from points.calendar import add_working_days, day_kind, reaches_until
from points.calendar.models import CalendarDay
from points.db import db
from points.people.models import Person, Role
from tests.factories import World
from tests.forms import token_of

HOLIDAYS = "日期,到哪天,类型,名称\n2027-10-01,2027-10-07,节假日,国庆节\n2027-09-26,,工作日,调休\n"


@pytest.fixture
def officer(world: World) -> Person:
    return world.staff(Role.OFFICER, world.subdistrict)


def send(client: Any, path: str, **data: Any) -> Any:
    form = {"csrf_token": token_of(client), "key": str(uuid.uuid4()), **data}
    return client.post(path, data=form, content_type="multipart/form-data")


def load(client: Any, text: str = HOLIDAYS, **data: Any) -> Any:
    return send(client, "/calendar/import", file=(io.BytesIO(text.encode()), "a.csv"), **data)


def hidden(page: str) -> str:
    import html
    import re

    found = re.search(r'<textarea name="days" hidden>(.*?)</textarea>', page, re.S)
    assert found
    return html.unescape(found[1])


def write(client: Any, looked: Any, fill: str = "1") -> Any:
    return send(client, "/calendar/import/write", days=hidden(looked.text), fill=fill)


def days(world: World) -> int:
    db.session.rollback()
    mine = select(func.count()).select_from(CalendarDay).where(CalendarDay.scheme_id == world.scheme_id)
    return db.session.scalar(mine) or 0


def test_without_a_calendar_it_is_monday_to_friday_and_said(world: World) -> None:
    friday = date(2027, 9, 24)
    window = add_working_days(world.scheme_id, friday, 3)
    assert (window.last, window.ends_on, window.beyond) == (date(2027, 9, 29), date(2027, 9, 30), True)
    assert day_kind(world.scheme_id, date(2027, 10, 1)) == "workday"
    assert reaches_until(world.scheme_id, friday) is None


def test_a_list_is_looked_at_then_written_whole_and_once(world: World, officer: Person) -> None:
    client = world.client(officer)
    looked = load(client, fill="1")
    assert looked.status_code == 200 and "写入 365 天" in looked.text and days(world) == 0
    assert write(client, looked).status_code == 302
    assert days(world) == 365
    assert day_kind(world.scheme_id, date(2027, 10, 1)) == "holiday"
    assert day_kind(world.scheme_id, date(2027, 9, 26)) == "workday"
    window = add_working_days(world.scheme_id, date(2027, 9, 30), 1)
    assert (window.last, window.beyond) == (date(2027, 10, 8), False)
    again = load(client, fill="1")
    write(client, again)
    assert days(world) == 365
    assert reaches_until(world.scheme_id, date(2027, 1, 1)) == date(2027, 12, 31)


def test_filling_up_leaves_alone_what_was_known(world: World, officer: Person) -> None:
    client = world.client(officer)
    write(client, load(client, fill="1"))
    write(client, load(client, "日期,类型,名称\n2027-01-01,节假日,元旦\n", fill="1"))
    assert day_kind(world.scheme_id, date(2027, 9, 26)) == "workday"
    assert day_kind(world.scheme_id, date(2027, 1, 1)) == "holiday"


def test_without_filling_only_the_listed_days_are_known(world: World, officer: Person) -> None:
    client = world.client(officer)
    write(client, load(client), fill="0")
    assert days(world) == 8
    assert add_working_days(world.scheme_id, date(2027, 9, 30), 1).beyond


def test_one_wrong_cell_and_nothing_can_be_written(world: World, officer: Person) -> None:
    client = world.client(officer)
    looked = load(client, HOLIDAYS + "十月九日,,节假日,\n")
    assert looked.status_code == 422
    assert "日期写成 2026-10-01 这样" in looked.text and "写入 8 天" not in looked.text
    tampered = send(client, "/calendar/import/write", days='{"days":[{"day":"x"}]}', fill="1")
    assert tampered.status_code == 422 and days(world) == 0


def test_a_file_that_is_none_is_refused_with_what_to_do(world: World, officer: Person) -> None:
    refused = load(world.client(officer), "姓名,电话\n王,1\n")
    assert refused.status_code == 422 and "照着模板来" in refused.text


def test_what_is_exported_comes_in_again_unchanged(world: World, officer: Person) -> None:
    client = world.client(officer)
    write(client, load(client, fill="1"))
    for kind in ("xlsx", "csv", "json"):
        exported = client.get(f"/calendar/export.{kind}").data
        looked = send(client, "/calendar/import", file=(io.BytesIO(exported), f"a.{kind}"), fill="1")
        assert looked.status_code == 200, kind
        assert "dd>365</dd" in looked.text.replace(" ", ""), kind
    sheet = load_workbook(io.BytesIO(client.get("/calendar/export.xlsx").data)).active
    assert sheet is not None and sheet.max_row == 366


def test_the_template_is_read_and_holds_no_day_of_its_own(world: World, officer: Person) -> None:
    client = world.client(officer)
    made = client.get("/calendar/import/template.xlsx").data
    book = load_workbook(io.BytesIO(made))
    assert len(book.sheetnames) == 3 and "2025" in book.sheetnames[2]
    looked = send(client, "/calendar/import", file=(io.BytesIO(made), "t.xlsx"))
    assert looked.status_code == 422 and "没有内容" in looked.text
    first = book[book.sheetnames[0]]
    for place, value in enumerate(("2027-10-01", "2027-10-07", "节假日", "国庆节"), start=1):
        first.cell(2, place, value)
    out = io.BytesIO()
    book.save(out)
    filled = send(client, "/calendar/import", file=(io.BytesIO(out.getvalue()), "t.xlsx"), fill="1")
    assert filled.status_code == 200 and "写入 365 天" in filled.text


def test_a_day_is_changed_by_hand_and_taken_out_again(world: World, officer: Person) -> None:
    client = world.client(officer)
    saved = send(client, "/calendar/days", day="2027-11-20", kind="workday", title="补班")
    assert saved.status_code == 302
    assert day_kind(world.scheme_id, date(2027, 11, 20)) == "workday"
    page = client.get("/calendar?month=2027-11").text
    assert "补班" in page and "2027年11月" in page
    assert "补班" in client.get("/calendar?view=list&year=2027").text
    send(client, "/calendar/days", day="2027-11-20", kind="workday", do="clear")
    assert day_kind(world.scheme_id, date(2027, 11, 20)) == "weekend"


@pytest.mark.parametrize(
    ("day", "kind"), [("2027-13-01", "holiday"), ("2027-01-01", "feast"), ("1999-01-01", "holiday")]
)
def test_what_is_no_day_is_refused_at_its_field(world: World, officer: Person, day: str, kind: str) -> None:
    answer = send(world.client(officer), "/calendar/days", day=day, kind=kind)
    assert answer.status_code == 422 and "errtext" in answer.text and days(world) == 0


def test_staff_see_the_calendar_and_only_officers_change_it(world: World) -> None:
    staff = world.staff(Role.STAFF)
    client = world.client(staff)
    page = client.get("/calendar").text
    assert "日历由街道干部改" in page
    assert send(client, "/calendar/days", day="2027-11-20", kind="workday").status_code == 403
    assert world.client(world.person()).get("/calendar").status_code == 403


def test_staff_are_told_that_it_ends_within_sixty_days(world: World, officer: Person) -> None:
    client = world.client(officer)
    today = clock.local_date(clock.now(), world.scheme.zone)
    assert "工作日历里没有今天" in client.get("/calendar").text
    rows = "".join(f"{today + timedelta(days=n)},工作日,\n" for n in range(60))
    write(client, load(client, "日期,类型,名称\n" + rows), fill="0")
    assert "工作日历只到" in client.get("/calendar").text
    write(client, load(client, f"日期,类型,名称\n{today + timedelta(days=60)},工作日,\n"), fill="0")
    assert "工作日历只到" not in client.get("/calendar").text


def test_another_schemes_calendar_is_another(world: World, officer: Person) -> None:
    other = World(world.app)
    write(client := world.client(officer), load(client, fill="1"))
    assert day_kind(other.scheme_id, date(2027, 10, 1)) == "workday"


# ---------------------------------------------------------------- the API


def test_the_same_by_api(world: World, officer: Person) -> None:
    api = world.api(officer)
    body = {"days": [{"day": "2027-10-01", "kind": "holiday", "title": "国庆节"}]}
    looked = api.post("/api/v1/calendar/import", json=body).json
    assert looked == {"new": 1, "changed": 0, "same": 0, "filled": 364, "written": 0}
    assert days(world) == 0
    assert api.post("/api/v1/calendar/import", json=body | {"dry_run": False}).json["written"] == 365
    window = api.get("/api/v1/calendar/window?start=2027-09-30&days=1").json
    assert window == {"start": "2027-09-30", "last": "2027-10-04", "ends_on": "2027-10-05", "beyond": False}
    assert api.post("/api/v1/calendar/days", json={"day": "2027-10-04", "kind": "holiday"}).status_code == 204
    found = api.get("/api/v1/calendar?first=2027-10-01&last=2027-10-04").json
    assert [(one["day"], one["kind"]) for one in found["days"]][-1] == ("2027-10-04", "holiday")
    assert api.delete("/api/v1/calendar/days/2027-10-04").status_code == 204
    assert len(api.get("/api/v1/calendar?first=2027-10-01&last=2027-10-04").json["days"]) == 3
    assert api.get("/api/v1/calendar?first=2027-01-01&last=2028-10-04").status_code == 422
    twice = {"days": [{"day": "2027-10-01", "kind": "holiday"}, {"day": "2027-10-01", "kind": "workday"}]}
    assert api.post("/api/v1/calendar/import", json=twice).status_code == 422
