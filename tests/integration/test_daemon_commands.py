"""The command lines of server, agent and monitor are alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: The module of each daemon, and the least configuration it takes.
DAEMONS = {
    "jobarg_server": ("processes.main", "DBType=sqlite\n"),
    "jobarg_agentd": ("jobarranger.agent.main", "Server=127.0.0.1\n"),
    "jobarg_monitor": ("jobarranger.monitor.main", "DBType=sqlite\nSender=/bin/true\n"),
}


@pytest.fixture(params=DAEMONS)
def name(request) -> str:
    """Return the name of one daemon after the other."""
    return request.param


def call(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a daemon's command to its end."""
    return subprocess.run(
        [sys.executable, "-m", DAEMONS[name][0], *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        cwd=ROOT,
    )


@pytest.mark.parametrize("option", ["-t", "--test"])
def test_a_right_configuration_is_reported_in_the_same_words(name, option, tmp_path):
    """One line on standard error, exit code 0."""
    file = tmp_path / "conf"
    file.write_text(DAEMONS[name][1])
    done = call(name, option, "-c", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == f"{name}: {file}: the configuration is correct"


@pytest.mark.parametrize("option", ["-t", "-f"])
def test_a_wrong_configuration_is_reported_in_one_line(name, option, tmp_path):
    """It begins with the program's name; exit code 1, also without the test."""
    file = tmp_path / "conf"
    file.write_text(DAEMONS[name][1] + "DebugLevel=9\n")
    done = call(name, option, "-c", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{name}: ")
    assert "DebugLevel" in line


def test_a_missing_file_is_reported_in_one_line(name, tmp_path):
    """It is named; exit code 1."""
    done = call(name, "-f", "-c", str(tmp_path / "none"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert str(tmp_path / "none") in line


def test_version_and_help(name):
    """Both are a success, and name the program."""
    version = call(name, "-V")
    assert version.returncode == 0
    assert version.stdout.startswith(f"{name} (Job Arranger) ")
    shown = call(name, "-h")
    assert shown.returncode == 0
    for option in ("--config FILE", "--foreground", "--test", "--version"):
        assert option in shown.stdout
