"""Residents by staff: adding, finding, editing, masking, exporting; each only within reach."""

from __future__ import annotations

import io
import re
from uuid import uuid4

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from points import clock
from points.db import db, transaction
from points.errors import NotFound
from points.ledger.models import Holder
from points.people import residents
from points.people.models import Area, AreaKind, Person, Role, SignInName, Trace
from tests.factories import World
from tests.forms import post


@pytest.fixture
def clerk(world: World) -> Person:
    return world.staff(Role.STAFF)


def typed(world: World, **changes: str) -> dict[str, str]:
    given = {
        "number": "",
        "name": "曾乐",
        "phone": "",
        "birth_year": "",
        "address": "",
        "household": "",
        "guardian": "",
    }
    return given | {"area_id": str(world.microgrid.id)} | changes


def added(world: World, staff: Person, **facts: object) -> Person:
    who = world.visitor(staff)
    with transaction():
        return residents.add_resident(
            who, key=str(uuid4()), at=clock.now(), **{"name": "曾乐", "area_id": world.microgrid.id, **facts}
        )


def new_area(world: World, kind: AreaKind, name: str) -> Area:
    with transaction():
        return world.area(kind, name, world.subdistrict if kind is AreaKind.COMMUNITY else world.community)


def deeds(world: World, person: Person) -> list[str]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(Trace.action)
            .where(Trace.scheme_id == world.scheme_id, Trace.subject_id == person.id)
            .order_by(Trace.at, Trace.id)
        )
    )


def test_a_new_resident_has_a_holder_a_sign_in_name_and_spellings(world: World, clerk: Person) -> None:
    client = world.client(clerk)
    answer = post(client, "/people/new", typed(world, phone="138 0013 8000", household="3-501"))
    assert answer.status_code == 302
    made = db.session.scalars(select(Person).where(Person.scheme_id == world.scheme_id, Person.name == "曾乐")).one()
    assert db.session.get(Holder, (world.scheme_id, made.id)) is not None
    assert db.session.get(SignInName, (world.scheme_id, made.number)).person_id == made.id
    assert re.fullmatch(r"[1-9][0-9]{7}", made.number)
    assert made.phone == "13800138000"
    assert made.household_id is not None
    assert deeds(world, made) == ["person.create"]


def test_one_form_sent_twice_adds_one_resident(world: World, clerk: Person) -> None:
    client, key = world.client(clerk), str(uuid4())
    first = post(client, "/people/new", typed(world, key=key))
    again = post(client, "/people/new", typed(world, key=key))
    assert first.location == again.location
    count = select(func.count()).select_from(Person).where(Person.scheme_id == world.scheme_id, Person.name == "曾乐")
    assert db.session.scalar(count) == 1


@pytest.mark.parametrize(
    "query", ["曾乐", "曾", "zengle", "cengyue", "zl", "cy", "ZENG LE", "A-77", "8000", "13800138000"]
)
def test_a_resident_is_found_by_number_name_spelling_initials_or_phone_tail(
    world: World, clerk: Person, query: str
) -> None:
    made = added(world, clerk, number="A-77", phone="13800138000")
    client = world.client(clerk)
    post(client, "/people/search", {"text": query})
    page = client.get("/people").text
    assert made.number in page
    assert "13800138000" not in page.replace(f'value="{query}"', "").replace(f"“{query}”", "")
    assert "曾○○" in page


def test_what_is_searched_for_is_never_in_an_address(world: World, clerk: Person) -> None:
    client = world.client(clerk)
    answer = post(client, "/people/search", {"text": "曾乐", "area": str(world.grid.id)})
    assert answer.location == f"/people?area={world.grid.id}"
    post(client, "/people/search", {"text": "%"})
    assert "没有找到" in client.get("/people").text


def test_a_list_pages_by_key_and_narrows_by_area_household_and_status(world: World, clerk: Person) -> None:
    other = new_area(world, AreaKind.GRID, "第二网格")
    one = added(world, clerk, number="N-1", household="H-9", area_id=other.id)
    added(world, clerk, number="N-2", anyway=True)
    client = world.client(clerk)
    assert "N-1" in client.get(f"/people?area={other.id}").text
    assert "N-2" not in client.get(f"/people?area={other.id}").text
    assert "N-2" not in client.get(f"/people?household={one.household_id}").text
    assert "N-1" not in client.get("/people?status=gone").text
    for wrong in ("area=9223372036854775808", "area=x", "household=-1", "status=x", "after=zzz"):
        assert client.get(f"/people?{wrong}").status_code == 200
    assert client.get("/people?area=5").status_code == 404


