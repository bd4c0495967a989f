"""Whatever the Manager writes has its effect within one sweep, on every database."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from jobarranger.clock import stamp12, stamp14
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.flow.results import Verdict
from jobarranger.states import (
    DispatchState,
    IconStatus,
    JobnetStatus,
    JobStatus,
    LoadStatus,
    Method,
    MethodFlag,
    MultipleStart,
    RunType,
)
from tests.jobnets import HOST, Bench, define
from tests.manager_sql.manager import HERE, Manager

MINUTE = 60  #: seconds


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database."""
    return Bench(database)


@pytest.fixture
def manager(bench: Bench) -> Manager:
    """Return a Manager on the server's database."""
    return Manager(bench.db)


def minute(bench: Bench, minutes: int = 0) -> int:
    """Return the minute that is so many minutes ahead, 12 digits."""
    return stamp12(bench.clock.now_ms() + minutes * MINUTE * 1000, bench.zone)


def number(bench: Bench, run: int, job_id: str = "JOB-1") -> int:
    """Return the number of an icon."""
    return int(bench.icon(run, job_id).inner_job_id)


def running_job(bench: Bench, **options: Any) -> int:
    """Return a run whose only job is with its agent."""
    settings = {"JOB-1": {"stop_code": "1"}}
    define(bench.db, "START JOB-1 SET-1 END-1", settings=settings, **options)
    (run,) = bench.start()
    bench.drain()
    bench.send_all()
    return run


def test_every_statement_is_tried() -> None:
    """Each file of this directory is sent by some test or by the Manager itself."""
    sources = [Path(__file__), HERE / "manager.py"]
    words = set(re.findall(r'"(\w+)"', "\n".join(path.read_text() for path in sources)))
    assert {path.stem for path in HERE.glob("*.sql")} <= words


# -- starting ------------------------------------------------------------------------------


def test_a_start_now(bench: Bench, manager: Manager) -> None:
    """The row of the Manager becomes a run that is loaded, booted and started."""
    define(bench.db, "START JOB-1 END-1")
    run = manager.start(variables={"GIVEN": "by hand"})
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    assert bench.summary(run).invo_flag == 1
    assert bench.summary(run).execution_user_name == "oper"
    bench.finish()
    assert bench.before(run, "END-1")["GIVEN"] == "by hand"
    assert bench.summary(run).status == JobnetStatus.END
    assert manager.start() == run + 1


def test_a_start_on_hold(bench: Bench, manager: Manager) -> None:
    """START waits for its release, then the run goes on."""
    define(bench.db, "START SET-1 END-1")
    run = manager.start(run_type=RunType.WAIT)
    bench.sweep()
    assert bench.status(run, "START") is IconStatus.READY
    assert bench.instance(run).status == JobnetStatus.RUN
    assert manager.send("release_icon", inner_job_id=number(bench, run, "START")) == 1
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.END


def test_a_start_as_a_test(bench: Bench, manager: Manager) -> None:
    """Every icon is marked as a test, and agents are asked for tests."""
    define(bench.db, "START JOB-1 END-1")
    run = manager.start(run_type=RunType.TEST)
    bench.sweep()
    (request,) = bench.send_all()
    assert request.method == Method.TEST
    assert bench.icon(run, "END-1").test_flag == 1


def test_a_start_at_a_time(bench: Bench, manager: Manager) -> None:
    """It is loaded at once and starts in its minute."""
    define(bench.db, "START JOB-1 END-1")
    run = manager.start(at=minute(bench, 2))
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.BEGIN
    bench.clock.ahead = 2 * MINUTE
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    planned = bench.summary(run).scheduled_time
    assert bench.before(run, "JOB-1")["JOBNET_SCHEDULED_TIME"] == str(planned)


def test_a_jobnet_of_one_job(bench: Bench, manager: Manager) -> None:
    """The rows of a job alone are a run like others: no loader is needed, the job is sent."""
    run = manager.run_single_job(host_name=HOST, command="echo alone")
    bench.sweep()
    (request,) = bench.send_all()
    payload = json.loads(request.payload)
    assert (payload["script"], request.host_name) == ("echo alone", HOST)
    assert payload["env"] == {"JOBNET_ID": f"RUN_JOB_{run}", "OWN": f"RUN_JOB_{run}"}
    assert payload["run_user"] == ""
    bench.report(bench.result(request.inner_job_id))
    assert bench.summary(run).status == JobnetStatus.END
    assert bench.after(run, "END-1")["JOB_EXIT_CD"] == "0"


