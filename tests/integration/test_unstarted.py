"""What people do to runs that have not started: what it changes, refuses and leaves."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from ipc.queues import Receiver
from jobarranger.clock import stamp12
from jobarranger.commands.hints import receivers
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.operations import unstarted
from jobarranger.operations.aborting import stop_run
from jobarranger.operations.actor import Actor
from jobarranger.operations.errors import NotPossible
from jobarranger.operations.pausing import Target, pause
from jobarranger.states import (
    IconStatus,
    JobnetStatus,
    JobStatus,
    LoadStatus,
    MultipleStart,
    RunType,
)
from jobarranger.wakes import Role
from processes import registry
from tests.integration.test_supervisor import eventually
from tests.jobnets import Bench, define
from tests.manager_sql.manager import Manager
from tests.shell import Shell

ANN = Actor.trusted("ann")


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database with one jobnet."""
    made = Bench(database)
    database.clock = made.clock
    define(database, "START JOB-1 END-1")
    return made


def one_at_a_time(bench: Bench) -> None:
    """Let the jobnet's runs wait for each other."""
    rule = update(t.jobnet_control).values(multiple_start_up=int(MultipleStart.DELAY))
    bench.db.transaction(lambda unit: unit.execute(rule))


def minute(bench: Bench, minutes: int) -> int:
    """Return the minute that is so many minutes ahead."""
    return stamp12(bench.clock.now_ms() + minutes * 60_000, bench.zone)


def timed(bench: Bench, minutes: int = 5) -> int:
    """Return a run that is loaded for later."""
    at = minute(bench, minutes)
    (run,) = bench.start(run_type=RunType.TIME, scheduled_time=at)
    return run


def late(bench: Bench) -> int:
    """Return a run that has missed its start."""
    run = timed(bench)
    bench.clock.advance(600)
    bench.sweep()
    assert bench.summary(run).load_status == LoadStatus.DELAY
    return run


def do(bench: Bench, operation: str, run: int, **options: Any) -> None:
    """Let Ann do something to a run, and let one sweep pass."""
    getattr(unstarted, operation)(bench.db, bench.engine, actor=ANN, run=run, **options)
    bench.sweep()


def refused(bench: Bench, operation: str, run: int, reason: str, **options: Any) -> None:
    """Check that an operation is refused for a reason, and leaves nothing."""
    tables = (t.ext_audit, t.run_jobnet, t.run_jobnet_summary)
    before = [bench.rows(select(table)) for table in tables]
    text = f"{operation} of run {run} is not possible: {reason}"
    with pytest.raises(NotPossible, match=re.escape(text)):
        do(bench, operation, run, **options)
    assert [bench.rows(select(table)) for table in tables] == before


def test_a_missed_start_is_made_up_for(bench: Bench) -> None:
    """One operation instead of the Manager's three: it runs as if it had started in time."""
    run = late(bench)
    do(bench, "start", run)
    summary = bench.summary(run)
    assert (summary.status, summary.job_status, summary.load_status) == (
        JobnetStatus.RUN, JobStatus.NORMAL, LoadStatus.NORMAL,
    )  # fmt: skip
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
    refused(bench, "start", run, "it is over (END)")


def test_it_comes_between_the_managers_three(bench: Bench) -> None:
    """The first of the Manager's transactions is no obstacle, its others do no harm."""
    run = late(bench)
    steps = Manager(bench.db).steps("start_delayed_run", inner_jobnet_id=run)
    next(steps)
    do(bench, "start", run)
    assert bench.status(run, "JOB-1") is IconStatus.RUN


def test_a_run_starts_before_its_time(bench: Bench) -> None:
    """Scheduled for later, or on hold: it starts now, and once."""
    early, held = timed(bench), timed(bench)
    do(bench, "hold", held)
    for run in (early, held):
        do(bench, "start", run)
        assert bench.status(run, "JOB-1") is IconStatus.RUN
        refused(bench, "start", run, "it has started already")
    bench.clock.advance(600)
    bench.sweep()
    assert bench.summary(held).start_pending_flag == 2
    assert bench.log(early).count(("JC00000001", None)) == 1


