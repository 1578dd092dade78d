"""The scale-out contract, held against live databases; and the statements that spread the schemes with Citus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    inspect,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import CircularDependencyError, SAWarning

from points.database import commands, distribution
from points.database.contract import directory_in, violations
from points.database.roles import connected
from points.db import DIRECTORY, db
from tests.conftest import ENGINES, ON_15, POWERS, as_owner, fresh_database, make_app

RUNS_ON = (*ENGINES, *ON_15)


def test_scheme_id_stands_first_in_every_key_and_index_of_the_live_database(context: Flask) -> None:
    seen = inspect(db.engine)
    assert len(seen.get_table_names()) > 40
    assert violations(seen) == []


def test_the_directory_is_what_the_design_says_and_no_more(context: Flask) -> None:
    assert directory_in(db.Model.metadata) == {"schemes", "sign_ins", "throttles", "alembic_version"}
    for name in directory_in(db.Model.metadata) - {"alembic_version"}:
        assert inspect(db.engine).has_table(name)


# ---------------------------------------------------------------- planted faults


def scoped(metadata: MetaData, name: str, *more: Any, primary: tuple[str, ...] = ("scheme_id", "id")) -> Table:
    return Table(
        name,
        metadata,
        Column("scheme_id", BigInteger, nullable=False),
        Column("id", BigInteger, nullable=False),
        Column("other_id", BigInteger),
        PrimaryKeyConstraint(*primary),
        *more,
    )


FAULTS: dict[str, tuple[Any, str]] = {
    "no scheme_id": (
        lambda m: Table("bad", m, Column("id", BigInteger, primary_key=True)),
        "bad: has no scheme_id",
    ),
    "primary key the other way round": (
        lambda m: scoped(m, "bad", primary=("id", "scheme_id")),
        "bad: its primary key does not begin with it",
    ),
    "no primary key": (
        lambda m: Table("bad", m, Column("scheme_id", BigInteger, nullable=False)),
        "bad: its primary key does not begin with it",
    ),
    "unique constraint without": (
        lambda m: scoped(m, "bad", UniqueConstraint("other_id", name="uq_bad")),
        "bad: unique constraint uq_bad does not begin with it",
    ),
    "unique constraint with it last": (
        lambda m: scoped(m, "bad", UniqueConstraint("other_id", "scheme_id", name="uq_bad")),
        "bad: unique constraint uq_bad does not begin with it",
    ),
    "index without": (
        lambda m: scoped(m, "bad", Index("ix_bad", "other_id")),
        "bad: index ix_bad does not begin with it",
    ),
    "unique index with it last": (
        lambda m: scoped(m, "bad", Index("ix_bad", "other_id", "scheme_id", unique=True)),
        "bad: index ix_bad does not begin with it",
    ),
    "partial unique index without": (
        lambda m: scoped(
            m,
            "bad",
            Index(
                "ix_bad",
                "other_id",
                unique=True,
                sqlite_where=text("other_id IS NOT NULL"),
                postgresql_where=text("other_id IS NOT NULL"),
            ),
        ),
        "bad: index ix_bad does not begin with it",
    ),
    "foreign key by id alone": (
        lambda m: (
            scoped(m, "good", UniqueConstraint("id", name="uq_good")),
            scoped(m, "bad", ForeignKeyConstraint(["other_id"], ["good.id"], name="fk_bad")),
        ),
        "bad: foreign key fk_bad does not begin with it",
    ),
    "foreign key that crosses schemes": (
        lambda m: (
            scoped(m, "good", UniqueConstraint("id", "other_id", name="uq_good")),
            scoped(m, "bad", ForeignKeyConstraint(["scheme_id", "id"], ["good.id", "good.other_id"], name="fk_bad")),
        ),
        "bad: foreign key fk_bad does not meet it in good",
    ),
    "foreign key that deletes": (
        lambda m: (
            scoped(m, "good"),
            scoped(
                m,
                "bad",
                ForeignKeyConstraint(
                    ["scheme_id", "other_id"], ["good.scheme_id", "good.id"], name="fk_bad", ondelete="CASCADE"
                ),
            ),
        ),
        "bad: foreign key fk_bad changes rows by itself",
    ),
    "scheme_id of another type": (
        lambda m: Table("bad", m, Column("scheme_id", String(20), primary_key=True), Column("id", Integer)),
        "bad: scheme_id is not a BIGINT that is always there",
    ),
}


@pytest.fixture(params=[*ENGINES, *ON_15])
def scratch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """A new database, as the role that owns it."""
    url = fresh_database(request.param, request, tmp_path)
    with connected(make_url(POWERS.get(url, (url, url))[0])) as connection:
        yield connection


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(scratch: Connection, fault: str) -> None:
    plant, found = FAULTS[fault]
    plant(metadata := MetaData())
    metadata.create_all(scratch)
    assert found in violations(inspect(scratch), metadata)


def test_an_index_over_an_expression_is_found(scratch: Connection) -> None:
    """SQLite's are found by their being there at all: SQLAlchemy warns that it cannot read them, and warnings fail."""
    scoped(metadata := MetaData(), "bad")
    metadata.create_all(scratch)
    scratch.exec_driver_sql("CREATE INDEX ix_bad ON bad (abs(other_id), scheme_id)")
    if scratch.dialect.name == "postgresql":
        assert violations(inspect(scratch), metadata) == ["bad: index ix_bad does not begin with it"]
    else:
        with pytest.warns(SAWarning, match="expression-based index ix_bad"):
            violations(inspect(scratch), metadata)


