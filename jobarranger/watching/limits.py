"""Looks for runs that take longer than their jobnet's time limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.clock import Clock, local_time
from jobarranger.db.engine import Database
from jobarranger.watching.overruns import Limited, instant_of_second, is_over
from jobarranger.watching.rows import overruns
from jobarranger.watching.watch import Alarm, Reporter

#: Runs whose beginning is asked for in one statement.
_AT_ONCE = 500


class LimitWatch:
    """Looks again and again for runs that have used up their time limit."""

    def __init__(self, db: Database, clock: Clock, zone: tzinfo, reporter: Reporter) -> None:
        self._db = db
        self._clock = clock
        self._zone = zone
        self._reporter = reporter
        self._began: dict[int, int] = {}  # of the runs that may be over their limit

    def look(self) -> list[Alarm]:
        """Return what to report now; the caller reports it and then calls `Reporter.note`."""
        over = {one.cause: one for one in self._db.read(self._over)}
        return [self._alarm(over[cause]) for cause in self._reporter.news(over)]

    def _over(self, conn: Connection) -> list[Limited]:
        """Return the runs that are over their limit.

        The digits of a start stand for the earliest instant they can mean. So they choose, without
        a further statement, and only of those chosen the exact instant is read, once.
        """
        now = self._clock.now_ms()
        digits: dict[Limited, int] = {}
        for one in overruns.limited(conn):
            at = instant_of_second(one.start_time, self._zone)
            if at is not None and is_over(at, now, one.time_limit):
                digits[one] = at
        known = self._began
        exact = _begun(conn, [one.run for one in digits if one.run not in known])
        self._began = {
            one.run: known.get(one.run, exact.get(one.run, at)) for one, at in digits.items()
        }
        return [one for one in digits if is_over(self._began[one.run], now, one.time_limit)]

    def _alarm(self, one: Limited) -> Alarm:
        began = local_time(self._began[one.run], self._zone)
        raised = m.render(
            m.JAMONITOR300004,
            jobnet_id=one.jobnet_id,
            inner_jobnet_id=one.run,
            user_name=one.user_name or "none",
            start_time=began.strftime("%Y/%m/%d %H:%M:%S"),
            time_limit=one.time_limit,
        )
        return Alarm(cause=one.cause, raised=raised, overrun=one)


def _begun(conn: Connection, runs: Sequence[int]) -> dict[int, int]:
    """Return when runs have begun, as far as it is noted exactly."""
    found: dict[int, int] = {}
    for first in range(0, len(runs), _AT_ONCE):
        found |= overruns.begun(conn, runs[first : first + _AT_ONCE])
    return found