def test_a_job_alone_on_hold(bench: Bench, manager: Manager) -> None:
    """A job with the hold flag waits at the job; numbers go on from one to the next."""
    first = manager.run_single_job(host_name=HOST, command="true", method_flag=1)
    second = manager.run_single_job(host_name=HOST, command="true")
    assert second == first + 1
    bench.sweep()
    assert bench.status(first, "JOB-1") is IconStatus.READY
    assert bench.status(second, "JOB-1") is IconStatus.RUN
    manager.send("release_icon", inner_job_id=number(bench, first))
    bench.sweep()
    assert bench.status(first, "JOB-1") is IconStatus.RUN


def test_a_job_alone_is_killed_when_it_is_stopped(bench: Bench, manager: Manager) -> None:
    """It has no number for a stop command, so it is killed although it has one."""
    run = manager.run_single_job(host_name=HOST, command="sleep 600")
    bench.sweep()
    bench.send_all()
    assert manager.send("stop_icon", inner_job_id=number(bench, run)) == 1
    bench.sweep()
    (kill,) = bench.send_all()
    assert kill.method == Method.KILL


# -- runs that have not started ------------------------------------------------------------


def test_a_cancelled_run_never_starts(bench: Bench, manager: Manager) -> None:
    """The summary is over, the run's own row stays as it was, also when the time comes."""
    define(bench.db, "START END-1")
    run = manager.start(at=minute(bench, 2))
    bench.sweep()
    now = stamp14(bench.clock.now_ms(), bench.zone)
    assert manager.send("cancel_run", inner_jobnet_id=run, now=now) == 1
    bench.clock.ahead = 2 * MINUTE
    bench.sweep()
    summary = bench.summary(run)
    assert (summary.status, summary.job_status) == (JobnetStatus.ENDERR, JobStatus.NORMAL)
    assert (summary.start_time, summary.end_time) == (now, now)
    assert bench.instance(run).status == JobnetStatus.BEGIN
    assert bench.status(run, "START") is IconStatus.BEGIN
    assert bench.log(run) == []


def test_a_running_run_is_not_cancelled(bench: Bench, manager: Manager) -> None:
    """The statement names the state it is meant for."""
    run = running_job(bench)
    assert manager.send("cancel_run", inner_jobnet_id=run, now=1) == 0


def test_a_held_run_starts_after_its_release(bench: Bench, manager: Manager) -> None:
    """A held run lets its minute pass; released it starts, and it is not late."""
    define(bench.db, "START JOB-1 END-1")
    run = manager.start(at=minute(bench, 2))
    bench.sweep()
    assert manager.send("hold_run", inner_jobnet_id=run) == 1
    bench.clock.ahead = 5 * MINUTE
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.BEGIN
    assert manager.send("release_run", inner_jobnet_id=run) == 1
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    assert bench.summary(run).load_status == LoadStatus.NORMAL


def test_a_start_can_be_moved(bench: Bench, manager: Manager) -> None:
    """It starts at the new time and not at the old one; the first plan stays readable."""
    define(bench.db, "START JOB-1 END-1")
    planned, moved = minute(bench, 2), minute(bench, 5)
    run = manager.start(at=planned)
    bench.sweep()
    assert manager.send("move_run", inner_jobnet_id=run, scheduled_time=moved) == 2
    bench.clock.ahead = 2 * MINUTE
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.BEGIN
    bench.clock.ahead = 5 * MINUTE
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    assert bench.before(run, "JOB-1")["JOBNET_SCHEDULED_TIME"] == str(moved)
    assert bench.summary(run).initial_scheduled_time == planned


def _late(bench: Bench, manager: Manager) -> int:
    """Return a run that has missed its start."""
    define(bench.db, "START JOB-1 END-1")
    run = manager.start(at=minute(bench, 2))
    bench.sweep()
    bench.clock.ahead = 5 * MINUTE
    bench.sweep()
    summary = bench.summary(run)
    assert (summary.status, summary.load_status) == (JobnetStatus.RUN, LoadStatus.DELAY)
    assert bench.status(run, "START") is IconStatus.RUNERR
    return run


