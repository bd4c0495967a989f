"""The session child: SSH sessions of AGENTLESS icons.

A session lives in this process only; whatever else an icon needs is in the database.
"""

from __future__ import annotations

from processes.context import ChildContext
from processes.worker import Turn


class SessionDuty:
    """Keeps the open sessions of this server."""

    def open(self, context: ChildContext) -> None:
        """Begin without any session: a new server inherits none."""

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Look at the sessions."""
        return Turn(0, "sessions")

    def close(self) -> None:
        """End: there is nothing to give back."""


def duty() -> SessionDuty:
    """Return the duty of this child."""
    return SessionDuty()
