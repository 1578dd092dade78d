"""What cells that name something may say: the word that people know it by, instead of its code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from ..web.formats import in_english
from .editor_words import PATH_WORDS
from .shape import Group, Leaf, Node, Rows, document_shape
from .wording import BALANCE_WORDS, UNIT_WORDS
from .workbook_layout import Column

# What a field names: the words of what is always there, and the part of the document that adds to it.
BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "unit": {code: said for code, said in UNIT_WORDS.items() if code != "time"},
    "balance": BALANCE_WORDS,
    "over": BALANCE_WORDS,
    "into": BALANCE_WORDS,
    "deductions.from": BALANCE_WORDS,
    "review": PATH_WORDS,
}
PARTS: Mapping[str, str] = {
    "unit": "units",
    "balance": "balances",
    "over": "balances",
    "into": "balances",
    "deductions.from": "balances",
    "review": "paths",
    "category": "categories",
    "categories": "categories",
    "groups": "groups",
    "cumulative_group": "groups",
    "coefficients": "coefficients",
    "rules": "rules",
}
AMBIGUOUS = {"referral"}  # said like another: its code stays


def kind_of(name: str, where: str) -> str:
    """What a field names, as the tables above call it; "" when it names nothing."""
    full = f"{where}.{name}"
    if full in PARTS:
        return full
    return name if name in PARTS and where != "number" else ""


def said_of(column: Column) -> dict[str, str]:
    """Code → word of what is always there, for a cell of this column."""
    words = BUILT_IN.get(kind_of(column.leaf.name, column.where), {})
    return {code: said for code, said in words.items() if code not in AMBIGUOUS}


def word_of(column: Column, code: str) -> str:
    """What a cell shows for a code. Where the reader's language is not Chinese, the format's own."""
    return code if in_english() else said_of(column).get(code, code)


def code_of(column: Column, text: str) -> str:
    """The code that a cell means: of what is always there, by its word in either language."""
    said = said_of(column)
    return next((code for code, word in said.items() if text in (word, gettext(word))), text)


def with_codes(document: Any) -> Any:
    """An opened document in which names of its own parts, by title, have become their codes; a title that two parts
    share stays, and is refused."""
    parts = {part: titles_in(document, part) for part in set(PARTS.values())}

    def walk(node: Node, value: Any, where: str) -> Any:
        if isinstance(node, Rows) and isinstance(value, list):
            return [walk(node.row, one, node.name) for one in value]
        if isinstance(node, Group) and isinstance(value, Mapping):
            return {
                name: walk(inner, one, node.name or where) if (inner := node.field(name)) else one
                for name, one in value.items()
            }
        kind = kind_of(node.name, where) if isinstance(node, Leaf) else ""
        if not kind:
            return value
        codes = parts[PARTS[kind]]
        if isinstance(value, list):
            return [codes.get(one, one) if isinstance(one, str) else one for one in value]
        return codes.get(value, value) if isinstance(value, str) else value

    return walk(document_shape(), document, "")


def titles_in(document: Any, part: str) -> dict[str, str]:
    """Title → code of a part's rows, where the title is one row's alone and nobody's code."""
    rows = document.get(part) if isinstance(document, Mapping) else None
    found = [
        (row["title"], row["code"])
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping) and isinstance(row.get("title"), str) and isinstance(row.get("code"), str)
    ]
    times = Counter(title for title, _ in found)
    codes = {code for _, code in found}
    return {title: code for title, code in found if times[title] == 1 and title not in codes}
