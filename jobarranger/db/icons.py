"""Icons of running jobnets, their arrows and their settings.

Functions take a connection inside the caller's transaction and never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from jobarranger.db import tables as t
from jobarranger.db.guarded import Change, apply_changes
from jobarranger.states import DispatchState, JobType, Method

_I, _F, _D = t.run_job.c, t.run_flow.c, t.ext_dispatch.c
_IDS = bindparam("ids", expanding=True)

_ICON = (
    _I.inner_job_id,
    _I.inner_jobnet_id,
    _I.inner_jobnet_main_id,
    _I.inner_job_id_fs_link,
    _I.job_type,
    _I.test_flag,
    _I.method_flag,
    _I.force_flag,
    _I.timeout_flag,
    _I.status,
    _I.boot_count,
    _I.end_count,
    _I.start_time,
    _I.end_time,
    _I.job_id,
    _I.job_name,
    _I.continue_flag,
    _I.run_user,
    _I.run_user_password,
)
_LOCK = select(*_ICON).where(_I.inner_job_id.in_(_IDS)).order_by(_I.inner_job_id).with_for_update()
_LOCK_STARTS = (
    select(*_ICON)
    .where(_I.inner_jobnet_id.in_(_IDS), _I.job_type == JobType.START)
    .order_by(_I.inner_job_id)
    .with_for_update()
)
_FLOWS = select(_F.start_inner_job_id, _F.end_inner_job_id, _F.flow_type).where(
    _F.start_inner_job_id.in_(_IDS)
)


def lock(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Lock icons in ascending order and return them."""
    return conn.execute(_LOCK, {"ids": sorted(ids)}).all()


def lock_starts(conn: Connection, instances: Collection[int]) -> Sequence[Any]:
    """Lock the START icons of instances and return them."""
    return conn.execute(_LOCK_STARTS, {"ids": sorted(instances)}).all()


def flows_from(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return the arrows that leave the given icons, as (start, end, flow type)."""
    return conn.execute(_FLOWS, {"ids": sorted(ids)}).all()


def write(conn: Connection, changes: Iterable[Change]) -> None:
    """Write icon rows, each guarded by the status it was read with."""
    apply_changes(conn, t.run_job, _I.inner_job_id, _I.status, changes)


_END = select(t.run_icon_end).where(t.run_icon_end.c.inner_job_id.in_(_IDS))
_VALUE = select(t.run_icon_value).where(t.run_icon_value.c.inner_job_id.in_(_IDS))
_C = t.run_icon_job.c
_JOB = (
    select(
        _C.inner_job_id,
        _C.host_flag,
        _C.host_name,
        _C.stop_flag,
        _C.timeout,
        _C.stop_code,
        t.run_job_command.c.command,
    )
    .outerjoin(
        t.run_job_command,
        (t.run_job_command.c.inner_job_id == _C.inner_job_id)
        & (t.run_job_command.c.command_cls == _C.command_type),
    )
    .where(_C.inner_job_id.in_(_IDS))
)
_JOB_VALUES = (
    select(t.run_value_job.c.inner_job_id, t.run_value_job.c.value_name, t.run_value_job.c.value)
    .where(t.run_value_job.c.inner_job_id.in_(_IDS))
    .order_by(t.run_value_job.c.value_name)
)
_JOB_CHOSEN = (
    select(t.run_value_jobcon.c.inner_job_id, t.run_value_jobcon.c.value_name)
    .where(t.run_value_jobcon.c.inner_job_id.in_(_IDS))
    .order_by(t.run_value_jobcon.c.value_name)
)
_STOP_CODES = select(_C.inner_job_id, _C.stop_code, _C.host_name).where(_C.inner_job_id.in_(_IDS))


def end_settings(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return the settings of END icons."""
    return conn.execute(_END, {"ids": sorted(ids)}).all()


def value_settings(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return the assignments of VALUE icons."""
    return conn.execute(_VALUE, {"ids": sorted(ids)}).all()


def job_settings(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return the settings of JOB icons, with the command that is to run (None: missing)."""
    return conn.execute(_JOB, {"ids": sorted(ids)}).all()


def job_values(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return the job variables of JOB icons."""
    return conn.execute(_JOB_VALUES, {"ids": sorted(ids)}).all()


def job_chosen(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return the names of controller variables that JOB icons ask for."""
    return conn.execute(_JOB_CHOSEN, {"ids": sorted(ids)}).all()


def stop_codes(conn: Connection, ids: Collection[int]) -> dict[int, tuple[str | None, str]]:
    """Return stop code and host (or host variable) of JOB icons."""
    return {row[0]: (row[1], row[2]) for row in conn.execute(_STOP_CODES, {"ids": sorted(ids)})}


_LAST_ATTEMPT = (
    select(_D.inner_job_id, func.max(_D.attempt))
    .where(_D.inner_job_id.in_(_IDS))
    .group_by(_D.inner_job_id)
)
_DISPATCHES = (
    select(
        _D.inner_job_id,
        _D.attempt,
        _D.inner_jobnet_main_id,
        _D.state,
        _D.host_name,
        _D.address,
        _D.agent_kind,
    )
    .where(_D.inner_job_id.in_(_IDS), _D.method.in_([Method.NORMAL, Method.TEST]))
    .order_by(_D.inner_job_id, _D.attempt)
)
_LOCK_DISPATCHES = _DISPATCHES.with_for_update()
_FINISH = (
    update(t.ext_dispatch)
    .where(
        _D.inner_job_id.in_(_IDS),
        _D.state.in_(
            [
                DispatchState.NEW,
                DispatchState.SENDING,
                DispatchState.ACCEPTED,
                DispatchState.UNKNOWN,
            ]
        ),
    )
    .values(state=bindparam("state"), result_at=bindparam("at"))
)


def last_attempts(conn: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return the number of the last attempt of each icon that was sent before."""
    return {row[0]: int(row[1]) for row in conn.execute(_LAST_ATTEMPT, {"ids": sorted(ids)})}


def dispatches(conn: Connection, ids: Collection[int], *, locked: bool = False) -> Sequence[Any]:
    """Return the runs of icons on agents, oldest attempt first (stop and kill requests aside)."""
    return conn.execute(_LOCK_DISPATCHES if locked else _DISPATCHES, {"ids": sorted(ids)}).all()


def add_dispatches(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Insert requests to agents."""
    conn.execute(insert(t.ext_dispatch), rows)


def finish_dispatches(
    conn: Connection, ids: Collection[int], at: int, state: DispatchState = DispatchState.DONE
) -> None:
    """Close every open request of the given icons."""
    conn.execute(_FINISH, {"ids": sorted(ids), "at": at, "state": state})
