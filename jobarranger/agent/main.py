"""`jobarg_agentd`: command line and start of the agent."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from logging import getLogger
from pathlib import Path

from jobarranger import __version__
from jobarranger.agent.directories import JobsDirectory
from jobarranger.agent.journal import Journal
from jobarranger.agent.service import AgentService, listen
from jobarranger.agent.spawn import raise_file_limit
from jobarranger.agent.trouble import CannotWork
from jobarranger.clock import Clock, SystemClock
from jobarranger.config import AgentConfig, load_agent
from jobarranger.daemon import life, user
from jobarranger.daemon.life import DaemonStart, Program
from jobarranger.daemon.pidfile import PidFile
from jobarranger.daemon.service_manager import ServiceManager
from jobarranger.errors import JobArrangerError

log = getLogger(__name__)

NAME = "jobarg_agentd"
LISTEN_PAUSE = 1.0
#: Exit code of an agent without what it needs to work: memory, threads, processes.
EXIT_CANNOT_WORK = 70
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return life.main(
        Program(
            name=NAME,
            description="Runs jobs for job servers and reports their outcome.",
            load=load_agent,
            run=_run,
        ),
        argv,
    )


def _run(start: DaemonStart[AgentConfig]) -> int:
    """Open everything, serve, and tidy up; what fails before that is reported to the launcher."""
    config, clock = start.config, SystemClock()
    pid_file: PidFile | None = None
    try:
        user.become(user.wanted_user(config.ja_execution_user, allow_root=config.allow_root))
        life.open_log(start.launch, file=config.ja_log_file, level=config.debug_level, ident=NAME)
        pid_file = PidFile.take(config.ja_pid_file)
        place = JobsDirectory(config.tmp_dir)
        _warn_of_owner(place, config.tmp_dir)
        boot_id = BOOT_ID_FILE.read_text("ascii").strip()
        journal = Journal(
            config.ja_database_file, jobs_dir=place.path, boot_id=boot_id, clock=clock
        )
        listener = _listen(config, clock)
    except (JobArrangerError, OSError) as error:
        if pid_file is not None:
            pid_file.remove()
        return life.give_up(
            start.launch, str(error), partial(log.critical, "the agent cannot start: %s")
        )
    for warning in start.warnings:
        log.warning("%s", warning)
    try:
        asyncio.run(_serve(start, journal, place, listener, boot_id, pid_file))
    except (CannotWork, MemoryError, OSError) as error:
        text = str(error) or type(error).__name__
        write = partial(log.critical, "the agent ends: %s")
        return life.give_up(start.launch, text, write, code=EXIT_CANNOT_WORK)
    except Exception:
        log.critical("the agent failed", exc_info=True)
        raise
    finally:
        journal.close()
        pid_file.remove()
    log.info("jobarg_agentd stopped")
    return 0


async def _serve(
    start: DaemonStart[AgentConfig],
    journal: Journal,
    place: JobsDirectory,
    listener: socket.socket,
    boot_id: str,
    pid_file: PidFile,
) -> None:
    """Serve until a signal ends it."""
    config = start.config
    service_manager = ServiceManager()  # before the starter: it is ours, not the jobs'

    def ready() -> None:
        log.info(
            "jobarg_agentd %s started as %s, host %s, port %d",
            *(__version__, user.user_and_group(), config.hostname, listener.getsockname()[1]),
        )
        start.launch.ready()
        service_manager.ready()

    files = raise_file_limit()
    service = AgentService(
        config,
        journal,
        place,
        clock=SystemClock(),
        boot_id=boot_id,
        files=files,
        keep=pid_file.keep,
    )
    await service.run(listener, ready)


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
