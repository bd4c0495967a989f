"""Guarded updates of many rows: the old status stands in the WHERE (docs/database.md).

Rows that change alike, from the same old status, go in one statement. A count other than expected
means that someone else was faster: the transaction is rolled back and decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, Update, bindparam, update

from jobarranger.db.pipeline import Check, check_count
from jobarranger.errors import StateConflict
from jobarranger.model.change import Change

T = TypeVar("T")

_IDS: Any = bindparam("ids_", expanding=True)

#: Rows that one statement names; no product takes parameters without end (PostgreSQL: 65,535).
MOST = 10_000


def batched(keys: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Return `keys` in parts of at most `size`."""
    return (keys[start : start + size] for start in range(0, len(keys), size))


@lru_cache(maxsize=256)
def _statement(
    table: Table, key: ColumnElement[Any], status: ColumnElement[Any], names: tuple[str, ...]
) -> Update:
    """Return the update that sets the columns `names`; kept, since building it costs."""
    return (
        update(table)
        .where(key.in_(_IDS), status == bindparam("stored_"))
        .values({name: bindparam(f"v_{name}") for name in names})
    )


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
        statement = _statement(table, key, status, tuple(name for name, _ in values))
        parameters: dict[str, object] = {f"v_{name}": value for name, value in values}
        for part in batched(sorted(keys), MOST):
            result = conn.execute(statement, {**parameters, "ids_": part, "stored_": stored})
            check_count(conn, result, _expect(len(part), f"{table.name} in state {stored}"))


def _expect(count: int, what: str) -> Check:
    """Return the check that a write has met so many rows."""

    def check(met: int) -> None:
        if met != count:
            raise StateConflict(f"{what}: {met} rows instead of {count}")

    return check


@lru_cache(maxsize=64)
def _plain_statement(table: Table, key: ColumnElement[Any], names: tuple[str, ...]) -> Update:
    """Return the unguarded update that sets the columns `names`."""
    values: dict[str, Any] = {name: bindparam(f"v_{name}") for name in names}
    return update(table).where(key.in_(_IDS)).values(values)


def write_alike(
    conn: Connection,
    table: Table,
    key: ColumnElement[Any],
    changes: Mapping[int, Mapping[str, object]],
) -> None:
    """Write rows that others guard; those with equal values go in one statement."""
    groups: dict[tuple[tuple[str, object], ...], list[int]] = {}
    for owner, values in changes.items():
        groups.setdefault(tuple(sorted(values.items())), []).append(owner)
    for group, owners in groups.items():
        statement = _plain_statement(table, key, tuple(name for name, _ in group))
        parameters = {f"v_{name}": value for name, value in group}
        for part in batched(sorted(owners), MOST):
            conn.execute(statement, {**parameters, "ids_": part})
