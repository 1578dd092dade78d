"""A place in a ranking is a holder's: a person's, or a team's."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def of(holder: str, table: str, before: str) -> None:
    """Let rows belong to another kind of holder; the key and the indexes follow its column."""
    for columns in (("scheme_id", before), ("scheme_id", "run_id", "part", "place", before)):
        op.drop_index(f"ix_ranking_rows_{'_'.join(columns)}", "ranking_rows")
    with op.batch_alter_table("ranking_rows", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(f"fk_ranking_rows_scheme_id_{before}"), type_="foreignkey")
        batch_op.alter_column(before, new_column_name=holder)
    with op.batch_alter_table("ranking_rows", schema=None) as batch_op:
        batch_op.create_foreign_key(
            op.f(f"fk_ranking_rows_scheme_id_{holder}"), table, ["scheme_id", holder], ["scheme_id", "id"]
        )
    for columns in (("scheme_id", holder), ("scheme_id", "run_id", "part", "place", holder)):
        op.create_index(f"ix_ranking_rows_{'_'.join(columns)}", "ranking_rows", list(columns))


def upgrade() -> None:
    of("holder_id", "holders", "person_id")


def downgrade() -> None:
    op.execute(
        "DELETE FROM ranking_rows WHERE NOT EXISTS (SELECT 1 FROM people"
        " WHERE people.scheme_id = ranking_rows.scheme_id AND people.id = ranking_rows.holder_id)"
    )
    of("person_id", "people", "holder_id")
