"""The parent and its children as real processes: deaths, hangs, stops, starts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]


def eventually(check: Callable[[], object], limit: float = 15.0) -> float:
    """Wait until `check` holds; return how long it took."""
    started = time.monotonic()
    while not check():
        assert time.monotonic() - started < limit, "it did not come about in time"
        time.sleep(0.005)
    return time.monotonic() - started


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A server with invented children in a directory of its own."""

    path: Path
    port: int
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def log(self) -> str:
        """Return the log so far."""
        file = self.path / "server.log"
        return file.read_text() if file.exists() else ""

    def launch(self, children: str, *options: str, **environment: str) -> subprocess.Popen[str]:
        """Start it; without options in the foreground."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.integration.fake_server", children),
                *("-c", str(self.path / "conf"), *(options or ("-f",))),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def begin(self, children: str, **environment: str) -> subprocess.Popen[str]:
        """Start it in the foreground and wait until all children are ready."""
        process = self.launch(children, **environment)
        eventually(lambda: "JASERVER000003" in self.log)
        return process

    def children(self, process: subprocess.Popen[str]) -> dict[str, int]:
        """Return the pids of the living children by name, as their titles show."""
        found = {}
        for child in psutil.Process(process.pid).children():
            try:
                title = child.cmdline()[0]
            except (psutil.Error, IndexError):
                continue
            if title.startswith("jobarg_server: "):
                found[title.removeprefix("jobarg_server: ").partition(" [")[0]] = child.pid
        return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Prepare a server; whatever is left of it at the end is killed."""
    made = Server(tmp_path, free_port())
    (tmp_path / "state").mkdir()
    (tmp_path / "conf").write_text(
        f"""JaLogFile={tmp_path}/server.log
JaPidFile={tmp_path}/server.pid
JaRuntimeDir={tmp_path}/r
JaStateDir={tmp_path}/state
TmpDir={tmp_path}
DBFile={tmp_path}/state/db
ListenIP=127.0.0.1
JaTrapperListenPort={made.port}
JaStopTimeout=4
JaRestartLimit=4
AllowRoot=1
"""
    )
    yield made
    leftover = [process.pid for process in made.started]
    if (tmp_path / "server.pid").exists():
        leftover.append(int((tmp_path / "server.pid").read_text() or "0"))
    for pid in filter(psutil.pid_exists, filter(None, leftover)):
        for one in [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]:
            one.kill()
    for process in made.started:
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def end(process: subprocess.Popen[str], limit: float = 10.0) -> tuple[int, str]:
    """Wait for the end; return exit code and standard error."""
    text = process.communicate(timeout=limit)[1]
    return process.returncode, text


def alive(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def replaced(server: Server, process: subprocess.Popen[str], name: str, pid: int) -> bool:
    """Return whether a child has a successor."""
    return server.children(process).get(name, pid) != pid


def test_children_have_titles_and_the_parent_keeps_its_own(server: Server) -> None:
    """`ps` shows who is who."""
    process = server.begin("steady:2,async")
    eventually(lambda: set(server.children(process)) == {"loader #1", "loader #2", "trapper #1"})
    pid = server.children(process)["loader #2"]
    eventually(lambda: "[3 things in 0.00" in psutil.Process(pid).cmdline()[0])
    assert "idle 1 s]" in psutil.Process(pid).cmdline()[0]
    assert "fake_server" in " ".join(psutil.Process(process.pid).cmdline())


def test_a_killed_child_is_replaced_at_once(server: Server) -> None:
    """Well within two seconds, and nobody else is disturbed."""
    process = server.begin("steady,steady,async")
    eventually(lambda: len(server.children(process)) == 3)
    before = server.children(process)
    for name in ("boot #1", "trapper #1"):
        os.kill(before[name], signal.SIGKILL)
        assert eventually(partial(replaced, server, process, name, before[name])) < 1.0
    assert server.children(process)["loader #1"] == before["loader #1"]
    assert "signal SIGKILL" in server.log


def test_a_hung_child_is_killed_and_replaced(server: Server) -> None:
    """A stopped process gives no sign of life."""
    process = server.begin("steady,steady", FAKE_HANG_LIMIT="1")
    eventually(lambda: len(server.children(process)) == 2)
    pid = server.children(process)["boot #1"]
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: not alive(pid), 4)
    eventually(lambda: server.children(process).get("boot #1", pid) != pid)
    assert "JASERVER200003" in server.log


def test_children_end_with_their_parent(server: Server) -> None:
    """After kill -9 of the parent nobody works on, and a new start works at once."""
    process = server.begin("steady:3,async")
    pids = list(server.children(process).values())
    process.kill()
    eventually(lambda: not any(alive(pid) for pid in pids), 2)
    process.wait()
    (server.path / "server.log").unlink()
    again = server.begin("steady:3,async")
    assert again.poll() is None


