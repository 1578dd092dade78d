"""From claim to credit: review paths, public notice, appeals, imports of deeds, drafts of rulebooks, teams, messages.

Columns that are new in tables with rows have defaults: claims made before have one stage of review and no notice.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

FORMER_STATES = ("waiting", "returned", "approved", "rejected", "withdrawn", "reversed")
STATES = (*FORMER_STATES, "confirming", "on_notice", "held", "due", "stuck")
FORMER_SOURCES = ("self_checked", "self", "leader", "staff", "backfill", "import")
SOURCES = (*FORMER_SOURCES, "system")
FORMER_STEPS = ("sent", "returned", "resent", "approved", "rejected", "withdrawn", "reversed")
STEPS = (
    *FORMER_STEPS,
    *("confirmed", "agreed", "against", "posted", "objected", "cleared", "failed", "undone", "appealed", "appeal_done"),
)


def widen(batch_op, table, column, words) -> None:
    """Let a column hold other words than before."""
    batch_op.drop_constraint(op.f(f"ck_{table}_{column}"), type_="check")
    listed = ", ".join(f"'{word}'" for word in words)
    batch_op.create_check_constraint(op.f(f"ck_{table}_{column}"), f"{column} IN ({listed})")


def refuse_on_sqlite(table: str, *verbs: str) -> None:
    for verb in verbs:
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: no {verb}'); END"
        )


def upgrade() -> None:
    op.create_table(
        "calendar_days",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('workday', 'weekend', 'holiday')", name=op.f("ck_calendar_days_kind")),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_calendar_days_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "day", name=op.f("pk_calendar_days")),
    )
    op.create_table(
        "reason_templates",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(12), nullable=False),
        sa.Column("words", sa.String(200), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("step IN ('returned', 'rejected')", name=op.f("ck_reason_templates_step")),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_reason_templates_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_reason_templates")),
    )
    with op.batch_alter_table("reason_templates", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_reason_templates_scheme_id_step_place"), ["scheme_id", "step", "place"], unique=False
        )

    op.create_table(
        "notices",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("area_path", sa.String(120), nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("beyond", sa.Boolean(), nullable=False),
        sa.Column("items", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["scheme_id", "area_id"], ["areas.scheme_id", "areas.id"], name=op.f("fk_notices_scheme_id_area_id")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_notices_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_notices")),
        sa.UniqueConstraint(
            "scheme_id",
            "area_id",
            "opens_on",
            "closes_on",
            name=op.f("uq_notices_scheme_id_area_id_opens_on_closes_on"),
        ),
        sa.UniqueConstraint("scheme_id", "number", name=op.f("uq_notices_scheme_id_number")),
    )
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.create_index(
            "ix_notices_open",
            ["scheme_id", "closes_on", "id"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_notices_scheme_id_opens_on_id"), ["scheme_id", "opens_on", "id"], unique=False
        )

    op.create_table(
        "photo_prints",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("bits", sa.BigInteger(), nullable=False),
        sa.Column("band0", sa.BigInteger(), nullable=False),
        sa.Column("band1", sa.BigInteger(), nullable=False),
        sa.Column("band2", sa.BigInteger(), nullable=False),
        sa.Column("band3", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scheme_id", "photo_id"],
            ["photos.scheme_id", "photos.id"],
            name=op.f("fk_photo_prints_scheme_id_photo_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "photo_id", name=op.f("pk_photo_prints")),
    )
    with op.batch_alter_table("photo_prints", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_photo_prints_scheme_id_band0"), ["scheme_id", "band0"], unique=False)
        batch_op.create_index(batch_op.f("ix_photo_prints_scheme_id_band1"), ["scheme_id", "band1"], unique=False)
        batch_op.create_index(batch_op.f("ix_photo_prints_scheme_id_band2"), ["scheme_id", "band2"], unique=False)
        batch_op.create_index(batch_op.f("ix_photo_prints_scheme_id_band3"), ["scheme_id", "band3"], unique=False)

    op.create_table(
        "claim_batches",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("sheet", sa.String(60), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("area_path", sa.String(120), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_reason", sa.String(200), nullable=False),
        sa.Column("written", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.CheckConstraint(
            "state IN ('checked', 'waiting', 'approved', 'done', 'rejected', 'dropped')",
            name=op.f("ck_claim_batches_state"),
        ),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> made_by", name=op.f("ck_claim_batches_two_people")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "area_id"], ["areas.scheme_id", "areas.id"], name=op.f("fk_claim_batches_scheme_id_area_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "decided_by"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_claim_batches_scheme_id_decided_by"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "made_by"], ["people.scheme_id", "people.id"], name=op.f("fk_claim_batches_scheme_id_made_by")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_claim_batches_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_claim_batches")),
    )
    with op.batch_alter_table("claim_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claim_batches_scheme_id_sha256"), ["scheme_id", "sha256"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_claim_batches_scheme_id_state_made_at_id"),
            ["scheme_id", "state", "made_at", "id"],
            unique=False,
        )

    op.create_table(
        "messages",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("values", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("link", sa.String(120), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"], ["people.scheme_id", "people.id"], name=op.f("fk_messages_scheme_id_person_id")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_messages_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_messages")),
        sa.UniqueConstraint("scheme_id", "person_id", "key", name=op.f("uq_messages_scheme_id_person_id_key")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_messages_scheme_id_person_id_at_id"), ["scheme_id", "person_id", "at", "id"], unique=False
        )
        batch_op.create_index(
            "ix_messages_unread",
            ["scheme_id", "person_id"],
            unique=False,
            sqlite_where=sa.text("read_at IS NULL"),
            postgresql_where=sa.text("read_at IS NULL"),
        )

    op.create_table(
        "period_runs",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("period", sa.String(20), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("run_by", sa.BigInteger(), nullable=True),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('ranking', 'grant', 'opening', 'level', 'missed')", name=op.f("ck_period_runs_kind")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "run_by"], ["people.scheme_id", "people.id"], name=op.f("fk_period_runs_scheme_id_run_by")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "version_id"],
            ["rulebook_versions.scheme_id", "rulebook_versions.id"],
            name=op.f("fk_period_runs_scheme_id_version_id"),
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_period_runs_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_period_runs")),
        sa.UniqueConstraint(
            "scheme_id", "kind", "code", "period", name=op.f("uq_period_runs_scheme_id_kind_code_period")
        ),
    )
    op.create_table(
        "relatives",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("noted_by", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('spouse', 'parent', 'child', 'sibling', 'other')", name=op.f("ck_relatives_kind")),
        sa.CheckConstraint("person_id <> other_id", name=op.f("ck_relatives_two_people")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "other_id"], ["people.scheme_id", "people.id"], name=op.f("fk_relatives_scheme_id_other_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"], ["people.scheme_id", "people.id"], name=op.f("fk_relatives_scheme_id_person_id")
        ),
        sa.PrimaryKeyConstraint("scheme_id", "person_id", "other_id", name=op.f("pk_relatives")),
    )
    op.create_table(
        "rulebook_drafts",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("based_on", sa.BigInteger(), nullable=True),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_by", sa.BigInteger(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("key", sa.String(36), nullable=False),
        sa.Column("published_id", sa.BigInteger(), nullable=True),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["scheme_id", "based_on"],
            ["rulebook_versions.scheme_id", "rulebook_versions.id"],
            name=op.f("fk_rulebook_drafts_scheme_id_based_on"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "edited_by"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_rulebook_drafts_scheme_id_edited_by"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "made_by"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_rulebook_drafts_scheme_id_made_by"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "published_id"],
            ["rulebook_versions.scheme_id", "rulebook_versions.id"],
            name=op.f("fk_rulebook_drafts_scheme_id_published_id"),
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_rulebook_drafts_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_rulebook_drafts")),
        sa.UniqueConstraint("scheme_id", "key", name=op.f("uq_rulebook_drafts_scheme_id_key")),
    )
    with op.batch_alter_table("rulebook_drafts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_rulebook_drafts_scheme_id_edited_at_id"), ["scheme_id", "edited_at", "id"], unique=False
        )

    op.create_table(
        "teams",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("leader_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(200), nullable=False),
        sa.Column("is_restricted", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('team', 'organisation', 'list')", name=op.f("ck_teams_kind")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "area_id"], ["areas.scheme_id", "areas.id"], name=op.f("fk_teams_scheme_id_area_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "id"], ["holders.scheme_id", "holders.id"], name=op.f("fk_teams_scheme_id_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "leader_id"], ["people.scheme_id", "people.id"], name=op.f("fk_teams_scheme_id_leader_id")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_teams_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_teams")),
        sa.UniqueConstraint("scheme_id", "code", name=op.f("uq_teams_scheme_id_code")),
    )
    with op.batch_alter_table("teams", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_teams_scheme_id_name"), ["scheme_id", "name"], unique=False)

    op.create_table(
        "claim_batch_rows",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("fate", sa.String(10), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("rule_id", sa.BigInteger(), nullable=True),
        sa.Column("deed", sa.String(64), nullable=True),
        sa.Column("points", sa.BigInteger(), nullable=True),
        sa.Column("values", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("problems", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("claim_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "fate IN ('good', 'wrong', 'double', 'awarded', 'queued', 'refused')",
            name=op.f("ck_claim_batch_rows_fate"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "batch_id"],
            ["claim_batches.scheme_id", "claim_batches.id"],
            name=op.f("fk_claim_batch_rows_scheme_id_batch_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_claim_batch_rows_scheme_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "rule_id"],
            ["earning_rules.scheme_id", "earning_rules.id"],
            name=op.f("fk_claim_batch_rows_scheme_id_rule_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "batch_id", "row", name=op.f("pk_claim_batch_rows")),
    )
    with op.batch_alter_table("claim_batch_rows", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_claim_batch_rows_scheme_id_batch_id_fate_row"),
            ["scheme_id", "batch_id", "fate", "row"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_claim_batch_rows_scheme_id_deed"), ["scheme_id", "deed"], unique=False)
        batch_op.create_index(
            "uq_claim_batch_rows_deed",
            ["scheme_id", "deed"],
            unique=True,
            sqlite_where=sa.text("fate IN ('awarded', 'queued')"),
            postgresql_where=sa.text("fate IN ('awarded', 'queued')"),
        )

    op.create_table(
        "team_members",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_team_members_scheme_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "team_id"], ["teams.scheme_id", "teams.id"], name=op.f("fk_team_members_scheme_id_team_id")
        ),
        sa.PrimaryKeyConstraint("scheme_id", "team_id", "person_id", name=op.f("pk_team_members")),
    )
    with op.batch_alter_table("team_members", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_team_members_scheme_id_person_id"), ["scheme_id", "person_id"], unique=False
        )

    op.create_table(
        "appeals",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("claim_id", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.String(10), nullable=False),
        sa.Column("words", sa.String(500), nullable=False),
        sa.Column("filed_by", sa.BigInteger(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decide_by", sa.Date(), nullable=False),
        sa.Column("key", sa.String(36), nullable=False),
        sa.Column("area_path", sa.String(120), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_reason", sa.String(500), nullable=False),
        sa.Column("points_before", sa.BigInteger(), nullable=True),
        sa.Column("points_after", sa.BigInteger(), nullable=True),
        sa.Column("reversal_id", sa.BigInteger(), nullable=True),
        sa.Column("award_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("about IN ('rejection', 'amount', 'deduction')", name=op.f("ck_appeals_about")),
        sa.CheckConstraint("state IN ('open', 'granted', 'refused', 'withdrawn')", name=op.f("ck_appeals_state")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "award_id"],
            ["transfers.scheme_id", "transfers.id"],
            name=op.f("fk_appeals_scheme_id_award_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "claim_id"], ["claims.scheme_id", "claims.id"], name=op.f("fk_appeals_scheme_id_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "decided_by"], ["people.scheme_id", "people.id"], name=op.f("fk_appeals_scheme_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "filed_by"], ["people.scheme_id", "people.id"], name=op.f("fk_appeals_scheme_id_filed_by")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "reversal_id"],
            ["transfers.scheme_id", "transfers.id"],
            name=op.f("fk_appeals_scheme_id_reversal_id"),
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_appeals_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_appeals")),
        sa.UniqueConstraint("scheme_id", "filed_by", "key", name=op.f("uq_appeals_scheme_id_filed_by_key")),
    )
    with op.batch_alter_table("appeals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appeals_scheme_id_claim_id"), ["scheme_id", "claim_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_appeals_scheme_id_state_decide_by_id"),
            ["scheme_id", "state", "decide_by", "id"],
            unique=False,
        )
        batch_op.create_index(
            "uq_appeals_open",
            ["scheme_id", "claim_id"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "bars",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(10), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("claim_id", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("what IN ('earn', 'ranking')", name=op.f("ck_bars_what")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "claim_id"], ["claims.scheme_id", "claims.id"], name=op.f("fk_bars_scheme_id_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"], ["people.scheme_id", "people.id"], name=op.f("fk_bars_scheme_id_person_id")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_bars_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_bars")),
    )
    with op.batch_alter_table("bars", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_bars_scheme_id_person_id_until_on"), ["scheme_id", "person_id", "until_on"], unique=False
        )

    op.create_table(
        "objections",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("claim_id", sa.BigInteger(), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(12), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("contact", sa.String(60), nullable=False),
        sa.Column("words", sa.String(500), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(36), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_reason", sa.String(300), nullable=False),
        sa.CheckConstraint("state IN ('open', 'upheld', 'dismissed')", name=op.f("ck_objections_state")),
        sa.CheckConstraint(
            "decided_by IS NULL OR person_id IS NULL OR decided_by <> person_id", name=op.f("ck_objections_two_people")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "claim_id"], ["claims.scheme_id", "claims.id"], name=op.f("fk_objections_scheme_id_claim_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "decided_by"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_objections_scheme_id_decided_by"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "notice_id"],
            ["notices.scheme_id", "notices.id"],
            name=op.f("fk_objections_scheme_id_notice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_objections_scheme_id_person_id"),
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_objections_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_objections")),
        sa.UniqueConstraint("scheme_id", "key", name=op.f("uq_objections_scheme_id_key")),
        sa.UniqueConstraint("scheme_id", "number", name=op.f("uq_objections_scheme_id_number")),
    )
    with op.batch_alter_table("objections", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_objections_scheme_id_claim_id"), ["scheme_id", "claim_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_objections_scheme_id_state_made_at_id"),
            ["scheme_id", "state", "made_at", "id"],
            unique=False,
        )

    op.create_table(
        "sampled_reviews",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("claim_id", sa.BigInteger(), nullable=False),
        sa.Column("reviewer_id", sa.BigInteger(), nullable=False),
        sa.Column("picked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("area_path", sa.String(120), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("read_by", sa.BigInteger(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(200), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'agreed', 'disagreed')", name=op.f("ck_sampled_reviews_state")),
        sa.CheckConstraint("read_by IS NULL OR read_by <> reviewer_id", name=op.f("ck_sampled_reviews_two_people")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "claim_id"],
            ["claims.scheme_id", "claims.id"],
            name=op.f("fk_sampled_reviews_scheme_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "read_by"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_sampled_reviews_scheme_id_read_by"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "reviewer_id"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_sampled_reviews_scheme_id_reviewer_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "claim_id", name=op.f("pk_sampled_reviews")),
    )
    with op.batch_alter_table("sampled_reviews", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sampled_reviews_scheme_id_reviewer_id_state"),
            ["scheme_id", "reviewer_id", "state"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_sampled_reviews_scheme_id_state_picked_at_claim_id"),
            ["scheme_id", "state", "picked_at", "claim_id"],
            unique=False,
        )

    with op.batch_alter_table("claim_photos", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.String(10), nullable=False, server_default="photo"))

    with op.batch_alter_table("claims", schema=None) as batch_op:
        widen(batch_op, "claims", "state", STATES)
        widen(batch_op, "claims", "source", SOURCES)
        batch_op.add_column(sa.Column("team_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("helped_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("helped_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("sharers", sa.BigInteger(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("subject", sa.String(80), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("act", sa.String(80), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("record", sa.String(80), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column(
                "choices", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False, server_default="{}"
            )
        )
        batch_op.add_column(sa.Column("attended", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("batch_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "path", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False, server_default="[]"
            )
        )
        batch_op.add_column(sa.Column("stage", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("waits_for", sa.String(length=100), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("round", sa.BigInteger(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("decided_points", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("notice_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("notice_place", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("due_on", sa.Date(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "flags", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False, server_default="[]"
            )
        )
        batch_op.add_column(sa.Column("has_appeal", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_batch_id_id"), ["scheme_id", "batch_id", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_helped_id_state"), ["scheme_id", "helped_id", "state"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_notice_id_notice_place"),
            ["scheme_id", "notice_id", "notice_place"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_person_id_done_on"), ["scheme_id", "person_id", "done_on"], unique=False
        )
        batch_op.create_index(
            "ix_claims_voters",
            ["scheme_id", "made_at", "id"],
            unique=False,
            sqlite_where=sa.text("waits_for <> ''"),
            postgresql_where=sa.text("waits_for <> ''"),
        )
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_entered_by_made_at"), ["scheme_id", "entered_by", "made_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_state_due_on_id"), ["scheme_id", "state", "due_on", "id"], unique=False
        )
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_state_made_at_id"))
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_state_made_at_id_area_path"),
            ["scheme_id", "state", "made_at", "id", "area_path"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_rule_id_state_made_at_id"),
            ["scheme_id", "rule_id", "state", "made_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "ix_claims_flagged",
            ["scheme_id", "state", "made_at", "id"],
            unique=False,
            sqlite_where=sa.text("CAST(flags AS VARCHAR) <> '[]'"),
            postgresql_where=sa.text("CAST(flags AS VARCHAR) <> '[]'"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_claims_scheme_id_batch_id"), "claim_batches", ["scheme_id", "batch_id"], ["scheme_id", "id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_claims_scheme_id_notice_id"), "notices", ["scheme_id", "notice_id"], ["scheme_id", "id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_claims_scheme_id_helped_id"), "people", ["scheme_id", "helped_id"], ["scheme_id", "id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_claims_scheme_id_team_id"), "teams", ["scheme_id", "team_id"], ["scheme_id", "id"]
        )

    with op.batch_alter_table("earning_rules", schema=None) as batch_op:
        batch_op.add_column(sa.Column("category", sa.String(40), nullable=False, server_default=""))

    with op.batch_alter_table("reviews", schema=None) as batch_op:
        widen(batch_op, "reviews", "step", STEPS)
        batch_op.alter_column("by_id", existing_type=sa.BigInteger(), nullable=True)
        batch_op.add_column(sa.Column("stage", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("round", sa.BigInteger(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("points", sa.BigInteger(), nullable=True))
        batch_op.create_index(batch_op.f("ix_reviews_scheme_id_by_id_at"), ["scheme_id", "by_id", "at"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        refuse_on_sqlite("reviews", "UPDATE", "DELETE")

    op.create_table(
        "simulations",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=40), nullable=False),
        sa.Column("result", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_simulations_state")
        ),
        sa.CheckConstraint("from_on <= to_on", name=op.f("ck_simulations_range")),
        sa.ForeignKeyConstraint(
            ["scheme_id", "asked_by"], ["people.scheme_id", "people.id"], name=op.f("fk_simulations_scheme_id_asked_by")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_simulations_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_simulations")),
        sa.UniqueConstraint("scheme_id", "asked_by", "key", name=op.f("uq_simulations_scheme_id_asked_by_key")),
    )
    with op.batch_alter_table("simulations", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_simulations_scheme_id_asked_at_id"), ["scheme_id", "asked_at", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_simulations_scheme_id_state_asked_at_id"),
            ["scheme_id", "state", "asked_at", "id"],
            unique=False,
        )

    op.create_table(
        "simulated_people",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("simulation_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("claims", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_simulated_people_scheme_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "simulation_id"],
            ["simulations.scheme_id", "simulations.id"],
            name=op.f("fk_simulated_people_scheme_id_simulation_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "simulation_id", "person_id", name=op.f("pk_simulated_people")),
    )
    with op.batch_alter_table("simulated_people", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_simulated_people_scheme_id_simulation_id_after_person_id"),
            ["scheme_id", "simulation_id", "after", "person_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_simulated_people_scheme_id_simulation_id_before_person_id"),
            ["scheme_id", "simulation_id", "before", "person_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_simulated_people_scheme_id_simulation_id_change_person_id"),
            ["scheme_id", "simulation_id", "change", "person_id"],
            unique=False,
        )

    op.create_table(
        "simulated_claims",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("simulation_id", sa.BigInteger(), nullable=False),
        sa.Column("claim_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("why", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["scheme_id", "claim_id"],
            ["claims.scheme_id", "claims.id"],
            name=op.f("fk_simulated_claims_scheme_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_simulated_claims_scheme_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "simulation_id"],
            ["simulations.scheme_id", "simulations.id"],
            name=op.f("fk_simulated_claims_scheme_id_simulation_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "simulation_id", "claim_id", name=op.f("pk_simulated_claims")),
    )
    with op.batch_alter_table("simulated_claims", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_simulated_claims_scheme_id_simulation_id_person_id_claim_id"),
            ["scheme_id", "simulation_id", "person_id", "claim_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_simulated_claims_scheme_id_simulation_id_reason_claim_id"),
            ["scheme_id", "simulation_id", "reason", "claim_id"],
            unique=False,
        )

    op.create_table(
        "pools",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("use", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["scheme_id", "id"], ["holders.scheme_id", "holders.id"], name=op.f("fk_pools_scheme_id_id")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_pools_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_pools")),
        sa.UniqueConstraint("scheme_id", "code", name=op.f("uq_pools_scheme_id_code")),
    )
    op.create_table(
        "levels_reached",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(length=40), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transfer_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_levels_reached_scheme_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "transfer_id"],
            ["transfers.scheme_id", "transfers.id"],
            name=op.f("fk_levels_reached_scheme_id_transfer_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "person_id", "level", "period", "step", name=op.f("pk_levels_reached")),
    )
    op.create_table(
        "ranking_rows",
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.String(length=80), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("honour", sa.BigInteger(), nullable=False),
        sa.Column("claim_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["scheme_id", "claim_id"],
            ["claims.scheme_id", "claims.id"],
            name=op.f("fk_ranking_rows_scheme_id_claim_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "person_id"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_ranking_rows_scheme_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "run_id"],
            ["period_runs.scheme_id", "period_runs.id"],
            name=op.f("fk_ranking_rows_scheme_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("scheme_id", "run_id", "part", "person_id", name=op.f("pk_ranking_rows")),
    )
    with op.batch_alter_table("ranking_rows", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_ranking_rows_scheme_id_person_id"), ["scheme_id", "person_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_ranking_rows_scheme_id_run_id_part_place_person_id"),
            ["scheme_id", "run_id", "part", "place", "person_id"],
            unique=False,
        )

    op.create_table(
        "grant_orders",
        sa.Column("scheme_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("given", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.Column("pool_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_reason", sa.String(length=200), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('asked', 'approved', 'done', 'refused')", name=op.f("ck_grant_orders_state")),
        sa.CheckConstraint(
            "decided_by IS NULL OR asked_by IS NULL OR decided_by <> asked_by", name=op.f("ck_grant_orders_two_people")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "asked_by"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_grant_orders_scheme_id_asked_by"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "decided_by"],
            ["people.scheme_id", "people.id"],
            name=op.f("fk_grant_orders_scheme_id_decided_by"),
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "pool_id"], ["pools.scheme_id", "pools.id"], name=op.f("fk_grant_orders_scheme_id_pool_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id", "version_id"],
            ["rulebook_versions.scheme_id", "rulebook_versions.id"],
            name=op.f("fk_grant_orders_scheme_id_version_id"),
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["schemes.id"], name=op.f("fk_grant_orders_scheme_id")),
        sa.PrimaryKeyConstraint("scheme_id", "id", name=op.f("pk_grant_orders")),
    )
    with op.batch_alter_table("grant_orders", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_grant_orders_scheme_id_asked_at_id"), ["scheme_id", "asked_at", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_grant_orders_scheme_id_state_asked_at_id"),
            ["scheme_id", "state", "asked_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            "uq_grant_orders_period",
            ["scheme_id", "code", "period"],
            unique=True,
            sqlite_where=sa.text("state <> 'refused'"),
            postgresql_where=sa.text("state <> 'refused'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("grant_orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grant_orders_scheme_id_asked_at_id"))
        batch_op.drop_index(batch_op.f("ix_grant_orders_scheme_id_state_asked_at_id"))
        batch_op.drop_index(
            "uq_grant_orders_period",
            sqlite_where=sa.text("state <> 'refused'"),
            postgresql_where=sa.text("state <> 'refused'"),
        )

    op.drop_table("grant_orders")
    with op.batch_alter_table("ranking_rows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ranking_rows_scheme_id_person_id"))
        batch_op.drop_index(batch_op.f("ix_ranking_rows_scheme_id_run_id_part_place_person_id"))

    op.drop_table("ranking_rows")
    op.drop_table("levels_reached")
    op.drop_table("pools")
    with op.batch_alter_table("simulated_claims", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_simulated_claims_scheme_id_simulation_id_person_id_claim_id"))
        batch_op.drop_index(batch_op.f("ix_simulated_claims_scheme_id_simulation_id_reason_claim_id"))

    op.drop_table("simulated_claims")
    with op.batch_alter_table("simulated_people", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_simulated_people_scheme_id_simulation_id_after_person_id"))
        batch_op.drop_index(batch_op.f("ix_simulated_people_scheme_id_simulation_id_before_person_id"))
        batch_op.drop_index(batch_op.f("ix_simulated_people_scheme_id_simulation_id_change_person_id"))

    op.drop_table("simulated_people")
    with op.batch_alter_table("simulations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_simulations_scheme_id_asked_at_id"))
        batch_op.drop_index(batch_op.f("ix_simulations_scheme_id_state_asked_at_id"))

    op.drop_table("simulations")

    with op.batch_alter_table("reviews", schema=None) as batch_op:
        widen(batch_op, "reviews", "step", FORMER_STEPS)
        batch_op.alter_column("by_id", existing_type=sa.BigInteger(), nullable=False)
        batch_op.drop_index(batch_op.f("ix_reviews_scheme_id_by_id_at"))
        batch_op.drop_column("points")
        batch_op.drop_column("round")
        batch_op.drop_column("stage")

    with op.batch_alter_table("earning_rules", schema=None) as batch_op:
        batch_op.drop_column("category")

    with op.batch_alter_table("claims", schema=None) as batch_op:
        widen(batch_op, "claims", "state", FORMER_STATES)
        widen(batch_op, "claims", "source", FORMER_SOURCES)
        batch_op.drop_constraint(batch_op.f("fk_claims_scheme_id_team_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_claims_scheme_id_helped_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_claims_scheme_id_notice_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_claims_scheme_id_batch_id"), type_="foreignkey")
        batch_op.drop_index("ix_claims_flagged")
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_rule_id_state_made_at_id"))
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_state_made_at_id_area_path"))
        batch_op.create_index(
            batch_op.f("ix_claims_scheme_id_state_made_at_id"), ["scheme_id", "state", "made_at", "id"], unique=False
        )
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_state_due_on_id"))
        batch_op.drop_index(
            "ix_claims_voters",
            sqlite_where=sa.text("waits_for <> ''"),
            postgresql_where=sa.text("waits_for <> ''"),
        )
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_entered_by_made_at"))
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_person_id_done_on"))
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_notice_id_notice_place"))
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_helped_id_state"))
        batch_op.drop_index(batch_op.f("ix_claims_scheme_id_batch_id_id"))
        batch_op.drop_column("has_appeal")
        batch_op.drop_column("flags")
        batch_op.drop_column("due_on")
        batch_op.drop_column("notice_place")
        batch_op.drop_column("notice_id")
        batch_op.drop_column("decided_points")
        batch_op.drop_column("waits_for")
        batch_op.drop_column("round")
        batch_op.drop_column("stage")
        batch_op.drop_column("path")
        batch_op.drop_column("batch_id")
        batch_op.drop_column("attended")
        batch_op.drop_column("choices")
        batch_op.drop_column("record")
        batch_op.drop_column("act")
        batch_op.drop_column("subject")
        batch_op.drop_column("sharers")
        batch_op.drop_column("helped_at")
        batch_op.drop_column("helped_id")
        batch_op.drop_column("team_id")

    with op.batch_alter_table("claim_photos", schema=None) as batch_op:
        batch_op.drop_column("role")

    with op.batch_alter_table("sampled_reviews", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sampled_reviews_scheme_id_state_picked_at_claim_id"))
        batch_op.drop_index(batch_op.f("ix_sampled_reviews_scheme_id_reviewer_id_state"))

    op.drop_table("sampled_reviews")
    with op.batch_alter_table("objections", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_objections_scheme_id_state_made_at_id"))
        batch_op.drop_index(batch_op.f("ix_objections_scheme_id_claim_id"))

    op.drop_table("objections")
    with op.batch_alter_table("bars", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bars_scheme_id_person_id_until_on"))

    op.drop_table("bars")
    with op.batch_alter_table("appeals", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_appeals_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.drop_index(batch_op.f("ix_appeals_scheme_id_state_decide_by_id"))
        batch_op.drop_index(batch_op.f("ix_appeals_scheme_id_claim_id"))

    op.drop_table("appeals")
    with op.batch_alter_table("team_members", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_team_members_scheme_id_person_id"))

    op.drop_table("team_members")
    with op.batch_alter_table("claim_batch_rows", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_claim_batch_rows_deed",
            sqlite_where=sa.text("fate IN ('awarded', 'queued')"),
            postgresql_where=sa.text("fate IN ('awarded', 'queued')"),
        )
        batch_op.drop_index(batch_op.f("ix_claim_batch_rows_scheme_id_deed"))
        batch_op.drop_index(batch_op.f("ix_claim_batch_rows_scheme_id_batch_id_fate_row"))

    op.drop_table("claim_batch_rows")
    with op.batch_alter_table("teams", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_teams_scheme_id_name"))

    op.drop_table("teams")
    with op.batch_alter_table("rulebook_drafts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rulebook_drafts_scheme_id_edited_at_id"))

    op.drop_table("rulebook_drafts")
    op.drop_table("relatives")
    op.drop_table("period_runs")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_messages_unread", sqlite_where=sa.text("read_at IS NULL"), postgresql_where=sa.text("read_at IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_messages_scheme_id_person_id_at_id"))

    op.drop_table("messages")
    with op.batch_alter_table("claim_batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_claim_batches_scheme_id_state_made_at_id"))
        batch_op.drop_index(batch_op.f("ix_claim_batches_scheme_id_sha256"))

    op.drop_table("claim_batches")
    with op.batch_alter_table("photo_prints", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_photo_prints_scheme_id_band3"))
        batch_op.drop_index(batch_op.f("ix_photo_prints_scheme_id_band2"))
        batch_op.drop_index(batch_op.f("ix_photo_prints_scheme_id_band1"))
        batch_op.drop_index(batch_op.f("ix_photo_prints_scheme_id_band0"))

    op.drop_table("photo_prints")
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notices_scheme_id_opens_on_id"))
        batch_op.drop_index(
            "ix_notices_open",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.drop_table("notices")
    with op.batch_alter_table("reason_templates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reason_templates_scheme_id_step_place"))

    op.drop_table("reason_templates")
    op.drop_table("calendar_days")
    if op.get_bind().dialect.name == "sqlite":
        for table in ("reviews", "earning_rules"):
            refuse_on_sqlite(table, "UPDATE", "DELETE")
