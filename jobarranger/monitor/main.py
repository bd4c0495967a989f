"""`jobarg_monitor`: command line and start of the monitor daemon."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from logging import getLogger
from pathlib import Path

from sdnotify import SystemdNotifier

from jobarranger import __version__, logs
from jobarranger import messages as m
from jobarranger.clock import SystemClock, zone_named
from jobarranger.config import MonitorConfig, load_monitor
from jobarranger.daemonise import (
    ForegroundLaunch,
    Launch,
    PidFile,
    detach,
    settle,
    silence,
    switch_user,
)
from jobarranger.db.engine import Database
from jobarranger.errors import JobArrangerError
from jobarranger.monitor.service import SIGNALS, MonitorService
from jobarranger.signalling import Signals

log = getLogger(__name__)

NAME = "jobarg_monitor"
DEFAULT_CONFIG = Path("/etc/jobarranger/jobarg_monitor.conf")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(argv)
    try:
        config, warnings = load_monitor(options.config.absolute())
        if options.test:
            return _report(options.config, warnings)
        if os.geteuid() == 0 and not config.allow_root:
            switch_user(config.ja_execution_user)
    except JobArrangerError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"cannot read {options.config}: {error.strerror}")
    launch: Launch
    if options.foreground:
        launch = ForegroundLaunch()
        settle()
    else:
        launch = detach()
    return _serve(config, warnings, launch, background=not options.foreground)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="Watches that scheduled starts happen, and that a job server works.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-c", "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE",
        help="configuration file (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("-f", "--foreground", action="store_true", help="stay in the foreground")
    parser.add_argument(
        "-t", "--test", action="store_true", help="check the configuration file and exit"
    )
    parser.add_argument(
        "-V", "--version", action="version", version=f"{NAME} (Job Arranger) {__version__}"
    )
    return parser


def _refuse(text: str) -> int:
    sys.stderr.write(f"{NAME}: {text}\n")
    return 1


def _report(file: Path, warnings: Sequence[str]) -> int:
    for warning in warnings:
        sys.stderr.write(f"{NAME}: warning: {warning}\n")
    sys.stderr.write(f"{NAME}: {file}: the configuration is correct\n")
    return 0


def _serve(
    config: MonitorConfig, warnings: Sequence[str], launch: Launch, *, background: bool
) -> int:
    """Open everything, run, and tidy up; what fails before that is told to the launcher."""
    clock, zone = SystemClock(), zone_named(config.ja_time_zone)
    try:
        logs.setup(file=config.ja_log_file, level=config.debug_level, ident=NAME, zone=zone)
    except OSError as error:
        launch.fail(f"{NAME}: cannot open JaLogFile {config.ja_log_file}: {error.strerror}")
    m.use(config.ja_log_message_file)
    signals = Signals(SIGNALS)  # from here on: who asks for the end leaves no pid file behind
    try:
        pid_file = PidFile.take(config.ja_pid_file)
    except JobArrangerError as error:
        log.critical("the monitor cannot start: %s", error)
        launch.fail(f"{NAME}: {error}")
    db = Database.from_config(config, clock=clock)
    m.say(m.JAMONITOR000001, version=__version__, database=db.settings.label())
    for warning in warnings:
        m.say(m.JAMONITOR300002, warning=warning)
    notifier = SystemdNotifier()
    os.environ.pop("NOTIFY_SOCKET", None)  # it is ours, not the sender program's

    def ready() -> None:
        launch.ready()
        notifier.notify("READY=1")
        if background:
            silence(Path(config.ja_log_file) if config.ja_log_file else None)

    try:
        MonitorService(config, db, clock, signals).run(ready)
    finally:
        db.close()
        pid_file.remove()
    m.say(m.JAMONITOR000002, version=__version__)
    return 0


if __name__ == "__main__":
    sys.exit(main())