def test_a_late_run_is_started(bench: Bench, manager: Manager) -> None:
    """After the Manager's three transactions it runs as if it had started in time."""
    run = _late(bench, manager)
    assert manager.send("start_delayed_run", inner_jobnet_id=run) == 3
    bench.sweep()
    summary = bench.summary(run)
    assert (summary.status, summary.job_status) == (JobnetStatus.RUN, JobStatus.NORMAL)
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
    assert bench.instance(run).status == JobnetStatus.END


@pytest.mark.parametrize("sweeps", [(1, 0), (0, 1), (1, 1)])
def test_a_sweep_may_come_between_the_three(
    bench: Bench, manager: Manager, sweeps: tuple[int, int]
) -> None:
    """START still in error counts as not begun: a fast server must not stumble over that."""
    run = _late(bench, manager)
    for _, count in zip(
        manager.steps("start_delayed_run", inner_jobnet_id=run), (*sweeps, 1), strict=True
    ):
        for _ in range(count):
            bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
    assert bench.instance(run).status == JobnetStatus.END
    assert [entry for entry, icon in bench.log(run) if icon == "START"] == [
        "JC00000003",
        "JC00000004",
    ]


# -- icons ---------------------------------------------------------------------------------


def test_an_icon_is_held_and_released(bench: Bench, manager: Manager) -> None:
    """A hold stops the flow at the icon, the release lets it go on."""
    run = running_job(bench)
    icon = number(bench, run, "SET-1")
    assert manager.send("hold_icon", inner_job_id=icon) == 1
    bench.report(bench.result(number(bench, run)))
    assert bench.status(run, "SET-1") is IconStatus.READY
    bench.sweep()
    assert bench.status(run, "SET-1") is IconStatus.READY
    assert manager.send("release_icon", inner_job_id=icon) == 1
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.END


def test_a_waiting_icon_is_skipped(bench: Bench, manager: Manager) -> None:
    """When the flow reaches it, it is passed over; undone in time it runs."""
    define(bench.db, "START JOB-1 JOB-2 JOB-3 END-1")
    (run,) = bench.start()
    bench.drain()
    bench.send_all()
    for icon in ("JOB-2", "JOB-3"):
        assert manager.send("skip_icon", inner_job_id=number(bench, run, icon)) == 1
    assert manager.send("unskip_icon", inner_job_id=number(bench, run, "JOB-3")) == 1
    bench.report(bench.result(number(bench, run)))
    assert bench.status(run, "JOB-2") is IconStatus.END
    assert bench.status(run, "JOB-3") is IconStatus.RUN
    assert ("JC00000006", "JOB-2") in bench.log(run)


def test_a_held_icon_is_skipped(bench: Bench, manager: Manager) -> None:
    """A ready icon on hold goes on at the next sweep."""
    define(bench.db, "START JOB-1 END-1", icons={"JOB-1": {"method_flag": 1}})
    (run,) = bench.start()
    bench.drain()
    assert manager.send("skip_icon", inner_job_id=number(bench, run)) == 1
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.END


def test_a_failed_icon_is_skipped(bench: Bench, manager: Manager) -> None:
    """It ends without running, the flow goes on, the error is over."""
    run = running_job(bench)
    bench.report(bench.result(number(bench, run), return_code=1))
    assert bench.summary(run).job_status == JobStatus.ERROR
    assert manager.send("skip_icon", inner_job_id=number(bench, run)) == 1
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.END
    summary = bench.summary(run)
    assert (summary.status, summary.job_status) == (JobnetStatus.END, JobStatus.NORMAL)


def test_a_running_icon_is_stopped(bench: Bench, manager: Manager) -> None:
    """The agent is asked to kill; whatever is reported then ends the icon in error."""
    run = running_job(bench)
    assert manager.send("stop_icon", inner_job_id=number(bench, run)) == 1
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.ABORT
    (kill,) = bench.send_all()
    assert (kill.method, kill.inner_job_id) == (Method.KILL, number(bench, run))
    bench.sweep()
    assert bench.send_all() == []
    bench.report(bench.result(number(bench, run), return_code=9, signal=1))
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert bench.instance(run).status == JobnetStatus.RUNERR


