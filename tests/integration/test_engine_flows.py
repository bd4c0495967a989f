"""Conditions, parallel parts, loops and sub-jobnets in whole runs, on every database."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, select

from jobarranger.db import guarded
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.flow import propagation, stopping
from jobarranger.flow.loops import MOST_PASSES
from jobarranger.flow.moving import Mover
from jobarranger.states import (
    HOST_SLOTS,
    IconStatus,
    JobnetStatus,
    JobStatus,
    MethodFlag,
    RunType,
)
from tests.jobnets import Bench, define
from tests.statements import before_each


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database."""
    return Bench(database)


def ended(bench: Bench, run: int) -> bool:
    """Return whether a run has ended without an error."""
    summary = bench.summary(run)
    return bool(summary.status == JobnetStatus.END and summary.job_status == JobStatus.NORMAL)


# -- IF and IFEND --------------------------------------------------------------------------

BOTH_WAYS = "START SET-1 IF-1 yes:SET-Y FI-1 END-1; IF-1 no:SET-N FI-1"


@pytest.mark.parametrize(
    ("value", "test", "way"),
    [
        ("7", {"comparison_value": "1-9"}, "Y"),
        ("70", {"comparison_value": "1-9"}, "N"),
        ("", {"comparison_value": "1-9"}, "N"),
        ("all done", {"hand_flag": 1, "comparison_value": "do?ne$"}, "Y"),
        ("failed", {"hand_flag": 1, "comparison_value": "do?ne$"}, "N"),
        ("x", {"hand_flag": 1, "comparison_value": "("}, "N"),
    ],
)
def test_a_condition_chooses_the_way(
    bench: Bench, value: str, test: dict[str, Any], way: str
) -> None:
    """Only the arrows of the outcome fire; the icons of the other way stay untouched."""
    settings = {"SET-1": {"V": value}, "IF-1": test, "SET-Y": {"R": "Y"}, "SET-N": {"R": "N"}}
    define(bench.db, BOTH_WAYS, settings=settings)
    (run,) = bench.start()
    bench.drain()
    assert ended(bench, run)
    assert bench.before(run, "END-1")["R"] == way
    other = "N" if way == "Y" else "Y"
    assert bench.status(run, f"SET-{other}") is IconStatus.BEGIN


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"value_name": "NOWHERE"}, "JARUNICONIF200003"),
        ({"value_name": "V", "comparison_value": "5-1"}, "JARUNICONIF200004"),
        ({"value_name": "JOBNET_ID"}, "JARUNICONIF200004"),
        ({"hand_flag": 7}, "JARUNICONIF200004"),
        (
            {"hand_flag": 1, "comparison_value": "(" * 20 + "a" + "+)" * 20},
            "JARUNICONIF200005",
        ),
        ({"hand_flag": 1, "comparison_value": "a{1000}" * 9_000}, "JARUNICONIF200005"),
    ],
)
def test_a_condition_that_cannot_be_evaluated_fails(
    bench: Bench, settings: dict[str, object], message: str
) -> None:
    """It becomes RUNERR, also with the continue flag, and says why."""
    define(
        bench.db, "START SET-1 IF-1 yes:END-1; IF-1 no:END-2",
        settings={"SET-1": {"V": "1"}, "IF-1": settings},
        icons={"IF-1": {"continue_flag": 1}},
    )  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "IF-1") is IconStatus.RUNERR
    assert message in bench.after(run, "IF-1")["JOBARG_MESSAGE"]
    assert bench.status(run, "END-1") is bench.status(run, "END-2") is IconStatus.BEGIN


def test_a_failed_condition_can_be_repaired(bench: Bench) -> None:
    """With the right value in its input and a re-run the flow goes on."""
    define(bench.db, "START IF-1 yes:END-1; IF-1 no:END-2")
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "IF-1") is IconStatus.RUNERR
    bench.give(run, "IF-1", V="1")
    bench.change(run, "IF-1", status=1, method_flag=4)
    bench.drain()
    assert ended(bench, run)
    assert bench.status(run, "END-1") is IconStatus.END


