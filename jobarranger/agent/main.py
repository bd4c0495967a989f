"""`jobarg_agentd`: command line and start of the agent."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from logging import getLogger
from pathlib import Path

from sdnotify import SystemdNotifier

from jobarranger import __version__, logs
from jobarranger.agent.directories import JobsDirectory
from jobarranger.agent.journal import Journal
from jobarranger.agent.service import AgentService, listen
from jobarranger.agent.spawn import raise_file_limit
from jobarranger.agent.trouble import CannotWork
from jobarranger.clock import Clock, SystemClock
from jobarranger.config import AgentConfig, load_agent
from jobarranger.daemonise import (
    ForegroundLaunch,
    Launch,
    PidFile,
    detach,
    settle,
    silence,
    switch_user,
    user_and_group,
)
from jobarranger.errors import JobArrangerError

log = getLogger(__name__)

DEFAULT_CONFIG = Path("/etc/jobarranger/jobarg_agentd.conf")
LISTEN_PAUSE = 1.0
#: Exit code of an agent that lacks what it needs to work: memory, threads, processes.
EXIT_CANNOT_WORK = 70
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(argv)
    try:
        config, warnings = load_agent(options.config)
        if options.test_config:
            return _report(warnings)
        if os.getuid() == 0 and not config.allow_root:
            switch_user(config.ja_execution_user)
    except JobArrangerError as error:
        sys.stderr.write(f"jobarg_agentd: {error}\n")
        return 1
    launch: Launch
    if options.foreground:
        launch = ForegroundLaunch()
        settle()
    else:
        launch = detach()
    return _serve(config, warnings, launch, background=not options.foreground)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jobarg_agentd", description="Runs jobs for job servers and reports their outcome."
    )
    parser.add_argument(
        *("-c", "--config"),
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help=f"configuration file (default {DEFAULT_CONFIG})",
    )
    parser.add_argument(
        *("-f", "--foreground"), action="store_true", help="do not go to the background"
    )
    parser.add_argument(
        *("-t", "--test-config"), action="store_true", help="check the configuration and exit"
    )
    parser.add_argument(
        *("-V", "--version"), action="version", version=f"jobarg_agentd {__version__}"
    )
    return parser


def _report(warnings: Sequence[str]) -> int:
    for warning in warnings:
        sys.stdout.write(f"warning: {warning}\n")
    sys.stdout.write("the configuration is right\n")
    return 0


def _serve(
    config: AgentConfig, warnings: Sequence[str], launch: Launch, *, background: bool
) -> int:
    """Open everything, run, and tidy up; what fails before that is told to the launcher."""
    clock = SystemClock()
    try:
        logs.setup(file=config.ja_log_file, level=config.debug_level, ident="jobarg_agentd")
    except OSError as error:
        where = f"cannot open JaLogFile {config.ja_log_file}: {error.strerror}"
        launch.fail(f"jobarg_agentd: {where}")
    pid_file: PidFile | None = None
    try:
        pid_file = PidFile.take(config.ja_pid_file)
        place = JobsDirectory(config.tmp_dir)
        _warn_of_owner(place, config.tmp_dir)
        boot_id = BOOT_ID_FILE.read_text("ascii").strip()
        journal = Journal(
            config.ja_database_file, jobs_dir=place.path, boot_id=boot_id, clock=clock
        )
        listener = _listen(config, clock)
    except (JobArrangerError, OSError) as error:
        log.critical("the agent cannot start: %s", error)
        if pid_file is not None:
            pid_file.remove()
        launch.fail(f"jobarg_agentd: {error}")
    for warning in warnings:
        log.warning("%s", warning)

    notifier = SystemdNotifier()
    os.environ.pop("NOTIFY_SOCKET", None)  # it is ours, not the jobs'

    def ready() -> None:
        log.info(
            "jobarg_agentd %s started as %s, host %s, port %d",
            *(__version__, user_and_group(), config.hostname, listener.getsockname()[1]),
        )
        launch.ready()
        notifier.notify("READY=1")
        if background:
            silence()

    async def work() -> None:
        files = raise_file_limit()
        service = AgentService(
            config, journal, place, clock=clock, boot_id=boot_id, files=files, keep=pid_file.keep
        )
        await service.run(listener, ready)

    try:
        asyncio.run(work())
    except (CannotWork, MemoryError, OSError) as error:
        text = str(error) or type(error).__name__
        log.critical("the agent ends: %s", text)
        launch.fail(f"jobarg_agentd: {text}", EXIT_CANNOT_WORK)
    except Exception:
        log.critical("the agent failed", exc_info=True)
        raise
    finally:
        journal.close()
        pid_file.remove()
    log.info("jobarg_agentd stopped")
    return 0


def _warn_of_owner(place: JobsDirectory, tmp_dir: Path) -> None:
    owner = place.owner_of_tmp() if os.geteuid() == 0 else None
    if owner is not None:
        log.warning(
            "TmpDir: %s belongs to user %d, who could put other scripts in the place of jobs that "
            "this agent runs as root; give it to root",
            *(tmp_dir, owner),
        )


def _listen(config: AgentConfig, clock: Clock) -> socket.socket:
    for left in range(config.ja_listen_retry, -1, -1):
        try:
            return listen(config.listen_ip, config.ja_listen_port)
        except OSError as error:
            if left == 0:
                port = config.ja_listen_port
                text = f"cannot listen on port {port}: {error.strerror}"
                raise JobArrangerError(text) from error
            log.warning("port %d is not free yet: %s", config.ja_listen_port, error.strerror)
            clock.sleep(LISTEN_PAUSE)
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main())
