"""`jobarg_server`: from the command line to the supervisor.

The order of a start: read the configuration (errors still go to the terminal), go to the
background, lock pid file and runtime directory, wait for left-over children of an earlier start,
bind the trapper's sockets, become the execution user, open the log, import and freeze
everything the children share, run the start check, fork the children, inform whoever waits.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import importlib
import logging
import os
import socket
import sys
from collections.abc import Sequence

from jobarranger import __version__
from jobarranger import messages as m
from jobarranger.clock import SystemClock, stamp17, zone_named
from jobarranger.config import ServerConfig, load_server
from jobarranger.daemon import life, user
from jobarranger.daemon.life import DaemonStart, Program
from jobarranger.daemon.pidfile import PidFile
from jobarranger.daemon.service_manager import ServiceManager
from jobarranger.errors import ConfigError, JobArrangerError
from processes import children, listening, registry, startcheck
from processes.generation import Generation
from processes.registry import RoleEntry
from processes.rundir import RuntimeFiles
from processes.signals import PARENT_SIGNALS, STOPPING, Signals
from processes.supervisor import Supervisor

log = logging.getLogger(__name__)

NAME = "jobarg_server"
IDENT = "Job Arranger Server"
#: What is printed on standard output with --hold-all.
HELD = "--hold-all: no run is started and no job is sent until jobarg_ctl resume"
#: Imported by the parent although only children use them: so all share one copy.
HEAVY: tuple[str, ...] = (
    "asyncio",
    "concurrent.futures.thread",
    "jobarranger.db.engine",
    "jobarranger.db.schema",
    "jobarranger.db.tables",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlite3",
)


def main(argv: Sequence[str] | None = None, entries: Sequence[RoleEntry] = registry.ENTRIES) -> int:
    """Run the server; return its exit code."""

    def run(start: DaemonStart[ServerConfig]) -> int:
        if start.options.hold_all:
            print(f"{NAME}: {HELD}", flush=True)  # noqa: T201 - for whoever typed the command
        return Server(start, entries).run()

    return life.main(
        Program(
            name=NAME,
            description="The Job Arranger job server.",
            load=load_server,
            run=run,
            add_options=_add_options,
        ),
        argv,
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hold-all",
        action="store_true",
        help="start nothing until jobarg_ctl resume: for the first start after a restore",
    )


class Server:
    """The life of the main process between its start and its exit code."""

    def __init__(self, start: DaemonStart[ServerConfig], entries: Sequence[RoleEntry]) -> None:
        config = start.config
        self._config = config
        self._hold_all = bool(start.options.hold_all)
        self._warnings = start.warnings
        self._entries = entries
        self._launch = start.launch
        self._clock = SystemClock()
        self._generation = Generation(config.ja_runtime_dir)
        self._pid_file: PidFile | None = None
        self._listeners: list[socket.socket] = []
        self._reported: list[str] = []
        self._is_ready = False
        self._service_manager = ServiceManager()

    def run(self) -> int:
        """DaemonStart, supervise, end; return the exit code.

        A signal that asks for the end is heeded from here on: it leaves no pid file behind.
        """
        self._signals = Signals(PARENT_SIGNALS)
        try:
            self._prepare()
            return self._serve()
        except startcheck.StopAsked:
            self._launch.fail("stopped before it was ready")
            return 0
        except JobArrangerError as error:
            return self._fail(str(error))
        except OSError as error:
            return self._fail(f"cannot start: {error}")
        finally:
            if self._pid_file is not None:
                self._pid_file.remove()

    def _fail(self, text: str) -> int:
        """Report to log and starter why the server does not work."""
        return life.give_up(
            self._launch,
            text,
            lambda line: m.log_message(m.JASERVER100003, error_text=line.rstrip(".")),
        )

    def _prepare(self) -> None:
        """Do what has to be done once, in part as root, before the first fork."""
        config = self._config
        name = user.wanted_user(config.ja_execution_user, allow_root=config.allow_root)
        for path in (config.ja_runtime_dir, config.ja_state_dir):
            user.own_directory(path, name)
        self._pid_file = PidFile.take(config.ja_pid_file)
        self._generation.claim(user.ids_of(name))
        self._generation.wait_alone(
            self._clock,
            self._report_waiting,
            kill_after=config.ja_stop_timeout,
            look=self._look_for_end,
        )
        self._bind()
        self._import_all()
        user.become(name)
        self._open_log()

    def _look_for_end(self) -> None:
        """End the start if a signal has asked for it."""
        if STOPPING.intersection(self._signals.take()):
            raise startcheck.StopAsked

    def _report_waiting(self, seconds: int) -> None:
        """Report to the starter, and to the log once it is open, that an earlier start remains."""
        raised = m.render(m.JASERVER300005, seconds=seconds)
        self._launch.report(raised.text)
        self._reported.append(raised.line)

    def _bind(self) -> None:
        config = self._config
        if not config.ja_start_trappers:
            log.warning("JaStartTrappers is 0: nobody answers at the port")
        try:
            self._listeners = listening.bind(config.listen_ip, config.ja_trapper_listen_port)
        except OSError as error:
            text = m.render(m.JASERVER100001, error_text=error.strerror).text
            raise ConfigError(text) from error

    def _open_log(self) -> None:
        config = self._config
        life.open_log(
            self._launch,
            file=config.ja_log_file,
            level=config.debug_level,
            ident=IDENT,
            zone=config.ja_time_zone,
        )
        faulthandler.enable(sys.stderr)
        m.use(config.ja_log_message_file)
        m.log_message(m.JASERVER000001, version=__version__, revision=__version__)
        for line in self._reported:
            log.warning("%s", line)
        for warning in self._warnings:
            m.log_message(m.JASERVER300004, warning=warning)
        zone = str(zone_named(config.ja_time_zone))
        m.log_message(m.JASERVER000007, zone=zone, database=config.db_type.value)

    def _import_all(self) -> None:
        """Load what the children need, and put it where no collection touches it."""
        for name in HEAVY:
            importlib.import_module(name)
        registry.load(self._entries)
        gc.collect()
        gc.freeze()

    def _serve(self) -> int:
        """Check, fork, supervise."""
        config = self._config
        reason = startcheck.run(
            config, self._clock, self._generation, self._signals, hold_all=self._hold_all
        )
        if reason is not None:
            return self._fail(reason)
        if self._hold_all:
            m.log_message(m.JASERVER300007)
        shared = children.SharedState(
            config=config,
            clock=self._clock,
            server_id=str(stamp17(self._clock.now_ms(), zone_named(config.ja_time_zone))),
            generation=self._generation,
            parent=os.getpid(),
            listeners=self._listeners,
            let_go=self._let_go,
        )
        supervisor = Supervisor(
            children.members(shared, self._entries),
            clock=self._clock,
            signals=self._signals,
            stop_timeout=config.ja_stop_timeout,
            on_ready=self._ready,
            on_stopping=self._service_manager.stopping,
            chore=RuntimeFiles(config.ja_runtime_dir, self._generation.mend).look,
            level=config.debug_level,
        )
        code = supervisor.run()
        if supervisor.failure is not None:
            self._launch.fail(supervisor.failure)
        elif not self._is_ready:
            self._launch.fail("stopped before it was ready")
        m.log_message(m.JASERVER000002, version=__version__, revision=__version__)
        return code

    def _ready(self) -> None:
        """Inform everybody that all children are ready."""
        self._is_ready = True
        m.log_message(m.JASERVER000003)
        self._launch.ready()
        self._service_manager.ready()

    def _let_go(self) -> None:
        """Close in a child what only the parent needs."""
        self._launch.let_go()
        if self._pid_file is not None:
            self._pid_file.let_go()


if __name__ == "__main__":
    sys.exit(main())
