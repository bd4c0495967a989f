"""`jobarg_monitor`: command line and start of the monitor daemon."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from logging import getLogger

from jobarranger import __version__
from jobarranger import messages as m
from jobarranger.clock import SystemClock
from jobarranger.config import MonitorConfig, load_monitor
from jobarranger.daemon import life, user
from jobarranger.daemon.life import DaemonStart, Program
from jobarranger.daemon.pidfile import PidFile
from jobarranger.daemon.service_manager import ServiceManager
from jobarranger.daemon.signals import Signals
from jobarranger.db.engine import Database
from jobarranger.errors import JobArrangerError
from jobarranger.monitor.service import SIGNALS, MonitorService

log = getLogger(__name__)

NAME = "jobarg_monitor"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return life.main(
        Program(
            name=NAME,
            description="Watches that scheduled starts happen, and that a job server works.",
            load=load_monitor,
            run=_run,
        ),
        argv,
    )


def _run(start: DaemonStart[MonitorConfig]) -> int:
    """Open everything, look until the end, tidy up; what fails before that is reported."""
    config = start.config
    try:
        user.become(user.wanted_user(config.ja_execution_user, allow_root=config.allow_root))
        life.open_log(
            start.launch,
            file=config.ja_log_file,
            level=config.debug_level,
            ident=NAME,
            zone=config.ja_time_zone,
        )
        m.use(config.ja_log_message_file)
        signals = Signals(SIGNALS)  # from here on: who asks for the end leaves no pid file behind
        pid_file = PidFile.take(config.ja_pid_file)
    except JobArrangerError as error:
        return life.give_up(
            start.launch, str(error), partial(log.critical, "the monitor cannot start: %s")
        )
    try:
        _watch(start, signals)
    finally:
        pid_file.remove()
    m.log_message(m.JAMONITOR000002, version=__version__)
    return 0


def _watch(start: DaemonStart[MonitorConfig], signals: Signals) -> None:
    config, clock = start.config, SystemClock()
    service_manager = ServiceManager()
    db = Database.from_config(config, clock=clock)
    m.log_message(m.JAMONITOR000001, version=__version__, database=db.settings.label())
    for warning in start.warnings:
        m.log_message(m.JAMONITOR300002, warning=warning)

    def ready() -> None:
        start.launch.ready()
        service_manager.ready()

    try:
        MonitorService(config, db, clock, signals).run(ready)
    finally:
        db.close()


if __name__ == "__main__":
    sys.exit(main())
