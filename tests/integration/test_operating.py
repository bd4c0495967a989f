"""Operators' commands on runs and icons: what they change, what they refuse, what they leave."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import delete, select, update

from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.icons import types_with
from jobarranger.operations.aborting import stop_run
from jobarranger.operations.actor import Actor
from jobarranger.operations.errors import NotPossible
from jobarranger.operations.icons import find_icon, operate
from jobarranger.operations.rules import Operation, changes
from jobarranger.states import (
    IconStatus,
    JobnetStatus,
    JobStatus,
    JobType,
    Method,
    MethodFlag,
    RunType,
)
from tests.jobnets import Bench, define

ANN = Actor.trusted("ann")


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database."""
    return Bench(database)


def running(bench: Bench) -> int:
    """Return a run whose first job is with its agent."""
    define(bench.db, "START JOB-1 JOB-2 END-1", settings={"JOB-1": {"stop_code": "1"}})
    (run,) = bench.start()
    bench.drain()
    bench.send_all()
    return run


def do(bench: Bench, operation: Operation, run: int, job_id: str) -> None:
    """Let Ann do something to an icon, and let one sweep pass."""
    icon = bench.icon(run, job_id).inner_job_id
    operate(bench.db, bench.engine, actor=ANN, icon_id=icon, operation=operation)
    bench.sweep()


def fail(bench: Bench, run: int) -> None:
    """Let the first job fail."""
    bench.report(bench.result(bench.icon(run, "JOB-1").inner_job_id, return_code=1))


def test_hold_and_release(bench: Bench) -> None:
    """A held icon waits when it is reached, and goes on when it is released."""
    run = running(bench)
    do(bench, Operation.HOLD, run, "JOB-2")
    bench.report(bench.result(bench.icon(run, "JOB-1").inner_job_id))
    bench.sweep()
    assert bench.status(run, "JOB-2") is IconStatus.READY
    do(bench, Operation.RELEASE, run, "JOB-2")
    assert bench.status(run, "JOB-2") is IconStatus.RUN


def test_skip_and_unskip(bench: Bench) -> None:
    """A failed icon is passed over at once; a skip that is taken back does nothing."""
    run = running(bench)
    do(bench, Operation.SKIP, run, "JOB-2")
    do(bench, Operation.UNSKIP, run, "JOB-2")
    fail(bench, run)
    do(bench, Operation.SKIP, run, "JOB-1")
    assert bench.status(run, "JOB-1") is IconStatus.END
    assert bench.status(run, "JOB-2") is IconStatus.RUN
    assert bench.summary(run).job_status == JobStatus.NORMAL


def test_stop_and_rerun(bench: Bench) -> None:
    """A running icon is killed; after its failure it runs again."""
    run = running(bench)
    do(bench, Operation.STOP, run, "JOB-1")
    (kill,) = bench.send_all()
    assert kill.method == Method.KILL
    fail(bench, run)
    do(bench, Operation.RERUN, run, "JOB-1")
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    (again,) = bench.send_all()
    assert again.attempt == 2


def test_an_icon_without_a_variable_runs_again(bench: Bench) -> None:
    """Not only jobs can be repaired: with the variable there the condition is evaluated."""
    define(bench.db, "START IF-1 yes:SET-1 FI-1 END-1; IF-1 no:SET-2 FI-1")
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "IF-1") is IconStatus.RUNERR
    bench.give(run, "IF-1", V="1")
    do(bench, Operation.RERUN, run, "IF-1")
    bench.finish()
    assert bench.status(run, "SET-1") is IconStatus.END
    assert bench.summary(run).status == JobnetStatus.END


def test_operations_leave_a_trail(bench: Bench) -> None:
    """Who did what to which icon, and where it stands; a refusal leaves nothing."""
    run = running(bench)
    do(bench, Operation.HOLD, run, "JOB-2")
    with pytest.raises(NotPossible):
        do(bench, Operation.HOLD, run, "JOB-1")
    stop_run(bench.db, bench.engine, actor=ANN, run=run)
    hold, stop = bench.rows(select(t.ext_audit).order_by(t.ext_audit.c.id))
    assert (hold.actor_user, hold.actor_source) == ("ann", "jobarg_ctl")
    icon = bench.icon(run, "JOB-2").inner_job_id
    assert (hold.action, hold.target) == ("icon hold", f"icon {icon}")
    assert hold.detail == f"JOB-2 of NET in run {run}"
    assert (stop.action, stop.target, stop.detail) == ("jobnet abort", f"run {run}", "NET")


