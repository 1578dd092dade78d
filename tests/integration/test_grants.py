"""What the application's role on PostgreSQL may not do, whatever the application is made to send."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from points import create_app
from points.database import grants
from points.database.roles import Login, Refused, connected, make_roles
from points.db import changing_in, db, transaction
from tests.conftest import ON_15, POWERS, WORKER, as_owner, as_superuser, fresh_database, make_app
from tests.factories import Books

pytestmark = pytest.mark.postgresql
RUNS_ON = ("postgresql", *ON_15)
ROOT = Path(__file__).resolve().parent.parent.parent
OWNER, APP = f"points_owner_{WORKER}", f"points_app_{WORKER}"

create_app(SQLALCHEMY_DATABASE_URI="sqlite://", TESTING=True)  # knows all tables
TABLES = {table.name: table for table in db.Model.metadata.tables.values()}
KEPT = {name: changing for name, table in TABLES.items() if (changing := changing_in(table)) is not None}


def attempt(statement: str, **facts: Any) -> int:
    """As the application's role, which the tests and the application connect as."""
    with transaction():
        assert db.session.execute(text("SELECT current_user, session_user")).one() == (APP, APP)
        return db.session.execute(text(statement), facts).rowcount


def refusal(statement: str, **facts: Any) -> str:
    with pytest.raises(DBAPIError) as refused:
        attempt(statement, **facts)
    state = refused.value.orig.sqlstate
    assert state == "42501", f"{state}: {refused.value}"  # insufficient privilege: not a trigger, not a missing row
    return str(refused.value.orig)


@pytest.fixture
def unguarded(books: Books) -> Books:
    """An award in the books, and no trigger left to refuse anything: the grants stand alone."""
    books.award(books.person(), 50)
    with as_owner() as connection:
        for table in KEPT:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")
    yield books
    with as_owner() as connection:
        for table in KEPT:
            connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER {table}_append_only")


@pytest.mark.parametrize("table", sorted(KEPT))
def test_rows_that_stay_cannot_be_changed_or_deleted_even_without_triggers(unguarded: Books, table: str) -> None:
    for column in TABLES[table].columns:
        if column.name not in KEPT[table]:
            said = refusal(f'UPDATE {table} SET "{column.name}" = "{column.name}"')
            assert f"permission denied for table {table}" in said
    assert "permission denied" in refusal(f"DELETE FROM {table}")
    assert "permission denied" in refusal(f"TRUNCATE {table} CASCADE")
    assert "permission denied" in refusal(
        f"MERGE INTO {table} a USING {table} b ON a.scheme_id = b.scheme_id WHEN MATCHED THEN DELETE"
    )


def test_the_attack_would_work_as_the_owner_without_triggers(unguarded: Books) -> None:
    """Otherwise the test above would prove nothing."""
    with as_owner() as connection:
        changed = connection.execute(
            text("UPDATE transfers SET kind = kind WHERE scheme_id = :s"), {"s": unguarded.scheme_id}
        )
        assert changed.rowcount == 1


