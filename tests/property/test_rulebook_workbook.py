"""Whatever the format can say comes back from the workbook as it was: sheets, rows, names, words and numbers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from points.rulebook.editor_words import label_of, words_for
from points.rulebook.shape import Group, Leaf, Node, Rows, closed, document_shape, opened
from points.rulebook.workbook import workbook_of
from points.rulebook.workbook_layout import tables
from points.rulebook.workbook_reading import workbook_in

ODD = (
    "",
    "=1+1",
    "+86",
    "-5",
    "@x",
    "'quoted",
    '""',
    "[]",
    "{}",
    "_x0041_",
    "甲、乙",
    "一行\n两行",
    "007",
    "1e5",
    "是",
    "#3",
)
TEXT = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), max_size=12).map(str.strip),
)
CODES = st.sampled_from(["r01", "r02", "a.b-c", "9", "x_1"])


def numbers(value: int) -> Any:
    whole, rest = divmod(value, 1000)
    return whole if not rest else f"{whole}.{rest:03}".rstrip("0")


def values(node: Node) -> st.SearchStrategy[Any]:
    if isinstance(node, Rows) and node.row.field("gives"):  # a number or a word, or else an amount
        _, gives, amount = node.row.fields
        plain = st.fixed_dictionaries({"balance": CODES, "gives": values(gives)})
        return st.lists(plain | st.fixed_dictionaries({"balance": CODES, "amount": values(amount)}), max_size=3)
    if isinstance(node, Rows):
        return st.lists(values(node.row), max_size=3)
    if isinstance(node, Group):
        return st.fixed_dictionaries({}, optional={one.name: values(one) for one in node.fields})
    return leaf(node)


def leaf(node: Leaf) -> st.SearchStrategy[Any]:
    simple: dict[str, st.SearchStrategy[Any]] = {
        "flag": st.booleans(),
        "whole": st.integers(0, 10**9),
        "number": st.integers(0, 10**12).map(numbers),
        "day": st.dates().map(str),
        "time": st.sampled_from(["00:00", "22:30"]),
        "monthday": st.sampled_from(["01-01", "09-28"]),
        "code": CODES,
        "gives": st.one_of(st.sampled_from(["same", "served"]), st.integers(0, 10**9).map(numbers)),
    }
    if node.kind == "word":
        return st.sampled_from(node.words)
    if node.kind == "words":
        return st.lists(st.sampled_from([word for word in node.words if word]), unique=True, max_size=4)
    if node.kind == "lines":
        return st.lists(TEXT, max_size=3)
    return simple.get(node.kind, TEXT)


def document_of(found: Any) -> Any:
    """What JSON can hold of a generated value: no two rows of one name, no empty name."""
    return closed(document_shape(), found)


DOCUMENTS = values(document_shape()).map(document_of).filter(lambda body: opened(document_shape(), body) is not None)


@pytest.fixture(scope="module", autouse=True)
def speaking() -> Any:
    app = Flask("words")
    Babel(app, default_locale="zh")
    with app.test_request_context():
        yield


@settings(
    max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(DOCUMENTS)
def test_every_document_comes_back_from_its_workbook(body: dict[str, Any]) -> None:
    data = workbook_of(body)
    reading = workbook_in(data)
    assert (reading.problems, reading.body) == ([], body)
    book = load_workbook(io.BytesIO(data))
    assert not [cell.coordinate for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    again = io.BytesIO()
    book.save(again)
    assert workbook_in(again.getvalue()).body == body


def test_every_list_of_the_format_has_a_sheet_with_a_name_in_words() -> None:
    titles = [table.title for table in tables()]
    assert len(set(titles)) == len(titles) >= 30
    assert not [title for title in titles if title.isascii()]
    for table in tables():
        headings = [table.heading(column) for column in table.columns]
        assert len(set(headings)) == len(headings), (table.title, headings)


def leaves_of(node: Node, where: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every value of the format, with the name of the part it stands in."""
    if isinstance(node, Leaf):
        yield where, node
        return
    inner = node.row.fields if isinstance(node, Rows) else node.fields
    for one in inner:
        yield from leaves_of(one, node.name or where)


def test_every_field_has_a_label_and_every_word_a_saying_of_its_own() -> None:
    for where, leaf in leaves_of(document_shape()):
        assert not label_of(leaf.name, where).isascii(), (where, leaf.name)
        words = words_for(leaf.name, where, leaf.words)
        assert len(set(words.values())) == len(words), (where, leaf.name, words)
        unsaid = [word for word, said in words.items() if said.isascii() and word != "points-rulebook/1"]
        assert not unsaid, (where, leaf.name, unsaid)
