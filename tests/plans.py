"""What the database is asked, and how the engine at hand would run a statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from points.db import db
from points.statements import watching


@contextmanager
def asked() -> Iterator[list[str]]:
    """The statements that are sent meanwhile, in order; BEGIN and settings of the connection left out."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    watching.append(sent.append)
    try:
        yield sent
    finally:
        watching.remove(sent.append)
        event.remove(db.engine, "before_cursor_execute", note)


def plan_of(statement: Any, named: dict[str, Any]) -> str:
    """The plan. PostgreSQL is kept from what pays in small tables only, as every table of a test is: reading one through,
    and sorting the little that another index finds."""
    compiled = statement.compile(db.engine)
    values: Any = compiled.construct_params(named)
    if compiled.positional:
        values = tuple(values[name] for name in compiled.positiontup)
    if db.engine.dialect.name == "sqlite":
        found = db.session.connection().exec_driver_sql("EXPLAIN QUERY PLAN " + str(compiled), values)
        return "\n".join(str(row) for row in found)
    with db.engine.connect().execution_options(writing=True) as connection, connection.begin() as asking:
        for way in ("seqscan", "bitmapscan", "sort"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))  # lasts as long as the transaction
        found = connection.exec_driver_sql("EXPLAIN " + str(compiled), values).all()
        asking.rollback()
    return "\n".join(str(row) for row in found)
