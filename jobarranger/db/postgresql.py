"""psycopg's connection with a time limit for answers, and its cursor with a pipeline.

The driver itself waits for ever for a server that stands still; ours gives up and closes the
connection. What is held (`pipeline.py`) goes out in the driver's pipeline mode: one round trip.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Self, TypeVar

import psycopg
from psycopg.errors import InFailedSqlTransaction

from jobarranger.clock import SystemClock
from jobarranger.db.arrays import by_column, insert_of_arrays, lists_as_arrays
from jobarranger.db.pipeline import ATTRIBUTE, HeldStatement, Pipeline

R = TypeVar("R")

_CLOCK = SystemClock()

#: Statement that sends nothing but what is held.
NOTHING = ""


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is lost when the server has not answered for `answer_seconds`."""

    answer_seconds: float = 30.0

    def wait(self, gen: Generator[Any, Any, R], *more: Any, **given: Any) -> R:
        """Wait for an answer, but not for ever.

        Raises:
            OperationalError: there was none in time; the connection is closed.
        """
        try:
            return super().wait(self._in_time(gen), *more, **given)
        except psycopg.Error as error:
            # the lines that follow quote rows, which may hold commands and secrets
            error.args = (str(error).partition("\n")[0],)
            raise

    def _in_time(self, gen: Generator[Any, Any, R]) -> Generator[Any, Any, R]:
        """Pass on what the driver's generator wants, and look at the clock when nothing came."""
        deadline = _CLOCK.monotonic() + self.answer_seconds
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and _CLOCK.monotonic() > deadline:
                    self.close()
                    words = f"no answer within {self.answer_seconds:g} s"
                    raise psycopg.OperationalError(words)
                wanted = gen.send(ready)
        except StopIteration as end:
            result: R = end.value
            return result


class PostgreSQLCursor(psycopg.Cursor[Any]):
    """Holds statements back, or sends what is held along with one."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Send a statement, with those that were held before it; or hold it."""
        pipeline = self._pipeline()
        if params:
            query, params = lists_as_arrays(query, params)
        if pipeline.holding:
            pipeline.hold(query, params)
            return self
        if query == "COMMIT":
            options["prepare"] = False
        if not pipeline.held:
            super().execute(query, params, **options)
        else:
            held = pipeline.take()
            with self.connection.pipeline():
                sent = self._send(held)
                if query != NOTHING:
                    super().execute(query, params, **options)
            _look(held, sent)
        if query == "COMMIT" and self.statusmessage == "ROLLBACK":
            # what COMMIT does, without a word, when a statement before it had failed
            raise InFailedSqlTransaction("COMMIT rolled back: a statement before it had failed")
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Send a statement for many rows, with those that were held before it; or hold it."""
        pipeline = self._pipeline()
        insert = insert_of_arrays(query)
        if insert is not None:
            statement, names = insert
            self.execute(statement, by_column(names, params_seq))
            return
        if pipeline.holding:
            pipeline.hold(query, params_seq, many=True)
            return
        held = pipeline.take()
        with self.connection.pipeline():
            sent = self._send(held)
            super().executemany(query, params_seq, **options)
        _look(held, sent)

    def _pipeline(self) -> Pipeline:
        found: Pipeline = getattr(self.connection, ATTRIBUTE)
        return found

    def _send(self, held: Sequence[HeldStatement]) -> list[psycopg.Cursor[Any]]:
        """Send what was held, each statement by a cursor of its own."""
        sent = []
        for one in held:
            cursor: psycopg.Cursor[Any] = psycopg.Cursor(self.connection)
            if one.many:
                cursor.executemany(one.query, one.values)
            else:
                cursor.execute(one.query, one.values)
            sent.append(cursor)
        return sent


def _look(held: Sequence[HeldStatement], sent: Sequence[psycopg.Cursor[Any]]) -> None:
    """Check the counts of rows, now that they have arrived."""
    for one, cursor in zip(held, sent, strict=True):
        if one.check is not None:
            one.check(cursor.rowcount)


def open_connection(answer_seconds: float, arguments: dict[str, Any]) -> PatientConnection:
    """Open a connection with a pipeline."""
    connection = PatientConnection.connect(**arguments, cursor_factory=PostgreSQLCursor)
    connection.answer_seconds = answer_seconds
    setattr(connection, ATTRIBUTE, Pipeline(NOTHING))
    return connection