def test_beside_others_only_by_force(bench: Bench) -> None:
    """The rule of the jobnet holds for this start, too; the refusal names the other run."""
    one_at_a_time(bench)
    first, second = bench.start(count=2)
    assert bench.summary(second).load_status == LoadStatus.DELAY
    reason = f"another run of NET is active ({first}); --force starts it all the same"
    refused(bench, "start", second, reason)
    do(bench, "start", second, force=True)
    assert bench.status(second, "JOB-1") is IconStatus.RUN
    (entry,) = bench.rows(select(t.ext_audit))
    assert entry.detail == f"NET, although another run of NET is active ({first})"


def test_a_missed_start_waits_for_others(bench: Bench) -> None:
    """Unlike the Manager's it is not started beside another run."""
    one_at_a_time(bench)
    run = late(bench)
    (other,) = bench.start()
    refused(bench, "start", run, f"another run of NET is active ({other})")
    stop_run(bench.db, bench.engine, actor=ANN, run=other)
    bench.sweep()
    do(bench, "start", run)
    assert bench.status(run, "JOB-1") is IconStatus.RUN


def test_in_a_pause_only_by_force(bench: Bench) -> None:
    """Who has paused the starts, and why, is reported."""
    run = timed(bench)
    pause(bench.db, actor=Actor.trusted("bob").because("new disks"), target=Target())
    refused(bench, "start", run, "all starts: paused by bob (new disks); --force")
    do(bench, "start", run, force=True)
    assert bench.status(run, "JOB-1") is IconStatus.RUN


def test_hold_and_release(bench: Bench) -> None:
    """On hold it neither starts nor is late; released it starts, however late that is."""
    run = timed(bench)
    refused(bench, "release", run, "it is not on hold")
    do(bench, "hold", run)
    refused(bench, "hold", run, "it is on hold already")
    bench.clock.advance(3600)
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.BEGIN
    do(bench, "release", run)
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    refused(bench, "hold", run, "it has started already")


def test_another_time(bench: Bench) -> None:
    """Both rows get it, the time of the schedule stays, and it starts then."""
    run = timed(bench)
    first, second = bench.summary(run).scheduled_time, minute(bench, 20)
    do(bench, "reschedule", run, slot=second)
    for row in (bench.summary(run), bench.instance(run)):
        assert (row.scheduled_time, row.initial_scheduled_time) == (second, first)
    bench.clock.advance(600)
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.BEGIN
    bench.clock.advance(600)
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    (entry,) = bench.rows(select(t.ext_audit))
    assert (entry.action, entry.target) == ("jobnet reschedule", f"run {run}")
    assert entry.detail == f"NET: {second} instead of {first}"


def test_what_waits_gets_another_time(bench: Bench) -> None:
    """It waits for its time, no longer for the other run."""
    one_at_a_time(bench)
    first, second = bench.start(count=2)
    do(bench, "reschedule", second, slot=minute(bench, 10))
    assert bench.summary(second).load_status == LoadStatus.NORMAL
    bench.finish()
    bench.sweep()
    assert bench.summary(first).status == JobnetStatus.END
    assert bench.summary(second).status == JobnetStatus.BEGIN


@pytest.mark.parametrize("slot", [202613010000, 202611229999, 209902300000])
def test_no_time_at_all(bench: Bench, slot: int) -> None:
    """Digits that are no time are refused by name."""
    refused(bench, "reschedule", timed(bench), f"'{slot}' is not a time", slot=slot)


def test_what_has_passed(bench: Bench) -> None:
    """A run is moved into the future only."""
    slot = minute(bench, -1)
    refused(bench, "reschedule", timed(bench), f"{slot} has passed", slot=slot)


