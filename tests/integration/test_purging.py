"""What the housekeeper removes on every database, what it keeps, and in which portions."""

from __future__ import annotations

import logging
import os
import signal
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from jobarranger import failpoints
from jobarranger.clock import stamp12, stamp14
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.operations.aborting import stop_run
from jobarranger.operations.actor import Actor
from jobarranger.purging import passing
from jobarranger.purging.passing import Purger
from jobarranger.purging.rows import removing
from jobarranger.purging.rows.counting import counts
from jobarranger.states import DatabaseType, IconStatus, JobnetStatus, RunType
from tests.jobnets import Bench, define
from tests.plans import run, store
from tests.statements import explained

HOUR, DAY = 3600, 24 * 3600
#: Tables in which purged runs leave nothing.
OF_RUNS = [
    table
    for table in t.metadata.sorted_tables
    if table.name.startswith(("ja_run_", "ja_value_before_jobnet", "ja_value_after_jobnet"))
    or table in {t.ext_dispatch, t.ext_event, t.session}
]


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database with a jobnet in a jobnet."""
    made = Bench(database)
    database.clock = made.clock
    define(database, "START JOB-1 SET-1 END-1", jobnet_id="SUB")
    define(database, "START JOB-1 NET-1 END-1")
    return made


@pytest.fixture(autouse=True)
def no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let portions have their full size, however slow the machine is."""
    monkeypatch.setattr(passing, "LONGEST", 1e9)


def ended(bench: Bench, count: int = 1) -> list[int]:
    """Return runs that have just ended."""
    runs = bench.start(count=count, env={"A": "1"})
    bench.finish()
    assert {bench.summary(run).status for run in runs} == {JobnetStatus.END}
    return runs


def clean(bench: Bench) -> Counter[str]:
    """Make a pass; return what was removed of each kind."""
    removed: Counter[str] = Counter()
    for portion in Purger(bench.db, bench.clock, bench.zone).pass_over():
        removed[portion.kind] += portion.done
    return +removed


def count(bench: Bench, table: Any) -> int:
    """Return the number of rows of a table."""
    ((number,),) = bench.rows(select(func.count()).select_from(table))
    return int(number)


def runs_left(bench: Bench) -> set[int]:
    """Return the main runs that there are."""
    c = t.run_jobnet.c
    return {row[0] for row in bench.rows(select(c.inner_jobnet_id).where(c.main_flag == 0))}


def write(bench: Bench, *statements: Any) -> None:
    """Commit statements."""
    bench.db.transaction(lambda unit: [unit.execute(one) for one in statements])


def keep(bench: Bench, parameter: str, value: str) -> None:
    """Set how long something is kept."""
    c = t.parameter.c
    write(bench, update(t.parameter).where(c.parameter_name == parameter).values(value=value))


def test_an_ended_run_leaves_nothing_but_its_log(bench: Bench) -> None:
    """After JOBNET_KEEP_SPAN every row of it is gone, also of its sub-jobnets."""
    ended(bench, 3)
    (running,) = bench.start()
    bench.drain()
    before = {table.name: count(bench, table) for table in OF_RUNS}
    assert clean(bench) == {}
    bench.clock.advance(HOUR + 60)
    assert clean(bench) == {"runs": 3}
    assert runs_left(bench) == {running}
    for table in OF_RUNS:
        left = count(bench, table)
        if table is t.run_log:
            assert left == before[table.name]
        elif before[table.name]:
            assert left < before[table.name], table.name
    bench.finish()
    bench.clock.advance(HOUR + 60)
    assert clean(bench) == {"runs": 1}
    assert {table.name for table in OF_RUNS if count(bench, table)} == {t.run_log.name}


@pytest.mark.parametrize("icons", [1, 2, 3, 7])
def test_large_runs_go_in_portions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, icons: int
) -> None:
    """However small the portions are, everything goes; a pass broken off is continued."""
    ended(bench, 2)
    bench.clock.advance(HOUR + 60)
    monkeypatch.setattr(passing, "ICONS", icons)
    going = Purger(bench.db, bench.clock, bench.zone).pass_over()
    for _ in range(3):
        next(going)
    del going
    clean(bench)
    assert {table.name for table in OF_RUNS if count(bench, table)} == {t.run_log.name}


