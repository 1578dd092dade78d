"""Two things that every write paid for and no row gains by (decision 0004).

PostgreSQL reads the tree of a CHECK anew for each statement that updates its table; that of an account's bounds took a
seventh of a posting, for each of its accounts. In a function it is read once per connection; it says the same.

A receipt and a serving name their till, whose scheme the directory knows: the scheme's own row need not be locked by
every redemption on top of that.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BOUNDS = (
    "(balance - held >= COALESCE(floor, -9007199254740992) OR class = 'issuance') "
    "AND balance BETWEEN -9007199254740992 AND COALESCE(ceiling, 9007199254740992) AND held >= 0"
)
WITHIN = f"""
CREATE FUNCTION points_within_bounds(balance bigint, held bigint, floor bigint, ceiling bigint, class text)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN {BOUNDS};
END $$
"""
TABLES = ("receipts", "servings")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(WITHIN)
        check("points_within_bounds(balance, held, floor, ceiling, class)")
    for table in TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(op.f(f"fk_{table}_scheme_id"), type_="foreignkey")


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.create_foreign_key(op.f(f"fk_{table}_scheme_id"), "schemes", ["scheme_id"], ["id"])
    if op.get_bind().dialect.name == "postgresql":
        check(BOUNDS)
        op.execute("DROP FUNCTION points_within_bounds")


def check(bounds: str) -> None:
    op.execute("ALTER TABLE accounts DROP CONSTRAINT ck_accounts_bounds")
    op.execute(f"ALTER TABLE accounts ADD CONSTRAINT ck_accounts_bounds CHECK ({bounds})")
