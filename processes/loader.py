"""loader: start requests become rows of a waiting run.

Hints name requests that the trapper has just committed; the sweep, every JaLaunchInterval, finds
those that others have inserted.
"""

from __future__ import annotations

from datetime import tzinfo

from jobarranger.clock import zone_named
from jobarranger.db.engine import Database
from jobarranger.db.ids import IdPool
from jobarranger.loading.load import load_requests
from jobarranger.parking import Parking
from processes.worker import ChildContext, Duty, Turn


class Loader:
    """The loader's duty."""

    _db: Database
    _zone: tzinfo

    def open(self, context: ChildContext) -> None:
        """Open the database."""
        self._clock = context.clock
        self._zone = zone_named(context.config.ja_time_zone)
        self._db = context.database()
        self._ids = IdPool(self._db)
        self._parking = Parking(context.clock)

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Load the hinted requests, or all that wait."""
        report = load_requests(
            self._db, self._ids, self._clock, self._zone, hinted, parking=self._parking
        )
        done = len(report.loaded) + len(report.failed)
        return Turn(done=done, unit="runs", again=report.more)

    def close(self) -> None:
        """Close the database."""
        if hasattr(self, "_db"):
            self._db.close()


def duty() -> Duty:
    """Return the duty of this child."""
    return Loader()
