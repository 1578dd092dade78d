"""How the engine at hand would run a statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from points.db import db


def plan_of(statement: Any, named: dict[str, Any]) -> str:
    """The plan. PostgreSQL is kept from reading a table through because it is small, as every table of a test is."""
    compiled = statement.compile(db.engine)
    values: Any = compiled.construct_params(named)
    if compiled.positional:
        values = tuple(values[name] for name in compiled.positiontup)
    explain = "EXPLAIN QUERY PLAN "
    if db.engine.dialect.name != "sqlite":
        explain = "EXPLAIN "
        for way in ("seqscan", "bitmapscan"):
            db.session.execute(text(f"SET LOCAL enable_{way} = off"))
    found = db.session.connection().exec_driver_sql(explain + str(compiled), values)
    return "\n".join(str(row) for row in found)
