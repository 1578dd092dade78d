"""Holds, partial reversals, budgets: what the whole ledger needs beside its first tables.

The bounds of an account become one constraint (each one costs every update its reading), transfers lose their foreign
key to the one row of their scheme (all writers would share-lock it), codes that are sorted are sorted alike everywhere.
Reversals recorded so far were whole ones: they become part 1, and their lines learn which line they undo.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BOUNDS = (
    "(balance - held >= COALESCE(floor, -9007199254740992) OR class = 'issuance') "
    "AND balance BETWEEN -9007199254740992 AND COALESCE(ceiling, 9007199254740992) AND held >= 0"
)
FORMER = {
    "balance": "balance BETWEEN -9007199254740992 AND 9007199254740992",
    "ceiling": "ceiling IS NULL OR balance <= ceiling",
    "class": "class IN ('wallet', 'shelf', 'takings', 'issuance', 'supply', 'given_out', 'waste', 'expired', "
    "'opening')",
    "floor": "floor IS NULL OR balance - held >= floor",
    "held": "held >= 0",
    "seq": "seq >= 0",
}
AMOUNT = "amount <> 0 AND amount BETWEEN -1000000000000 AND 1000000000000"
ADDED = ("holds", "hold_lines", "hold_resolutions")
REBUILT = ("accounts", "transfers")  # on SQLite a rebuilt table loses its triggers


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    with append_only_lifted(is_sqlite):
        with op.batch_alter_table("accounts") as accounts:
            for name in FORMER:
                accounts.drop_constraint(op.f(f"ck_accounts_{name}"), type_="check")
            accounts.create_check_constraint(op.f("ck_accounts_bounds"), BOUNDS)
            for column, former in (("class", 12), ("mark", 40)):
                word = sa.String(40) if is_sqlite else sa.String(40, collation="C")
                accounts.alter_column(column, existing_type=sa.String(former), type_=word, existing_nullable=False)
        op.add_column("transfers", sa.Column("part", sa.BigInteger(), nullable=True))
        op.add_column("postings", sa.Column("undoes", sa.BigInteger(), nullable=True))
        backfill()
        with op.batch_alter_table("transfers") as transfers:
            transfers.drop_constraint(op.f("uq_transfers_scheme_id_reverses_id"), type_="unique")
            transfers.drop_constraint(op.f("fk_transfers_scheme_id"), type_="foreignkey")
            transfers.create_check_constraint(op.f("ck_transfers_part"), "(reverses_id IS NULL) = (part IS NULL)")
        reverses = sa.text("reverses_id IS NOT NULL")
        op.create_index(
            "uq_transfers_part",
            "transfers",
            ["scheme_id", "reverses_id", "part"],
            unique=True,
            sqlite_where=reverses,
            postgresql_where=reverses,
        )
    create_holds()
    if is_sqlite:
        for table in ADDED:
            refuse_on_sqlite(table, "UPDATE", "DELETE")
        return
    for table in ADDED:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION points_append_only()"
        )
    op.execute("ALTER TABLE accounts SET (fillfactor = 60)")  # room for new versions of a row on its own page


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in reversed(ADDED):
        op.drop_table(table)
    with append_only_lifted(is_sqlite):
        op.drop_index("uq_transfers_part", "transfers")
        with op.batch_alter_table("transfers") as transfers:
            transfers.drop_constraint(op.f("ck_transfers_part"), type_="check")
            transfers.drop_column("part")
            transfers.create_unique_constraint(op.f("uq_transfers_scheme_id_reverses_id"), ["scheme_id", "reverses_id"])
            transfers.create_foreign_key(op.f("fk_transfers_scheme_id"), "schemes", ["scheme_id"], ["id"])
        op.drop_column("postings", "undoes")
        with op.batch_alter_table("accounts") as accounts:
            accounts.drop_constraint(op.f("ck_accounts_bounds"), type_="check")
            for name, law in FORMER.items():
                accounts.create_check_constraint(op.f(f"ck_accounts_{name}"), law)
            for column, former in (("class", 12), ("mark", 40)):
                accounts.alter_column(column, existing_type=sa.String(40), type_=sa.String(former))
    if not is_sqlite:
        op.execute("ALTER TABLE accounts RESET (fillfactor)")


class append_only_lifted:  # noqa: N801  reads as the words it stands for
    """While the migration itself changes rows that are otherwise never changed."""

    def __init__(self, is_sqlite: bool) -> None:
        self.is_sqlite = is_sqlite

    def __enter__(self) -> None:
        if self.is_sqlite:
            for table, verb in (*((t, v) for t in ("transfers", "postings") for v in ("update", "delete")),
                                ("accounts", "delete")):  # fmt: skip
                op.execute(f"DROP TRIGGER {table}_no_{verb}")
        else:
            for table in ("transfers", "postings"):
                op.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")

    def __exit__(self, *failed: object) -> None:
        if failed[0]:
            return
        if self.is_sqlite:
            refuse_on_sqlite("transfers", "UPDATE", "DELETE")
            refuse_on_sqlite("postings", "UPDATE", "DELETE")
            refuse_on_sqlite("accounts", "DELETE")
        else:
            for table in ("transfers", "postings"):
                op.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_append_only")


def refuse_on_sqlite(table: str, *verbs: str) -> None:
    for verb in verbs:
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: no {verb}'); END"
        )


def backfill() -> None:
    op.execute("UPDATE transfers SET part = 1 WHERE reverses_id IS NOT NULL")
    op.execute(
        """
        UPDATE postings SET undoes = (
            SELECT COALESCE(
                MIN(CASE WHEN q.account_id = postings.account_id THEN q.line END),
                MIN(CASE WHEN b.holder_id = a.holder_id AND b.unit_id = a.unit_id AND b.class = a.class
                    THEN q.line END))
            FROM transfers t
            JOIN postings q ON q.scheme_id = t.scheme_id AND q.transfer_id = t.reverses_id
            JOIN accounts a ON a.scheme_id = t.scheme_id AND a.id = postings.account_id
            JOIN accounts b ON b.scheme_id = t.scheme_id AND b.id = q.account_id
            WHERE t.scheme_id = postings.scheme_id AND t.id = postings.transfer_id
        )
        WHERE EXISTS (
            SELECT 1 FROM transfers t WHERE t.scheme_id = postings.scheme_id AND t.id = postings.transfer_id
                AND t.reverses_id IS NOT NULL
        )
        """
    )


def create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("source_kind", sa.String(20), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_holds")),
        sa.UniqueConstraint("scheme_id", "actor_id", "key", name=op.f("uq_holds_scheme_id_actor_id_key")),
    )
    op.create_index(op.f("ix_holds_scheme_id_until_id"), "holds", ["scheme_id", "until", "id"])
    op.create_table(
        "hold_lines",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("hold_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(AMOUNT, name=op.f("ck_hold_lines_amount")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "hold_id"], ["holds.scheme_id", "holds.id"], name=op.f("fk_hold_lines_scheme_id_hold_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "account_id"],
            ["accounts.scheme_id", "accounts.id"],
            name=op.f("fk_hold_lines_scheme_id_account_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "hold_id", "line", name=op.f("pk_hold_lines")),
    )
    op.create_index(op.f("ix_hold_lines_scheme_id_account_id"), "hold_lines", ["scheme_id", "account_id"])
    op.create_table(
        "hold_resolutions",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("hold_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("transfer_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('captured', 'released', 'expired')", name=op.f("ck_hold_resolutions_outcome")),
        sa.CheckConstraint(
            "(outcome = 'captured') = (transfer_id IS NOT NULL)", name=op.f("ck_hold_resolutions_transfer")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "hold_id"],
            ["holds.scheme_id", "holds.id"],
            name=op.f("fk_hold_resolutions_scheme_id_hold_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "transfer_id"],
            ["transfers.scheme_id", "transfers.id"],
            name=op.f("fk_hold_resolutions_scheme_id_transfer_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "hold_id", name=op.f("pk_hold_resolutions")),
    )
    op.create_index(op.f("ix_hold_resolutions_scheme_id_transfer_id"), "hold_resolutions", ["scheme_id", "transfer_id"])
