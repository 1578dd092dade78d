"""What is decided about a deed may keep its person from redeeming."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BARRED = ("earn", "ranking")


def know_bars(*kinds: str) -> None:
    with op.batch_alter_table("bars", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_bars_what"), type_="check")
        listed = ", ".join(f"'{one}'" for one in kinds)
        batch_op.create_check_constraint(op.f("ck_bars_what"), f"what IN ({listed})")


def upgrade() -> None:
    know_bars(*BARRED, "redeem")


def downgrade() -> None:
    op.execute("DELETE FROM bars WHERE what = 'redeem'")
    know_bars(*BARRED)
