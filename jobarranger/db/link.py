"""The one connection of a process and the words that open and end a transaction on it.

SQLite's writers queue on a lock file beside the database: its busy time-out lets some writers
starve, a file lock does not.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

from jobarranger.db.connect import make_engine
from jobarranger.db.pipeline import pipeline_of
from jobarranger.db.retry import one_line, retryable
from jobarranger.db.settings import DatabaseSettings
from jobarranger.errors import DatabaseUnavailable
from jobarranger.states import DatabaseType


class WritersQueue:
    """Where SQLite's writers wait for their turn; no more than a locked file."""

    def __init__(self, database: Path | None) -> None:
        """Stand beside `database`."""
        self._path = f"{database}.lock"
        self._descriptor: int | None = None

    def enter(self) -> None:
        """Wait until all who came before have left."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def leave(self) -> None:
        """Let the next one in; does nothing for one who has not entered."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave for good."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class DatabaseLink:
    """A connection that is opened when needed and replaced when broken."""

    def __init__(self, settings: DatabaseSettings) -> None:
        """Remember where to connect."""
        self.settings = settings
        self.statements = 0  #: sent so far, BEGIN and COMMIT included
        self.away = False  #: it was given up as lost, and no connection could be opened since
        self._embedded = settings.kind is DatabaseType.SQLITE
        self._queue = WritersQueue(settings.file)
        self._engine: Engine | None = None
        self._conn: Connection | None = None
        self._open = False  #: a transaction has begun

    def conn(self) -> Connection:
        """Return the connection, opening it if there is none.

        Raises:
            DatabaseUnavailable: it cannot be opened, and waiting would not help.
        """
        if self._conn is None:
            if self._engine is None:
                self._engine = make_engine(self.settings)
                event.listen(self._engine, "before_cursor_execute", self._count)
            if self._embedded:
                _make_private(self.settings.file)
            try:
                self._conn = self._engine.connect()
                self.away = False
            except SQLAlchemyError as error:
                if retryable(error) is not None:
                    raise
                words = f"{self.settings.label()}: {one_line(error)}"
                raise DatabaseUnavailable(words) from error
        return self._conn

    def begin(self) -> Connection:
        """Open a transaction; on SQLite after waiting in the queue.

        Raises:
            RuntimeError: one is open already: transactions do not nest.
        """
        if self._open:
            raise RuntimeError("a transaction is open already; transactions do not nest")
        conn = self.conn()
        self._open = True
        if self._embedded:
            self._queue.enter()
        pipeline = pipeline_of(conn)
        if pipeline is None:
            conn.exec_driver_sql("BEGIN IMMEDIATE" if self._embedded else "BEGIN")
        else:
            pipeline.clear()
            pipeline.hold("BEGIN")
            self.statements += 1
        return conn

    def commit(self) -> None:
        """Commit and leave the queue; what is still held goes first, and is checked."""
        conn = self.conn()
        pipeline = pipeline_of(conn)
        if pipeline is not None and pipeline.has_checks:
            conn.exec_driver_sql(pipeline.nothing)
        conn.exec_driver_sql("COMMIT")
        self._ended()

    def roll_back(self) -> None:
        """Undo what was begun; a connection that cannot even do that is dropped."""
        if not self._open:
            return
        try:
            if self._conn is not None and self._needs_rollback(self._conn):
                if (pipeline := pipeline_of(self._conn)) is not None:
                    pipeline.clear()
                self._conn.exec_driver_sql("ROLLBACK")
        except SQLAlchemyError:
            self.drop()
        finally:
            self._ended()

    def drop(self) -> None:
        """Close the connection, whatever is open on it; the next use opens another."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(SQLAlchemyError):
                conn.invalidate()
            with suppress(SQLAlchemyError):
                conn.close()
        self._ended()

    def give_up(self) -> None:
        """Note that the server is lost, for more than a moment."""
        self.drop()
        self.away = True

    def close(self) -> None:
        """Close everything."""
        self.drop()
        self._queue.close()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _ended(self) -> None:
        if self._open:
            self._open = False
            self._queue.leave()

    def _needs_rollback(self, conn: Connection) -> bool:
        """Return whether the database still has the transaction: SQLite ends some by itself."""
        if not self._embedded or conn.invalidated:
            return True
        raw: Any = conn.connection
        return bool(raw.in_transaction)

    def _count(
        self, conn: object, cursor: object, statement: str, parameters: Any, *more: Any
    ) -> None:
        """Count what goes over the wire: many rows of one INSERT are one statement."""
        many = more[-1] and not statement.startswith("INSERT")
        self.statements += len(parameters) if many else 1


def _make_private(file: Path | None) -> None:
    """Make SQLite's file and directory, if they are missing, for nobody else to read."""
    if file is None or file.exists():
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise DatabaseUnavailable(f"SQLite file {file}: {error.strerror}") from error