def test_an_icon_that_no_agent_has_is_stopped(bench: Bench, manager: Manager) -> None:
    """A running icon without a request, as after a change of servers, ends in error at once."""
    run = running_job(bench, icons={"JOB-1": {"continue_flag": 1}})
    bench.db.transaction(lambda unit: unit.execute(delete(t.ext_dispatch)))
    assert manager.send("stop_icon", inner_job_id=number(bench, run)) == 1
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert "stopped" in bench.after(run, "JOB-1")["JOBARG_MESSAGE"]
    assert bench.summary(run).status == JobnetStatus.END, "with the continue flag it goes on"


def test_a_failed_icon_runs_again(bench: Bench, manager: Manager) -> None:
    """A new attempt is sent, and the run is not in error any more."""
    run = running_job(bench)
    bench.report(bench.result(number(bench, run), return_code=1))
    assert manager.send("rerun_icon", inner_job_id=number(bench, run)) == 1
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    assert bench.instance(run).status == JobnetStatus.RUN
    assert bench.summary(run).job_status == JobStatus.NORMAL
    (request,) = bench.send_all()
    assert request.attempt == 2
    bench.report(bench.result(request.inner_job_id, attempt=2))
    assert bench.summary(run).status == JobnetStatus.END
    assert ("JC00000007", "JOB-1") in bench.log(run)


def test_variables_are_changed(bench: Bench, manager: Manager) -> None:
    """What is changed before an icon starts, or before it runs again, is what it gets."""
    define(
        bench.db,
        "START SET-1 JOB-1 END-1",
        settings={
            "SET-1": {"X": "old"},
            "JOB-1": {"stop_code": "1", "chosen": ["X"], "env": {"OWN": "old"}},
        },
        icons={"JOB-1": {"method_flag": 1}},
    )
    (run,) = bench.start()
    bench.drain()
    icon = number(bench, run)
    for name in ("X", "OWN"):
        assert manager.send("change_variable", inner_job_id=icon, value_name=name, value="new") == 1
    manager.send("release_icon", inner_job_id=icon)
    bench.sweep()
    (request,) = bench.send_all()
    assert json.loads(request.payload)["env"] == {"X": "new", "OWN": "new"}
    bench.report(bench.result(icon, return_code=1))
    manager.send("change_variable", inner_job_id=icon, value_name="X", value="newer")
    manager.send("rerun_icon", inner_job_id=icon)
    bench.sweep()
    (request,) = bench.send_all()
    assert json.loads(request.payload)["env"] == {"X": "newer", "OWN": "new"}


# -- stopping a run ------------------------------------------------------------------------


def test_a_run_is_stopped(bench: Bench, manager: Manager) -> None:
    """One sweep ends it: the job is killed, what was ready is taken back, nothing follows."""
    define(
        bench.db,
        "START JOB-1 SET-1 END-1; START JOB-2 SET-2 END-2",
        icons={"JOB-2": {"method_flag": 1}},
        settings={"JOB-1": {"stop_flag": 1, "stop": "echo stop"}},
    )
    (run,) = bench.start()
    bench.drain()
    bench.send_all()
    assert manager.send("stop_run", inner_jobnet_id=run) == 1
    bench.sweep()
    summary = bench.summary(run)
    assert (summary.status, summary.job_status) == (JobnetStatus.ENDERR, JobStatus.ERROR)
    assert summary.end_time >= summary.start_time > 0
    assert (summary.running_job_id, summary.running_job_name) == ("", "")
    instance = bench.instance(run)
    assert (instance.status, instance.end_time > 0) == (JobnetStatus.ENDERR, True)
    assert bench.status(run, "JOB-1") is IconStatus.ABORT
    assert bench.status(run, "JOB-2") is IconStatus.BEGIN
    (kill,) = bench.send_all()
    assert kill.method == Method.KILL, "not by its stop command"
    assert bench.log(run)[-1] == ("JC90000003", None)
    entries = len(bench.log(run))
    bench.sweep()
    assert len(bench.log(run)) == entries, "it is over: no pass finds it again"
    (judged,) = bench.report(bench.result(kill.inner_job_id, return_code=9, signal=1))
    assert judged.verdict is Verdict.STORED
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert bench.status(run, "SET-1") is IconStatus.BEGIN
    states = [row.state for row in bench.rows(select(t.ext_dispatch))]
    assert set(states) == {DispatchState.DONE}


