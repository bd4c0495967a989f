"""Read the way that a run went."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from jobarranger.db import tables as t

#: Rows of the run log for an icon that begins, and for one that is run again.
_BEGUN, _BEGUN_AGAIN = "JC00000003", "JC00000007"

_L = t.run_log.c
_ICONS = (
    select(_L.inner_job_id)
    .where(
        _L.inner_jobnet_main_id == bindparam("run"),
        _L.message_id.in_([_BEGUN, _BEGUN_AGAIN]),
    )
    .order_by(_L.log_date)
)


def begun_icons(conn: Connection, run: int) -> list[int]:
    """Return the icons of a run in the order in which they began, once for each round of a loop."""
    return list(conn.scalars(_ICONS, {"run": run}))
