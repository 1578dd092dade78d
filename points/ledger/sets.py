"""Many rows as one parameter, on both engines: so that one statement serves one transfer or ten thousand.

PostgreSQL unnests arrays, SQLite reads JSON; either way the statement's text is the same for any number of rows, so it
is built, compiled and prepared once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, wraps
from typing import Any, TypeVar

from sqlalchemy import BigInteger, FromClause, String, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from ..db import UtcDateTime, db

BIG: TypeEngine[Any] = BigInteger()
WORD: TypeEngine[Any] = String()
MOMENT: TypeEngine[Any] = UtcDateTime()

Statement = TypeVar("Statement")


def is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def built_once(build: Callable[[], Statement]) -> Callable[[], Statement]:
    """A statement that is built once per engine: building costs as much as running it."""
    built: dict[bool, Statement] = {}

    @wraps(build)
    def statement() -> Statement:
        engine = is_sqlite()
        if engine not in built:
            built[engine] = build()
        return built[engine]

    return statement


@lru_cache(1000)  # thousands of rows share a few moments
def _stored(moment: datetime) -> str:
    """A moment as SQLAlchemy's DateTime keeps it on SQLite: UTC, without its zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


class Rows:
    """Rows handed to a statement: numbers (BIG), words (WORD) and moments (MOMENT), None allowed. ``source`` is what it
    selects from, ``bind`` the parameters that carry them."""

    def __init__(self, name: str, **columns: TypeEngine[Any]) -> None:
        self.name, self.columns = name, columns

    def source(self) -> FromClause:
        if is_sqlite():
            each = func.json_each(bindparam(self.name, type_=WORD)).table_valued(column("value", WORD))
            cells = enumerate(self.columns.items())
            fields = (func.json_extract(each.c.value, f"$[{i}]", type_=kind).label(word) for i, (word, kind) in cells)
            return select(*fields).subquery(self.name)
        texts = {word: bindparam(f"{self.name}_{word}", type_=WORD) for word in self.columns}
        arrays = (self._given(cast(texts[word], ARRAY(kind))) for word, kind in self.columns.items())
        named = (column(word, kind) for word, kind in self.columns.items())
        return func.unnest(*arrays).table_valued(*named).render_derived(name=self.name)

    def _given(self, array: Any) -> Any:
        return array

    def bind(self, rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
        if is_sqlite():
            return {self.name: json.dumps(rows, default=_stored)}
        columns = zip(*rows, strict=True) if rows else [()] * len(self.columns)
        arrays = zip(self.columns.items(), columns, strict=True)
        return {f"{self.name}_{word}": _array(cells, kind is BIG) for (word, kind), cells in arrays}


class Few(Rows):
    """Rows of a question that is asked often and about a few each time. PostgreSQL is not to see how many there are:
    for a small number it would think a plan made anew each time the cheaper one, and making it takes six times as long
    as running it."""

    def _given(self, array: Any) -> Any:
        return select(array).scalar_subquery()


def _array(cells: Sequence[Any], are_numbers: bool) -> str:
    """An array as PostgreSQL writes it: made here in a fifth of the time that the driver takes for a list."""
    word = str if are_numbers else _quoted
    return "{" + ",".join(["NULL" if cell is None else word(cell) for cell in cells]) + "}"


def _quoted(cell: Any) -> str:
    return '"' + str(cell).replace("\\", "\\\\").replace('"', '\\"') + '"'
