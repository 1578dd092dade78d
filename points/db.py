"""The database: ids, column types, and the one way to open a transaction.

Every table but the directory tables puts ``scheme_id`` first in its keys (docs/decisions/0001). Nothing but
``transaction`` commits. On SQLite reads are plain BEGIN on a line that can only read, writes BEGIN IMMEDIATE: with
SQLAlchemy's default 685 of 800 concurrent debits were lost without an error. On PostgreSQL reads go without BEGIN and
COMMIT (each statement sees a moment of its own anyhow), and a write among them is refused; BEGIN goes before the first
statement that writes.
"""

from __future__ import annotations

import random
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    MetaData,
    Table,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from .errors import Conflict, DomainError, StorageFull, TryAgain, Unreachable
from .postgresql import connection_class
from .sqlite import TwoLines
from .statements import Ready, fail

MAX_ID = 2**63 - 1
MAX_AMOUNT = 10**12
MAX_BALANCE = 2**53
EPOCH_MS = 1_577_836_800_000  # 2020-01-01: 41 bits of milliseconds last until 2089

T = TypeVar("T")


class Overtaken(Exception):
    """What was looked at has changed before it could be written: nothing of this attempt holds. Look again."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware and in UTC on the way in and out, on engines that keep zones and on those that do not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False}, disable_autonaming=True)
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model
Model.registry.update_type_annotation_map(
    {int: BigInteger, datetime: UtcDateTime(), dict[str, Any]: Json, list[Any]: Json}
)


class InScheme:
    """A row that belongs to one scheme: ``scheme_id`` stands first in the primary key of its table."""

    scheme_id: Mapped[int] = mapped_column(
        ForeignKey("schemes.id"), primary_key=True, autoincrement=False, sort_order=-2
    )
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-1, default=lambda: new_id())


class OfBusyTable(InScheme):
    """The same without a foreign key to the directory: every writer would lock the scheme's one row there. Another
    key of the row leads to it: its till's, its shop's."""

    scheme_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-2)


def to(table: str, column: str) -> ForeignKeyConstraint:
    """A foreign key that cannot leave the scheme: (scheme_id, column) → (table.scheme_id, table.id)."""
    return ForeignKeyConstraint(["scheme_id", column], [f"{table}.scheme_id", f"{table}.id"])


def kept(*changing: str) -> dict[str, Any]:
    """Marks a table whose rows stay, last in its ``__table_args__``: only the named columns ever change.

    The one place where this is decided: the grants of the application's role, the test that every such table has its
    triggers, and the statements for Citus all read this mark.
    """
    return {"info": {"changing": changing}}


APPEND_ONLY = kept()
# Looked up before the scheme is known, or by a key of its own: the only tables where scheme_id need not stand first.
DIRECTORY = {"info": {"directory": True}}


def changing_in(table: Table) -> tuple[str, ...] | None:
    """The columns that change in a table whose rows stay (none: append-only), or None when its rows come and go."""
    return cast("tuple[str, ...] | None", table.info.get("changing"))


def table_of(model: type[Any]) -> Table:
    """A model's table, for the statements of busy paths: rows of plain columns cost half of what objects cost."""
    return cast(Table, model.__table__)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A column that holds one of a few words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


_entropy = random.SystemRandom()


_drawing = threading.Lock()
_drawn: tuple[int, set[int]] = (0, set())  # this millisecond's numbers: thousands drawn at once would else collide


def new_id() -> int:
    """A fresh id: 41 bits of milliseconds, 22 random. Sorts roughly by age; always positive and below 2^63.

    Never twice in one process; two processes may collide, which is a duplicate key and so a retry.
    """
    global _drawn
    with _drawing:
        now = time.time_ns() // 1_000_000 - EPOCH_MS
        if _drawn[0] != now:
            _drawn = (now, set())
        number = secrets.randbits(22)
        while number in _drawn[1]:
            number = secrets.randbits(22)
        _drawn[1].add(number)
        return (now << 22) | number


def is_id(value: object) -> bool:
    """Whether a value can be an id at all: larger ones would be an error in the database, not a miss."""
    return isinstance(value, int) and 0 < value <= MAX_ID


# ---------------------------------------------------------------- transactions

_writing: ContextVar[bool] = ContextVar("writing", default=False)

_run: ContextVar[int] = ContextVar("run", default=0)

TRIES = 8
PATIENCE_S = 10.0


class Afresh(Exception):
    """Raised by a body that would have to lock out of order after what it holds already: run all of it again, at once,
    without these locks. Only while ``run_number`` is 1."""


def run_number() -> int:
    """Which run of a body this is, from 1; 0 outside ``in_own_transaction``."""
    return _run.get()


@contextmanager
def transaction() -> Iterator[None]:
    """Commit what the body wrote, or none of it. The only thing that commits; may not be nested."""
    if _writing.get():
        raise RuntimeError("a transaction inside a transaction")
    db.session.rollback()  # end the reading transaction, if one was begun: a read cannot be promoted safely
    token = _writing.set(True)
    try:
        yield
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _writing.reset(token)


