"""The hands of a clerk before the page of a till."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

RICE, SOAP, WASH, OIL, BAG = "6901000000014", "6901000000021", "6901000000038", "6901000000069", "6901000000076"


class Hands:
    """A clerk at a keyboard with a USB scanner. Counts what they do: a scan is one, a key is one."""

    def __init__(self, page: Page) -> None:
        self.page, self.done = page, 0

    def scan(self, code: str) -> None:
        self.page.keyboard.type(code, delay=3)
        self.page.keyboard.press("Enter")
        self.done += 1

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key, delay=20)
            self.page.wait_for_timeout(60)  # a person is slower than a scanner
            self.done += 1


def opened(page: Page) -> Hands:
    page.goto("/till")
    expect(page.locator("body[data-script]")).to_be_visible()
    return Hands(page)


def serve(hands: Hands, code: str) -> None:
    hands.scan(code)
    expect(hands.page.locator("#person")).to_be_visible()


def refusal(page: Page, *words: str) -> None:
    """The panel says so, and that nothing was taken."""
    panel = page.get_by_role("alert").filter(visible=True)
    for word in words:
        expect(panel).to_contain_text(word)
    expect(panel).to_contain_text("什么都没扣")


def lines(page: Page) -> Locator:
    return page.locator("#basket .bline .t")
