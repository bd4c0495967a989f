"""The instants from which on running icons count as overdue (`ja_ext_dispatch.warn_at`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from jobarranger.db import tables as t
from jobarranger.requests.rows.conditions import IDS, MOST, NOW

_D = t.ext_dispatch.c

_DUE = (
    select(_D.inner_job_id, _D.inner_jobnet_main_id)
    .where(_D.warn_at <= NOW)
    .order_by(_D.warn_at)
    .limit(MOST)
)
_DUE_OF = select(_D.inner_job_id).where(_D.inner_job_id.in_(IDS), _D.warn_at <= NOW)
_CLEAR = (
    update(t.ext_dispatch).where(_D.inner_job_id.in_(IDS), _D.warn_at <= NOW).values(warn_at=None)
)

_LIMITS = select(t.run_icon_job.c.inner_job_id, t.run_icon_job.c.timeout).where(
    t.run_icon_job.c.inner_job_id.in_(IDS)
)


def due(conn: Connection, now: int, most: int) -> Sequence[Any]:
    """Return icons whose warning is due at `now` (UTC ms), with their main runs."""
    return conn.execute(_DUE, {"now": now, "most": most}).all()


def due_of(conn: Connection, ids: Collection[int], now: int) -> set[int]:
    """Return those icons whose warning is still due."""
    return set(conn.scalars(_DUE_OF, {"ids": sorted(ids), "now": now}))


def clear(conn: Connection, ids: Collection[int], now: int) -> None:
    """Forget the due warnings of some icons."""
    conn.execute(_CLEAR, {"ids": sorted(ids), "now": now})


def limits(conn: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return the minutes after which JOB icons count as overdue."""
    return {row[0]: row[1] for row in conn.execute(_LIMITS, {"ids": sorted(ids)})}
