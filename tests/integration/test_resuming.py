"""Runs that a server of the original has left between two of its passes, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, update

from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.flow.results import Verdict, complete
from jobarranger.flow.stopping import request_stops
from jobarranger.requests.rows import of_icons
from jobarranger.states import (
    HOST_SLOTS,
    IconStatus,
    JobnetStatus,
    JobStatus,
    Method,
    MethodFlag,
)
from tests.jobnets import HOST, Bench, define


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database."""
    return Bench(database)


def leave(bench: Bench, instance: int, **values: int) -> None:
    """Leave an instance as another server has done."""
    table = t.run_jobnet
    statement = update(table).where(table.c.inner_jobnet_id == instance).values(**values)
    bench.db.transaction(lambda unit: unit.execute(statement))


def with_sub_jobnet(bench: Bench, **icon: Any) -> tuple[int, int]:
    """Start a run whose sub-jobnet waits for a job; return both instances."""
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB", settings={"END-1": ENDS_WITH})
    define(bench.db, "START NET-1 END-1", icons={"NET-1": icon})
    (run,) = bench.start()
    bench.drain()
    return run, bench.sub(run, "NET-1")


ENDS_WITH = {"jobnet_stop_code": "7"}


def test_a_run_that_was_about_to_start_starts(bench: Bench) -> None:
    """Instance READY, summary RUN: the original's jobnet process has picked it up, no more."""
    define(bench.db, "START END-1")
    (run,) = bench.start()
    leave(bench, run, status=JobnetStatus.READY)
    table = t.run_jobnet_summary
    statement = update(table).where(table.c.inner_jobnet_id == run).values(status=JobnetStatus.RUN)
    bench.db.transaction(lambda unit: unit.execute(statement))
    bench.drain()
    assert bench.summary(run).status == JobnetStatus.END
    assert bench.log(run)[0] == ("JC00000001", None)


def test_a_sub_jobnet_that_was_about_to_begin_begins(bench: Bench) -> None:
    """Its icon is RUN, the sub-jobnet READY: it begins, once, and the run ends."""
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB")
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    bench.change(run, "NET-1", method_flag=MethodFlag.WAIT)
    bench.drain()
    sub = bench.sub(run, "NET-1")
    bench.change(run, "NET-1", status=IconStatus.RUN, method_flag=MethodFlag.NORMAL)
    leave(bench, sub, status=JobnetStatus.READY)
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
    assert bench.log(run).count(("JC00000001", None)) == 2
    assert bench.log(run).count(("JC00000003", "JOB-S")) == 1


@pytest.mark.parametrize("icon", [IconStatus.RUN, IconStatus.RUNERR])
def test_an_icon_follows_a_sub_jobnet_that_has_ended(bench: Bench, icon: IconStatus) -> None:
    """The sub-jobnet has ended, its icon does not know yet: it ends with the exit code."""
    run, sub = with_sub_jobnet(bench)
    bench.finish()
    (other,) = bench.start()
    bench.drain()
    below = bench.sub(other, "NET-1")
    for name in ("JOB-S", "END-1"):
        bench.change(below, name, status=IconStatus.END)
    leave(bench, below, status=JobnetStatus.END)
    bench.change(other, "NET-1", status=icon)
    bench.drain()
    assert bench.summary(other).status == JobnetStatus.END
    assert bench.after(other, "NET-1")["JOB_EXIT_CD"] == "0"
    assert bench.after(run, "NET-1")["JOB_EXIT_CD"] == bench.after(sub, "END-1")["JOB_EXIT_CD"]


def test_an_icon_follows_a_sub_jobnet_that_has_failed(bench: Bench) -> None:
    """The error of the sub-jobnet shows above, and its repair, too."""
    run, sub = with_sub_jobnet(bench)
    bench.run_jobs("JOB-S")
    bench.change(run, "NET-1", status=IconStatus.RUN)
    leave(bench, run, status=JobnetStatus.RUN)
    bench.drain()
    assert bench.status(run, "NET-1") is IconStatus.RUNERR
    assert bench.summary(run).job_status == JobStatus.ERROR
    bench.change(sub, "JOB-S", status=IconStatus.READY, method_flag=MethodFlag.RERUN)
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END


