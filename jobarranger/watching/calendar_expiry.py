"""Looks for calendars that will run out soon, while there is time to fill them."""

from __future__ import annotations

from datetime import date, timedelta, tzinfo

from jobarranger import messages as m
from jobarranger.calendars.findings import Problem
from jobarranger.clock import Clock, local_time
from jobarranger.db.engine import Database
from jobarranger.loading.rows.scheduling import read_scheduling
from jobarranger.planning.oddities import Oddity, findings_of
from jobarranger.watching.watch import Alarm, Reporter

#: Seconds between two looks.
INTERVAL = 3600.0


def ending(oddities: list[Oddity], today: date) -> list[Oddity]:
    """Return the calendars that have days left, and the last of them in the time asked about.

    One whose last day has passed was reported before, or is over because it was to be.
    """
    return [
        one
        for one in oddities
        if one.problem == Problem.RUNS_OUT and date.fromisoformat(one.values[0]) >= today
    ]


class CalendarWatch:
    """Looks now and then for calendars of schedules in force that end within so many days."""

    def __init__(
        self, db: Database, clock: Clock, zone: tzinfo, reporter: Reporter, days: int
    ) -> None:
        """Look `days` ahead; 0: not at all."""
        self._db = db
        self._clock = clock
        self._zone = zone
        self._reporter = reporter
        self._days = days
        self._due = float("-inf")

    def look(self) -> list[Alarm]:
        """Return what to report now; the caller reports it and then calls `Reporter.note`."""
        if not self._days or self._clock.monotonic() < self._due:
            return []
        today = local_time(self._clock.now_ms(), self._zone).date()
        last = today + timedelta(days=self._days + 1)  # a finding is what ends before that
        found = self._db.read(lambda conn: read_scheduling(conn, today, last, for_findings=True))
        odd = ending(findings_of(found.schedules, found.timetable, today, last), today)
        alarms = {alarm.cause: alarm for alarm in map(_alarm, odd)}
        news = [alarms[cause] for cause in self._reporter.news(alarms)]
        self._due = self._clock.monotonic() + INTERVAL
        return news


def _alarm(one: Oddity) -> Alarm:
    raised = m.render(
        m.JAMONITOR300003, calendar_id=one.object_id, date=one.values[0], schedules=one.sufferers
    )
    cause = f"ends:{one.object_id}:{one.values[0]}"
    return Alarm(cause=cause, raised=raised, calendar_id=one.object_id)
