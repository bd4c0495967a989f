"""boot: due runs are started, by the rules of multiple start-up and of missed starts.

Hints name runs that were just loaded, or that have just ended while others may wait for them. A
run that is loaded ahead starts when its minute begins: each turn returns when the next one is due.
"""

from __future__ import annotations

from datetime import tzinfo

from jobarranger.clock import zone_named
from jobarranger.db.engine import Database
from jobarranger.loading.boot import boot_due
from jobarranger.loading.due import BootRules
from jobarranger.parking import Parking
from processes.worker import ChildContext, Duty, Turn

#: Seconds to the next look at the clock, if a start is known of: somebody may set the clock.
LONGEST_SLEEP = 60.0


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
        self._rules = BootRules(
            grace_seconds=context.config.ja_boot_grace, missed=context.config.ja_missed_start
        )

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Decide about the hinted runs, or about all that are due."""
        report = boot_due(
            self._db, self._clock, self._zone, hinted, rules=self._rules, parking=self._parking
        )
        done = sum(map(len, (report.started, report.skipped, report.waiting, report.missed)))
        next_in = None
        if report.next_at is not None:
            left = (report.next_at - self._clock.now_ms()) / 1000
            next_in = min(max(left, 0.0), LONGEST_SLEEP)
        return Turn(done=done, unit="runs", again=report.more, next_in=next_in)

    def close(self) -> None:
        """Close the database."""
        if hasattr(self, "_db"):
            self._db.close()


def duty() -> Duty:
    """Return the duty of this child."""
    return Boot()
