"""`jobarg_ctl jobnet list|show|watch` on real databases: what people and programs see of runs."""

import json
import os
import pty
import re
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from jobarranger import messages as m
from jobarranger.commands import ctl_jobnets, operate, waiting_queries
from jobarranger.db import tables as t
from jobarranger.flow.dispatching import DispatchFailure, fail_dispatch
from jobarranger.messages import render
from jobarranger.operations.actor import Actor
from jobarranger.operations.pausing import Target, pause, resume
from jobarranger.states import IconStatus, Method, PauseScope, RunType
from jobarranger.waiting import Need, Reason
from jobarranger.waiting.rows.lists import RunFilter, Which
from jobarranger.waiting.rows.runs import Detail
from jobarranger.watching.limits import LimitWatch
from jobarranger.watching.watch import Reporter
from tests.jobnets import HOST, VERSION, Bench, define
from tests.manager_sql.manager import Manager
from tests.shell import ROOT, Shell


@pytest.fixture
def bench(database):
    """Return the server's duties on a fresh database."""
    return Bench(database)


@pytest.fixture
def shell(database, tmp_path):
    """Give a shell on a fresh database."""
    return Shell(database, tmp_path)


@pytest.fixture
def session(shell):
    """Give a command's session on the test's database."""
    with operate.session(shell.config, "jobarg_ctl") as session:
        yield session


def add_host(db, enabled=1):
    """Make the host of the tests' jobs known."""
    row = {"host_name": HOST, "address": "127.0.0.1", "enabled": enabled}
    db.transaction(lambda unit: unit.execute(insert(t.ext_host).values(**row)))


def change(db, table, where, **values):
    """Change rows as somebody with a database client would."""
    db.transaction(lambda unit: unit.execute(update(table).where(where).values(**values)))


def causes(run):
    """Return {path: (reason, path of the root cause)} of the icons that have not ended."""
    return {icon.path: (icon.why.reason, icon.cause.path) for icon in run.icons if icon.why}


def test_the_cause_of_a_long_chain(bench, session):
    """Every icon behind a failed one names it, and what is wrong with it."""
    chain = [f"JOB-{n}" for n in range(1, 9)]
    define(bench.db, f"START {' '.join(chain)} END-1", settings={"JOB-1": {"stop_code": "1-255"}})
    add_host(bench.db)
    (number,) = bench.start()
    bench.drain()
    run = waiting_queries.run(session, number)
    assert causes(run)["NET/JOB-1"] == (Reason.NOT_SENT, "NET/JOB-1")
    (sent,) = bench.send_all()
    assert waiting_queries.run(session, number).why.reason is Reason.GOING_ON
    bench.report(bench.result(sent.inner_job_id, return_code=7))
    run = waiting_queries.run(session, number)
    assert causes(run)["NET/END-1"] == (Reason.BLOCKED, "NET/JOB-1")
    assert causes(run)["NET/JOB-1"][0] is Reason.IN_ERROR
    cause = run.icons[-1].cause
    assert "7" in cause.text
    assert (run.why.reason, run.stands, run.in_error) == (Reason.STANDS, True, True)
    Manager(bench.db).send("skip_icon", inner_job_id=sent.inner_job_id)
    bench.finish()
    run = waiting_queries.run(session, number)
    assert (run.why, run.ended, causes(run)) == (None, True, {})


def test_a_join_behind_a_condition(bench, session):
    """A W there is never filled: the run is drained, and the list says so too."""
    define(bench.db, "START SET-1 IF-1 yes:SET-2 W-1 END-1; IF-1 no:SET-3 W-1")
    (number,) = bench.start()
    bench.drain()
    (run,) = waiting_queries.listed(session, RunFilter(which=Which.ACTIVE))
    assert run.why.reason is Reason.DRAINED
    assert "NET/W-1" in run.why.text
    found = causes(run)
    assert found["NET/END-1"] == (Reason.UNREACHABLE, "NET/W-1")
    assert found["NET/SET-3"][0] is Reason.OTHER_BRANCH
    assert run.registry == number


