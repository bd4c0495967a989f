"""Pauses of starts: what waits, what goes on, and what becomes of it when they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from jobarranger.clock import stamp12
from jobarranger.config import load_server
from jobarranger.db import pauses
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.loading.boot import boot_due
from jobarranger.model.pauses import Pauses
from jobarranger.operations.actor import Actor
from jobarranger.operations.pausing import CannotPause, Target, pause, resume
from jobarranger.states import JobnetStatus, PauseScope, RunType
from processes import startcheck
from tests.jobnets import Bench, define

ANN = Actor.trusted("ann")
NET, OTHER = Target(PauseScope.JOBNET, "NET"), Target(PauseScope.JOBNET, "OTHER")


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database with two jobnets."""
    made = Bench(database)
    database.clock = made.clock
    define(database, "START JOB-1 END-1")
    define(database, "START JOB-1 END-1", jobnet_id="OTHER")
    return made


def stop_starts(bench: Bench, target: Target | None = None, **options: Any) -> None:
    """Let Ann pause something."""
    pause(bench.db, actor=ANN.because("new disks"), target=target or Target(), **options)


def state(bench: Bench, run: int) -> JobnetStatus:
    """Return how far a run is."""
    return JobnetStatus(bench.summary(run).status)


def timed(bench: Bench, minutes: int = 1) -> int:
    """Request a start in so many minutes."""
    at = stamp12(bench.clock.now_ms() + minutes * 60_000, bench.zone)
    (run,) = bench.start(run_type=RunType.TIME, scheduled_time=at)
    return run


def test_a_pause_of_everything_starts_nothing(bench: Bench) -> None:
    """Due runs wait, what runs goes on to its end; resumed, they start."""
    (running,) = bench.start()
    stop_starts(bench)
    runs = bench.start() + bench.start("OTHER")
    bench.finish()
    assert state(bench, running) is JobnetStatus.END
    assert [state(bench, run) for run in runs] == [JobnetStatus.BEGIN] * 2
    hinted = boot_due(bench.db, bench.clock, bench.zone, frozenset(runs))
    assert hinted.started == []
    resume(bench.db, actor=ANN, target=Target())
    bench.sweep()
    assert {state(bench, run) for run in runs} == {JobnetStatus.RUN}


def test_a_pause_of_one_jobnet_leaves_the_others_alone(bench: Bench) -> None:
    """However many of its runs wait, the others start."""
    stop_starts(bench, NET)
    runs = bench.start(count=5)
    (other,) = bench.start("OTHER")
    assert boot_due(bench.db, bench.clock, bench.zone, batch=2).started == []
    bench.finish()
    assert state(bench, other) is JobnetStatus.END
    resume(bench.db, actor=ANN, target=NET)
    assert boot_due(bench.db, bench.clock, bench.zone).started == runs


def test_starts_late_because_of_a_pause_are_not_missed(bench: Bench) -> None:
    """A run whose minute passed during the pause starts when it ends."""
    bench.clock.advance(60 - bench.clock.now_ms() / 1000 % 60)  # a minute begins
    run = timed(bench)
    stop_starts(bench)
    bench.clock.advance(3600)
    assert boot_due(bench.db, bench.clock, bench.zone).missed == []
    resume(bench.db, actor=ANN, target=None)
    bench.clock.advance(61)
    assert boot_due(bench.db, bench.clock, bench.zone).started == [run]


def test_starts_missed_before_a_pause_stay_missed(bench: Bench) -> None:
    """A pause excuses only what it has kept from starting."""
    run = timed(bench)
    bench.clock.advance(300)
    stop_starts(bench)
    bench.clock.advance(300)
    resume(bench.db, actor=ANN, target=None)
    assert boot_due(bench.db, bench.clock, bench.zone).missed == [run]


