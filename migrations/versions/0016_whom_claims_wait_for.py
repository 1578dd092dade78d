"""Claims that wait for others than the place's own desk are found among those that wait: their index begins with the
state, so that neither what was decided nor the many that wait for the desk are looked through."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OTHERS = sa.text("waits_for <> ''")


def indexed(*columns: str) -> None:
    op.drop_index("ix_claims_voters", "claims", sqlite_where=OTHERS, postgresql_where=OTHERS)
    op.create_index("ix_claims_voters", "claims", ["scheme_id", *columns], sqlite_where=OTHERS, postgresql_where=OTHERS)


def upgrade() -> None:
    indexed("state", "made_at", "id", "area_path")


def downgrade() -> None:
    indexed("made_at", "id")
