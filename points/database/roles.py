"""The two roles of an installation on PostgreSQL: the owner migrates, the application may change what it must."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import URL, Connection, create_engine, pool, text
from sqlalchemy.engine import make_url

from ..config import database_url
from .grants import default_grants, grant_all, quoted


class Refused(Exception):
    """The server is not in a state in which the roles would protect anything; the message says why."""


@dataclass(frozen=True)
class Login:
    """A role and its password. No password: an existing role keeps its own, a new one is given a random one."""

    name: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Made:
    """What there is now, with the URLs to connect by: a password stands in them only if it was set just now."""

    owner_url: URL
    app_url: URL
    done: list[str]


def make_roles(admin_url: str, database: str, owner: Login, app: Login) -> Made:
    """Create the roles and the database where they are missing, and put every right in its place. May be repeated.

    admin_url  a superuser, or a role that may create roles and databases
    Raises Refused.
    """
    url = make_url(database_url(admin_url))
    done: list[str] = []
    with connected(url) as connection:
        owner, app = (_role(connection, login, done) for login in (owner, app))
        _check(connection, owner.name, app.name)
        if not _is_superuser(connection, "session_user"):
            connection.exec_driver_sql(f"GRANT {quoted(owner.name)} TO CURRENT_USER")
        exists = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :d"), {"d": database}).scalar()
    if not exists:
        with connected(url, isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(
                f"CREATE DATABASE {quoted(database)} OWNER {quoted(owner.name)} ENCODING 'UTF8' TEMPLATE template0"
            )
        done.append(f"database {database}: created")
    with connected(url.set(database=database)) as connection:
        _own(connection, database, owner.name, done)
        _open(connection, database, owner.name, app.name)
    return Made(_url(url, database, owner), _url(url, database, app), done)


@contextmanager
def connected(url: URL, **options: str) -> Iterator[Connection]:
    """One transaction with a server; committed at the end."""
    engine = create_engine(url, poolclass=pool.NullPool, execution_options={"writing": True}, **options)
    with engine.begin() as connection:
        yield connection


def _url(url: URL, database: str, login: Login) -> URL:
    return URL.create("postgresql", login.name, login.password, url.host, url.port, database, query=url.query)


def _role(connection: Connection, login: Login, done: list[str]) -> Login:
    found = connection.execute(
        text(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = :n"
        ),
        {"n": login.name},
    ).one_or_none()
    if found and any(found):
        raise Refused(f"{login.name} is a superuser or may do what only an administrator should: take another name")
    if not found:
        connection.exec_driver_sql(f"CREATE ROLE {quoted(login.name)} LOGIN")
        login = Login(login.name, login.password or secrets.token_urlsafe(24))
    done.append(f"role {login.name}: {'kept' if found else 'created'}")
    if login.password:
        # Hashed here: the server's log never sees the password itself.
        driver = connection.connection.dbapi_connection.pgconn  # type: ignore[union-attr]
        hashed = driver.encrypt_password(login.password.encode(), login.name.encode(), b"scram-sha-256").decode()
        connection.exec_driver_sql(f"ALTER ROLE {quoted(login.name)} LOGIN PASSWORD '{hashed}'")
        done.append(f"role {login.name}: password set")
    return login


def _is_superuser(connection: Connection, who: str) -> bool:
    return bool(connection.execute(text(f"SELECT rolsuper FROM pg_roles WHERE rolname = {who}")).scalar())  # noqa: S608  ours


def _check(connection: Connection, owner: str, app: str) -> None:
    if owner == app:
        raise Refused("the owner and the application must be two roles")
    stronger = connection.execute(
        text(
            "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid "
            "JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = :app"
        ),
        {"app": app},
    ).scalars()
    if names := sorted(stronger):
        raise Refused(f"{app} is a member of {', '.join(names)} and would have those rights too: revoke that first")


def _own(connection: Connection, database: str, owner: str, done: list[str]) -> None:
    """Hand over whatever another role made (an installation that had only one role until now)."""
    connection.exec_driver_sql(f"ALTER DATABASE {quoted(database)} OWNER TO {quoted(owner)}")
    connection.exec_driver_sql(f"ALTER SCHEMA public OWNER TO {quoted(owner)}")
    foreign = connection.execute(
        text(
            """
            SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                ELSE 'TABLE' END, c.oid::regclass::text
            FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
                AND c.relowner <> to_regrole(:owner) AND NOT EXISTS (
                    SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                        AND d.deptype IN ('e', 'a', 'i'))
            UNION ALL
            SELECT 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> to_regrole(:owner) AND NOT EXISTS (
                SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
            """
        ),
        {"owner": quoted(owner)},
    ).all()
    for kind, name in foreign:
        connection.exec_driver_sql(f"ALTER {kind} {name} OWNER TO {quoted(owner)}")
    if foreign:
        done.append(f"{len(foreign)} tables and functions: handed to {owner}")


def _open(connection: Connection, database: str, owner: str, app: str) -> None:
    """The doors: who may enter the database and its schema; then, as the owner, what may be done inside."""
    connection.exec_driver_sql(f"SET LOCAL ROLE {quoted(owner)}")
    for statement in (
        # With TEMPORARY anybody could make tables; with CREATE (as before PostgreSQL 15) lasting ones.
        f"REVOKE ALL ON DATABASE {quoted(database)} FROM PUBLIC, {quoted(app)}",
        f"GRANT CONNECT ON DATABASE {quoted(database)} TO {quoted(app)}",
        f"REVOKE ALL ON SCHEMA public FROM PUBLIC, {quoted(app)}",
        f"GRANT USAGE ON SCHEMA public TO {quoted(app)}",
        *default_grants(owner, app),
    ):
        connection.exec_driver_sql(statement)
    grant_all(connection, app)
