"""Start main runs that boot has decided to start (docs/flow.md, States)."""

from __future__ import annotations

from collections.abc import Collection

from jobarranger.db import runs, values
from jobarranger.db.values import Variables
from jobarranger.flow import beginning
from jobarranger.flow.work import Work
from jobarranger.states import JobnetStatus, JobStatus


def start_jobnets(work: Work, mains: Collection[int]) -> None:
    """Start main runs that boot has decided to start, and make their START icons ready."""
    if not mains:
        return
    conn = work.unit.conn
    agreed = set(runs.startable_of(conn, mains))
    mains = [
        main
        for main in mains
        if main in agreed
        and work.instances[main].status in {JobnetStatus.BEGIN, JobnetStatus.READY}
    ]
    if not mains:
        return
    starts = work.load_starts(mains)
    given = values.read(conn, Variables.JOBNET, mains)
    for main in mains:
        work.families[main].summary.update(
            status=int(JobnetStatus.RUN), start_time=work.now.second, end_time=0
        )
        if len(starts[main]) == 1:
            beginning.begin(work, main, starts[main][0], given[main])
        else:
            beginning.refuse(work, work.instances[main], len(starts[main]))
            work.families[main].summary["job_status"] = int(JobStatus.ERROR)
