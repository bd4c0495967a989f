"""Statements about pauses of starts (`ja_ext_pause`).

Who starts something asks `read` in the transaction that decides: the boot process for runs
(`Pauses.of_jobnet`, `Pauses.excused_until`), the loader for schedules (`Pauses.hold_loading`), the
executor for hosts (`Pauses.of_host`, `Pauses.hold_jobs`). A pause that was committed before is then
honoured.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, insert, select, update

from jobarranger.db import tables as t
from jobarranger.model.pauses import Pause, Pauses, in_order
from jobarranger.states import PauseScope

_P = t.ext_pause.c

_ALL = select(t.ext_pause)


def read(conn: Connection, now: int) -> Pauses:
    """Return the pauses as they stand at `now` (UTC ms); the table has a handful of rows."""
    rows = conn.execute(_ALL)
    return in_order(
        (
            Pause(
                id=row.id,
                scope=PauseScope(row.scope),
                name=row.name,
                hold_loading=row.hold_loading == 1,
                since=row.since,
                until_at=row.until_at,
                ended_at=row.ended_at,
                actor_user=row.actor_user,
                reason=row.reason,
            )
            for row in rows
        ),
        now,
    )


def add(
    conn: Connection,
    *,
    scope: PauseScope,
    name: str,
    since: int,
    until_at: int | None,
    actor_user: str,
    reason: str,
    hold_loading: bool = False,
) -> None:
    """Begin a pause at `since` (UTC ms)."""
    conn.execute(
        insert(t.ext_pause).values(
            scope=int(scope),
            name=name,
            hold_loading=int(hold_loading),
            since=since,
            until_at=until_at,
            actor_user=actor_user[:100],
            reason=reason,
        )
    )


def end(conn: Connection, ids: Collection[int], at: int) -> int:
    """End pauses at `at` (UTC ms) that nobody has ended yet; return how many."""
    statement = update(t.ext_pause).where(_P.id.in_(sorted(ids)), _P.ended_at.is_(None))
    return conn.execute(statement.values(ended_at=at)).rowcount
