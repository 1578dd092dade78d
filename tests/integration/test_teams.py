"""Teams, organisations and lists: who belongs, who may look, who may not put themselves on one."""

from __future__ import annotations

import io
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from points import clock
from points.db import db, in_own_transaction
from points.ledger.models import Holder
from points.people import relatives, teams
from points.people.models import AreaKind, Person, Relative, Role, Team, TeamMember, Trace
from points.people.team_queries import codes_of
from tests.factories import World
from tests.forms import post
from tests.integration.together import in_threads


@pytest.fixture
def staff(world: World) -> Person:
    return world.staff(Role.STAFF)


@pytest.fixture
def client(world: World, staff: Person) -> FlaskClient:
    return world.client(staff)


def made(world: World, client: FlaskClient, **changes: object) -> Team:
    form = {"name": "和苑志愿队", "kind": "team", "code": "", "area_id": world.community.id, "leader": "", "note": ""}
    answer = post(client, "/people/teams/new", {**form, **changes})
    assert answer.status_code == 302, answer.text
    db.session.rollback()
    return db.session.get(Team, (world.scheme_id, int(answer.location.rsplit("/", 1)[1])))


def members(world: World, team: Team) -> set[int]:
    db.session.rollback()
    return set(
        db.session.scalars(
            select(TeamMember.person_id).where(TeamMember.scheme_id == world.scheme_id, TeamMember.team_id == team.id)
        )
    )


def traced(world: World, action: str) -> int:
    db.session.rollback()
    return db.session.scalar(
        select(func.count()).select_from(Trace).where(Trace.scheme_id == world.scheme_id, Trace.action == action)
    )


