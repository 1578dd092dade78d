"""The connection to an SQLite file: one line that writes, and one beside it that can only read."""

from __future__ import annotations

import sqlite3
from typing import Any

KEPT = 500  # compiled statements a line keeps


class TwoLines(sqlite3.Connection):
    """Writes, unless ``reads`` says from BEGIN to the end of the transaction that the other line serves.

    Not one line whose ``query_only`` is switched: SQLite compiles every statement anew after a switch, which took the
    look of a redemption from 16 µs to 320 (docs/decisions/0004).
    """

    def __init__(self, file: str, **options: Any) -> None:
        super().__init__(file, cached_statements=KEPT, **options)
        self.reads = False
        self.reader = sqlite3.connect(file, cached_statements=KEPT, **options)
        self.isolation_level = self.reader.isolation_level = None  # we send BEGIN ourselves
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            self.execute(f"PRAGMA {pragma}")
        self.execute("PRAGMA recursive_triggers=ON")  # so that REPLACE meets the triggers against DELETE
        for pragma in ("busy_timeout=10000", "query_only=ON"):
            self.reader.execute(f"PRAGMA {pragma}")

    def cursor(self, *how: Any) -> Any:
        return self.reader.cursor(*how) if self.reads else super().cursor(*how)

    def execute(self, *what: Any) -> sqlite3.Cursor:
        done: sqlite3.Cursor = self.cursor().execute(*what)
        return done

    @property
    def in_transaction(self) -> bool:
        return self.reader.in_transaction if self.reads else super().in_transaction

    def commit(self) -> None:
        self.reader.commit() if self.reads else super().commit()
        self.reads = False

    def rollback(self) -> None:
        self.reader.rollback() if self.reads else super().rollback()
        self.reads = False

    def create_function(self, *what: Any, **how: Any) -> None:
        super().create_function(*what, **how)
        self.reader.create_function(*what, **how)

    def close(self) -> None:
        self.reader.close()
        super().close()
