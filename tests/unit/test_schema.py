"""The tables, as written and as live on each product, are those of Job Arranger 3.0.0.

`tests/data/schema.csv` and `schema_indexes.csv` describe the original. Where we differ on purpose
stands once, in the constants below.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Dialect, PrimaryKeyConstraint, UniqueConstraint, inspect, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeEngine

from jobarranger.clock import SystemClock
from jobarranger.db import schema, seeds
from jobarranger.db import tables as t
from jobarranger.db.compare import type_words
from jobarranger.db.complete import complete
from jobarranger.db.engine import Database
from jobarranger.db.tables.columns import exists_on
from jobarranger.db.types import RUNNING_NUMBER
from jobarranger.errors import SchemaError
from jobarranger.states import DatabaseType

DATA = Path(__file__).parent.parent / "data"

#: Tables of ours, beside the original's.
OWN_PREFIX = "ja_ext_"

#: Indexes the original does not have: every one of ours is called so.
OWN_INDEX = "ja_ext_"

#: SQLite: a 64-bit number that alone is the key, or runs by itself, is the row id; and a running
#: number that only had a unique key has become the primary key.
SQLITE_ROW_ID = "INTEGER"

#: SQLite has no unsigned numbers; PostgreSQL has neither.
SQLITE_TYPES = {"bigint unsigned": "BIGINT", "timestamp": "TIMESTAMP"}


class Cell(NamedTuple):
    """What a column is: type, whether it may be NULL, default."""

    type: str
    null: bool
    default: str | None


def rows_of(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ORIGINAL: dict[str, list[dict[str, str]]] = defaultdict(list)
for _row in rows_of("schema.csv"):
    ORIGINAL[_row["table"]].append(_row)

INDEXES: dict[str, list[dict[str, str]]] = defaultdict(list)
for _row in rows_of("schema_indexes.csv"):
    INDEXES[_row["table"]].append(_row)


def default_for(row: dict[str, str], product: str) -> str | None:
    """Return the default of a CSV row on `mysql` or `postgres`, unquoted; None for none."""
    value = row["default"]
    if "|" in value:
        value = dict(part.split(":", 1) for part in value.split("|"))[product]
    return value.strip("'") if value else None


def original_key(table: str) -> tuple[str, ...]:
    """Return the primary key of the original's table."""
    keyed = [row for row in ORIGINAL[table] if row["primary_key_position"]]
    keyed.sort(key=lambda row: int(row["primary_key_position"]))
    return tuple(row["column"] for row in keyed)


def original_references(table: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Return (constraint, ((column, parent.column), …)) of the original's foreign keys."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in ORIGINAL[table]:
        for part in filter(None, row["references"].split(";")):
            name, _, target = part.partition(":")
            found[name].append((row["column"], target))
    return {(name, tuple(pairs)) for name, pairs in found.items()}


def as_sqlite(row: dict[str, str]) -> Cell:
    """Return what a column of the original must be on SQLite."""
    running = "AUTO_INCREMENT" in row["default"]
    alone = original_key(row["table"]) == (row["column"],)
    type_ = SQLITE_TYPES.get(row["mysql_type"], row["mysql_type"].upper())
    if type_ == "BIGINT" and (running or alone):
        type_ = SQLITE_ROW_ID
    default = None if running else default_for(row, "postgres")
    return Cell(type_, row["nullable"] == "yes", default)


def as_mysql(row: dict[str, str]) -> Cell:
    """Return what a column of the original is on MySQL."""
    return Cell(row["mysql_type"].upper(), row["nullable"] == "yes", default_for(row, "mysql"))


def as_postgresql(row: dict[str, str]) -> Cell:
    """Return what a column of the original is on PostgreSQL."""
    type_ = row["postgres_type"].upper()
    default = None if type_ == "BIGSERIAL" else default_for(row, "postgres")
    return Cell(type_, row["nullable"] == "yes", default)


WRITTEN = re.compile(r"^\S+ (?P<type>[A-Z]+(\(\d+\))?( UNSIGNED)?)(?P<rest>.*)$")


def written(table: str, column: str, dialect: Dialect) -> Cell:
    """Return a column as our DDL has it."""
    ddl = str(CreateColumn(t.metadata.tables[table].c[column]).compile(dialect=dialect))
    match = WRITTEN.match(ddl)
    assert match is not None, ddl
    rest = match["rest"]
    default = re.search(r"DEFAULT (\S+( ON UPDATE \S+)?)", rest)
    value = default[1].strip("'") if default else None
    if "AUTO_INCREMENT" in rest:
        value = "AUTO_INCREMENT"
    return Cell(match["type"], "NOT NULL" not in rest, value)


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (mysql.dialect(), as_mysql),
        (postgresql.dialect(), as_postgresql),
        (sqlite.dialect(), as_sqlite),
    ],
    ids=["mysql", "postgresql", "sqlite"],
)
def test_written_columns_are_the_originals(dialect, expected):
    """Every column has the original's type, NULL rule and default on each product."""
    different = []
    for table, rows in ORIGINAL.items():
        for row in rows:
            ours, theirs = written(table, row["column"], dialect), expected(row)
            if ours != theirs:
                different.append((table, row["column"], ours, theirs))
    assert different == []