def test_a_condition_without_the_chosen_way_ends_there(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The icon ends normally; the jobnet stands still, and that is reported to people."""
    define(
        bench.db, "START SET-1 IF-1 yes:SET-2 W-1 END-1; SET-1 W-1", settings={"SET-1": {"V": "0"}}
    )
    (run,) = bench.start()
    with caplog.at_level(logging.INFO):
        bench.drain()
    assert bench.status(run, "IF-1") is IconStatus.END
    assert bench.status(run, "W-1") is IconStatus.BEGIN
    assert bench.summary(run).status == JobnetStatus.RUN
    reported = [line for line in caplog.messages if "JAJOBNETRUN300001" in line]
    assert len(reported) == 1
    assert str(run) in reported[0]


# -- parallel parts ------------------------------------------------------------------------


def test_a_parallel_end_waits_for_all_branches(bench: Bench) -> None:
    """W starts when every branch has come; what a later branch brings wins."""
    define(
        bench.db, "START M-1 JOB-A W-1 END-1; M-1 JOB-B SET-B W-1; M-1 SET-C W-1",
        settings={"SET-B": {"X": "b"}, "SET-C": {"X": "c"}},
    )  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    assert sorted(row.inner_job_id for row in bench.send_all()) == sorted(
        bench.icon(run, name).inner_job_id for name in ("JOB-A", "JOB-B")
    )
    bench.report(bench.result(bench.icon(run, "JOB-A").inner_job_id))
    bench.drain()
    assert bench.icon(run, "W-1").end_count == 2
    assert bench.status(run, "W-1") is IconStatus.BEGIN
    bench.report(bench.result(bench.icon(run, "JOB-B").inner_job_id))
    bench.drain()
    assert ended(bench, run)
    assert bench.before(run, "END-1")["X"] == "b"


@pytest.mark.parametrize("longer", ["", "SET-3", "SET-3 SET-4"])
def test_branches_that_meet_at_ifend_shortly_after_one_another_are_one_arrival(
    bench: Bench, longer: str
) -> None:
    """IFEND runs once, however long the branches are; the later one's variables are merged."""
    define(
        bench.db, f"START M-1 SET-1 FI-1 SET-E END-1; M-1 SET-2 {longer} FI-1",
        settings={"SET-1": {"A": "1"}, "SET-2": {"B": "2"}, "SET-E": {"E": "1"}},
    )  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    assert ended(bench, run)
    assert bench.log(run).count(("JC00000003", "FI-1")) == 1
    assert bench.log(run).count(("JC00000003", "SET-E")) == 1
    given = t.run_value_before.c
    icon = bench.icon(run, "FI-1").inner_job_id
    names = bench.rows(select(given.value_name).where(given.inner_job_id == icon))
    assert {("A",), ("B",)} <= set(names)


def test_branches_that_meet_at_ifend_much_later_run_it_again(bench: Bench) -> None:
    """After JaRunInterval an arrival is one of its own."""
    define(bench.db, "START M-1 SET-1 FI-1 SET-E END-1; M-1 JOB-2 FI-1; SET-E JOB-3 END-1")
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "FI-1") is IconStatus.END
    bench.clock.advance(1.5)
    bench.send_all()
    bench.report(bench.result(bench.icon(run, "JOB-2").inner_job_id))
    bench.drain()
    assert bench.log(run).count(("JC00000003", "FI-1")) == 2


# -- loops ---------------------------------------------------------------------------------

LOOP = "START SET-0 L-1 JOB-1 IF-1 no:L-1; IF-1 yes:END-1"


def test_a_loop_runs_its_body_again(bench: Bench) -> None:
    """Each round begins anew icon by icon, with what the round before has left."""
    define(
        bench.db, LOOP,
        settings={"SET-0": {"V": "0"}, "IF-1": {"value_name": "JOB_EXIT_CD"}},
    )  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    for attempt in (1, 2, 3):
        (request,) = bench.send_all()
        assert request.attempt == attempt
        code = int(attempt == 3)
        bench.report(bench.result(request.inner_job_id, attempt=attempt, return_code=code))
        bench.drain()
    assert ended(bench, run)
    for name in ("L-1", "JOB-1", "IF-1"):
        assert bench.log(run).count(("JC00000003", name)) == 3


