"""Services that tests and benchmarks start for themselves.

A `PrivateMariaDB` is a whole server of its own: data directory, socket and port belong to it alone,
and it commits as durably as a real one. Its guard, a small process, ends it when the process that
it was started for is gone, however that ended. `PrivatePostgreSQL` is the same for the third
product.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import psutil
import psycopg
import pymysql

from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import DatabaseType

USER = PASSWORD = "jobarg"

#: Waits for either process; if the first is gone, the second has no reason to live, nor its files.
_GUARD = """
import os, select, shutil, signal, sys
try:
    guardian, server = (os.pidfd_open(int(pid)) for pid in sys.argv[1:3])
except ProcessLookupError:
    sys.exit()
ended, _, _ = select.select([guardian, server], [], [])
if server not in ended:
    signal.pidfd_send_signal(server, signal.SIGKILL)
    select.select([server], [], [])
    shutil.rmtree(sys.argv[3], ignore_errors=True)
"""


class ServiceMissing(Exception):
    """A program that the service needs is not installed."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait until `condition()` is true; fail with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def free_port() -> int:
    """Return a TCP port that nobody listens at now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class PrivateServer(ABC):
    """A database server of one's own: `start`, `stop`, `kill`, `restart`, `freeze`, `thaw`."""

    def __init__(self, *, guardian: int | None = None) -> None:
        """Choose a place and a port; nothing is started yet.

        `guardian` is the process whose end ends the server; the caller's own by default.
        """
        self.directory = Path(tempfile.mkdtemp(prefix="jobarg-db-", dir="/tmp"))
        self.port = free_port()
        self.pid = 0
        self._guardian = guardian or os.getpid()
        self._guard = 0

    def start(self) -> Self:
        """Start the server, at first use with a new data directory; return when it answers."""
        if not (self.directory / "data").exists():
            self.install()
        self.pid = _spawn(self.command())
        guard = [sys.executable, "-c", _GUARD, str(self._guardian), str(self.pid)]
        self._guard = _spawn([*guard, str(self.directory)])
        wait_until(self._started, f"{type(self).__name__} starts (see {self.directory}/log)")
        return self

    def stop(self) -> None:
        """Shut it down in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Let it die as in a power cut."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on the same port, after `stop` or `kill`."""
        self.start()

    def freeze(self) -> None:
        """Let it stand still: connections stay open, nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def remove(self) -> None:
        """End it and delete all of it."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @abstractmethod
    def install(self) -> None:
        """Make the data directory."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the server's program and arguments."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the server takes connections."""

    def _started(self) -> bool:
        if not psutil.pid_exists(self.pid) or _is_zombie(self.pid):
            raise RuntimeError(f"it ended at its start, see {self.directory}/log")
        return self.answers()

    def _end(self, number: int) -> None:
        if not self.pid:
            return
        os.kill(self.pid, number)
        os.kill(self.pid, signal.SIGCONT)
        os.waitpid(self.pid, 0)
        os.waitpid(self._guard, 0)
        self.pid = self._guard = 0


