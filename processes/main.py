"""`jobarg_server`: from the command line to the supervisor.

The order of a start: read the configuration (errors still go to the terminal), go to the
background, lock pid file and runtime directory, wait for left-over children of an earlier start,
bind the trapper's sockets, become the execution user, open the log, import and freeze
everything the children share, run the start check, fork the children, tell whoever waits.
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
from collections.abc import Callable, Sequence
from pathlib import Path

import sdnotify

from jobarranger import __version__, logs
from jobarranger import messages as m
from jobarranger.clock import Clock, SystemClock, stamp17, zone_named
from jobarranger.config import ServerConfig, load_server
from jobarranger.errors import ConfigError, JobArrangerError
from processes import children, daemon, listening, output, registry, startcheck
from processes.daemon import Launch, PidFile
from processes.generation import Generation
from processes.registry import Entry
from processes.rundir import Held
from processes.signals import PARENT_SIGNALS, STOPPING, Signals
from processes.supervisor import Supervisor

log = logging.getLogger(__name__)

DEFAULT_CONFIG = Path("/etc/jobarranger/jobarg_server.conf")
IDENT = "Job Arranger Server"
#: What is told on standard output with --hold-all.
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


def main(argv: Sequence[str] | None = None, entries: Sequence[Entry] = registry.ENTRIES) -> int:
    """Run the server; return its exit code."""
    options = _parser().parse_args(argv)
    try:
        config, warnings = load_server(options.config.absolute())
    except JobArrangerError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"cannot read {options.config}: {error.strerror}")
    if options.test:
        for warning in warnings:
            _print(f"warning: {warning}")
        _print(f"{options.config}: the configuration is correct")
        return 0
    if options.hold_all:
        print(f"jobarg_server: {HELD}", flush=True)  # noqa: T201
    launch = daemon.Foreground() if options.foreground else daemon.detach()
    return Server(config, warnings, entries, launch, hold_all=options.hold_all).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jobarg_server", description="The Job Arranger job server.", allow_abbrev=False
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
        "--hold-all",
        action="store_true",
        help="start nothing until jobarg_ctl resume: for the first start after a restore",
    )
    parser.add_argument(
        "-V", "--version", action="version", version=f"jobarg_server (Job Arranger) {__version__}"
    )
    return parser


def _print(text: str) -> None:
    print(f"jobarg_server: {text}", file=sys.stderr, flush=True)  # noqa: T201


def _nobody(state: str) -> None:
    """Tell no service manager."""


def _refuse(text: str) -> int:
    _print(text)
    return 1


class Server:
    """The life of the main process between its start and its exit code."""

    def __init__(
        self,
        config: ServerConfig,
        warnings: Sequence[str],
        entries: Sequence[Entry],
        launch: Launch,
        clock: Clock | None = None,
        *,
        hold_all: bool = False,
    ) -> None:
        self._config = config
        self._hold_all = hold_all
        self._warnings = warnings
        self._entries = entries
        self._launch = launch
        self._clock = clock or SystemClock()
        self._generation = Generation(config.ja_runtime_dir)
        self._pid_file: PidFile | None = None
        self._listeners: list[socket.socket] = []
        self._told: list[str] = []
        self._is_ready = False
        self._notify: Callable[[str], None] = _nobody

    def run(self) -> int:
        """Start, supervise, end; return the exit code.

        A signal that asks for the end is heeded from here on: it leaves no pid file behind.
        """
        os.umask(daemon.UMASK)
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
        """Tell log and starter why the server does not work."""
        if logging.getLogger().handlers:
            m.say(m.JASERVER100003, error_text=text.rstrip("."))
        self._launch.fail(text)
        return 1

    def _prepare(self) -> None:
        """Do what has to be done once, in part as root, before the first fork."""
        config = self._config
        user = daemon.wanted_user(config.ja_execution_user, allow_root=config.allow_root)
        for path in (config.ja_runtime_dir, config.ja_state_dir):
            daemon.own_directory(path, user)
        self._pid_file = PidFile.take(config.ja_pid_file)
        self._generation.claim(daemon.ids_of(user))
        self._generation.wait_alone(
            self._clock,
            self._tell_waiting,
            kill_after=config.ja_stop_timeout,
            look=self._look_for_end,
        )
        self._bind()
        self._import_all()
        daemon.become(user)
        self._open_log()

    def _look_for_end(self) -> None:
        """End the start if a signal has asked for it."""
        if STOPPING.intersection(self._signals.take()):
            raise startcheck.StopAsked

    def _tell_waiting(self, seconds: int) -> None:
        """Tell the starter, and the log once it is open, that an earlier start is not gone."""
        raised = m.render(m.JASERVER300005, seconds=seconds)
        self._launch.tell(raised.text)
        self._told.append(raised.line)

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
        config, zone = self._config, zone_named(self._config.ja_time_zone)
        try:
            logs.setup(file=config.ja_log_file, level=config.debug_level, ident=IDENT, zone=zone)
        except OSError as error:
            text = f"cannot open JaLogFile {config.ja_log_file}: {error.strerror}"
            raise ConfigError(text) from error
        if isinstance(self._launch, daemon.Background):
            output.redirect(config.ja_log_file)
        faulthandler.enable(sys.stderr)
        m.use(config.ja_log_message_file)
        m.say(m.JASERVER000001, version=__version__, revision=__version__)
        for line in self._told:
            log.warning("%s", line)
        for warning in self._warnings:
            m.say(m.JASERVER300004, warning=warning)
        m.say(m.JASERVER000007, zone=str(zone), database=config.db_type.value)

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
        self._connect_service_manager()
        reason = startcheck.run(
            config, self._clock, self._generation, self._signals, hold_all=self._hold_all
        )
        if reason is not None:
            return self._fail(reason)
        if self._hold_all:
            m.say(m.JASERVER300007)
        household = children.Household(
            config=config,
            clock=self._clock,
            server_id=str(stamp17(self._clock.now_ms(), zone_named(config.ja_time_zone))),
            generation=self._generation,
            parent=os.getpid(),
            listeners=self._listeners,
            let_go=self._let_go,
        )
        supervisor = Supervisor(
            children.members(household, self._entries),
            clock=self._clock,
            signals=self._signals,
            stop_timeout=config.ja_stop_timeout,
            on_ready=self._ready,
            on_stopping=lambda: self._notify("STOPPING=1"),
            chore=Held(config.ja_runtime_dir, self._generation.mend).look,
            level=config.debug_level,
        )
        code = supervisor.run()
        if supervisor.failure is not None:
            self._launch.fail(supervisor.failure)
        elif not self._is_ready:
            self._launch.fail("stopped before it was ready")
        m.say(m.JASERVER000002, version=__version__, revision=__version__)
        return code

    def _ready(self) -> None:
        """Tell everybody that all children are ready."""
        self._is_ready = True
        m.say(m.JASERVER000003)
        self._launch.ready()
        self._notify("READY=1")

    def _let_go(self) -> None:
        """Close in a child what only the parent needs."""
        self._launch.let_go()
        if self._pid_file is not None:
            self._pid_file.let_go()

    def _connect_service_manager(self) -> None:
        """Remember the service manager's socket and hide it from all children."""
        if "NOTIFY_SOCKET" in os.environ:
            notifier = sdnotify.SystemdNotifier()
            self._notify = notifier.notify
            del os.environ["NOTIFY_SOCKET"]


if __name__ == "__main__":
    sys.exit(main())