@pytest.mark.parametrize("inner", ["SET-1", "M-1 SET-1 FI-1; M-1 SET-2 FI-1; FI-1"])
def test_an_instant_loop_starves_nobody_and_is_reported(
    bench: Bench, inner: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop without end goes 100 icons a turn; others run, and a message names it."""
    monkeypatch.setattr("jobarranger.flow.loops.MOST_PASSES", 50)
    zero = {"V": "0"}
    define(
        bench.db,
        f"START L-1 {inner} IF-1 no:L-1; IF-1 yes:END-1",
        settings={"SET-1": zero, "SET-2": zero},
    )
    define(bench.db, "START SET-9 END-1", jobnet_id="OTHER")
    (run,) = bench.start()
    with caplog.at_level(logging.INFO):
        moved = [bench.mover.move(None) for _ in range(4)]
        assert all(one.again for one in moved)
        (other,) = bench.start("OTHER")
        bench.mover.move(None)
        for _ in range(3):
            bench.mover.move(None)
    assert ended(bench, other)
    assert bench.summary(run).status == JobnetStatus.RUN
    reported = [line for line in caplog.messages if "JARUN300003" in line]
    assert len(reported) == 1
    assert MOST_PASSES == 10_000
    assert not [line for line in caplog.messages if "JAFLOW" in line]


def test_parallel_branches_inside_a_loop_are_one_arrival_a_round(bench: Bench) -> None:
    """The second branch of a round does not start IFEND again; the first of the next does."""
    define(
        bench.db,
        "START L-1 M-1 SET-1 FI-1 JOB-1 IF-1 no:L-1; M-1 SET-2 SET-3 FI-1; IF-1 yes:END-1",
        settings={"IF-1": {"value_name": "JOB_EXIT_CD"}},
    )
    (run,) = bench.start()
    bench.drain()
    for attempt in (1, 2):
        (request,) = bench.send_all()
        result = bench.result(request.inner_job_id, attempt=attempt, return_code=attempt - 1)
        bench.report(result)
        bench.drain()
    assert ended(bench, run)
    assert bench.log(run).count(("JC00000003", "FI-1")) == 2


# -- sub-jobnets ---------------------------------------------------------------------------


def test_a_sub_jobnet_gets_the_variables_and_gives_back_its_exit_code(bench: Bench) -> None:
    """In: everything the icon knows. Back: JOB_EXIT_CD of its END, and nothing else."""
    define(
        bench.db, "START SET-S END-1", jobnet_id="SUB",
        settings={"SET-S": {"INNER": "$OUTER"}, "END-1": {"jobnet_stop_code": "7"}},
    )  # fmt: skip
    define(bench.db, "START SET-1 NET-1 END-1", settings={"SET-1": {"OUTER": "from above"}})
    (run,) = bench.start()
    bench.mover.move(frozenset({run}))
    assert ended(bench, run), "instant icons of all levels go in one transaction"
    sub = bench.sub(run, "NET-1")
    assert bench.after(sub, "SET-S")["INNER"] == "from above"
    assert bench.before(sub, "START")["JOBNET_ID"] == "SUB"
    assert bench.before(sub, "START")["MANAGEMENT_ID"] == str(sub)
    assert bench.after(run, "NET-1")["JOB_EXIT_CD"] == "7"
    assert bench.before(run, "END-1")["JOBNET_ID"] == "NET"
    assert "INNER" not in bench.before(run, "END-1")
    assert bench.instance(sub).status == JobnetStatus.END
    assert [what for what, _ in bench.log(run)].count("JC00000002") == 2


def test_an_error_in_a_sub_jobnet_shows_above_and_its_recovery_too(bench: Bench) -> None:
    """RUNERR climbs to the main jobnet; when the job is run again well, all of them go on."""
    define(bench.db, "START JOB-S END-1", jobnet_id="DEEP")
    define(bench.db, "START NET-D END-1", jobnet_id="SUB", settings={"NET-D": {"jobnet": "DEEP"}})
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    sub, deep = bench.sub(run, "NET-1"), bench.sub(run, "NET-1", "NET-D")
    assert bench.run_jobs("JOB-S") == ["JOB-S"]
    assert bench.status(run, "NET-1") is bench.status(sub, "NET-D") is IconStatus.RUNERR
    assert {bench.instance(one).status for one in (run, sub, deep)} == {JobnetStatus.RUNERR}
    assert bench.summary(run).job_status == JobStatus.ERROR
    bench.change(deep, "JOB-S", status=1, method_flag=4)
    bench.mover.move(None)
    assert bench.status(run, "NET-1") is bench.status(sub, "NET-D") is IconStatus.RUN
    assert bench.summary(run).job_status == JobStatus.NORMAL
    assert {bench.instance(one).end_time for one in (run, sub, deep)} == {0}
    bench.run_jobs()
    assert ended(bench, run)


def test_a_skipped_icon_of_a_sub_jobnet_lets_all_go_on(bench: Bench) -> None:
    """Skipping what has failed ends the sub-jobnet and the jobnets around it."""
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB")
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    bench.run_jobs("JOB-S")
    bench.change(bench.sub(run, "NET-1"), "JOB-S", status=1, method_flag=2)
    bench.drain()
    assert ended(bench, run)


def test_a_fatal_error_in_a_sub_jobnet_takes_all_down(bench: Bench) -> None:
    """ENDERR climbs, the summary shows the error and waits for an operator's stop."""
    define(bench.db, "START SET-1 END-1; START SET-2", jobnet_id="SUB")
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "NET-1") is IconStatus.ENDERR
    assert bench.instance(run).status == JobnetStatus.ENDERR
    assert bench.summary(run).status == JobnetStatus.RUN
    assert bench.summary(run).job_status == JobStatus.ERROR


