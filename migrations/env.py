"""Alembic's environment: the application's metadata, run as the owner role."""

import sqlalchemy as sa
from alembic import context
from flask import current_app
from sqlalchemy import create_engine, pool

from points.db import UtcDateTime, db

metadata = db.Model.metadata



def render(kind, item, autogen):
    """Migrations name plain types: they must read the same when the application's own types have moved on."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


OPTIONS = {"render_as_batch": True, "compare_type": True, "target_metadata": metadata, "render_item": render}


def run() -> None:
    url = current_app.config["OWNER_URL"]
    if context.is_offline_mode():
        context.configure(url=url, literal_binds=True, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(url, poolclass=pool.NullPool, execution_options={"writing": True})
    with engine.connect() as connection:
        context.configure(connection=connection, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()


run()
