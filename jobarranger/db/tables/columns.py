"""The words in which the tables are written down.

Defaults stand in the database, not only here: the Windows Manager leaves out columns it has no
value for. Every foreign key cascades, as in the original.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CHAR,
    TIMESTAMP,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

from jobarranger.db.types import (
    I64,
    LONG_TEXT,
    NO_MYSQL_DEFAULT,
    RUNNING_NUMBER,
    U64,
    U64_KEY,
    RowTime,
)

metadata = MetaData()

#: Mark in `info` of an index or key: the product that does without it.
NOT_ON = "not_on"


def exists_on(item: SchemaItem, dialect: str) -> bool:
    """Return whether an index or key is made on a product (`mysql`, `postgresql`, `sqlite`)."""
    return item.info.get(NOT_ON) != dialect


def _if_wanted(ddl: object, target: Any, *more: Any, **given: Any) -> bool:
    return exists_on(target, given["dialect"].name)


def table(name: str, *items: SchemaItem) -> Table:
    """Return a table as the original made it: InnoDB, character set of the database."""
    return Table(name, metadata, *items, mysql_engine="InnoDB")


def own_table(name: str, *items: SchemaItem) -> Table:
    """Return a table of our own: names compare exactly on every product."""
    return Table(
        name,
        metadata,
        *items,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def u64(name: str, *, null: bool = False) -> Column[int]:
    """Return an unsigned 64-bit number; 0 unless it may be NULL."""
    return Column(
        name, U64, nullable=null, server_default=None if null else "0", autoincrement=False
    )


def u64_key(name: str) -> Column[int]:
    """Return the 64-bit number that alone is the primary key."""
    return Column(name, U64_KEY, nullable=False, server_default="0", autoincrement=False)


def integer(name: str, *, default: int | None = 0, null: bool = False) -> Column[int]:
    """Return a 32-bit number (the Manager's casts want exactly that)."""
    given = None if null or default is None else str(default)
    return Column(name, Integer, nullable=null, server_default=given, autoincrement=False)


def i64(name: str, *, null: bool = False) -> Column[int]:
    """Return a signed 64-bit number without default, mostly an instant in UTC milliseconds."""
    return Column(name, I64, nullable=null, autoincrement=False)


def string(name: str, length: int, *, default: str | None = "", null: bool = False) -> Column[str]:
    """Return a text of at most `length` characters; empty unless it may be NULL."""
    return Column(name, String(length), nullable=null, server_default=None if null else default)


def char(name: str, length: int, *, null: bool = False) -> Column[str]:
    """Return a text of `length` characters."""
    return Column(name, CHAR(length), nullable=null, server_default=None if null else "")


def text(name: str, *, default: str | None = "", null: bool = False) -> Column[str]:
    """Return a text of up to 65,535 bytes; its empty default exists everywhere but on MySQL."""
    if null or default is None:
        return Column(name, Text, nullable=null)
    return Column(name, Text, nullable=False, server_default="", info={NO_MYSQL_DEFAULT: True})


def long_text(name: str, *, null: bool = False) -> Column[str]:
    """Return a text without a practical limit."""
    return Column(name, LONG_TEXT, nullable=null)


def created_date() -> Column[Any]:
    """Return the row's time stamp, kept by the database and read by nobody."""
    return Column("created_date", TIMESTAMP, nullable=False, server_default=RowTime())


def running_number(name: str) -> Column[int]:
    """Return a number that the database gives to each row; not the primary key.

    SQLite knows running numbers only as primary keys, so there it is one.
    """
    return Column(name, U64_KEY, nullable=False, autoincrement=False, info={RUNNING_NUMBER: True})


def running_key(name: str) -> Column[int]:
    """Return a running number that is the primary key."""
    return Column(name, U64_KEY, nullable=False, autoincrement=True)


def primary_key(name: str, *columns: str) -> PrimaryKeyConstraint:
    """Return the primary key; MySQL ignores the name."""
    return PrimaryKeyConstraint(*columns, name=name)


def unique_running(name: str, column: str) -> UniqueConstraint:
    """Return the unique key of a running number (on SQLite it is the primary key already)."""
    key = UniqueConstraint(column, name=name, info={NOT_ON: "sqlite"})
    return key.ddl_if(callable_=_if_wanted)


def child_of(
    parent: Table, name: str, *columns: str, of: tuple[str, ...] | None = None
) -> ForeignKeyConstraint:
    """Return the cascading foreign key `name` on `columns`; `of` where the parent's differ."""
    return ForeignKeyConstraint(
        columns,
        [parent.c[column] for column in of or columns],
        name=name,
        ondelete="CASCADE",
        onupdate="CASCADE",
    )


def index(name: str, *columns: str) -> Index:
    """Return an index."""
    return Index(name, *columns)


def support_index(name: str, *columns: str) -> Index:
    """Return the index a foreign key needs; MySQL makes it by itself under the same name."""
    return Index(name, *columns, info={NOT_ON: "mysql"}).ddl_if(callable_=_if_wanted)