@pytest.mark.parametrize("sub", ["SET-1 END-1", "START SET-1 END-1; START-2 SET-1"])
def test_a_sub_jobnet_that_cannot_begin_takes_all_down(bench: Bench, sub: str) -> None:
    """Without exactly one START icon it fails for good, and nobody waits for it."""
    define(bench.db, sub, jobnet_id="SUB")
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "NET-1") is IconStatus.ENDERR
    assert bench.instance(run).status == JobnetStatus.ENDERR
    assert bench.summary(run).job_status == JobStatus.ERROR


def test_a_skipped_jobnet_icon_does_not_start_its_sub_jobnet(bench: Bench) -> None:
    """What comes in goes out; the sub-jobnet stays untouched."""
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB")
    define(bench.db, "START NET-1 END-1", icons={"NET-1": {"method_flag": MethodFlag.SKIP}})
    (run,) = bench.start()
    bench.drain()
    assert ended(bench, run)
    assert bench.instance(bench.sub(run, "NET-1")).status == JobnetStatus.BEGIN


def test_a_failed_jobnet_icon_can_be_skipped(bench: Bench) -> None:
    """The flow goes on without the sub-jobnet, which the icon follows no longer."""
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB")
    define(bench.db, "START NET-1 JOB-2 END-1")
    (run,) = bench.start()
    bench.drain()
    bench.run_jobs("JOB-S")
    bench.change(run, "NET-1", status=1, method_flag=2)
    bench.drain()
    sub = bench.sub(run, "NET-1")
    bench.change(sub, "JOB-S", status=1, method_flag=4)
    bench.drain()
    assert sorted(bench.run_jobs()) == ["JOB-2", "JOB-S"]
    assert ended(bench, run)
    assert bench.log(run).count(("JC00000003", "JOB-2")) == 1


