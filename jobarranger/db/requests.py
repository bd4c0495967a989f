"""Statements about start requests: registering, loading, booting.

A request is a main row of `ja_run_jobnet_table` without a summary row. Functions take a
connection, mostly inside the caller's transaction, and never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from jobarranger.db import tables as t
from jobarranger.db.definitions import Values
from jobarranger.states import (
    JobnetStatus,
    LoadStatus,
    RunType,
)

_J, _S = t.run_jobnet.c, t.run_jobnet_summary.c
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)

#: What the loader needs of a request.
_REQUEST = tuple(column for column in _J if column.name != "created_date")

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


# -- registering ---------------------------------------------------------------------------


def known_requests(conn: Connection, request_ids: Collection[str]) -> dict[str, int]:
    """Return the runs that requests have led to already."""
    if not request_ids:
        return {}
    c = t.ext_request.c
    rows = conn.execute(
        select(c.request_id, c.inner_jobnet_id).where(c.request_id.in_(sorted(request_ids)))
    )
    return {row.request_id: row.inner_jobnet_id for row in rows}


def timed_starts(conn: Connection, slots: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return those (jobnet id, scheduled time) that a timed start exists for, in any state."""
    if not slots:
        return set()
    rows = conn.execute(
        select(_J.jobnet_id, _J.scheduled_time).where(
            _J.scheduled_time.in_(sorted({time for _, time in slots})),
            _J.jobnet_id.in_(sorted({name for name, _ in slots})),
            _J.run_type == RunType.TIME,
        )
    )
    return {(row.jobnet_id, row.scheduled_time) for row in rows} & set(slots)


def lock_guards(request_ids: Collection[str]) -> Select[Any]:
    """Return the select of guard rows (`ja_ext_request`), to be locked."""
    c = t.ext_request.c
    return select(c.request_id).where(c.request_id.in_(sorted(request_ids))).order_by(c.request_id)


def move_guards(conn: Connection, request_ids: Mapping[str, int], at: int) -> None:
    """Let guard rows of purged runs stand for new runs (rare: one statement each)."""
    c = t.ext_request.c
    for request_id, run in request_ids.items():
        conn.execute(
            update(t.ext_request)
            .where(c.request_id == request_id)
            .values(inner_jobnet_id=run, at=at)
        )


def add_requests(
    conn: Connection,
    runs: Sequence[Values],
    values: Sequence[Values],
    requests: Sequence[Values],
) -> None:
    """Insert start requests with their variables and request ids."""
    for table, rows in (
        (t.run_jobnet, runs),
        (t.value_before_jobnet, values),
        (t.ext_request, requests),
    ):
        if rows:
            conn.execute(insert(table), [dict(row) for row in rows])


def existing_runs(conn: Connection, ids: Collection[int]) -> set[int]:
    """Return those of the ids that have a row in `ja_run_jobnet_table`."""
    return set(
        conn.scalars(
            select(_J.inner_jobnet_id).where(_J.inner_jobnet_id.in_(_IDS)), {"ids": sorted(ids)}
        )
    )


# -- loading -------------------------------------------------------------------------------

_UNLOADED = (
    select(*_REQUEST)
    .outerjoin(t.run_jobnet_summary, _S.inner_jobnet_id == _J.inner_jobnet_id)
    .where(
        _J.status == JobnetStatus.BEGIN,
        _J.main_flag == 0,
        _J.run_type != RunType.NORMAL,
        _S.inner_jobnet_id.is_(None),
    )
    .order_by(_J.inner_jobnet_id)
)
_UNLOADED_SWEEP = _UNLOADED.where(_J.inner_jobnet_id.not_in(_IDS)).limit(bindparam("most"))
_UNLOADED_OF = _UNLOADED.where(_J.inner_jobnet_id.in_(_IDS))


def unloaded(conn: Connection, most: int, without: Collection[int] = ()) -> list[Values]:
    """Return requests that wait for the loader, oldest ids first."""
    rows = conn.execute(_UNLOADED_SWEEP, {"most": most, "ids": sorted(without)})
    return [dict(row) for row in rows.mappings()]


def unloaded_of(conn: Connection, ids: Collection[int]) -> list[Values]:
    """Return those of the given runs that wait for the loader."""
    return [dict(row) for row in conn.execute(_UNLOADED_OF, {"ids": sorted(ids)}).mappings()]


def lock_waiting_mains(ids: Collection[int]) -> Select[Any]:
    """Return the select of those main rows that are in state BEGIN, to be locked."""
    return (
        select(_J.inner_jobnet_id)
        .where(_J.inner_jobnet_id.in_(sorted(ids)), _J.status == JobnetStatus.BEGIN)
        .order_by(_J.inner_jobnet_id)
    )


def summarised(conn: Connection, ids: Collection[int]) -> set[int]:
    """Return those of the runs that have a summary row."""
    statement = select(_S.inner_jobnet_id).where(_S.inner_jobnet_id.in_(_IDS))
    return set(conn.scalars(statement, {"ids": sorted(ids)}))


def fail_run_rows(ids: Collection[int], at: int) -> Any:
    """Return the update that marks run rows as not loadable; `at` is a 14-digit stamp."""
    return (
        update(t.run_jobnet)
        .where(_J.inner_jobnet_id.in_(sorted(ids)), _J.status == JobnetStatus.BEGIN)
        .values(status=JobnetStatus.ENDERR, start_time=at, end_time=at)
    )


# -- booting -------------------------------------------------------------------------------

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


def lock_mains(ids: Collection[int]) -> Select[Any]:
    """Return the select of main rows with what the run log copies, to be locked in id order."""
    return (
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
