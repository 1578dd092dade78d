"""The second factor: who needs it, how it is set up, that a code works once."""

from __future__ import annotations

import re
from datetime import timedelta
from threading import Barrier, Thread

import pyotp
import pytest
from sqlalchemy import select

from points import clock
from points.db import db, transaction
from points.people import secrets
from points.people.models import Person, Role, Secret, SignIn, Trace
from tests.factories import World
from tests.signing import PASSWORD, PIN, Browser, with_authenticator, with_password

NEEDED = (Role.STAFF, Role.OFFICER, Role.AUDITOR, Role.ADMIN)
NOT_NEEDED = (Role.CLERK, Role.LEADER, Role.GRID_WORKER, Role.RIDER)


def officer_of(world: World) -> Person:
    return with_password(world.staff(Role.OFFICER), PASSWORD)


def kept(person: Person) -> Secret:
    db.session.rollback()
    return db.session.get_one(Secret, (person.scheme_id, person.id), populate_existing=True)


def shown_secret(page: str) -> str:
    found = re.search(r'class="mono secret">([A-Z2-7 ]+)<', page)
    assert found
    return found.group(1).replace(" ", "")


@pytest.mark.parametrize("role", NEEDED)
def test_approvers_and_administrators_set_one_up_before_anything_else(world: World, role: Role) -> None:
    person = with_password(world.staff(role), PASSWORD)
    browser = Browser(world)
    browser.sign_in(person.number, PASSWORD)
    assert browser.get("/security").headers["Location"] == "/second-factor/new?next=/security"
    assert browser.post("/security/sign-ins/end-others").status_code == 401
    assert browser.post("/security/password", old=PASSWORD, new=PASSWORD + "!").status_code == 401


@pytest.mark.parametrize("role", NOT_NEEDED)
def test_the_others_do_without(world: World, role: Role) -> None:
    person = with_password(world.staff(role), PASSWORD)
    browser = Browser(world)
    browser.sign_in(person.number, PASSWORD)
    assert browser.get("/security").status_code == 200


def test_setting_it_up_shows_ten_recovery_codes_once(world: World) -> None:
    person = officer_of(world)
    browser = Browser(world)
    browser.sign_in(person.number, PASSWORD)
    page = browser.get("/second-factor/new").get_data(as_text=True)
    secret = shown_secret(page)
    assert "<svg" in page and "style=" not in page
    assert browser.post("/second-factor/new", code="000000").status_code == 422
    assert shown_secret(browser.get("/second-factor/new").get_data(as_text=True)) == secret
    before = browser.cookie()["token"]
    done = browser.post("/second-factor/new", code=pyotp.TOTP(secret).now())
    codes = re.findall(r"<li>([A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4})</li>", done.get_data(as_text=True))
    assert done.status_code == 200
    assert len(codes) == 10
    assert browser.cookie()["token"] != before
    assert "enrol" not in browser.cookie()
    assert browser.get("/security").status_code == 200
    row = kept(person)
    assert secret not in (row.totp_sealed or "")
    assert len(row.recovery_hashes) == 10
    assert not set(codes) & set(row.recovery_hashes)
    assert db.session.scalar(
        select(Trace.action).where(Trace.action == "second_factor.enrol", Trace.actor_id == person.id)
    )


def test_the_secret_in_the_cookie_is_sealed_and_belongs_to_one_person(world: World) -> None:
    one, other = officer_of(world), officer_of(world)
    browser, theirs = Browser(world), Browser(world)
    browser.sign_in(one.number, PASSWORD)
    theirs.sign_in(other.number, PASSWORD)
    secret = shown_secret(browser.get("/second-factor/new").get_data(as_text=True))
    cookie = browser.cookie()["enrol"]
    assert secret not in cookie
    with theirs.client.session_transaction() as session:
        session["enrol"] = cookie
    assert shown_secret(theirs.get("/second-factor/new").get_data(as_text=True)) != secret


def test_a_code_signs_in_once(world: World) -> None:
    person = officer_of(world)
    totp = with_authenticator(person)
    first, second = Browser(world), Browser(world)
    for browser in (first, second):
        browser.sign_in(person.number, PASSWORD)
        assert browser.get("/security").headers["Location"].startswith("/second-factor?")
    at = clock.now()
    with clock.at(at):
        code = totp.at(int(at.timestamp()))
        before = first.cookie()["token"]
        assert (
            first.post("/second-factor", code=f" {code[:3]} {code[3:]} ", next="/security").headers["Location"]
            == "/security"
        )
        assert first.cookie()["token"] != before
        again = second.post("/second-factor", code=code)
        assert again.status_code == 422
        assert "已经用过" in again.get_data(as_text=True)
        assert second.post("/second-factor", code=totp.at(int(at.timestamp()) - 30)).status_code == 422
        assert second.get("/security").status_code == 302
    assert first.get("/security").status_code == 200


