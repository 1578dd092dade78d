"""A table's cells as text and back: the lines that PostgreSQL's COPY writes and reads (tabs, ``\\N`` for nothing).

PostgreSQL writes and reads them itself. For SQLite it is done here, cell by cell: moments are UTC with their zone,
truths are t and f, bytes are hexadecimal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

NOTHING = "\\N"


class Kind(StrEnum):
    """What a column holds, whatever the engine calls it."""

    WHOLE = "whole"
    REAL = "real"
    TEXT = "text"
    TRUTH = "truth"
    DAY = "day"
    MOMENT = "moment"
    JSON = "json"
    BYTES = "bytes"


KINDS: tuple[tuple[type[Any], Kind], ...] = (
    (sa.JSON, Kind.JSON),
    (sa.Boolean, Kind.TRUTH),
    (sa.Integer, Kind.WHOLE),
    (sa.DateTime, Kind.MOMENT),
    (sa.Date, Kind.DAY),
    (sa.Float, Kind.REAL),
    (sa.LargeBinary, Kind.BYTES),
    (sa.String, Kind.TEXT),
)


class Unfit(ValueError):
    """A value that its column's kind does not have."""


def kind_of(kind: sa.types.TypeEngine[Any]) -> Kind:
    for known, name in KINDS:
        if isinstance(kind, known):
            return name
    raise Unfit(f"columns of type {kind} cannot be backed up")


# ---------------------------------------------------------------- SQLite's values as text

ESCAPES = str.maketrans({"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"})
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _whole(value: Any) -> str:
    if type(value) is not int:  # an integer that overflowed has silently become a float
        raise Unfit(f"{value!r} is no whole number")
    return str(value)


def _text(value: Any) -> str:
    if type(value) is not str or "\x00" in value:
        raise Unfit(f"{value!r} is no text")
    return value.translate(ESCAPES)


def _truth(value: Any) -> str:
    if value not in (0, 1):
        raise Unfit(f"{value!r} is neither true nor false")
    return "t" if value else "f"


def _moment(value: Any) -> str:
    if type(value) is not str or not MOMENT.fullmatch(value):
        raise Unfit(f"{value!r} is no moment")
    return f"{value}+00"


def _day(value: Any) -> str:
    if type(value) is not str or not DAY.fullmatch(value):
        raise Unfit(f"{value!r} is no day")
    return value


WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.WHOLE: _whole,
    Kind.REAL: lambda value: repr(float(value)),
    Kind.TEXT: _text,
    Kind.TRUTH: _truth,
    Kind.DAY: _day,
    Kind.MOMENT: _moment,
    Kind.JSON: lambda value: _text(value if isinstance(value, str) else json.dumps(value)),
    Kind.BYTES: lambda value: f"\\\\x{bytes(value).hex()}",
}


def line_of(kinds: Sequence[Kind]) -> Callable[[Sequence[Any]], str]:
    """A row of SQLite's as a line of text. Raises Unfit."""
    writers = [WRITERS[kind] for kind in kinds]

    def line(row: Sequence[Any]) -> str:
        cells = [NOTHING if value is None else write(value) for write, value in zip(writers, row, strict=True)]
        return "\t".join(cells) + "\n"

    return line


# ---------------------------------------------------------------- text as SQLite's values

ESCAPED = re.compile(r"\\(.)")
MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _plain(text: str) -> str:
    return ESCAPED.sub(lambda found: MEANT.get(found[1], found[1]), text) if "\\" in text else text


def _kept_moment(text: str) -> str:
    """As SQLAlchemy keeps moments on SQLite: UTC without its zone, always six digits of a second."""
    moment, _, zone = text.partition("+")
    if zone != "00" or not MOMENT.fullmatch(moment):
        raise Unfit(f"{text!r} is no moment in UTC")
    seconds, _, rest = moment.partition(".")
    return f"{seconds}.{rest:0<6}"


READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.WHOLE: int,
    Kind.REAL: float,
    Kind.TEXT: _plain,
    Kind.TRUTH: lambda text: {"t": 1, "f": 0}[text],
    Kind.DAY: str,
    Kind.MOMENT: _kept_moment,
    Kind.JSON: _plain,
    Kind.BYTES: lambda text: bytes.fromhex(_plain(text).removeprefix("\\x")),
}


def row_of(kinds: Sequence[Kind]) -> Callable[[str], list[Any]]:
    """A line of text as a row for SQLite. Raises Unfit."""
    readers = [READERS[kind] for kind in kinds]

    def row(line: str) -> list[Any]:
        cells = line.removesuffix("\n").split("\t")
        if len(cells) != len(readers):
            raise Unfit(f"{len(cells)} cells where {len(readers)} are wanted")
        try:
            return [None if cell == NOTHING else read(cell) for read, cell in zip(readers, cells, strict=True)]
        except (ValueError, KeyError) as error:
            raise Unfit(str(error)) from error

    return row
