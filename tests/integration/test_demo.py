"""The demo as a real process: it works, stops on request, and leaves nothing behind."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]


def demo(directory, *arguments):
    """Start the demo in a directory."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "conf" / "demo" / "demo"), "--dir", str(directory), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=directory.parent,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )


def left_over(directory):
    """Return processes that still belong to a demo."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(directory) in word for word in process.info["cmdline"] or ())
    ]


@pytest.mark.timeout(120)
def test_a_kept_demo_stops_on_interrupt(tmp_path):
    """It shows its jobnet to the end, stays, and ends well on Ctrl-C, even below a long path."""
    directory = tmp_path / ("deep" * 30)
    process = demo(directory, "--keep")
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if "Ctrl-C stops them" in line:
            break
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, seen + rest
    assert re.search(r"DEMO \[\d+\] Three rounds with two jobs at a time: ended", seen)
    (way,) = re.findall(r"^demo: the way it went: (.*)", seen, re.MULTILINE)
    assert re.sub("(LEFT RIGHT|RIGHT LEFT)", "BOTH", way).split() == [
        "START", "ENV-1", *["LOOP-1", "COUNT", "ENV-2", "MTS-1", "BOTH", "MTE-1", "IF-1"] * 3,
        "HELLO", "HELLO/START", "HELLO/ENV-1", "HELLO/JOB-1", "HELLO/JOB-2", "HELLO/JOB-3",
        "HELLO/END-1", "END-1",
    ]  # fmt: skip
    assert "out | left begins round 3" in seen
    assert "out | right begins round 3" in seen
    assert "out | Hello from Job Arranger" in seen
    assert "had 3 steps" in seen
    assert list(directory.iterdir()) == []
    assert left_over(directory) == []
