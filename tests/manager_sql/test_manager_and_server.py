"""The Manager's statements on a working site: real server, real agent, real jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from jobarranger.commands.demo_site import wait_until
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.states import IconStatus, JobnetStatus, JobStatus, RunType
from tests.manager_sql.manager import Manager
from tests.stack import HOST, Stack

#: Seconds: an interval is one second; the rest is for slow machines.
SOON = 15.0

JOBNET = """
jobnet: NET
owner: tester
icons:
  START: {type: start}
  JOB-1:
    type: job
    host: localhost
    error-codes: 1-255
    command: |
      echo $$ >> PIDS
      exec sleep 600
  JOB-2:
    type: job
    host: localhost
    command: echo second
  END-1: {type: end}
flows:
  - START -> JOB-1 -> JOB-2 -> END-1
"""


class Site(Stack):
    """A site with the jobnet above, and words to look at it."""

    def begin(self) -> None:
        """Store the jobnet and start server and agent."""
        self.pids = self.directory / "pids"
        self.pids.touch()
        self.define(JOBNET.replace("PIDS", str(self.pids)))
        self.start()

    def row(self, table: Any, *conditions: Any) -> Any:
        """Return the one row that fulfils the conditions, None if there is none."""
        query = select(table).where(*conditions)
        return self.db.read(lambda conn: conn.execute(query).one_or_none())

    def icon(self, run: int, job_id: str) -> Any:
        """Return an icon's row, None as long as it has none."""
        c = t.run_job.c
        return self.row(t.run_job, c.inner_jobnet_id == run, c.job_id == job_id)

    def wait_for_icon(self, run: int, job_id: str, status: IconStatus) -> None:
        """Wait until an icon is in a state."""

        def is_there() -> bool:
            icon = self.icon(run, job_id)
            return icon is not None and icon.status == status

        assert wait_until(is_there, SOON), self.last_lines()

    def wait_for_run(self, run: int, status: JobnetStatus) -> Any:
        """Wait until a run is in a state; return its summary."""
        c = t.run_jobnet_summary.c

        def is_there() -> bool:
            summary = self.row(t.run_jobnet_summary, c.inner_jobnet_id == run)
            return summary is not None and summary.status == status

        assert wait_until(is_there, SOON), self.last_lines()
        return self.row(t.run_jobnet_summary, c.inner_jobnet_id == run)

    def job_process(self, count: int = 1) -> psutil.Process:
        """Wait until so many jobs have begun; return the process of the last."""
        assert wait_until(lambda: len(self.pids.read_text().split()) >= count, SOON)
        return psutil.Process(int(self.pids.read_text().split()[-1]))


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Iterator[Site]:
    """Give a working site."""
    made = Site(tmp_path, database.settings)
    try:
        made.begin()
        yield made
    finally:
        made.close()


def ends(process: psutil.Process) -> bool:
    """Wait for the end of a process; return whether it came in time."""
    return not psutil.wait_procs([process], timeout=SOON)[1]


def test_a_run_is_stopped_and_its_job_killed(site: Site) -> None:
    """The run is over at once, the job's process soon, and nothing behind it has started."""
    manager = Manager(site.db)
    run = manager.start()
    process = site.job_process()
    site.wait_for_icon(run, "JOB-1", IconStatus.RUN)
    assert manager.send("stop_run", inner_jobnet_id=run) == 1
    summary = site.wait_for_run(run, JobnetStatus.ENDERR)
    assert summary.job_status == JobStatus.ERROR
    assert ends(process)
    site.wait_for_icon(run, "JOB-1", IconStatus.RUNERR)
    assert site.icon(run, "JOB-2").status == IconStatus.BEGIN


def test_icons_are_released_stopped_run_again_and_skipped(site: Site) -> None:
    """A run on hold is released, its job stopped, run again, stopped again and skipped."""
    manager = Manager(site.db)
    run = manager.start(run_type=RunType.WAIT)
    site.wait_for_icon(run, "START", IconStatus.READY)
    manager.send("release_icon", inner_job_id=site.icon(run, "START").inner_job_id)
    site.wait_for_icon(run, "JOB-1", IconStatus.RUN)
    job = site.icon(run, "JOB-1").inner_job_id
    for count in (1, 2):
        process = site.job_process(count)
        assert manager.send("stop_icon", inner_job_id=job) == 1
        site.wait_for_icon(run, "JOB-1", IconStatus.RUNERR)
        assert ends(process)
        if count == 1:
            assert manager.send("rerun_icon", inner_job_id=job) == 1
            site.wait_for_icon(run, "JOB-1", IconStatus.RUN)
    assert manager.send("skip_icon", inner_job_id=job) == 1
    summary = site.wait_for_run(run, JobnetStatus.END)
    assert summary.job_status == JobStatus.NORMAL


def test_a_job_runs_alone(site: Site) -> None:
    """The rows of a job alone lead to its process and its result, without any message."""
    manager = Manager(site.db)
    run = manager.run_single_job(host_name=HOST, command='echo "$OWN"')
    site.wait_for_run(run, JobnetStatus.END)
    c = t.run_value_after.c
    job = site.icon(run, "JOB-1").inner_job_id
    output = site.row(t.run_value_after, c.inner_job_id == job, c.value_name == "STD_OUT")
    assert output.after_value == f"RUN_JOB_{run}\n"
