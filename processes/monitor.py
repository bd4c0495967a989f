"""The monitor child: health of all others, and rotation of the log file.

The parent passes on the figures that each child sends with its signs of life. The monitor keeps
the last of each and writes them to `status.json` in the runtime directory, whole or not at all, for
whoever wants to look. It alone renames the log file when it has grown beyond `LogFileSize`.

In the database it leaves the server's signs of life, and looks for starts that should have been
loaded, or should have begun, and have not, and for runs over their time limit (docs/monitor.md).
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from jobarranger import logs
from jobarranger import messages as m
from jobarranger.clock import Clock, zone_named
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import DatabaseUnavailable, StateConflict, in_short
from jobarranger.watching.calendar_expiry import CalendarWatch
from jobarranger.watching.late import DAY_MS, LateRules
from jobarranger.watching.limits import LimitWatch
from jobarranger.watching.rows import servers
from jobarranger.watching.watch import Reporter, StartWatch
from processes.context import ChildContext
from processes.worker import Turn

log = logging.getLogger(__name__)

#: Seconds between two writings of the status file at least.
STATUS_INTERVAL = 5.0
#: Seconds between two signs of life; and between two looks for missing starts at most, since
#: there is no sense in looking more often than the loader loads.
BEAT_INTERVAL, LOOK_INTERVAL = 10.0, 30.0
#: A look that takes long is followed by a pause of so many times as long: it costs a fiftieth of
#: the time at most, however many schedules there are. No pause is longer than this (seconds).
REST, LONGEST_REST = 50.0, 300.0
#: By this name the server is known among the reporters.
REPORTER = "server"
#: Seconds of patience with the database: others say that it is away.
_PATIENCE = 1.0
#: Servers that were last seen so long ago are forgotten (ms).
_KEEP_MS = 31 * DAY_MS


class ChildFigures(msgspec.Struct):
    """The last figures of one child."""

    name: str
    pid: int
    turns: int
    done: int
    errors: int
    drops: int
    busy: float
    status: str
    heard_at: int = 0  #: UTC milliseconds


class MonitorDuty:
    """Watches figures and the log file."""

    def __init__(self) -> None:
        self._known: dict[str, ChildFigures] = {}
        self._changed = True
        self._write_at = float("-inf")
        self._rotation_fails = False
        self._failures = 0  # unexpected ones, in a row

    def open(self, context: ChildContext) -> None:
        """Begin to listen to the parent's figures."""
        self._context = context
        self._status_file = context.runtime_dir / "status.json"
        context.link.on_figures = self.heard
        self._db = context.database()
        look = min(LOOK_INTERVAL, context.config.ja_loader_interval)
        self._duties = [
            NowAndThen(BEAT_INTERVAL, self._beat, context.clock),
            NowAndThen(look, StartCheck(context, self._db).look, context.clock, rest=REST),
        ]

    def heard(self, text: str) -> None:
        """Take the figures of one child."""
        try:
            entry = msgspec.json.decode(text, type=ChildFigures)
        except msgspec.DecodeError:
            log.debug("figures that cannot be read: %.100s", text)
            return
        entry.heard_at = self._context.clock.now_ms()
        before = self._known.get(entry.name)
        if before is not None and before.pid == entry.pid:
            _compare(before, entry)
        self._known[entry.name] = entry
        self._changed = True

    def turn(self, hinted: frozenset[int] | None) -> Turn:
        """Rotate the log if it is due, and write the status file if anything is new."""
        self._rotate()
        now = self._context.clock.monotonic()
        if self._changed and now >= self._write_at:
            self._write_status()
            self._changed = False
            self._write_at = now + STATUS_INTERVAL
        self._attend_database()
        return Turn(len(self._known), "processes")

    def close(self) -> None:
        """Remove the status file: it would soon be untrue; note an orderly end of the server."""
        self._status_file.unlink(missing_ok=True)
        link = self._context.link
        try:
            if link.stopping and not link.orphaned:
                self._db.transaction(self._stopped, patience=_PATIENCE)
        except DatabaseUnavailable as error:
            log.debug("the end of this server is not noted: %s", error)
        finally:
            self._db.close()

    def _attend_database(self) -> None:
        """Do what is due; while the database is away nothing is, and the others say so.

        Nothing that is found wrong here may cost the server its life.
        """
        for duty in self._duties:
            try:
                duty.attend()
                self._failures = 0
            except (DatabaseUnavailable, StateConflict) as error:
                log.debug("monitor: %s", error)
                return
            except Exception as error:
                self._failures += 1
                log.exception("monitor: unexpected error")
                text = f"{type(error).__name__}: {in_short(error)}"
                m.log_message(m.JAMONITOR200004, count=self._failures, error_text=text)

    def _beat(self) -> None:
        context = self._context
        at = context.clock.now_ms()

        def work(unit: Unit) -> None:
            servers.beat(unit, context.server_id, socket.gethostname(), at)
            servers.forget(unit, at - _KEEP_MS)

        self._db.transaction(work, patience=_PATIENCE)

    def _stopped(self, unit: Unit) -> None:
        context = self._context
        servers.stopped(unit, context.server_id, context.clock.now_ms())

    def _rotate(self) -> None:
        config = self._context.config
        if not config.ja_log_file:
            return
        try:
            moved = logs.rotate(Path(config.ja_log_file), config.log_file_size)
        except OSError as error:
            if not self._rotation_fails:
                log.error("the log file cannot be rotated: %s", error)  # noqa: TRY400
            self._rotation_fails = True
            return
        self._rotation_fails = False
        if moved:
            self._context.link.rotated()

    def _write_status(self) -> None:
        context = self._context
        content = {
            "server_id": context.server_id,
            "written_at": context.clock.now_ms(),
            "processes": sorted(self._known.values(), key=lambda entry: entry.name),
        }
        draft = self._status_file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(content))
        os.replace(draft, self._status_file)


