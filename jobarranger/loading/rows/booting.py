"""Statements about runs that are to be started: due ones, and what the decision makes of them.

Functions take a connection or the transaction that the caller has begun, and never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, or_, select, update

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.states import (
    JobnetStatus,
    LoadStatus,
)

_J, _S = t.run_jobnet.c, t.run_jobnet_summary.c
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)

#: What the boot decisions are made of.
_DUE = (
    _S.inner_jobnet_id,
    _S.jobnet_id,
    _S.run_type,
    _S.status,
    _S.load_status,
    _S.scheduled_time,
    _S.multiple_start_up,
    _S.start_pending_flag,
)
#: A run that may start when its time has come.
_UNSTARTED = and_(_S.status == JobnetStatus.BEGIN, _S.start_pending_flag != 1)
_DUE_NOW = (
    select(*_DUE)
    .where(
        _UNSTARTED,
        _S.scheduled_time <= bindparam("slot"),
        _S.jobnet_id.not_in(bindparam("paused", expanding=True)),
        or_(
            _S.load_status != LoadStatus.DELAY,
            _S.jobnet_id.not_in(bindparam("waiting", expanding=True)),
        ),
    )
    .order_by(_S.scheduled_time, _S.inner_jobnet_id)
)
_DUE_PAGE = _DUE_NOW.where(
    or_(
        _S.scheduled_time > bindparam("after_time"),
        and_(_S.scheduled_time == bindparam("after_time"), _S.inner_jobnet_id > bindparam("after")),
    )
).limit(bindparam("most"))
_DUE_FIRST = _DUE_NOW.limit(bindparam("most"))
_DUE_IDS = _DUE_NOW.where(_S.inner_jobnet_id.in_(_IDS))
_NEXT_SLOT = (
    select(_S.scheduled_time)
    .where(_UNSTARTED, _S.scheduled_time > bindparam("slot"))
    .order_by(_S.scheduled_time)
    .limit(1)
)
_NAMED = t.run_jobnet_summary.alias("named")
_HINTED = (
    select(*_DUE)
    .where(_UNSTARTED, _S.inner_jobnet_id.in_(_IDS))
    .union(
        select(*_DUE).where(
            _UNSTARTED,
            _S.load_status == LoadStatus.DELAY,
            _S.jobnet_id.in_(select(_NAMED.c.jobnet_id).where(_NAMED.c.inner_jobnet_id.in_(_IDS))),
        )
    )
)


def due(
    conn: Connection,
    slot: int,
    most: int,
    after: tuple[int, int] | None = None,
    paused: Collection[str] = (),
    waiting: Collection[str] = (),
) -> Sequence[Any]:
    """Return a page of runs whose time has come, in the order in which they are to start.

    Args:
        conn: any connection.
        slot: the last one that is due (`jobarranger.slots.due_slot`).
        most: rows of the page.
        after: (scheduled time, id) of the last row of the page before.
        paused: jobnets to be left out.
        waiting: jobnets whose runs that wait already are to be left out.
    """
    values = {"slot": slot, "most": most, "paused": sorted(paused), "waiting": sorted(waiting)}
    if after is None:
        return conn.execute(_DUE_FIRST, values).all()
    return conn.execute(_DUE_PAGE, {**values, "after_time": after[0], "after": after[1]}).all()


def due_of(conn: Connection, slot: int, ids: Collection[int]) -> Sequence[Any]:
    """Return those of the given runs whose time has come, in order."""
    return conn.execute(
        _DUE_IDS, {"slot": slot, "ids": sorted(ids), "paused": [], "waiting": []}
    ).all()


def next_slot(conn: Connection, slot: int) -> int | None:
    """Return the first slot after `slot` that a run is to start at."""
    return conn.scalar(_NEXT_SLOT, {"slot": slot})


def hinted(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return what hints at runs are about: those that have not started, due or not.

    To them come the runs of the same jobnets that wait for others: a run that was named may have
    ended, and a new one must not overtake them.
    """
    return conn.execute(_HINTED, {"ids": sorted(ids)}).all()


def lock_mains(unit: Unit, ids: Collection[int]) -> Sequence[Any]:
    """Lock main rows in the order of their ids; return them with what the run log copies."""
    wanted = (
        select(
            _J.inner_jobnet_id,
            _J.status,
            _J.update_date,
            _J.run_type,
            _J.public_flag,
            _J.jobnet_id,
            _J.jobnet_name,
            _J.user_name,
            _J.scheduled_time,
        )
        .where(_J.inner_jobnet_id.in_(sorted(ids)))
        .order_by(_J.inner_jobnet_id)
    )
    return unit.execute(unit.lock(wanted)).all()


def start_summaries(ids: Collection[int]) -> Any:
    """Return the update that starts due runs."""
    return (
        update(t.run_jobnet_summary)
        .where(_S.inner_jobnet_id.in_(sorted(ids)), _UNSTARTED)
        .values(status=JobnetStatus.READY, load_status=LoadStatus.NORMAL)
    )


def change_summaries(ids: Collection[int], values: Mapping[str, int]) -> Any:
    """Return the update of runs that do not start (skipped, waiting, missed)."""
    return (
        update(t.run_jobnet_summary)
        .where(_S.inner_jobnet_id.in_(sorted(ids)), _UNSTARTED)
        .values(**values)
    )


def change_mains(ids: Collection[int], values: Mapping[str, int]) -> Any:
    """Return the update of main rows in state BEGIN."""
    return (
        update(t.run_jobnet)
        .where(_J.inner_jobnet_id.in_(sorted(ids)), _J.status == JobnetStatus.BEGIN)
        .values(**values)
    )


def fail_start_icons(
    conn: Connection, ids: Iterable[int], kinds: Collection[int], status: int
) -> dict[int, int]:
    """Set the icons that begin main jobnets, of some types, to `status`; return {run: icon}."""
    c = t.run_job.c
    rows = conn.execute(
        select(c.inner_jobnet_id, c.inner_job_id).where(
            c.inner_jobnet_id.in_(sorted(ids)), c.job_type.in_(sorted(kinds))
        )
    ).all()
    if rows:
        conn.execute(
            update(t.run_job)
            .where(c.inner_job_id.in_(sorted(row.inner_job_id for row in rows)))
            .values(status=status)
        )
    return {row.inner_jobnet_id: row.inner_job_id for row in rows}
