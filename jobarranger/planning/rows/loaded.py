"""Reads what the plan says beside the starts: which jobnets they are, and runs loaded for them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, func, select

from jobarranger.db import tables as t
from jobarranger.model.words import status_words
from jobarranger.planning.plan import Key, LoadedRun
from jobarranger.states import JobnetStatus, RunType

_C, _D = t.jobnet_control.c, t.icon_jobnet.c
_R, _S, _L = t.run_jobnet.c, t.run_jobnet_summary.c, t.ext_slot.c

_PARTS = (
    select(_C.jobnet_id, _D.link_jobnet_id)
    .join_from(
        t.jobnet_control,
        t.icon_jobnet,
        (_D.jobnet_id == _C.jobnet_id) & (_D.update_date == _C.update_date),
    )
    .where(_C.valid_flag == 1)
)


def sub_jobnets(conn: Connection) -> dict[str, set[str]]:
    """Return for each jobnet in force which jobnets its icons contain."""
    found: dict[str, set[str]] = {}
    for jobnet_id, link in conn.execute(_PARTS):
        found.setdefault(jobnet_id, set()).add(link)
    return found


_OWNED = select(_C.jobnet_id).where(_C.valid_flag == 1, _C.user_name == bindparam("user"))


def owned_by(conn: Connection, user_name: str) -> Collection[str]:
    """Return the jobnets in force that belong to a user."""
    return frozenset(conn.execute(_OWNED, {"user": user_name}).scalars())


_RUN = (
    select(
        _R.schedule_id,
        _R.calendar_id,
        _R.jobnet_id,
        _R.initial_scheduled_time,
        _R.inner_jobnet_id,
        _S.status,
        _S.job_status,
        _S.load_status,
        _S.start_pending_flag,
        _S.scheduled_time,
    )
    .join_from(t.run_jobnet, t.run_jobnet_summary, _S.inner_jobnet_id == _R.inner_jobnet_id)
    .where(
        _R.initial_scheduled_time.between(bindparam("first"), bindparam("last")),
        _R.run_type == int(RunType.NORMAL),
        _R.main_flag == 0,
    )
)
_SLOTS = select(t.ext_slot).where(_L.slot.between(bindparam("first"), bindparam("last")))
_LAST = select(func.max(_R.initial_scheduled_time))
_LAST_SLOT = select(func.max(_L.slot))


def last_loaded(conn: Connection) -> int:
    """Return the last slot for which anything is loaded, 0 if nothing is."""
    return max(conn.scalar(_LAST) or 0, conn.scalar(_LAST_SLOT) or 0)


def loaded_runs(conn: Connection, first: int, last: int) -> dict[Key, LoadedRun]:
    """Return the runs that were loaded for the starts between two slots, purged ones, too."""
    span = {"first": first, "last": last}
    purged = {
        (row.schedule_id, row.calendar_id, row.jobnet_id, row.slot): LoadedRun(
            registry=row.inner_jobnet_id,
            status="purged",
            scheduled_time=row.slot,
            is_open=False,
        )
        for row in conn.execute(_SLOTS, span)
    }
    rows = conn.execute(_RUN, span)
    return purged | {
        (
            row.schedule_id or "",
            row.calendar_id or "",
            row.jobnet_id,
            row.initial_scheduled_time,
        ): LoadedRun(
            registry=row.inner_jobnet_id,
            status=status_words(
                row.status, row.job_status, row.load_status, row.start_pending_flag
            ),
            scheduled_time=row.scheduled_time,
            is_open=row.status == JobnetStatus.BEGIN,
        )
        for row in rows
    }
