"""${message}"""

from __future__ import annotations

from alembic import op

from jobarranger.db.complete import complete

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

#: Tables this revision knows.
TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Make what is missing."""
    complete(op.get_bind(), TABLES)


def downgrade() -> None:
    """Refuse: an older server works with newer tables, nothing is ever dropped."""
    raise NotImplementedError
