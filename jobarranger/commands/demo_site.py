"""A small site of its own for the demo: a directory, a server, an agent, and their end.

Everything lives in one directory that is removed afterwards. Sockets need short paths, so the
server's runtime directory moves to the system's directory for temporary files when ours is deep.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from jobarranger.clock import SystemClock
from jobarranger.errors import JobArrangerError

ROOT = Path(__file__).resolve().parents[2]
#: Longest path of the runtime directory; the system allows 107 bytes for a socket in it.
MAX_RUNTIME_DIR = 80
#: Seconds: until a daemon listens, until it has ended, for one command.
START_SECONDS, STOP_SECONDS, COMMAND_SECONDS = 30.0, 40.0, 60.0
#: Lines of a log that are shown after a failure.
LOG_LINES = 30

#: What runs, by module; the commands need not be installed.
_MODULES = {
    "jobarg_server": "processes.main",
    "jobarg_agentd": "jobarranger.agent.main",
    "jobarg_db": "jobarranger.commands.db",
    "jobarg_ctl": "jobarranger.commands.ctl",
    "jobarg_def": "jobarranger.commands.definition",
    "jobarg_exec": "jobarranger.commands.exec",
}
_CALL = "import importlib, sys; sys.exit(importlib.import_module(sys.argv.pop(1)).main())"


class DemoFailed(JobArrangerError):
    """The demo did not go as it should."""


class Site:
    """One server and one agent, in one directory."""

    user = "demo"

    def __init__(self, base: Path) -> None:
        """Make the directory below `base`, or below the temporary directory if that is closed."""
        self.directory = _directory(base)
        self.runtime = self.directory / "run"
        self._elsewhere: Path | None = None
        if len(os.fsencode(self.runtime)) > MAX_RUNTIME_DIR:
            self._elsewhere = Path(tempfile.mkdtemp(prefix="jobarg-"))
            self.runtime = self._elsewhere / "run"
        self.server_port, self.agent_port = _free_ports(2)
        self.server_config = self.directory / "jobarg_server.conf"
        self.agent_config = self.directory / "jobarg_agentd.conf"
        self.password_file = self.directory / "password"
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def write(self) -> None:
        """Write the configuration files and a random password that only the owner can read."""
        for name in ("tmp", "state", "agent"):
            (self.directory / name).mkdir(mode=0o700)
        _write(self.server_config, self.server_parameters())
        _write(self.agent_config, self.agent_parameters())
        descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(18) + "\n")

    def server_parameters(self) -> Mapping[str, object]:
        """Return the server's configuration."""
        here = self.directory
        return {
            "DBType": "sqlite",
            "DBFile": here / "jobarg_server.db",
            "JaDirectory": "embedded",
            "ListenIP": "127.0.0.1",
            "JaTrapperListenPort": self.server_port,
            "JaAgentListenPort": self.agent_port,
            "JaStartTrappers": 2,
            "JaExecutionUser": _user_name(),
            "AllowRoot": 1,
            "JaLogFile": here / "jobarg_server.log",
            "JaLogMessageFile": ROOT / "conf" / "locale" / "logmessage_64BIT.txt",
            "JaPidFile": here / "jobarg_server.pid",
            "TmpDir": here / "tmp",
            "JaRuntimeDir": self.runtime,
            "JaStateDir": here / "state",
        }

    def agent_parameters(self) -> Mapping[str, object]:
        """Return the agent's configuration."""
        here = self.directory
        return {
            "Server": "127.0.0.1",
            "Hostname": "localhost",
            "ListenIP": "127.0.0.1",
            "JaListenPort": self.agent_port,
            "JaServerPort": self.server_port,
            "JaExecutionUser": _user_name(),
            "AllowRoot": 1,
            "JaDatabaseFile": here / "agent" / "jobarg_agentd.db",
            "JaLogFile": here / "jobarg_agentd.log",
            "JaPidFile": here / "jobarg_agentd.pid",
            "TmpDir": here / "tmp",
        }

    def command(self, name: str, *arguments: object, **environment: str) -> str:
        """Run a command to its end; return what it printed on both outputs.

        Raises:
            DemoFailed: its exit code is not 0; its last words are in the error.
        """
        try:
            done = subprocess.run(
                _call(name, arguments),
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DemoFailed(f"{name} did not end within {COMMAND_SECONDS:.0f} s") from error
        if done.returncode:
            words = done.stdout.strip() or "it printed nothing"
            raise DemoFailed(f"{name} ended with {done.returncode}: {words}")
        return done.stdout

    def start(self) -> None:
        """Start server and agent, and wait until both listen."""
        for name in ("jobarg_server", "jobarg_agentd"):
            self.launch(name)
            self.wait_for(name)

    def launch(self, name: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start one daemon; it may not listen yet."""
        config = self.server_config if name == "jobarg_server" else self.agent_config
        with (self.directory / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                _call(name, ["-f", "-c", config]),
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops them
            )
        return self.daemons[name]

    def wait_for(self, name: str) -> None:
        """Wait until a daemon listens."""
        daemon = self.daemons[name]
        port = self.server_port if name == "jobarg_server" else self.agent_port

        def is_there() -> bool:
            if daemon.poll() is not None:
                raise DemoFailed(f"{name} ended with {daemon.returncode} while it started")
            return _listens(port)

        if not wait_until(is_there, START_SECONDS):
            raise DemoFailed(f"{name} does not listen after {START_SECONDS:.0f} s")

    def check_alive(self) -> None:
        """Complain if a daemon is gone."""
        for name, daemon in self.daemons.items():
            if daemon.poll() is not None:
                raise DemoFailed(f"{name} ended with {daemon.returncode}")

    def stop(self) -> None:
        """End both daemons by signal, the agent last, and see that no process is left.

        Raises:
            DemoFailed: a daemon failed or had to be killed, or something of it still ran.
        """
        troubles: list[str] = []
        for name in [name for name in ("jobarg_server", "jobarg_agentd") if name in self.daemons]:
            daemon = self.daemons.pop(name)
            family = _descendants(daemon.pid)
            troubles += _end(name, daemon)
            _, alive = psutil.wait_procs(family, timeout=5.0)
            for process in alive:
                troubles.append(f"process {process.pid} of {name} was left over")
                process.kill()
        if troubles:
            raise DemoFailed("; ".join(troubles))

    def last_lines(self) -> list[str]:
        """Return the ends of all logs, each line with its file's name."""
        lines: list[str] = []
        for file in sorted([*self.directory.glob("*.log"), *self.directory.glob("*.out")]):
            text = file.read_text(encoding="utf-8", errors="replace")
            lines += [f"{file.name}: {line}" for line in text.splitlines()[-LOG_LINES:]]
        return lines

    def remove(self) -> None:
        """Remove the directory with everything in it."""
        self.remove_sockets()
        shutil.rmtree(self.directory, ignore_errors=True)

    def remove_sockets(self) -> None:
        """Remove the runtime directory that stands elsewhere."""
        if self._elsewhere is not None:
            shutil.rmtree(self._elsewhere, ignore_errors=True)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds; return whether it did in time."""
    clock = SystemClock()
    deadline = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() > deadline:
            return False
        clock.sleep(0.05)
    return True


def _directory(base: Path) -> Path:
    """Return a fresh directory."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="demo-", dir=base.resolve()))
    except OSError:
        return Path(tempfile.mkdtemp(prefix="jobarg-demo-"))


def _call(name: str, arguments: Sequence[object]) -> list[str]:
    """Return the command line of one of our programs under this very Python."""
    return [sys.executable, "-c", _CALL, _MODULES[name], *map(str, arguments)]


def _write(path: Path, parameters: Mapping[str, object]) -> None:
    """Write a configuration file."""
    path.write_text("".join(f"{name}={value}\n" for name, value in parameters.items()))
    path.chmod(0o600)


def _user_name() -> str:
    """Return the name of the user who runs us; a number without a name stays a number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def _listens(port: int) -> bool:
    """Return whether somebody listens at a local port, without connecting to it."""
    wanted = f":{port:04X}"
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(name).read_text().splitlines()[1:]
        except OSError:
            continue
        fields = (line.split() for line in lines)
        if any(field[1].endswith(wanted) and field[3] == "0A" for field in fields):
            return True
    return False


def _descendants(pid: int) -> list[psutil.Process]:
    """Return all processes below one."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _end(name: str, daemon: subprocess.Popen[bytes]) -> list[str]:
    """End a daemon by SIGTERM; return what went wrong."""
    if daemon.poll() is None:
        daemon.send_signal(signal.SIGTERM)
    try:
        code = daemon.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
        return [f"{name} did not end within {STOP_SECONDS:.0f} s and was killed"]
    return [f"{name} ended with {code}"] if code else []