def in_own_transaction(body: Callable[[], T]) -> T:
    """Run the body in a transaction; run all of it again if the database turned it away through no fault of its own.

    Serialization failure, deadlock, busy file, lost connection, overtaken: up to 8 tries in 10 s, then ``TryAgain``, or
    ``Unreachable`` when the connection was lost. No room left: ``StorageFull``, at once.
    A duplicate key: tried again, so that the body finds the first one's recorded result; if it insists, ``Conflict``.
    """
    started, tries = time.monotonic(), 0
    while True:
        tries += 1
        token = _run.set(tries)
        try:
            with transaction():
                return body()
        except Afresh:
            continue
        except IntegrityError as error:
            if not is_duplicate_key(error):
                raise
            if tries >= 3:
                raise Conflict(cause="duplicate") from error
        except (DBAPIError, Overtaken) as error:
            if isinstance(error, DBAPIError) and not is_transient(error):
                if refusal := refusal_of(error):
                    raise refusal from error
                raise
            if tries >= TRIES or time.monotonic() - started > PATIENCE_S:
                raise (isinstance(error, DBAPIError) and refusal_of(error)) or TryAgain() from error
        finally:
            _run.reset(token)
        time.sleep(_entropy.uniform(0, min(0.5, 0.01 * 2**tries)))


def sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def is_duplicate_key(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.IntegrityError):
        return error.orig.sqlite_errorcode in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
    return sqlstate(error) == "23505"


def is_transient(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.OperationalError):
        return (error.orig.sqlite_errorcode & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return is_lost(error) or sqlstate(error) in ("40001", "40P01", "55P03")


def is_lost(error: DBAPIError) -> bool:
    """Whether the connection is gone (or was never had): what was under way may have been committed or not."""
    if isinstance(error.orig, sqlite3.Error):
        return False
    state = sqlstate(error)
    return (
        error.connection_invalidated
        or state.startswith(("08", "57P"))
        or (isinstance(error, OperationalError) and state == "")
    )


NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_FSYNC}


def is_full(error: DBAPIError) -> bool:
    """Whether the disk, or what the database may have of it, is used up."""
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", None) in NO_ROOM
    return sqlstate(error) == "53100"


def refusal_of(error: DBAPIError) -> DomainError | None:
    """What a person is told when the database itself is in trouble; None when the error is a bug of ours."""
    if is_full(error):
        return StorageFull()
    if is_lost(error):
        return Unreachable()
    return TryAgain() if is_transient(error) else None


def insert_into(table: Any) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the engine at hand."""
    from sqlalchemy.dialects import postgresql, sqlite

    return (postgresql if db.engine.dialect.name == "postgresql" else sqlite).insert(table)


# ---------------------------------------------------------------- statements of busy paths


class Prepared:
    """A statement that is built and compiled once per engine and then sent to the driver as it is.

    For the few statements of a busy path: finding a statement in SQLAlchemy's cache and wrapping its rows takes longer
    than the database takes to answer it (docs/decisions/0004). Its types are kept: values go in and come out as they
    do elsewhere. Rows are named tuples. Errors are SQLAlchemy's, so that ``in_own_transaction`` knows them.
    """

    def __init__(self, build: Callable[[], Any]) -> None:
        self.build = build
        self.ready: dict[str, Ready] = {}

    def all(self, **values: Any) -> list[Any]:
        """Run it in the session's transaction: its rows, none when it returns none."""
        return self._run(values)

    def whole(self, **values: Any) -> list[Any]:
        """The same of a call that is all that the transaction writes. On PostgreSQL it commits by itself where nothing
        was written before: no row stays locked until its answer is read and COMMIT has gone. Nothing may follow it."""
        return self._run(values, whole=True)

    def _run(self, values: dict[str, Any], whole: bool = False) -> list[Any]:
        session = db.session()
        session.flush()
        connection = session.connection()
        name = connection.dialect.name
        ready = self.ready.get(name) or self.ready.setdefault(name, Ready(self.build(), connection.dialect))
        if not ready.reads and _is_alone(connection):
            raise WriteOutside(ready.text)
        return ready.run(connection, values, whole)

    def first(self, **values: Any) -> Any:
        """Its first row, or None."""
        return next(iter(self.all(**values)), None)


# ---------------------------------------------------------------- PostgreSQL


@event.listens_for(Engine, "do_connect")
def _connect(dialect: Dialect, record: Any, args: Any, options: Any) -> Any:
    if dialect.name == "sqlite":
        return TwoLines(*args, **options)
    connection = connection_class().connect(*args, **options)
    try:
        connection.is_replicated = bool(connection.execute("SHOW synchronous_standby_names").fetchone()[0])
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    writing = _writing.get() or connection.get_execution_options().get("writing", False)
    if connection.dialect.name == "sqlite":
        connection.connection.dbapi_connection.reads = not writing
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
        return
    try:
        _begin_on_postgresql(connection, connection.connection.dbapi_connection, writing)
    except connection.dialect.loaded_dbapi.Error as error:
        fail(connection, "BEGIN", error)


def _begin_on_postgresql(connection: Any, driver: Any, writing: bool) -> None:
    options = connection.get_execution_options()
    if "isolation_level" in options or not options.get("begins_by_itself"):  # psycopg begins, where there is need
        if driver.read_only is not (not writing):
            driver.read_only = not writing
        return
    if not driver.autocommit or driver.read_only:  # it was used in the other way before
        driver.autocommit, driver.read_only = True, False
    if writing:
        driver.begin()


class WriteOutside(RuntimeError):
    """Something was to be written where only reading was announced: a bug."""


@event.listens_for(Engine, "before_cursor_execute")
def _refuse_to_write_alone(connection: Any, cursor: Any, statement: Any, values: Any, context: Any, many: Any) -> None:
    """On PostgreSQL a write without BEGIN would stay, whatever becomes of the rest. (SQLite's line can only read.)"""
    if (context.isinsert or context.isupdate or context.isdelete) and _is_alone(connection):
        raise WriteOutside(statement)


def _is_alone(connection: Any) -> bool:
    options = connection.get_execution_options()
    if "isolation_level" in options or not options.get("begins_by_itself"):
        return False
    driver = connection.connection.dbapi_connection
    return not driver.pgconn.transaction_status and not driver.is_due
