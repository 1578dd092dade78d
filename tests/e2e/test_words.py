"""What a script fills in follows its number as what the server fills in does."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import OpenPage
from tests.factories import World
from tests.unit.test_plurals import SAID

pytestmark = pytest.mark.browser


def test_a_script_says_the_same_as_the_server(world: World, window: OpenPage) -> None:
    page = window(world.person("王秀兰"))
    page.goto("/")
    said = page.evaluate(
        "async (said) => { const { filled } = await import('/static/words.js');"
        " return said.map(([words, facts]) => filled(words, facts)); }",
        [[words, facts] for words, facts, _ in SAID],
    )
    assert said == [expected for _, _, expected in SAID]
