"""What runs leave behind for readers: run log, notifications to be sent, instants of icons.

Functions take a connection inside the caller's transaction and never commit.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from jobarranger.db import tables as t

_LOG = insert(t.run_log)
_OUTBOX = insert(t.send_message)
_EVENTS = insert(t.ext_event)
_SWITCH = select(t.parameter.c.value).where(t.parameter.c.parameter_name == "ZBXSND_ON")


def add_log(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Append to the run log."""
    conn.execute(_LOG, rows)


def add_notifications(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Queue notifications for Zabbix."""
    conn.execute(_OUTBOX, rows)


def notifications_wanted(conn: Connection) -> bool:
    """Tell whether notifications are switched on (`ZBXSND_ON`; anything but `0` means yes)."""
    return conn.scalar(_SWITCH) != "0"


def add_events(conn: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Append instants of icons (UTC milliseconds)."""
    conn.execute(_EVENTS, rows)
