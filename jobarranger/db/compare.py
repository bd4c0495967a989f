"""Compare a live database with the written tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import Column, Connection, Inspector, Table, inspect
from sqlalchemy.engine.interfaces import Dialect, ReflectedColumn
from sqlalchemy.types import TypeEngine

from jobarranger.db.complete import columns_of, missing_columns, missing_indexes
from jobarranger.db.tables import metadata
from jobarranger.db.types import RUNNING_NUMBER


def differences(conn: Connection) -> list[str]:
    """Return one line per difference; more columns, indexes and tables are no difference."""
    inspector = inspect(conn)
    present = set(inspector.get_table_names())
    found: list[str] = []
    for table in metadata.sorted_tables:
        if table.name not in present:
            found.append(f"table {table.name} is missing")
        else:
            found += _table(inspector, table)
    return found


def type_words(type_: TypeEngine[object], dialect: Dialect) -> str:
    """Return a type as its product writes it, without display widths and collations."""
    words = type_.compile(dialect=dialect).upper()
    words = re.sub(r"(INTEGER|INT|BIGINT)\(\d+\)", r"\1", words)
    words = re.sub(r" (CHARACTER SET|COLLATE) \S+", "", words)
    return words.removesuffix(" WITHOUT TIME ZONE")


def _table(inspector: Inspector, table: Table) -> Iterator[str]:
    name = table.name
    for column in missing_columns(inspector, table):
        yield f"column {name}.{column.name} is missing"
    for live in inspector.get_columns(name):
        if live["name"] in table.c:
            yield from _column(inspector.dialect, table.c[live["name"]], live)
    for index in missing_indexes(inspector, table):
        yield f"index {index.name} on {name} ({', '.join(columns_of(index))}) is missing"
    yield from _keys(inspector, table)


def _column(dialect: Dialect, wanted: Column[object], live: ReflectedColumn) -> Iterator[str]:
    where = f"column {wanted.table.name}.{wanted.name}"
    types = type_words(wanted.type, dialect), type_words(live["type"], dialect)
    if types[0] != types[1]:
        yield f"{where} is {types[1]} instead of {types[0]}"
    if bool(wanted.nullable) != live["nullable"]:
        yield f"{where} {'may' if live['nullable'] else 'may not'} be NULL"


def _keys(inspector: Inspector, table: Table) -> Iterator[str]:
    wanted = {column.name for column in table.primary_key.columns}
    if inspector.dialect.name == "sqlite":
        wanted |= {column.name for column in table.columns if RUNNING_NUMBER in column.info}
    live = set(inspector.get_pk_constraint(table.name)["constrained_columns"])
    if wanted != live:
        yield f"primary key of {table.name} is {sorted(live)} instead of {sorted(wanted)}"
    present = {
        (tuple(key["constrained_columns"]), key["referred_table"])
        for key in inspector.get_foreign_keys(table.name)
        if key["options"].get("ondelete") == "CASCADE"
    }
    for key in table.foreign_key_constraints:
        if (tuple(key.column_keys), key.referred_table.name) not in present:
            yield f"cascading foreign key {key.name} on {table.name} is missing"
