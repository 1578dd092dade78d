"""Areas and roles: who may build, rename, close, give and end, and where."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from points import clock
from points.db import db, transaction
from points.errors import NotAllowed
from points.people import places, residents
from points.people.models import Area, AreaKind, Assignment, Person, Role, Trace
from tests.factories import World
from tests.forms import post


@pytest.fixture
def officer(world: World) -> Person:
    return world.staff(Role.OFFICER, area=world.subdistrict)


@pytest.fixture
def admin(world: World) -> Person:
    return world.staff(Role.ADMIN, area=world.subdistrict)


def areas_named(world: World, name: str) -> list[Area]:
    db.session.rollback()
    return list(db.session.scalars(select(Area).where(Area.scheme_id == world.scheme_id, Area.name == name)))


def roles(world: World, person: Person) -> set[str]:
    db.session.rollback()
    return set(
        db.session.scalars(
            select(Assignment.role).where(
                Assignment.scheme_id == world.scheme_id,
                Assignment.person_id == person.id,
                Assignment.ended_at.is_(None),
            )
        )
    )


def test_an_area_is_added_once_in_its_parent(world: World, officer: Person) -> None:
    client = world.client(officer)
    form = {"kind": "grid", "name": "第二网格"}
    assert post(client, f"/areas/{world.community.id}/add", form).status_code == 302
    again = post(client, f"/areas/{world.community.id}/add", {"kind": "grid", "name": "第 2 网格"})
    assert again.status_code == 422
    assert "这里已经有" in again.text
    (made,) = areas_named(world, "第二网格")
    assert made.path == f"{world.community.path}{made.id}/"
    assert "第二网格" in client.get("/areas").text


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "community", "name": "社区里的社区"},
        {"kind": "moon", "name": "月亮"},
        {"kind": "grid", "name": ""},
        {"kind": "grid", "name": "长" * 41},
        {"kind": "grid"},
        {"kind": ["grid", "grid"], "name": "两个"},
    ],
)
def test_an_area_that_does_not_fit_is_refused_with_a_sentence(
    world: World, officer: Person, form: dict[str, object]
) -> None:
    answer = post(world.client(officer), f"/areas/{world.community.id}/add", form)
    assert answer.status_code == 422
    assert 'class="errtext"' in answer.text


def test_an_area_is_renamed_and_closed_when_nobody_needs_it(world: World, officer: Person) -> None:
    client = world.client(officer)
    post(client, f"/areas/{world.microgrid.id}/rename", {"name": "2 号楼"})
    assert len(areas_named(world, "2 号楼")) == 1
    for area in (world.community, world.grid):
        answer = post(client, f"/areas/{area.id}/disable")
        assert answer.status_code == 409
        assert "先移走再停用" in answer.text
    assert post(client, f"/areas/{world.microgrid.id}/disable").status_code == 409  # the officer lives there
    with transaction():
        spare = world.area(AreaKind.MICROGRID, "空楼", world.grid)
    assert post(client, f"/areas/{spare.id}/disable").status_code == 302
    assert post(client, f"/areas/{spare.id}/disable").status_code == 302
    assert areas_named(world, "空楼")[0].disabled_at is not None
    assert post(client, f"/areas/{spare.id}/enable").status_code == 302
    assert areas_named(world, "空楼")[0].disabled_at is None


def test_areas_of_others_are_not_there(world: World) -> None:
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "别的社区", world.subdistrict)
    foreign = World(world.app).community
    client = world.client(world.staff(Role.OFFICER, area=world.community))
    assert "别的社区" not in client.get("/areas").text
    for area_id in (elsewhere.id, foreign.id, world.subdistrict.id, 0, 2**63, 2**70):
        for url in ("add", "rename", "disable", "enable", "roles"):
            form = {"name": "名", "kind": "grid"} if url == "add" else {"name": "名"}
            assert post(client, f"/areas/{area_id}/{url}", form).status_code == 404, (area_id, url)
    assert client.get(f"/areas?area={elsewhere.id}").status_code == 404


def test_an_officer_gives_and_ends_a_role_by_number(world: World, officer: Person) -> None:
    person, client = world.person("李强"), world.client(officer)
    form = {"number": person.number, "role": "clerk"}
    assert post(client, f"/areas/{world.community.id}/roles", form).status_code == 302
    assert post(client, f"/areas/{world.community.id}/roles", form).status_code == 302
    assert roles(world, person) == {"clerk"}
    given = db.session.scalars(select(Assignment).where(Assignment.person_id == person.id)).one()
    assert given.given_by == officer.id
    assert post(client, f"/people/roles/{given.id}/end").status_code == 302
    assert roles(world, person) == set()
    assert post(client, f"/areas/{world.community.id}/roles", form).status_code == 302  # and again
    assert roles(world, person) == {"clerk"}
    actions = select(Trace.action).where(Trace.scheme_id == world.scheme_id, Trace.subject_id == person.id)
    assert sorted(db.session.scalars(actions)) == ["role.end", "role.give", "role.give"]


@pytest.mark.parametrize("role", ["officer", "auditor", "admin", "resident"])
def test_an_officer_gives_nothing_at_or_above_their_own_rank(world: World, officer: Person, role: str) -> None:
    person = world.person("李强")
    client = world.client(officer)
    form = {"role": role, "area_id": str(world.community.id)}
    assert post(client, f"/people/{person.id}/roles", form).status_code == 403
    assert roles(world, person) == set()


def test_an_administrator_gives_every_role_but_none_to_themselves(world: World, admin: Person) -> None:
    person, client = world.person("李强"), world.client(admin)
    for role in ("officer", "auditor", "admin", "staff"):
        form = {"role": role, "area_id": str(world.community.id)}
        assert post(client, f"/people/{person.id}/roles", form).status_code == 302
        assert post(client, f"/people/{admin.id}/roles", form).status_code == 403
    assert roles(world, person) == {"officer", "auditor", "admin", "staff"}
    own = db.session.scalars(select(Assignment).where(Assignment.person_id == admin.id)).one()
    assert post(client, f"/people/roles/{own.id}/end").status_code == 403


def test_an_officer_cannot_end_an_administrator(world: World, officer: Person, admin: Person) -> None:
    theirs = db.session.scalars(select(Assignment).where(Assignment.person_id == admin.id)).one()
    assert post(world.client(officer), f"/people/roles/{theirs.id}/end").status_code == 403
    assert roles(world, admin) == {"admin"}


def test_roles_are_given_only_within_reach(world: World) -> None:
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "别的社区", world.subdistrict)
    local = world.staff(Role.OFFICER, area=world.community)
    person, stranger = world.person("李强"), world.person("外人", area=elsewhere)
    client = world.client(local)
    assert (
        post(client, f"/people/{person.id}/roles", {"role": "clerk", "area_id": str(elsewhere.id)}).status_code == 404
    )
    assert (
        post(client, f"/people/{stranger.id}/roles", {"role": "clerk", "area_id": str(world.grid.id)}).status_code
        == 404
    )
    refused = post(client, f"/areas/{world.community.id}/roles", {"role": "clerk", "number": stranger.number})
    assert refused.status_code == 422
    assert "没有这个编号的居民" in refused.text
    outside = World(world.app)
    outsider = outside.staff(Role.CLERK)
    theirs = db.session.scalars(select(Assignment).where(Assignment.person_id == outsider.id)).one()
    assert post(client, f"/people/roles/{theirs.id}/end").status_code == 404


def test_staff_see_neither_areas_nor_the_giving_of_roles(world: World) -> None:
    staff = world.staff(Role.STAFF)
    client = world.client(staff)
    assert client.get("/areas").status_code == 403
    person = world.person()
    assert post(client, f"/people/{person.id}/roles", {"role": "clerk", "area_id": "1"}).status_code == 403


def test_a_role_works_at_once_and_ends_at_once(world: World, admin: Person) -> None:
    person = world.person("李强")
    theirs, client = world.client(person), world.client(admin)
    assert theirs.get("/people").status_code == 403
    post(client, f"/people/{person.id}/roles", {"role": "staff", "area_id": str(world.community.id)})
    assert theirs.get("/people").status_code in (200, 302)  # 302: a staff role asks for the second factor first
    given = db.session.scalars(select(Assignment).where(Assignment.person_id == person.id)).one()
    post(client, f"/people/roles/{given.id}/end")
    assert theirs.get("/people").status_code == 403


def test_a_disabled_person_gets_no_role(world: World, admin: Person) -> None:
    person = world.person("李强")
    client = world.client(admin)
    post(client, f"/people/{person.id}/disable")
    form = {"role": "clerk", "area_id": str(world.community.id)}
    assert post(client, f"/people/{person.id}/roles", form).status_code == 409


def test_of_two_administrators_who_dismiss_each_other_one_stays(world: World, admin: Person) -> None:
    other = world.staff(Role.ADMIN, area=world.subdistrict, name="赵敏")
    one, two = world.visitor(admin), world.visitor(other)  # both requests have begun
    duty = {a.person_id: a.id for a in db.session.scalars(select(Assignment).where(Assignment.role == Role.ADMIN))}
    db.session.rollback()
    with transaction():
        places.end_role(one, duty[other.id], clock.now())
    with pytest.raises(NotAllowed), transaction():
        places.end_role(two, duty[admin.id], clock.now())
    with pytest.raises(NotAllowed), transaction():
        residents.disable_resident(two, admin.id, clock.now())
    assert roles(world, admin) == {"admin"}
