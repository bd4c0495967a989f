"""Statements of people's operations on runs and their icons.

Functions take a connection inside the caller's transaction and never commit. Each change names the
state it was decided on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Table, Update, and_, select, update

from jobarranger.db import tables as t

_J, _S, _I = t.run_jobnet.c, t.run_jobnet_summary.c, t.run_job.c

_RUN = select(
    _S.inner_jobnet_id,
    _S.jobnet_id,
    _S.status,
    _S.load_status,
    _S.jobnet_abort_flag,
    _S.scheduled_time,
    _S.start_pending_flag,
    _S.multiple_start_up,
    _S.user_name,
    _S.public_flag,
    _J.status.label("instance_status"),
).join(t.run_jobnet, _J.inner_jobnet_id == _S.inner_jobnet_id)
_ICON = (
    select(
        _I.inner_job_id,
        _I.inner_jobnet_main_id,
        _I.job_id,
        _I.job_type,
        _I.method_flag,
        _I.status,
        _I.continue_flag,
        _J.status.label("instance_status"),
        _S.jobnet_id,
        _S.status.label("run_status"),
        _S.jobnet_abort_flag,
        _S.user_name,
        _S.public_flag,
    )
    .join(t.run_jobnet, _J.inner_jobnet_id == _I.inner_jobnet_id)
    .join(t.run_jobnet_summary, _S.inner_jobnet_id == _I.inner_jobnet_main_id)
)


def run(conn: Connection, number: int) -> Any | None:
    """Return what operations on a run depend on, None if it is not loaded."""
    return conn.execute(_RUN.where(_S.inner_jobnet_id == number)).one_or_none()


def icon(conn: Connection, number: int, *, lock: bool = False) -> Any | None:
    """Return what operations on an icon depend on, None if there is no such icon."""
    query = _ICON.where(_I.inner_job_id == number)
    return conn.execute(query.with_for_update(of=t.run_job) if lock else query).one_or_none()


def change_run(found: Any, values: Mapping[str, int]) -> Update:
    """Return the change of the summary of a run, if it is still as it was found."""
    return (
        update(t.run_jobnet_summary)
        .where(_S.inner_jobnet_id == found.inner_jobnet_id, _S.status == found.status)
        .values(**values)
    )


def change_unstarted(found: Any, values: Mapping[str, int]) -> Update:
    """Return the change of the summary of a run, if nothing of its start is other than found."""
    return change_run(found, values).where(
        _S.load_status == found.load_status,
        _S.start_pending_flag == found.start_pending_flag,
        _S.scheduled_time == found.scheduled_time,
    )


def change_instance(found: Any, values: Mapping[str, int]) -> Update:
    """Return the change of the main row of a run, if it is still as it was found."""
    return (
        update(t.run_jobnet)
        .where(_J.inner_jobnet_id == found.inner_jobnet_id, _J.status == found.instance_status)
        .values(**values)
    )


def change_starts(conn: Connection, run: int, kinds: Collection[int], status: int) -> None:
    """Set the icons that begin a main jobnet, which are of some types, to `status`."""
    starts = and_(_I.inner_jobnet_id == run, _I.job_type.in_(sorted(kinds)))
    conn.execute(update(t.run_job).where(starts).values(status=status))


def change_icon(found: Any, values: Mapping[str, int]) -> Update:
    """Return the change of an icon, if it is still as it was found."""
    return (
        update(t.run_job)
        .where(
            _I.inner_job_id == found.inner_job_id,
            _I.status == found.status,
            _I.method_flag == found.method_flag,
        )
        .values(**values)
    )


def set_settings(
    conn: Connection, table: Table, icon_id: int, values: Mapping[str, object]
) -> None:
    """Set columns of an icon's row in a table of settings."""
    conn.execute(update(table).where(table.c.inner_job_id == icon_id).values(**values))