def test_many_runs_go_in_several_transactions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two of them others get their turn."""
    ended(bench, 5)
    bench.clock.advance(HOUR + 60)
    monkeypatch.setattr(passing, "RUNS", 2)
    portions = list(Purger(bench.db, bench.clock, bench.zone).pass_over())
    assert [one.done for one in portions if one.kind == "runs"] == [2, 2, 1]


def test_kinds_take_turns(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run log does not keep runs waiting, nor many runs the log."""
    ended(bench, 4)
    bench.clock.advance(31 * DAY)
    monkeypatch.setattr(passing, "RUNS", 1)
    monkeypatch.setattr(passing, "ROWS", 5)
    portions = list(Purger(bench.db, bench.clock, bench.zone).pass_over())
    kinds = [one.kind for one in portions if one.done]
    assert kinds[:8] == ["runs", "log entries"] * 4
    assert not count(bench, t.run_log)


def test_what_is_over_begins_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a long log is still purged, runs that have become due meanwhile go."""
    ended(bench, 4)
    bench.clock.advance(31 * DAY)
    fresh = ended(bench)
    monkeypatch.setattr(passing, "ROWS", 1)
    going = Purger(bench.db, bench.clock, bench.zone, again=60).pass_over()
    while runs_left(bench) != set(fresh):
        next(going)
    bench.clock.advance(HOUR + 60)
    while runs_left(bench):
        assert next(going).kind in {"runs", "log entries"}
    assert next(going).kind == "log entries"


def test_log_spans_are_read_for_each_portion(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A longer span that is set while the log is purged keeps what is left."""
    ended(bench)
    bench.clock.advance(31 * DAY)
    monkeypatch.setattr(passing, "ROWS", 1)
    going = Purger(bench.db, bench.clock, bench.zone).pass_over()
    while next(going).kind != "log entries":
        pass
    left = count(bench, t.run_log)
    c = t.parameter.c
    change = update(t.parameter).where(c.parameter_name == "JOBLOG_KEEP_SPAN")
    write(bench, change.values(value="99999999"))
    assert not [one for one in going if one.kind == "log entries" and one.done]
    assert count(bench, t.run_log) == left > 0


def test_next_runs_are_found_by_the_time_of_their_end(bench: Bench) -> None:
    """However long the history is, it is neither read whole nor sorted for each portion."""
    if bench.db.kind is not DatabaseType.SQLITE:
        pytest.skip("the others plan by the size of the table, which is small here")
    with explained("SELECT ja_run_jobnet_summary_table.end_time,") as steps:
        clean(bench)
    plans = [step[3] for step in steps]
    assert "USING INDEX ja_run_jobnet_summary_idx2 (end_time>" in plans[0]
    assert not any("ORDER BY" in step for step in plans)


