"""loader: start requests and schedules become rows of a waiting run.

Hints name requests that the trapper has just committed; the sweep, every JaLaunchInterval, finds
those that others have inserted. The schedules are looked at every JaLoaderInterval. Their runs are
loaded a batch at a time, and requests have their turn between two batches.
"""

from __future__ import annotations

from datetime import tzinfo

from jobarranger.clock import zone_named
from jobarranger.db.engine import Database
from jobarranger.db.ids import IdPool
from jobarranger.loading.load import load_requests
from jobarranger.loading.scheduled import ScheduledLoad
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
        self._scheduled = ScheduledLoad(
            self._db,
            self._ids,
            self._clock,
            self._zone,
            interval=context.config.ja_loader_interval,
            catch_up_minutes=context.config.ja_catch_up,
        )

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Load the hinted requests, or all that wait; then some of what the schedules start."""
        report = load_requests(
            self._db, self._ids, self._clock, self._zone, hinted, parking=self._parking
        )
        scheduled = self._scheduled.turn()
        done = len(report.loaded) + len(report.failed) + len(scheduled.loaded)
        return Turn(done=done, unit="runs", again=report.more or scheduled.more)

    def close(self) -> None:
        """Close the database."""
        if hasattr(self, "_db"):
            self._db.close()


def duty() -> Duty:
    """Return the duty of this child."""
    return Loader()
