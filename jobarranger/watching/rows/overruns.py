"""Reads the runs at work whose jobnet has a time limit, and when they have begun."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, func, select

from jobarranger.db import tables as t
from jobarranger.db.timelimits import limit_of
from jobarranger.states import ACTIVE_JOBNET, IconEvent
from jobarranger.watching.overruns import Limited

_S, _E = t.run_jobnet_summary.c, t.ext_event.c

_LIMIT = limit_of(t.run_jobnet_summary)
_LIMITED = select(
    _S.inner_jobnet_id.label("run"),
    _S.jobnet_id,
    func.coalesce(_S.schedule_id, "").label("schedule_id"),
    func.coalesce(_S.calendar_id, "").label("calendar_id"),
    _S.user_name,
    _S.scheduled_time,
    _S.start_time,
    _LIMIT.label("time_limit"),
).where(_S.status.in_(sorted(ACTIVE_JOBNET)), _LIMIT.is_not(None))
#: The first icon that is ready in a run is its START icon, in the transaction that begins it.
_BEGUN = (
    select(_E.inner_jobnet_main_id, func.min(_E.at))
    .where(
        _E.inner_jobnet_main_id.in_(bindparam("runs", expanding=True)),
        _E.event == int(IconEvent.READY),
    )
    .group_by(_E.inner_jobnet_main_id)
)


def limited(conn: Connection) -> list[Limited]:
    """Return the main runs at work that have a limit, in order of their numbers.

    The database must not sort: it might read the whole history in that order instead.
    """
    found = [Limited(**row._mapping) for row in conn.execute(_LIMITED)]
    return sorted(found, key=lambda one: one.run)


def begun(conn: Connection, runs: Collection[int]) -> dict[int, int]:
    """Return when (UTC ms) runs have begun; those of an original server are left out."""
    if not runs:
        return {}
    return {row[0]: int(row[1]) for row in conn.execute(_BEGUN, {"runs": sorted(runs)})}
