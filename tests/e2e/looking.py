"""What every page must be: accessible, nothing sideways, and on a resident's phone nothing too small."""

from __future__ import annotations

import io

import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, Page

LOOKS = ("normal", "large", "sun", "night")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}


def scanned(page: Page, part: Locator | None = None) -> str:
    """What a scanner that is held before the screen, or a part of it, reads: it looks until there is one code."""
    for _ in range(100):
        shot = Image.open(io.BytesIO((part or page).screenshot())).convert("L")
        found = zxingcpp.read_barcodes(shot.resize((shot.width * 2, shot.height * 2)) if part else shot)
        if len(found) == 1:
            return str(found[0].text)
        page.wait_for_timeout(100)
    raise AssertionError("one code on the screen, and it can be read")


def follow(lead: Locator) -> None:
    """Press what leads to another page and wait for that: a look right after the press may still see the old one."""
    with lead.page.expect_navigation():
        lead.click()


def readable(page: Page) -> None:
    """No findings, nothing sideways, and on a resident's phone nothing too small to read or to hit."""
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    if page.viewport_size and page.viewport_size["width"] < 500 and page.locator("body.resident").count():
        small = page.evaluate(
            """[...document.querySelectorAll("main *")].filter(e => e.checkVisibility()
              && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
              && parseFloat(getComputedStyle(e).fontSize) < 18).map(e => e.outerHTML.slice(0, 80))"""
        )
        assert small == [], f"{page.url}: {small}"
        low = page.evaluate(
            """[...document.querySelectorAll("a[href], button, input:not([type=hidden], [type=checkbox], [type=radio], [type=file]), select")]
              .filter(e => e.checkVisibility() && !e.matches(".skip, p a"))
              .filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 80))"""
        )
        assert low == [], f"{page.url}: {low}"


def readable_in_every_look(page: Page, path: str, width: int = 360) -> None:
    """The same in large print, sunlight and night, on the narrowest phone."""
    page.emulate_media(reduced_motion="reduce")  # no colour half way to another
    page.set_viewport_size({"width": width, "height": 780})
    page.goto(path)
    for look in LOOKS:
        page.evaluate("(look) => document.documentElement.setAttribute('data-look', look)", look)
        readable(page)
