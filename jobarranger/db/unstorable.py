"""What a database cannot take, whoever tries and however often, decided in one place.

A value may be too long for a column, a statement or the server, a number out of range, a text no
text at all (a NUL on PostgreSQL, half a character anywhere). Each product says so in its own way,
some by ending the connection. All become `CannotStore`, one line without the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, DBAPIError

from jobarranger.errors import CannotStore

#: Bytes that a message to PostgreSQL may have; it ends the connection of one that sends more.
POSTGRESQL_LIMIT: Final = (1 << 30) - 2

_TOO_LONG = "a value is too long"
_TOO_LARGE = "a number is too large"
_NO_TEXT = "a text has characters that the database cannot hold"

_MYSQL: Final = {
    1118: _TOO_LONG,
    1153: "a statement is longer than max_allowed_packet",
    1264: _TOO_LARGE,
    1300: _NO_TEXT,
    1301: "a value is longer than max_allowed_packet",
    1366: _NO_TEXT,
    1406: _TOO_LONG,
    1690: _TOO_LARGE,
}
_POSTGRESQL: Final = {
    "22001": _TOO_LONG,
    "22003": _TOO_LARGE,
    "22021": _NO_TEXT,
    "22P05": _NO_TEXT,
    "54000": _TOO_LONG,
}
_SQLITE: Final = {18: _TOO_LONG}


def judge(context: ExceptionContext) -> None:
    """Raise `CannotStore` instead of an error that means it (an event of SQLAlchemy's)."""
    what = unstorable(context.original_exception, context.sqlalchemy_exception)
    if what is None and _is_gone(context) and _length(context.parameters) > POSTGRESQL_LIMIT:
        what = f"a statement is longer than {POSTGRESQL_LIMIT:,} bytes"
    if what is not None:
        raise CannotStore(what) from context.original_exception


def unstorable(error: BaseException, passed_on: BaseException | None = None) -> str | None:
    """Return in words what the database cannot take; None: the error means something else.

    Args:
        error: what the driver raised.
        passed_on: what SQLAlchemy makes of it.
    """
    if isinstance(error, UnicodeEncodeError):  # half a character, found by the driver
        return _NO_TEXT
    if isinstance(error, OverflowError):
        return _TOO_LARGE
    return _of_driver(error, passed_on) if isinstance(passed_on, DBAPIError) else None


def _of_driver(error: BaseException, passed_on: DBAPIError) -> str | None:
    """Return what an error of a driver means, by its product's own code."""
    code = error.args[0] if error.args else None
    if isinstance(code, int):
        return _MYSQL.get(code)
    if (sqlite_code := getattr(error, "sqlite_errorcode", None)) is not None:
        return _SQLITE.get(sqlite_code & 0xFF)
    if not hasattr(error, "sqlstate"):
        return None
    if error.sqlstate is None:  # psycopg's own, before anything is sent: a NUL in a text
        return _NO_TEXT if isinstance(passed_on, DataError) else None
    return _POSTGRESQL.get(error.sqlstate)


def _is_gone(context: ExceptionContext) -> bool:
    """Return whether PostgreSQL has ended the connection, or its driver could not send."""
    return getattr(context.original_exception, "sqlstate", "") is None


def _length(values: Any) -> int:
    """Return about how many bytes values take on the wire, however they are nested."""
    if isinstance(values, str):
        return len(values) if values.isascii() else len(values.encode("utf-8", "replace"))
    if isinstance(values, bytes | bytearray | memoryview):
        return len(values)
    if isinstance(values, Mapping):
        return sum(map(_length, values.values()))
    return sum(map(_length, values)) if isinstance(values, list | tuple) else 0
