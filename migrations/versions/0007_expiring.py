"""An index to the wallets by their date: what the sweep of points whose date has passed and "expires soon" read.

Neither its columns nor its condition ever change, so that an account's updates stay on their page on PostgreSQL.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    dated = sa.text("class = 'wallet' AND mark <> 'never'")
    op.create_index(
        "ix_accounts_dated",
        "accounts",
        ["scheme_id", "mark", "id"],
        sqlite_where=dated,
        postgresql_where=dated,
    )


def downgrade() -> None:
    op.drop_index("ix_accounts_dated", "accounts")