def test_sub_jobnets_are_indented_and_explained(bench, session):
    """What is inside follows its icon; the held icon deep inside is the cause of everything."""
    define(bench.db, "START JOB-1 END-1", jobnet_id="DEEP", icons={"JOB-1": {"method_flag": 1}})
    define(bench.db, "START NET-1 END-1", jobnet_id="SUB", settings={"NET-1": {"jobnet": "DEEP"}})
    define(bench.db, "START NET-1 SET-9 END-1")
    (number,) = bench.start()
    bench.drain()
    run = waiting_queries.run(session, number)
    assert [(icon.path, icon.depth) for icon in run.icons][:6] == [
        ("NET/START", 0),
        ("NET/NET-1", 0),
        ("NET/NET-1/START", 1),
        ("NET/NET-1/NET-1", 1),
        ("NET/NET-1/NET-1/START", 2),
        ("NET/NET-1/NET-1/JOB-1", 2),
    ]
    found = causes(run)
    held = "NET/NET-1/NET-1/JOB-1"
    assert found[held] == (Reason.HELD, held)
    assert found["NET/END-1"] == (Reason.BLOCKED, held)
    assert found["NET/NET-1"] == (Reason.SUBJOBNET_STANDS, held)
    assert f"jobarg_ctl icon release {number}/NET-1/NET-1/JOB-1" in run.icons[5].why.advice


def test_hosts(bench, session):
    """Unknown, disabled, locked: looked up where a request has not been sent."""
    define(bench.db, "START JOB-1 END-1")
    (number,) = bench.start()

    def reason():
        return causes(waiting_queries.run(session, number))["NET/JOB-1"][0]

    bench.drain()
    assert reason() is Reason.HOST_UNKNOWN
    target = Target(PauseScope.HOST, HOST)
    pause(bench.db, actor=Actor.trusted("ann").because("kernel"), target=target)
    assert reason() is Reason.HOST_PAUSED
    resume(bench.db, actor=Actor.trusted("ann"), target=target)
    add_host(bench.db, enabled=0)
    assert reason() is Reason.HOST_DISABLED
    change(bench.db, t.ext_host, t.ext_host.c.host_name == HOST, enabled=1)
    assert reason() is Reason.NOT_SENT
    change(bench.db, t.ext_dispatch, t.ext_dispatch.c.host_name == HOST, tries=4)
    assert reason() is Reason.RETRIED
    icon = bench.icon(number, "JOB-1").inner_job_id
    change(bench.db, t.run_job, t.run_job.c.inner_job_id == icon, status=int(IconStatus.READY))
    assert reason() is Reason.NEXT
    bench.db.transaction(lambda unit: unit.execute(insert(t.host_lock).values(lock_host_name=HOST)))
    assert reason() is Reason.HOST_LOCKED
    change(
        bench.db, t.run_icon_job, t.run_icon_job.c.inner_job_id == icon,
        host_flag=1, host_name="WHERE",
    )  # fmt: skip
    assert reason() is Reason.NEXT, "there is no such variable"
    bench.give(number, "JOB-1", WHERE=HOST)
    assert reason() is Reason.HOST_LOCKED


def test_an_unknown_outcome(bench, session):
    """The advice is the command with the icon's number."""
    define(bench.db, "START JOB-1 END-1")
    (number,) = bench.start()
    bench.drain()
    (sent,) = bench.send_all()
    message = render(
        m.JADISPATCH200001,
        **dict.fromkeys(m.JADISPATCH200001.fields, "1"),
    )
    failure = DispatchFailure(
        job_id=sent.inner_job_id, attempt=1, method=Method.NORMAL, message=message,
        outcome_unknown=True,
    )  # fmt: skip
    fail_dispatch(bench.db, bench.engine, [failure])
    icon = waiting_queries.icon_at(waiting_queries.run(session, number), "JOB-1")
    assert icon.why.reason is Reason.OUTCOME_UNKNOWN
    assert f"icon resolve {sent.inner_job_id}" in icon.why.advice


