"""Which database errors mean "do the whole transaction again", decided in one place.

A transaction is always repeated as a whole, never one statement of it. Each `Retry` says why and
brings its own patience.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from jobarranger.errors import StateConflict, in_short


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to repeat and how long to pause in between (seconds, doubling)."""

    tries: int | None  #: attempts in all; None = until the time given by the settings is over
    first_pause: float
    longest_pause: float

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        return float(min(self.first_pause * 2 ** (failures - 1), self.longest_pause))


class Retry(Enum):
    """Why a transaction may be repeated."""

    DEADLOCK = Patience(12, 0.002, 0.25)  #: chosen as victim, or a conflict at commit (Galera)
    LOCK_WAIT = Patience(4, 0.05, 0.5)  #: a row lock was not given in time
    SERIALIZATION = Patience(10, 0.003, 0.3)  #: another transaction changed what this one read
    BUSY = Patience(9, 0.01, 0.5)  #: SQLite: someone outside our queue holds the file
    CONFLICT = Patience(4, 0.0, 0.0)  #: a guarded update met other rows (StateConflict)
    LOST = Patience(None, 0.05, 1.0)  #: no connection, or it broke


_MYSQL = {
    1213: Retry.DEADLOCK,
    1205: Retry.LOCK_WAIT,
    1020: Retry.SERIALIZATION,  # record has changed since last read
    1317: Retry.SERIALIZATION,  # query interrupted (KILL QUERY)
    1412: Retry.SERIALIZATION,  # table definition has changed
    # the server goes away, is full, read-only or not part of its cluster at the moment; 1180 is
    # Galera's answer to a COMMIT when its node has lost the others: nobody knows what became of it
    **dict.fromkeys(
        (
            *(1021, 1040, 1043, 1047, 1053, 1077, 1078, 1079, 1080, 1114, 1152, 1158, 1159, 1160),
            *(
                1161,
                1180,
                1184,
                1203,
                1290,
                1792,
                1836,
                1927,
                2002,
                2003,
                2006,
                2013,
                2014,
                2026,
                2055,
            ),
            *(3100, 3101, 3168, 4031),
        ),
        Retry.LOST,
    ),
}

_POSTGRESQL = {
    "40P01": Retry.DEADLOCK,
    "40001": Retry.SERIALIZATION,
    "57014": Retry.SERIALIZATION,  # query cancelled (pg_cancel_backend)
    "55P03": Retry.LOCK_WAIT,
    "25006": Retry.LOST,  # read-only: a standby answers
    "25P03": Retry.LOST,  # the transaction stood still for too long
    "26000": Retry.LOST,  # a prepared statement is gone: another session answers
    "57P01": Retry.LOST,  # shut down by an administrator
    "57P02": Retry.LOST,  # crashed
    "57P03": Retry.LOST,  # starting up or shutting down
    "57P05": Retry.LOST,
    "53100": Retry.LOST,  # disk full
    "53200": Retry.LOST,  # out of memory
    "53300": Retry.LOST,  # too many connections
    "58030": Retry.LOST,  # I/O error
}

#: What PostgreSQL says when it refuses a connection for good: libpq gives no state then.
_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry"
    r'|(database|role) "[^"]*" does not exist|permission denied for database'
    r"|is not permitted to log in"
)

#: What the driver says of a statement that it cannot send to any server, without a state, too.
_WRONG = re.compile(r"number of parameters must be")

_SQLITE = {
    5: Retry.BUSY,
    6: Retry.BUSY,
    10: Retry.LOST,  # I/O error
    13: Retry.LOST,  # disk full
    14: Retry.LOST,  # cannot open
}


def retryable(error: BaseException) -> Retry | None:
    """Return why the transaction that raised `error` may be repeated; None if it may not."""
    if isinstance(error, StateConflict):
        return Retry.CONFLICT
    if not isinstance(error, DBAPIError):
        return None
    return _of_driver(error) or (Retry.LOST if error.connection_invalidated else None)


def one_line(error: BaseException) -> str:
    """Return the driver's own words without statement and parameters."""
    original = getattr(error, "orig", None)
    if original is None:
        return in_short(error)
    words = [str(part) for part in original.args] or [type(original).__name__]
    return " ".join(" ".join(words).split())


def _of_driver(error: DBAPIError) -> Retry | None:
    """Return the verdict on what the driver raised, by its product's own code.

    PyMySQL puts a number first, psycopg has a state (so has PyMySQL lately), sqlite3 its code.
    """
    original = error.orig
    code = original.args[0] if original is not None and original.args else None
    if isinstance(code, int):
        if isinstance(error, InterfaceError) and code == 0:
            return Retry.LOST  # the socket was closed before
        return _MYSQL.get(code)
    sqlite_code = getattr(original, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return _SQLITE.get(sqlite_code & 0xFF)
    if original is not None and hasattr(original, "sqlstate"):
        return _of_postgresql(error, original.sqlstate)
    return None


def _of_postgresql(error: DBAPIError, sqlstate: str | None) -> Retry | None:
    if sqlstate is None:  # psycopg's own: no server to ask, one that refuses, or our fault
        words = str(error.orig)
        final = _REFUSED.search(words) or _WRONG.search(words)
        return Retry.LOST if isinstance(error, OperationalError) and not final else None
    return _POSTGRESQL.get(sqlstate) or (Retry.LOST if sqlstate.startswith("08") else None)
