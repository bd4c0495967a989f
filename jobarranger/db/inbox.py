"""Results that could not be judged when they came: `ja_ext_inbox`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select, update

from jobarranger.db import tables as t

_c = t.ext_inbox.c

_KEPT: Sequence[ColumnElement[Any]] = (
    _c.id,
    _c.received_at,
    _c.peer,
    _c.inner_job_id,
    _c.telegram,
    _c.tries,
    _c.reason,
)
_DUE = (
    select(*_KEPT)
    .where(_c.next_try_at <= bindparam("now"))
    .order_by(_c.next_try_at, _c.id)
    .limit(bindparam("most"))
)
_POSTPONE = (
    update(t.ext_inbox)
    .where(_c.id == bindparam("row_id"))
    .values(tries=bindparam("new_tries"), next_try_at=bindparam("at"), reason=bindparam("why"))
)


def add(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Keep results; each row has every column but `id`."""
    conn.execute(insert(t.ext_inbox), [dict(row) for row in rows])


def due(conn: Connection, now: int, most: int) -> Sequence[Row[Any]]:
    """Return the results that are to be tried again, the longest waiting first."""
    return conn.execute(_DUE, {"now": now, "most": most}).all()


def remove(conn: Connection, ids: Sequence[int]) -> None:
    """Forget results that were processed or given up."""
    conn.execute(delete(t.ext_inbox).where(_c.id.in_(list(ids))))


def postpone(conn: Connection, rows: Sequence[tuple[int, int, int, str]]) -> None:
    """Set (id, tries, next try, reason) of results that have to wait on."""
    values = [
        {"row_id": row, "new_tries": tries, "at": at, "why": why} for row, tries, at, why in rows
    ]
    conn.execute(_POSTPONE, values)
