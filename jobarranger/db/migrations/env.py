"""Run revisions on the connection that jobarranger/db/schema.py hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from jobarranger.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
