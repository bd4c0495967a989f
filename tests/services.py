"""Services that tests and benchmarks start for themselves.

A `PrivateMariaDB` or `PrivatePostgreSQL` is a whole server of its own: data directory, socket and
port belong to it alone, and it commits as durably as a real one, with the caches of one, unless
asked otherwise. Its guard, a small process, ends it when the process that it was started for is
gone, however that ended.
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
from contextlib import suppress
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
    with open(f"/proc/{sys.argv[2]}/task/{sys.argv[2]}/children") as file:
        children = [os.pidfd_open(int(pid)) for pid in file.read().split()]
    for process in (server, *children):
        signal.pidfd_send_signal(process, signal.SIGKILL)
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

    #: How it ends in order.
    STOP = signal.SIGTERM
    #: How long it may take to start.
    START_SECONDS = 20.0

    def __init__(self, *, guardian: int | None = None, durable: bool = True) -> None:
        """Choose a place and a port; nothing is started yet.

        `guardian` is the process whose end ends the server; the caller's own by default. One that
        is not `durable` never waits for the disk: for tests in which nobody kills it.
        """
        self.directory = Path(tempfile.mkdtemp(prefix="jobarg-db-", dir="/tmp"))
        self.port = free_port()
        self.pid = 0
        self.durable = durable
        self._guardian = guardian or os.getpid()
        self._guard = 0

    def start(self) -> Self:
        """Start the server, at first use with a new data directory; return when it answers."""
        if not (self.directory / "data").exists():
            self.install()
        self.pid = _spawn(self.command(), self.directory / "log")
        guard = [sys.executable, "-c", _GUARD, str(self._guardian), str(self.pid)]
        self._guard = _spawn([*guard, str(self.directory)])
        what = f"{type(self).__name__} starts (see {self.directory}/log)"
        wait_until(self._started, what, self.START_SECONDS)
        return self

    def stop(self) -> None:
        """Shut it down in order."""
        self._end(self.STOP)

    def kill(self) -> None:
        """Let it die as in a power cut."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on the same port, after `stop` or `kill`."""
        self.start()

    def freeze(self) -> None:
        """Let it stand still: connections stay open, nobody answers."""
        family = self.processes()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        wait_until(lambda: all(map(_stands_still, family)), "all its threads stand still")

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def remove(self) -> None:
        """End it and delete all of it."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        """Return its processes, the first one first; none if it does not run."""
        if not self.pid:
            return []
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]

    def settings(self, name: str) -> DatabaseSettings:
        """Return how to reach the database `name`."""
        return self.at(self.port, name)

    def create_database(self, name: str) -> DatabaseSettings:
        """Make an empty database, replacing an older one of that name."""
        return self.create_at(self.port, name)

    @abstractmethod
    def local_settings(self, name: str) -> DatabaseSettings:
        """Return how to reach the database `name` by the server's local socket."""

    @classmethod
    @abstractmethod
    def at(cls, port: int, name: str) -> DatabaseSettings:
        """Return how to reach a database of a server that somebody has started."""

    @classmethod
    @abstractmethod
    def create_at(cls, port: int, name: str) -> DatabaseSettings:
        """Make an empty database there, replacing an older one of that name."""

    @abstractmethod
    def statements(self) -> int:
        """Return how many statements clients have sent so far; 0 if it does not count."""

    @abstractmethod
    def install(self) -> None:
        """Make the data directory."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the server's program and arguments."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the server takes connections."""

    def _started(self) -> bool:
        if not psutil.pid_exists(self.pid) or _is_zombie(self.pid):
            raise RuntimeError(f"it ended at its start, see {self.directory}/log")
        return self.answers()

    def _end(self, number: int) -> None:
        if not self.pid:
            return
        family = self.processes()
        os.kill(self.pid, number)
        for process in family[1:] if number == signal.SIGKILL else []:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.thaw()
        os.waitpid(self.pid, 0)
        psutil.wait_procs(family[1:], timeout=10)
        os.waitpid(self._guard, 0)
        self.pid = self._guard = 0