def test_a_running_run_is_stopped(bench: Bench) -> None:
    """It is over after one sweep, and cannot be stopped again."""
    run = running(bench)
    assert stop_run(bench.db, bench.engine, actor=ANN, run=run) is True
    with pytest.raises(NotPossible, match=f"run {run} is being stopped already"):
        stop_run(bench.db, bench.engine, actor=ANN, run=run)
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.ENDERR
    with pytest.raises(NotPossible, match=rf"run {run} is over \(ENDERR\)"):
        stop_run(bench.db, bench.engine, actor=ANN, run=run)
    with pytest.raises(NotPossible, match=f"run {run} is over"):
        do(bench, Operation.RERUN, run, "JOB-1")


def test_a_waiting_run_is_cancelled(bench: Bench) -> None:
    """A run that has not started never does."""
    define(bench.db, "START END-1")
    (run,) = bench.start(run_type=RunType.TIME, scheduled_time=209912312359)
    assert stop_run(bench.db, bench.engine, actor=ANN, run=run) is False
    summary = bench.summary(run)
    assert (summary.status, summary.job_status) == (JobnetStatus.ENDERR, JobStatus.NORMAL)
    assert summary.start_time == summary.end_time > 0
    assert bench.instance(run).status == JobnetStatus.BEGIN


def test_what_does_not_exist(bench: Bench) -> None:
    """Numbers that nothing has are named in the refusal."""
    with pytest.raises(NotPossible, match="no run with the number 12"):
        stop_run(bench.db, bench.engine, actor=ANN, run=12)
    with pytest.raises(NotPossible, match="no icon with the number 12"):
        operate(bench.db, bench.engine, actor=ANN, icon_id=12, operation=Operation.STOP)


def test_icons_are_found_by_path(bench: Bench) -> None:
    """An icon is named by its number, or by its run and the icons that lead to it."""
    define(bench.db, "START JOB-1 END-1", jobnet_id="SUB")
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    wanted = bench.icon(bench.sub(run, "NET-1"), "JOB-1").inner_job_id
    assert find_icon(bench.db, f"{run}/NET-1/JOB-1") == wanted
    assert find_icon(bench.db, str(wanted)) == wanted
    for text in ("JOB-1", f"{run}/", "-1", "/JOB-1", "٣"):
        with pytest.raises(NotPossible, match="neither the number of an icon nor REGISTRY/PATH"):
            find_icon(bench.db, text)
    with pytest.raises(NotPossible, match=f"there is no icon NET-1/JOB-9 in run {run}"):
        find_icon(bench.db, f"{run}/NET-1/JOB-9")


def test_somebody_elses_change_wins(bench: Bench) -> None:
    """An operation is decided on what the icon is now, not on what it was when it was asked for."""
    run = running(bench)
    fail(bench, run)
    taken = update(t.run_job).where(t.run_job.c.job_id == "JOB-1").values(status=1, method_flag=2)
    bench.db.transaction(lambda unit: unit.execute(taken))
    with pytest.raises(NotPossible, match="it is READY, not RUNERR"):
        do(bench, Operation.RERUN, run, "JOB-1")


def foreign(bench: Bench, kind: JobType, status: IconStatus) -> int:
    """Return a run with an icon that this server cannot run, as another server has left it."""
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start()
    bench.drain()
    bench.db.transaction(lambda unit: unit.execute(delete(t.ext_dispatch)))
    bench.change(run, "JOB-1", job_type=int(kind), status=int(status))
    return run


@pytest.mark.parametrize("kind", sorted(types_with(lambda traits: traits.stoppable)))
def test_what_may_be_stopped_is_stopped(bench: Bench, kind: JobType) -> None:
    """Also the work of an AGENTLESS icon: nobody will report of it, so it ends in error at once."""
    run = foreign(bench, kind, IconStatus.RUN)
    do(bench, Operation.STOP, run, "JOB-1")
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert bench.after(run, "JOB-1")["JOBARG_MESSAGE"].startswith("the icon was stopped on request")


