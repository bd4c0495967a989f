"""What is done all the time costs the same when the tables hold millions of finished runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from jobarranger.clock import SystemClock
from jobarranger.db import runs, schema, values
from jobarranger.db.engine import Database
from jobarranger.db.values import Variables
from tests.explain import explained
from tests.jobnets import Bench, define
from tests.services import PrivateServer

#: What MariaDB remembers of tables that were empty when they were opened and have grown since.
OLD_STATISTICS = [
    f"UPDATE mysql.innodb_{change} AND database_name = DATABASE()"
    for change in (
        "index_stats SET stat_value = 1 WHERE stat_name LIKE 'n%diff%'",
        "table_stats SET n_rows = 300000, clustered_index_size = 2600 WHERE true",
    )
]
#: By default MariaDB trusts its statistics from 200 values on, and makes a table of 1,000 or more.
MANY = 1500

pytestmark = pytest.mark.parametrize("own_server", ["mariadb"], indirect=True)


@pytest.fixture
def grown(own_server: PrivateServer) -> Iterator[Database]:
    """Give a database whose server has old statistics of all tables, with three runs at work."""
    db = Database(own_server.create_database("jobarg"), clock=SystemClock())
    schema.create(db)
    db.read(lambda conn: [conn.execute(text(sql)) for sql in OLD_STATISTICS])
    own_server.stop()
    own_server.restart()
    define(db, "START JOB-1 END-1")
    bench = Bench(db)
    bench.start(count=3)
    bench.drain()
    yield db
    db.close()


def test_runs_that_do_not_fit_are_sought_among_those_at_work(grown: Database) -> None:
    """Not by way of all icons that there are."""
    with explained("SELECT anon_1.inner_jobnet_id, anon_1.inner_jobnet_main_id") as steps:
        grown.read(lambda conn: runs.unsettled(conn, 500))
    used = {(query, table): key for query, _, table, _, _, key, *_ in steps}
    assert used[2, "ja_run_jobnet_table"] == "ja_run_jobnet_idx2"
    assert used[2, "ja_run_job_table"] == "ja_run_job_fk1"
    assert used[6, "ja_run_jobnet_table"] == "ja_run_jobnet_idx2"
    assert used[6, "ja_run_job_table"] in {"ja_run_job_fk1", "ja_run_job_idx1"}


def test_many_icons_at_once_are_found_by_their_numbers(grown: Database) -> None:
    """However many numbers a statement names."""
    with explained("SELECT ja_run_value_before_table") as steps:
        grown.read(lambda conn: values.read(conn, Variables.BEFORE, range(1, MANY + 1)))
    assert steps
    assert {step[5] for step in steps} == {"ja_run_value_before_fk1"}