def test_a_sub_jobnet_in_a_loop_begins_anew_each_round(bench: Bench) -> None:
    """Its icons are put back when its icon is reached again; the exit code is the last round's."""
    define(
        bench.db, "START NET-D JOB-S END-1", jobnet_id="SUB",
        settings={"END-1": {"jobnet_stop_code": "$JOB_EXIT_CD"}, "NET-D": {"jobnet": "DEEP"}},
    )  # fmt: skip
    define(bench.db, "START SET-1 END-1", jobnet_id="DEEP")
    define(
        bench.db, "START L-1 NET-1 IF-1 no:L-1; IF-1 yes:END-1",
        settings={"IF-1": {"value_name": "JOB_EXIT_CD", "comparison_value": "3"}},
    )  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    sub = bench.sub(run, "NET-1")
    for attempt in (1, 2, 3):
        assert bench.status(sub, "END-1") is IconStatus.BEGIN
        assert bench.status(sub, "JOB-S") is IconStatus.RUN
        (request,) = bench.send_all()
        bench.report(
            bench.result(request.inner_job_id, attempt=request.attempt, return_code=attempt)
        )
        bench.drain()
    assert ended(bench, run)
    assert bench.after(run, "NET-1")["JOB_EXIT_CD"] == "3"
    assert bench.log(run).count(("JC00000003", "SET-1")) == 3


def test_two_icons_with_the_same_sub_jobnet_have_a_copy_each(bench: Bench) -> None:
    """They run side by side and end apart."""
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB")
    define(bench.db, "START M-1 NET-1 W-1 END-1; M-1 NET-2 W-1")
    (run,) = bench.start()
    bench.drain()
    assert bench.run_jobs() == ["JOB-S", "JOB-S"]
    assert ended(bench, run)


def test_a_running_late_sub_jobnet_shows_above(bench: Bench) -> None:
    """The time-out flag of a sub-jobnet climbs to the main jobnet's summary."""
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB", settings={"JOB-S": {"timeout": 1}})
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    bench.warn_late(61)
    assert bench.icon(run, "NET-1").timeout_flag == 1
    assert bench.summary(run).job_status == JobStatus.TIMEOUT


def test_a_held_icon_in_a_sub_jobnet_waits_and_is_released(bench: Bench) -> None:
    """Hold and release work the same on every level."""
    define(bench.db, "START SET-1 END-1", jobnet_id="SUB", icons={"SET-1": {"method_flag": 1}})
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    sub = bench.sub(run, "NET-1")
    assert bench.status(sub, "SET-1") is IconStatus.READY
    bench.change(sub, "SET-1", method_flag=0)
    bench.drain()
    assert ended(bench, run)


def test_a_test_run_goes_both_ways_and_through_sub_jobnets(bench: Bench) -> None:
    """Every icon of every level runs once, no loop is gone round, and the run ends."""
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB")
    define(
        bench.db,
        "START SET-1 L-1 IF-1 yes:NET-1 FI-1 IF-2 no:L-1; IF-1 no:SET-N FI-1; IF-2 yes:END-1;",
        settings={"SET-1": {"V": "1"}},
    )
    (run,) = bench.start(run_type=RunType.TEST)
    bench.drain()
    assert bench.run_jobs() == ["JOB-S"]
    bench.drain()
    assert ended(bench, run)
    assert bench.status(run, "SET-N") is IconStatus.END
    assert bench.log(run).count(("JC00000003", "FI-1")) == 1


def test_a_held_end_waits_for_its_release(bench: Bench) -> None:
    """END with `jobnet_stop_flag` is on hold from the start."""
    define(bench.db, "START END-1", settings={"END-1": {"jobnet_stop_flag": 1}})
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "END-1") is IconStatus.READY
    bench.change(run, "END-1", method_flag=0)
    bench.drain()
    assert ended(bench, run)