def test_the_types_that_may_be_stopped() -> None:
    """Those for which the Manager offers it."""
    wanted = {JobType.JOB, JobType.EXTJOB, JobType.FWAIT, JobType.REBOOT, JobType.AGENTLESS}
    assert types_with(lambda traits: traits.stoppable) == wanted


@pytest.mark.parametrize("kind", sorted(types_with(lambda traits: traits.skippable)))
def test_what_may_be_skipped_is_skipped(bench: Bench, kind: JobType) -> None:
    """Also an icon that this server cannot run: the flow goes on behind it."""
    run = foreign(bench, kind, IconStatus.RUNERR)
    do(bench, Operation.SKIP, run, "JOB-1")
    bench.drain()
    assert bench.status(run, "JOB-1") is IconStatus.END
    assert bench.summary(run).status == JobnetStatus.END


def icon(**values: object) -> SimpleNamespace:
    """Return an icon to be judged: a JOB that has not been reached, changed as given."""
    base = {
        "inner_job_id": 7, "inner_jobnet_main_id": 5, "job_id": "X", "jobnet_id": "NET",
        "job_type": JobType.JOB, "method_flag": MethodFlag.NORMAL, "status": IconStatus.BEGIN,
        "continue_flag": 0, "instance_status": JobnetStatus.RUN,
        "run_status": JobnetStatus.RUN, "jobnet_abort_flag": 0,
    }  # fmt: skip
    return SimpleNamespace(**{**base, **values})


@pytest.mark.parametrize(
    ("operation", "found", "reason"),
    [
        ("hold", icon(job_type=JobType.START), "icons of type START do not allow it"),
        ("hold", icon(status=IconStatus.READY), "it is READY, not BEGIN"),
        ("hold", icon(method_flag=MethodFlag.WAIT), "that has been done already"),
        ("hold", icon(jobnet_abort_flag=1), "run 5 is being stopped"),
        ("release", icon(), "it is not on hold"),
        ("skip", icon(job_type=JobType.IF), "icons of type IF do not allow it"),
        ("skip", icon(status=IconStatus.RUN), "it is RUN, not BEGIN or READY or RUNERR"),
        ("skip", icon(run_status=JobnetStatus.END), "run 5 is over"),
        ("unskip", icon(), "it is not to be skipped"),
        ("stop", icon(), "it is BEGIN, not RUN"),
        ("stop", icon(job_type=JobType.VALUE, status=2), "icons of type VALUE do not allow it"),
        ("rerun", icon(job_type=JobType.JOBNET, status=4), "icons of type JOBNET do not allow it"),
        ("rerun", icon(status=4, continue_flag=1), "its flow went on in spite of the error"),
        ("rerun", icon(status=4, instance_status=5), "its jobnet has ended abnormally"),
        ("rerun", icon(status=9), "it is 9, not RUNERR"),
        ("rerun", icon(job_type=99, status=4), "icons of type 99 do not allow it"),
    ],
)
def test_what_stands_against_an_operation(
    operation: str, found: SimpleNamespace, reason: str
) -> None:
    """One line names the icon and the rule."""
    with pytest.raises(NotPossible) as refused:
        changes(Operation(operation), found)
    start = f"{operation} of icon X (7) is not possible: {reason}"
    assert str(refused.value).startswith(start)


@pytest.mark.parametrize(
    ("operation", "found", "written"),
    [
        ("hold", icon(method_flag=MethodFlag.SKIP), {"method_flag": 1}),
        ("hold", icon(run_status=0, instance_status=0), {"method_flag": 1}),
        ("release", icon(status=1, method_flag=1, jobnet_abort_flag=1), {"method_flag": 0}),
        ("skip", icon(status=4, method_flag=4), {"method_flag": 2, "status": 1}),
        ("stop", icon(status=2, jobnet_abort_flag=1), {"method_flag": 3}),
        ("rerun", icon(status=4, method_flag=4), {"method_flag": 4, "status": 1}),
    ],
)
def test_what_an_operation_writes(
    operation: str, found: SimpleNamespace, written: dict[str, int]
) -> None:
    """It writes what the Manager would write."""
    assert changes(Operation(operation), found) == written
