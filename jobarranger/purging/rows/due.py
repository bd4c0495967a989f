"""Finds runs, and requests that never became runs, that have been over for long enough.

The parameters that say how long are read here, too. Functions never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, or_, select

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.purging.limits import PurgeLimits
from jobarranger.purging.spans import PARAMETERS
from jobarranger.states import IconStatus, JobnetStatus

_J, _S, _I = t.run_jobnet.c, t.run_jobnet_summary.c, t.run_job.c
_IDS: Any = bindparam("ids", expanding=True)
_MOST: Any = bindparam("most")

_SPANS = select(t.parameter.c.parameter_name, t.parameter.c.value).where(
    t.parameter.c.parameter_name.in_(sorted(PARAMETERS.values()))
)


def parameters(conn: Connection) -> dict[str, str]:
    """Return the parameters that say how long things are kept, those that there are."""
    return {row.parameter_name: row.value for row in conn.execute(_SPANS)}


_AT_WORK = exists().where(
    _I.inner_jobnet_main_id == _S.inner_jobnet_id,
    _I.status.in_([IconStatus.READY, IconStatus.RUN]),
)
#: The status, hidden from the choice of an index: in a long history most runs have the same one,
#: and the way to the next few is by the time of their end.
_STATUS = _S.status + 0
#: A run that is over for long enough; one that was stopped only when none of its icons is at work.
DUE_RUN = and_(
    _S.end_time > 0,
    _S.end_time <= bindparam("runs"),
    _S.initial_scheduled_time < bindparam("slot"),
    or_(
        _STATUS == JobnetStatus.END,
        and_(_STATUS == JobnetStatus.ENDERR, ~_AT_WORK),
    ),
)
#: Runs are looked for among so many at a time, the next ones by their end: no product sorts, or
#: looks through, all that are due to find the first of them.
_STRIDE = 500
_STRIDE_END = (
    select(_S.end_time)
    .where(_S.end_time >= bindparam("after_time"), _S.end_time <= bindparam("runs"))
    .order_by(_S.end_time)
    .offset(_STRIDE - 1)
    .limit(1)
)
_DUE_RUNS = (
    select(_S.end_time, _S.inner_jobnet_id)
    .where(
        DUE_RUN,
        _S.end_time >= bindparam("after_time"),
        or_(_S.end_time > bindparam("after_time"), _S.inner_jobnet_id > bindparam("after")),
    )
    .order_by(_S.end_time, _S.inner_jobnet_id)
    .limit(_MOST)
)

#: A request that could not be loaded and has no summary.
DUE_REQUEST = and_(
    _J.status == JobnetStatus.ENDERR,
    _J.main_flag == 0,
    _J.inner_jobnet_main_id == _J.inner_jobnet_id,
    _J.end_time <= bindparam("runs"),
    _J.initial_scheduled_time < bindparam("slot"),
    ~exists().where(_S.inner_jobnet_id == _J.inner_jobnet_id),
)
_DUE_REQUESTS = (
    select(_J.inner_jobnet_id)
    .where(DUE_REQUEST, _J.inner_jobnet_id > bindparam("after"))
    .order_by(_J.inner_jobnet_id)
    .limit(_MOST)
)
_LOCK = select(_J.inner_jobnet_id).where(_J.inner_jobnet_id.in_(_IDS)).order_by(_J.inner_jobnet_id)


def due_runs(
    conn: Connection, limits: PurgeLimits, after: tuple[int, int], most: int
) -> Sequence[tuple[int, int]]:
    """Return (end time, id) of due runs after the given ones, those that ended first first."""
    after_time, number = after
    while True:
        span = {"after_time": after_time, "runs": limits.runs}
        end = conn.scalar(_STRIDE_END, span)
        until = limits.runs if end is None else end
        values = {**span, "runs": until, "slot": limits.slot, "after": number, "most": most}
        rows = conn.execute(_DUE_RUNS, values).all()
        if rows or end is None:
            return [(row[0], row[1]) for row in rows]
        after_time, number = end + 1, 0  # whatever ended up to then stays


def due_requests(conn: Connection, limits: PurgeLimits, after: int, most: int) -> list[int]:
    """Return requests that never became runs, in order of their ids."""
    values = {"runs": limits.runs, "slot": limits.slot, "after": after, "most": most}
    return list(conn.scalars(_DUE_REQUESTS, values))


#: By key alone: other conditions might tempt a product to look for the rows by those.
_ENDS = (
    select(
        _J.inner_jobnet_id,
        _J.main_flag,
        _J.inner_jobnet_main_id,
        _J.status.label("run_status"),
        _J.end_time.label("run_end"),
        _J.initial_scheduled_time.label("slot"),
        _S.status,
        _S.end_time,
        _S.initial_scheduled_time,
    )
    .outerjoin_from(t.run_jobnet, t.run_jobnet_summary, _S.inner_jobnet_id == _J.inner_jobnet_id)
    .where(_J.inner_jobnet_id.in_(_IDS))
)
_BUSY = (
    select(_I.inner_jobnet_main_id)
    .where(
        _I.inner_jobnet_main_id.in_(_IDS),
        _I.status.in_([IconStatus.READY, IconStatus.RUN]),
    )
    .distinct()
)


def lock_due(unit: Unit, mains: Collection[int], limits: PurgeLimits) -> list[int]:
    """Lock main rows, ascending, except those that others hold; return those still due."""
    free = list(unit.execute(unit.lock(_LOCK, skip_locked=True), {"ids": sorted(mains)}).scalars())
    if not free:
        return []
    rows = unit.conn.execute(_ENDS, {"ids": free}).all()
    due = {row.inner_jobnet_id: row.status for row in rows if _is_over(row, limits)}
    stopped = sorted(run for run, status in due.items() if status == JobnetStatus.ENDERR)
    busy = set(unit.conn.scalars(_BUSY, {"ids": stopped})) if stopped else set()
    return sorted(due.keys() - busy)


def _is_over(row: Any, limits: PurgeLimits) -> bool:
    """Return whether a run, or a request without a summary, has been over for long enough."""
    if row.status is None:
        is_over = (
            row.run_status == JobnetStatus.ENDERR
            and row.main_flag == 0
            and row.inner_jobnet_main_id == row.inner_jobnet_id
        )
        end, slot = row.run_end, row.slot
    else:
        is_over = row.status in {JobnetStatus.END, JobnetStatus.ENDERR} and row.end_time > 0
        end, slot = row.end_time, row.initial_scheduled_time
    return bool(is_over and end <= limits.runs and slot < limits.slot)