def test_an_icon_follows_a_sub_jobnet_that_has_ended_abnormally(bench: Bench) -> None:
    """It takes the jobnet around it down, once."""
    run, sub = with_sub_jobnet(bench)
    bench.change(sub, "JOB-S", status=IconStatus.ENDERR)
    leave(bench, sub, status=JobnetStatus.ENDERR)
    bench.drain()
    assert bench.status(run, "NET-1") is IconStatus.ENDERR
    assert bench.instance(run).status == JobnetStatus.ENDERR
    assert bench.mover.settle() == 0


def test_what_follows_no_longer_is_left_alone(bench: Bench) -> None:
    """An icon whose flow went on in spite of the error is not found again and again."""
    run, sub = with_sub_jobnet(bench, continue_flag=1)
    bench.run_jobs("JOB-S")
    bench.drain()
    leave(bench, run, status=JobnetStatus.RUN)
    bench.change(run, "END-1", status=IconStatus.READY, method_flag=MethodFlag.WAIT)
    leave(bench, sub, status=JobnetStatus.ENDERR)
    assert bench.mover.settle() == 0
    assert bench.status(run, "NET-1") is IconStatus.RUNERR


def test_an_end_that_another_server_reached_has_waited_long_enough(bench: Bench) -> None:
    """Nobody has noted when it was reached: with an icon in error the jobnet ends abnormally."""
    define(bench.db, "START M-1 JOB-1 END-1; M-1 JOB-2 END-2")
    (run,) = bench.start()
    bench.drain()
    bench.change(run, "JOB-1", status=IconStatus.END)
    bench.change(run, "END-1", status=IconStatus.END)
    bench.change(run, "JOB-2", status=IconStatus.RUNERR)
    bench.drain()
    assert bench.instance(run).status == JobnetStatus.ENDERR


def running_job(bench: Bench, **settings: Any) -> tuple[int, int]:
    """Leave a run whose job an agent has, asked for by another server; return run and icon."""
    define(
        bench.db, "START SET-1 JOB-1 END-1",
        settings={"SET-1": {"WHERE": HOST}, "JOB-1": settings},
    )  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    bench.db.transaction(lambda unit: unit.execute(delete(t.ext_dispatch)))
    return run, bench.icon(run, "JOB-1").inner_job_id


@pytest.mark.parametrize("settings", [{}, {"host_flag": 1, "host_name": "WHERE"}])
def test_the_result_of_a_job_that_another_server_has_sent_is_taken(
    bench: Bench, settings: dict[str, Any]
) -> None:
    """The job is taken over at the start, by the host of its icon; then its result counts, once."""
    run, icon = running_job(bench, **settings)
    result = bench.result(icon, attempt=None)
    assert [one.verdict for one in complete(bench.db, bench.engine, [result], Anybody())] == [
        Verdict.REFUSED
    ]
    assert (bench.mover.adopt(), bench.mover.adopt()) == (1, 0)
    (judged,) = complete(bench.db, bench.engine, [result], Anybody())
    assert judged.verdict is Verdict.STORED
    bench.drain()
    assert bench.summary(run).status == JobnetStatus.END
    assert bench.after(run, "JOB-1")["STD_OUT"] == "out\n"


def test_a_job_that_another_server_has_sent_can_be_stopped(bench: Bench) -> None:
    """The kill goes to its agent, as for one of our own."""
    run, icon = running_job(bench)
    bench.mover.adopt()
    assert not bench.send_all()
    bench.change(run, "JOB-1", method_flag=MethodFlag.STOP)
    assert request_stops(bench.db, bench.engine, range(HOST_SLOTS)) == [icon]
    (kill,) = bench.send_all()
    assert (kill.inner_job_id, kill.method, kill.host_name) == (icon, Method.KILL, HOST)


def test_two_processes_take_a_job_over_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have seen it before one of them was faster."""
    run, icon = running_job(bench)
    bench.mover.adopt()
    monkeypatch.setattr(of_icons, "without_request", lambda *_: [(icon, run)])
    assert bench.mover.adopt() == 0


def test_own_jobs_are_not_taken_over(bench: Bench) -> None:
    """Neither those at work nor those of ended runs."""
    define(bench.db, "START JOB-1 END-1")
    bench.start(count=2)
    bench.drain()
    assert bench.mover.adopt() == 0


class Anybody:
    """Every connection comes from where it says."""

    def is_host(self, *_: object) -> bool:
        """Say yes."""
        return True