def test_long_after_a_pause_its_runs_are_late(bench: Bench) -> None:
    """A server that is down when the pause ends starts nothing hours later."""
    run = timed(bench)
    stop_starts(bench, until_at=bench.clock.now_ms() + 120_000)
    bench.clock.advance(7200)
    assert boot_due(bench.db, bench.clock, bench.zone).missed == [run]


def test_a_pause_ends_by_itself(bench: Bench) -> None:
    """At its time, without anybody doing anything."""
    stop_starts(bench, until_at=bench.clock.now_ms() + 60_000)
    (run,) = bench.start()
    assert state(bench, run) is JobnetStatus.BEGIN
    bench.clock.advance(61)
    assert boot_due(bench.db, bench.clock, bench.zone).started == [run]


def test_a_pause_meanwhile_is_honoured(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause committed after the candidates were read starts nothing."""
    stop_starts(bench)
    bench.start()
    resume(bench.db, actor=ANN, target=None)
    real, asked = pauses.read, []

    def first_without(conn: Connection, now: int) -> Pauses:
        asked.append(now)
        if len(asked) == 1:
            found = real(conn, now)
            stop_starts(bench)
            return found
        return real(conn, now)

    monkeypatch.setattr("jobarranger.loading.boot.pauses.read", first_without)
    assert boot_due(bench.db, bench.clock, bench.zone).started == []


def test_who_paused_what(bench: Bench) -> None:
    """Both are kept in the audit; what is paused already, or not at all, is refused."""
    stop_starts(bench, NET)
    with pytest.raises(CannotPause, match="jobnet NET: paused already by ann \\(new disks\\)"):
        stop_starts(bench, NET)
    with pytest.raises(CannotPause, match="jobnet OTHER is not paused"):
        resume(bench.db, actor=ANN, target=OTHER)
    with pytest.raises(CannotPause, match="over before it begins"):
        stop_starts(bench, OTHER, until_at=bench.clock.now_ms())
    resume(bench.db, actor=ANN, target=NET)
    with pytest.raises(CannotPause, match="nothing is paused"):
        resume(bench.db, actor=ANN, target=None)
    c = t.ext_audit.c
    rows = bench.rows(select(c.actor_user, c.action, c.target, c.detail).order_by(c.id))
    assert [tuple(row) for row in rows] == [
        ("ann", "pause", "jobnet NET", "new disks"),
        ("ann", "resume", "jobnet NET", "new disks"),
    ]


def test_a_hold_of_loading_may_follow_a_pause(bench: Bench) -> None:
    """It is more than a pause of all starts, and ends with it."""
    stop_starts(bench)
    stop_starts(bench, hold_loading=True)
    assert bench.db.read(lambda conn: pauses.read(conn, bench.clock.now_ms())).hold_loading
    assert len(resume(bench.db, actor=ANN, target=Target())) == 2
    assert not bench.db.read(lambda conn: pauses.read(conn, bench.clock.now_ms())).hold_loading


def test_hold_all_is_committed_before_anything_is_forked(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The start check pauses everything, once; the second start finds it so."""
    file = tmp_path / "conf"
    file.write_text("".join(f"{key}={tmp_path}\n" for key in ("JaRuntimeDir", "JaStateDir")))
    with file.open("a") as more:
        more.write(f"TmpDir={tmp_path}\nDBFile={tmp_path}/other.db\nDBType=sqlite\n")
    config, _ = load_server(file)
    monkeypatch.setattr(Database, "from_config", lambda config, clock: _Shared(database))
    for _ in range(2):
        startcheck.check(config, database.clock, hold_all=True)
    found = database.read(lambda conn: pauses.read(conn, database.clock.now_ms()))
    (one,) = found.active()
    assert (one.what, one.reason, one.actor_user) == ("all starts", "--hold-all", "jobarg_server")
    assert (found.hold_loading, found.hold_jobs) == (True, True)


class _Shared:
    """The test's database, which the start check may not close."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def close(self) -> None:
        """Leave it open."""
