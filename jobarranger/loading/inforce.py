"""What is in force now, since when, and whether it has changed since the last check.

A look costs one small statement as long as nothing changes. Then the schedules, their calendars
and filters are read whole, and `ja_ext_in_force` is brought up to date: it shows from when on the
loader has known a version to be in force, so that after an outage nothing starts that had not
been in force in its time.
"""

from __future__ import annotations

from datetime import date, timedelta, tzinfo
from enum import Enum

from sqlalchemy import Connection

from jobarranger.calendars.schedules import Timetable
from jobarranger.calendars.starts import Name, Start, definitions_of
from jobarranger.clock import Clock, local_time
from jobarranger.db.engine import Database, Unit
from jobarranger.loading.rows import loaded_starts as queries
from jobarranger.loading.rows.loaded_starts import Fingerprint, KnownVersion
from jobarranger.loading.rows.scheduling import Scheduling, read_scheduling
from jobarranger.loading.window import Window, minute_of

#: So often (seconds) everything is read anew, for changes that leave no mark: rows that a program
#: other than the Manager has rewritten within one version.
REREAD_SECONDS = 300.0
#: Attempts to read everything while it is not being changed.
_ATTEMPTS = 3


class InForceChange(Enum):
    """What a check has found."""

    SAME = "same"  #: nothing has changed
    STALE = "stale"  #: nothing that leaves a mark, but it was time to read everything
    CHANGED = "changed"  #: another version of something is in force


class InForce:
    """What is in force, as one loader knows it."""

    scheduling: Scheduling

    def __init__(self, db: Database, clock: Clock, zone: tzinfo) -> None:
        """Know nothing yet."""
        self._db = db
        self._clock = clock
        self._zone = zone
        self._print: Fingerprint | None = None
        self._known: dict[Name, KnownVersion] = {}
        self._read_at = 0.0
        self._days: tuple[date, date] | None = None

    @property
    def timetable(self) -> Timetable:
        """Return the calendars and filters."""
        return self.scheduling.timetable

    def refresh(self, window: Window) -> InForceChange:
        """InForceChange for changes.

        What is in force can be asked afterwards about the days of the window.
        """
        found = self._db.read(queries.fingerprint)
        changed = self._print is None or found != self._print
        dated = changed and (self._print is None or found[:-1] != self._print[:-1])
        now = self._clock.monotonic()
        first, last = self._bounds(window)
        stale = now - self._read_at >= REREAD_SECONDS
        if dated or stale or not self._covers(first, last):
            # a day more, so that not every minute before midnight is a reason to read
            self.scheduling = self._read(first, last + timedelta(days=1))
            self._days = first, last + timedelta(days=1)
            self._read_at = now
        if dated or stale:
            self._note()
        self._print = found
        if changed:
            return InForceChange.CHANGED
        return InForceChange.STALE if stale else InForceChange.SAME

    def of(self, window: Window) -> Scheduling:
        """Return what is in force for the days of another window."""
        return self._read(*self._bounds(window))

    def since(self, start: Start, timetable: Timetable) -> int | None:
        """Return since when (UTC ms) everything that makes a start has been known to be in force.

        None if anything of it is not known yet.
        """
        names = definitions_of(start, timetable)
        found = [self._known[name].since_at for name in names if name in self._known]
        return max(found) if len(found) == len(names) else None

    def _bounds(self, window: Window) -> tuple[date, date]:
        """Return the first and last day of a window, and one on either side for clock changes."""
        first = local_time(window.first_at, self._zone).date() - timedelta(days=1)
        return first, local_time(window.last_at, self._zone).date() + timedelta(days=1)

    def _covers(self, first: date, last: date) -> bool:
        return self._days is not None and self._days[0] <= first and last <= self._days[1]

    def _read(self, first: date, last: date) -> Scheduling:
        """Read everything, again if something was changed in between."""

        def read(conn: Connection) -> Scheduling:
            before = queries.fingerprint(conn)
            for _ in range(_ATTEMPTS):
                found = read_scheduling(conn, first, last)
                after = queries.fingerprint(conn)
                if after == before:
                    break
                before = after
            return found

        return self._db.read(read)

    def _note(self) -> None:
        """Bring `ja_ext_in_force` up to date; most of the time there is nothing to write."""
        at = self._clock.now_ms()

        def changes(
            conn: Connection,
        ) -> tuple[dict[Name, KnownVersion], set[Name], dict[Name, KnownVersion]]:
            now, known = queries.in_force(conn), queries.known_in_force(conn)
            kept = {
                name: version
                for name, version in known.items()
                if now.get(name) == version.update_date and version.since_at <= at
            }
            new = {
                name: KnownVersion(update_date, at)
                for name, update_date in now.items()
                if name not in kept
            }
            return kept, known.keys() - kept.keys(), new

        def write(unit: Unit) -> dict[Name, KnownVersion]:
            kept, gone, new = changes(unit.conn)
            queries.note_in_force(unit.conn, gone, new)
            if new:  # known from now on, loaded later: should nobody come to that, it is a gap
                queries.reopen_window(unit.conn, minute_of(at) - 1, at)
            return kept | new

        kept, gone, new = self._db.read(changes)
        self._known = self._db.transaction(write) if gone or new else kept
