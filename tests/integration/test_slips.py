"""Activation slips: who prints them for whom, that each works once, what it takes over and what it ends."""

from __future__ import annotations

import re
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select, update

from points import clock
from points.db import db, transaction
from points.errors import NotFound
from points.people import slips
from points.people.models import ActivationSlip, AreaKind, Person, Role, Secret, Trace
from points.people.slips import HigherRole, NotYourOwnSlip, Printed
from tests.factories import World
from tests.signing import PASSWORD, PIN, Browser, with_authenticator, with_password


def slip_for(world: World, person: Person, lost: bool = False, **kwargs: bool) -> Printed:
    staff = world.visitor(world.staff(Role.ADMIN, area=world.subdistrict))
    with transaction():
        return slips.issue(staff, person.id, lost=lost, at=clock.now(), **kwargs)


def use(world: World, code: str, pin: str = PIN) -> Browser:
    browser = Browser(world)
    browser.answer = browser.post("/activate", code=code, pin=pin, scheme=world.scheme.code)  # type: ignore[attr-defined]
    return browser


# ---------------------------------------------------------------- using one


def test_a_slip_sets_the_pin_and_signs_in(world: World) -> None:
    person = world.person()
    printed = slip_for(world, person)
    browser = use(world, f"{printed.code[:4]} {printed.code[4:8]} {printed.code[8:]}")
    assert (browser.answer.status_code, browser.answer.headers["Location"]) == (302, "/")
    assert browser.is_in
    assert Browser(world).sign_in(person.number, PIN).status_code == 302


def test_a_slip_works_once_and_says_so(world: World) -> None:
    printed = slip_for(world, world.person())
    assert use(world, printed.code).answer.status_code == 302
    again = use(world, printed.code, "704182")
    assert again.answer.status_code == 422
    assert "这个开通码用过了" in again.answer.get_data(as_text=True)
    assert not again.is_in


def test_of_many_at_the_same_moment_one_gets_in(world: World) -> None:
    person = world.person()
    printed = slip_for(world, person)
    browsers = [Browser(world) for _ in range(6)]
    tokens = [b.token() for b in browsers]
    start, answers, scheme = Barrier(6), {}, world.scheme.code

    def take(n: int) -> None:
        start.wait()
        data = {"csrf_token": tokens[n], "code": printed.code, "pin": f"70418{n}", "scheme": scheme}
        answers[n] = browsers[n].client.post("/activate", data=data).status_code

    threads = [Thread(target=take, args=(n,)) for n in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    db.session.rollback()  # the test's own look at the database began before
    assert sorted(answers.values()) == [302] + [422] * 5
    (winner,) = [n for n, status in answers.items() if status == 302]
    assert [browser.is_in for browser in browsers] == [n == winner for n in range(6)]
    assert Browser(world).sign_in(person.number, f"70418{winner}").status_code == 302


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("5827 1946 330", "少了 1 个数，一共是 12 个。"),
        ("5827 1946 33081", "多了 1 个数，一共是 12 个。"),
        ("五八二七", "只打数字就行，一共是 12 个。"),
        ("", "少了 12 个数，一共是 12 个。"),
        ("582719463308", "这个开通码不对，或者过期了。"),
        ("x" * 5000, "只打数字就行"),
    ],
)
def test_a_wrong_code_is_answered_beside_the_field(world: World, typed: str, sentence: str) -> None:
    browser = use(world, typed)
    page = browser.answer.get_data(as_text=True)
    assert browser.answer.status_code == 422
    if len(typed) < 100:
        assert sentence in page
        assert f'value="{typed}"' in page
        assert 'aria-invalid="true"' in page
        assert "有 1 处要改：" in page
    assert PIN not in page


def test_a_bad_pin_does_not_use_the_slip_up(world: World) -> None:
    printed = slip_for(world, world.person())
    for pin in ("", "123456", "12345", "888888"):
        assert use(world, printed.code, pin).answer.status_code == 422
    assert use(world, printed.code).answer.status_code == 302


