"""What daemons make is not for others, whatever umask they were started with."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobarranger.clock import SystemClock
from jobarranger.db import schema
from jobarranger.db.engine import Database
from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import DatabaseType
from processes.trapping.spool import Parcel, Spool
from tests.integration.agent_rig import AgentRig, wait_for
from tests.integration.test_monitor_daemon import Daemon
from tests.stack import Stack

ROOT = Path(__file__).parents[2]

#: The daemons' directories as systemd makes them.
TMPFILES = {
    "/run/jobarranger": "0700",
    "/var/lib/jobarranger": "0700",
    "/var/lib/jobarranger/tmp": "0700",
    "/var/log/jobarranger": "0750",
}
#: Whatever an agent makes, while a job runs.
AGENT = {
    "agent.log": 0o640,
    "agent.pid": 0o644,
    "agent.db": 0o600,
    "agent.db-wal": 0o600,
    "agent.db-shm": 0o600,
    "agent.db.lock": 0o600,
    "tmp/jobs": 0o711,
    "tmp/jobs/1-1": 0o700,
    "tmp/jobs/1-1/claim": 0o600,
    "tmp/jobs/1-1/job": 0o600,
    "tmp/jobs/1-1/script": 0o755,
    "tmp/jobs/1-1/stdout": 0o600,
    "tmp/jobs/1-1/stderr": 0o600,
}
#: Whatever a server makes; `#` stands for a number.
SERVER = {
    "jobarg_server.log": 0o640,
    "jobarg_server.pid": 0o644,
    "new.db": 0o600,
    "new.db-wal": 0o600,
    "new.db-shm": 0o600,
    "new.db.lock": 0o600,
    "life": 0o700,
    "r": 0o700,
    "r/generation": 0o600,
    "r/parent": 0o600,
    "r/status.json": 0o640,
}
MONITOR = {"jobarg_monitor.log": 0o640, "jobarg_monitor.pid": 0o644}


@pytest.fixture(params=[0o000, 0o002, 0o077], ids=["umask 0", "umask 2", "umask 77"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Have daemons started under a umask."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(base: Path, names: set[str]) -> dict[str, int]:
    """Return the modes of files."""
    return {name: stat.S_IMODE((base / name).stat().st_mode) for name in names}


def made(base: Path, before: set[Path]) -> dict[str, int]:
    """Return the modes of everything below a directory that was not there before."""
    fresh = {path for path in base.rglob("*") if path not in before}
    return modes(base, {str(path.relative_to(base)) for path in fresh})


def test_an_agents_files(tmp_path: Path, umask: int) -> None:
    """Log, pid file, journal, and all that belongs to a running job."""
    del umask
    rig = AgentRig(tmp_path)
    before = {*tmp_path.rglob("*"), tmp_path / "points"}
    try:
        rig.start()
        rig.ask(1, f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done", attempt=1)
        wait_for(lambda: rig.query(1, 1)["state"] == "running", "it runs")
        assert made(tmp_path, before) == AGENT
        (tmp_path / "go").touch()
        assert rig.result(1)["result"] == 0
    finally:
        rig.close()


def test_a_servers_files(tmp_path: Path, umask: int) -> None:
    """Log, pid file, database, runtime and state directory with all that is in them."""
    del umask
    site = Stack(tmp_path)
    here, runtime = site.directory, site.runtime.with_name("r")
    own = {"DBFile": here / "new.db", "JaStateDir": here / "life", "JaRuntimeDir": runtime}
    lines = [f"{name}={value}\n" for name, value in {**site.server_parameters(), **own}.items()]
    site.server_config.write_text("".join(lines))
    before = {*here.rglob("*"), here / "jobarg_server.out"}
    try:
        site.launch("jobarg_server")
        site.wait_for("jobarg_server")
        wait_for((runtime / "status.json").exists, "all children are there")
        found = made(here, before)
        if runtime.parent != here:
            found |= {"r": stat.S_IMODE(runtime.stat().st_mode)}
            found |= {f"r/{name}": mode for name, mode in made(runtime, set()).items()}
        sockets = {name for name in found if re.fullmatch(r"r/[a-z-]+-\d+\.q", name)}
        assert sockets
        assert not any(found.pop(name) & 0o027 for name in sockets)
        assert found == SERVER
    finally:
        site.stop()


def test_the_spools_files(tmp_path: Path, umask: int) -> None:
    """Results hold the output of jobs."""
    del umask
    path = Spool(tmp_path / "spool").put(Parcel(received_at=1, peer="127.0.0.1", telegram="{}"))
    assert modes(tmp_path, {"spool", f"spool/{path.name}"}) == {
        "spool": 0o700,
        f"spool/{path.name}": 0o600,
    }


def test_a_monitors_files(tmp_path: Path, umask: int) -> None:
    """Log and pid file."""
    del umask
    settings = DatabaseSettings(kind=DatabaseType.SQLITE, file=tmp_path / "server.db")
    db = Database(settings, clock=SystemClock())
    schema.upgrade(db)
    db.close()
    daemon = Daemon(tmp_path, settings)
    process = daemon.launch()
    try:
        wait_for(lambda: daemon.pid_file.exists() and daemon.log, "it works")
        assert modes(tmp_path, set(MONITOR)) == MONITOR
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_systemd_makes_the_directories_as_the_documents_say() -> None:
    """Sockets, secrets and scripts for the daemons' user only, logs for its group, too."""
    lines = (ROOT / "conf" / "tmpfiles.d" / "jobarranger.conf").read_text().splitlines()
    words = [line.split() for line in lines if not line.startswith("#")]
    assert {path: mode for _, path, mode, *_ in words} == TMPFILES
    assert {word[0] for word in words} == {"d"}


@pytest.mark.parametrize("name", ["jobarg-server", "jobarg-agentd", "jobarg-monitor"])
def test_logs_keep_their_mode_when_they_are_rotated(name: str) -> None:
    """What logrotate makes is like what the daemons make; init scripts like systemd."""
    assert "create 0640 zabbix zabbix" in (ROOT / "conf" / "logrotate.d" / name).read_text()
    script = (ROOT / "conf" / "init.d" / name).read_text()
    assert "install -d -m 0700 -o zabbix -g zabbix /run/jobarranger" in script
