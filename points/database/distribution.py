"""The statements with which Citus spreads the schemes over machines, made from the metadata of the day.

A directory table becomes a reference table (a copy on every machine); every other table is cut by ``scheme_id``, all
into one group, so that a scheme's rows, keys and server functions meet on one machine. Citus takes no triggers, and no
foreign key from a reference table to one that is cut: both are dropped first (the grants and the audit remain).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.exc import CircularDependencyError

from ..db import Model, changing_in
from .contract import KEY, directory_in

FUNCTION_ARGUMENT = "scheme"  # the first argument of each server function; a test compares with the live database
BESIDE = "accounts"  # the table that the functions are sent to


def statements(
    functions: Mapping[str, str],
    metadata: MetaData = Model.metadata,
    *,
    triggers: Iterable[tuple[str, str]] | None = None,
    done: Iterable[str] = (),
) -> list[str]:
    """Everything that turns one server's tables into distributed ones, in the order in which it must run.

    functions  the server functions: name → signature, ``points_post(bigint, …)``
    triggers   (table, trigger) that exist; without a server to ask, those that the marks at the tables imply
    done       what Citus has taken already, functions included: a run that was cut off goes on from there
    Raises CircularDependencyError when tables point in a circle, because then none can be the first.
    """
    directory, taken, order = directory_in(metadata), set(done), in_order(metadata)
    left = [table for table in order if table.name not in taken]
    reference = [table for table in left if table.name in directory]
    watched = triggers_of(left) if triggers is None else [each for each in triggers if each[0] not in taken]
    lead = next(table.name for table in order if table.name not in directory)

    found = [f"DROP TRIGGER IF EXISTS {trigger} ON {table}" for table, trigger in watched]
    found += [
        f"ALTER TABLE {table.name} DROP CONSTRAINT IF EXISTS {key.name}"
        for table in reference
        for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name))
        if key.referred_table.name not in directory
    ]
    found += [f"SELECT create_reference_table('{table.name}')" for table in reference]
    found += [
        f"SELECT create_distributed_table('{table.name}', '{KEY}', "
        f"colocate_with => '{'none' if table.name == lead else lead}')"
        for table in left
        if table.name not in directory
    ]
    # Not forced, they would go to the scheme's machine only outside transactions, and we are always in one.
    found += [
        f"SELECT create_distributed_function('{signature}', '{FUNCTION_ARGUMENT}', "
        f"colocate_with => '{BESIDE}', force_delegation => true)"
        for name, signature in sorted(functions.items())
        if name not in taken
    ]
    return found


def in_order(metadata: MetaData) -> list[Table]:
    """The tables, each after all that it points at; where nothing decides, as they were declared (the ledger first)."""
    waiting = {
        table.name: {key.referred_table.name for key in table.foreign_key_constraints} - {table.name}
        for table in metadata.tables.values()
    }
    order: list[str] = []
    while waiting:
        ready = [name for name, wanted in waiting.items() if wanted <= set(order)]
        if not ready:
            raise CircularDependencyError("tables that point in a circle", waiting, [])
        order += ready
        for name in ready:
            del waiting[name]
    return [metadata.tables[name] for name in order]


def triggers_of(tables: Iterable[Table]) -> list[tuple[str, str]]:
    """(table, trigger) as the migrations name them; a test compares with the live database."""
    found = [(table.name, f"{table.name}_append_only") for table in tables if changing_in(table) is not None]
    return found + [(table.name, "postings_zero_sums") for table in tables if table.name == "postings"]


def shipped_functions(migrations: ScriptDirectory) -> dict[str, str]:
    """Name → signature of the server functions as the migrations (``FUNCTION``) make them: no server needs asking."""
    found = {}
    for script in reversed(list(migrations.walk_revisions())):
        for name, arguments in CREATED.findall(getattr(script.module, "FUNCTION", "")):
            words = (argument.split() for argument in arguments.split(","))
            found[name] = f"{name}({', '.join(' '.join(word[1:]) for word in words if word[0] != 'OUT')})"
    return found


CREATED = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)\((.*?)\)\s+(?:RETURNS|LANGUAGE)", re.DOTALL)


# ---------------------------------------------------------------- what a server says


def live_triggers(connection: Connection) -> list[tuple[str, str]]:
    """(table, trigger) of the schema, without those that PostgreSQL makes for foreign keys."""
    found = connection.execute(
        text(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 2"
        )
    )
    return [(table, trigger) for table, trigger in found]


def live_functions(connection: Connection) -> dict[str, str]:
    """Name → signature of the functions that the application calls, as create_distributed_function wants it."""
    found = connection.execute(
        text(
            "SELECT proname AS name, proname || '(' || (SELECT string_agg(format_type(kind, NULL), ', ' ORDER BY n) "
            "FROM unnest(proargtypes::oid[]) WITH ORDINALITY AS argument(kind, n)) || ')' AS signature FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype "
            "AND proargnames[1] = :scheme"
        ),
        {"scheme": FUNCTION_ARGUMENT},
    )
    return {row.name: row.signature for row in found}


def has_citus(connection: Connection) -> bool:
    return bool(connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'citus'")).scalar())


def already_taken(connection: Connection) -> set[str]:
    """The tables that Citus knows, and the functions that are distributed."""
    tables = connection.execute(text("SELECT logicalrelid::regclass::text FROM pg_dist_partition")).scalars()
    functions = connection.execute(
        text(
            "SELECT p.proname FROM pg_catalog.pg_dist_object o JOIN pg_proc p ON p.oid = o.objid "
            "WHERE o.classid = 'pg_proc'::regclass AND o.distribution_argument_index IS NOT NULL"
        )
    ).scalars()
    return {*tables, *functions}