def test_nobody_reaches_into_another_area_or_scheme(world: World, clerk: Person) -> None:
    elsewhere = new_area(world, AreaKind.COMMUNITY, "别的社区")
    foreign = [world.person("别人", area=elsewhere), World(world.app).person("外人")]
    client = world.client(clerk)
    for person in foreign:
        for url in ("", "/unmask", "/open", "/edit", "/disable", "/enable"):
            path = f"/people/{person.id}{url}"
            answer = post(client, path, typed(world, version="1")) if url else client.get(path)
            assert answer.status_code == 404, path
    assert post(client, "/people/new", typed(world, area_id=str(elsewhere.id))).status_code == 404
    for impossible in (0, 2**63, 2**80):
        assert client.get(f"/people/{impossible}").status_code == 404
        assert post(client, f"/people/{impossible}/unmask").status_code == 404


@pytest.mark.parametrize("role", [None, Role.CLERK, Role.GRID_WORKER, Role.AUDITOR])
def test_residents_are_not_for_everybody(world: World, role: Role | None) -> None:
    person = world.staff(role) if role else world.person()
    client = world.client(person)
    for url in ("/people", "/people/new", f"/people/{person.id}", "/people/imports", "/areas", "/people/export"):
        assert client.get(url).status_code == 403, url
    assert post(client, f"/people/{person.id}/unmask").status_code == 403


def test_a_person_is_masked_until_somebody_presses_and_that_is_written_down(world: World, clerk: Person) -> None:
    person = added(world, clerk, phone="13800138000", address="3 号楼 501", birth_year=1944)
    client = world.client(clerk)
    page = client.get(f"/people/{person.id}").text
    for secret in ("曾乐", "13800138000", "3 号楼 501", "1944"):
        assert secret not in page
    page = post(client, f"/people/{person.id}/unmask").text
    for secret in ("曾乐", "13800138000", "3 号楼 501", "1944"):
        assert secret in page
    assert deeds(world, person) == ["person.create", "person.unmask"]
    assert client.get(f"/people/{person.id}/unmask").status_code == 405


def test_opening_the_form_to_edit_is_written_down_too(world: World, clerk: Person) -> None:
    person = added(world, clerk, phone="13800138000")
    assert "13800138000" in post(world.client(clerk), f"/people/{person.id}/open").text
    assert deeds(world, person)[-1] == "person.open"


def test_the_second_of_two_editors_sees_that_somebody_was_faster(world: World, clerk: Person) -> None:
    person = added(world, clerk, number="E-1")
    one, two = world.client(clerk), world.client(world.staff(Role.STAFF))
    first = typed(world, number="E-1", name="曾乐", phone="13800138000", version="1")
    assert post(one, f"/people/{person.id}/edit", first).status_code == 302
    late = post(two, f"/people/{person.id}/edit", typed(world, number="E-1", name="曾小乐", version="1"))
    assert late.status_code == 409
    assert "有人刚改过" in late.text
    assert "13800138000" in late.text  # what stands there now
    assert "曾小乐" in late.text  # what was typed
    assert 'name="version" value="2"' in late.text
    db.session.rollback()
    assert db.session.get(Person, (world.scheme_id, person.id)).name == "曾乐"
    again = typed(world, number="E-1", name="曾小乐", phone="13800138000", version="2")
    assert post(two, f"/people/{person.id}/edit", again).status_code == 302
    db.session.rollback()
    assert "zengxiaole" in db.session.get(Person, (world.scheme_id, person.id)).pinyin


def test_saving_the_same_form_twice_changes_once(world: World, clerk: Person) -> None:
    person = added(world, clerk, number="E-2")
    client, form = world.client(clerk), typed(world, number="E-2", name="曾小乐", version="1")
    assert post(client, f"/people/{person.id}/edit", form).status_code == 302
    assert post(client, f"/people/{person.id}/edit", form).status_code == 302
    db.session.rollback()
    assert db.session.get(Person, (world.scheme_id, person.id)).version == 2
    assert deeds(world, person) == ["person.create", "person.edit"]


def test_a_new_number_is_the_new_sign_in_name(world: World, clerk: Person) -> None:
    person = added(world, clerk, number="OLD")
    post(world.client(clerk), f"/people/{person.id}/edit", typed(world, number="NEW", version="1"))
    db.session.rollback()
    assert db.session.get(SignInName, (world.scheme_id, "OLD")) is None
    assert db.session.get(SignInName, (world.scheme_id, "NEW")).person_id == person.id


