"""The monitor: status file, warnings, rotation."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jobarranger.clock import SystemClock
from jobarranger.db.engine import Database
from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import DatabaseType
from processes.context import ChildContext
from processes.monitor import MonitorDuty, NowAndThen
from tests.plans import FixedClock


class FakeLink:
    """Counts what is reported to the parent."""

    on_figures: Any = None
    rotations = 0
    stopping = True
    orphaned = False

    def rotated(self) -> None:
        """Count."""
        self.rotations += 1


def opened(path: Path) -> tuple[MonitorDuty, FakeLink]:
    """Return a monitor in a directory of its own, whose database is away."""
    link, clock = FakeLink(), SystemClock()
    config = SimpleNamespace(
        ja_log_file=str(path / "log"),
        log_file_size=1,
        ja_time_zone="UTC",
        ja_load_shift_time=0,
        ja_run_shift_time=0,
        ja_calendar_warning=0,
        ja_loader_interval=30,
    )
    away = DatabaseSettings(kind=DatabaseType.MYSQL, host="127.0.0.1", port=1, patience=0.0)
    context = SimpleNamespace(
        link=link,
        config=config,
        clock=clock,
        runtime_dir=path,
        server_id="17",
        database=lambda: Database(away, clock=clock),
    )
    duty = MonitorDuty()
    duty.open(cast("ChildContext", context))
    return duty, link


def figures(**changed: Any) -> str:
    """Return the figures of a child as it sends them."""
    entry = {"name": "run #1", "pid": 5, "turns": 9, "done": 1, "errors": 0, "drops": 0}
    return json.dumps({**entry, "busy": 0.5, "status": "idle", **changed})


def test_figures_are_written_whole(tmp_path: Path) -> None:
    """The status file holds the last figures of each child; it goes with the monitor."""
    duty, link = opened(tmp_path)
    link.on_figures(figures())
    link.on_figures(figures(turns=10))
    link.on_figures(figures(name="boot #1"))
    link.on_figures("rubbish")
    assert duty.turn(None).done == 2
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["server_id"] == "17"
    assert [(one["name"], one["turns"]) for one in status["processes"]] == [
        ("boot #1", 9),
        ("run #1", 10),
    ]
    duty.close()
    assert not (tmp_path / "status.json").exists()


def test_losses_are_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Dropped hints and failed turns are reported; a successor begins at nought."""
    _, link = opened(tmp_path)
    with caplog.at_level(logging.WARNING):
        link.on_figures(figures(drops=3))
        link.on_figures(figures(drops=5, errors=1))
        link.on_figures(figures(pid=6))
    assert "2 hints" in caplog.text
    assert "1 turns failed" in caplog.text


def test_an_unexpected_error_is_reported_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the monitor looks at must never end the server."""
    duty, _ = opened(tmp_path)

    def fail() -> None:
        raise ValueError("rubbish in a table")

    duty._duties = [NowAndThen(0.0, fail, SystemClock())]
    duty.turn(None)
    duty.turn(None)
    assert "[JAMONITOR200004]" in caplog.text
    assert "(2 in a row): ValueError: rubbish in a table" in caplog.text


def test_what_takes_long_is_done_less_often() -> None:
    """A look over very many schedules must not keep the process busy; signs of life come on."""
    clock, done = FixedClock(0), []

    def slow() -> None:
        done.append(clock.monotonic())
        clock.sleep(2)

    looks, beats = (NowAndThen(1.0, slow, clock, rest=rest) for rest in (50.0, 0.0))
    for duty, expected in ((looks, [0, 100, 200]), (beats, [300, 303, 306])):
        while len(done) < 3:
            duty.attend()
            clock.sleep(1)
        assert [round(at, -1 if duty is looks else 0) for at in done] == expected
        done.clear()
        clock.at = 300_000


def test_a_grown_log_is_rotated(tmp_path: Path) -> None:
    """Beyond the limit it becomes `.old`, and all processes are informed."""
    duty, link = opened(tmp_path)
    log = tmp_path / "log"
    log.write_bytes(b"x" * (1 << 20))
    duty.turn(None)
    assert link.rotations == 0
    log.write_bytes(b"x" * ((1 << 20) + 1))
    duty.turn(None)
    assert link.rotations == 1
    assert (tmp_path / "log.old").stat().st_size == (1 << 20) + 1
