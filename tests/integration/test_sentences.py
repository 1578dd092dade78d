"""A schema's refusals are whole sentences in the reader's language, with their numbers."""

from __future__ import annotations

import pytest
from flask import render_template_string
from flask_babel import force_locale
from marshmallow import fields, validate

from points.web.schemas import Amount, IdField, Strict, Text, Whole
from points.web.sentences import translated
from tests.factories import World


class Form(Strict):
    name = Text(least=2, most=10, required=True)
    pieces = Whole(least=1, most=9)
    points = Amount(scale=1, most=100)
    item = IdField()
    colour = fields.String(validate=validate.OneOf(("red", "green")))


@pytest.mark.parametrize(
    ("sent", "chinese", "english"),
    [
        ({}, "这一栏要填。", "This field is required."),
        ({"name": None}, "不能是空的。", "This cannot be empty."),
        ({"name": "A"}, "请写 2 到 10 个字。", "Write 2 to 10 characters."),
        ({"name": 5}, "要写文字。", None),
        ({"name": "AA", "pieces": "12"}, "请填 1 到 9 之间的数。", "Enter a number from 1 to 9."),
        ({"name": "AA", "points": "1.25"}, "小数点后最多 1 位。", None),
        ({"name": "AA", "item": "x"}, "编号不对。", None),
        ({"name": "AA", "colour": "blue"}, "只能是这些里的一个：red, green。", None),
        ({"name": "AA", "surprise": 1}, "没有这一栏。", None),
    ],
)
def test_a_refusal_speaks_the_readers_language(world: World, sent: object, chinese: str, english: str | None) -> None:
    errors = Form().validate(sent)  # type: ignore[arg-type]
    assert len(errors) == 1
    with world.app.test_request_context():
        assert translated(errors) == {next(iter(errors)): [chinese]}
        with force_locale("en"):
            [[said]] = translated(errors).values()
            assert said.isascii(), "English holds no Chinese"
            assert english is None or said == english


def test_a_fact_of_a_sentence_may_have_any_name(world: World) -> None:
    said = '{{ _("%(column)s：%(sentence)s", column="数量", sentence="要填<数>") }}'
    with world.app.test_request_context():
        assert render_template_string(said) == "数量：要填&lt;数&gt;"
        assert render_template_string('{{ _("占 5% 以上") }}') == "占 5% 以上"
