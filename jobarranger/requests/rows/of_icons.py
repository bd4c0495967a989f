"""Find the requests of given icons, and icons without one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from jobarranger.db import tables as t
from jobarranger.requests.request import Key
from jobarranger.requests.rows.conditions import IDS, IS_RUN
from jobarranger.states import DispatchState, IconStatus, JobnetStatus

_D, _I, _C = t.ext_dispatch.c, t.run_job.c, t.run_icon_job.c

_SIBLINGS: Any = (
    select(_D.inner_job_id, _D.attempt, _D.method, _D.part, _D.state, _I.job_type, _I.job_id)
    .join_from(t.ext_dispatch, t.run_job, _I.inner_job_id == _D.inner_job_id)
    .where(_D.inner_job_id.in_(IDS))
)


@dataclass(frozen=True, slots=True)
class SiblingRequest:
    """Another request of the same icon, as a stop needs to know it."""

    key: Key
    state: DispatchState
    job_type: int
    job_name: str  #: the icon's `job_id`


def siblings(conn: Connection, ids: Collection[int]) -> list[SiblingRequest]:
    """Return all requests of the given icons in short."""
    rows = conn.execute(_SIBLINGS, {"ids": sorted(ids)})
    return [SiblingRequest(Key(*row[:4]), DispatchState(row[4]), row[5], row[6]) for row in rows]


_RUNS = (
    select(
        _D.inner_job_id,
        _D.attempt,
        _D.part,
        _D.inner_jobnet_main_id,
        _D.state,
        _D.host_name,
        _D.address,
        _D.agent_kind,
        _D.sending_at,
        _C.stop_code,
    )
    .outerjoin(t.run_icon_job, _C.inner_job_id == _D.inner_job_id)
    .where(_D.inner_job_id.in_(IDS), IS_RUN)
    .order_by(_D.inner_job_id, _D.attempt, _D.part)
)


def runs(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return the runs that were asked for icons, oldest attempt first (stops and kills aside)."""
    return conn.execute(_RUNS, {"ids": sorted(ids)}).all()


_LAST_ATTEMPT = (
    select(_D.inner_job_id, func.max(_D.attempt))
    .where(_D.inner_job_id.in_(IDS))
    .group_by(_D.inner_job_id)
)


def last_attempts(conn: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return the number of the last attempt of each icon that was sent before."""
    return {row[0]: int(row[1]) for row in conn.execute(_LAST_ATTEMPT, {"ids": sorted(ids)})}


_WITHOUT_REQUEST = (
    select(_I.inner_job_id, _I.inner_jobnet_main_id)
    .outerjoin(t.ext_dispatch, _D.inner_job_id == _I.inner_job_id)
    .join(t.run_jobnet, t.run_jobnet.c.inner_jobnet_id == _I.inner_jobnet_id)
    .where(
        _I.job_type.in_(bindparam("kinds", expanding=True)),
        _I.status.in_([IconStatus.RUN, IconStatus.ABORT]),
        t.run_jobnet.c.status.in_([JobnetStatus.RUN, JobnetStatus.RUNERR]),
        _D.inner_job_id.is_(None),
    )
)


def without_request(conn: Connection, kinds: Collection[int]) -> list[tuple[int, int]]:
    """Return icons at work for which no agent was asked by us, as (inner_job_id, main id).

    Args:
        conn: the connection.
        kinds: the types of icon whose work is a job on an agent.
    """
    found = conn.execute(_WITHOUT_REQUEST, {"kinds": sorted(kinds)})
    return [(row[0], row[1]) for row in found]
