"""Add to a database what is missing: tables, columns, indexes. Nothing is dropped or changed."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Column, Connection, Index, Inspector, Table, inspect, text
from sqlalchemy.schema import CreateColumn

from jobarranger.db.tables import metadata
from jobarranger.db.tables.columns import exists_on

Columns = tuple[str, ...]


def complete(conn: Connection, names: Collection[str]) -> list[str]:
    """Make the missing parts of the tables called `names`; return what was made."""
    inspector = inspect(conn)
    present = set(inspector.get_table_names())
    made: list[str] = []
    for table in metadata.sorted_tables:
        if table.name not in names:
            continue
        if table.name not in present:
            table.create(conn)
            made.append(f"table {table.name}")
        else:
            made += _columns(conn, inspector, table) + _indexes(conn, inspector, table)
    return made


def missing_columns(inspector: Inspector, table: Table) -> list[Column[object]]:
    """Return the columns that are missing in the live table."""
    present = {column["name"] for column in inspector.get_columns(table.name)}
    return [column for column in table.columns if column.name not in present]


def missing_indexes(inspector: Inspector, table: Table) -> list[Index]:
    """Return the indexes for whose columns the live table has neither index nor key."""
    present = _indexed(inspector, table.name)
    return [
        index
        for index in sorted(table.indexes, key=lambda index: str(index.name))
        if exists_on(index, inspector.dialect.name) and columns_of(index) not in present
    ]


def columns_of(index: Index) -> Columns:
    """Return the names of an index's columns in order."""
    return tuple(str(column.name) for column in index.columns)


def _indexed(inspector: Inspector, table: str) -> set[Columns]:
    """Return the columns of every index and key of a live table."""
    found = {tuple(str(name) for name in i["column_names"]) for i in inspector.get_indexes(table)}
    found.add(tuple(inspector.get_pk_constraint(table)["constrained_columns"]))
    return found


def _columns(conn: Connection, inspector: Inspector, table: Table) -> list[str]:
    made = []
    for column in missing_columns(inspector, table):
        written = CreateColumn(column).compile(dialect=conn.dialect)
        conn.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {written}"))
        made.append(f"column {table.name}.{column.name}")
    return made


def _indexes(conn: Connection, inspector: Inspector, table: Table) -> list[str]:
    made = []
    for index in missing_indexes(inspector, table):
        index.create(conn)
        made.append(f"index {index.name}")
    return made
