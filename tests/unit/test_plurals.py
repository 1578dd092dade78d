"""English follows the number. (tests/e2e/test_words.py: what a script fills in follows it alike.)"""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import gettext
from markupsafe import Markup

from points.web.plurals import Sentence, forms_of, in_number

ROOT = Path(__file__).resolve().parents[2]
SAID = [
    ("{n} [photo|photos] chosen", {"n": 1}, "1 photo chosen"),
    ("{n} [photo|photos] chosen", {"n": 0}, "0 photos chosen"),
    ("{n} [photo|photos] chosen", {"n": "−1"}, "−1 photo chosen"),
    ("{n} [photo|photos] chosen", {"n": "1.5"}, "1.5 photos chosen"),
    ("There [is|are] {n} [row|rows] in {m} [list|lists]", {"n": 1, "m": 21}, "There is 1 row in 21 lists"),
    ("{name}: {n} [point|points]", {"name": "1 [a|b]", "n": 2}, "1 [a|b]: 2 points"),
]


@pytest.mark.parametrize(("words", "facts", "expected"), SAID)
def test_the_form_is_that_of_the_number_beside_it(words: str, facts: dict[str, object], expected: str) -> None:
    assert Sentence(words).format_map(facts) == expected


def test_a_number_set_in_bold_counts_and_facts_are_escaped_as_before() -> None:
    words = "%(n)s [point|points] for %(who)s"
    facts = {"n": Markup("<b>1</b>"), "who": "<i>"}
    assert Markup(in_number(words, facts)) % facts == "<b>1</b> point for &lt;i&gt;"


def test_every_form_in_the_catalogue_has_its_number(app: Flask) -> None:
    with (ROOT / "translations" / "en" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        said = [str(entry.string) for entry in read_po(file, locale="en") if entry.id and "|" in str(entry.string)]
    alone = [words for words in said for piece in forms_of(words) if isinstance(piece, tuple) and not piece[0]]
    assert len(said) > 300 and not alone


def test_pages_and_messages_say_one_point_and_two_points(app: Flask) -> None:
    with app.test_request_context("/?lang=en"):
        assert gettext("%(n)s 分", n=1) == "1 point"
        assert gettext("%(n)s 分", n=2) == "2 points"
        assert gettext("{n} 分").format_map({"n": "1"}) == "1 point"
        shown = app.jinja_env.from_string("{{ _('%(n)s 天', n=1) }}, {{ _('%(n)s 天', n=2) }}").render()
        assert shown == "1 day, 2 days"
