"""Signing in with a browser: by which names, what is refused, what the cookie is worth, and how it ends."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from points import clock
from points.db import db, transaction
from points.people import secrets
from points.people.models import Person, PrivacyConsent, Role, Secret, SignIn, SignInName
from tests.factories import World
from tests.signing import PASSWORD, PIN, Browser, with_authenticator, with_password

WRONG = "号码或密码不对。忘了可以到社区重新开通。"


def set_on(person: Person, **values: object) -> None:
    with transaction():
        db.session.execute(
            update(Person).where(Person.scheme_id == person.scheme_id, Person.id == person.id).values(**values)
        )


# ---------------------------------------------------------------- in


def test_number_phone_and_staff_name_all_lead_in(world: World) -> None:
    person = with_password(world.person())
    set_on(person, phone="13800138000")
    with transaction():
        world.add(SignInName(scheme_id=world.scheme_id, name="chen.jg", person_id=person.id))
    for name in (person.number, person.number.lower(), f" {person.number} ", "138 0013 8000", "Chen.JG"):
        browser = Browser(world)
        answer = browser.sign_in(name, PIN)
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/"), name
        assert browser.is_in


def test_a_phone_that_two_people_share_is_nobodys_name(world: World) -> None:
    one, other = with_password(world.person()), with_password(world.person())
    set_on(one, phone="13800138001")
    set_on(other, phone="13800138001")
    assert Browser(world).sign_in("13800138001", PIN).status_code == 422
    set_on(other, disabled_at=clock.now())
    assert Browser(world).sign_in("13800138001", PIN).status_code == 302


@pytest.mark.parametrize("case", ["password", "unknown", "disabled", "no password", "foreign"])
def test_every_refusal_reads_the_same(world: World, case: str) -> None:
    person = world.person() if case == "no password" else with_password(world.person())
    if case == "disabled":
        set_on(person, disabled_at=clock.now())
    if case == "foreign":
        person = with_password(World(world.app).person())
    name, password = ("R-nobody" if case == "unknown" else person.number), ("940517" if case == "password" else PIN)
    browser = Browser(world)
    answer = browser.sign_in(name, password)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert WRONG in page
    assert password not in page
    assert not browser.is_in


def test_an_unknown_name_costs_as_much_work_as_a_known_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    right = secrets.is_right
    monkeypatch.setattr(secrets, "is_right", lambda *a: checked.append(a[1]) or right(*a))
    Browser(world).sign_in("R-nobody", PIN)
    Browser(world).sign_in(with_password(world.person()).number, "940517")
    assert [bool(kept) for kept in checked] == [False, True]


def test_empty_fields_are_asked_for_and_count_no_try(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    for _ in range(8):
        answer = browser.sign_in(person.number, "")
        assert answer.status_code == 422
        assert "请填密码。" in answer.get_data(as_text=True)
    assert browser.sign_in(person.number, PIN).status_code == 302


@pytest.mark.parametrize("name", ["'; drop table people;--", "a" * 5000, "\x00\x00", "😀" * 40, "%", "R\u202e1"])
def test_hostile_names_are_only_wrong(world: World, name: str) -> None:
    assert Browser(world).sign_in(name, PIN).status_code == (400 if "\x00" in name else 422)


def test_a_scheme_that_does_not_exist_is_not_found(world: World) -> None:
    browser = Browser(world)
    assert browser.post("/sign-in", name="x", password="y", scheme="no-such").status_code == 404
    assert browser.get("/s/no-such/sign-in").status_code == 404


def test_with_several_schemes_one_chooses_and_is_remembered(world: World) -> None:
    World(world.app)
    browser = Browser(world)
    assert world.scheme.code in browser.get(f"/sign-in?q={world.scheme.code}").get_data(as_text=True)
    assert world.scheme.code not in browser.get("/sign-in?q=%25nothing").get_data(as_text=True)
    assert f'value="{world.scheme.code}"' in browser.get(f"/s/{world.scheme.code}/sign-in").get_data(as_text=True)
    browser.sign_in(with_password(world.person()).number, PIN)
    browser.post("/sign-out")
    assert f'name="scheme" value="{world.scheme.code}"' in browser.get("/sign-in").get_data(as_text=True)


def test_the_form_needs_its_token(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    answer = browser.client.post("/sign-in", data={"name": person.number, "password": PIN})
    assert answer.status_code == 400
    assert not browser.is_in


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", "", "\\\\x"]
)
def test_the_way_back_never_leaves_the_site(world: World, target: str) -> None:
    person = with_password(world.person())
    assert Browser(world).sign_in(person.number, PIN, next=target).headers["Location"] == "/"


def test_one_comes_back_to_the_page_that_was_asked_for(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    asked = browser.get("/security?x=1").headers["Location"]
    assert asked == "/sign-in?next=/security?x%3D1"
    assert browser.sign_in(person.number, PIN, next="/security?x=1").headers["Location"] == "/security?x=1"


# ---------------------------------------------------------------- the session


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_others(world: World) -> None:
    person = with_password(world.person())
    cookies = Browser(world).sign_in(person.number, PIN).headers.getlist("Set-Cookie")
    assert len(cookies) == 1
    assert "HttpOnly" in cookies[0]
    assert "SameSite=Lax" in cookies[0]
    assert "Path=/" in cookies[0]


def test_residents_stay_signed_in_and_a_desk_forgets_when_closed(world: World) -> None:
    resident = with_password(world.person())
    clerk = with_password(world.staff(Role.CLERK), PASSWORD)
    assert "Expires=" in Browser(world).sign_in(resident.number, PIN).headers["Set-Cookie"]
    assert "Expires=" not in Browser(world).sign_in(clerk.number, PASSWORD).headers["Set-Cookie"]


def test_a_token_planted_before_signing_in_is_worth_nothing(world: World) -> None:
    victim, attacker = with_password(world.person()), with_password(world.person())
    theirs = Browser(world)
    theirs.sign_in(attacker.number, PIN)
    planted = theirs.cookie()
    browser = Browser(world)
    with browser.client.session_transaction() as session:
        session.update(planted, evil="kept?", lang="en", look="large")
    browser.sign_in(victim.number, PIN)
    now = browser.cookie()
    assert now["token"] != planted["token"]
    assert "evil" not in now
    assert (now["lang"], now["look"]) == ("en", "large")
    assert not theirs.is_in  # whoever was signed in with this browser before is signed out


def test_the_database_keeps_only_a_hash_of_the_token(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    browser.sign_in(person.number, PIN)
    token = browser.cookie()["token"]
    kept = db.session.scalars(select(SignIn.token_hash).where(SignIn.person_id == person.id)).all()
    assert len(kept) == 1
    assert token not in kept[0]
    forged = Browser(world)
    with forged.client.session_transaction() as session:
        session["token"] = kept[0]
    assert not forged.is_in


@pytest.mark.parametrize("token", ["", "x" * 10_000, 12345, ["a"], {"a": 1}, None, True])
def test_a_senseless_token_is_nobody(world: World, token: object) -> None:
    browser = Browser(world)
    with browser.client.session_transaction() as session:
        session["token"] = token
    assert not browser.is_in


def test_a_sign_in_ends_by_time_by_leaving_and_by_disabling(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    browser.sign_in(person.number, PIN)
    with clock.at(clock.now() + timedelta(days=91)):
        assert not browser.is_in
    assert browser.is_in
    set_on(person, disabled_at=clock.now())
    assert not browser.is_in
    set_on(person, disabled_at=None)
    stolen = browser.cookie()
    assert browser.post("/sign-out").status_code == 302
    assert "token" not in browser.cookie()
    with browser.client.session_transaction() as session:
        session.update(stolen)
    assert not browser.is_in


def test_staff_are_signed_out_after_a_working_day(world: World) -> None:
    clerk = with_password(world.staff(Role.CLERK), PASSWORD)
    browser = Browser(world)
    browser.sign_in(clerk.number, PASSWORD)
    with clock.at(clock.now() + timedelta(hours=11)):
        assert browser.is_in
    with clock.at(clock.now() + timedelta(hours=13)):
        assert not browser.is_in


def test_last_seen_is_written_at_most_every_five_minutes(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    browser.sign_in(person.number, PIN)

    def seen() -> object:
        db.session.rollback()
        return db.session.scalar(select(SignIn.last_seen_at).where(SignIn.person_id == person.id))

    first = seen()
    browser.get("/security")
    assert seen() == first
    later = clock.now() + timedelta(minutes=6)
    with clock.at(later):
        browser.get("/security")
    assert seen() == later


def test_a_sign_in_lists_ends_and_ends_only_ones_own(world: World) -> None:
    person, other = with_password(world.person()), with_password(world.person())
    phone, desk, theirs = Browser(world), Browser(world), Browser(world)
    for browser, who in ((phone, person), (desk, person), (theirs, other)):
        browser.sign_in(who.number, PIN)
    ids = {s.person_id: s.id for s in db.session.scalars(select(SignIn).where(SignIn.scheme_id == world.scheme_id))}
    page = phone.get("/security").get_data(as_text=True)
    assert page.count("/end") == 2  # one other, and all others
    assert phone.post(f"/security/sign-ins/{ids[other.id]}/end").status_code == 404
    assert phone.post(f"/security/sign-ins/{2**63}/end").status_code == 404
    assert theirs.is_in
    mine = {s.id for s in db.session.scalars(select(SignIn).where(SignIn.person_id == person.id))}
    with phone.client.session_transaction() as session:
        from points.people.visitor import token_hash

        here = db.session.scalar(select(SignIn.id).where(SignIn.token_hash == token_hash(session["token"])))
    (elsewhere,) = mine - {here}
    assert phone.post(f"/security/sign-ins/{elsewhere}/end").status_code == 302
    assert not desk.is_in
    assert phone.is_in
    desk.sign_in(person.number, PIN)
    phone.post("/security/sign-ins/end-others")
    assert not desk.is_in
    assert phone.is_in


def test_beyond_twenty_the_oldest_sign_in_ends(world: World) -> None:
    from points.people import signing_in

    person = with_password(world.person())
    first = Browser(world)
    first.sign_in(person.number, PIN)
    who = signing_in.candidate(world.scheme_id, person.id)
    assert who
    for n in range(20):
        with transaction():
            signing_in.begin(who, kind="browser", label="", at=clock.now() + timedelta(seconds=n + 1))
    assert not first.is_in


# ---------------------------------------------------------------- passwords


def test_changing_the_password_asks_for_the_old_one_and_ends_every_other_sign_in(world: World) -> None:
    person = with_password(world.person())
    here, elsewhere = Browser(world), Browser(world)
    here.sign_in(person.number, PIN)
    elsewhere.sign_in(person.number, PIN)
    api = world.api(person)
    assert "现在的密码不对。" in here.post("/security/password", old="940517", new="704182").get_data(as_text=True)
    assert here.post("/security/password", old=PIN, new="123456").status_code == 422
    assert elsewhere.is_in
    assert here.post("/security/password", old=PIN, new="704182").status_code == 302
    assert here.is_in
    assert not elsewhere.is_in
    assert api.get("/api/v1/me").status_code == 401
    assert Browser(world).sign_in(person.number, PIN).status_code == 422
    assert Browser(world).sign_in(person.number, "704182").status_code == 302


def test_guessing_the_old_password_on_an_open_page_is_throttled(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    browser.sign_in(person.number, PIN)
    answers = [browser.post("/security/password", old=f"94051{n}", new="704182").status_code for n in range(7)]
    assert answers == [422] * 5 + [429] * 2


def test_a_hash_with_old_parameters_is_renewed_at_sign_in(world: World) -> None:
    person = with_password(world.person())
    with transaction():
        kept = db.session.get_one(Secret, (world.scheme_id, person.id))
        kept.password_hash = PasswordHasher(time_cost=2, memory_cost=512, parallelism=1).hash(secrets._peppered(PIN))
    assert Browser(world).sign_in(person.number, PIN).status_code == 302
    db.session.rollback()
    renewed = db.session.get_one(Secret, (world.scheme_id, person.id), populate_existing=True).password_hash
    assert renewed and not secrets.is_outdated(renewed)
    assert Browser(world).sign_in(person.number, PIN).status_code == 302


def test_whoever_gets_a_role_needs_a_longer_password_before_going_on(world: World) -> None:
    person = with_password(world.person())
    browser = Browser(world)
    browser.sign_in(person.number, PIN)
    world.give(person, Role.CLERK)
    assert browser.get("/security").headers["Location"].startswith("/security/password")
    assert browser.get("/security/password").status_code == 200
    assert browser.post("/security/sign-ins/end-others").status_code == 403
    assert browser.post("/security/password", old=PIN, new="704182").status_code == 422
    assert browser.post("/security/password", old=PIN, new=PASSWORD).status_code == 302
    assert browser.get("/security").status_code == 200


# ---------------------------------------------------------------- throttling


def test_five_wrong_passwords_make_one_wait_and_the_page_says_until_when(world: World) -> None:
    person = with_password(world.person())
    answers = [Browser(world).sign_in(person.number, "940517") for _ in range(6)]
    assert [a.status_code for a in answers] == [422] * 5 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 30
    assert "试的次数太多了，请到" in answers[-1].get_data(as_text=True)
    assert Browser(world).sign_in(person.number, PIN).status_code == 429  # even the right one waits
    with clock.at(clock.now() + timedelta(seconds=31)):
        assert Browser(world).sign_in(person.number, PIN).status_code == 302
        assert [Browser(world).sign_in(person.number, "940517").status_code for _ in range(5)] == [422] * 5


def test_another_name_for_the_same_person_gives_no_more_tries(world: World) -> None:
    person = with_password(world.person())
    set_on(person, phone="13800138007")
    names = [person.number, "13800138007", person.number.lower(), "138 0013 8007", person.number]
    assert [Browser(world).sign_in(name, "940517").status_code for name in names] == [422] * 5
    assert Browser(world).sign_in("13800138007", "940517").status_code == 429


def test_one_person_waiting_does_not_hold_up_the_office(world: World) -> None:
    careless, colleague = with_password(world.person()), with_password(world.person())
    office = Browser(world)
    address = office.client.environ_base["REMOTE_ADDR"]
    for _ in range(6):
        office.sign_in(careless.number, "940517")
    assert Browser(world, address=address).sign_in(colleague.number, PIN).status_code == 302


def test_one_address_trying_many_names_is_slowed_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "is_right", lambda *a: False)  # only the counting matters here
    browser = Browser(world)
    token = browser.token()
    data = {"csrf_token": token, "password": PIN, "scheme": world.scheme.code}
    seen = [browser.client.post("/sign-in", data={**data, "name": f"R{n}"}).status_code for n in range(62)]
    assert seen == [422] * 60 + [429] * 2


def test_guesses_at_the_same_moment_are_all_counted(world: World) -> None:
    person = with_password(world.person())
    browsers = [Browser(world) for _ in range(10)]
    tokens = [b.token() for b in browsers]
    answers, start = [], Barrier(10)

    def guess(n: int) -> None:
        start.wait()
        data = {"csrf_token": tokens[n], "name": person.number, "password": "940517", "scheme": world.scheme.code}
        answers.append(browsers[n].client.post("/sign-in", data=data).status_code)

    threads = [Thread(target=guess, args=(n,)) for n in range(10)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(answers) == [422] * 5 + [429] * 5


# ---------------------------------------------------------------- privacy notice


def without_consent(person: Person) -> Person:
    from sqlalchemy import delete

    with transaction():
        db.session.execute(delete(PrivacyConsent).where(PrivacyConsent.person_id == person.id))
    return person


def test_the_privacy_notice_comes_first_and_its_version_is_kept(world: World) -> None:
    person = without_consent(with_password(world.person()))
    browser = Browser(world)
    browser.sign_in(person.number, PIN)
    assert browser.get("/security").headers["Location"] == "/privacy?next=/security"
    assert browser.post("/security/sign-ins/end-others").status_code == 403
    assert "看过了，同意" in browser.get("/privacy?next=/security").get_data(as_text=True)
    for _ in range(2):
        assert browser.post("/privacy", next="/security").headers["Location"] == "/security"
    assert browser.get("/security").status_code == 200
    kept = db.session.scalars(select(PrivacyConsent).where(PrivacyConsent.person_id == person.id)).all()
    assert [(c.notice_version, c.guardian) for c in kept] == [("2026-11", None)]


def test_a_minor_agrees_together_with_a_guardian(world: World) -> None:
    person = without_consent(with_password(world.person()))
    set_on(person, birth_year=clock.now().year - 12)
    browser = Browser(world)
    browser.sign_in(person.number, PIN)
    assert "监护人的姓名" in browser.get("/privacy").get_data(as_text=True)
    for guardian in ("", "   "):
        answer = browser.post("/privacy", guardian=guardian)
        assert answer.status_code == 422
        assert "写上监护人的姓名" in answer.get_data(as_text=True)
    assert browser.post("/privacy", guardian="王建军").status_code == 302
    kept = db.session.scalar(select(PrivacyConsent).where(PrivacyConsent.person_id == person.id))
    assert kept and kept.guardian == "王建军"
    assert db.session.scalar(select(Person.guardian).where(Person.id == person.id)) == "王建军"


def test_anybody_may_read_the_privacy_notice(world: World) -> None:
    page = Browser(world).get("/privacy")
    assert page.status_code == 200
    assert "看过了，同意" not in page.get_data(as_text=True)


def test_signing_in_with_a_second_factor_leads_to_it_first(world: World) -> None:
    officer = without_consent(with_password(world.staff(Role.OFFICER), PASSWORD))
    with_authenticator(officer)
    browser = Browser(world)
    browser.sign_in(officer.number, PASSWORD)
    assert browser.get("/security").headers["Location"] == "/second-factor?next=/security"
