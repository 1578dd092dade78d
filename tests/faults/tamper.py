"""One row altered, deleted or swapped by whoever can do anything to the database: the audit or ``verify`` must name it.

Every column of every table of the ledger is altered in turn, every table loses a row, and two rows swap what they say;
each in a transaction of its own, with triggers and keys switched off, that is rolled back afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Date, DateTime, Integer, Table, create_engine, text
from sqlalchemy.pool import NullPool

from points import clock
from points.db import db
from points.ledger import models
from points.proof.audit import audit_on
from points.proof.seals import seal_days
from points.proof.snapshot import Scheme
from points.proof.verify import verify

TABLES: tuple[Any, ...] = (
    models.Account,
    models.Transfer,
    models.Posting,
    models.Hold,
    models.HoldLine,
    models.HoldResolution,
    models.Seal,
    models.SealLeaf,
)
ZONE = "Asia/Shanghai"

UNSEALED = "holds are not sealed, what they become is: nothing else in the books says what was asked for, by whom, when"
# What nobody can tell from the books, and why.
KNOWN = dict.fromkeys(
    (
        *(f"holds.{name}" for name in ("kind", "key", "actor_id", "request_hash", "source_kind", "source_id")),
        *("holds.occurred_at", "holds.held_at", "holds.until", "hold_lines.line"),
        *("hold_resolutions.outcome", "hold_resolutions.actor_id", "hold_resolutions.resolved_at"),
    ),
    UNSEALED,
) | {
    "accounts.floor": "it may be set tighter than the law asks; looser, or not kept, it is named",
    "accounts.ceiling": "it may be set where the law asks for none; not kept, it is named",
    "seal_leaves.prints": "they only help to tell which row of a transfer changed; the leaf proves that one did",
}


@dataclass(frozen=True)
class Forgery:
    """What was done to which row, in SQL; ``names`` are the ids that a finding has to mention one of."""

    what: str
    statements: tuple[str, ...]
    facts: dict[str, Any]
    names: frozenset[str]


@contextmanager
def unguarded(superuser_url: str) -> Iterator[Connection]:
    """A connection for which no trigger, key or check stands in the way. Nothing that it does stays."""
    engine = create_engine(superuser_url, poolclass=NullPool)
    with engine.connect().execution_options(writing=True) as connection:
        if connection.dialect.name == "sqlite":
            driver: Any = connection.connection.dbapi_connection
            connection.rollback()
            driver.execute("PRAGMA foreign_keys=OFF")
            for model in TABLES:  # a copy has neither triggers nor constraints
                table = model.__tablename__
                connection.execute(text(f"CREATE TABLE bare AS SELECT * FROM {table}"))
                connection.execute(text(f"DROP TABLE {table}"))
                connection.execute(text(f"ALTER TABLE bare RENAME TO {table}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))  # neither triggers nor foreign keys
            names = {"names": [model.__tablename__ for model in TABLES]}
            found = connection.execute(
                text(
                    "SELECT conrelid::regclass AS rel, conname FROM pg_constraint WHERE contype IN ('c', 'f', 'u', 'p') "
                    "AND conrelid::regclass::text = ANY(:names)"
                ),
                names,
            )
            for rel, name in found.all():
                connection.execute(text(f"ALTER TABLE {rel} DROP CONSTRAINT IF EXISTS {name} CASCADE"))
            keys = connection.scalars(
                text(
                    "SELECT indexrelid::regclass::text FROM pg_index "
                    "WHERE indisunique AND indrelid::regclass::text = ANY(:names)"
                ),
                names,
            )
            for name in keys.all():  # of some rows only: an index, never a constraint
                connection.execute(text(f"DROP INDEX {name}"))
        yield connection
        connection.rollback()
    engine.dispose()


def findings(connection: Connection, scheme: Scheme, at: datetime) -> list[str]:
    """What audit and verify say of the books as the connection sees them."""
    told = [str(finding) for finding in audit_on(connection, scheme.id).findings]
    return told + [str(finding) for finding in verify(connection, scheme, at=at).findings]


def forgeries(connection: Connection, scheme_id: int, tables: Sequence[Any]) -> Iterator[Forgery]:
    for model in tables:
        table: Table = model.__table__
        rows = connection.execute(
            table.select().where(table.c.scheme_id == scheme_id).order_by(*table.primary_key.columns)
        ).all()
        rows = [row for row in rows if is_telling(table, row)]
        row, other = rows[len(rows) // 2], rows[len(rows) // 3]
        keys = [column.name for column in table.primary_key.columns]
        where = " AND ".join(f"{key} = :{key}" for key in keys)
        facts = {key: stored(getattr(row, key), connection) for key in keys}
        names = frozenset(named(row) | named(other) | accounts_of(connection, scheme_id, row))
        yield Forgery(f"{table.name}: a row deleted", (f"DELETE FROM {table.name} WHERE {where}",), facts, names)
        for column in table.columns:
            attribute = getattr(row, column.name if column.name != "class" else "class")
            new = altered(column, attribute)
            statement = f"UPDATE {table.name} SET {column.name} = :new WHERE {where}"
            what = f"{table.name}.{column.name}: {attribute} became {new}"
            yield Forgery(what, (statement,), facts | {"new": stored(new, connection)}, names | {str(new)})
            theirs = getattr(other, column.name)
            if theirs != attribute and column.name not in keys:
                swap = (
                    statement,
                    f"UPDATE {table.name} SET {column.name} = :old WHERE "
                    + " AND ".join(f"{key} = :other_{key}" for key in keys),
                )
                both = {f"other_{key}": stored(getattr(other, key), connection) for key in keys}
                both |= facts | {"new": stored(theirs, connection), "old": stored(attribute, connection)}
                yield Forgery(f"{table.name}.{column.name}: two rows swapped", swap, both, names)


def is_rich(connection: Connection, scheme_id: int) -> bool:
    """Whether every table that an action fills has rows of the scheme to forge; the seals' own are filled later."""
    filled = [model.__table__ for model in TABLES if model not in (models.Seal, models.SealLeaf)]
    return all(
        len(connection.execute(table.select().where(table.c.scheme_id == scheme_id).limit(2)).all()) == 2
        for table in filled
    )