#: What a MariaDB does without that nobody kills and that holds little.
_HASTY = (
    "--innodb-flush-method=nosync",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=64M",
)


class PrivateMariaDB(PrivateServer):
    """A MariaDB of one's own."""

    @property
    def socket(self) -> str:
        """Return the path of its local socket."""
        return str(self.directory / "s")

    def local_settings(self, name: str) -> DatabaseSettings:
        """Return how to reach it by its local socket, as DBHost=localhost does."""
        return replace(self.settings(name), socket=self.socket)

    @classmethod
    def at(cls, port: int, name: str) -> DatabaseSettings:
        """Return how to reach a database of a server that somebody has started."""
        return _settings(DatabaseType.MYSQL, port, name)

    @classmethod
    def create_at(cls, port: int, name: str) -> DatabaseSettings:
        """Make an empty database there, replacing an older one of that name."""
        with _mariadb(port) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return cls.at(port, name)

    def statements(self) -> int:
        """Return how many statements clients have sent so far, the asking ones included."""
        with _mariadb(self.port) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
            row = cursor.fetchone()
        return int(row[1]) if row else 0

    def answers(self) -> bool:
        """Return whether the server takes connections."""
        try:
            _mariadb(self.port).close()
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
            f"--tmpdir={self.directory}",  # a server that starts empties it of others' files
            f"--socket={self.socket}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            f"--pid-file={self.directory / 'pid'}",
            f"--log-error={self.directory / 'log'}",
            f"--init-file={self.directory / 'init.sql'}",
            f"--innodb-flush-log-at-trx-commit={int(self.durable)}",
            *([] if self.durable else _HASTY),
            "--innodb-print-all-deadlocks=ON",
            "--character-set-server=utf8mb4",
            "--skip-name-resolve",
            "--performance-schema=OFF",
            "--max-connections=300",
            *([f"--user={user}"] if user else []),
        ]


class PrivateGalera(PrivateMariaDB):
    """A node of a Galera cluster on this machine; the first one makes the cluster."""

    START_SECONDS = 90.0  # a further node first fetches what the others have

    def __init__(self, first: PrivateGalera | None = None) -> None:
        """Choose ports; a further node joins the cluster of the `first`."""
        super().__init__(durable=False)
        self.first = first
        self.group_port, self.state_port, self.copy_port = (free_port() for _ in range(3))

    def install(self) -> None:
        """Make the data directory; what a further node has comes from the others."""
        super().install()
        if self.first is not None:
            (self.directory / "init.sql").write_text("")

    def command(self) -> list[str]:
        """Return the server's program and arguments."""
        others = "" if self.first is None else f"127.0.0.1:{self.first.group_port}"
        options = (
            f"gmcast.listen_addr=tcp://127.0.0.1:{self.group_port};"
            f"ist.recv_addr=127.0.0.1:{self.state_port};gcache.size=32M;gcache.page_size=32M"
        )
        return [
            *super().command(),
            "--wsrep-on=ON",
            f"--wsrep-provider={_galera()}",
            f"--wsrep-provider-options={options}",
            f"--wsrep-cluster-address=gcomm://{others}",
            "--wsrep-node-address=127.0.0.1",
            "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address=127.0.0.1:{self.copy_port}",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
        ]

    def answers(self) -> bool:
        """Return whether the node takes statements: it is part of the cluster and up to date."""
        try:
            with _mariadb(self.port) as connection, connection.cursor() as cursor:
                cursor.execute("SHOW STATUS LIKE 'wsrep_ready'")
                row = cursor.fetchone()
        except pymysql.MySQLError:
            return False
        return row is not None and row[1] == "ON"