def test_a_new_start_waits_for_the_old_generation(server: Server) -> None:
    """No new child is forked while an old one lives; one that hangs is killed in the end."""
    process = server.begin("steady,steady")
    eventually(lambda: len(server.children(process)) == 2)
    stuck = server.children(process)["boot #1"]
    os.kill(stuck, signal.SIGSTOP)
    process.kill()
    process.wait()
    (server.path / "server.log").unlink()
    server.begin("steady,steady")
    assert not alive(stuck)
    assert "JASERVER300005" in server.log


def test_a_stop_is_orderly(server: Server) -> None:
    """SIGTERM ends the children stage by stage; exit 0, nothing is left."""
    process = server.begin("steady,steady,steady,async")
    started = time.monotonic()
    process.terminate()
    assert end(process)[0] == 0
    assert time.monotonic() - started < 2
    assert (server.path / "state" / "diary").read_text().split() == ["loader", "boot", "run"]
    assert not (server.path / "server.pid").exists()
    assert "JASERVER000002" in server.log


def test_a_stop_before_the_first_child_is_orderly(server: Server) -> None:
    """SIGTERM while an earlier start is waited for: exit 0, no pid file, nobody forked."""
    runtime = server.path / "r"
    runtime.mkdir(exist_ok=True)
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_SH);"
        " print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(runtime / "generation")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        process = server.launch("steady")
        eventually((server.path / "server.pid").exists)
        process.terminate()
        code, text = end(process)
        holder.terminate()
    assert (code, text) == (0, "jobarg_server: stopped before it was ready\n")
    assert not (server.path / "server.pid").exists()


def test_a_deaf_child_does_not_hold_up_the_stop(server: Server) -> None:
    """It is killed at its limit, the others end in order."""
    process = server.begin("deaf,steady")
    started = time.monotonic()
    process.terminate()
    assert end(process)[0] == 0
    assert 1.5 < time.monotonic() - started < 4.5
    assert "JASERVER300003" in server.log
    assert "boot" in (server.path / "state" / "diary").read_text()


def test_a_second_signal_stops_hard(server: Server) -> None:
    """Nothing is waited for any more."""
    process = server.begin("deaf,steady")
    process.terminate()
    eventually(lambda: "JASERVER000005" in server.log)
    started = time.monotonic()
    process.terminate()
    assert end(process)[0] == 0
    assert time.monotonic() - started < 1


def test_a_crash_loop_is_given_up(server: Server) -> None:
    """After JaRestartLimit deaths in a row the whole server stops with exit 1."""
    code, text = end(server.launch("steady,crash"))
    assert code == 1
    assert "boot #1 has died 4 times" in text
    assert "exit code 7" in text
    assert "JASERVER100002" in server.log


def test_a_bug_in_a_turn_is_logged_and_given_up(server: Server) -> None:
    """The traceback is in the log, and the last reason in the parent's line."""
    process = server.begin("broken")
    eventually(lambda: server.log.count("JASERVER200005") >= 5)
    eventually(lambda: "ZeroDivisionError: a bug" in server.log)
    eventually(lambda: "exit code 1: ZeroDivisionError" in server.log)
    process.kill()


def test_a_child_without_memory_says_so_once_and_pauses(server: Server) -> None:
    """One line and one exit for each life, and a pause of a second and more before the next."""
    process = server.begin("steady,hungry")
    eventually(lambda: server.log.count("boot #1 is started again in 1.0 s") == 1)
    eventually(lambda: "boot #1 is started again in 2.0 s" in server.log)
    assert server.log.count("boot #1 cannot go on and ends: out of memory") == 2
    assert server.log.count("exit code 5: out of memory") == 2
    assert server.log.count("Traceback") == 2
    process.kill()


def test_a_runtime_directory_that_was_emptied_is_filled_again(server: Server) -> None:
    """A cleaner removes it from a running server: queues and locks come back, and it is reported.

    Whoever starts a second server finds the first one, and a child that dies is replaced.
    """
    process = server.begin("steady,async", FAKE_HANG_LIMIT="5")
    eventually(lambda: len(server.children(process)) == 2)
    runtime = server.path / "r"
    wanted = {"parent", "generation", "loader-1.q", "trapper-1.q"}
    eventually(lambda: wanted <= {path.name for path in runtime.iterdir()})
    shutil.rmtree(runtime)
    eventually(lambda: runtime.exists() and wanted <= {path.name for path in runtime.iterdir()})
    assert runtime.stat().st_mode & 0o777 == 0o700
    eventually(lambda: "JASERVER300009" in server.log)
    assert "JASERVER200007" not in server.log
    (server.path / "server.pid").unlink()
    code, text = end(server.launch("steady,async"))
    assert (code, "in use by another running server" in text) == (1, True)
    pid = server.children(process)["loader #1"]
    os.kill(pid, signal.SIGKILL)
    assert eventually(partial(replaced, server, process, "loader #1", pid)) < 2