def test_written_columns_stand_in_the_originals_order():
    """People address columns by position in hand-written statements."""
    for table, rows in ORIGINAL.items():
        assert [c.name for c in t.metadata.tables[table].columns] == [r["column"] for r in rows]


def test_only_our_own_tables_come_in_addition():
    """Nothing of ours hides among the original's names."""
    extra = set(t.metadata.tables) - set(ORIGINAL)
    assert len(ORIGINAL) == 62
    assert {name for name in extra if not name.startswith(OWN_PREFIX)} == set()


def test_written_keys_are_the_originals():
    """Primary keys with their order and names, foreign keys with names, targets, cascade."""
    for name in ORIGINAL:
        table = t.metadata.tables[name]
        assert tuple(c.name for c in table.primary_key.columns) == original_key(name)
        written_keys = set()
        for key in table.foreign_key_constraints:
            pairs = [
                (e.parent.name, f"{e.column.table.name}.{e.column.name}") for e in key.elements
            ]
            written_keys.add((key.name, tuple(pairs)))
            assert (key.ondelete, key.onupdate) == ("CASCADE", "CASCADE")
        assert written_keys == original_references(name)


@pytest.mark.parametrize("product", ["mysql", "postgresql", "sqlite"])
def test_written_indexes_are_the_originals_and_ours(product):
    """Names and columns of all indexes; more than the original's are named so or support keys."""
    support = {name for table in ORIGINAL for name, _ in original_references(table)}
    for name, rows in INDEXES.items():
        table = t.metadata.tables[name]
        ours = {
            str(index.name): ",".join(column.name for column in index.columns)
            for index in table.indexes
            if exists_on(index, product)
        }
        for constraint in table.constraints:
            if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
                if constraint.name is None:
                    continue  # SQLAlchemy's empty key of a table without one
                ours[str(constraint.name)] = ",".join(c.name for c in constraint.columns)
        theirs = {row["index"]: row["columns"] for row in rows}
        assert theirs.items() <= ours.items()
        more = set(ours) - set(theirs)
        assert {index for index in more if not index.startswith(OWN_INDEX)} <= support


def live_sqlite(database: Database) -> Iterator[tuple[str, str, Cell]]:
    """Yield table, column and what SQLite says of it."""
    for table in ORIGINAL:
        pragma = text(f"PRAGMA table_info({table})")
        for row in database.read(lambda conn: list(conn.execute(pragma))):  # noqa: B023 - used at once
            default = None if row.dflt_value is None else str(row.dflt_value).strip("'")
            yield table, row.name, Cell(row.type, not row.notnull, default)


def live_mariadb(database: Database) -> Iterator[tuple[str, str, Cell]]:
    """Yield table, column and what MariaDB says of it, in the original's words."""
    statement = text(
        "SELECT table_name, column_name, column_type, is_nullable, column_default, extra"
        " FROM information_schema.columns WHERE table_schema = DATABASE()"
    )
    for table, column, type_, null, default, extra in database.read(
        lambda conn: conn.execute(statement).all()
    ):
        if table not in ORIGINAL:
            continue
        words = re.sub(r"\bint(?=\(|$| )", "integer", re.sub(r"(int)\(\d+\)", r"\1", type_))
        value = None if default in (None, "NULL") else default.strip("'")
        value = (value or "").replace("current_timestamp()", "CURRENT_TIMESTAMP") or value
        if "on update" in extra:
            value = f"{value} ON UPDATE CURRENT_TIMESTAMP"
        if extra == "auto_increment":
            value = "AUTO_INCREMENT"
        yield table, column, Cell(words.upper(), null == "YES", value)


def live_postgresql(database: Database) -> Iterator[tuple[str, str, Cell]]:
    """Yield table, column and what PostgreSQL says of it, in the original's words."""
    statement = text(
        "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,"
        " column_default FROM information_schema.columns WHERE table_schema = 'public'"
    )
    for table, column, type_, length, null, default in database.read(
        lambda conn: conn.execute(statement).all()
    ):
        if table not in ORIGINAL:
            continue
        words = type_.replace("character varying", "varchar").removesuffix(" without time zone")
        words = words.replace("character", "char") + (f"({length})" if length else "")
        value = None if default is None else re.sub(r"::[a-z ]+$", "", default).strip("'")
        if value is not None and value.startswith("nextval("):
            words, value = "bigserial", None
        yield table, column, Cell(words.upper(), null == "YES", value)