def test_wrong_fields_come_back_with_what_was_typed_and_a_sentence(world: World, clerk: Person) -> None:
    added(world, clerk, number="TAKEN")
    client = world.client(clerk)
    answer = post(client, "/people/new", typed(world, name="", phone="1380013800", birth_year="51"))
    assert answer.status_code == 422
    for sentence in ("没写姓名", "手机号只有 10 位，少了 1 位", "出生年写 4 位数，比如 1951", "有 3 处要改"):
        assert sentence in answer.text
    assert 'value="1380013800"' in answer.text
    assert "已经有人用了" in post(client, "/people/new", typed(world, number="TAKEN")).text
    assert post(client, "/people/new", typed(world, area_id="9223372036854775808")).status_code == 422
    assert post(client, "/people/new", typed(world, surprise="1")).status_code == 422
    assert post(client, "/people/new", typed(world, name="<script>alert(1)</script>")).status_code == 422
    assert post(client, "/people/new", typed(world, name="王" * 300_000)).status_code in (413, 422)


def test_somebody_who_looks_like_a_double_is_added_only_after_a_look(world: World, clerk: Person) -> None:
    added(world, clerk, phone="13800138000", number="D-1")
    client = world.client(clerk)
    answer = post(client, "/people/new", typed(world, phone="13800138000"))
    assert answer.status_code == 422
    assert "D-1" in answer.text
    assert post(client, "/people/new", typed(world, phone="13800138000", anyway="true")).status_code == 302


def test_nobody_edits_their_own_or_their_households_record(world: World) -> None:
    home = world.household()
    staff = world.staff(Role.STAFF, household=home)
    wife = world.person("李梅", household=home)
    client = world.client(staff)
    for person in (staff, wife):
        form = typed(world, number=person.number, name=person.name, version="1")
        assert post(client, f"/people/{person.id}/edit", form).status_code == 403
        assert post(client, f"/people/{person.id}/disable").status_code == 403


def test_nobody_edits_or_disables_somebody_whose_role_is_above_theirs(world: World, clerk: Person) -> None:
    admin = world.staff(Role.ADMIN)
    colleague = world.staff(Role.STAFF)
    client = world.client(clerk)
    assert post(client, f"/people/{admin.id}/open").status_code == 403
    assert post(client, f"/people/{admin.id}/disable").status_code == 403
    assert post(client, f"/people/{colleague.id}/disable").status_code == 403
    assert post(world.client(admin), f"/people/{colleague.id}/disable").status_code == 302


def test_a_disabled_resident_is_out_until_enabled(world: World, clerk: Person) -> None:
    person = added(world, clerk)
    theirs, client = world.client(person), world.client(clerk)
    post(client, f"/people/{person.id}/disable")
    post(client, f"/people/{person.id}/disable")
    assert theirs.get("/people").status_code == 302  # to signing in
    post(client, f"/people/{person.id}/enable")
    assert deeds(world, person) == ["person.create", "person.disable", "person.enable"]


def test_a_household_of_another_community_is_not_joined(world: World, clerk: Person) -> None:
    elsewhere = new_area(world, AreaKind.COMMUNITY, "别的社区")
    added(world, world.staff(Role.OFFICER, area=world.subdistrict), household="F-1", area_id=elsewhere.id)
    answer = post(world.client(clerk), "/people/new", typed(world, household="F-1"))
    assert answer.status_code == 422
    assert "别的社区" in answer.text


def test_an_export_is_masked_and_holds_no_formula(world: World, clerk: Person) -> None:
    added(world, clerk, number="X-1", phone="13800138000", address="=HYPERLINK(1)")
    client = world.client(clerk)
    table = client.get("/people/export?format=csv").data.decode("utf-8-sig")
    assert "13800138000" not in table
    assert "曾○○" in table
    full = post(client, "/people/export?format=csv").data.decode("utf-8-sig")
    assert "13800138000" in full
    assert "'=HYPERLINK(1)" in full
    sheet = load_workbook(io.BytesIO(post(client, "/people/export?format=xlsx").data)).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert not any(cell.data_type == "f" for cell in cells)
    assert any(cell.value == "'=HYPERLINK(1)" for cell in cells)
    db.session.rollback()
    counted = select(func.count()).where(Trace.scheme_id == world.scheme_id, Trace.action == "people.export")
    assert db.session.scalar(counted) == 2


def test_unmasking_out_of_reach_leaves_no_trace(world: World, clerk: Person) -> None:
    stranger = World(world.app).person()
    who = world.visitor(clerk)
    with pytest.raises(NotFound), transaction():
        residents.unmask(who, stranger.id, clock.now())
    assert deeds(world, stranger) == []
