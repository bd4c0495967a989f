"""Statements that travel together: fewer round trips to a MariaDB or MySQL (docs/database.md).

A statement whose answer nobody waits for is *held*: it goes over the wire in one packet with the
next statement that somebody does wait for. Inside a transaction that is BEGIN, and the writes at
its end, whose counts of rows are checked when they arrive, in any case before COMMIT. Values are
put in by the driver as always; only the packet is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pymysql.cursors
from sqlalchemy import Connection, CursorResult

#: Looks at the number of rows a statement met; raises if it is wrong.
Check = Callable[[int], None]


class Pipeline:
    """What is held back on one connection."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.holding = False  #: statements are held instead of sent
        self.held: list[bytes] = []
        self.checks: dict[int, Check] = {}  #: by position among the held ones

    def hold(self, statement: bytes) -> None:
        """Keep a statement for the next packet."""
        self.held.append(statement)

    def check_last(self, check: Check) -> None:
        """Have the count of the statement held last looked at when it arrives."""
        self.checks[len(self.held) - 1] = check

    def clear(self) -> None:
        """Forget what is held: its transaction is given up."""
        self.holding = False
        self.held, self.checks = [], {}

    def take(self) -> tuple[list[bytes], dict[int, Check]]:
        """Return what is held, to be sent now."""
        taken = self.held, self.checks
        self.held, self.checks = [], {}
        return taken


class PipelineCursor(pymysql.cursors.Cursor):
    """PyMySQL's cursor; holds statements back, or sends what is held along with one."""

    def execute(self, query: Any, args: Any = None) -> int:
        """Send a statement, with those that were held before it; or hold it."""
        pipeline: Pipeline | None = getattr(self.connection, "pipeline", None)
        if pipeline is not None and pipeline.holding:
            pipeline.hold(self._as_bytes(query, args))
            self.rowcount = self.lastrowid = 0
            return 0
        if pipeline is None or not pipeline.held:
            return int(super().execute(query, args))
        held, checks = pipeline.take()
        packet: Any = b";".join([*held, self._as_bytes(query, args)])
        super().execute(packet)
        for position in range(len(held)):
            if position in checks:
                checks[position](self.rowcount)
            self.nextset()
        return int(self.rowcount)

    def _as_bytes(self, query: Any, args: Any) -> bytes:
        """Return a statement with its values put in by the driver."""
        text: Any = self.mogrify(query, args)
        if isinstance(text, str):
            return text.encode(self.connection.encoding, "surrogateescape")
        return bytes(text)


def attach(raw: Any, record: object) -> None:
    """Give a new connection of the driver its pipeline (an event of SQLAlchemy's)."""
    del record
    raw.pipeline = Pipeline()


def pipeline_of(conn: Connection) -> Pipeline | None:
    """Return the pipeline of a connection, None for products without."""
    raw: Any = conn.connection.driver_connection
    return getattr(raw, "pipeline", None)


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
