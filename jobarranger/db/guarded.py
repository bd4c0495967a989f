"""Guarded updates of many rows: the old status stands in the WHERE (docs/database.md).

Rows that change alike, from the same old status, go in one statement. A count other than expected
means that someone else was faster: the transaction is rolled back and decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, update

from jobarranger.errors import StateConflict

_IDS = bindparam("ids_", expanding=True)


@dataclass(frozen=True, slots=True)
class Change:
    """New values for one row, and the status it must still have."""

    key: int
    stored: int
    values: Mapping[str, object]


def apply_changes(
    conn: Connection,
    table: Table,
    key: ColumnElement[Any],
    status: ColumnElement[Any],
    changes: Iterable[Change],
) -> None:
    """Write the changes of rows of one table.

    Raises:
        StateConflict: a row is gone or has another status by now.
    """
    groups: dict[tuple[int, tuple[tuple[str, object], ...]], list[int]] = {}
    for change in changes:
        group = (change.stored, tuple(sorted(change.values.items())))
        groups.setdefault(group, []).append(change.key)
    for (stored, values), keys in groups.items():
        statement = (
            update(table)
            .where(key.in_(_IDS), status == bindparam("stored_"))
            .values({name: bindparam(f"v_{name}") for name, _ in values})
        )
        parameters = {f"v_{name}": value for name, value in values}
        result = conn.execute(statement, {**parameters, "ids_": sorted(keys), "stored_": stored})
        if result.rowcount != len(keys):
            raise StateConflict(
                f"{table.name}: {result.rowcount} of {len(keys)} rows were still in state {stored}"
            )