@pytest.mark.parametrize(
    ("kind", "text"), [("badconfig", "JaSomething"), ("badschema", "another version")]
)
def test_what_cannot_be_mended_stops_at_once(server: Server, kind: str, text: str) -> None:
    """A child that finds configuration or schema wrong is not started again."""
    code, reported = end(server.launch(f"steady,{kind}"))
    assert code == 1
    assert text in reported
    assert "JASERVER300002" not in server.log


def test_the_start_check_comes_first(server: Server) -> None:
    """What it finds is reported in one line, and no child is started."""
    (server.path / "state" / "refuse").touch()
    code, text = end(server.launch("steady"))
    assert (code, text) == (1, "jobarg_server: the start check found something\n")
    assert "JASERVER000004" not in server.log


def test_hold_all_reaches_the_start_check(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is reported on standard output and in the log, and done before any child is forked."""
    process = server.launch("steady", "-f", "--hold-all")
    eventually(lambda: "JASERVER000003" in server.log)
    assert (server.path / "state" / "held").exists()
    assert "JASERVER300007" in server.log
    process.terminate()
    assert end(process)[0] == 0
    assert "no run is started and no job is sent" in capfd.readouterr().out


def test_the_starter_waits_until_all_are_ready(server: Server) -> None:
    """In the background: exit 0 only when the last child is ready; the daemon stops by pid file."""
    starter = server.launch("steady,late", "--config", str(server.path / "conf"))
    eventually(lambda: server.log.count("JASERVER000004") == 2)
    assert starter.poll() is None
    (server.path / "state" / "go").touch()
    assert end(starter) == (0, "")
    pid = int((server.path / "server.pid").read_text())
    assert psutil.Process(pid).cwd() == "/"
    assert server.log.endswith("\n")
    second = server.launch("steady", "--config", str(server.path / "conf"))
    code, text = end(second)
    assert code == 1
    assert f"already running: {server.path}/server.pid is locked by process {pid}" in text
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not alive(pid))
    assert not (server.path / "server.pid").exists()


def test_a_failed_start_in_the_background_is_seen(server: Server) -> None:
    """The starter prints the reason and exits 1; a left-over pid file does not matter."""
    (server.path / "server.pid").write_text("99999")
    with socket.socket() as other:
        other.bind(("127.0.0.1", server.port))
        other.listen()
        code, text = end(server.launch("steady", "--config", str(server.path / "conf")))
    assert code == 1
    assert f"127.0.0.1 port {server.port}" in text
    assert text.count("\n") == 1


def test_hangup_opens_the_log_anew_everywhere(server: Server) -> None:
    """After a rename and SIGHUP all processes write to the new file."""
    process = server.begin("steady,broken")
    (server.path / "server.log").rename(server.path / "server.log.1")
    process.send_signal(signal.SIGHUP)
    eventually(lambda: "unexpected error" in server.log)


def test_a_wrong_configuration_is_one_line(server: Server) -> None:
    """Before going to the background."""
    with (server.path / "conf").open("a") as lines:
        lines.write("JaStartRuns=99\n")
    code, text = end(server.launch("steady", "--config", str(server.path / "conf")))
    assert code == 1
    assert text.count("\n") == 1
    assert "JaStartRuns" in text


def test_connections_wait_while_the_trapper_is_replaced(server: Server) -> None:
    """The port is the parent's: it stays open when the trapper dies."""
    process = server.begin("async")
    eventually(lambda: server.children(process))
    os.kill(server.children(process)["trapper #1"], signal.SIGKILL)
    with socket.create_connection(("127.0.0.1", server.port), timeout=1):
        pass


def test_the_service_manager_is_informed(server: Server) -> None:
    """READY when all are ready, STOPPING when the stop begins."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(server.path / "notify"))
        manager.settimeout(10)
        process = server.begin("steady", NOTIFY_SOCKET=str(server.path / "notify"))
        assert manager.recv(100) == b"READY=1"
        process.terminate()
        assert manager.recv(100) == b"STOPPING=1"


def test_the_log_level_is_changed_everywhere(server: Server) -> None:
    """SIGUSR1 turns to the next level, after the most to the least."""
    process = server.begin("steady,steady")
    process.send_signal(signal.SIGUSR1)
    eventually(lambda: "log level is now 4" in server.log)
    process.send_signal(signal.SIGUSR1)
    eventually(lambda: "log level is now 0" in server.log)
