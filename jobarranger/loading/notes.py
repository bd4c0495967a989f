"""Notifications about whole runs, queued in the transaction that they tell about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobarranger.db import journal
from jobarranger.db.engine import Unit
from jobarranger.messages.model import Raised


def queue_notes(unit: Unit, about: Sequence[tuple[Raised, Any]], second: int) -> None:
    """Queue a notification for each message that wants one, if notifications are switched on.

    Args:
        unit: the transaction.
        about: messages with the main row (mapping) that each is about.
        second: now, 14 digits.
    """
    notes = [_note(raised, row, second) for raised, row in about if raised.notify]
    if notes and journal.notifications_wanted(unit.conn):
        journal.add_notifications(unit.conn, notes)


def _note(raised: Raised, main: Any, second: int) -> dict[str, object]:
    """Return the row of `ja_send_message_table`."""
    return {
        "message_date": second,
        "inner_jobnet_id": main["inner_jobnet_id"],
        "inner_jobnet_main_id": main["inner_jobnet_id"],
        "message_type": int(raised.kind),
        "user_name": main["user_name"],
        "host_name": "",
        "jobnet_id": main["jobnet_id"],
        "jobnet_name": main["jobnet_name"],
        "job_id": "none",
        "job_id_full": "none",
        "job_name": "",
        "log_message_id": raised.id,
        "log_message": raised.text,
    }