def test_an_account_changes_in_its_counters_and_bounds_only(books: Books) -> None:
    books.award(books.person(), 50)
    where = "WHERE scheme_id = :s AND class = 'wallet'"
    for column in ("balance", "held", "seq", "floor", "ceiling"):
        assert attempt(f"UPDATE accounts SET {column} = {column} {where}", s=books.scheme_id) == 1
    for column in ("holder_id", "unit_id", "class", "mark", "stripe", "scheme_id", "id"):
        refusal(f"UPDATE accounts SET {column} = {column} {where}", s=books.scheme_id)
    upsert = "INSERT INTO accounts SELECT * FROM accounts ON CONFLICT (scheme_id, id) DO UPDATE SET mark = 'x'"
    refusal(upsert)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE transfers DISABLE TRIGGER ALL",
        "ALTER TABLE transfers DISABLE TRIGGER transfers_append_only",
        "DROP TRIGGER transfers_append_only ON transfers",
        "CREATE TRIGGER mine BEFORE INSERT ON transfers FOR EACH STATEMENT EXECUTE FUNCTION points_append_only()",
        "SET LOCAL session_replication_role = replica",
        "ALTER TABLE accounts DROP CONSTRAINT ck_accounts_bounds",
        "ALTER TABLE accounts ADD COLUMN mine integer",
        "ALTER TABLE postings DISABLE ROW LEVEL SECURITY",
        "CREATE RULE mine AS ON INSERT TO postings DO INSTEAD NOTHING",
        "DROP TABLE traces",
        "DROP INDEX ix_transfers_scheme_id_recorded_at_id",
        "CREATE INDEX mine ON transfers (scheme_id)",
        "CREATE TABLE mine (a integer)",
        "CREATE TEMPORARY TABLE transfers (a integer)",
        "CREATE SCHEMA mine",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION points_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DROP FUNCTION points_zero_sums() CASCADE",
        "ALTER FUNCTION points_append_only() RENAME TO harmless",
        "CREATE EXTENSION pg_trgm",
        "CREATE ROLE mine",
        "ALTER ROLE {app} SUPERUSER",
        "ALTER ROLE {owner} PASSWORD 'mine'",
        "GRANT {owner} TO {app}",
        "SET LOCAL ROLE {owner}",
        "SET LOCAL ROLE postgres",
        "UPDATE alembic_version SET version_num = '0001'",
        "DELETE FROM alembic_version",
        "INSERT INTO alembic_version VALUES ('0001')",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_shadow",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('.')",
        "SELECT pg_reload_conf()",
        "SELECT lo_import('/etc/passwd')",
        "COPY traces TO '/tmp/traces'",
        "COPY traces FROM PROGRAM 'id'",
        "LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_the_application_alters_nothing_and_reads_no_secret(books: Books, statement: str) -> None:
    refusal(statement.format(app=APP, owner=OWNER))


def test_what_it_grants_is_not_its_own_to_give(books: Books) -> None:
    """PostgreSQL answers a GRANT of what one may not grant with a warning: nothing comes of it."""
    with as_superuser() as connection:
        before = acl(connection)
    with transaction():
        db.session.execute(text("GRANT ALL ON transfers TO PUBLIC"))
    with as_superuser() as connection:
        assert acl(connection) == before


def acl(connection: Any) -> str:
    return str(connection.execute(text("SELECT relacl::text FROM pg_class WHERE relname = 'transfers'")).scalar())


