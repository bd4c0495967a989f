"""What was reported, by whom (`ja_ext_told`): so that nothing is reported twice.

The server and the monitor daemon each report in their own log; a notification is queued by the
first of them only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, delete, select

from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.db.unique import insert_first

#: Stands for all reporters: who writes this row queues the notification.
ANYBODY = "*"

_T = t.ext_told.c
_KNOWN = select(_T.cause, _T.reporter).where(
    _T.cause.in_(bindparam("causes", expanding=True)), _T.reporter == bindparam("reporter")
)
_FORGET = delete(t.ext_told).where(_T.at < bindparam("before"))


def known(conn: Connection, causes: Collection[str], reporter: str) -> set[str]:
    """Return those causes that a reporter has reported."""
    if not causes:
        return set()
    rows = conn.execute(_KNOWN, {"causes": sorted(causes), "reporter": reporter})
    return {row.cause for row in rows}


def note(unit: Unit, causes: Sequence[str], reporter: str, at: int) -> set[str]:
    """Note that causes were reported; return those that nobody had reported before.

    Raises:
        StateConflict: another reporter was as fast; the transaction is done anew.
    """
    first = set(causes) - known(unit.conn, causes, ANYBODY)
    mine = set(causes) - known(unit.conn, causes, reporter)
    rows = [(cause, ANYBODY) for cause in sorted(first)]
    rows += [(cause, reporter) for cause in sorted(mine)]
    if rows:
        values = [{"cause": cause, "reporter": who, "at": at} for cause, who in rows]
        insert_first(unit.conn, t.ext_told, values)
    return first


def forget(unit: Unit, before: int) -> None:
    """Delete what was reported before an instant (UTC ms)."""
    unit.execute(_FORGET, {"before": before})
