"""How the database means to find what a statement asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

_EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "mysql": "EXPLAIN", "postgresql": "EXPLAIN"}


@contextmanager
def explained(beginning: str) -> Iterator[list[tuple[Any, ...]]]:
    """Collect the steps of the plans of all statements that begin so and are executed meanwhile."""
    steps: list[tuple[Any, ...]] = []

    def explain(conn: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.startswith(beginning):
            cursor = conn.connection.cursor()
            cursor.execute(f"{_EXPLAIN[conn.dialect.name]} {statement}", values)
            steps.extend(tuple(row) for row in cursor.fetchall())

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield steps
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
