"""One value of the format as a cell of a workbook, and back. Nothing that a cell holds is ever calculated."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from flask_babel import gettext

from ..errors import N_
from ..web.formats import in_english
from .editor_words import words_for
from .workbook_layout import NO_ROWS, NO_VALUES, Column
from .workbook_names import code_of, word_of

MARKS = {'""': "", "[]": [], "{}": {}}
TAKEN = (*MARKS, NO_ROWS, NO_VALUES)
MAX_CELL = 8_000
SPLIT = re.compile(r"[、,;；\n]+")
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
HIDDEN = re.compile(r"_x([0-9A-Fa-f]{4})_")
YES, NO = N_("是"), N_("否")
GIVES = {"same": N_("和积分一样多"), "served": N_("照实记")}


def cell_of(column: Column, value: Any) -> int | float | str:
    """What the cell shows. Words are written as people say them; numbers as numbers."""
    kind = column.leaf.kind
    if value == "" or value == [] or value == {}:
        return {"str": '""', "list": "[]", "dict": "{}"}[type(value).__name__]
    if kind == "flag" and isinstance(value, bool):
        return word(YES if value else NO)
    if kind in ("number", "whole", "gives") and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in ("number", "gives") and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,10}\.[0-9]{1,3}", value):
        return float(value) if format(Decimal(repr(float(value))), "f") == value else value
    if kind == "gives" and value in GIVES:
        return word(GIVES[value], value)
    if kind == "word" and isinstance(value, str):
        return spoken(column).get(value, escaped(value))
    if kind == "words" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        words = spoken(column)
        plain = [words.get(one, one) for one in value]
        return (
            "、".join(plain) if not any(SPLIT.search(one) for one in plain) else json.dumps(value, ensure_ascii=False)
        )
    if kind == "lines" and isinstance(value, list):
        texts = [one for one in value if isinstance(one, str) and one == one.strip() and one and "\n" not in one]
        texts = [word_of(column, one) for one in texts]
        whole = len(texts) == len(value) and not texts[0].startswith(("[", "'")) and "\n".join(texts) not in TAKEN
        return hidden("\n".join(texts)) if whole else hidden(json.dumps(value, ensure_ascii=False))
    if isinstance(value, str):
        return escaped(word_of(column, value) if kind == "text" else value)
    return hidden(json.dumps(value, ensure_ascii=False))


def word(said: str, code: str = "") -> str:
    """A word in the reader's language; where that is not Chinese, the format's own."""
    return (code or gettext(said)) if in_english() else said


def spoken(column: Column) -> dict[str, str]:
    words = words_for(column.leaf.name, column.where, column.leaf.words)
    return {value: (value if in_english() and value else said) for value, said in words.items()}


def escaped(text: str) -> str:
    return hidden(f"'{text}" if text.startswith("'") or text in TAKEN or text != text.strip() else text)


def hidden(text: str) -> str:
    """Characters that a workbook cannot carry, the way Excel writes them: _x0001_."""
    return UNSAFE.sub(lambda found: f"_x{ord(found[0][0]):04X}_{found[0][1:]}", text)


def shown(text: str) -> str:
    return HIDDEN.sub(lambda found: chr(int(found[1], 16)), text)


class BadCell(Exception):
    """A cell that cannot be taken as it is; the sentence says what to do."""


def value_of(column: Column, cell: Any) -> Any:
    """The value in a cell, or None when it is empty. Raises BadCell; what is merely wrong is left to the schemas."""
    value = cell.value
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if cell.data_type == "f" or not isinstance(value, (str, int, float, bool, date, time)):
        raise BadCell(gettext("这一格是公式。请改成它算出来的数或者文字。"))
    if cell.data_type == "e":
        raise BadCell(gettext("这一格是 Excel 的错误值。请重新填。"))
    kind = column.leaf.kind
    if isinstance(value, str):
        if len(value) > MAX_CELL:
            raise BadCell(gettext("这一格太长了，最多 %(n)s 个字。", n=MAX_CELL))
        text = shown(value.replace("_x000D_\n", "\n"))
        if text.strip() in MARKS:
            mark = MARKS[text.strip()]
            return mark if isinstance(mark, str) else type(mark)()
        return text_value(column, text[1:] if text.startswith("'") else text.strip())
    if isinstance(value, bool):
        return value if kind == "flag" else str(value)
    if isinstance(value, (int, float)):
        return number_value(kind, value)
    return date_value(kind, value)


def text_value(column: Column, text: str) -> Any:
    kind = column.leaf.kind
    if kind == "flag":
        said = {YES: True, NO: False, gettext(YES): True, gettext(NO): False}
        said |= {"yes": True, "no": False, "true": True, "false": False}  # as an English workbook has them
        return said.get(text, said.get(text.lower(), text))
    if kind == "word":
        return meant(column).get(text, text)
    if kind in ("words", "lines"):
        if text.startswith("["):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, list):
                return value
        parts = SPLIT.split(text) if kind == "words" else text.split("\n")
        words = meant(column)
        said = [words.get(part.strip(), part.strip()) for part in parts if part.strip()]
        return said if kind == "words" else [code_of(column, one) for one in said]
    if kind == "gives":
        said = {words: code for code, words in GIVES.items()} | {gettext(words): code for code, words in GIVES.items()}
        return said.get(text, text)
    if kind in ("number", "whole", "gives"):
        text = unicodedata.normalize("NFKC", text)  # digits as Chinese keyboards write them: ５
    if kind == "whole" and re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        return int(text)
    return code_of(column, text) if kind == "text" else text


def meant(column: Column) -> dict[str, str]:
    words = words_for(column.leaf.name, column.where, column.leaf.words)
    return {gettext(said): value for value, said in words.items() if said} | {
        said: value for value, said in words.items()
    }


def number_value(kind: str, value: int | float) -> Any:
    if isinstance(value, float):
        if value != value or abs(value) > 1e15:
            return str(value)
        value = int(value) if value == int(value) else round(value, 9)
    if kind in ("number", "whole", "gives"):
        return value if isinstance(value, int) else format(Decimal(repr(value)), "f")
    if kind == "lines":
        return [str(value)]
    return str(value)


def date_value(kind: str, value: date | time) -> str:
    """Excel likes to turn 2026-11-20, 09-01 and 22:00 into dates and times."""
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if kind == "time" and isinstance(value, datetime):
        return value.strftime("%H:%M")
    if kind == "monthday":
        return value.strftime("%m-%d")
    return f"{value.year:04}-{value.month:02}-{value.day:02}"
