"""The tables of a live database, whatever its revision: their rows as lines of text, and lines put back into them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

import sqlalchemy as sa

from .cells import Kind, Unfit, kind_of, line_of, row_of

AT_ONCE = 1000  # rows of SQLite's handled together
BLOCK = 1 << 16
REVISION = "alembic_version"  # belongs to the migrations, which write it themselves

# How PostgreSQL writes what the archive keeps: for one transaction, whatever its server or role is set to.
PLAIN_WORDS = ("timezone = 'UTC'", "datestyle = 'ISO, YMD'", "bytea_output = 'hex'", "extra_float_digits = 1")


class Unreadable(Exception):
    """A table holds, or is to be given, what its columns cannot hold."""


def revision_of(connection: sa.Connection) -> str | None:
    """The migration that the database stands at; None when it has no tables of ours."""
    if not sa.inspect(connection).has_table(REVISION):
        return None
    revision: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {REVISION}"))  # noqa: S608  our own word
    return revision


def tables_of(connection: sa.Connection) -> list[sa.Table]:
    """Every table as the database itself describes it, each after those that its rows point at."""
    metadata = sa.MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != REVISION]


def kinds_of(table: sa.Table) -> dict[str, Kind]:
    return {column.name: kind_of(column.type) for column in table.columns}


def is_empty(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is None


def speak_plainly(connection: sa.Connection) -> None:
    """Have PostgreSQL write moments, bytes and numbers in one way, until the transaction ends."""
    if connection.dialect.name == "postgresql":
        for setting in (*PLAIN_WORDS, "statement_timeout = 0", "idle_in_transaction_session_timeout = 0"):
            connection.exec_driver_sql(f"SET LOCAL {setting}")


# ---------------------------------------------------------------- out


def lines_of(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    """The table's rows as whole lines, some at a time. Raises Unreadable naming the table."""
    columns = _names(connection, list(table.columns.keys()))
    rows = f"SELECT {columns} FROM {_names(connection, [table.name])}"  # noqa: S608  names that the database gave us
    cursor = _cursor(connection)
    try:
        if connection.dialect.name == "postgresql":
            with cursor.copy(f"COPY ({rows}) TO STDOUT (FORMAT text, ENCODING 'UTF8')") as copy:
                for block in copy:
                    yield bytes(block)
            return
        line = line_of(list(kinds_of(table).values()))
        cursor.execute(rows)
        while some := cursor.fetchmany(AT_ONCE):
            yield "".join(map(line, some)).encode()
    except Unfit as error:
        raise Unreadable(f"table {table.name}: {error}") from error
    finally:
        cursor.close()


# ---------------------------------------------------------------- in


def load(connection: sa.Connection, table: sa.Table, columns: list[str], source: IO[bytes]) -> int:
    """Put lines into the table and count them. Constraints and triggers see every row, as they see any other.

    Raises Unreadable for lines that are no rows of this table; whatever the database refuses is its own error.
    """
    into = f"{_names(connection, [table.name])} ({_names(connection, columns)})"
    cursor = _cursor(connection)
    try:
        if connection.dialect.name == "postgresql":
            with cursor.copy(f"COPY {into} FROM STDIN (FORMAT text, ENCODING 'UTF8')") as copy:
                while block := source.read(BLOCK):
                    copy.write(block)
            return int(cursor.rowcount)
        known = kinds_of(table)
        row = row_of([known[column] for column in columns])
        places = ", ".join("?" for _ in columns)
        count = 0
        lines = iter(io.TextIOWrapper(source, encoding="utf-8", newline="\n"))
        while some := [row(line) for line in islice(lines, AT_ONCE)]:
            cursor.executemany(f"INSERT INTO {into} VALUES ({places})", some)  # noqa: S608  names from the manifest, checked
            count += len(some)
        return count
    except (Unfit, UnicodeDecodeError) as error:
        raise Unreadable(f"table {table.name}: {error}") from error
    finally:
        cursor.close()


def _names(connection: sa.Connection, names: list[str]) -> str:
    return ", ".join(map(connection.dialect.identifier_preparer.quote_identifier, names))


def _cursor(connection: sa.Connection) -> Any:
    return connection.connection.cursor()