@pytest.mark.parametrize("operation", ["hold", "release", "reschedule"])
def test_a_missed_start_is_started_or_stopped(bench: Bench, operation: str) -> None:
    """Nothing else makes sense for it."""
    run = late(bench)
    options = {"slot": minute(bench, 10)} if operation == "reschedule" else {}
    refused(bench, operation, run, "it has missed its start; start it now, or stop it", **options)


def test_what_does_not_exist(bench: Bench) -> None:
    """The refusal names the number."""
    with pytest.raises(NotPossible, match="no run with the number 12, or it is not loaded yet"):
        do(bench, "start", 12)


def test_a_stopped_run_does_not_start(bench: Bench) -> None:
    """Cancelled, or about to be stopped."""
    stopping, cancelled = late(bench), timed(bench)
    stop_run(bench.db, bench.engine, actor=ANN, run=cancelled)
    stop_run(bench.db, bench.engine, actor=ANN, run=stopping)
    refused(bench, "start", cancelled, "it is over (ENDERR)")
    with pytest.raises(NotPossible, match="it is being stopped|it is over"):
        do(bench, "start", stopping)


def test_the_commands(bench: Bench, tmp_path: Path) -> None:
    """Each says in a line what it has done, or why not."""
    shell = Shell(bench.db, tmp_path)
    run, time = timed(bench), minute(bench, 60)
    ctl = "jobarg_ctl jobnet"
    assert shell(f"{ctl} hold {run}") == f"run {run} is on hold\n"
    assert shell(f"{ctl} hold {run}", code=1).endswith("it is on hold already\n")
    assert shell(f"{ctl} release {run}") == f"run {run} is released\n"
    assert shell(f"{ctl} reschedule {run} {time}") == f"run {run} is to start at {time}\n"
    refusal = shell(f"{ctl} reschedule {run} 2026", code=1)
    assert refusal == "jobarg_ctl: '2026' is not a time YYYYMMDDHHMM\n"
    assert shell(f"{ctl} start {run}") == f"run {run} starts\n"
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    rows = bench.rows(select(t.ext_audit).order_by(t.ext_audit.c.id))
    done = ["jobnet hold", "jobnet release", "jobnet reschedule", "jobnet start"]
    assert [row.action for row in rows] == done


def test_the_commands_inform_the_server(bench: Bench, tmp_path: Path) -> None:
    """The children on the same machine get the hint that spares them the wait for a sweep."""
    shell = Shell(bench.db, tmp_path)
    run = timed(bench)
    boots, runs = (Receiver(tmp_path / "run", role, 1) for role in (Role.BOOT, Role.RUN))
    with closing(boots), closing(runs):
        shell(f"jobarg_ctl jobnet hold {run}")
        shell(f"jobarg_ctl jobnet release {run}")
        eventually(lambda: run in boots.drain())
        shell(f"jobarg_ctl jobnet start {run}")
        eventually(lambda: run in runs.drain())


def test_the_commands_do_without_a_server(bench: Bench, tmp_path: Path) -> None:
    """Queues of a server that is gone, or a directory that is closed to us, hold nobody up."""
    shell = Shell(bench.db, tmp_path)
    run = timed(bench)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "boot-1.q").touch()
    shell(f"jobarg_ctl jobnet hold {run}")
    assert shell(f"jobarg_ctl jobnet release {run}") == f"run {run} is released\n"
    bench.sweep()
    (tmp_path / "run" / "boot-1.q").unlink()
    (tmp_path / "run").rmdir()
    assert shell(f"jobarg_ctl jobnet start {run}") == f"run {run} starts\n"


@pytest.mark.parametrize("processes", [1, 3])
def test_hints_go_to_the_children_that_there_are(processes: int) -> None:
    """Commands count the children as the server does."""
    given: Any = SimpleNamespace(ja_start_runs=processes, ja_start_executors=processes)
    given.ja_start_trappers = 5
    there = registry.counts(registry.ENTRIES, given)
    assert receivers(given).items() <= there.items()
