"""The housekeeper child: removes what is older than it is to be kept, in small batches."""

from __future__ import annotations

from processes.context import ChildContext
from processes.worker import Turn


class HousekeeperDuty:
    """Purges runs, logs and other rows whose time is over."""

    def open(self, context: ChildContext) -> None:
        """Begin; the limits are read anew at each turn."""

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Remove one batch."""
        return Turn(0, "runs")

    def close(self) -> None:
        """End: the next turn finds the same rows."""


def duty() -> HousekeeperDuty:
    """Return the duty of this child."""
    return HousekeeperDuty()
