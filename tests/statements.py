"""Statements on their way to the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

_EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "mysql": "EXPLAIN", "postgresql": "EXPLAIN"}


@contextmanager
def before_each(look: Callable[[Connection, str, Any], object]) -> Iterator[None]:
    """Call `look(connection, statement, values)` just before each statement."""

    def listen(conn: Connection, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        look(conn, statement, values)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


@contextmanager
def explained(beginning: str) -> Iterator[list[tuple[Any, ...]]]:
    """Collect the steps of the plans of all statements that begin so and are executed meanwhile."""
    steps: list[tuple[Any, ...]] = []

    def explain(conn: Connection, statement: str, values: Any) -> None:
        if statement.startswith(beginning):
            cursor = conn.connection.cursor()
            cursor.execute(f"{_EXPLAIN[conn.dialect.name]} {statement}", values)
            steps.extend(tuple(row) for row in cursor.fetchall())

    with before_each(explain):
        yield steps