class PrivatePostgreSQL(PrivateServer):
    """A PostgreSQL of one's own."""

    STOP = signal.SIGINT  # SIGTERM would wait for all clients to leave

    def local_settings(self, name: str) -> DatabaseSettings:
        """Return how to reach it by its local socket."""
        return replace(self.settings(name), socket=str(self.directory))

    @classmethod
    def at(cls, port: int, name: str) -> DatabaseSettings:
        """Return how to reach a database of a server that somebody has started."""
        return _settings(DatabaseType.POSTGRESQL, port, name)

    @classmethod
    def create_at(cls, port: int, name: str) -> DatabaseSettings:
        """Make an empty database there, replacing an older one of that name."""
        with _postgresql(port) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name}".encode())
        return cls.at(port, name)

    def statements(self) -> int:
        """Return 0: it does not count."""
        return 0

    def install(self) -> None:
        """Make the data directory, owned by PostgreSQL's user; ours needs its password."""
        user = _service_user("postgres")
        password = self.directory / "password"
        password.write_text(PASSWORD)
        if user:
            for path in (self.directory, password):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        subprocess.run(
            [
                *_as(user),
                _program("initdb"),
                "--no-sync",
                "--auth=scram-sha-256",
                f"--username={USER}",
                f"--pwfile={password}",
                "--encoding=UTF8",
                "--locale=C",
                f"--pgdata={self.directory / 'data'}",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def command(self) -> list[str]:
        """Return the server's program and arguments."""
        options = ["listen_addresses=127.0.0.1", f"port={self.port}", "max_connections=200"]
        if not self.durable:
            options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        return [
            *_as(_service_user("postgres")),
            _program("postgres"),
            *("-D", str(self.directory / "data"), "-k", str(self.directory)),
            *(word for option in options for word in ("-c", option)),
        ]

    def answers(self) -> bool:
        """Return whether the server takes connections."""
        try:
            _postgresql(self.port).close()
        except psycopg.OperationalError:
            return False
        return True


#: The products that need a server, by the names that tests and benches use.
SERVERS: dict[str, type[PrivateServer]] = {
    "mariadb": PrivateMariaDB,
    "postgresql": PrivatePostgreSQL,
}

#: What a client sends to commit, and nothing else.
COMMITS = {
    DatabaseType.MYSQL: b"\x03COMMIT",
    DatabaseType.POSTGRESQL: b"Q\x00\x00\x00\x0bCOMMIT\x00",
}


def _settings(kind: DatabaseType, port: int, name: str) -> DatabaseSettings:
    return DatabaseSettings(
        kind=kind, host="127.0.0.1", port=port, name=name, user=USER, password=PASSWORD
    )


def _mariadb(port: int) -> pymysql.Connection:
    return pymysql.connect(
        host="127.0.0.1", port=port, user=USER, password=PASSWORD, autocommit=True
    )


def _postgresql(port: int) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=USER,
        password=PASSWORD,
        dbname="postgres",
        autocommit=True,
    )


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


def _spawn(arguments: list[str], log: Path | None = None) -> int:
    """Start a program without input, in a session of its own; return its id."""
    silence = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
    if log is not None:
        how = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        silence[1:] = [(os.POSIX_SPAWN_OPEN, number, str(log), how, 0o666) for number in (1, 2)]
    return os.posix_spawn(arguments[0], arguments, os.environ, file_actions=silence, setsid=True)


def _is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _stands_still(process: psutil.Process) -> bool:
    """Return whether no thread of a process runs any more; a stop reaches them one by one."""
    states = []
    for thread in Path(f"/proc/{process.pid}/task").glob("*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended meanwhile
            states.append(thread.read_text().rpartition(")")[2].split()[0])
    return all(state in "TtZX" for state in states)


def _program(*names: str) -> str:
    """Return the path of the first program that is there; Debian hides PostgreSQL's."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version)
    places = os.pathsep.join(["/usr/sbin", "/usr/local/sbin", *map(str, reversed(versions))])
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=places)
        if found:
            return found
    raise ServiceMissing(f"{names[0]} is not installed")


def _galera() -> str:
    """Return the path of Galera's library; a further node needs rsync as well."""
    _program("rsync")
    for place in ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"):
        if Path(place).exists():
            return place
    raise ServiceMissing("Galera is not installed")


def _version(directory: Path) -> int:
    return int(directory.parent.name) if directory.parent.name.isdecimal() else 0
