"""Statements about start requests: registering and loading.

A request is a main row of `ja_run_jobnet_table` without a summary row. Functions take a
connection, mostly inside the caller's transaction, and never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update

from jobarranger.db import tables as t
from jobarranger.db.definitions import Values
from jobarranger.db.engine import Unit
from jobarranger.states import JobnetStatus, RunType

_J, _S = t.run_jobnet.c, t.run_jobnet_summary.c
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)

#: What the loader needs of a request.
_REQUEST = tuple(column for column in _J if column.name != "created_date")


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


def lock_guards(unit: Unit, request_ids: Collection[str]) -> set[str]:
    """Lock the guard rows (`ja_ext_request`) that exist, and return their keys."""
    c = t.ext_request.c
    wanted = (
        select(c.request_id).where(c.request_id.in_(sorted(request_ids))).order_by(c.request_id)
    )
    return set(unit.execute(unit.lock(wanted)).scalars())


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


def lock_waiting_mains(unit: Unit, ids: Collection[int]) -> set[int]:
    """Lock those main rows that are in state BEGIN, and return their ids."""
    wanted = (
        select(_J.inner_jobnet_id)
        .where(_J.inner_jobnet_id.in_(sorted(ids)), _J.status == JobnetStatus.BEGIN)
        .order_by(_J.inner_jobnet_id)
    )
    return set(unit.execute(unit.lock(wanted)).scalars())


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
