"""Find icons that are to be stopped, and what was asked for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select

from jobarranger.db import tables as t
from jobarranger.requests.rows.conditions import IDS, IS_IN_PROGRESS, IS_RUN, MOST, SLOTS
from jobarranger.states import IconStatus, MethodFlag

_D, _I, _C = t.ext_dispatch.c, t.run_job.c, t.run_icon_job.c

#: Stands for the slot of icons that have no request.
NO_SLOT = -1

_RUN_IN_PROGRESS = and_(_D.inner_job_id == _I.inner_job_id, IS_RUN, IS_IN_PROGRESS)
_IN_PROGRESS: Any = (
    select(
        _I.inner_job_id,
        _I.inner_jobnet_main_id,
        _I.inner_job_id_fs_link,
        _I.job_type,
        _D.attempt,
        _D.method,
        _D.part,
        _D.channel,
        _D.slot,
        _D.host_name,
        _D.force_flag,
        _D.payload,
        _D.state,
        _C.stop_flag,
        t.run_job_command.c.command.label("stop_command"),
    )
    .join(t.ext_dispatch, _RUN_IN_PROGRESS)
    .outerjoin(t.run_icon_job, _C.inner_job_id == _I.inner_job_id)
    .outerjoin(
        t.run_job_command,
        and_(
            t.run_job_command.c.inner_job_id == _I.inner_job_id,
            t.run_job_command.c.command_cls == 2,
        ),
    )
    .where(_I.status == IconStatus.RUN, _I.inner_job_id.in_(IDS))
    .order_by(_I.inner_jobnet_main_id, _I.inner_job_id, _D.attempt, _D.part)
)
_STOPPABLE = (
    select(_I.inner_job_id, _I.inner_jobnet_main_id, _I.job_type)
    .outerjoin(t.ext_dispatch, _RUN_IN_PROGRESS)
    .where(
        _I.status == IconStatus.RUN,
        _I.method_flag == MethodFlag.STOP,
        _I.job_type.in_(bindparam("kinds", expanding=True)),
        func.coalesce(_D.slot, NO_SLOT).in_(SLOTS),
    )
    .order_by(_I.inner_jobnet_main_id, _I.inner_job_id)
    .limit(MOST)
)


def stop_asked(
    conn: Connection, slots: Sequence[int], kinds: Collection[int], *, most: int
) -> Sequence[Any]:
    """Return the running icons of some kinds that a person wants stopped, by their hosts' slots.

    `NO_SLOT` among the slots asks for those that nobody has, nor is to get.
    """
    wanted = {"slots": list(slots), "kinds": sorted(kinds), "most": most}
    return conn.execute(_STOPPABLE, wanted).all()


def in_progress(conn: Connection, icons: Collection[int]) -> dict[int, list[Any]]:
    """Return the runs in progress of each of the given icons that has any: of its last attempt."""
    found: dict[int, list[Any]] = {}
    for row in conn.execute(_IN_PROGRESS, {"ids": sorted(icons)}):
        parts = found.setdefault(row.inner_job_id, [])
        parts[:] = [part for part in parts if part.attempt == row.attempt] + [row]
    return found
