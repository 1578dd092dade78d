"""What waits for people of the whole scheme says so in ``waits_for``: ",*officer,*staff,"; their queues find it by that.
A run at a period's end may also be one of what is carried over, and points that can only be donated have a purse;
a place on a notice whose award was taken back says so."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

claims = sa.table(
    "claims",
    sa.column("scheme_id", sa.BigInteger),
    sa.column("id", sa.BigInteger),
    sa.column("state", sa.String),
    sa.column("stage", sa.Integer),
    sa.column("path", sa.JSON),
    sa.column("waits_for", sa.String),
)


RUNS = ("ranking", "grant", "opening", "level", "missed")


def know_runs(*kinds: str) -> None:
    with op.batch_alter_table("period_runs", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_period_runs_kind"), type_="check")
        listed = ", ".join(f"'{one}'" for one in kinds)
        batch_op.create_check_constraint(op.f("ck_period_runs_kind"), f"kind IN ({listed})")


def upgrade() -> None:
    know_runs(*RUNS, "carry")
    op.create_table(
        "purses",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scheme_id", "id"], ["holders.scheme_id", "holders.id"], name=op.f("fk_purses_scheme_id_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"], ["people.scheme_id", "people.id"], name=op.f("fk_purses_scheme_id_person_id")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_purses_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_purses")),
        sa.UniqueConstraint("scheme_id", "person_id", name=op.f("uq_purses_scheme_id_person_id")),
    )
    op.create_table(
        "notice_gaps",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["scheme_id", "notice_id"],
            ["notices.scheme_id", "notices.id"],
            name=op.f("fk_notice_gaps_scheme_id_notice_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "notice_id", "place", name=op.f("pk_notice_gaps")),
    )
    name_whose_turn(lambda stage: ",".join(sorted(f"*{role}" for role in set(stage["by"]))))


def downgrade() -> None:
    op.drop_table("notice_gaps")
    op.drop_table("purses")
    op.execute("DELETE FROM period_runs WHERE kind = 'carry'")
    know_runs(*RUNS)
    desk = {"staff", "officer"}
    name_whose_turn(lambda stage: "" if set(stage["by"]) <= desk else ",".join(sorted(set(stage["by"]))))


def name_whose_turn(roles_of) -> None:
    """Write the roles anew of what waits at a stage of the whole scheme."""
    connection = op.get_bind()
    waiting = connection.execute(
        sa.select(claims.c.scheme_id, claims.c.id, claims.c.stage, claims.c.path)
        .where(claims.c.state.in_(("confirming", "waiting", "returned")))
        .where(sa.cast(claims.c.path, sa.Text).like('%"scheme"%'))
    ).all()
    for row in waiting:
        if row.stage < len(row.path) and row.path[row.stage]["in"] == "scheme":
            roles = roles_of(row.path[row.stage])
            connection.execute(
                claims.update()
                .where(claims.c.scheme_id == row.scheme_id, claims.c.id == row.id)
                .values(waits_for=f",{roles}," if roles else "")
            )
