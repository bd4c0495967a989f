"""`jobarg_monitor` as a real process: it speaks, whether or not there is a server."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from jobarranger.clock import SystemClock
from jobarranger.db import schema
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import DatabaseType
from jobarranger.watching.rows import servers
from tests.plans import VERSION, calendar, days, jobnet, run, schedule, store
from tests.stack import Stack

ROOT = Path(__file__).parents[2]
JOBNET = """\
jobnet: NET
owner: tester
icons:
  START: {type: start}
  SET-1: {type: value, values: {A: "1"}}
  END-1: {type: end}
flows:
  - START -> SET-1 -> END-1
"""
PATIENCE = 40.0


def eventually(check: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until `check` holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


class Daemon:
    """A monitor with its files in a directory of its own."""

    def __init__(self, path: Path, settings: DatabaseSettings, **parameters: object) -> None:
        self.path = path
        self.config = path / "jobarg_monitor.conf"
        self.pid_file = path / "jobarg_monitor.pid"
        self.calls_file = path / "calls"
        self.script = path / "sender"
        self.script.write_text(
            f'#!/bin/sh\nfor word; do printf "%s|" "$word"; done >> {self.calls_file}\n'
            f"echo >> {self.calls_file}\n"
        )
        self.script.chmod(0o755)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.write({**database_parameters(settings), **parameters})

    def write(self, parameters: Mapping[str, object]) -> None:
        """Write the configuration: a quick monitor, unless set otherwise."""
        given = {
            "JaMonitorInterval": 1,
            "JaLoaderInterval": 1,
            "JaServerSilence": 0,
            "JaCalendarWarning": 0,
            "JaTimeZone": "UTC",
            "JaSenderScript": shlex.quote(str(self.script)),
            "JaLogFile": self.path / "jobarg_monitor.log",
            "JaPidFile": self.pid_file,
            "AllowRoot": 1,
            **parameters,
        }
        self.config.write_text("".join(f"{name}={value}\n" for name, value in given.items()))

    def call(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            self._command(*options), capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it in the foreground."""
        process = subprocess.Popen(
            self._command("-f"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT
        )
        self.processes.append(process)
        return process

    def _command(self, *options: str) -> list[str]:
        command = [sys.executable, "-m", "jobarranger.monitor.main"]
        return [*command, "-c", str(self.config), *options]

    @property
    def log(self) -> str:
        """Return the log so far."""
        file = self.path / "jobarg_monitor.log"
        return file.read_text() if file.exists() else ""

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call of the sender program."""
        if not self.calls_file.exists():
            return []
        return [line.split("|")[:-1] for line in self.calls_file.read_text().splitlines()]

    def wait_for(self, message: str, count: int = 1) -> None:
        """Wait until the log has a message so often."""
        eventually(lambda: self.log.count(f"] [{message}] ") >= count)

    def end(self) -> None:
        """Kill whatever is left."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()


def database_parameters(settings: DatabaseSettings) -> dict[str, object]:
    """Return the parameters that name a database."""
    if settings.kind is DatabaseType.SQLITE:
        return {"DBType": "sqlite", "DBFile": settings.file}
    return {
        "DBType": settings.kind.value,
        "DBHost": settings.host,
        "DBPort": settings.port,
        "DBName": settings.name,
        "DBUser": settings.user,
        "DBPassword": settings.password,
    }


MakeDaemon = Callable[..., Daemon]
_TOLD_BY_MONITOR = (
    select(func.count()).select_from(t.ext_told).where(t.ext_told.c.reporter == "monitor")
)


@pytest.fixture
def make_daemon(tmp_path: Path) -> Iterator[MakeDaemon]:
    """Return what makes monitors on a database."""
    made: list[Daemon] = []

    def make(settings: DatabaseSettings, **parameters: object) -> Daemon:
        path = tmp_path / f"monitor{len(made)}"
        path.mkdir()
        made.append(Daemon(path, settings, **parameters))
        return made[-1]

    yield make
    for daemon in made:
        daemon.end()


def in_half_an_hour() -> datetime:
    """Return a minute that has to be loaded by now."""
    return datetime.now(UTC).replace(second=0) + timedelta(minutes=30)


def test_it_speaks_without_any_server(database, make_daemon):
    """Of the server that never came, of starts not loaded and not begun; each once."""
    at, past = in_half_an_hour(), datetime.now(UTC) - timedelta(minutes=5)
    store(
        database,
        calendar("C", days(at.date() - timedelta(days=5), 10)),
        jobnet("NET"),
        schedule("S", [(0, "C", at.strftime("%H%M"))], ["NET"]),
        run(7, int(past.strftime("%Y%m%d%H%M")), schedule_id="OTHER"),
    )
    daemon = make_daemon(database.settings, JaServerSilence=15)
    process = daemon.launch()
    daemon.wait_for("JAMONITOR200001")
    daemon.wait_for("JAMONITOR200002")
    daemon.wait_for("JAMONITOR100003")
    eventually(lambda: len(daemon.calls()) == 3)
    calls = {call[0]: call for call in daemon.calls()}
    assert calls["1"][1:7] == ["C", "S", "NET", "ann", f"{at:%Y/%m/%d %H:%M}", ""]
    assert calls["2"][1:7] == ["C", "OTHER", "NET", "ann", f"{past:%Y/%m/%d %H:%M}", "0"]
    assert calls["3"][1:7] == [""] * 6
    assert calls["1"][7].startswith("[JAMONITOR200001] The start of jobnet NET at ")
    assert daemon.pid_file.read_text() == str(process.pid)
    time.sleep(2.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert not daemon.pid_file.exists()
    assert len(daemon.calls()) == 3
    assert daemon.log.splitlines()[-1].endswith("has stopped.")
    again = make_daemon(database.settings)
    process = again.launch()
    again.wait_for("JAMONITOR000001")
    time.sleep(4)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert again.calls() == []


@pytest.mark.timeout(150)
def test_it_speaks_when_the_server_dies(database, make_daemon, tmp_path):
    """A killed server is silent; one that works is not, and is known again when it is back."""
    stack = Stack(tmp_path / "site", database.settings)
    daemon = make_daemon(database.settings, JaServerSilence=15)
    try:
        stack.launch("jobarg_server")
        stack.wait_for("jobarg_server")
        eventually(lambda: database.read(servers.signs))
        daemon.launch()
        family = stack.processes("jobarg_server")
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=10)
        stack.daemons["jobarg_server"].wait()
        daemon.wait_for("JAMONITOR100001")
        eventually(daemon.calls)
        assert [call[0] for call in daemon.calls()] == ["3"]
        stack.launch("jobarg_server")
        daemon.wait_for("JAMONITOR000003")
        stack.daemons["jobarg_server"].send_signal(signal.SIGTERM)
        assert stack.daemons["jobarg_server"].wait(PATIENCE) == 0
        (newest, *_) = database.read(servers.signs)
        assert newest.stopped_at is not None
        assert "JAMONITOR300001" not in daemon.log
    finally:
        stack.close()


def test_a_server_that_works_gives_no_reason_to_speak(database, make_daemon, tmp_path):
    """It loads what its schedules start, and gives signs of life."""
    at = in_half_an_hour()
    stack = Stack(tmp_path / "site", database.settings, server={"JaTimeZone": "UTC"})
    stack.define(JOBNET)
    store(
        database,
        calendar("C", days(at.date() - timedelta(days=5), 10)),
        schedule("S", [(0, "C", at.strftime("%H%M"))], ["NET"]),
    )
    daemon = make_daemon(database.settings, JaServerSilence=30, JaLoaderInterval=3)
    try:
        stack.launch("jobarg_server")
        stack.wait_for("jobarg_server")
        process = daemon.launch()
        title = "jobarg_monitor: server here, 0 starts missing"
        eventually(lambda: psutil.Process(process.pid).cmdline()[:1] == [title])
        time.sleep(8)
        assert psutil.Process(process.pid).cmdline()[:1] == [title]
        assert "JAMONITOR2" not in daemon.log
        assert "JAMONITOR1" not in daemon.log
    finally:
        stack.close()
    count = database.read(
        lambda conn: conn.scalar(select(func.count()).select_from(t.run_jobnet_summary))
    )
    assert count == 1


def test_the_server_reports_late_starts_itself(database, tmp_path):
    """Its monitor process looks, too: here for a start of a jobnet that is not in force.

    And for a run that is over its time limit.
    """
    at, begun = in_half_an_hour(), datetime.now(UTC) - timedelta(minutes=31)
    start = int(begun.strftime("%Y%m%d%H%M%S"))
    limit = {"jobnet_id": "NET", "update_date": VERSION, "minutes": 30}
    parameters = {"JaLoaderInterval": 1, "JaTimeZone": "UTC"}
    stack = Stack(tmp_path / "site", database.settings, server=parameters)
    store(
        database,
        calendar("C", days(at.date() - timedelta(days=5), 10)),
        schedule("S", [(0, "C", at.strftime("%H%M"))], ["GONE"]),
        [(t.ext_jobnet_limit, [limit])],
        run(1, start // 100, status=2, start_time=start, update_date=VERSION),
    )
    log = stack.directory / "jobarg_server.log"
    try:
        stack.launch("jobarg_server")
        stack.wait_for("jobarg_server")
        eventually(lambda: log.exists() and "[JAMONITOR200001]" in log.read_text())
        assert f"The start of jobnet GONE at {at:%Y/%m/%d %H:%M} is not loaded" in log.read_text()
        eventually(lambda: "[JAMONITOR300004] Run 1 of jobnet NET " in log.read_text())
    finally:
        stack.close()


def test_a_database_that_comes_late(tmp_path, make_daemon):
    """No file at first: reported once, by log and program, until it is there."""
    settings = DatabaseSettings(kind=DatabaseType.SQLITE, file=tmp_path / "late.db")
    daemon = make_daemon(settings)
    process = daemon.launch()
    daemon.wait_for("JAMONITOR100002")
    time.sleep(1.5)
    assert not (tmp_path / "late.db").exists()
    database = Database(settings, clock=SystemClock())
    schema.ensure_embedded(database)
    database.close()
    daemon.wait_for("JAMONITOR000004")
    assert daemon.log.count("] [JAMONITOR100002] ") == 1
    assert [call[0] for call in daemon.calls()] == ["4"]
    assert process.poll() is None


@pytest.mark.timeout(150)
def test_a_database_server_that_goes_away(own_server, make_daemon):
    """The monitor lives on, and says when it is back."""
    settings = own_server.create_database("watched")
    database = Database(settings, clock=SystemClock())
    schema.create(database)
    database.close()
    daemon = make_daemon(settings)
    daemon.launch()
    daemon.wait_for("JAMONITOR000001")
    own_server.kill()
    daemon.wait_for("JAMONITOR100002")
    own_server.restart()
    daemon.wait_for("JAMONITOR000004")
    assert settings.password not in daemon.log or not settings.password


def test_a_calendar_that_ends_soon_is_reported(database, make_daemon):
    """With its id alone; the shipped program knows the kind."""
    today = datetime.now(UTC).date()
    store(
        database,
        calendar("C", days(today, 4)),
        jobnet("NET"),
        schedule("S", [(0, "C", "9959")], ["NET"]),
    )
    daemon = make_daemon(database.settings, JaCalendarWarning=14)
    daemon.launch()
    daemon.wait_for("JAMONITOR300003")
    eventually(daemon.calls)
    (call,) = daemon.calls()
    assert call[:7] == ["5", "C", "", "", "", "", ""]
    assert "(schedule S)" in call[7]
    script = ROOT / "conf/monitor/jasender_monitor.sh"
    assert subprocess.run([script, *call], check=False).returncode == 0


def test_a_run_over_its_time_limit_is_reported(database, make_daemon):
    """With its jobnet, its time and its start; the shipped program knows the kind."""
    begun = datetime.now(UTC) - timedelta(minutes=31)
    minute = int(begun.strftime("%Y%m%d%H%M"))
    start = int(begun.strftime("%Y%m%d%H%M%S"))
    limit = {"jobnet_id": "NET", "update_date": VERSION, "minutes": 30}
    store(
        database,
        [(t.ext_jobnet_limit, [limit])],
        run(1, minute, status=2, start_time=start, update_date=VERSION),
    )
    daemon = make_daemon(database.settings)
    daemon.launch()
    daemon.wait_for("JAMONITOR300004")
    eventually(daemon.calls)
    (call,) = daemon.calls()
    at = begun.strftime("%Y/%m/%d %H:%M")
    assert call[:7] == ["6", "C", "S", "NET", "ann", at, at]
    assert "[JAMONITOR300004] Run 1 of jobnet NET (user ann) began at" in call[7]
    script = ROOT / "conf/monitor/jasender_monitor.sh"
    assert subprocess.run([script, *call], check=False).returncode == 0


def test_a_sender_program_that_fails_is_reported(database, make_daemon):
    """With exit code and output; one that hangs is killed."""
    past = datetime.now(UTC) - timedelta(minutes=5)
    store(database, *(run(n, int(past.strftime("%Y%m%d%H%M"))) for n in (1, 2)))
    daemon = make_daemon(database.settings, JaSenderTimeout=1)
    daemon.script.write_text(
        f"#!/bin/sh\ntest -e {daemon.calls_file} && sleep 600\n"
        f"touch {daemon.calls_file}\necho no way\nexit 3\n"
    )
    daemon.launch()
    daemon.wait_for("JAMONITOR200003", 2)
    assert "has failed: exit code 3: no way." in daemon.log
    assert "has failed: it did not end within 1 s and was killed." in daemon.log


def test_a_sender_program_may_leave_something_behind(database, make_daemon):
    """Its end is the end of the call, whoever keeps its output open; much output does no harm."""
    past = datetime.now(UTC) - timedelta(minutes=5)
    store(database, *(run(n, int(past.strftime("%Y%m%d%H%M"))) for n in (1, 2)))
    daemon = make_daemon(database.settings, JaSenderTimeout=20)
    left = daemon.path / "left"
    daemon.script.write_text(
        f"#!/bin/sh\nsetsid sleep 600 & echo $! >> {left}\n"
        "head -c 3000000 /dev/zero | tr '\\0' x\nexit 4\n"
    )
    began = time.monotonic()
    process = daemon.launch()
    try:
        daemon.wait_for("JAMONITOR200003", 2)
        assert "has failed: exit code 4: xxx" in daemon.log
        assert time.monotonic() - began < 15
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        for pid in left.read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def test_it_ends_between_two_calls(database, make_daemon):
    """However many alarms are left; they are reported at the next start."""
    past = datetime.now(UTC) - timedelta(minutes=5)
    store(database, *(run(n, int(past.strftime("%Y%m%d%H%M"))) for n in range(1, 51)))
    daemon = make_daemon(database.settings)
    daemon.script.write_text(f"#!/bin/sh\necho $1 >> {daemon.calls_file}\nsleep 1\n")
    process = daemon.launch()
    eventually(daemon.calls_file.exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert daemon.log.splitlines()[-1].endswith("has stopped.")
    (reported,) = database.read(lambda conn: conn.execute(_TOLD_BY_MONITOR).scalars().all())
    assert reported == len(daemon.calls_file.read_text().splitlines()) < 20


def test_the_command_line(sqlite_settings, make_daemon, tmp_path):
    """Options and exit codes; one line shows what is wrong."""
    daemon = make_daemon(sqlite_settings)
    done = daemon.call("-t")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("the configuration is correct\n")
    version = daemon.call("-V")
    assert version.returncode == 0
    assert version.stdout.startswith("jobarg_monitor (Job Arranger) ")
    assert "--foreground" in daemon.call("-h").stdout
    daemon.write({**database_parameters(sqlite_settings), "JaMonitorInterval": 0})
    done = daemon.call("-f")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert 'JaMonitorInterval = "0": must be a whole number from 1 to 60' in done.stderr
    daemon.config.unlink()
    assert daemon.call("-f").returncode == 1
    daemon.write({**database_parameters(sqlite_settings), "JaLogFile": tmp_path / "no" / "log"})
    assert "cannot open JaLogFile" in daemon.call("-f").stderr


def test_it_goes_to_the_background(sqlite_settings, make_daemon):
    """The caller gets exit code 0 when it works; a second one is refused."""
    daemon = make_daemon(sqlite_settings)
    done = daemon.call()
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    process = psutil.Process(int(daemon.pid_file.read_text()))
    try:
        assert process.cwd() == "/"
        second = daemon.call()
        assert second.returncode == 1
        assert "already running" in second.stderr
        os.kill(process.pid, signal.SIGHUP)
        os.kill(process.pid, signal.SIGUSR1)
        os.kill(process.pid, signal.SIGTERM)
        psutil.wait_procs([process], timeout=PATIENCE)
        assert not psutil.pid_exists(process.pid)
    finally:
        if psutil.pid_exists(process.pid):
            process.kill()
    assert not daemon.pid_file.exists()
    assert "has stopped" in daemon.log
