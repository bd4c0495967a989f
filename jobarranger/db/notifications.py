"""Notifications that wait to be sent to people (`ja_send_message_table`).

Every row is written here. Functions take a connection inside the caller's transaction and never
commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from jobarranger.db import tables as t
from jobarranger.db.bulk import insert_rows

_SWITCH = select(t.parameter.c.value).where(t.parameter.c.parameter_name == "ZBXSND_ON")

#: Stands where a notification is about no jobnet, or no icon.
NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A message for people, and what it is about."""

    second: int  #: when, 14 digits
    kind: int  #: how bad it is, see `jobarranger.messages.Kind`
    message_id: str
    text: str
    instance_id: int = 0
    main_id: int = 0
    user_name: str
    host_name: str = ""
    jobnet_id: str = NONE
    jobnet_name: str = ""
    job_id: str = NONE
    job_path: str = NONE
    job_name: str = ""

    def row(self) -> dict[str, object]:
        """Return the row of the table."""
        return {
            "message_date": self.second,
            "inner_jobnet_id": self.instance_id,
            "inner_jobnet_main_id": self.main_id,
            "message_type": self.kind,
            "user_name": self.user_name,
            "host_name": self.host_name,
            "jobnet_id": self.jobnet_id,
            "jobnet_name": self.jobnet_name,
            "job_id": self.job_id,
            "job_id_full": self.job_path,
            "job_name": self.job_name,
            "log_message_id": self.message_id,
            "log_message": self.text,
        }


def are_wanted(conn: Connection) -> bool:
    """Return whether notifications are switched on (`ZBXSND_ON`; anything but `0` means yes)."""
    return conn.scalar(_SWITCH) != "0"


def add(conn: Connection, notes: Sequence[Notification]) -> None:
    """Queue notifications, at least one."""
    insert_rows(conn, t.send_message, [note.row() for note in notes])


def queue(conn: Connection, notes: Sequence[Notification]) -> None:
    """Queue notifications, if there are any and they are switched on."""
    if notes and are_wanted(conn):
        add(conn, notes)