def test_staff_set_a_password_of_ten_characters(world: World) -> None:
    clerk = world.staff(Role.CLERK)
    printed = slip_for(world, clerk)
    answer = use(world, printed.code, PIN).answer
    assert "密码至少 10 位" in answer.get_data(as_text=True)
    assert use(world, printed.code, PASSWORD).answer.status_code == 302


def test_a_slip_lives_seven_days(world: World) -> None:
    printed = slip_for(world, world.person())
    with clock.at(clock.now() + timedelta(days=7, seconds=1)):
        assert use(world, printed.code).answer.status_code == 422
    with clock.at(clock.now() + timedelta(days=6, hours=23)):
        assert use(world, printed.code).answer.status_code == 302


def test_a_new_slip_ends_the_old_one(world: World) -> None:
    person = world.person()
    old, new = slip_for(world, person), slip_for(world, person)
    assert use(world, old.code).answer.status_code == 422
    assert use(world, new.code).answer.status_code == 302


def test_a_slip_of_a_disabled_person_or_another_scheme_opens_nothing(world: World) -> None:
    person, foreign = world.person(), World(world.app)
    printed = slip_for(world, person)
    browser = Browser(foreign)
    assert browser.post("/activate", code=printed.code, pin=PIN, scheme=foreign.scheme.code).status_code == 422
    with transaction():
        db.session.execute(update(Person).where(Person.id == person.id).values(disabled_at=clock.now()))
    assert use(world, printed.code).answer.status_code == 422


def test_using_a_slip_ends_every_earlier_sign_in(world: World) -> None:
    person = with_password(world.person())
    thief = Browser(world)
    thief.sign_in(person.number, PIN)
    api = world.api(person)
    use(world, slip_for(world, person).code, "704182")
    assert not thief.is_in
    assert api.get("/api/v1/me").status_code == 401
    assert Browser(world).sign_in(person.number, PIN).status_code == 422


def test_after_a_loss_the_lost_phone_is_out_as_soon_as_the_slip_is_printed(world: World) -> None:
    person = with_password(world.person())
    phone = Browser(world)
    phone.sign_in(person.number, PIN)
    slip_for(world, person)
    assert phone.is_in
    slip_for(world, person, lost=True)
    assert not phone.is_in


def test_a_slip_leaves_the_second_factor_unless_told_to_forget_it(world: World) -> None:
    staff = with_password(world.staff(Role.STAFF), PASSWORD)
    with_authenticator(staff)
    browser = use(world, slip_for(world, staff).code, PASSWORD + " neu")
    assert browser.get("/security").headers["Location"].startswith("/second-factor?")
    browser = use(world, slip_for(world, staff, forget_second_factor=True).code, PASSWORD + " neu")
    assert browser.get("/security").headers["Location"].startswith("/second-factor/new")