@pytest.mark.parametrize("ended_first", [False, True])
def test_a_sub_jobnet_at_work_is_not_put_back(
    bench: Bench, ended_first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A loop that comes back to a skipped JOBNET icon does not take away a job at work in it."""
    define(bench.db, "START M-1 JOB-S W-1 END-1; M-1 JOB-T W-1", jobnet_id="SUB")
    define(
        bench.db, "START L-1 NET-1 JOB-1 IF-1 no:L-1; IF-1 yes:END-1",
        settings={"IF-1": {"value_name": "JOB_EXIT_CD"}},
    )  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    requests = {bench.name(one.inner_job_id): one for one in bench.send_all()}
    sub = bench.sub(run, "NET-1")
    bench.report(bench.result(requests["JOB-S"].inner_job_id, signal=1))
    bench.change(run, "NET-1", status=1, method_flag=2)
    bench.drain()
    if ended_first:
        bench.report(bench.result(requests["JOB-T"].inner_job_id, signal=1))
    bench.change(run, "NET-1", method_flag=0)
    bench.run_jobs()
    bench.drain()
    assert (bench.status(run, "NET-1") is IconStatus.RUN) is ended_first
    assert bench.status(sub, "JOB-T") is IconStatus.RUN
    assert ("JAFLOW200002" in caplog.text) is not ended_first


def test_nothing_starts_in_a_jobnet_that_has_ended_abnormally(bench: Bench) -> None:
    """Not even by a hint: an icon that is released too late stays READY."""
    define(bench.db, "START M-1 JOB-1 W-1 END-1; M-1 JOB-2 W-1; M-1 SET-1")
    (run,) = bench.start()
    bench.change(run, "JOB-2", method_flag=MethodFlag.WAIT)
    bench.drain()
    assert bench.instance(run).status == JobnetStatus.ENDERR
    bench.change(run, "JOB-2", method_flag=MethodFlag.NORMAL)
    moved = bench.mover.move([run])
    assert (moved.icons, moved.again) == (0, False)
    assert bench.status(run, "JOB-2") is IconStatus.READY


def test_the_variables_of_a_sub_jobnet_do_not_pile_up_in_a_loop(bench: Bench) -> None:
    """Each round replaces the set with which the sub-jobnet begins."""
    define(bench.db, "START SET-S END-1", jobnet_id="SUB")
    define(
        bench.db, "START L-1 NET-1 JOB-1 IF-1 no:L-1; IF-1 yes:END-1",
        settings={"IF-1": {"value_name": "JOB_EXIT_CD"}},
    )  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    table = t.value_before_jobnet
    query = select(table.c.value_name).where(table.c.inner_jobnet_id == bench.sub(run, "NET-1"))
    for _ in range(3):
        bench.run_jobs()
        bench.drain()
        names = [row.value_name for row in bench.rows(query)]
        assert len(names) == len(set(names))


def test_what_a_step_has_put_back_does_not_start_in_it(bench: Bench) -> None:
    """A skipped JOBNET icon is reached again in the very step in which an icon below is ready."""
    define(bench.db, "START M-1 JOB-S END-1; M-1 SET-S END-1", jobnet_id="SUB")
    define(
        bench.db, "START L-1 SET-1 NET-1 IF-1 no:L-1; IF-1 yes:END-1",
        settings={"SET-1": {"V": "0"}},
    )  # fmt: skip
    (run,) = bench.start()
    bench.change(bench.sub(run, "NET-1"), "SET-S", method_flag=MethodFlag.WAIT)
    bench.drain()
    bench.run_jobs("JOB-S")
    bench.change(run, "SET-1", method_flag=MethodFlag.WAIT)
    bench.change(run, "NET-1", status=IconStatus.READY, method_flag=MethodFlag.SKIP)
    bench.drain()
    assert bench.status(run, "SET-1") is IconStatus.READY
    sub = bench.sub(run, "NET-1")
    bench.change(sub, "SET-S", method_flag=MethodFlag.NORMAL)
    bench.change(run, "SET-1", method_flag=MethodFlag.NORMAL)
    bench.change(run, "NET-1", method_flag=MethodFlag.WAIT)
    bench.mover.move(None)
    assert bench.status(run, "NET-1") is IconStatus.READY
    assert bench.status(sub, "SET-S") is IconStatus.BEGIN
    assert ("JC00000003", "SET-S") not in bench.log(run)


def test_more_variables_than_a_statement_takes_parameters_are_replaced(bench: Bench) -> None:
    """A join of many branches gets each name from each of them; the newest rows are kept."""
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start()
    bench.change(run, "JOB-1", method_flag=MethodFlag.WAIT)
    bench.drain()
    icon = bench.icon(run, "JOB-1")
    rows = [
        {
            "inner_job_id": icon.inner_job_id,
            "inner_jobnet_id": run,
            "value_name": "V",
            "before_value": str(number),
        }
        for number in range(70_000)
    ]
    bench.db.transaction(lambda unit: unit.execute(insert(t.run_value_before), rows))
    bench.change(run, "JOB-1", method_flag=MethodFlag.NORMAL)
    bench.finish()
    assert ended(bench, run)
    assert bench.before(run, "END-1")["V"] == "69999"


def test_a_parallel_start_of_many_is_more_than_one_transaction(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beyond the limit of a wave stays READY for the next turn, and starts once."""
    monkeypatch.setattr(propagation, "MOST", 3)
    bench.engine = replace(bench.engine, steps=1)
    bench.mover = Mover(bench.db, bench.engine)
    names = [f"SET-{number}" for number in range(8)]
    define(bench.db, "; ".join(["START M-1", *(f"M-1 {name} W-1" for name in names), "W-1 END-1"]))
    (run,) = bench.start()
    assert [bench.mover.move(None).icons for _ in range(7)] == [1, 1, 3, 3, 2, 1, 1]
    assert ended(bench, run)
    assert all(bench.log(run).count(("JC00000003", name)) == 1 for name in names)


def test_many_sub_jobnets_end_together(bench: Bench) -> None:
    """What their ends need is read for all of them at once; each icon gets its own exit code."""
    stop = {"END-1": {"jobnet_stop_code": "$CODE"}}
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB", settings=stop)
    define(bench.db, "START M-1 SET-1 NET-1 W-1 END-1; M-1 SET-2 NET-2 W-1",
           settings={"SET-1": {"CODE": "3"}, "SET-2": {"CODE": "5"}})  # fmt: skip
    (run,) = bench.start()
    bench.drain()
    bench.report(*(bench.result(request.inner_job_id) for request in bench.send_all()))
    bench.drain()
    assert ended(bench, run)
    assert bench.after(run, "NET-1")["JOB_EXIT_CD"] == "3"
    assert bench.after(run, "NET-2")["JOB_EXIT_CD"] == "5"


def test_more_icons_than_a_statement_names_change_alike(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written in parts, each of which must meet as many rows as it names."""
    monkeypatch.setattr(guarded, "MOST", 2)
    names = [f"JOB-{number}" for number in range(5)]
    define(bench.db, "; ".join(["START M-1", *(f"M-1 {name} W-1" for name in names), "W-1 END-1"]))
    (run,) = bench.start()
    statements = []

    with before_each(lambda _conn, statement, _values: statements.append(statement)):
        bench.drain()
    assert sum(one.startswith("UPDATE ja_run_job_table") for one in statements) >= 3
    bench.finish()
    assert ended(bench, run)


def test_icons_that_cannot_be_stopped_do_not_hide_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JOBNET icon with the flag is passed over; the job behind it in the batch is stopped."""
    monkeypatch.setattr(stopping, "BATCH", 1)
    define(bench.db, "START JOB-S END-1", jobnet_id="SUB")
    define(bench.db, "START NET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    bench.change(run, "NET-1", method_flag=MethodFlag.STOP)
    bench.change_number(request.inner_job_id, method_flag=MethodFlag.STOP)
    assert bench.icon(run, "NET-1").inner_job_id < request.inner_job_id
    stopped = stopping.request_stops(bench.db, bench.engine, range(HOST_SLOTS))
    assert stopped == [request.inner_job_id]
