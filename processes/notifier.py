"""The notifier child: what is sent to people and Zabbix."""

from __future__ import annotations

from processes.context import ChildContext
from processes.worker import Turn


class NotifierDuty:
    """Works off the queue of notifications."""

    def open(self, context: ChildContext) -> None:
        """Begin with what the queue in the database holds."""

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Send what is due."""
        return Turn(0, "notifications")

    def close(self) -> None:
        """End: what is not sent stays in the queue."""


def duty() -> NotifierDuty:
    """Return the duty of this child."""
    return NotifierDuty()