class PrivateMariaDB(PrivateServer):
    """A MariaDB that commits as durably as a real one."""

    @property
    def socket(self) -> str:
        """Return the path of its local socket."""
        return str(self.directory / "s")

    def settings(self, name: str) -> DatabaseSettings:
        """Return how to reach the database `name`."""
        return mariadb_at(self.port, name)

    def local_settings(self, name: str) -> DatabaseSettings:
        """Return how to reach it by its local socket, as DBHost=localhost does."""
        return replace(self.settings(name), socket=self.socket)

    def create_database(self, name: str) -> DatabaseSettings:
        """Make an empty database, replacing an older one of that name."""
        return create_database(self.port, name)

    def connect(self) -> pymysql.Connection:
        """Return a bare connection of the driver."""
        return connect(self.port)

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        try:
            self.connect().close()
        except pymysql.MySQLError:
            return False
        return True

    def install(self) -> None:
        """Make the data directory and what creates our user at each start."""
        user = _service_user("mysql")
        if user:
            os.chown(self.directory, pwd.getpwnam(user).pw_uid, -1)
        (self.directory / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {USER}@'%';\n"
        )
        (self.directory / "init.sql").chmod(0o644)
        subprocess.run(
            [
                _program("mariadb-install-db", "mysql_install_db"),
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                f"--datadir={self.directory / 'data'}",
                *([f"--user={user}"] if user else []),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def command(self) -> list[str]:
        """Return the server's program and arguments."""
        user = _service_user("mysql")
        return [
            _program("mariadbd", "mysqld"),
            "--no-defaults",
            f"--datadir={self.directory / 'data'}",
            f"--socket={self.socket}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            f"--pid-file={self.directory / 'pid'}",
            f"--log-error={self.directory / 'log'}",
            f"--init-file={self.directory / 'init.sql'}",
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=64M",
            "--innodb-print-all-deadlocks=ON",
            "--character-set-server=utf8mb4",
            "--skip-name-resolve",
            "--performance-schema=OFF",
            "--max-connections=300",
            *([f"--user={user}"] if user else []),
        ]


class PrivatePostgreSQL(PrivateServer):
    """A PostgreSQL; needs its programs in PATH."""

    def create_database(self, name: str) -> DatabaseSettings:
        """Make an empty database, replacing an older one of that name."""
        return create_postgresql(self.port, name)

    def install(self) -> None:
        """Make the data directory, owned by PostgreSQL's user."""
        user = _service_user("postgres")
        if user:
            os.chown(self.directory, pwd.getpwnam(user).pw_uid, -1)
        data = str(self.directory / "data")
        subprocess.run(
            [*_as(user), _program("initdb"), "-A", "trust", "-U", USER, "-E", "UTF8", "-D", data],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def command(self) -> list[str]:
        """Return the server's program and arguments."""
        options = ("listen_addresses=127.0.0.1", f"port={self.port}", "max_connections=200")
        return [
            *_as(_service_user("postgres")),
            _program("postgres"),
            *("-D", str(self.directory / "data"), "-k", str(self.directory)),
            *(word for option in options for word in ("-c", option)),
        ]

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        try:
            _postgresql(self.port).close()
        except psycopg.OperationalError:
            return False
        return True


def _postgresql(port: int) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=port, user=USER, dbname="postgres", autocommit=True
    )


def create_postgresql(port: int, name: str) -> DatabaseSettings:
    """Make an empty database on a `PrivatePostgreSQL`, replacing an older one of that name."""
    connection = _postgresql(port)
    connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
    connection.execute(f"CREATE DATABASE {name}".encode())
    connection.close()
    return DatabaseSettings(
        kind=DatabaseType.POSTGRESQL, host="127.0.0.1", port=port, name=name, user=USER
    )


def mariadb_at(port: int, name: str) -> DatabaseSettings:
    """Return how to reach a database of a `PrivateMariaDB`."""
    return DatabaseSettings(
        kind=DatabaseType.MYSQL,
        host="127.0.0.1",
        port=port,
        name=name,
        user=USER,
        password=PASSWORD,
    )


def connect(port: int) -> pymysql.Connection:
    """Return a bare connection of the driver to a `PrivateMariaDB`."""
    return pymysql.connect(
        host="127.0.0.1", port=port, user=USER, password=PASSWORD, autocommit=True
    )


def create_database(port: int, name: str) -> DatabaseSettings:
    """Make an empty database on a `PrivateMariaDB`, replacing an older one of that name."""
    with connect(port) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return mariadb_at(port, name)


def end_process(pid: int) -> None:
    """Kill the process `pid` of ours and wait until it is gone."""
    try:
        process = psutil.Process(pid)
        process.kill()
        process.wait(10)
    except psutil.NoSuchProcess:
        return


def _service_user(name: str) -> str | None:
    """Return the user to run as: the servers refuse to be root."""
    return name if os.geteuid() == 0 else None


def _as(user: str | None) -> list[str]:
    """Return the words that become another user; the process stays the same."""
    if user is None:
        return []
    return [_program("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]


def _spawn(arguments: list[str]) -> int:
    """Start a program with neither input nor output, in a session of its own; return its id."""
    silence = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
    return os.posix_spawn(arguments[0], arguments, os.environ, file_actions=silence, setsid=True)


def _is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _program(*names: str) -> str:
    for name in names:
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if found:
            return found
    raise ServiceMissing(f"{names[0]} is not installed")
