"""What the application's role may do in each table, read from the marks at the tables (``db.kept``).

The owner owns the tables and runs migrations. The application reads and adds everywhere; in a table whose rows stay it
changes the columns that are named there and no others, and deletes nothing; elsewhere it changes and deletes rows. It
truncates, creates, alters and disables nothing. Alembic's own table it only reads.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, MetaData, Table, text
from sqlalchemy.dialects import postgresql

from ..db import Model, changing_in

_prepare = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]


def quoted(name: str) -> str:
    return _prepare.quote_identifier(name)


def rights_in(table: Table | None, there: Collection[str]) -> list[str]:
    """The privileges of the application's role in a table.

    table  None: no model knows it
    there  its columns in the database, which may be behind the models
    """
    if table is None:
        return ["SELECT"]
    changing = changing_in(table)
    if changing is None:
        return ["SELECT", "INSERT", "UPDATE", "DELETE"]
    columns = ", ".join(quoted(column) for column in changing if column in there)
    return ["SELECT", "INSERT", *([f"UPDATE ({columns})"] if columns else [])]


def default_grants(owner: str, app: str) -> list[str]:
    """For what later migrations create: a table is readable at once, and gets its full rights by ``grant_all``."""
    owners = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(owner)}"
    return [
        f"{owners} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        f"{owners} IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO {quoted(app)}",
    ]


def applications_of(connection: Connection) -> list[str]:
    """The roles for which this connection's role, the owner, has set default grants: the applications' roles."""
    found = connection.execute(
        text(
            "SELECT DISTINCT g.rolname FROM pg_default_acl d, aclexplode(d.defaclacl) a "
            "JOIN pg_roles g ON g.oid = a.grantee "
            "WHERE d.defaclrole = current_user::regrole AND d.defaclnamespace = 'public'::regnamespace "
            "AND d.defaclobjtype = 'r' AND g.rolname <> current_user ORDER BY 1"
        )
    )
    return list(found.scalars())


def grant_all(connection: Connection, app: str, metadata: MetaData = Model.metadata) -> None:
    """Give the application's role exactly its rights in all there is now. Repeating it changes nothing.

    Runs as the owner, in the caller's transaction: nobody sees a moment without grants.
    """
    role = quoted(app)
    relations = connection.execute(
        text(
            "SELECT c.relname, array_agg(a.attname::text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 "
            "AND NOT a.attisdropped AND c.relowner = current_user::regrole GROUP BY c.relname ORDER BY c.relname"
        )
    )
    for name, columns in relations.all():
        connection.exec_driver_sql(f"REVOKE ALL ON TABLE {quoted(name)} FROM PUBLIC, {role}")
        rights = ", ".join(rights_in(metadata.tables.get(name), columns))
        connection.exec_driver_sql(f"GRANT {rights} ON TABLE {quoted(name)} TO {role}")
    functions = connection.execute(
        text(
            "SELECT oid::regprocedure::text, prorettype = 'trigger'::regtype FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace AND proowner = current_user::regrole ORDER BY 1"
        )
    )
    for signature, is_trigger in functions.all():
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC, {role}")
        if not is_trigger:  # those the tables call by themselves
            connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {signature} TO {role}")


def renew(connection: Connection) -> None:
    """After a migration: the rights of every application's role, in the tables as they are now."""
    for app in applications_of(connection):
        grant_all(connection, app)