def test_guessing_codes_is_slowed_down_by_address(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(world)
    token = browser.token()
    answers = [
        browser.client.post(
            "/activate", data={"csrf_token": token, "code": f"{n:012}", "pin": PIN, "scheme": world.scheme.code}
        ).status_code
        for n in range(61)
    ]
    assert answers == [422] * 60 + [429]


def test_the_code_is_kept_only_as_a_keyed_hash(world: World) -> None:
    printed = slip_for(world, world.person())
    kept = db.session.scalars(select(ActivationSlip.code_hash).where(ActivationSlip.scheme_id == world.scheme_id)).all()
    assert printed.code not in kept
    import hashlib

    assert hashlib.sha256(printed.code.encode()).hexdigest() not in kept


# ---------------------------------------------------------------- printing one


def test_staff_print_a_slip_with_masked_name_and_code_behind_the_hash(world: World) -> None:
    person = world.person("王秀兰")
    staff = Browser(world, client=world.client(world.staff(Role.STAFF)))
    assert staff.get(f"/people/{person.id}/slip").status_code == 200
    answer = staff.post(f"/people/{person.id}/slip", reason="first")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "王○兰" in page and "王秀兰" not in page
    found = re.search(r"([0-9]{4}) ([0-9]{4}) ([0-9]{4})", page)
    assert found
    code = "".join(found.groups())
    assert use(world, code).answer.status_code == 302
    traced = db.session.scalars(select(Trace).where(Trace.subject_id == person.id, Trace.action == "slip.issue")).all()
    assert len(traced) == 1
    assert code not in str(traced[0].detail)


def test_the_qr_of_a_slip_opens_the_page_with_the_code_in_the_fragment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from points.people import slip_pages

    drawn = []
    monkeypatch.setattr(slip_pages, "qr_svg", lambda text, label: drawn.append(text) or "")
    person = world.person()
    Browser(world, client=world.client(world.staff(Role.STAFF))).post(f"/people/{person.id}/slip")
    assert re.fullmatch(rf"http://localhost/s/{world.scheme.code}/activate#[0-9]{{12}}", drawn[0])


def test_only_staff_of_the_area_print_slips(world: World) -> None:
    person = world.person()
    with transaction():
        elsewhere = world.area(AreaKind.COMMUNITY, "别的社区", world.subdistrict)
    stranger = world.visitor(world.staff(Role.STAFF, area=elsewhere))
    foreign = World(world.app)
    outsider = foreign.visitor(foreign.staff(Role.ADMIN, area=foreign.subdistrict))
    for who in (stranger, outsider):
        with pytest.raises(NotFound), transaction():
            slips.issue(who, person.id, lost=False, at=clock.now())
    for role in (Role.CLERK, Role.AUDITOR, Role.LEADER):
        client = Browser(world, client=world.client(world.staff(role)))
        assert client.post(f"/people/{person.id}/slip").status_code == 403
    staff = Browser(world, client=world.client(world.staff(Role.STAFF)))
    for id_ in (1, 0, 2**63 - 1, 2**63, 2**80):
        assert staff.post(f"/people/{id_}/slip").status_code == 404


def test_nobody_becomes_a_colleague_with_more_rights_by_printing_a_slip(world: World) -> None:
    at = clock.now()
    visitors = {
        role: world.visitor(world.staff(role, area=world.subdistrict))
        for role in (Role.STAFF, Role.OFFICER, Role.ADMIN)
    }
    for issuer, target, allowed in [
        (Role.STAFF, Role.STAFF, False),
        (Role.STAFF, Role.CLERK, False),
        (Role.STAFF, Role.LEADER, True),
        (Role.STAFF, Role.ADMIN, False),
        (Role.OFFICER, Role.STAFF, True),
        (Role.OFFICER, Role.CLERK, True),
        (Role.OFFICER, Role.OFFICER, False),
        (Role.OFFICER, Role.AUDITOR, False),
        (Role.OFFICER, Role.ADMIN, False),
        (Role.ADMIN, Role.OFFICER, True),
        (Role.ADMIN, Role.ADMIN, True),
    ]:
        person = world.staff(target)
        if allowed:
            with transaction():
                slips.issue(visitors[issuer], person.id, lost=False, at=at)
        else:
            with pytest.raises(HigherRole), transaction():
                slips.issue(visitors[issuer], person.id, lost=False, at=at)


def test_nobody_prints_a_slip_for_oneself(world: World) -> None:
    admin = world.visitor(world.staff(Role.ADMIN))
    with pytest.raises(NotYourOwnSlip), transaction():
        slips.issue(admin, admin.person_id, lost=False, at=clock.now())


def test_staff_cannot_forget_a_second_factor(world: World) -> None:
    from points.errors import NotAllowed

    person = with_password(world.person())
    with_authenticator(person)
    staff = world.visitor(world.staff(Role.STAFF))
    with pytest.raises(NotAllowed), transaction():
        slips.issue(staff, person.id, lost=False, forget_second_factor=True, at=clock.now())
    db.session.rollback()
    assert db.session.get_one(Secret, (world.scheme_id, person.id), populate_existing=True).totp_sealed


@pytest.mark.parametrize("field", [{"reason": "no such"}, {"reason": ["first", "lost"]}, {"evil": "1"}])
def test_a_senseless_request_prints_nothing(world: World, field: dict[str, object]) -> None:
    person = world.person()
    staff = Browser(world, client=world.client(world.staff(Role.STAFF)))
    assert staff.post(f"/people/{person.id}/slip", **field).status_code == 422
    assert not db.session.scalars(select(ActivationSlip).where(ActivationSlip.person_id == person.id)).all()