def test_messages_of_a_stop(
    bench: Bench, manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what was stopped, and for what the agents are still busy."""
    run = running_job(bench)
    manager.send("stop_run", inner_jobnet_id=run)
    with caplog.at_level("INFO"):
        bench.sweep()
    lines = [line for line in caplog.messages if line.startswith("[JAJOBNET0")]
    assert [line.partition("]")[0] for line in lines] == ["[JAJOBNET000001", "[JAJOBNET000002"]
    assert str(run) in lines[0]
    assert "NET" in lines[0]
    assert "oper" in lines[0]
    assert bench.rows(select(t.send_message)) == []


def test_a_job_that_ends_well_in_a_stopped_run(bench: Bench, manager: Manager) -> None:
    """Its result came too late: the icon is in error, also with the continue flag."""
    run = running_job(bench, icons={"JOB-1": {"continue_flag": 1}})
    manager.send("stop_run", inner_jobnet_id=run)
    bench.sweep()
    bench.report(bench.result(number(bench, run)))
    bench.sweep()
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert bench.status(run, "SET-1") is IconStatus.BEGIN
    assert bench.summary(run).status == JobnetStatus.ENDERR


def test_a_run_that_has_ended_abnormally_is_stopped(bench: Bench, manager: Manager) -> None:
    """Its summary shows "running" until then; failed icons stay as they are."""
    define(bench.db, "START SET-1; START JOB-1 END-1")
    (run,) = bench.start()
    bench.drain()
    assert bench.instance(run).status == JobnetStatus.ENDERR
    assert bench.summary(run).status == JobnetStatus.RUN
    assert manager.send("stop_run", inner_jobnet_id=run) == 1
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.ENDERR
    assert bench.status(run, "SET-1") is IconStatus.ENDERR
    assert bench.status(run, "JOB-1") is IconStatus.ABORT


def test_a_late_run_is_stopped(bench: Bench, manager: Manager) -> None:
    """A run that missed its start can be given up, and does not start when asked later."""
    run = _late(bench, manager)
    assert manager.send("stop_run", inner_jobnet_id=run) == 1
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.ENDERR
    assert bench.status(run, "START") is IconStatus.RUNERR
    manager.send("start_delayed_run", inner_jobnet_id=run)
    bench.mover.move(frozenset({run}))
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.ENDERR
    assert bench.status(run, "JOB-1") is IconStatus.BEGIN


def test_a_waiting_run_starts_when_the_one_before_it_is_stopped(
    bench: Bench, manager: Manager
) -> None:
    """Boot is woken: the run that waited for the stopped one goes on."""
    define(bench.db, "START JOB-1 END-1")
    rule = update(t.jobnet_control).values(multiple_start_up=int(MultipleStart.DELAY))
    bench.db.transaction(lambda unit: unit.execute(rule))
    first, second = manager.start(), manager.start()
    bench.sweep()
    assert bench.summary(second).load_status == LoadStatus.DELAY
    manager.send("stop_run", inner_jobnet_id=first)
    bench.aborter.abort()
    bench.sweep()
    assert bench.status(second, "JOB-1") is IconStatus.RUN


def test_a_family_is_stopped_as_one(bench: Bench, manager: Manager) -> None:
    """Sub-jobnets end with their icons and their sessions; other runs are left alone."""
    settings = {"JOB-1": {"stop_code": "1"}}
    define(bench.db, "START M-1 JOB-1 END-1; M-1 JOB-2 W-1", jobnet_id="LOW", settings=settings)
    define(
        bench.db,
        "START M-1 NET-L SET-1 END-1; M-1 SET-2 W-1",
        jobnet_id="SUB",
        settings={"NET-L": {"jobnet": "LOW"}},
        icons={"SET-2": {"method_flag": 1}},
    )
    define(bench.db, "START NET-1 END-1")
    run, other = bench.start(count=2)
    bench.drain()
    requests = bench.send_all()
    sessions = []
    for run_of in (run, other):
        failing = bench.icon(bench.sub(run_of, "NET-1", "NET-L"), "JOB-1").inner_job_id
        bench.report(bench.result(failing, return_code=1))
        row = {"session_id": "S", "inner_jobnet_main_id": run_of, "inner_job_id": failing}
        sessions.append(row)
    bench.db.transaction(lambda unit: unit.execute(insert(t.session), sessions))
    assert len(requests) == 4
    assert manager.send("stop_run", inner_jobnet_id=run) == 1
    bench.sweep()
    sub, low = bench.sub(run, "NET-1"), bench.sub(run, "NET-1", "NET-L")
    assert bench.summary(run).status == JobnetStatus.ENDERR
    assert [bench.instance(one).status for one in (run, sub, low)] == [JobnetStatus.ENDERR] * 3
    assert bench.status(run, "NET-1") is IconStatus.ENDERR
    assert bench.status(sub, "NET-L") is IconStatus.ENDERR
    assert bench.status(sub, "SET-2") is IconStatus.BEGIN
    assert bench.status(low, "JOB-1") is IconStatus.RUNERR
    assert bench.status(low, "JOB-2") is IconStatus.ABORT
    assert [row.inner_jobnet_main_id for row in bench.rows(select(t.session))] == [other]
    bench.report(bench.result(bench.icon(low, "JOB-2").inner_job_id))
    bench.sweep()
    assert bench.status(low, "JOB-2") is IconStatus.RUNERR
    assert bench.status(sub, "SET-1") is IconStatus.BEGIN
    assert bench.summary(other).status == JobnetStatus.RUN
    assert bench.status(bench.sub(other, "NET-1", "NET-L"), "JOB-2") is IconStatus.RUN


def test_an_icon_that_nobody_will_report_of(bench: Bench, manager: Manager) -> None:
    """A running icon without a request to an agent does not keep the run from its end."""
    run = running_job(bench)
    closed = update(t.ext_dispatch).values(state=int(DispatchState.DONE))
    bench.db.transaction(lambda unit: unit.execute(closed))
    manager.send("stop_run", inner_jobnet_id=run)
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.ENDERR
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert "stopped" in bench.after(run, "JOB-1")["JOBARG_MESSAGE"]


def test_a_run_that_somebody_holds_is_stopped_afterwards(
    bench: Bench, manager: Manager, another: Any
) -> None:
    """A family that is locked is left alone; the pass says that it wants to come again."""
    if bench.db.kind.value == "sqlite":
        pytest.skip("one writer at a time: nobody else can hold a family")
    run = running_job(bench)
    manager.send("stop_run", inner_jobnet_id=run)
    query = select(t.run_jobnet.c.status).where(t.run_jobnet.c.inner_jobnet_id == run)
    passes = []

    def hold(unit: Any) -> None:
        unit.execute(query.with_for_update())
        passes.append(bench.aborter.abort())

    another().transaction(hold)
    passes.append(bench.aborter.abort())
    assert [(one.runs, one.left) for one in passes] == [(0, True), (1, False)]
    assert bench.summary(run).status == JobnetStatus.ENDERR


def test_a_run_that_cannot_be_moved_can_be_stopped(bench: Bench, manager: Manager) -> None:
    """What was put aside since it made its process fail is not out of reach."""
    run = running_job(bench)
    for _ in range(5):
        bench.mover._parking.failed(run)
    assert run in bench.mover._parking.parked()
    manager.send("stop_run", inner_jobnet_id=run)
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.ENDERR


def test_the_run_log_names_the_latest_stop_only(bench: Bench, manager: Manager) -> None:
    """A stop that is repeated takes the place of the one before."""
    run = running_job(bench)
    manager.send("stop_run", inner_jobnet_id=run)
    bench.sweep()
    again = update(t.run_jobnet_summary).values(status=int(JobnetStatus.RUN))
    bench.db.transaction(lambda unit: unit.execute(again))
    bench.sweep()
    assert bench.summary(run).status == JobnetStatus.ENDERR
    assert bench.log(run).count(("JC90000003", None)) == 1


def test_an_icon_cannot_be_stopped_twice(bench: Bench, manager: Manager) -> None:
    """A stop of the run finds the icon being stopped already, and asks for nothing more."""
    run = running_job(bench)
    manager.send("stop_icon", inner_job_id=number(bench, run))
    bench.sweep()
    manager.send("stop_run", inner_jobnet_id=run)
    bench.sweep()
    kills = [row for row in bench.rows(select(t.ext_dispatch)) if row.method == Method.KILL]
    assert len(kills) == 1
    assert bench.icon(run, "JOB-1").method_flag == MethodFlag.STOP
    assert bench.summary(run).status == JobnetStatus.ENDERR
