"""What is read of every run that people look at."""

from __future__ import annotations

from sqlalchemy import select

from jobarranger.db import tables as t
from jobarranger.db import timelimits

_J, _S = t.run_jobnet.c, t.run_jobnet_summary.c

#: How the run stands as a whole.
SUMMARY = (
    _S.status.label("summary_status"),
    _S.job_status,
    _S.load_status,
    _S.jobnet_abort_flag,
    _S.start_pending_flag,
    _S.start_time.label("run_start_time"),
    _S.end_time.label("run_end_time"),
    _S.scheduled_time.label("run_scheduled_time"),
)
#: What it is, how it was started, and how it stands.
RUN = (
    _J.inner_jobnet_id,
    _J.jobnet_id,
    _J.jobnet_name,
    _J.run_type,
    _J.multiple_start_up,
    _J.user_name,
    _J.execution_user_name,
    _J.status.label("instance_status"),
    _J.scheduled_time,
    timelimits.limit_of(t.run_jobnet).label("time_limit"),
    *SUMMARY,
)
#: All runs; those that are not loaded yet have no summary.
RUNS = (
    select(*RUN)
    .outerjoin(t.run_jobnet_summary, _S.inner_jobnet_id == _J.inner_jobnet_id)
    .where(_J.main_flag == 0)
)