def test_runs_that_have_not_started(bench, session):
    """Held, scheduled, waiting for an earlier run, missed: for the run and each of its icons."""
    define(bench.db, "START JOB-1 END-1")
    table = t.jobnet_control
    change(bench.db, table, table.c.jobnet_id == "NET", multiple_start_up=2)
    (first,) = bench.start()
    (second,) = bench.start()
    bench.drain()
    run = waiting_queries.run(session, second)
    assert run.why.reason is Reason.AFTER_OTHER_RUN
    assert str(first) in run.why.text
    assert causes(run)["NET/JOB-1"] == (Reason.BEFORE_START, "NET")
    manager = Manager(bench.db)
    assert manager.send("hold_run", inner_jobnet_id=second)
    assert waiting_queries.run(session, second).why.reason is Reason.RUN_HELD
    late = manager.start(at=209901010000)
    bench.sweep()
    assert waiting_queries.run(session, late).why.text == "to be started at 2099-01-01 00:00"
    missed = manager.start(at=202001010000)
    registered = waiting_queries.run(session, missed)
    assert (registered.why.reason, registered.status) == (Reason.REGISTERED, "registered")
    bench.sweep()
    assert waiting_queries.run(session, missed).why.reason is Reason.START_MISSED
    held = bench.start(run_type=RunType.WAIT)
    assert waiting_queries.run(session, held[0]).why.reason is Reason.AFTER_OTHER_RUN


def test_a_paused_start(bench, session):
    """The run names who, since when and why; one whose pause has an end needs nobody."""
    define(bench.db, "START JOB-1 END-1")
    ann, jobnet = Actor.trusted("ann"), Target(PauseScope.JOBNET, "NET")
    pause(bench.db, actor=ann.because("moving house"), target=jobnet)
    (number,) = bench.start()
    run = waiting_queries.run(session, number)
    assert (run.why.reason, run.why.need) == (Reason.PAUSED, Need.OPERATOR)
    assert run.why.text.startswith("not started: jobnet NET is paused by ann since ")
    assert run.why.text.endswith(": moving house")
    assert "jobarg_ctl resume --jobnet NET" in run.why.advice
    assert causes(run)["NET/JOB-1"] == (Reason.BEFORE_START, "NET")
    resume(bench.db, actor=ann, target=None)
    until = bench.clock.now_ms() + 60_000
    pause(bench.db, actor=ann.because("disks"), target=Target(), until_at=until)
    run = waiting_queries.run(session, number)
    assert (run.why.reason, run.why.need) == (Reason.PAUSED, Need.TIME)
    assert "all starts are paused by ann" in run.why.text


def test_a_run_over_its_time_limit(bench, session):
    """That of the version it was loaded from, sub-jobnets' time included; after its end as well."""
    define(bench.db, "START JOB-1 END-1", jobnet_id="SUB")
    define(bench.db, "START NET-1 END-1")
    row = {"jobnet_id": "NET", "update_date": VERSION, "minutes": 30}
    bench.db.transaction(lambda unit: unit.execute(insert(t.ext_jobnet_limit), [row]))
    (number,) = bench.start()
    bench.drain()
    reporter = Reporter(bench.db, bench.clock, bench.zone, "server")
    watch = LimitWatch(bench.db, bench.clock, bench.zone, reporter)
    session = replace(session, clock=bench.clock)

    def state() -> tuple[int, bool]:
        (listed,) = waiting_queries.listed(session, RunFilter())
        shown = waiting_queries.run(session, number)
        assert (listed.time_limit, listed.overrun) == (shown.time_limit, shown.overrun)
        return shown.time_limit, shown.overrun

    bench.clock.advance(29 * 60)
    assert (state(), watch.look()) == ((30, False), [])
    bench.clock.advance(2 * 60)
    assert state() == (30, True)
    (alarm,) = watch.look()
    assert alarm.overrun is not None
    assert alarm.overrun.run == number
    bench.finish()
    assert (state(), watch.look()) == ((30, True), [])


def test_runs_that_were_stopped(bench, session):
    """Nothing is left to be done about them."""
    define(bench.db, "START JOB-1 JOB-2 END-1")
    (number,) = bench.start()
    bench.drain()
    bench.send_all()
    manager = Manager(bench.db)
    manager.send("stop_run", inner_jobnet_id=number)
    assert waiting_queries.run(session, number).why.reason is Reason.ABORTING
    bench.sweep()
    run = waiting_queries.run(session, number)
    assert (run.why.reason, run.why.need, run.is_over) == (Reason.ABORTED, Need.NOBODY, True)
    assert causes(run)["NET/JOB-2"][0] is Reason.RUN_OVER
    assert causes(run)["NET/JOB-1"][0] is Reason.STOPPING


