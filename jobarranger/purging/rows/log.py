"""Removes old rows of the run log."""

from __future__ import annotations

from sqlalchemy import Connection, and_, bindparam, delete, exists, select

from jobarranger.db import tables as t
from jobarranger.states import JobnetStatus

_S, _L = t.run_jobnet_summary.c, t.run_log.c

#: States of a run that is not over. (Named, since an index serves them: they are few.)
_GOING = (JobnetStatus.BEGIN, JobnetStatus.READY, JobnetStatus.RUN, JobnetStatus.RUNERR)

DUE_LOG = and_(
    _L.log_date <= bindparam("log"),
    ~exists().where(
        _S.inner_jobnet_id == _L.inner_jobnet_main_id,
        _S.status.in_(_GOING),
    ),
)
_LOG_END = (
    select(_L.log_date)
    .where(_L.log_date > bindparam("after"), _L.log_date <= bindparam("log"))
    .order_by(_L.log_date)
    .offset(bindparam("skipped"))
    .limit(1)
)
_DELETE_LOG = delete(t.run_log).where(_L.log_date > bindparam("after"), DUE_LOG)


def remove_log(conn: Connection, log: int, after: int, most: int) -> tuple[int, int | None]:
    """Remove about `most` rows of the run log that are no younger than `log` (17 digits).

    Rows of runs that are not over stay, however old.

    Returns:
        how many were removed, and after which date to go on; None when that was all.
    """
    values = {"after": after, "log": log, "skipped": most - 1}
    end = conn.execute(_LOG_END, values).scalar_one_or_none()
    result = conn.execute(_DELETE_LOG, {"after": after, "log": log if end is None else end})
    return result.rowcount, end
