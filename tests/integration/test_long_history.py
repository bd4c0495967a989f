"""What is done all the time costs the same when the tables have grown since the server started.

MariaDB plans by what it knew of a table when it opened it, and that may be long ago.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from jobarranger.clock import SystemClock
from jobarranger.db import icons, runs, schema, values
from jobarranger.db.engine import Database
from jobarranger.db.values import Variables
from jobarranger.states import JobType
from tests.jobnets import Bench, define
from tests.services import PrivateServer
from tests.statements import explained

#: By default MariaDB trusts its statistics from 200 values on, and makes a table of 1,000 or more.
MANY = 1500

pytestmark = pytest.mark.parametrize("own_server", ["mariadb"], indirect=True)


@pytest.fixture
def empty(own_server: PrivateServer) -> Iterator[Database]:
    """Give a database without a run."""
    db = Database(own_server.create_database("jobarg"), clock=SystemClock())
    schema.create(db)
    yield db
    db.close()


def remember(server: PrivateServer, db: Database, rows: int, pages: int) -> None:
    """Let the server believe that a table has so many rows, all with the same value."""
    here = "database_name = DATABASE()"
    change = [
        f"index_stats SET stat_value = 1 WHERE stat_name LIKE 'n%diff%' AND {here}",
        f"table_stats SET n_rows = {rows}, clustered_index_size = {pages} WHERE {here}",
    ]
    db.read(lambda conn: [conn.execute(text(f"UPDATE mysql.innodb_{one}")) for one in change])
    server.stop()
    server.restart()


def start(db: Database, count: int) -> list[int]:
    """Start runs that wait for an agent."""
    define(db, "START JOB-1 END-1")
    return Bench(db).start(count=count)


@pytest.fixture
def alike(own_server: PrivateServer, empty: Database) -> Database:
    """Give a database with some runs whose server believes in very many that are all alike."""
    remember(own_server, empty, 300_000, 2600)
    start(empty, 3)
    return empty


def test_runs_that_do_not_fit_are_sought_among_those_at_work(alike: Database) -> None:
    """Not by way of all icons that there are."""
    with explained("SELECT anon_1.inner_jobnet_id, anon_1.inner_jobnet_main_id") as steps:
        alike.read(
            lambda conn: runs.unsettled(conn, 500, ends=[JobType.END], nets=[JobType.JOBNET])
        )
    used = {(query, table): key for query, _, table, _, _, key, *_ in steps}
    assert used[2, "ja_run_jobnet_table"] == "ja_run_jobnet_idx2"
    assert used[2, "ja_run_job_table"] == "ja_run_job_fk1"
    assert used[6, "ja_run_jobnet_table"] == "ja_run_jobnet_idx2"
    assert used[6, "ja_run_job_table"] in {"ja_run_job_fk1", "ja_run_job_idx1"}


def test_many_icons_at_once_are_found_by_their_numbers(alike: Database) -> None:
    """However many numbers a statement names."""
    with explained("SELECT ja_run_value_before_table") as steps:
        alike.read(lambda conn: values.read(conn, Variables.BEFORE, range(1, MANY + 1)))
    assert steps
    assert {step[5] for step in steps} == {"ja_run_value_before_fk1"}


def test_only_the_icons_of_a_run_are_locked(own_server: PrivateServer, empty: Database) -> None:
    """Who starts a run does not wait for everyone who works on another."""
    remember(own_server, empty, 2, 1)
    started = start(empty, 300)
    with explained("SELECT ja_run_job_table") as steps:
        empty.transaction(lambda unit: icons.lock_starts(unit.conn, started[-3:], [JobType.START]))
        empty.transaction(lambda unit: icons.lock_ended(unit.conn, started[-3:], [JobType.END]))
        empty.transaction(lambda unit: icons.lock_used(unit.conn, started[-1]))
        empty.transaction(lambda unit: icons.lock_active(unit.conn, started[-3:], [JobType.JOBNET]))
    assert [step[5] for step in steps] == ["ja_run_job_fk1"] * 3 + ["ja_run_job_idx2"]
