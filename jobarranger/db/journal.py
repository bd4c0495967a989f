"""What runs leave behind for readers: run log and instants of icons.

Functions take a connection inside the caller's transaction and never commit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select

from jobarranger.db import tables as t
from jobarranger.db.bulk import insert_rows
from jobarranger.states import IconEvent

_IDS: Any = bindparam("ids", expanding=True)
_FORGET = delete(t.run_log).where(
    t.run_log.c.inner_jobnet_id.in_(_IDS), t.run_log.c.message_id == bindparam("message")
)


def add_log(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Append to the run log."""
    insert_rows(conn, t.run_log, rows)


def forget_log(conn: Connection, instances: Collection[int], message_id: str) -> None:
    """Delete the entries of one kind about instances; a newer one is to take their place."""
    conn.execute(_FORGET, {"ids": sorted(instances), "message": message_id})


def add_events(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Append instants of icons (UTC milliseconds)."""
    insert_rows(conn, t.ext_event, rows)


_E = t.ext_event.c
_LAST = (
    select(func.max(_E.id))
    .where(_E.inner_job_id.in_(bindparam("ids", expanding=True)), _E.event == bindparam("event"))
    .group_by(_E.inner_job_id)
)
_LAST_EVENTS = select(_E.inner_job_id, _E.id, _E.at).where(_E.id.in_(_LAST))


def last_events(conn: Connection, event: IconEvent, icons: Collection[int]) -> Sequence[Any]:
    """Return the last event of a kind of each icon: `inner_job_id`, `id`, `at` (UTC ms)."""
    return conn.execute(_LAST_EVENTS, {"ids": sorted(icons), "event": int(event)}).all()
