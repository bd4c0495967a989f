"""Column types that mean the same on every database product.

Three things cannot be said with SQLAlchemy's own words and are taught to its DDL compiler here:

* a running number that is not the primary key (`running_number`),
* a text default that MySQL must not have, because the original's tables have none there,
* the row time stamp that MySQL alone refreshes with every update.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateColumn
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.types import TIMESTAMP

#: Unsigned on MySQL, signed elsewhere; every range in use fits into 63 bits.
U64 = BigInteger().with_variant(mysql.BIGINT(unsigned=True), "mysql")

#: The same as the only column of a primary key: SQLite makes it the row id (one tree, not two).
U64_KEY = U64.with_variant(Integer(), "sqlite")

#: Instants in UTC milliseconds, and other signed 64-bit numbers of our own tables.
I64 = BigInteger()

#: Text without a practical limit (MySQL's TEXT ends at 65,535 bytes).
LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql")

#: Marks in `Column.info`.
RUNNING_NUMBER = "running_number"
NO_MYSQL_DEFAULT = "no_mysql_default"


class RowTime(ColumnElement[Any]):
    """Default of `created_date`: now, and on MySQL also now at each update."""

    inherit_cache = True
    type = TIMESTAMP()


@compiles(RowTime)
def _now(element: RowTime, compiler: Any, **kw: Any) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(RowTime, "mysql")
def _now_refreshed(element: RowTime, compiler: Any, **kw: Any) -> str:
    return "CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"


@compiles(CreateColumn, "mysql")
def _mysql_column(create: CreateColumn, compiler: Any, **kw: Any) -> str:
    text: str = compiler.visit_create_column(create, **kw)
    if RUNNING_NUMBER in create.element.info:
        return f"{text} AUTO_INCREMENT"
    if NO_MYSQL_DEFAULT in create.element.info:
        return text.replace(" DEFAULT ''", "")
    return text


@compiles(CreateColumn, "postgresql")
def _postgresql_column(create: CreateColumn, compiler: Any, **kw: Any) -> str:
    text: str = compiler.visit_create_column(create, **kw)
    if RUNNING_NUMBER in create.element.info:
        return text.replace("BIGINT", "BIGSERIAL")
    return text


@compiles(CreateColumn, "sqlite")
def _sqlite_column(create: CreateColumn, compiler: Any, **kw: Any) -> str:
    text: str = compiler.visit_create_column(create, **kw)
    if RUNNING_NUMBER in create.element.info:
        return f"{text} PRIMARY KEY"
    return text
