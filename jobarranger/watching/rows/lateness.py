"""Reads what shows whether scheduled starts were loaded and have begun."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, select

from jobarranger.db import tables as t
from jobarranger.states import JobnetStatus, JobStatus, LoadStatus, RunType
from jobarranger.watching.late import Unbegun

_R, _S, _C, _L = t.run_jobnet.c, t.run_jobnet_summary.c, t.jobnet_control.c, t.ext_slot.c

Key = tuple[str, str, str, int]

_LOADED = select(_R.schedule_id, _R.calendar_id, _R.jobnet_id, _R.initial_scheduled_time).where(
    _R.initial_scheduled_time.between(bindparam("first"), bindparam("last")),
    _R.run_type == int(RunType.NORMAL),
    _R.main_flag == 0,
)
_HANDLED = select(_L.schedule_id, _L.calendar_id, _L.jobnet_id, _L.slot).where(
    _L.slot.between(bindparam("first"), bindparam("last"))
)
_UNBEGUN = (
    select(
        _S.inner_jobnet_id.label("run"),
        _S.jobnet_id,
        _S.schedule_id,
        _S.calendar_id,
        _S.user_name,
        _S.scheduled_time,
        _S.status,
        _S.load_status,
        _S.start_pending_flag,
    )
    .where(
        _S.scheduled_time.between(bindparam("first"), bindparam("last")),
        _S.run_type == int(RunType.NORMAL),
        _S.start_time == 0,
        _S.status.in_([int(JobnetStatus.BEGIN), int(JobnetStatus.READY), int(JobnetStatus.RUN)]),
    )
    .order_by(_S.scheduled_time, _S.inner_jobnet_id)
)
_IN_ERROR = (
    select(_S.jobnet_id)
    .where(
        _S.status == int(JobnetStatus.RUN),
        _S.job_status == int(JobStatus.ERROR),
        _S.load_status == int(LoadStatus.NORMAL),
    )
    .distinct()
)
_OWNERS = select(_C.jobnet_id, _C.user_name, _C.jobnet_name).where(
    _C.jobnet_id.in_(bindparam("ids", expanding=True)), _C.valid_flag == 1
)


def loaded(conn: Connection, first: int, last: int) -> set[Key]:
    """Return the starts between two slots that were loaded, whatever has become of them.

    A server of 3.0.0 leaves runs only; ours remembers a start when its run is purged.
    """
    span = {"first": first, "last": last}
    rows = [*conn.execute(_HANDLED, span), *conn.execute(_LOADED, span)]
    return {(row[0] or "", row[1] or "", row[2], row[3]) for row in rows}


def unbegun(conn: Connection, first: int, last: int) -> list[Unbegun]:
    """Return the scheduled runs between two slots that have no start time and have not ended."""
    rows = conn.execute(_UNBEGUN, {"first": first, "last": last})
    return [Unbegun(**_filled(row)) for row in rows]


def _filled(row: Any) -> dict[str, Any]:
    return {name: "" if value is None else value for name, value in row._mapping.items()}


def in_error(conn: Connection) -> set[str]:
    """Return the jobnets of which a run has begun and stands in error."""
    return set(conn.scalars(_IN_ERROR))


def owners(conn: Connection, jobnets: Collection[str]) -> dict[str, str]:
    """Return the owners of jobnets in force."""
    if not jobnets:
        return {}
    rows = conn.execute(_OWNERS, {"ids": sorted(jobnets)})
    return {row.jobnet_id: row.user_name for row in rows}
