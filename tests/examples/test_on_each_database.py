"""A transaction on each database: SQLite, MariaDB, PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit

HOST = {"host_name": "web1", "address": "10.0.0.1", "enabled": 1}


# The fixture `database` runs the test once for each product, on fresh tables. The servers are
# started for the test run and removed after it.
def test_what_is_committed_can_be_read(database):
    """A row is there for the next reader."""
    database.transaction(lambda unit: unit.execute(insert(t.ext_host).values(**HOST)))
    names = database.read(lambda conn: conn.execute(select(t.ext_host.c.host_name)).scalars().all())
    assert names == ["web1"]


# `another` gives a second connection, as another process has it: use it for races.
def test_a_transaction_that_fails_leaves_nothing(database, another):
    """Another process never sees the half of it."""

    def work(unit: Unit) -> None:
        unit.execute(insert(t.ext_host).values(**HOST))
        raise RuntimeError("after the insert")

    with pytest.raises(RuntimeError, match="after the insert"):
        database.transaction(work)
    other = another()
    assert other.read(lambda conn: conn.execute(select(t.ext_host)).all()) == []