def test_lists_are_filtered(bench, session):
    """By state, jobnet, user and number; runs not started yet get a third of the list at most."""
    define(bench.db, "START SET-1 END-1", jobnet_id="GOOD")
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"stop_code": "0"}})
    good = bench.start("GOOD", count=3)
    (bad,) = bench.start()
    (active,) = bench.start()
    bench.drain()
    sent = {request.inner_jobnet_main_id: request for request in bench.send_all()}
    bench.report(bench.result(sent[bad].inner_job_id))
    manager = Manager(bench.db)
    waiting = [manager.start("GOOD", at=209901010000 + minute) for minute in range(4)]
    bench.sweep()

    def listed(**wanted):
        return [run.registry for run in waiting_queries.listed(session, RunFilter(**wanted))]

    assert set(listed()) == {*good, bad, active, *waiting}
    assert listed(which=Which.FAILED) == [bad]
    assert set(listed(which=Which.ACTIVE)) == {bad, active, *waiting}
    assert set(listed(jobnet_id="GOOD", which=Which.ACTIVE)) == set(waiting)
    assert listed(user="nobody") == []
    assert len(listed(user="oper", most=1)) == 1
    few = listed(most=6)
    assert few[:2] == [waiting[1], waiting[0]], "the next ones are nearest to the running ones"
    assert len(few) == 6


def test_the_number_of_statements_is_fixed(bench, session):
    """Whether one run is looked at or many, small or large."""
    define(bench.db, "START JOB-1 END-1")
    wide = "; ".join(f"M-1 JOB-{n} W-1" for n in range(40))
    define(bench.db, f"START M-1; {wide}; W-1 END-1", jobnet_id="WIDE")
    runs = [*bench.start(count=3), *bench.start("WIDE", count=3)]
    bench.drain()

    def cost(numbers):
        before = session.db.statements
        assert len(waiting_queries.runs(session, numbers, Detail.OUTPUT)) == len(numbers)
        return session.db.statements - before

    assert cost(runs[:1]) == cost(runs) <= 12


def test_a_run_with_too_many_icons_is_reported_and_not_explained(bench, session, monkeypatch):
    """Others beside it are."""
    define(bench.db, "START JOB-1 END-1")
    define(bench.db, "START JOB-1 JOB-2 JOB-3 JOB-4 END-1", jobnet_id="LARGE")
    (small,) = bench.start()
    (large,) = bench.start("LARGE")
    bench.drain()
    monkeypatch.setattr("jobarranger.waiting.rows.runs.MOST_ICONS", 5)
    first, second = waiting_queries.runs(session, [large, small])
    assert (first.too_large, first.icons, first.why) == (6, (), None)
    assert second.why is not None


# -- real commands ---------------------------------------------------------------------------


def test_show(bench, shell):
    """A tree with states, exit codes and reasons; unknown numbers and paths get helpful errors."""
    settings = {"SET-1": {"A": "1", "B_PASSWORD": "s3cret"}, "JOB-1": {"stop_code": "3"}}
    define(bench.db, "START SET-1 JOB-1 JOB-2 END-1", settings=settings)
    (number,) = bench.start()
    bench.drain()
    (sent,) = bench.send_all()
    bench.report(bench.result(sent.inner_job_id, return_code=3, std_out="one\ntwo\n"))
    shown = shell(f"jobarg_ctl jobnet show {number}")
    for words in ("RUNERR", "blocked by JOB-1", "does not go on until somebody acts", "out | two"):
        assert words in shown
    assert "the server does not seem to run" in shown
    run = json.loads(shell(f"jobarg_ctl jobnet show {number} --json").partition("\njobarg_ctl:")[0])
    assert (run["schema"], run["stands"], run["why"]["reason"]) == (1, True, "stands")
    (last,) = [icon for icon in run["icons"] if icon["path"] == "NET/END-1"]
    assert (last["cause"]["path"], last["cause"]["reason"]) == ("NET/JOB-1", "in-error")
    far = json.loads(shell(f"jobarg_ctl jobnet show {number} --icon END-1 --json"))["icon"]
    assert [why["path"] for why in far["chain"]] == ["NET/END-1", "NET/JOB-2", "NET/JOB-1"]
    assert [why["path"] for why in far["causes"]] == ["NET/JOB-1"]
    one = shell(f"jobarg_ctl jobnet show {number} --icon NET/JOB-1")
    assert "B_PASSWORD = (hidden)" in one
    assert "s3cret" not in one
    assert "A = 1" in one
    detail = json.loads(shell(f"jobarg_ctl jobnet show {number} --icon JOB-1 --json"))["icon"]
    assert detail["input"]["B_PASSWORD"] == "(hidden)"
    assert detail["output"]["STD_OUT"] == "one\ntwo\n"
    assert "NET/JOB-1" in shell(f"jobarg_ctl jobnet show {number} --icon NET/JOB-11", code=1)
    assert "jobnet list" in shell("jobarg_ctl jobnet show 5", code=1)
    assert "'x5' is no registry number" in shell("jobarg_ctl jobnet show x5", code=2)
    assert "1 to 1000" in shell("jobarg_ctl jobnet list --limit 0", code=2)