def is_telling(table: Table, row: Any) -> bool:
    """Rows that somebody could gain from forging: accounts that were used."""
    return table.name != "accounts" or row.seq > 0


def named(row: Any) -> set[str]:
    """The ids and days by which a row may be named."""
    return {
        str(getattr(row, name))
        for name in ("id", "transfer_id", "account_id", "hold_id", "day", "number", "key", "reverses_id")
        if getattr(row, name, None) is not None
    }


def accounts_of(connection: Connection, scheme_id: int, row: Any) -> set[str]:
    """The accounts that a hold sits on: what is wrong with it shows there."""
    if not hasattr(row, "hold_id"):
        return set()
    lines = models.HoldLine.__table__.c
    asked = db.select(lines.account_id).where(lines.scheme_id == scheme_id, lines.hold_id == row.hold_id)
    return {str(account_id) for account_id in connection.scalars(asked)}


def stored(value: Any, connection: Connection) -> Any:
    """A value as raw SQL takes it."""
    if connection.dialect.name == "sqlite":
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%d %H:%M:%S.%f")
        if isinstance(value, date):
            return value.isoformat()
    return value


def altered(column: Any, value: Any) -> Any:
    """Another value of the same type."""
    kind = column.type
    if isinstance(value, datetime) or (value is None and isinstance(kind, DateTime)):
        return (value or clock.now()) + timedelta(days=1)
    if isinstance(value, date) or (value is None and isinstance(kind, Date)):
        return (value or clock.now().date()) + timedelta(days=400)
    if isinstance(value, int) or (value is None and isinstance(kind, Integer)):
        return (value or 0) + 1
    text_value = str(value or "")
    if text_value and all(digit in "0123456789abcdef" for digit in text_value):
        return ("1" if text_value[0] != "1" else "2") + text_value[1:]
    return (text_value + "x")[-40:] if text_value else "x"


def undetected(
    superuser_url: str,
    scheme: Scheme,
    at: datetime,
    known: Mapping[str, str] = KNOWN,
    tables: Sequence[Any] = TABLES,
) -> tuple[int, list[str]]:
    """Play every forgery; how many there were, and those that nobody noticed or whose row is not named.

    known   "table.column" → why nobody can tell that it was changed
    tables  the models whose rows are forged
    """
    with unguarded(superuser_url) as connection:
        assert not (before := findings(connection, scheme, at)), before
        plans = list(forgeries(connection, scheme.id, tables))
        missed = []
        for forgery in plans:
            place = connection.begin_nested()
            try:
                for statement in forgery.statements:
                    connection.execute(text(statement), used(statement, forgery.facts))
                told = findings(connection, scheme, at)
            finally:
                place.rollback()
            if not told:
                if forgery.what.split(":")[0] not in known:
                    missed.append(f"not noticed: {forgery.what}")
            elif not any(name in one for one in told for name in forgery.names):
                missed.append(f"noticed, but its row is not named: {forgery.what}: {told[:2]}")
        return len(plans), missed


def used(statement: str, facts: dict[str, Any]) -> dict[str, Any]:
    import re

    return {name: facts[name] for name in set(re.findall(r":([a-z_]+)", statement))}


def sealed(scheme_id: int, at: datetime) -> None:
    """Seal all days that have ended."""
    db.session.remove()
    seal_days(scheme_id, at=at, zone=ZONE)
    db.session.remove()
