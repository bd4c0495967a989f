"""Hints for MariaDB and MySQL, which may plan by statistics from before a table has grown.

See docs/database.md, "Plans that old statistics do not change". The other products ignore them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select

from jobarranger.db import tables as t

#: The indexes of icons by the instance, or the main run, that they belong to.
OF_INSTANCE, OF_RUN = "ja_run_job_fk1", "ja_run_job_idx2"


def icons(statement: Select[Any], index: str) -> Select[Any]:
    """Find icons by an index, never by going through all of them.

    A locking statement that goes through all icons waits for everyone who works on one.
    """
    return statement.with_hint(t.run_job, f"FORCE INDEX ({index})", "mysql")


def in_this_order(statement: Select[Any]) -> Select[Any]:
    """Join the tables in the order in which they are written."""
    return statement.prefix_with("STRAIGHT_JOIN", dialect="mysql")