def test_the_application_cannot_enter_another_installation_of_the_server(
    app: Flask, context: Flask, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Another database with owner and application of its own: its application's role is a stranger here."""
    base = make_url(POWERS[app.config["SQLALCHEMY_DATABASE_URI"]][1])
    there = Login(f"there_owner_{WORKER}", "t"), Login(f"there_app_{WORKER}", "t")
    name = f"there_{base.database}"
    made = make_roles(base.render_as_string(False), name, *there)
    try:
        here = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
        for user, database in ((here, name), (made.app_url.set(drivername="postgresql+psycopg"), here.database)):
            stranger = connected(user.set(database=database))
            with pytest.raises(OperationalError, match="permission denied for database"), stranger as connection:
                connection.execute(text("SELECT 1"))
    finally:
        with connected(base, isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}"')
            for login in there:
                connection.exec_driver_sql(f'DROP ROLE "{login.name}"')


# ---------------------------------------------------------------- what it may


def rights(table: str) -> set[str]:
    may = text("SELECT has_table_privilege(:app, :table, :verb)")
    with as_owner() as connection:
        verbs = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
        return {verb for verb in verbs if connection.execute(may, {"app": APP, "table": table, "verb": verb}).scalar()}


def test_every_table_has_the_rights_of_its_mark_and_no_others(context: Flask) -> None:
    with as_owner() as connection:
        there = set(
            connection.execute(
                text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
            ).scalars()
        )
    assert there == {*TABLES, "alembic_version"}
    for table in there:
        if table == "alembic_version":
            assert rights(table) == {"SELECT"}
        elif table in KEPT:
            assert rights(table) == {"SELECT", "INSERT"}, table
        else:
            assert rights(table) == {"SELECT", "INSERT", "UPDATE", "DELETE"}, table


def test_the_server_function_works_with_the_callers_rights(context: Flask) -> None:
    """Run with its owner's rights it would be a way around the grants."""
    with as_owner() as connection:
        functions = connection.execute(
            text(
                "SELECT proname, prosecdef, has_function_privilege(:app, oid, 'EXECUTE'), proacl::text FROM pg_proc "
                "WHERE pronamespace = 'public'::regnamespace"
            ),
            {"app": APP},
        ).all()
    assert {name: may for name, _, may, _ in functions}["points_post"]
    for name, as_its_owner, may, acl in functions:
        assert not as_its_owner, name
        assert may is (name not in ("points_append_only", "points_zero_sums")), name
        assert "{=X" not in acl and ",=X" not in acl, f"{name} is open to everybody"


def test_the_page_for_operators_says_what_is_granted() -> None:
    page = (ROOT / "docs" / "postgresql.md").read_text()
    only_added = re.search(r"\| append-only: (.*?) \| yes \| yes \| \| \|", page)
    changing = dict(re.findall(r"\| `(\w+)` \| yes \| yes \| (`[^|]*`) \| \|", page))
    assert only_added
    assert re.findall(r"`(\w+)`", only_added[1]) == sorted(name for name in KEPT if not KEPT[name])
    assert {name: tuple(re.findall(r"`(\w+)`", columns)) for name, columns in changing.items()} == {
        name: columns for name, columns in KEPT.items() if columns
    }


# ---------------------------------------------------------------- migrations


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Flask:
    """An application with a database of its own."""
    app = make_app(fresh_database("postgresql", request, tmp_path), tmp_path)
    with app.app_context():
        yield app
        db.session.rollback()
        db.engine.dispose()


def test_after_every_migration_up_and_down_the_grants_are_right(own: Flask) -> None:
    for revision in ("0001", "0002", "0003", "head"):
        (downgrade if revision == "0001" else upgrade)(revision=revision)
        with as_owner() as connection:
            there = set(
                connection.execute(
                    text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
                ).scalars()
            )
        assert ("holds" in there) is (revision in ("0003", "head"))
        for table in there & set(KEPT):
            assert rights(table) == {"SELECT", "INSERT"}, (revision, table)
        assert rights("people") == {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_a_table_of_a_later_migration_is_readable_and_no_more_until_a_model_knows_it(own: Flask) -> None:
    with as_owner() as connection:
        connection.exec_driver_sql("CREATE TABLE later (scheme_id bigint PRIMARY KEY)")
        connection.exec_driver_sql("CREATE FUNCTION later() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    assert rights("later") == {"SELECT", "INSERT"}  # by the default grants
    assert refusal("SELECT later()")
    with as_owner() as connection:
        grants.renew(connection)
    assert rights("later") == {"SELECT"}
    assert attempt("SELECT later()") == 1


def test_rights_somebody_added_by_hand_are_gone_after_the_next_migration(own: Flask) -> None:
    with as_owner() as connection:
        connection.exec_driver_sql(f"GRANT ALL ON transfers TO {APP}")
        connection.exec_driver_sql(f"GRANT UPDATE (amount) ON postings TO {APP}")
        connection.exec_driver_sql("GRANT DELETE ON postings TO PUBLIC")
    assert rights("transfers") > {"SELECT", "INSERT"}
    downgrade(revision="-1")
    upgrade(revision="head")
    assert rights("transfers") == rights("postings") == {"SELECT", "INSERT"}
    assert refusal("UPDATE postings SET amount = amount")


def test_the_application_cannot_migrate(own: Flask, caplog: pytest.LogCaptureFixture) -> None:
    owner, own.config["OWNER_URL"] = own.config["OWNER_URL"], own.config["SQLALCHEMY_DATABASE_URI"]
    upgrade(revision="head")  # where there is nothing to do it may look: ``./run`` does so at every start
    own.config["OWNER_URL"] = owner
    downgrade(revision="-1")
    own.config["OWNER_URL"] = own.config["SQLALCHEMY_DATABASE_URI"]
    with pytest.raises(SystemExit):
        upgrade(revision="head")
    assert "may not change the schema: set POINTS_OWNER_URL" in caplog.text
    assert refusal("DROP TABLE traces")


# ---------------------------------------------------------------- the command


def run(app: Flask, *arguments: str, **env: str) -> Any:
    from points.database import commands

    return app.test_cli_runner().invoke(commands.group, ["roles", *arguments], env=env)


@pytest.fixture
def admin(app: Flask) -> str:
    return make_url(POWERS[app.config["SQLALCHEMY_DATABASE_URI"]][1]).render_as_string(False)


@pytest.fixture
def names(admin: str) -> tuple[str, str, str]:
    """Owner, application and database that the command is to make."""
    made = (f"made_owner_{WORKER}", f"made_app_{WORKER}", f"made_{WORKER}")
    yield made
    with connected(make_url(admin), isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{made[2]}" WITH (FORCE)')
        for role in (*made[:2], f"made_admin_{WORKER}"):
            connection.exec_driver_sql(f'DROP ROLE IF EXISTS "{role}"')


def printed(output: str) -> dict[str, str]:
    return dict(
        line.split("=", 1) for line in output.splitlines() if line.startswith(("POINTS_OWNER_URL=", "DATABASE"))
    )


def test_the_command_makes_roles_and_prints_new_passwords_once(
    app: Flask, admin: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    owner, application, database = names
    options = ("--owner", owner, "--app", application, "--database", database)
    first = run(app, *options, POINTS_ADMIN_URL=admin)
    assert first.exit_code == 0, first.output
    urls = printed(first.output)
    passwords = {name: make_url(url).password for name, url in urls.items()}
    assert all(password and len(password) >= 32 for password in passwords.values())
    assert len(set(passwords.values())) == 2

    made = create_app(
        SQLALCHEMY_DATABASE_URI=urls["DATABASE_URL"].replace("://", "+psycopg://"),
        OWNER_URL=urls["POINTS_OWNER_URL"].replace("://", "+psycopg://"),
        TESTING=True,
        SECRET_KEY="test" * 16,
    )
    with made.app_context():
        upgrade(revision="head")
        assert db.session.execute(text("SELECT current_user")).scalar() == application
        assert db.session.execute(text("SELECT count(*) FROM transfers")).scalar() == 0
        with pytest.raises(DBAPIError, match="permission denied for table transfers"), transaction():
            db.session.execute(text("DELETE FROM transfers"))
        db.engine.dispose()

    again = run(app, *options, POINTS_ADMIN_URL=admin)
    assert again.exit_code == 0, again.output
    assert not [password for password in passwords.values() if password in again.output]
    assert make_url(printed(again.output)["DATABASE_URL"]).password is None

    given = run(app, *options, POINTS_ADMIN_URL=admin, POINTS_APP_PASSWORD="chosen by hand")
    assert make_url(printed(given.output)["DATABASE_URL"]).password == "chosen by hand"
    with connected(make_url(admin)) as connection:
        stored = connection.execute(
            text("SELECT rolpassword FROM pg_authid WHERE rolname = :n"), {"n": application}
        ).scalar()
    assert stored.startswith("SCRAM-SHA-256$")


def test_an_installation_with_one_role_is_taken_over(
    app: Flask, admin: str, names: tuple[str, str, str], tmp_path: Path
) -> None:
    """As docs/postgresql.md had it: one role that owns everything, and becomes the application's."""
    owner, application, database = names
    with connected(make_url(admin), isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'CREATE ROLE "{application}" LOGIN')
        connection.exec_driver_sql(
            f'CREATE DATABASE "{database}" OWNER "{application}" TEMPLATE template0 ENCODING UTF8'
        )
    url = make_url(admin).set(username=application, database=database)
    former = make_app(url.render_as_string(False), tmp_path)
    with former.app_context():
        db.engine.dispose()
    done = run(app, "--owner", owner, "--app", application, "--database", database, POINTS_ADMIN_URL=admin)
    assert done.exit_code == 0, done.output
    with connected(url) as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.exec_driver_sql("DELETE FROM transfers")
    with connected(url) as connection, pytest.raises(DBAPIError, match="must be owner"):
        connection.exec_driver_sql("DROP FUNCTION points_append_only() CASCADE")
    with connected(url) as connection:
        connection.exec_driver_sql("DELETE FROM throttles")
        assert (
            connection.execute(text("SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole")).scalar()
            == 0
        )


def test_an_administrator_need_not_be_a_superuser(app: Flask, admin: str, names: tuple[str, str, str]) -> None:
    """A hosted server gives none away: it is enough to be allowed to create roles and databases."""
    owner, application, database = names
    with connected(make_url(admin)) as connection:
        connection.exec_driver_sql(f"CREATE ROLE made_admin_{WORKER} LOGIN CREATEROLE CREATEDB PASSWORD 'a'")
    lesser = make_url(admin).set(username=f"made_admin_{WORKER}", password="a", database="postgres")
    for _ in range(2):
        done = run(
            app,
            "--owner",
            owner,
            "--app",
            application,
            "--database",
            database,
            POINTS_ADMIN_URL=lesser.render_as_string(False),
        )
        assert done.exit_code == 0, (done.output, done.exception)
    url = make_url(admin).set(username=application, database=database)
    with connected(url) as connection, pytest.raises(DBAPIError, match="permission denied for schema public"):
        connection.exec_driver_sql("CREATE TABLE mine (a integer)")


def test_roles_that_would_protect_nothing_are_refused(app: Flask, admin: str, names: tuple[str, str, str]) -> None:
    owner, application, database = names
    superuser = run(app, "--app", "postgres", "--owner", owner, "--database", database, POINTS_ADMIN_URL=admin)
    assert superuser.exit_code == 1 and "postgres is a superuser" in superuser.output
    same = run(app, "--app", owner, "--owner", owner, "--database", database, POINTS_ADMIN_URL=admin)
    assert same.exit_code == 1 and "two roles" in same.output
    with connected(make_url(admin)) as connection:
        connection.exec_driver_sql(f"CREATE ROLE {owner}")
        connection.exec_driver_sql(f"CREATE ROLE {application} IN ROLE {owner}")
    member = run(app, "--app", application, "--owner", owner, "--database", database, POINTS_ADMIN_URL=admin)
    assert member.exit_code == 1 and f"{application} is a member of {owner}" in member.output
    with pytest.raises(Refused):
        make_roles(admin, database, Login(owner), Login(application))


def test_the_command_needs_an_administrator(app: Flask) -> None:
    assert run(app, POINTS_ADMIN_URL="").exit_code == 2


def test_the_password_never_reaches_the_servers_log(app: Flask, admin: str, names: tuple[str, str, str]) -> None:
    """It is hashed by the client: what is sent is what will be stored."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def spy(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        sent.append(f"{query}{args}")
        return execute(self, query, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", spy)
        make_roles(admin, names[2], Login(names[0], "open sesame"), Login(names[1], "sim sala bim"))
    assert [one for one in sent if "SCRAM-SHA-256$" in one]
    assert not [one for one in sent if "open sesame" in one or "sim sala bim" in one]