def sheet(*rows: list[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_team_is_made_once_with_a_holder_on_the_ledger_and_found_again(world: World, client: FlaskClient) -> None:
    key = str(uuid4())
    team, again = made(world, client, key=key), made(world, client, key=key)
    assert team.id == again.id
    assert db.session.get(Holder, (world.scheme_id, team.id)).kind == "group"
    assert "和苑志愿队" in client.get("/people/teams?q=志愿&kind=team").text
    assert "和苑志愿队" not in client.get("/people/teams?kind=list").text
    organisation = made(world, client, kind="organisation", name="物业公司")
    assert db.session.get(Holder, (world.scheme_id, organisation.id)).kind == "organisation"
    book = load_workbook(io.BytesIO(client.get("/people/teams/export?format=xlsx").data))
    assert [row[1].value for row in book.active.iter_rows(min_row=2)] == ["和苑志愿队", "物业公司"]


def test_a_taken_code_and_a_missing_name_are_told_at_their_fields(world: World, client: FlaskClient) -> None:
    made(world, client, code="党员", kind="list")
    form = {"name": "", "kind": "list", "code": "党员", "area_id": world.community.id, "leader": "", "note": ""}
    answer = post(client, "/people/teams/new", form)
    assert answer.status_code == 422 and "name-error" in answer.text
    answer = post(client, "/people/teams/new", form | {"name": "又一份"})
    assert answer.status_code == 422 and "这个代号已经有了" in answer.text
    answer = post(client, "/people/teams/new", form | {"name": "又一份", "code": "x", "leader": "NOBODY"})
    assert answer.status_code == 422 and "没有找到这位居民" in answer.text


def test_two_people_editing_a_team_the_second_is_told(world: World, client: FlaskClient) -> None:
    team = made(world, client)
    form = {"name": "一队", "code": team.code, "area_id": world.community.id, "leader": "", "note": "", "version": 1}
    assert post(client, f"/people/teams/{team.id}/edit", form).status_code == 302
    late = post(client, f"/people/teams/{team.id}/edit", form | {"name": "二队"})
    assert late.status_code == 409 and "有人刚改过" in late.text


def test_members_come_by_search_by_pasted_numbers_and_by_sheet(world: World, client: FlaskClient) -> None:
    team = made(world, client)
    one, two, three, four = (world.person(name) for name in ("王一", "王二", "王三", "王四"))
    found = post(client, f"/people/teams/{team.id}/find", {"text": one.number})
    assert one.number in found.text and "王○○" in found.text
    post(client, f"/people/teams/{team.id}/members", {"person_id": one.id})
    assert members(world, team) == {one.id}

    pasted = post(client, f"/people/teams/{team.id}/paste", {"numbers": f"{one.number}, {two.number}\n{two.number} R9"})
    result = client.get(pasted.location + "?show=all").text
    for said in ("已在里面", "和第 2 行是同一个人", "没有找到这位居民"):
        assert said in result
    assert members(world, team) == {one.id}  # nothing before it is confirmed
    post(client, f"{pasted.location}/write")
    post(client, f"{pasted.location}/write")
    assert members(world, team) == {one.id, two.id}

    in_own_transaction(lambda: setattr(db.session.get(Person, (world.scheme_id, four.id)), "birth_year", 1950))
    data = sheet(
        ["居民编号", "姓名", "出生年"], [three.number, "王三", None], ["", "王四", 1950], [two.number, "张三", ""]
    )
    sent = post(
        client,
        f"/people/teams/{team.id}/import",
        {"file": (io.BytesIO(data), "a.xlsx")},
        content_type="multipart/form-data",
    )
    assert "这个编号登记的不是这个姓名" in client.get(sent.location).text
    post(client, f"{sent.location}/write")
    assert members(world, team) == {one.id, two.id, three.id, four.id}
    post(client, f"/people/teams/{team.id}/members/remove", {"person_id": one.id})
    assert members(world, team) == {two.id, three.id, four.id}
    assert (traced(world, "team.member_add"), traced(world, "team.member_remove")) == (4, 1)


def test_what_is_exported_comes_back_as_it_was(world: World, client: FlaskClient) -> None:
    team, other = made(world, client), made(world, client)
    people = [world.person(f"王{n}") for n in "一二三"]
    who = world.visitor(world.staff(Role.STAFF))
    in_own_transaction(lambda: teams.add_members(who, team.id, [p.id for p in people], clock.now()))
    data = post(client, f"/people/teams/{team.id}/members/full").data
    book = load_workbook(io.BytesIO(data))
    again = io.BytesIO()
    book.save(again)
    sent = post(
        client,
        f"/people/teams/{other.id}/import",
        {"file": (io.BytesIO(again.getvalue()), "a.xlsx")},
        content_type="multipart/form-data",
    )
    post(client, f"{sent.location}/write")
    assert members(world, other) == members(world, team) == {p.id for p in people}


def test_nobody_puts_themselves_or_their_household_on_a_list(world: World) -> None:
    home = world.household()
    me = world.staff(Role.STAFF, household=home)
    mine = world.person("王五", household=home)
    client = world.client(me)
    team = made(world, client, kind="list", code="dibao", is_restricted="1")
    for person in (me, mine):
        assert post(client, f"/people/teams/{team.id}/members", {"person_id": person.id}).status_code == 403
        pasted = post(client, f"/people/teams/{team.id}/paste", {"numbers": person.number})
        assert "这是您自己或家里人" in client.get(pasted.location).text
        post(client, f"{pasted.location}/write")
    assert members(world, team) == set()
    form = {"name": "x", "kind": "team", "code": "", "area_id": world.community.id, "leader": me.number, "note": ""}
    assert post(client, "/people/teams/new", form).status_code == 403


def test_a_restricted_list_is_shown_by_an_audited_press_only(world: World, client: FlaskClient) -> None:
    team = made(world, client, kind="list", code="dibao", name="低保", is_restricted="1")
    person = world.person("赵六")
    post(client, f"/people/teams/{team.id}/members", {"person_id": person.id})
    assert person.number not in client.get(f"/people/teams/{team.id}").text
    assert client.get(f"/people/teams/{team.id}/members.xlsx").status_code == 404
    assert "低保" not in client.get(f"/people/{person.id}").text
    before = traced(world, "team.open")
    assert person.number in post(client, f"/people/teams/{team.id}/open").text
    assert traced(world, "team.open") == before + 1
    auditor = world.client(world.staff(Role.AUDITOR))
    assert auditor.get(f"/people/teams/{team.id}").status_code == 200
    assert post(auditor, f"/people/teams/{team.id}/open").status_code == 403
    api = world.api(world.staff(Role.AUDITOR))
    assert api.post(f"/api/v1/teams/{team.id}/members/list").status_code == 404


def test_teams_elsewhere_are_not_there(world: World, client: FlaskClient) -> None:
    team = made(world, client)
    with_other = world.client(world.staff(Role.STAFF, area=elsewhere(world)))
    for url in (f"/people/teams/{team.id}", f"/people/teams/{team.id}/edit", f"/people/teams/{team.id}/members.xlsx"):
        assert with_other.get(url).status_code == 404
    assert post(with_other, f"/people/teams/{team.id}/disable").status_code == 404
    foreign = world.person("外人", area=elsewhere(world))
    assert post(client, f"/people/teams/{team.id}/members", {"person_id": foreign.id}).status_code == 404


def elsewhere(world: World):  # type: ignore[no-untyped-def]
    from points.db import transaction

    with transaction():
        return world.area(AreaKind.COMMUNITY, f"别处{uuid4().hex[:6]}", world.subdistrict)


def test_a_list_that_is_disabled_counts_for_no_rule(world: World, client: FlaskClient) -> None:
    team = made(world, client, kind="list", code="党员")
    person = world.person()
    post(client, f"/people/teams/{team.id}/members", {"person_id": person.id})
    db.session.rollback()
    assert codes_of(world.scheme_id, [person.id]) == {person.id: frozenset({"党员"})}
    post(client, f"/people/teams/{team.id}/disable")
    db.session.rollback()
    assert codes_of(world.scheme_id, [person.id]) == {}
    assert post(client, f"/people/teams/{team.id}/members", {"person_id": world.person().id}).status_code == 409


def test_the_same_people_put_in_by_eight_at_once_are_in_once(world: World, app: Flask, client: FlaskClient) -> None:
    team = made(world, client)
    people = [world.person().id for _ in range(20)]
    who = world.visitor(world.staff(Role.STAFF))
    team_id = team.id
    put = [lambda: in_own_transaction(lambda: teams.add_members(who, team_id, people, clock.now()))] * 8
    counts = in_threads(app, put)
    assert sorted(counts) == [0] * 7 + [20]
    assert members(world, team) == set(people)


def test_relatives_are_noted_both_ways_and_not_taken_away_by_themselves(world: World, client: FlaskClient) -> None:
    mother, child = world.person("母亲"), world.person("孩子")
    answer = post(client, f"/people/{mother.id}/relatives", {"number": child.number, "kind": "child"})
    assert answer.status_code == 302
    db.session.rollback()
    rows = db.session.scalars(select(Relative).where(Relative.scheme_id == world.scheme_id))
    assert {(row.person_id, row.other_id, row.kind) for row in rows} == {
        (mother.id, child.id, "child"),
        (child.id, mother.id, "parent"),
    }
    assert mother.number in client.get(f"/people/{child.id}").text
    own = world.staff(Role.STAFF)
    assert post(client, f"/people/{own.id}/relatives", {"number": child.number, "kind": "other"}).status_code == 302
    assert post(world.client(own), f"/people/{child.id}/relatives/remove", {"other_id": own.id}).status_code == 403
    assert post(client, f"/people/{mother.id}/relatives", {"number": mother.number, "kind": "other"}).status_code == 422
    assert post(client, f"/people/{mother.id}/relatives", {"number": "NO", "kind": "other"}).status_code == 422
    post(client, f"/people/{child.id}/relatives/remove", {"other_id": mother.id})
    db.session.rollback()
    assert {kin.person.id for kin in relatives.relatives_of(world.scheme_id, child.id)} == {own.id}


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0old", "只有文字\n没有表头".encode()], ids=str
)
def test_a_file_that_is_no_list_is_refused_kindly(world: World, client: FlaskClient, data: bytes) -> None:
    team = made(world, client)
    sent = {"file": (io.BytesIO(data), "名单.csv")}
    answer = post(client, f"/people/teams/{team.id}/import", sent, content_type="multipart/form-data")
    assert answer.status_code == 422 and 'id="file-error"' in answer.text


def test_the_api_does_what_the_pages_do(world: World) -> None:
    api = world.api(world.staff(Role.STAFF))
    key = {"Idempotency-Key": str(uuid4())}
    wanted = {"name": "党员", "kind": "list", "code": "党员", "area_id": str(world.community.id)}
    answer = api.post("/api/v1/teams", json=wanted, headers=key)
    assert answer.status_code == 201 and answer.json["code"] == "党员"
    assert api.post("/api/v1/teams", json=wanted, headers=key).json["id"] == answer.json["id"]
    team = answer.json["id"]
    one, two = world.person("王一"), world.person("王二")
    rows = [{"number": one.number}, {"number": two.number}, {"number": "R0"}]
    looked = api.post(f"/api/v1/teams/{team}/members", json={"people": rows, "dry_run": True})
    assert (looked.json["new"], looked.json["wrong"], looked.json["added"]) == (2, 1, 0)
    assert looked.json["problems"][0]["row"] == 3
    put = api.post(f"/api/v1/teams/{team}/members", json={"people": rows})
    assert put.json["added"] == 2
    listed = api.post(f"/api/v1/teams/{team}/members/list").json["members"]
    assert {member["number"] for member in listed} == {one.number, two.number}
    removed = api.post(f"/api/v1/teams/{team}/members/remove", json={"ids": [str(one.id)]})
    assert removed.json["removed"] == 1
    edited = api.patch(f"/api/v1/teams/{team}", json={**wanted, "name": "党员名单", "version": 1})
    assert edited.json["name"] == "党员名单" and edited.json["version"] == 2
    assert api.post(f"/api/v1/teams/{team}/disable").json["disabled"] is True
    assert [one["name"] for one in api.get("/api/v1/teams?status=gone").json["teams"]] == ["党员名单"]
