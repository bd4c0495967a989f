"""The ways to a current database: from nothing, from the original's tables, by several at once."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.schema import CreateTable

from jobarranger.clock import SystemClock
from jobarranger.commands import db as command
from jobarranger.db import schema
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.errors import SchemaError
from jobarranger.states import DatabaseType


@pytest.fixture
def empty(empty_settings):
    """Give a database without any table."""
    db = Database(empty_settings, clock=SystemClock())
    yield db
    db.close()


def original_tables(unit):
    """Make the tables as the original's installer does: without our tables and indexes."""
    for table in t.metadata.sorted_tables:
        if table.name.startswith("ja_ext_"):
            continue
        unit.execute(CreateTable(table))
    unit.execute(insert(t.parameter), {"parameter_name": "JOBNET_KEEP_SPAN", "value": "999"})
    unit.execute(insert(t.index), {"count_id": 20, "nextid": 4711})


def test_an_empty_database_becomes_current(empty):
    """Creating makes everything; creating again is refused."""
    with pytest.raises(SchemaError, match="no tables; run jobarg_db init"):
        schema.require_current(empty)
    schema.create(empty)
    schema.require_current(empty)
    assert empty.read(schema.check) == []
    with pytest.raises(SchemaError, match="not empty"):
        schema.create(empty)


def test_an_originals_database_is_adopted(empty):
    """Rows stay, what is missing comes: our tables, indexes and seed rows; twice is harmless."""
    empty.transaction(original_tables)
    with pytest.raises(SchemaError, match="original Job Arranger, not prepared"):
        schema.require_current(empty)
    assert schema.upgrade(empty) > 0
    assert schema.upgrade(empty) == 0
    assert empty.read(schema.check) == []
    kept = select(t.parameter.c.value).where(t.parameter.c.parameter_name == "JOBNET_KEEP_SPAN")
    assert empty.read(lambda conn: conn.execute(kept).scalar()) == "999"
    counter = select(t.index.c.nextid).where(t.index.c.count_id == 20)
    assert empty.read(lambda conn: conn.execute(counter).scalar()) == 4711


def test_a_lost_column_is_added(empty):
    """A column that a later version brought is added with its default."""
    schema.create(empty)

    def spoil(unit):
        unit.execute(text("ALTER TABLE ja_ext_host DROP COLUMN enabled"))
        unit.execute(text("DELETE FROM ja_ext_version"))
        unit.execute(text("INSERT INTO ja_ext_host (host_name, address) VALUES ('a', 'b')"))

    empty.transaction(spoil)
    schema.upgrade(empty)
    assert empty.read(schema.check) == []
    assert empty.read(lambda conn: conn.execute(select(t.ext_host.c.enabled)).scalar()) == 1


def test_several_processes_may_do_it_at_once(empty_settings):
    """The first start of several processes ends with one sound database."""
    failures = []

    def start():
        db = Database(empty_settings, clock=SystemClock())
        try:
            schema.upgrade(db)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            db.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    db = Database(empty_settings, clock=SystemClock())
    assert db.read(schema.check) == []
    db.close()


def test_who_is_done_holds_nobody_up(empty, empty_settings):
    """The lock is given back with the tables, however long the connection stays open."""
    schema.upgrade(empty)
    other = Database(empty_settings, clock=SystemClock())
    began = time.monotonic()
    try:
        assert schema.upgrade(other) == 0
    finally:
        other.close()
    assert time.monotonic() - began < 20


@pytest.fixture
def config_file(empty_settings, tmp_path):
    """Write a server's configuration that names the empty database."""
    lines = {
        "DBType": empty_settings.kind.value,
        "DBFile": empty_settings.file or "/unused",
        "AllowRoot": "1",
        "TmpDir": tmp_path,
        "JaPidFile": tmp_path / "pid",
        "JaLogFile": tmp_path / "log",
    }
    if empty_settings.kind is not DatabaseType.SQLITE:
        lines |= {
            "DBHost": empty_settings.host,
            "DBPort": empty_settings.port,
            "DBName": empty_settings.name,
            "DBUser": empty_settings.user,
            "DBPassword": empty_settings.password,
        }
    file = tmp_path / "jobarg_server.conf"
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return file


def test_the_command_walks_the_whole_way(config_file, capsys):
    """jobarg_db: status fails before init, succeeds after; errors are one line; check agrees."""

    def run(action):
        code = command.main(["-c", str(config_file), action])
        out, err = capsys.readouterr()
        return code, out, err

    code, out, err = run("status")
    assert code == 1
    assert (out + err).count("\n") == 1
    code, out, err = run("init")
    assert (code, err) == (0, "")
    assert "initialised, version 0001" in out
    code, out, err = run("init")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "is not empty" in err
    for action, words in (
        ("status", "current"),
        ("check", "no differences"),
        ("upgrade", "0 rows"),
    ):
        code, out, err = run(action)
        assert (code, err) == (0, "")
        assert words in out


def test_the_command_reports_a_missing_file(capsys, tmp_path):
    """A wrong path of the configuration is one line and exit code 1."""
    assert command.main(["-c", str(tmp_path / "none.conf"), "status"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
