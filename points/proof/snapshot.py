"""One moment of the books, for those who read all of them while others write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, String, column, select, table

from ..db import db
from ..ledger.sets import is_sqlite

# The directory of schemes belongs to ``people``; the ledger reads three columns of it for its commands.
schemes = table("schemes", column("id", BigInteger), column("code", String), column("zone", String))


@dataclass(frozen=True)
class Scheme:
    id: int
    code: str
    zone: str


# For whoever reads everything: SQLite's own cache is 2 MB, and each page beyond it is read and checked again.
ROOMY = {"cache_size": (-65_536, -2_000), "mmap_size": (2**32, 0)}


@contextmanager
def snapshot() -> Iterator[Connection]:
    """A connection of its own that sees one moment throughout, and writes nothing."""
    with db.engine.connect() as connection:
        if is_sqlite():  # there a read transaction is a snapshot already
            for name, (wanted, _) in ROOMY.items():
                connection.exec_driver_sql(f"PRAGMA {name}={wanted}")
        else:
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        try:
            yield connection
        finally:
            if is_sqlite():
                for name, (_, usual) in ROOMY.items():
                    connection.exec_driver_sql(f"PRAGMA {name}={usual}")


def schemes_of(connection: Connection, code: str | None = None) -> list[Scheme]:
    """The schemes, or the one with this code."""
    wanted = select(schemes.c.id, schemes.c.code, schemes.c.zone).order_by(schemes.c.code)
    if code is not None:
        wanted = wanted.where(schemes.c.code == code)
    return [Scheme(*row) for row in connection.execute(wanted)]