LIVE = {
    DatabaseType.SQLITE: (live_sqlite, as_sqlite),
    DatabaseType.MYSQL: (live_mariadb, as_mysql),
    DatabaseType.POSTGRESQL: (live_postgresql, as_postgresql),
}


def test_live_columns_are_the_originals(database):
    """What the product made of our DDL is what the original's installer makes."""
    live, expected = LIVE[database.kind]
    wanted = {
        (table, row["column"]): expected(row) for table, rows in ORIGINAL.items() for row in rows
    }
    found = {(table, column): cell for table, column, cell in live(database)}
    assert {
        key: (found.get(key), cell) for key, cell in wanted.items() if found.get(key) != cell
    } == {}
    assert set(found) == set(wanted)


def test_live_keys_and_indexes_are_the_originals(database):
    """Keys, their order, foreign keys with cascade and all indexes exist in the live database."""

    def look(conn):
        inspector = inspect(conn)
        for table in ORIGINAL:
            primary = tuple(inspector.get_pk_constraint(table)["constrained_columns"])
            running = [c.name for c in t.metadata.tables[table].c if RUNNING_NUMBER in c.info]
            if database.kind is DatabaseType.SQLITE and running:
                assert primary == tuple(running)
            else:
                assert primary == original_key(table)
            foreign = {
                tuple(
                    (column, f"{key['referred_table']}.{target}")
                    for column, target in zip(
                        key["constrained_columns"], key["referred_columns"], strict=True
                    )
                )
                for key in inspector.get_foreign_keys(table)
                if key["options"] == {"ondelete": "CASCADE", "onupdate": "CASCADE"}
            }
            assert foreign == {pairs for _, pairs in original_references(table)}
            indexes = {i["name"]: i["column_names"] for i in inspector.get_indexes(table)}
            for row in INDEXES[table]:
                if row["unique"] == "no":
                    assert indexes[row["index"]] == row["columns"].split(",")
            # every foreign key is supported by an index or key that begins with its columns
            starts = [tuple(columns) for columns in indexes.values()] + [primary]
            for pairs in foreign:
                columns = {column for column, _ in pairs}
                assert any(columns == set(start[: len(columns)]) for start in starts), table

    database.read(look)


def test_check_finds_nothing_in_a_fresh_database(database):
    """A database made by us equals the written tables."""
    assert database.read(schema.check) == []


def test_check_shows_each_difference(sqlite_settings):
    """A missing index, column and table are named."""
    database = Database(sqlite_settings, clock=SystemClock())

    def spoil(unit):
        unit.execute(text("DROP INDEX ja_run_job_idx1"))
        unit.execute(text("DROP TABLE ja_ext_audit"))
        unit.execute(text("ALTER TABLE ja_parameter_table DROP COLUMN created_date"))

    database.transaction(spoil)
    found = database.read(schema.check)
    database.close()
    assert sorted(found) == [
        "column ja_parameter_table.created_date is missing",
        "index ja_run_job_idx1 on ja_run_job_table (status) is missing",
        "table ja_ext_audit is missing",
    ]


def test_completing_a_complete_database_makes_nothing(database):
    """Reflection and written tables agree on every index, so that upgrades can be repeated."""
    assert database.transaction(lambda unit: complete(unit.conn, t.metadata.tables)) == []


def test_types_are_compared_without_display_width():
    """MariaDB shows int(11) where INTEGER was written."""
    shown: TypeEngine[Any] = mysql.INTEGER(display_width=11)
    assert type_words(shown, mysql.dialect()) == "INTEGER"


def test_seeds_are_planted_once(database):
    """All seed rows are there; planting again adds none and keeps what people changed."""

    def change(unit):
        unit.execute(
            t.parameter.update()
            .where(t.parameter.c.parameter_name == "JOBNET_KEEP_SPAN")
            .values(value="77")
        )
        return seeds.plant(unit.conn)

    assert database.transaction(change) == 0
    counts = {table.name: len(rows) for table, rows in seeds.rows().items()}
    assert counts == {
        "ja_parameter_table": 23,
        "ja_index_table": 10,
        "ja_host_lock_table": 1,
        "ja_define_value_jobcon_table": 18,
        "ja_define_extjob_table": 16,
        "ja_define_run_log_message_table": 40,
    }
    query = text("SELECT value FROM ja_parameter_table WHERE parameter_name = 'JOBNET_KEEP_SPAN'")
    assert database.read(lambda conn: conn.execute(query).scalar()) == "77"


def test_another_version_is_refused(database):
    """A server does not touch tables of a version it does not know."""
    set_version = "UPDATE ja_ext_version SET version_num = '{}'"
    database.transaction(lambda unit: unit.execute(text(set_version.format("9999"))))
    try:
        with pytest.raises(SchemaError, match="version 9999; this program needs 0001"):
            schema.require_current(database)
    finally:
        database.transaction(lambda unit: unit.execute(text(set_version.format(schema.HEAD))))
