"""What the operator may do at the command line, on both engines."""

from __future__ import annotations

import re
from secrets import token_hex

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from points.db import db
from points.people.models import Area, Assignment, Person, Role, Scheme, Secret, Trace
from tests.factories import World
from tests.signing import PASSWORD, Browser, with_authenticator, with_password


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["people", *arguments])


def code_in(result: Result) -> str:
    found = re.search(r"([0-9]{4}) ([0-9]{4}) ([0-9]{4})", result.output)
    assert found, result.output
    return "".join(found.groups())


def test_a_scheme_and_its_administrator_are_made_and_the_slip_lets_in(world: World) -> None:
    code = f"c{token_hex(6)}"
    places = (
        "--subdistrict",
        "禾花塘街道",
        "--community",
        "和苑社区",
        "--admin-name",
        "李明",
        "--admin-number",
        "admin",
    )
    made = run(world.app, "create-scheme", code, "禾花塘积分", *places, "--scale", "0")
    assert made.exit_code == 0, made.output
    db.session.rollback()
    scheme = db.session.scalar(select(Scheme).where(Scheme.code == code))
    assert scheme and (scheme.name, scheme.points_scale) == ("禾花塘积分", 0)
    paths = db.session.scalars(select(Area.path).where(Area.scheme_id == scheme.id).order_by(Area.path)).all()
    assert len(paths) == 2 and paths[1].startswith(paths[0])
    roles = set(db.session.scalars(select(Assignment.role).where(Assignment.scheme_id == scheme.id)))
    assert roles == {Role.ADMIN, Role.OFFICER}
    browser = Browser(world)
    slip = code_in(made)
    assert browser.post("/activate", code=slip, pin="830514", scheme=code).status_code == 422
    assert browser.post("/activate", code=slip, pin=PASSWORD, scheme=code).status_code == 302
    assert browser.get("/security").headers["Location"].startswith("/second-factor/new")
    assert "That code is taken." in run(world.app, "create-scheme", code, "x", *places).output


@pytest.mark.parametrize("code", ["", "Main", "a b", "-a", "a" * 41, "../x", "主"])
def test_a_schemes_code_must_fit_an_address(world: World, code: str) -> None:
    places = ("--subdistrict", "a", "--community", "b", "--admin-name", "c", "--admin-number", "d")
    assert run(world.app, "create-scheme", *places, "--", code, "n").exit_code == 2


def test_recover_prints_a_slip_and_ends_every_sign_in(world: World) -> None:
    admin = with_password(world.staff(Role.ADMIN), PASSWORD)
    with_authenticator(admin)
    api = world.api(admin)
    result = run(world.app, "recover", admin.number, "--scheme", world.scheme.code)
    assert result.exit_code == 0, result.output
    assert api.get("/api/v1/me").status_code == 401
    browser = Browser(world)
    browser.post("/activate", code=code_in(result), pin=PASSWORD, scheme=world.scheme.code)
    assert browser.get("/security").headers["Location"].startswith("/second-factor?")
    run(world.app, "recover", admin.number, "--scheme", world.scheme.code, "--forget-second-factor")
    db.session.rollback()
    kept = db.session.get_one(Secret, (world.scheme_id, admin.id), populate_existing=True)
    assert kept.totp_sealed is None
    actors = db.session.scalars(
        select(Trace.actor_id).where(Trace.subject_id == admin.id, Trace.action == "slip.issue")
    )
    assert set(actors) == {0}


def test_recover_says_what_is_wrong(world: World) -> None:
    World(world.app)
    person = world.person()
    assert "Nobody has that number." in run(world.app, "recover", "nobody", "--scheme", world.scheme.code).output
    assert "No scheme has that code." in run(world.app, "recover", person.number, "--scheme", "no-such").output
    several = run(world.app, "recover", person.number)
    assert several.exit_code == 1
    assert "--scheme" in several.output


def test_a_token_is_printed_once_and_sign_out_ends_it(world: World) -> None:
    admin = world.staff(Role.ADMIN)
    made = run(world.app, "token", admin.number, "--label", "backup", "--days", "3", "--scheme", world.scheme.code)
    token = made.output.strip()
    client = world.app.test_client()
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).json["number"] == admin.number
    ended = run(world.app, "sign-out", admin.number, "--scheme", world.scheme.code)
    assert "结束了 1 个登录" in ended.output
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_nobody_gets_a_token_for_a_disabled_person(world: World) -> None:
    from sqlalchemy import update

    from points import clock
    from points.db import transaction

    person = world.person()
    with transaction():
        db.session.execute(update(Person).where(Person.id == person.id).values(disabled_at=clock.now()))
    assert run(world.app, "token", person.number, "--label", "x", "--scheme", world.scheme.code).exit_code == 1
    assert run(world.app, "recover", person.number, "--scheme", world.scheme.code).exit_code == 1
