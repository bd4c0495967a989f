"""Rows of running jobnets: `ja_run_jobnet_table`, its summary, and the census of icons.

Functions take a connection inside the caller's transaction and never commit. Lock order:
main rows in ascending order, then icons in ascending order (docs/database.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    union_all,
)

from jobarranger.db import query_plans
from jobarranger.db import tables as t
from jobarranger.db.guarded import apply_changes, write_alike
from jobarranger.model.census import Census
from jobarranger.model.change import Change
from jobarranger.states import IconStatus, JobnetStatus, MethodFlag, RunType

_J, _S, _I = t.run_jobnet.c, t.run_jobnet_summary.c, t.run_job.c

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)

#: `jobnet_abort_flag` of a run that a person wants stopped.
ASKED = 1

#: The columns of an instance that the engine works with.
_INSTANCE = (
    _J.inner_jobnet_id,
    _J.inner_jobnet_main_id,
    _J.inner_job_id,
    _J.update_date,
    _J.run_type,
    _J.main_flag,
    _J.timeout_flag,
    _J.status,
    _J.scheduled_time,
    _J.public_flag,
    _J.jobnet_id,
    _J.jobnet_name,
    _J.user_name,
    _J.execution_user_name,
)

_LAST_LOG = (
    select(func.max(t.run_log.c.log_date))
    .where(t.run_log.c.inner_jobnet_main_id == _J.inner_jobnet_id)
    .scalar_subquery()
    .label("last_log")
)

_MAINS = select(*_INSTANCE, _LAST_LOG).where(_J.inner_jobnet_id.in_(_IDS), _J.main_flag == 0)
_LOCK_MAINS = _MAINS.order_by(_J.inner_jobnet_id).with_for_update()
_LOCK_FREE_MAINS = _MAINS.order_by(_J.inner_jobnet_id).with_for_update(skip_locked=True)
_LAST_LOGS = select(_J.inner_jobnet_id, _LAST_LOG).where(_J.inner_jobnet_id.in_(_IDS))
_INSTANCES = select(*_INSTANCE).where(_J.inner_jobnet_id.in_(_IDS))

#: Boot has decided to start it, and nobody has asked for its stop.
_TO_START = and_(_S.status == JobnetStatus.READY, _S.jobnet_abort_flag == 0)
_STARTABLE = (
    select(_S.inner_jobnet_id)
    .where(_TO_START, _S.inner_jobnet_id.not_in(_IDS))
    .order_by(_S.inner_jobnet_id)
    .limit(bindparam("most"))
)
#: The same, or a server of the original was about to start it.
_STARTABLE_OF = (
    select(_S.inner_jobnet_id)
    .join(t.run_jobnet, _J.inner_jobnet_id == _S.inner_jobnet_id)
    .where(
        _S.inner_jobnet_id.in_(_IDS),
        _S.jobnet_abort_flag == 0,
        or_(
            _S.status == JobnetStatus.READY,
            and_(_S.status == JobnetStatus.RUN, _J.status == JobnetStatus.READY),
        ),
    )
    .order_by(_S.inner_jobnet_id)
)


def lock_mains(conn: Connection, ids: Collection[int], *, wait: bool) -> Sequence[Any]:
    """Lock main rows in ascending order; without `wait`, leave out those that others hold."""
    return conn.execute(_LOCK_MAINS if wait else _LOCK_FREE_MAINS, {"ids": sorted(ids)}).all()


def last_logs(conn: Connection, locked: Sequence[Any]) -> dict[int, int]:
    """Return the `log_date` of the newest row of each run that was just locked, 0 if it has none.

    A statement of PostgreSQL that gets a lock still sees all other rows as they were when it began;
    so what whoever held the lock has logged meanwhile is asked for anew.
    """
    rows = locked
    if conn.dialect.name == "postgresql":
        ids = [row.inner_jobnet_id for row in locked]
        rows = conn.execute(_LAST_LOGS, {"ids": ids}).all() if ids else []
    return {row.inner_jobnet_id: row.last_log or 0 for row in rows}


def instances(conn: Connection, ids: Collection[int]) -> Sequence[Any]:
    """Return instances by id."""
    return conn.execute(_INSTANCES, {"ids": sorted(ids)}).all()


def startable_of(conn: Connection, ids: Collection[int]) -> list[int]:
    """Return those of the given main runs that boot has decided to start."""
    return list(conn.scalars(_STARTABLE_OF, {"ids": sorted(ids)}))


def write_instances(conn: Connection, changes: Iterable[Change]) -> None:
    """Write instance rows, each guarded by the status it was read with."""
    apply_changes(conn, t.run_jobnet, _J.inner_jobnet_id, _J.status, changes)


def write_summaries(conn: Connection, changes: Mapping[int, Mapping[str, object]]) -> None:
    """Write summary rows, by main run."""
    write_alike(conn, t.run_jobnet_summary, _S.inner_jobnet_id, changes)


def _count(condition: Any) -> Any:
    """Count the icons that fulfil a condition."""
    return func.sum(case((condition, 1), else_=0))


_STOPPED = _I.status.in_([IconStatus.RUNERR, IconStatus.ABORT])
_STARTS: Any = bindparam("starts", expanding=True)
_ENDS: Any = bindparam("ends", expanding=True)
_COUNTS = {
    "total": func.count(),
    "ready": _count(_I.status == IconStatus.READY),
    "run": _count(_I.status == IconStatus.RUN),
    "failed": _count(and_(_STOPPED, _I.continue_flag == 0)),
    "ended": _count(or_(_I.status == IconStatus.END, and_(_STOPPED, _I.continue_flag == 1))),
    "fatal": _count(_I.status == IconStatus.ENDERR),
    "finished_ends": _count(and_(_I.job_type.in_(_ENDS), _I.status == IconStatus.END)),
    "starts": _count(_I.job_type.in_(_STARTS)),
    "ends": _count(_I.job_type.in_(_ENDS)),
    "stopping": _count(_I.status == IconStatus.ABORT),
    "overdue": _count(_I.timeout_flag == 1),
}
_CENSUS = (
    select(_I.inner_jobnet_id, *(column.label(name) for name, column in _COUNTS.items()))
    .where(_I.inner_jobnet_id.in_(_IDS))
    .group_by(_I.inner_jobnet_id)
)


def census(
    conn: Connection, ids: Collection[int], *, starts: Collection[int], ends: Collection[int]
) -> dict[int, Census]:
    """Count the icons of instances; an instance without icons has no entry.

    Args:
        conn: the connection.
        ids: of the instances.
        starts: the types of icon that begin a jobnet.
        ends: those that end one.
    """
    wanted = {"ids": sorted(ids), "starts": sorted(starts), "ends": sorted(ends)}
    return {
        row.inner_jobnet_id: Census(**{name: int(getattr(row, name)) for name in _COUNTS})
        for row in conn.execute(_CENSUS, wanted)
    }


def _one_statement(*parts: Select[Any]) -> CompoundSelect[Any]:
    """Join selects, limits and all, for one trip to the database each second instead of several."""
    return union_all(*(select(part.subquery()) for part in parts))


_UNSETTLED = (
    select(_J.inner_jobnet_id, _J.inner_jobnet_main_id)
    .join(t.run_job, _I.inner_jobnet_id == _J.inner_jobnet_id)
    .where(_J.status.in_([JobnetStatus.RUN, JobnetStatus.RUNERR]))
    .group_by(_J.inner_jobnet_id, _J.inner_jobnet_main_id, _J.status, _J.timeout_flag, _J.run_type)
    .having(
        or_(
            _COUNTS["fatal"] > 0,
            and_(_J.run_type != RunType.TEST, _COUNTS["finished_ends"] > 0),
            and_(_J.run_type == RunType.TEST, _COUNTS["ended"] == _COUNTS["total"]),
            and_(_J.status == JobnetStatus.RUN, _COUNTS["failed"] > 0),
            and_(_J.status == JobnetStatus.RUNERR, _COUNTS["failed"] == 0),
            and_(_J.timeout_flag == 0, _COUNTS["overdue"] > 0),
            and_(_J.timeout_flag == 1, _COUNTS["overdue"] == 0),
        )
    )
    .order_by(_J.inner_jobnet_id)
    .limit(bindparam("most"))
)
_ABOUT_TO_BEGIN = (
    select(_J.inner_jobnet_id, _J.inner_jobnet_main_id)
    .join(t.run_jobnet_summary, _S.inner_jobnet_id == _J.inner_jobnet_main_id)
    .where(
        _J.status == JobnetStatus.READY,
        _J.main_flag == 0,
        _S.status == JobnetStatus.RUN,
        _S.jobnet_abort_flag == 0,
    )
    .limit(bindparam("most"))
)
_SUB = t.run_jobnet.alias("sub")
_LEFT_BEHIND = (
    select(_SUB.c.inner_jobnet_id, _SUB.c.inner_jobnet_main_id)
    .select_from(t.run_jobnet)
    .join(t.run_job, _I.inner_jobnet_id == _J.inner_jobnet_id)
    .join(t.run_icon_jobnet, t.run_icon_jobnet.c.inner_job_id == _I.inner_job_id)
    .join(_SUB, _SUB.c.inner_jobnet_id == t.run_icon_jobnet.c.link_inner_jobnet_id)
    .where(
        _J.status.in_([JobnetStatus.RUN, JobnetStatus.RUNERR]),
        _I.job_type.in_(bindparam("nets", expanding=True)),
        or_(
            and_(
                _I.status == IconStatus.RUN,
                _SUB.c.status.not_in([JobnetStatus.BEGIN, JobnetStatus.RUN]),
            ),
            and_(
                _I.status == IconStatus.RUNERR,
                _I.continue_flag == 0,
                _SUB.c.status.in_([JobnetStatus.END, JobnetStatus.ENDERR]),
            ),
        ),
    )
    .limit(bindparam("most"))
)
_UNSETTLED_OR_LEFT = _one_statement(
    query_plans.in_this_order(_UNSETTLED),
    _ABOUT_TO_BEGIN,
    query_plans.in_this_order(_LEFT_BEHIND),
)


def unsettled(
    conn: Connection, most: int, *, ends: Collection[int], nets: Collection[int]
) -> list[tuple[int, int]]:
    """Return instances (id, main id) whose state does not fit their icons or sub-jobnets.

    In the ordinary course there are none: the step that changes an icon judges its instance. They
    come from people who write rows directly, from END icons reached while others are active, and
    from a server of the original, which begins jobnets and follows sub-jobnets in later passes and
    may have been replaced in between.

    Args:
        conn: the connection.
        most: of each sort.
        ends: the types of icon that end a jobnet.
        nets: those that contain one.
    """
    wanted = {"most": most, "ends": sorted(ends), "nets": sorted(nets)}
    return [(row[0], row[1]) for row in conn.execute(_UNSETTLED_OR_LEFT, wanted)]


_READY = (
    select(_I.inner_job_id, _I.inner_jobnet_main_id)
    .join(t.run_jobnet, _J.inner_jobnet_id == _I.inner_jobnet_id)
    .where(
        _I.status == IconStatus.READY,
        _I.method_flag != MethodFlag.WAIT,
        _J.status.in_([JobnetStatus.RUN, JobnetStatus.RUNERR]),
        _I.inner_jobnet_main_id.not_in(_IDS),
    )
    .order_by(_I.inner_jobnet_main_id, _I.inner_job_id)
    .limit(bindparam("most"))
)
_WAITING_OF = (
    select(_I.inner_job_id, _I.inner_jobnet_main_id)
    .where(
        _I.inner_jobnet_main_id.in_(_IDS),
        _I.status == IconStatus.READY,
        _I.method_flag != MethodFlag.WAIT,
    )
    .union_all(
        select(literal(0), _S.inner_jobnet_id).where(_S.inner_jobnet_id.in_(_IDS), _TO_START)
    )
)


_WAITING = _one_statement(
    _READY, select(literal(0).label("icon"), _STARTABLE.subquery().c.inner_jobnet_id)
)


def waiting(conn: Connection, most: int, without: Collection[int] = ()) -> list[tuple[int, int]]:
    """Return what waits anywhere as (inner_job_id, main id), `most` of each kind, in order.

    Ready icons that are not held; a run that boot has decided to start stands as icon 0. The main
    runs named in `without` are left out.
    """
    rows = conn.execute(_WAITING, {"most": most, "ids": sorted(without)})
    return _in_order(rows)


def waiting_of(conn: Connection, mains: Collection[int]) -> list[tuple[int, int]]:
    """Return what waits in the given main runs, like `waiting`."""
    return _in_order(conn.execute(_WAITING_OF, {"ids": sorted(mains)}))


def _in_order(rows: Iterable[Any]) -> list[tuple[int, int]]:
    """Return (icon, main run) of rows, main by main."""
    return sorted(((row[0], row[1]) for row in rows), key=lambda pair: (pair[1], pair[0]))


_FINISHED_END = (
    select(_I.inner_jobnet_id, func.max(t.ext_event.c.at))  # in a loop only the last time counts
    .join(t.ext_event, t.ext_event.c.inner_job_id == _I.inner_job_id)
    .where(
        _I.inner_jobnet_id.in_(_IDS),
        _I.job_type.in_(_ENDS),
        _I.status == IconStatus.END,
        t.ext_event.c.event == bindparam("event"),
    )
    .group_by(_I.inner_jobnet_id)
)


def end_reached_at(
    conn: Connection, ids: Collection[int], ends: Collection[int], event: int
) -> dict[int, int]:
    """Return since when (UTC ms) instances have a finished icon of a type that ends a jobnet."""
    wanted = {"ids": sorted(ids), "ends": sorted(ends), "event": event}
    rows = conn.execute(_FINISHED_END, wanted)
    return {row[0]: int(row[1]) for row in rows}


# -- stopping --------------------------------------------------------------------------------

#: A person wants the run stopped, and it has not ended yet.
_TO_STOP = and_(
    _S.status.in_([JobnetStatus.READY, JobnetStatus.RUN]), _S.jobnet_abort_flag == ASKED
)
_STOPS = (
    select(_S.inner_jobnet_id)
    .where(_TO_STOP, _S.inner_jobnet_id.not_in(_IDS))
    .order_by(_S.inner_jobnet_id)
    .limit(bindparam("most"))
)
_STOPS_OF = (
    select(_S.inner_jobnet_id)
    .where(_S.inner_jobnet_id.in_(_IDS), _TO_STOP)
    .order_by(_S.inner_jobnet_id)
)
_UNFINISHED = (
    select(*_INSTANCE)
    .where(
        _J.inner_jobnet_main_id.in_(_IDS),
        _J.status.in_([JobnetStatus.READY, JobnetStatus.RUN, JobnetStatus.RUNERR]),
    )
    .order_by(_J.inner_jobnet_id)
)
_END_SESSIONS = delete(t.session).where(t.session.c.inner_jobnet_main_id.in_(_IDS))


def stop_asked(conn: Connection, most: int, without: Collection[int] = ()) -> list[int]:
    """Return main runs that a person wants stopped, except those named in `without`."""
    return list(conn.scalars(_STOPS, {"most": most, "ids": sorted(without)}))


def stop_asked_of(conn: Connection, ids: Collection[int]) -> list[int]:
    """Return those of the given main runs that a person wants stopped."""
    return list(conn.scalars(_STOPS_OF, {"ids": sorted(ids)}))


def unfinished(conn: Connection, mains: Collection[int]) -> Sequence[Any]:
    """Return the instances of families that have begun, or are about to, and have not ended."""
    return conn.execute(_UNFINISHED, {"ids": sorted(mains)}).all()


def end_sessions(conn: Connection, mains: Collection[int]) -> None:
    """Delete the SSH sessions of main runs; whoever works in one sees that and gives up."""
    conn.execute(_END_SESSIONS, {"ids": sorted(mains)})
