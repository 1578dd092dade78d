"""The server functions read by index whatever the statistics say (PostgreSQL only).

A plan is kept for as long as a connection lives, and so are those of the foreign keys that a function's writes check.
Made while a table was nearly empty, it reads the table through: in a town's first minutes, until ANALYZE runs by
itself, every redemption read all receipts and servings three times.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

FUNCTIONS = ("points_post", "points_redeem")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in FUNCTIONS:
            op.execute(f"ALTER FUNCTION {name} SET enable_seqscan = off")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in FUNCTIONS:
            op.execute(f"ALTER FUNCTION {name} RESET enable_seqscan")
