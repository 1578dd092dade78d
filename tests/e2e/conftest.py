"""A real server and a real browser: each test gets fresh windows, and fails on any page error or foreign request."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import qrcode
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from points.people.models import Person
from tests.factories import World

CHROMIUM = os.environ.get("POINTS_CHROMIUM", "/usr/bin/chromium")
PATIENCE_MS = 15_000  # the machine may be busy; a test that waits for a result still passes at once when it is there
expect.set_options(timeout=PATIENCE_MS)


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Requests are not worth a line each."""


@pytest.fixture(scope="session")
def live_server(app: Flask) -> Iterator[str]:
    """The application of the ``app`` fixture, served by threads on a port of its own: its address without a slash."""

    def whole(environ: Any, start: Any) -> list[bytes]:
        """An answer in one piece: of a visitor who leaves in the middle of one, the server would forget to close it."""
        with closing(app(environ, start)) as answer:
            return [b"".join(answer)]

    server = make_server("127.0.0.1", 0, whole, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


class Scene:
    """What the fake camera sees. The browser opens the file whenever a page starts the camera, so show before that."""

    width, height = 640, 480

    def __init__(self, path: Path) -> None:
        self.path = path
        self.show(None)

    def show(self, text: str | None, size: int = 300) -> None:
        """Hold a code (or nothing) before the camera."""
        scene = Image.new("L", (self.width, self.height), 128)
        if text is not None:
            code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
            code.add_data(text)
            drawn = code.make_image().get_image().convert("L").resize((size, size), Image.Resampling.NEAREST)
            scene.paste(drawn, ((self.width - size) // 2, (self.height - size) // 2))
        frame = b"FRAME\n" + scene.tobytes() + bytes([128]) * (2 * (self.width // 2) * (self.height // 2))
        header = f"YUV4MPEG2 W{self.width} H{self.height} F10:1 Ip A1:1 C420jpeg\n".encode()
        self.path.write_bytes(header + frame * 3)


@pytest.fixture(scope="session")
def fake_camera(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """``fake_camera.show(digits)`` before a page opens the camera; the page needs ``camera=True``."""
    return Scene(tmp_path_factory.mktemp("camera") / "scene.y4m")


@pytest.fixture(scope="session")
def browser(fake_camera: Scene) -> Iterator[Browser]:
    """One Chromium for all tests, with a camera that looks at ``fake_camera``."""
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={fake_camera.path}",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        yield chromium
        chromium.close()


PC = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}

OpenPage = Callable[..., Page]


@pytest.fixture
def window(browser: Browser, live_server: str, world: World) -> Iterator[OpenPage]:
    """``window(person, phone=False, …)``: a new page in a window of its own, signed in as the person (None: nobody).
    Addresses are relative to the server. What goes wrong in any of them fails the test.

    ``tapped=True`` where a page's requests are held or lost (``page.route``) once it is open: a page that was opened
    without goes on for a moment past what is put in its way, and a busy machine makes the moment long.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def asked(request: Request) -> None:
        target = urlsplit(request.url)
        if target.scheme in ("http", "https", "ws", "wss") and f"{target.scheme}://{target.netloc}" != live_server:
            problems.append(f"foreign request: {request.url}")

    def spoke(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            problems.append(message.text)

    def open_page(
        person: Person | None = None,
        *,
        phone: bool = False,
        camera: bool = False,
        script: bool = True,
        tapped: bool = False,
    ) -> Page:
        context = browser.new_context(
            base_url=live_server,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            java_script_enabled=script,
            permissions=["camera"] if camera else [],
            **(PHONE if phone else PC),
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", asked)
        context.on("weberror", lambda error: problems.append(f"page error: {error.error}"))
        context.on("console", spoke)
        if tapped:
            context.route("**/nothing-is-there", lambda route: route.fallback())
        if person is not None:
            sign_in(context, world, person, live_server)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert not problems, "\n".join(problems)


def sign_in(context: BrowserContext, world: World, person: Person, address: str) -> None:
    """Give a browser the cookie of somebody who has signed in, second factor and all."""
    signer = SecureCookieSessionInterface().get_signing_serializer(world.app)
    assert signer is not None
    value = signer.dumps({"token": world.token(person, kind="browser")})
    context.add_cookies([{"name": world.app.config["SESSION_COOKIE_NAME"], "value": value, "url": address}])
