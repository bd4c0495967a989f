"""A number of 32 bits for what stands in a row, worked out by the database."""

from __future__ import annotations

import zlib
from typing import Any

from sqlalchemy import BigInteger, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

#: What SQLite calls a function of ours, since it has none of its own.
SQLITE_NAME = "jobarg_checksum"


class checksum(FunctionElement[int]):  # noqa: N801 - stands among SQL's functions
    """The checksum of a text and a number; another one on each product."""

    inherit_cache = True
    type = BigInteger()

    def __init__(self, text: ColumnElement[str], number: ColumnElement[int]) -> None:
        """Take two columns."""
        super().__init__(text, number)


@compiles(checksum, "mysql")
@compiles(checksum, "mariadb")
def _mysql(element: checksum, compiler: Any, **kw: Any) -> str:
    text, number = _both(element, compiler, kw)
    return f"CRC32(CONCAT({text}, ' ', {number}))"


@compiles(checksum, "postgresql")
def _postgresql(element: checksum, compiler: Any, **kw: Any) -> str:
    text, number = _both(element, compiler, kw)
    return f"CAST(hashtext({text} || ' ' || {number}) AS BIGINT)"


@compiles(checksum, "sqlite")
def _sqlite(element: checksum, compiler: Any, **kw: Any) -> str:
    text, number = _both(element, compiler, kw)
    return f"{SQLITE_NAME}({text}, {number})"


def _both(element: checksum, compiler: Any, kw: dict[str, Any]) -> tuple[str, str]:
    text, number = element.clauses
    return compiler.process(text, **kw), compiler.process(number, **kw)


def sqlite_function(text: str, number: int) -> int:
    """Work it out for SQLite."""
    return zlib.crc32(f"{text} {number}".encode())