def test_slow_portions_become_smaller(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything goes, in portions of one run in the end."""
    ended(bench, 12)
    bench.clock.advance(HOUR + 60)
    monkeypatch.setattr(passing, "RUNS", 4)
    monkeypatch.setattr(passing, "LONGEST", 0.0)
    portions = list(Purger(bench.db, bench.clock, bench.zone).pass_over())
    done = [one.done for one in portions if one.kind == "runs" and one.done]
    assert (done[0], done[-1], sum(done)) == (4, 1, 12)


def test_runs_in_error_are_kept(bench: Bench) -> None:
    """They have not ended, however old; stopped, they go."""
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    bench.report(bench.result(request.inner_job_id, return_code=1))
    bench.clock.advance(30 * DAY)
    assert "runs" not in clean(bench)
    stop_run(bench.db, bench.engine, actor=Actor.trusted("ann"), run=run)
    bench.sweep()
    bench.clock.advance(2 * HOUR)
    assert clean(bench)["runs"] == 1


def test_a_stopped_run_is_kept_while_icons_are_at_work(bench: Bench) -> None:
    """Its agent may still report."""
    (run,) = ended(bench)
    write(bench, update(t.run_jobnet_summary).values(status=JobnetStatus.ENDERR))
    bench.change(run, "JOB-1", status=IconStatus.RUN)
    bench.clock.advance(2 * HOUR)
    assert clean(bench) == {}
    bench.change(run, "JOB-1", status=IconStatus.END)
    assert clean(bench) == {"runs": 1}


def test_a_cancelled_run_is_kept_until_its_time_has_passed(bench: Bench) -> None:
    """Its rows show to the loader that this start has been dealt with."""
    at = stamp12(bench.clock.now_ms() + 5 * HOUR * 1000, bench.zone)
    (run,) = bench.start(run_type=RunType.TIME, scheduled_time=at)
    stop_run(bench.db, bench.engine, actor=Actor.trusted("ann"), run=run)
    bench.clock.advance(2 * HOUR)
    assert clean(bench) == {}
    bench.clock.advance(4 * HOUR)
    assert clean(bench) == {"runs": 1}


def test_however_many_are_kept_those_behind_them_go(bench: Bench) -> None:
    """Cancelled runs of days to come end before a run that is due; all in one second, even."""
    early = stamp14(bench.clock.now_ms() - 3 * HOUR * 1000, bench.zone)
    late = stamp14(bench.clock.now_ms() - 2 * HOUR * 1000, bench.zone)
    over, coming = early // 100, stamp12(bench.clock.now_ms() + DAY * 1000, bench.zone)
    columns: dict[str, Any] = {"status": int(JobnetStatus.ENDERR), "start_time": early}
    kept = [run(n, coming, end_time=early, **columns) for n in range(1, 1102)]
    store(bench.db, *kept, run(5000, over, end_time=late, **columns))
    assert clean(bench) == {"runs": 1}
    assert runs_left(bench) == set(range(1, 1102))


def test_a_run_moved_to_an_earlier_time_counts_by_its_first_time(bench: Bench) -> None:
    """`initial_scheduled_time` is what the loader compares."""
    later = stamp12(bench.clock.now_ms() + 5 * HOUR * 1000, bench.zone)
    ended(bench)
    write(bench, update(t.run_jobnet_summary).values(initial_scheduled_time=later))
    bench.clock.advance(2 * HOUR)
    assert clean(bench) == {}


def test_load_errors_go_with_and_without_summary(bench: Bench) -> None:
    """A request that never became a run is purged like one that ended."""
    write(bench, update(t.jobnet_control).values(valid_flag=0))
    write(bench, delete(t.flow_control), delete(t.job_control))
    now = stamp14(bench.clock.now_ms(), bench.zone)
    row = {"main_flag": 0, "run_type": 1, "jobnet_id": "NET", "user_name": "u", "jobnet_name": "n"}
    for number, status in ((11, JobnetStatus.ENDERR), (12, JobnetStatus.BEGIN)):
        times = {"end_time": now if status else 0, "execution_user_name": "u"}
        key = {"inner_jobnet_id": number, "inner_jobnet_main_id": number, "status": status}
        write(bench, insert(t.run_jobnet).values(**row, **key, **times))
    assert clean(bench) == {}
    bench.clock.advance(2 * HOUR)
    assert clean(bench) == {"runs": 1}
    assert runs_left(bench) == {12}


def test_a_span_is_read_while_running(bench: Bench) -> None:
    """A change in ja_parameter_table counts for the next portion; 0 means at once."""
    ended(bench)
    purger = Purger(bench.db, bench.clock, bench.zone)
    assert sum(one.done for one in purger.pass_over()) == 0
    keep(bench, "JOBNET_KEEP_SPAN", "0")
    assert sum(one.done for one in purger.pass_over()) == 1


def test_a_span_that_is_no_number_is_reported_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is deleted for it, and the log says what counts instead."""
    ended(bench)
    keep(bench, "JOBNET_KEEP_SPAN", "an hour")
    purger = Purger(bench.db, bench.clock, bench.zone)
    with caplog.at_level(logging.WARNING):
        assert [one for one in purger.pass_over() if one.done] == []
        list(purger.pass_over())
    reported = [record.message for record in caplog.records if "JAPURGE300001" in record.message]
    assert len(reported) == 1
    assert "JOBNET_KEEP_SPAN" in reported[0]
    assert "'an hour'. 60 is used" in reported[0]
    bench.clock.advance(2 * HOUR)
    assert clean(bench)["runs"] == 1


def test_log_rows_go_by_their_own_age(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old rows go, young ones of the same run stay, in small portions."""
    (run,) = ended(bench)
    monkeypatch.setattr(passing, "ROWS", 2)
    dates = [row[0] for row in bench.rows(select(t.run_log.c.log_date))]
    old = sorted(dates)[: len(dates) // 2]
    c = t.run_log.c
    for number, date in enumerate(old):
        fresh = 20200101000000000 + number
        write(bench, update(t.run_log).where(c.log_date == date).values(log_date=fresh))
    assert clean(bench) == {"log entries": len(old)}
    assert sorted(row[0] for row in bench.rows(select(c.log_date))) == sorted(dates)[len(old) :]
    assert runs_left(bench) == {run}


def test_log_rows_of_a_run_that_is_not_over_stay(bench: Bench) -> None:
    """A run of months keeps its beginning, and hides no other rows."""
    (running,) = bench.start()
    bench.drain()
    write(bench, update(t.run_log).values(log_date=20200101000000000))
    row = {"run_type": 1, "jobnet_id": "X", "jobnet_name": "x", "user_name": "u", "message_id": "m"}
    other = {"inner_jobnet_id": 5, "inner_jobnet_main_id": 5, "log_date": 20200102000000000}
    write(bench, insert(t.run_log).values(**row, **other))
    assert clean(bench) == {"log entries": 1}
    c = t.run_log.c
    assert {row[0] for row in bench.rows(select(c.inner_jobnet_main_id))} == {running}


def test_many_log_rows_of_one_instant(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go together, however many; nothing is counted twice or left."""
    monkeypatch.setattr(passing, "ROWS", 3)
    row = {"run_type": 1, "jobnet_id": "X", "jobnet_name": "x", "user_name": "u", "message_id": "m"}
    rows = [
        {**row, "inner_jobnet_id": 5, "inner_jobnet_main_id": 5, "log_date": 20200101000000000 + n}
        for n in (1, 1, 1, 1, 1, 2, 3, 3)
    ]
    write(bench, insert(t.run_log).values(rows))
    assert clean(bench) == {"log entries": 8}
    assert count(bench, t.run_log) == 0


def test_notifications(bench: Bench) -> None:
    """Sent ones and given-up ones go after SNDMSG_KEEP_SPAN, the others stay."""
    old = stamp14(bench.clock.now_ms() - 2 * DAY * 1000, bench.zone)
    new = stamp14(bench.clock.now_ms(), bench.zone)
    for status, sent, failed in (
        (0, 0, 0), (1, old, 0), (1, new, 0), (2, 0, 0), (3, 0, old), (3, 0, new), (0, old, 0),
    ):  # fmt: skip
        values = {"send_status": status, "send_date": sent, "send_error_date": failed}
        write(bench, insert(t.send_message).values(**values))
    assert clean(bench) == {"notifications": 2}
    assert count(bench, t.send_message) == 5


def test_leftovers_of_our_own(bench: Bench) -> None:
    """What belongs to nothing any more goes after a day; the audit after its span."""
    (run,) = ended(bench)
    now = bench.clock.now_ms()
    inbox = {"peer": "p", "host_name": "h", "telegram": "{}", "reason": "r"}
    pause = {"scope": 0, "since": now, "actor_user": "a", "reason": "r"}
    audit = {"actor_user": "a", "actor_source": "s", "action": "x", "target": "y"}
    write(
        bench,
        insert(t.ext_request).values(request_id="of a run", inner_jobnet_id=run, at=now),
        insert(t.ext_request).values(request_id="of none", inner_jobnet_id=77, at=now),
        insert(t.ext_inbox).values(**inbox, received_at=now, inner_job_id=77),
        insert(t.ext_pause).values(**pause, ended_at=now),
        insert(t.ext_pause).values(**pause),
        insert(t.ext_audit).values(**audit, at=now),
    )
    keep(bench, "JOBNET_KEEP_SPAN", "1000000")
    keep(bench, "AUDIT_KEEP_SPAN", "2880")
    bench.clock.advance(DAY - 60)
    assert clean(bench) == {}
    bench.clock.advance(120)
    assert clean(bench) == {"start requests": 1, "kept results": 1, "pauses": 1}
    bench.clock.advance(DAY)
    assert clean(bench) == {"audit entries": 1}
    keep(bench, "JOBNET_KEEP_SPAN", "60")
    assert clean(bench) == {"runs": 1, "start requests": 1}


def test_a_run_that_somebody_holds_is_left_for_the_next_pass(bench: Bench, another: Any) -> None:
    """The purge waits for nobody."""
    if bench.db.kind is DatabaseType.SQLITE:
        pytest.skip("SQLite has one writer at a time")
    held, free = ended(bench, 2)
    bench.clock.advance(2 * HOUR)
    lock = select(t.run_jobnet.c.inner_jobnet_id).where(t.run_jobnet.c.inner_jobnet_id == held)

    def hold(unit: Any) -> Counter[str]:
        unit.execute(unit.lock(lock))
        return clean(bench)

    assert another().transaction(hold) == {"runs": 1}
    assert runs_left(bench) == {held}
    assert clean(bench) == {"runs": 1}
    assert free not in runs_left(bench)


def test_counts_show_what_a_pass_would_remove(bench: Bench) -> None:
    """The dry run and the pass agree."""
    ended(bench, 3)
    bench.clock.advance(100 * DAY)
    limits = Purger(bench.db, bench.clock, bench.zone).limits()
    due = bench.db.read(lambda conn: counts(conn, limits))
    assert due["runs"] == 3
    assert due["log entries"] > 0
    assert clean(bench) == {kind: number for kind, number in due.items() if number}


def test_every_table_with_icons_is_emptied_before_the_icons() -> None:
    """No row of an icon is left to the cascade of a foreign key."""
    order = [table.name for table, _ in removing._BY_ICON]
    assert order.index("ja_run_value_job_table") < order.index("ja_run_icon_job_table")
    missing = {
        table.name
        for table in t.metadata.sorted_tables
        if "inner_job_id" in table.c and table.name.startswith("ja_run_")
    } - {*order, t.run_job.name, t.run_jobnet.name, t.run_log.name}
    assert missing == set()


@pytest.mark.parametrize("point", ["purge.before_commit", "purge.after_commit"])
@pytest.mark.parametrize("kill_at", [1, 3, 6])
def test_a_killed_purge_is_continued(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, point: str, kill_at: int
) -> None:
    """Whoever purges next finds what is left, whatever portion the other one died in."""
    ended(bench, 3)
    bench.clock.advance(2 * HOUR)
    monkeypatch.setattr(passing, "ICONS", 4)
    monkeypatch.setattr(passing, "RUNS", 2)
    bench.db.disconnect()  # a copy of this process must not speak on the same connection
    pid = os.fork()
    if pid == 0:
        try:
            failpoints.arm(f"{point}=kill@{kill_at}")
            db = Database(bench.db.settings, clock=bench.clock)
            list(Purger(db, bench.clock, bench.zone).pass_over())
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert runs_left(bench)
    clean(bench)
    assert {table.name for table in OF_RUNS if count(bench, table)} == {t.run_log.name}
