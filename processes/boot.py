"""boot: due runs are started, by the rules of multiple start-up and of missed starts.

Hints name runs that were just loaded, or that have just ended while others may wait for them.
"""

from __future__ import annotations

from datetime import tzinfo

from jobarranger.clock import zone_named
from jobarranger.db.engine import Database
from jobarranger.loading.boot import boot_due
from jobarranger.parking import Parking
from processes.worker import ChildContext, Duty, Turn


class Boot:
    """The boot process's duty."""

    _db: Database
    _zone: tzinfo

    def open(self, context: ChildContext) -> None:
        """Open the database."""
        self._clock = context.clock
        self._zone = zone_named(context.config.ja_time_zone)
        self._db = context.database()
        self._parking = Parking(context.clock)

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Decide about the hinted runs, or about all that are due."""
        report = boot_due(self._db, self._clock, self._zone, hinted, parking=self._parking)
        done = sum(map(len, (report.started, report.skipped, report.waiting, report.missed)))
        return Turn(done=done, unit="runs", again=report.more)

    def close(self) -> None:
        """Close the database."""
        if hasattr(self, "_db"):
            self._db.close()


def duty() -> Duty:
    """Return the duty of this child."""
    return Boot()
