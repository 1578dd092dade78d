"""What is written once stays: triggers refuse to change or delete it, and re-check that transfers sum to zero.

They are nets for whoever reaches the tables past the application; the kernel is right without them, and the audit
notices what got through. A later table rebuild on SQLite drops its triggers: tests attack every table after all
migrations.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("transfers", "postings", "reviews", "traces")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            refuse_on_sqlite(table, "UPDATE")
            refuse_on_sqlite(table, "DELETE")
        refuse_on_sqlite("accounts", "DELETE")
        return
    op.execute(
        """
        CREATE FUNCTION points_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: no %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in APPEND_ONLY:
        refuse_on_postgresql(table, "UPDATE OR DELETE OR TRUNCATE")
    refuse_on_postgresql("accounts", "DELETE OR TRUNCATE")
    op.execute(
        """
        CREATE FUNCTION points_zero_sums() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE bad record;
        BEGIN
            SELECT p.transfer_id, a.unit_id INTO bad
            FROM added p JOIN accounts a ON a.scheme_id = p.scheme_id AND a.id = p.account_id
            GROUP BY p.scheme_id, p.transfer_id, a.unit_id HAVING SUM(p.amount) <> 0 LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'transfer % does not sum to zero in unit %', bad.transfer_id, bad.unit_id
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER postings_zero_sums AFTER INSERT ON postings REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION points_zero_sums()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_no_update")
            op.execute(f"DROP TRIGGER {table}_no_delete")
        op.execute("DROP TRIGGER accounts_no_delete")
        return
    op.execute("DROP TRIGGER postings_zero_sums ON postings")
    for table in (*APPEND_ONLY, "accounts"):
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.execute("DROP FUNCTION points_zero_sums()")
    op.execute("DROP FUNCTION points_append_only()")


def refuse_on_sqlite(table: str, verb: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: no {verb}'); END"
    )


def refuse_on_postgresql(table: str, verbs: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE {verbs} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION points_append_only()"
    )
