"""The housekeeper child: removes what is older than it is to be kept, in small portions.

A turn is one short transaction; then it is the others' turn for several times as long, so that
running jobnets hardly notice. When a pass is through, the next one begins at the interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from jobarranger import messages as m
from jobarranger.clock import Clock, zone_named
from jobarranger.db.engine import Database
from jobarranger.purging.passing import Portion, Purger
from processes.context import ChildContext
from processes.worker import Turn

#: The pause after a portion, as a multiple of the time it took, and the shortest one (seconds).
PAUSES, PAUSE = 10.0, 0.1
#: A pass that has removed so many units is worth a message.
LARGE = 1000


class HousekeeperDuty:
    """Purges runs, logs and other rows whose time is over."""

    _db: Database
    _clock: Clock
    _purger: Purger

    def __init__(self) -> None:
        self._pass: Iterator[Portion] | None = None
        self._removed: Counter[str] = Counter()
        self._begun = 0.0

    def open(self, context: ChildContext) -> None:
        """Begin; the limits are read anew all the time."""
        self._clock = context.clock
        self._db = context.database()
        zone = zone_named(context.config.ja_time_zone)
        grace_ms = context.config.ja_boot_grace * 1000
        self._purger = Purger(self._db, context.clock, zone, grace_ms, again=context.interval)

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Remove one portion."""
        started = self._clock.monotonic()
        if self._pass is None:
            self._pass, self._begun = self._purger.pass_over(), started
            self._removed.clear()
        try:
            portion = next(self._pass, None)
        except BaseException:
            self._pass = None  # it cannot go on; the next one finds what is left
            raise
        if portion is None:
            return self._end()
        self._removed[portion.kind] += portion.done
        took = self._clock.monotonic() - started
        return Turn(self._removed[portion.kind], portion.kind, next_in=max(PAUSE, PAUSES * took))

    def _end(self) -> Turn:
        """Close a pass; report a large one."""
        self._pass = None
        total = self._removed.total()
        if total >= LARGE:
            counts = ", ".join(f"{count} {kind}" for kind, count in self._removed.items() if count)
            m.log_message(
                m.JAPURGE000001,
                counts=counts,
                seconds=round(self._clock.monotonic() - self._begun),
            )
        return Turn(total, "rows and runs removed")

    def close(self) -> None:
        """Close the database; the next start finds the same rows."""
        if hasattr(self, "_db"):
            self._db.close()


def duty() -> HousekeeperDuty:
    """Return the duty of this child."""
    return HousekeeperDuty()
