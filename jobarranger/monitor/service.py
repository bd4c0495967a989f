"""The main loop of the monitor daemon: check, report, wait."""

from __future__ import annotations

import select
import signal
from collections.abc import Callable, Sequence
from logging import getLogger
from pathlib import Path

from setproctitle import setproctitle

from jobarranger import logs
from jobarranger import messages as m
from jobarranger.clock import Clock, zone_named
from jobarranger.config import MonitorConfig
from jobarranger.daemon import output
from jobarranger.daemon.signals import STOPPING, Signals
from jobarranger.db import schema
from jobarranger.db.engine import Database
from jobarranger.errors import DatabaseUnavailable, JobArrangerError, StateConflict, in_short
from jobarranger.monitor.sender import About, AlertSender
from jobarranger.states import DatabaseType
from jobarranger.watching.calendar_expiry import CalendarWatch
from jobarranger.watching.late import LateProblem, LateRules
from jobarranger.watching.limits import LimitWatch
from jobarranger.watching.watch import Alarm, Reporter, ServerWatch, StartWatch

log = getLogger(__name__)

#: By this name the daemon is known among the reporters.
REPORTER = "monitor"
#: What the daemon listens to.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1)


class MonitorService:
    """Looks at the database every `JaMonitorInterval` and reports what it finds."""

    def __init__(self, config: MonitorConfig, db: Database, clock: Clock, signals: Signals) -> None:
        self._config = config
        self._db = db
        self._clock = clock
        self._zone = zone_named(config.ja_time_zone)
        self._sender = AlertSender(config.sender, config.ja_sender_timeout, clock)
        self._reporter = Reporter(db, clock, self._zone, REPORTER)
        rules = LateRules(
            load_span=0,  # read at each check
            load_shift=config.ja_load_shift_time,
            run_shift=config.ja_run_shift_time,
            confirm_ms=2000 * config.ja_loader_interval,
        )
        self._starts = StartWatch(db, clock, self._zone, self._reporter, rules)
        self._limits = LimitWatch(db, clock, self._zone, self._reporter)
        self._ends = CalendarWatch(
            db, clock, self._zone, self._reporter, config.ja_calendar_warning
        )
        self._servers = ServerWatch(db, clock, self._zone, self._reporter, config.ja_server_silence)
        self._away_since: float | None = None
        self._errors = 0
        self._level = config.debug_level
        self._signals = signals
        self._stopping = False

    def run(self, ready: Callable[[], None]) -> None:
        """Look until a signal asks for the end."""
        ready()
        while not self._stopping:
            self.turn()
            self._wait()

    def turn(self) -> None:
        """Check once and report; whatever goes wrong is reported too and tried again."""
        try:
            self._look()
            self._errors = 0
        except DatabaseUnavailable as error:
            self._database_is_away(str(error))
        except StateConflict as error:
            log.debug("%s", error)
        except Exception as error:
            self._errors += 1
            log.exception("unexpected error")
            text = f"{type(error).__name__}: {in_short(error)}"
            m.log_message(m.JAMONITOR200004, count=self._errors, error_text=text)
        logs.report_floods()
        self._rotate()

    def _look(self) -> None:
        db = self._db
        if db.kind is DatabaseType.SQLITE and not self._config.db_file.exists():
            raise DatabaseUnavailable(f"{db.settings.label()} does not exist")
        try:
            schema.require_current(db)
        except JobArrangerError as error:
            raise DatabaseUnavailable(str(error)) from error
        self._database_is_back()
        self._report(self._servers.look())
        self._report(self._starts.look())
        self._report(self._limits.look())
        self._report(self._ends.look())
        self._reporter.note([])  # what could not be noted before
        setproctitle(
            f"jobarg_monitor: server {self._servers.presence.value},"
            f" {self._starts.missing_now} starts missing"
        )

    def _report(self, alarms: Sequence[Alarm]) -> None:
        """Report each alarm, then note it: should we die in between, it is reported again.

        The end may be asked for in between: what is left is reported at the next start.
        """
        failure: Exception | None = None
        for alarm in alarms:
            self._heed()
            if self._stopping:
                break
            m.write_all([alarm.raised])
            self._sender.send(_about(alarm), alarm.raised, alarm)
            if failure is not None:  # it would fail again, and take its time
                self._reporter.remember([alarm])
                continue
            try:
                self._reporter.note([alarm])
            except Exception as error:  # noqa: BLE001 - raised when all are reported
                failure = error
        if failure is not None:
            raise failure

    def _database_is_away(self, error: str) -> None:
        setproctitle("jobarg_monitor: the database cannot be used")
        if self._away_since is not None:
            return
        self._away_since = self._clock.monotonic()
        raised = m.log_message(m.JAMONITOR100002, error_text=error)
        self._sender.send(About.DATABASE, raised)

    def _database_is_back(self) -> None:
        if self._away_since is not None:
            seconds = round(self._clock.monotonic() - self._away_since)
            m.log_message(m.JAMONITOR000004, seconds=seconds)
            self._away_since = None

    def _rotate(self) -> None:
        config = self._config
        if config.ja_log_file:
            try:
                logs.rotate(Path(config.ja_log_file), config.log_file_size)
            except OSError as error:
                log.error("the log file cannot be rotated: %s", error)  # noqa: TRY400

    def _wait(self) -> None:
        """Wait for the next look, or until the end is asked for."""
        until = self._clock.monotonic() + self._config.ja_monitor_interval
        self._heed()
        while not self._stopping and (left := until - self._clock.monotonic()) > 0:
            select.select([self._signals], [], [], left)
            self._heed()

    def _heed(self) -> None:
        """Do what signals ask for."""
        for number in self._signals.take():
            if number in STOPPING:
                self._stopping = True
            elif number == signal.SIGHUP:
                output.reopen()
            else:
                self._level = (self._level + 1) % len(logs.THRESHOLDS)
                logs.set_level(self._level)


def _about(alarm: Alarm) -> About:
    if alarm.overrun is not None:
        return About.OVERRUN
    if alarm.missing is None:
        return About.CALENDAR if alarm.calendar_id else About.SERVER
    return About.LOADED if alarm.missing.problem is LateProblem.LOADED else About.STARTED