class NowAndThen:
    """Something that is done at most once in so many seconds, whether it succeeds or not."""

    def __init__(
        self, seconds: float, work: Callable[[], None], clock: Clock, *, rest: float = 0.0
    ) -> None:
        """Do `work`; after one that took long, wait `rest` times as long if that is more."""
        self._seconds = seconds
        self._work = work
        self._clock = clock
        self._rest = rest
        self._due = float("-inf")

    def attend(self) -> None:
        """Do it if it is due."""
        begun = self._clock.monotonic()
        if begun < self._due:
            return
        try:
            self._work()
        finally:
            took = self._clock.monotonic() - begun
            self._due = begun + max(self._seconds, min(self._rest * took, LONGEST_REST))


class StartCheck:
    """Reports missing starts, runs over their limit and calendars that end soon in the log."""

    def __init__(self, context: ChildContext, db: Database) -> None:
        config, clock = context.config, context.clock
        zone = zone_named(config.ja_time_zone)
        rules = LateRules(
            load_span=0,  # read at each check
            load_shift=config.ja_load_shift_time,
            run_shift=config.ja_run_shift_time,
            confirm_ms=2000 * config.ja_loader_interval,
        )
        self._reporter = Reporter(db, clock, zone, REPORTER)
        self._watch = StartWatch(db, clock, zone, self._reporter, rules, beside_boot=True)
        self._limits = LimitWatch(db, clock, zone, self._reporter)
        self._ends = CalendarWatch(db, clock, zone, self._reporter, config.ja_calendar_warning)

    def look(self) -> None:
        """Look once."""
        alarms = [*self._watch.look(), *self._limits.look(), *self._ends.look()]
        m.write_all(alarm.raised for alarm in alarms)
        self._reporter.note(alarms)


def _compare(before: ChildFigures, after: ChildFigures) -> None:
    """Report in the log when a child loses hints or meets errors."""
    if after.drops > before.drops:
        m.log_message(m.JASERVER300006, role=after.name, dropped=after.drops - before.drops)
    if after.errors > before.errors:
        log.warning("%s: %s turns failed", after.name, after.errors - before.errors)


def duty() -> MonitorDuty:
    """Return the duty of this child."""
    return MonitorDuty()
