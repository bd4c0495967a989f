"""Rows with a unique key that two processes may insert at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.exc import IntegrityError

from jobarranger.db.retry import one_line
from jobarranger.errors import StateConflict


def insert_first(
    conn: Connection, table: Table, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows that the transaction has found missing.

    Raises:
        StateConflict: another process was faster. The transaction is done anew and finds its rows.
    """
    given = [dict(rows)] if isinstance(rows, Mapping) else [dict(row) for row in rows]
    try:
        conn.execute(insert(table), given)
    except IntegrityError as error:
        raise StateConflict(f"{table.name}: another was faster: {one_line(error)}") from error
