"""Alembic's environment: the application's metadata, run as the owner role."""

import sqlalchemy as sa
from alembic import context
from flask import current_app
from sqlalchemy import create_engine, pool

from points.database import grants
from points.db import UtcDateTime, db

metadata = db.Model.metadata


def render(kind, item, autogen):
    """Migrations name plain types: they must read the same when the application's own types have moved on."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


OPTIONS = {"render_as_batch": True, "compare_type": True, "target_metadata": metadata, "render_item": render}


def run() -> None:
    url = current_app.config["OWNER_URL"]
    if context.is_offline_mode():
        context.configure(url=url, literal_binds=True, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()
        return
    applied = []
    engine = create_engine(url, poolclass=pool.NullPool, execution_options={"writing": True})
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:  # a table that is rebuilt is dropped for a moment, with others pointing at it
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")
        context.configure(connection=connection, on_version_apply=lambda **step: applied.append(step), **OPTIONS)
        with context.begin_transaction():
            migrate()
            if applied and not is_sqlite:  # what is new is open to the application, in the same transaction
                grants.renew(connection)
            if is_sqlite and (stray := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                raise RuntimeError(f"a row of {stray[0]} points at no row of {stray[2]}")
        if is_sqlite:
            seed_statistics(connection)
            connection.commit()


def migrate() -> None:
    try:
        context.run_migrations()
    except sa.exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise
        raise RuntimeError("this role may not change the schema: set POINTS_OWNER_URL (docs/postgresql.md)") from error


def seed_statistics(connection: sa.Connection) -> None:
    """Tell SQLite what a full database looks like, so that its plans are right from the first row to the millionth.

    Without statistics it takes ``scheme_id = ?`` to leave ten rows, though it leaves all of them, and walks whole
    tables rather than the index that ends in one row: the kernel's update of 8 accounts read every account there was.
    Here every table has a million rows of one scheme; a further column of an index leaves 20 (a short word a fifth).
    """
    rows = 1_000_000
    connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    inspector = sa.inspect(connection)
    for table in inspector.get_table_names():
        kinds = {column["name"]: column["type"] for column in inspector.get_columns(table)}
        for _, index, unique, *_ in connection.exec_driver_sql(f'PRAGMA index_list("{table}")').all():
            left, steps = rows, [rows]
            for n, _, name in connection.exec_driver_sql(f'PRAGMA index_info("{index}")').all():
                kind = kinds[name]
                is_short_word = isinstance(kind, sa.String) and kind.length and kind.length <= 20
                if n > 0 or name != "scheme_id":
                    left = max(left // 5, 1) if is_short_word else min(left, 20)
                steps.append(left)
            if unique:
                steps[-1] = 1
            connection.exec_driver_sql(
                "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", (table, index, " ".join(map(str, steps)))
            )


run()
