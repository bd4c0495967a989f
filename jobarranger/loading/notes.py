"""Notifications about whole runs, queued in the transaction that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobarranger.db import notifications
from jobarranger.db.engine import Unit
from jobarranger.db.notifications import Notification
from jobarranger.messages.model import Raised


def queue_notes(unit: Unit, about: Sequence[tuple[Raised, Any]], second: int) -> None:
    """Queue a notification for each message that wants one, if notifications are switched on.

    Args:
        unit: the transaction.
        about: messages with the main row (mapping) that each is about.
        second: now, 14 digits.
    """
    notes = [_note(raised, row, second) for raised, row in about if raised.notify]
    notifications.queue(unit.conn, notes)


def _note(raised: Raised, main: Any, second: int) -> Notification:
    return Notification(
        second=second,
        kind=int(raised.kind),
        message_id=raised.id,
        text=raised.text,
        instance_id=main["inner_jobnet_id"],
        main_id=main["inner_jobnet_id"],
        user_name=main["user_name"],
        jobnet_id=main["jobnet_id"],
        jobnet_name=main["jobnet_name"],
    )
