"""The variable tables: input and output of icons, input of instances.

Functions take a connection inside the caller's transaction and never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Integer, Table, bindparam, delete, literal, select

from jobarranger.db import tables as t
from jobarranger.db.bulk import insert_rows
from jobarranger.db.guarded import MOST, batched
from jobarranger.model.variables import VariableRows

_IDS: Any = bindparam("ids", expanding=True)


class Variables(Enum):
    """The three variable tables that runs use: (table, its key, its value column)."""

    BEFORE = (t.run_value_before, "inner_job_id", "before_value")  #: input of an icon
    AFTER = (t.run_value_after, "inner_job_id", "after_value")  #: output of an icon
    JOBNET = (t.value_before_jobnet, "inner_jobnet_id", "before_value")  #: input of an instance

    @property
    def table(self) -> Table:
        """The table itself."""
        return self.value[0]

    @property
    def key(self) -> str:
        """The column that names the owner."""
        return self.value[1]

    @property
    def text(self) -> str:
        """The column with the variable's value."""
        return self.value[2]


def _select(kind: Variables) -> Any:
    """Build the statement that reads the rows of some owners."""
    c = kind.table.c
    owner = c[kind.key]
    return (
        select(owner, c.seq_no, c.value_name, c[kind.text])
        .where(owner.in_(_IDS))
        .order_by(c.seq_no)
    )


_SELECT = {kind: _select(kind) for kind in Variables}
_DELETE = {kind: delete(kind.table).where(kind.table.c.seq_no.in_(_IDS)) for kind in Variables}


def read(conn: Connection, kind: Variables, owners: Collection[int]) -> dict[int, VariableRows]:
    """Return the rows of each owner; an owner without rows gets an empty list."""
    found: dict[int, list[tuple[int, str, str]]] = {owner: [] for owner in owners}
    for row in conn.execute(_SELECT[kind], {"ids": sorted(owners)}):
        found[row[0]].append((row[1], row[2], row[3]))
    return {owner: VariableRows.stored(rows) for owner, rows in found.items()}


def _both() -> Any:
    """Build the statement that reads input and output of some icons."""
    parts = []
    for kind in (Variables.BEFORE, Variables.AFTER):
        c = kind.table.c
        is_output = literal(kind is Variables.AFTER, Integer).label("is_output")
        parts.append(
            select(is_output, c.inner_job_id, c.seq_no, c.value_name, c[kind.text]).where(
                c.inner_job_id.in_(_IDS)
            )
        )
    return parts[0].union_all(parts[1])


_BOTH = _both()


def read_both(
    conn: Connection, icons: Collection[int]
) -> tuple[dict[int, VariableRows], dict[int, VariableRows]]:
    """Return input and output of each icon."""
    found: tuple[dict[int, list[tuple[int, str, str]]], ...] = (
        {icon: [] for icon in icons},
        {icon: [] for icon in icons},
    )
    for row in conn.execute(_BOTH, {"ids": sorted(icons)}):
        found[int(row[0])][row[1]].append((row[2], row[3], row[4]))
    before, after = (
        {icon: VariableRows.stored(sorted(rows)) for icon, rows in part.items()} for part in found
    )
    return before, after


def write(
    conn: Connection,
    kind: Variables,
    sets: Mapping[int, VariableRows],
    instance_of: Mapping[int, int],
) -> None:
    """Write what has changed: delete the rows that no longer count, insert the new ones.

    Args:
        conn: the transaction's connection.
        kind: which table.
        sets: the rows by owner.
        instance_of: the instance of each icon (icon tables carry it for information).
    """
    doomed = [seq for rows in sets.values() for seq in rows.deleted]
    for part in batched(doomed, MOST):
        conn.execute(_DELETE[kind], {"ids": part})
    fresh = [
        {kind.key: owner, "value_name": row.name, kind.text: row.value}
        | ({} if kind is Variables.JOBNET else {"inner_jobnet_id": instance_of[owner]})
        for owner, rows in sets.items()
        for row in rows.pending()
    ]
    if fresh:
        insert_rows(conn, kind.table, fresh)