def test_two_with_one_code_at_the_same_moment_are_one(world: World) -> None:
    person = officer_of(world)
    totp = with_authenticator(person)
    browsers = [Browser(world) for _ in range(4)]
    for browser in browsers:
        browser.sign_in(person.number, PASSWORD)
    tokens = [browser.token() for browser in browsers]
    code, start, answers = totp.now(), Barrier(4), []

    def give(n: int) -> None:
        start.wait()
        data = {"csrf_token": tokens[n], "code": code}
        answers.append(browsers[n].client.post("/second-factor", data=data).status_code)

    threads = [Thread(target=give, args=(n,)) for n in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(answers) == [302, 422, 422, 422]


def test_a_recovery_code_works_once(world: World) -> None:
    person = officer_of(world)
    with_authenticator(person)
    codes = secrets.new_recovery_codes()
    with transaction():
        kept_row = db.session.get_one(Secret, (person.scheme_id, person.id))
        kept_row.recovery_hashes = [secrets.recovery_hash(code) for code in codes]
    for expected in (302, 422):
        browser = Browser(world)
        browser.sign_in(person.number, PASSWORD)
        assert browser.post("/second-factor", code=codes[2].lower()).status_code == expected
    assert len(kept(person).recovery_hashes) == 9


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "x" * 79, "-1", "1e5", "००००००"])
def test_senseless_codes_are_only_wrong(world: World, code: str) -> None:
    person = officer_of(world)
    with_authenticator(person)
    browser = Browser(world)
    browser.sign_in(person.number, PASSWORD)
    assert browser.post("/second-factor", code=code).status_code == 422


def test_guessing_codes_is_throttled_whatever_the_browser(world: World) -> None:
    person = officer_of(world)
    totp = with_authenticator(person)
    answers = []
    for _ in range(7):
        browser = Browser(world)
        browser.sign_in(person.number, PASSWORD)
        answers.append(browser.post("/second-factor", code="000000").status_code)
    assert answers == [422] * 5 + [429] * 2
    assert browser.post("/second-factor", code=totp.now()).status_code == 429


def test_whoever_knows_only_the_password_cannot_put_another_authenticator_in_place(world: World) -> None:
    person = officer_of(world)
    with_authenticator(person)
    before = kept(person).totp_sealed
    thief = Browser(world)
    thief.sign_in(person.number, PASSWORD)
    assert thief.get("/second-factor/new").headers["Location"].startswith("/second-factor?")
    own = secrets.new_authenticator()
    from points.people.sealing import seal

    with thief.client.session_transaction() as session:
        session["enrol"] = seal(f"{person.id}:{own}".encode())
    assert thief.post("/second-factor/new", code=pyotp.TOTP(own).now()).status_code == 302
    assert thief.post("/second-factor/recovery-codes").status_code == 401
    assert kept(person).totp_sealed == before


def test_an_unattended_screen_changes_no_factor(world: World) -> None:
    person = officer_of(world)
    totp = with_authenticator(person)
    browser = Browser(world)
    browser.sign_in(person.number, PASSWORD)
    browser.post("/second-factor", code=totp.now())
    assert browser.get("/second-factor/new").status_code == 200
    assert browser.post("/second-factor/recovery-codes").status_code == 200
    with clock.at(clock.now() + timedelta(minutes=16)):
        assert browser.get("/security").status_code == 200
        assert browser.get("/second-factor/new").headers["Location"].startswith("/second-factor?")
        assert browser.post("/second-factor/recovery-codes").headers["Location"].startswith("/second-factor?")


def test_a_sign_in_without_its_second_factor_ends_in_a_quarter_of_an_hour(world: World) -> None:
    person = officer_of(world)
    with_authenticator(person)
    browser = Browser(world)
    browser.sign_in(person.number, PASSWORD)
    with clock.at(clock.now() + timedelta(minutes=16)):
        assert browser.get("/security").headers["Location"].startswith("/sign-in")


def test_a_resident_may_choose_to_have_one_and_is_then_asked_for_it(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    browser.sign_in(person.number, PIN)
    secret = shown_secret(browser.get("/second-factor/new").get_data(as_text=True))
    at = clock.now()
    assert browser.post("/second-factor/new", code=pyotp.TOTP(secret).at(int(at.timestamp()))).status_code == 200
    other = Browser(world)
    other.sign_in(person.number, PIN)
    assert other.get("/security").headers["Location"].startswith("/second-factor?")


def test_a_role_that_comes_while_signed_in_asks_for_it_at_once(world: World) -> None:
    person = with_password(world.person(), PASSWORD)
    browser = Browser(world)
    browser.sign_in(person.number, PASSWORD)
    assert browser.get("/security").status_code == 200
    world.give(person, Role.STAFF)
    assert browser.get("/security").headers["Location"].startswith("/second-factor/new")


def test_giving_a_role_shortens_what_was_signed_in_for_ninety_days(world: World) -> None:
    from points.people.places import give_role

    admin, person = world.staff(Role.ADMIN), with_password(world.person(), PASSWORD)
    browser = Browser(world)
    browser.sign_in(person.number, PASSWORD)
    who = world.visitor(admin)
    with transaction():
        give_role(who, person_id=person.id, role=Role.CLERK, area_id=world.community.id, at=clock.now())
    db.session.rollback()
    ends = db.session.scalar(select(SignIn.expires_at).where(SignIn.person_id == person.id))
    assert ends and ends <= clock.now() + timedelta(hours=12)
