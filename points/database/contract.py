"""The scale-out contract: ``scheme_id`` stands first in every key and index, so that any scheme fits on any machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import BigInteger, Inspector, MetaData

from ..db import Model

KEY = "scheme_id"


def directory_in(metadata: MetaData) -> set[str]:
    """The tables that are looked up before the scheme is known, and Alembic's own."""
    return {table.name for table in metadata.tables.values() if table.info.get("directory")} | {"alembic_version"}


def violations(seen: Inspector, metadata: MetaData = Model.metadata) -> list[str]:
    """What in a live database breaks the contract, table by table; empty when nothing does.

    metadata  says which tables are the directory's; everything else that is there is held to the contract
    """
    directory = directory_in(metadata)
    return [
        f"{table}: {broken}"
        for table in sorted(seen.get_table_names())
        if table not in directory
        for broken in _broken_in(seen, table, directory)
    ]


def _broken_in(seen: Inspector, table: str, directory: set[str]) -> Iterator[str]:
    column = next((each for each in seen.get_columns(table) if each["name"] == KEY), None)
    if column is None:
        yield f"has no {KEY}"
    elif not isinstance(column["type"], BigInteger) or column["nullable"]:
        yield f"{KEY} is not a BIGINT that is always there"
    if _first(seen.get_pk_constraint(table)["constrained_columns"]) != KEY:
        yield "its primary key does not begin with it"
    for unique in seen.get_unique_constraints(table):
        if _first(unique["column_names"]) != KEY:
            yield f"unique constraint {unique['name']} does not begin with it"
    for index in seen.get_indexes(table):
        if _first(index["column_names"]) != KEY:
            yield f"index {index['name']} does not begin with it"
    for key in seen.get_foreign_keys(table):
        there, name = key["referred_table"], key["name"] or "without a name"
        if _first(key["constrained_columns"]) != KEY:
            yield f"foreign key {name} does not begin with it"
        elif there not in directory and _first(key["referred_columns"]) != KEY:
            yield f"foreign key {name} does not meet it in {there}"
        if any(key["options"].get(when, "NO ACTION") not in ("NO ACTION", "RESTRICT") for when in ACTIONS):
            yield f"foreign key {name} changes rows by itself"


ACTIONS = ("ondelete", "onupdate")


def _first(columns: Sequence[str | None]) -> str | None:
    """None for none at all, and for an expression, which no machine can be told by."""
    return columns[0] if columns else None
