"""Many rows as one parameter, on both engines: so that one statement serves one transfer or ten thousand.

PostgreSQL unnests arrays, SQLite reads JSON; either way the statement's text is the same for any number of rows, so it
is compiled and prepared once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, FromClause, String, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from ..db import db

BIG, WORD = BigInteger(), String()


def is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def rows_of(name: str, columns: Mapping[str, TypeEngine[Any]], rows: Sequence[tuple[Any, ...]]) -> FromClause:
    """The rows as something to select from, with these columns: numbers (BIG) and words (WORD), None allowed."""
    if is_sqlite():
        each = func.json_each(literal(json.dumps(rows))).table_valued(column("value", String), name=f"{name}_each")
        cells = [
            func.json_extract(each.c.value, f"$[{i}]", type_=kind).label(word)
            for i, (word, kind) in enumerate(columns.items())
        ]
        return select(*cells).subquery(name)
    arrays = [literal([row[i] for row in rows], ARRAY(kind)) for i, kind in enumerate(columns.values())]
    cells_of = [column(word, kind) for word, kind in columns.items()]
    return func.unnest(*arrays).table_valued(*cells_of).render_derived(name=name)