def test_a_table_that_no_model_knows_is_held_to_the_contract_too(scratch: Connection) -> None:
    scratch.exec_driver_sql("CREATE TABLE stray (id BIGINT PRIMARY KEY)")
    assert "stray: has no scheme_id" in violations(inspect(scratch), MetaData())


def test_what_keeps_the_contract_is_left_alone(scratch: Connection) -> None:
    metadata = MetaData()
    Table("register", metadata, Column("id", BigInteger, primary_key=True), **DIRECTORY)
    scoped(metadata, "good", ForeignKeyConstraint(["scheme_id"], ["register.id"]), Index("ix", "scheme_id", "other_id"))
    scoped(metadata, "more", ForeignKeyConstraint(["scheme_id", "other_id"], ["good.scheme_id", "good.id"]))
    metadata.create_all(scratch)
    assert violations(inspect(scratch), metadata) == []


# ---------------------------------------------------------------- the statements for Citus


def dry_run(app: Flask) -> list[str]:
    done = app.test_cli_runner().invoke(commands.group, ["distribute", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert all(line.endswith(";") for line in done.output.splitlines())
    return [line.removesuffix(";") for line in done.output.splitlines()]


def taken(statements: list[str]) -> dict[str, str]:
    """Table → how Citus takes it, in the order of the statements."""
    found = [re.match(r"SELECT create_(reference|distributed)_table\('(\w+)'", line) for line in statements]
    pairs = [(match[2], match[1]) for match in found if match]
    assert len(dict(pairs)) == len(pairs), "a table stands there twice"
    return dict(pairs)


def test_every_table_is_taken_once_and_after_all_it_points_at(app: Flask, context: Flask) -> None:
    order = taken(dry_run(app))
    seen = inspect(db.engine)
    assert set(order) == set(seen.get_table_names()) - {"alembic_version"}
    place = {table: n for n, table in enumerate(order)}
    dropped = {"fk_sign_ins_scheme_id_person_id"}
    for table in order:
        for key in seen.get_foreign_keys(table):
            if key["name"] not in dropped and key["referred_table"] != table:
                assert place[key["referred_table"]] < place[table], f"{table} before {key['referred_table']}"


def test_all_that_is_cut_is_cut_by_the_scheme_into_one_group(app: Flask, context: Flask) -> None:
    statements = dry_run(app)
    cut = [line for line in statements if "create_distributed_table" in line]
    first, *others = cut
    lead = re.fullmatch(r"SELECT create_distributed_table\('(\w+)', 'scheme_id', colocate_with => 'none'\)", first)
    assert lead
    shape = rf"SELECT create_distributed_table\('\w+', 'scheme_id', colocate_with => '{lead[1]}'\)"
    assert all(re.fullmatch(shape, line) for line in others)
    how = taken(statements)
    assert {table for table, kind in how.items() if kind == "reference"} == {"schemes", "sign_ins", "throttles"}


def test_what_citus_takes_for_a_cut_table_holds_in_the_live_database(context: Flask) -> None:
    """The distribution column is in every unique key, of one type, never null; foreign keys meet it place by place."""
    seen = inspect(db.engine)
    for table in set(seen.get_table_names()) - directory_in(db.Model.metadata):
        column = next(each for each in seen.get_columns(table) if each["name"] == "scheme_id")
        assert isinstance(column["type"], BigInteger) and not column["nullable"]
        unique = [index["column_names"] for index in seen.get_indexes(table) if index["unique"]]
        for columns in (seen.get_pk_constraint(table)["constrained_columns"], *unique):
            assert "scheme_id" in columns, table
        for key in seen.get_foreign_keys(table):
            there = dict(zip(key["constrained_columns"], key["referred_columns"], strict=True))
            assert there["scheme_id"] == ("id" if key["referred_table"] == "schemes" else "scheme_id"), key["name"]


def test_triggers_and_keys_that_citus_cannot_have_go_first(app: Flask, context: Flask) -> None:
    statements = dry_run(app)
    first_taken = next(n for n, line in enumerate(statements) if "SELECT create_" in line)
    before, after = statements[:first_taken], statements[first_taken:]
    assert all(line.startswith(("DROP TRIGGER", "ALTER TABLE")) for line in before)
    assert all(line.startswith("SELECT create_") for line in after)
    assert "ALTER TABLE sign_ins DROP CONSTRAINT IF EXISTS fk_sign_ins_scheme_id_person_id" in before
    if db.engine.dialect.name == "postgresql":
        live = db.session.execute(
            text("SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
        ).all()
        assert len(live) > 9
        assert {f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, table in live} <= set(before)


def test_the_server_functions_go_last_with_the_signatures_that_are_there(app: Flask, context: Flask) -> None:
    printed = [line for line in dry_run(app) if "create_distributed_function" in line]
    assert printed == dry_run(app)[-len(printed) :]
    shape = (
        r"SELECT create_distributed_function\('(\w+)\((bigint, [^)]*)\)', 'scheme', colocate_with => 'accounts', "
        r"force_delegation => true\)"
    )
    found = {match[1]: match[2] for line in printed if (match := re.fullmatch(shape, line))}
    assert len(found) == len(printed) and "points_post" in found
    if db.engine.dialect.name == "postgresql":
        there = db.session.execute(
            text(
                "SELECT proname, proargnames[1], proargtypes[0]::regtype::text FROM pg_proc "
                "WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype "
                "AND provolatile = 'v'"  # what a constraint asks goes with its table
            )
        ).all()
        assert {name for name, *_ in there} == set(found), "a server function has no scheme in front"
        assert {tuple(first) for _, *first in there} == {("scheme", "bigint")}
        for name, arguments in found.items():
            exact = text("SELECT to_regprocedure(:f) IS NOT NULL")
            assert db.session.execute(exact, {"f": f"{name}({arguments})"}).scalar(), f"{name}({arguments})"


@pytest.mark.postgresql
def test_without_a_server_the_same_statements_come_from_the_metadata(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """On SQLite they are what PostgreSQL would get: only a type may be spelt otherwise."""
    printed = {}
    for engine in ENGINES:
        (where := tmp_path / engine).mkdir()
        app = make_app(fresh_database(engine, request, where), where)
        with app.app_context():
            printed[engine] = dry_run(app)
            db.session.rollback()
            db.engine.dispose()
    here, there = ([line.replace("timestamptz", "timestamp with time zone") for line in printed[e]] for e in ENGINES)
    assert sorted(here) == sorted(there)
    assert [line for line in here if "create_" in line] == [line for line in there if "create_" in line]


def test_the_statements_follow_the_schema() -> None:
    """Nothing is a fixed text: a table that appears is taken, in its place."""
    metadata = MetaData()
    Table("register", metadata, Column("id", BigInteger, primary_key=True), **DIRECTORY)
    scoped(metadata, "later", ForeignKeyConstraint(["scheme_id", "other_id"], ["sooner.scheme_id", "sooner.id"]))
    scoped(metadata, "sooner", ForeignKeyConstraint(["scheme_id"], ["register.id"]))
    assert distribution.statements({"f": "f(bigint)"}, metadata) == [
        "SELECT create_reference_table('register')",
        "SELECT create_distributed_table('sooner', 'scheme_id', colocate_with => 'none')",
        "SELECT create_distributed_table('later', 'scheme_id', colocate_with => 'sooner')",
        "SELECT create_distributed_function('f(bigint)', 'scheme', colocate_with => 'accounts', "
        "force_delegation => true)",
    ]


def test_tables_that_point_in_a_circle_are_refused() -> None:
    metadata = MetaData()
    scoped(metadata, "a", ForeignKeyConstraint(["scheme_id", "other_id"], ["b.scheme_id", "b.id"]))
    scoped(metadata, "b", ForeignKeyConstraint(["scheme_id", "other_id"], ["a.scheme_id", "a.id"]))
    with pytest.raises(CircularDependencyError):
        distribution.statements({"f": "f(bigint)"}, metadata)


# ---------------------------------------------------------------- running them


def test_without_citus_nothing_is_run(app: Flask, context: Flask) -> None:
    done = app.test_cli_runner().invoke(commands.group, ["distribute"])
    assert done.exit_code == 1
    assert ("no Citus extension" if db.engine.dialect.name == "postgresql" else "This is SQLite") in done.output
    assert violations(inspect(db.engine)) == []


@pytest.mark.postgresql
def test_a_schema_that_breaks_the_contract_is_refused(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    app = make_app(fresh_database("postgresql", request, tmp_path), tmp_path)
    with app.app_context():
        with as_owner() as connection:
            connection.exec_driver_sql("CREATE INDEX ix_late ON people (name)")
        done = app.test_cli_runner().invoke(commands.group, ["distribute", "--dry-run"])
        assert done.exit_code == 1
        assert "people: index ix_late does not begin with it" in done.output
        db.engine.dispose()


@pytest.mark.postgresql
def test_the_statements_run_in_order_and_a_run_that_was_cut_off_goes_on(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Citus cannot be installed here. Functions of its names stand in: they note the call and refuse what Citus refuses
    (a table with triggers, one whose foreign keys lead to tables not yet taken)."""
    app = make_app(fresh_database("postgresql", request, tmp_path), tmp_path)
    monkeypatch.setattr(distribution, "has_citus", lambda connection: True)
    with app.app_context():
        with as_owner() as connection:
            connection.exec_driver_sql(STAND_IN)
            connection.exec_driver_sql("INSERT INTO broken VALUES ('shops')")
        monkeypatch.setattr(distribution, "already_taken", lambda c: set(c.execute(text(TAKEN)).scalars()))
        monkeypatch.setattr(commands, "violations", lambda seen: [])  # the stand-in's own tables have no schemes
        cut_off = app.test_cli_runner().invoke(commands.group, ["distribute"])
        assert "the machine is gone" in str(cut_off.exception)
        with as_owner() as connection:
            halfway = set(connection.execute(text(TAKEN)).scalars())
            connection.exec_driver_sql("DELETE FROM broken")
        assert "schemes" in halfway and "postings" not in halfway
        done = app.test_cli_runner().invoke(commands.group, ["distribute"])
        assert done.exit_code == 0, (done.output, done.exception)
        assert not any(f"create_distributed_table('{table}'" in done.output for table in halfway)
        with as_owner() as connection:
            assert set(connection.execute(text(TAKEN)).scalars()) == {
                *db.Model.metadata.tables,
                *distribution.live_functions(connection),
            }
            assert connection.execute(text("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")).scalar() == 0
        again = app.test_cli_runner().invoke(commands.group, ["distribute"])
        assert again.exit_code == 0 and "create_" not in again.output
        db.engine.dispose()


TAKEN = "SELECT name FROM taken"
STAND_IN = """
CREATE TABLE taken (name text PRIMARY KEY, kind text);
CREATE TABLE broken (name text);
CREATE FUNCTION take(what regclass, how text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM broken WHERE name = what::text) THEN
        RAISE EXCEPTION 'the machine is gone';
    END IF;
    IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = what AND NOT tgisinternal) THEN
        RAISE EXCEPTION 'cannot distribute relation "%%" because it has triggers', what;
    END IF;
    IF EXISTS (
        SELECT 1 FROM pg_constraint c LEFT JOIN taken t ON t.name = c.confrelid::regclass::text
        WHERE c.contype = 'f' AND c.conrelid = what AND c.confrelid <> what
            AND (t.name IS NULL OR how = 'reference' AND t.kind <> 'reference')
    ) THEN
        RAISE EXCEPTION 'cannot create foreign key constraint: referenced table of "%%" is not taken', what;
    END IF;
    INSERT INTO taken VALUES (what::text, how);
END $$;
CREATE FUNCTION create_reference_table(what regclass) RETURNS void LANGUAGE sql AS
    $$ SELECT take(what, 'reference') $$;
CREATE FUNCTION create_distributed_table(what regclass, by text, colocate_with text) RETURNS void LANGUAGE sql AS
    $$ SELECT take(what, 'distributed') WHERE EXISTS (
        SELECT 1 FROM pg_attribute WHERE attrelid = what AND attname = by AND atttypid = 'bigint'::regtype) $$;
CREATE FUNCTION create_distributed_function(what regprocedure, by text, colocate_with text, force_delegation boolean)
    RETURNS void LANGUAGE sql AS $$ INSERT INTO taken SELECT proname, by FROM pg_proc WHERE oid = what $$;
"""
