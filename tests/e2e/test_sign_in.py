"""Getting in with a real browser: slip by camera, by link and by hand, second factor, privacy notice; readable by all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import delete
from werkzeug.serving import make_server

from points import config
from points.db import db, transaction
from points.people import first_run
from points.people.models import PrivacyConsent, Role
from tests.conftest import make_app
from tests.e2e.conftest import OpenPage, Quiet, Scene
from tests.e2e.looking import readable
from tests.factories import World
from tests.signing import PASSWORD, PIN, with_password


def slip_printed_for(world: World, window: OpenPage) -> tuple[str, Page]:
    """Staff print a slip for a resident who has agreed to nothing yet: the code and the page it stands on."""
    person = world.person("王秀兰")
    with transaction():
        db.session.execute(delete(PrivacyConsent).where(PrivacyConsent.person_id == person.id))
    desk = window(world.staff(Role.STAFF))
    desk.goto(f"/people/{person.id}/slip")
    readable(desk)
    desk.get_by_role("button", name="打一张").click()
    code = desk.locator(".paperslip .big").inner_text()
    assert len(code) == 14
    return code, desk


def set_pin_and_agree(phone: Page) -> None:
    phone.get_by_label("自己定一个 6 位密码").fill(PIN)
    phone.get_by_role("button", name="开通", exact=True).click()
    expect(phone.get_by_role("heading", name="个人信息告知")).to_be_visible()
    phone.get_by_role("button", name="看过了，同意").click()
    phone.wait_for_url("**/me")


def test_the_slip_is_printed_scanned_and_opens_the_residents_home(
    world: World, window: OpenPage, fake_camera: Scene, tmp_path: Path
) -> None:
    code, desk = slip_printed_for(world, window)
    readable(desk)
    desk.locator(".paperslip").screenshot(path=tmp_path / "slip.png")
    (decoded,) = zxingcpp.read_barcodes(Image.open(tmp_path / "slip.png"))
    assert decoded.text.endswith(f"/s/{world.scheme.code}/activate#{code.replace(' ', '')}")
    assert "王秀兰" not in desk.content()

    fake_camera.show(decoded.text)
    phone = window(phone=True, camera=True)
    phone.goto(f"/s/{world.scheme.code}/activate")
    readable(phone)
    phone.get_by_role("button", name="不想抄，扫开通条").click()
    expect(phone.get_by_label("开通码，12 个数")).to_have_value(code)
    set_pin_and_agree(phone)


def test_the_phones_own_camera_opens_the_page_with_the_code_filled_in(world: World, window: OpenPage) -> None:
    code, _ = slip_printed_for(world, window)
    phone = window(phone=True)
    phone.goto(f"/s/{world.scheme.code}/activate#{code.replace(' ', '')}")
    expect(phone.get_by_label("开通码，12 个数")).to_have_value(code)
    assert "#" not in phone.url  # nothing stays in the history
    set_pin_and_agree(phone)


def test_without_script_the_code_is_copied_by_hand(world: World, window: OpenPage) -> None:
    code, _ = slip_printed_for(world, window)
    phone = window(phone=True, script=False)
    phone.goto(f"/s/{world.scheme.code}/activate")
    assert not phone.get_by_role("button", name="不想抄，扫开通条").is_visible()
    phone.get_by_label("开通码，12 个数").fill(code[:-1])
    phone.get_by_label("自己定一个 6 位密码").fill(PIN)
    phone.get_by_role("button", name="开通", exact=True).click()
    expect(phone.get_by_text("少了 1 个数，一共是 12 个。")).to_be_visible()
    assert phone.title().startswith("有 1 处要改：")
    phone.get_by_label("开通码，12 个数").fill(code)
    set_pin_and_agree(phone)


def test_without_camera_the_page_says_to_copy_instead(world: World, window: OpenPage) -> None:
    phone = window(phone=True)
    phone.goto(f"/s/{world.scheme.code}/activate")
    phone.get_by_role("button", name="不想抄，扫开通条").click()
    expect(phone.get_by_text("相机没打开。照着抄进来也一样。")).to_be_visible()


def test_an_officer_signs_in_by_keyboard_and_sets_up_the_authenticator(
    world: World, window: OpenPage, tmp_path: Path
) -> None:
    officer = with_password(world.staff(Role.OFFICER), PASSWORD)
    desk = window()
    desk.goto(f"/s/{world.scheme.code}/sign-in?next=/security")
    desk.get_by_label("号码").focus()
    desk.keyboard.type(officer.number)
    desk.keyboard.press("Tab")
    desk.keyboard.insert_text(PASSWORD)
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="设一个验证器")).to_be_visible()
    readable(desk)
    desk.locator("svg.qr").screenshot(path=tmp_path / "totp.png")
    (decoded,) = zxingcpp.read_barcodes(Image.open(tmp_path / "totp.png"))
    desk.get_by_label("验证码").fill(pyotp.parse_uri(decoded.text).now())  # type: ignore[union-attr]
    desk.get_by_role("button", name="设好").click()
    expect(desk.locator(".codes li")).to_have_count(10)
    readable(desk)
    desk.get_by_role("link", name="收好了，继续").click()
    expect(desk.get_by_role("heading", name="登录与安全")).to_be_visible()
    readable(desk)


@pytest.mark.parametrize("look", ["normal", "large", "sun", "night"])
def test_every_page_before_the_door_is_readable_in_every_look(world: World, window: OpenPage, look: str) -> None:
    phone = window(phone=True)
    phone.goto("/sign-in/help")
    phone.evaluate(
        """look => fetch("/settings", {method: "POST", body: new URLSearchParams({look,
             csrf_token: document.querySelector("meta[name=csrf-token]").content})})""",
        look,
    )
    for path in ("sign-in", "activate"):
        phone.goto(f"/s/{world.scheme.code}/{path}")
        assert phone.locator("html").get_attribute("data-look") == look
        readable(phone)
    for path in ("/privacy", "/sign-in/help"):
        phone.goto(path)
        readable(phone)
    phone.goto(f"/s/{world.scheme.code}/sign-in")
    phone.get_by_label("号码").fill("R-nobody")
    phone.get_by_label("密码").fill(PIN)
    phone.get_by_role("button", name="登录").click()
    expect(phone.get_by_role("alert")).to_have_text("号码或密码不对。忘了可以到社区重新开通。")
    readable(phone)


def test_a_resident_sees_and_ends_other_phones(world: World, window: OpenPage) -> None:
    person = with_password(world.person())
    lost, phone = window(person, phone=True), window(person, phone=True)
    phone.goto("/security")
    readable(phone)
    phone.get_by_role("button", name="让它退出").click()
    expect(phone.get_by_text("那一台已经退出。")).to_be_visible()
    lost.goto("/security")
    lost.wait_for_url("**/sign-in?next=/security")


@pytest.fixture
def empty_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """An installation without any scheme: its address and its first-run code."""
    monkeypatch.setattr(config, "INSTANCE", tmp_path / "instance")
    app = make_app(f"sqlite:///{tmp_path / 'points.sqlite3'}", tmp_path)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    code = first_run.announce(app)
    assert code
    yield f"http://127.0.0.1:{server.server_port}", code
    server.shutdown()
    thread.join(10)
    server.server_close()
    with app.app_context():
        db.engine.dispose()


def test_an_empty_installation_is_founded_in_the_browser(browser: object, empty_server: tuple[str, str]) -> None:
    address, code = empty_server
    page = browser.new_page(base_url=address, viewport={"width": 1440, "height": 900}, locale="zh-CN")  # type: ignore[attr-defined]
    page.goto("/")
    readable(page)
    for label, text in [
        ("启动码", "1234"),
        ("街道", "示范街道"),
        ("社区", "和苑社区"),
        ("管理员姓名", "李明"),
        ("管理员登录名", "admin"),
        ("密码", "短"),
    ]:
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="建好，下一步").click()
    expect(page.get_by_role("alert").get_by_role("link")).to_have_count(2)
    assert page.title().startswith("有 2 处要改：")
    readable(page)
    page.get_by_label("启动码", exact=True).fill(code)
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="建好，下一步").click()
    expect(page.get_by_role("heading", name="设一个验证器")).to_be_visible()
    page.context.close()