def test_watch_shows_by_its_exit_code(bench, shell):
    """0 ended normally, 3 ended otherwise, 4 stands."""
    define(bench.db, "START SET-1 END-1", jobnet_id="GOOD")
    define(bench.db, "START JOB-1 END-1", icons={"JOB-1": {"method_flag": 1}})
    (good,) = bench.start("GOOD")
    (held,) = bench.start()
    bench.drain()
    assert "ended" in shell(f"jobarg_ctl jobnet watch {good}")
    stuck = shell(f"jobarg_ctl jobnet watch {held} --until-stuck", code=ctl_jobnets.STANDS)
    assert "jobnet watch" not in stuck
    assert re.search(r"^\d\d:\d\d:\d\d NET/JOB-1 held on hold since", stuck, re.MULTILINE)
    Manager(bench.db).send("stop_run", inner_jobnet_id=held)
    bench.sweep()
    shell(f"jobarg_ctl jobnet watch {held}", code=ctl_jobnets.ENDED_BADLY)
    shell("jobarg_ctl jobnet watch", code=2)
    shell("jobarg_ctl jobnet watch 5", code=1)


@contextmanager
def watching(shell, line, **options):
    """Run a command in the background; end it with the test."""
    process = subprocess.Popen(shell.command(line), cwd=ROOT, text=True, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_watch_follows_a_run_line_by_line(bench, shell):
    """One JSON object at each change; it ends with the run."""
    define(bench.db, "START JOB-1 END-1")
    add_host(bench.db)
    (number,) = bench.start()
    bench.drain()
    with watching(
        shell, f"jobarg_ctl jobnet watch {number} --json", stdout=subprocess.PIPE
    ) as process:
        first = json.loads(process.stdout.readline())
        assert first["why"]["reason"] == "going-on"
        bench.finish()
        *_, last = [json.loads(line) for line in process.stdout]
        assert process.wait(20) == 0
    assert (last["status"], last["ended"], last["why"]) == ("ended", True, None)


def test_watch_all_follows_runs_until_interrupted(bench, shell):
    """A run that ends meanwhile is reported; Ctrl-C ends it with 130."""
    define(bench.db, "START JOB-1 END-1")
    (number,) = bench.start()
    bench.drain()
    with watching(shell, "jobarg_ctl jobnet watch --all", stdout=subprocess.PIPE) as process:
        assert f"NET [{number}] running" in process.stdout.readline()
        bench.finish()
        lines = iter(process.stdout.readline, "")
        assert any(line.rstrip().endswith(f"NET [{number}] ended") for line in lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_watch_is_live_on_a_terminal(bench, shell):
    """The picture is drawn anew in place, and shows what is to be done."""
    define(bench.db, "START JOB-1 END-1", icons={"JOB-1": {"method_flag": 1}})
    (number,) = bench.start()
    bench.drain()
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    with watching(
        shell, f"jobarg_ctl jobnet watch {number}",
        stdin=slave, stdout=slave, stderr=slave, env=environment,
    ) as process:  # fmt: skip
        os.close(slave)
        seen = _until(master, b"jobarg_ctl icon release")
        assert b"\x1b[" in seen
        icon = bench.icon(number, "JOB-1").inner_job_id
        Manager(bench.db).send("release_icon", inner_job_id=icon)
        bench.finish()
        assert process.wait(20) == 0
        os.close(master)


def _until(descriptor, words):
    """Read from a terminal until it has shown something; time-outs are the test's."""
    seen = b""
    while words not in seen:
        seen += os.read(descriptor, 65536)
    return seen
