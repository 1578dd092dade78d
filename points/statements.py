"""A statement as one engine takes it: built and compiled once, then sent to the driver as it is."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any, NoReturn, cast

from sqlalchemy import Dialect, SelectBase, TextualSelect

# Of a plain SELECT: ... FOR UPDATE or FOR SHARE, or a part that writes. Found in a name it only costs a BEGIN.
LOCKS_OR_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE|SHARE)\b")


class Ready:
    """A statement as one engine takes it.

    PostgreSQL gets every value as text without a type, which the statement's own casts give it: psycopg would else send
    a small number as another type than a large one, and each mixture would be a statement to prepare and plan anew.

    What is the same each time (a state, a class) is written out. A plan for any value at all takes the commonest: the
    look for an open serving read every serving there ever was (docs/decisions/0004).
    """

    def __init__(self, statement: Any, engines: Dialect) -> None:
        self.is_sqlite = engines.name == "sqlite"
        dialect = cast(Any, type(engines))(paramstyle=engines.paramstyle if self.is_sqlite else "numeric_dollar")
        dialect.statement_compiler = _writing_out(dialect.statement_compiler)
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self.reads = isinstance(statement, SelectBase) and not (
            isinstance(statement, TextualSelect) or LOCKS_OR_WRITES.search(self.text)
        )
        parameters = {name: one for one, name in compiled.bind_names.items()}
        self.given = [(name, self._goes_in(parameters[name].type, dialect)) for name in compiled.positiontup]
        columns = getattr(statement, "exported_columns", ())
        self.row = row_type("Row", [column.key for column in columns], rename=True) if columns else None
        self.told = [
            (place, process)
            for place, column in enumerate(columns)
            if (process := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]

    def _goes_in(self, kind: Any, dialect: Dialect) -> Callable[[Any], Any]:
        process: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
        if self.is_sqlite:
            return process or (lambda value: value)
        return (lambda value: _as_text(process(value))) if process else _as_text

    def run(self, connection: Any, values: dict[str, Any], whole: bool = False) -> list[Any]:
        for watch in watching:
            watch(self.text)
        given = [goes_in(values[name]) for name, goes_in in self.given]
        driver = connection.connection.dbapi_connection
        try:
            if self.is_sqlite:
                rows = driver.execute(self.text, given).fetchall()
            else:
                rows = driver.ask_whole(self.text, given) if whole else driver.ask(self.text, given, self.reads)
        except connection.dialect.loaded_dbapi.Error as error:
            fail(connection, self.text, error)
        if self.row is None:
            return []
        if self.told:
            rows = [list(row) for row in rows]
            for row in rows:
                for place, process in self.told:
                    row[place] = process(row[place])
        return [self.row._make(row) for row in rows]


@cache
def _writing_out(compiler: Any) -> Any:
    class WritingOut(compiler):
        def visit_bindparam(self, bindparam: Any, **options: Any) -> Any:
            return super().visit_bindparam(bindparam, **{**options, "literal_binds": not bindparam.required})

    return WritingOut


watching: list[Callable[[str], None]] = []  # told of each such statement before it goes: SQLAlchemy's events are not
row_type: Callable[..., Any] = namedtuple


def _as_text(value: Any) -> str | None:
    """A value as PostgreSQL reads it: numbers, words, moments, and lists of them."""
    if type(value) is int:
        return str(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return "{" + ",".join("NULL" if one is None else _quoted(one) for one in value) + "}"
    raise TypeError(f"no text for {value!r}")


def _quoted(value: Any) -> str:
    text = _as_text(value) or ""
    return text if isinstance(value, int) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def fail(connection: Any, statement: str, error: Exception) -> NoReturn:
    """Raise the driver's error as SQLAlchemy's own statements would: as a DBAPIError, and when the line is lost with
    all other lines of the pool given up as well. Raised bare, nobody would try again."""
    connection._handle_dbapi_exception(error, statement, None, None, None)
    raise error
