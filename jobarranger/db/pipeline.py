"""Statements that travel together: fewer round trips to a database server (docs/database.md).

A statement whose answer nobody waits for is *held*: it goes over the wire together with the next
statement that somebody does wait for. Inside a transaction that is BEGIN, and the writes at its
end, whose counts of rows are checked when they arrive, in any case before COMMIT. How several
statements share a packet is the driver's matter: see `mysql.py` and `postgresql.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult

#: Looks at the number of rows a statement met; raises if it is wrong.
Check = Callable[[int], None]

#: Attribute of a driver's connection that holds its pipeline.
ATTRIBUTE = "jobarg_pipeline"


@dataclass(slots=True)
class HeldStatement:
    """A statement that waits for company."""

    query: Any
    values: Any = None
    many: bool = False  #: `values` are rows, each for one execution
    check: Check | None = None


class Pipeline:
    """What is held back on one connection."""

    def __init__(self, nothing: str) -> None:
        """Hold nothing; `nothing` is the statement that sends what is held, and no more."""
        self.nothing = nothing
        self.holding = False  #: statements are held instead of sent
        self.held: list[HeldStatement] = []

    @property
    def has_checks(self) -> bool:
        """Return whether a count is still to be looked at."""
        return any(one.check is not None for one in self.held)

    def hold(self, query: Any, values: Any = None, *, many: bool = False) -> None:
        """Keep a statement for the next packet."""
        self.held.append(HeldStatement(query, values, many))

    def check_last(self, check: Check) -> None:
        """Have the count of the statement held last looked at when it arrives."""
        self.held[-1].check = check

    def clear(self) -> None:
        """Forget what is held: its transaction is given up."""
        self.holding = False
        self.held = []

    def take(self) -> list[HeldStatement]:
        """Return what is held, to be sent now."""
        taken, self.held = self.held, []
        return taken


def pipeline_of(conn: Connection) -> Pipeline | None:
    """Return the pipeline of a connection, None for products without."""
    raw: Any = conn.connection.driver_connection
    return getattr(raw, ATTRIBUTE, None)


@contextmanager
def together(conn: Connection) -> Iterator[None]:
    """Hold the statements of the block back; their results say nothing.

    They are sent with the next statement after the block, at the latest before COMMIT. Only
    writes may stand in the block.
    """
    pipeline = pipeline_of(conn)
    if pipeline is None:
        yield
        return
    pipeline.holding = True
    try:
        yield
    finally:
        pipeline.holding = False


def check_count(conn: Connection, result: CursorResult[Any], check: Check) -> None:
    """Have the count of rows that a write met looked at: now, or when it arrives."""
    pipeline = pipeline_of(conn)
    if pipeline is not None and pipeline.holding:
        pipeline.check_last(check)
    else:
        check(result.rowcount)
