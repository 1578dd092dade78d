"""Seals: a day's transfers as one hash, and which transfer went into which day's. Written once, like what they seal."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ADDED = ("seals", "seal_leaves")


def upgrade() -> None:
    op.create_table(
        "seals",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0 AND count >= 0", name=op.f("ck_seals_number")),
        sa.PrimaryKeyConstraint("scheme_id", "day", name=op.f("pk_seals")),
        sa.UniqueConstraint("scheme_id", "number", name=op.f("uq_seals_scheme_id_number")),
    )
    op.create_table(
        "seal_leaves",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("transfer_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("leaf", sa.String(64), nullable=False),
        sa.Column("prints", sa.Text(), nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_seal_leaves_position")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "day"], ["seals.scheme_id", "seals.day"], name=op.f("fk_seal_leaves_scheme_id_day")
        ),
        sa.PrimaryKeyConstraint("scheme_id", "transfer_id", name=op.f("pk_seal_leaves")),
        sa.UniqueConstraint("scheme_id", "day", "position", name=op.f("uq_seal_leaves_scheme_id_day_position")),
    )
    for table in ADDED:
        if op.get_bind().dialect.name == "sqlite":
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: no {verb}'); END"
                )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION points_append_only()"
            )


def downgrade() -> None:
    for table in reversed(ADDED):
        op.drop_table(table)
