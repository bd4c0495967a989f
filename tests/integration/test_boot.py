"""Starts in time and late, and several runs of one jobnet: what happens when, on every database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from jobarranger.clock import stamp12
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.loading.boot import BootReport, boot_due
from jobarranger.loading.due import BootRules
from jobarranger.loading.load import load_requests
from jobarranger.loading.requests import StartRequest, register
from jobarranger.slots import instant_of
from jobarranger.states import (
    IconStatus,
    JobnetStatus,
    JobStatus,
    LoadStatus,
    MissedStart,
    MultipleStart,
    RunType,
)
from jobarranger.wakes import Role, Wake
from tests.jobnets import Bench, MovableClock, define
from tests.manager_sql.manager import Manager

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = 60_000  #: milliseconds


class SetClock(MovableClock):
    """A clock that stands still where a test has set it."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now_ms(self) -> int:
        """Return the instant that the test has set."""
        return self.at

    def monotonic(self) -> float:
        """Return seconds that go along with it."""
        return self.at / 1000


class Day:
    """22 November 2026 of one jobnet with one job; the clock goes where the test wants."""

    date = 20261122

    def __init__(self, db: Database, zone: ZoneInfo = UTC, *, strict: bool = True) -> None:
        self.wakes: list[Wake] = []
        self.db = Database(db.settings, clock=db.clock, on_wake=self.wakes.extend)
        self.clock = SetClock(instant_of(self.date * 10_000, zone))
        self.bench = Bench(self.db, self.clock)
        self.bench.zone = zone
        self.rules = BootRules() if strict else BootRules(grace_seconds=300)
        self.takes = 25

    def define(self, mode: MultipleStart = MultipleStart.PARALLEL, flows: str = "") -> None:
        """Store the jobnet."""
        settings = {"JOB-1": {"stop_code": "1"}}
        define(self.db, flows or "START JOB-1 END-1", settings=settings)
        rule = update(t.jobnet_control).values(multiple_start_up=int(mode))
        self.db.transaction(lambda unit: unit.execute(rule))

    def at(self, time: str) -> None:
        """Set the clock."""
        hour, minute, second = [*map(int, time.split(":")), 0][:3]
        slot = self.date * 10_000 + hour * 100 + minute
        self.clock.at = instant_of(slot, self.bench.zone) + second * 1000

    def schedule(self, *times: str, run_type: RunType = RunType.NORMAL) -> list[int]:
        """Load runs ahead for these times."""
        return self.load([self.date * 10_000 + _slot(time) for time in times], run_type)

    def load(self, slots: Iterable[int], run_type: RunType = RunType.NORMAL) -> list[int]:
        """Load runs ahead for slots; boot does not look at them yet."""
        wishes = [
            StartRequest(
                jobnet_id="NET", execution_user_name="u", run_type=RunType.TIME, scheduled_time=slot
            )
            for slot in slots
        ]
        zone = self.bench.zone
        runs = [
            int(str(run)) for run in register(self.db, self.bench.ids, wishes, self.clock, zone)
        ]
        load_requests(self.db, self.bench.ids, self.clock, zone)
        if run_type is not RunType.TIME:
            as_if = [update(one).values(run_type=int(run_type)) for one in _RUN_TABLES]
            self.db.transaction(lambda unit: [unit.execute(statement) for statement in as_if])
        return runs

    def boot(self, hinted: Iterable[int] | None = None) -> BootReport:
        """Let the boot process take a turn."""
        ids = None if hinted is None else frozenset(hinted)
        return boot_due(self.db, self.clock, self.bench.zone, ids, rules=self.rules)

    def hints(self) -> set[int]:
        """Return, and forget, the runs that boot was asked to look at."""
        found = {run for wake in self.wakes if wake.role is Role.BOOT for run in wake.ids}
        self.wakes.clear()
        return found

    def move(self) -> None:
        """Let the run process and the agents work until nothing moves."""
        self.bench.drain()
        self.bench.send_all()

    def end_jobs(self) -> None:
        """Let the jobs that have taken their time end well."""
        now = stamp12(self.clock.at, self.bench.zone)
        query = select(t.run_job).where(t.run_job.c.job_id == "JOB-1", t.run_job.c.status == 2)
        for row in self.bench.rows(query):
            began = row.start_time // 100
            if _minutes(now) - _minutes(began) >= self.takes:
                self.bench.report(self.bench.result(row.inner_job_id))
        self.bench.drain()

    def live(self, first: str, last: str, **deeds: Callable[[], object]) -> None:
        """Let the minutes pass; boot looks once a minute, and at once when it is asked to.

        Args:
            first: the minute to begin with.
            last: the minute to end with.
            deeds: what happens at a minute, before anything else: `at_0912`.
        """
        minutes = range(_minutes(_slot(first)), _minutes(_slot(last)) + 1)
        for hour, minute in (divmod(one, 60) for one in minutes):
            self.at(f"{hour}:{minute}")
            deeds.get(f"at_{hour:02}{minute:02}", lambda: None)()
            self.end_jobs()
            if hints := self.hints():
                self.boot(hints)
            self.boot()
            self.move()

    def story(self, run: int) -> str:
        """Return when a run has started and ended."""
        summary = self.bench.summary(run)
        if summary.load_status == LoadStatus.SKIP:
            return f"skipped {_clock(summary.start_time)}"
        if not summary.start_time:
            return "never"
        return f"{_clock(summary.start_time)}-{_clock(summary.end_time)}"

    def stories(self, runs: Iterable[int]) -> list[str]:
        """Return the stories of runs."""
        return [self.story(run) for run in runs]

    def state(self, run: int) -> tuple[int, int, int]:
        """Return status, job_status and load_status of a summary."""
        row = self.bench.summary(run)
        return row.status, row.job_status, row.load_status


_RUN_TABLES = (t.run_jobnet, t.run_jobnet_summary)


def _slot(time: str) -> int:
    return int(time.replace(":", ""))


def _minutes(slot: int) -> int:
    """Return the minute of the day."""
    return slot // 100 % 100 * 60 + slot % 100


def _clock(stamp: int) -> str:
    return f"{stamp // 10_000 % 100:02}:{stamp // 100 % 100:02}" if stamp else "-"


@pytest.fixture
def day(database: Database) -> Any:
    """Return an empty day."""
    made = Day(database)
    yield made
    made.db.close()


# -- several runs of one jobnet ---------------------------------------------------------------

FOUR = ("09:00", "09:10", "09:20", "09:30")


@pytest.mark.parametrize(
    ("mode", "stories"),
    [
        (MultipleStart.PARALLEL, ["09:00-09:25", "09:10-09:35", "09:20-09:45", "09:30-09:55"]),
        (MultipleStart.SKIP, ["09:00-09:25", "skipped 09:10", "skipped 09:20", "09:30-09:55"]),
        (MultipleStart.DELAY, ["09:00-09:25", "09:25-09:50", "09:50-10:15", "10:15-10:40"]),
    ],
    ids=["parallel", "skip", "wait"],
)
@pytest.mark.parametrize("run_type", [RunType.NORMAL, RunType.TIME])
def test_a_morning(day: Day, mode: MultipleStart, stories: list[str], run_type: RunType) -> None:
    """Runs every ten minutes that take 25: side by side, left out, or one after the other."""
    day.define(mode)
    runs = day.schedule(*FOUR, run_type=run_type)
    day.live("08:58", "10:41")
    assert day.stories(runs) == stories
    for run in runs:
        assert day.bench.summary(run).job_status == JobStatus.NORMAL


def test_an_immediate_run_overtakes_those_that_wait(day: Day) -> None:
    """It has no time of its own, so it stands first in the queue."""
    day.define(MultipleStart.DELAY)
    runs = day.schedule("09:00", "09:10")
    day.live("08:59", "10:16", at_0912=lambda: runs.extend(day.bench.start()))
    assert day.stories(runs) == ["09:00-09:25", "09:50-10:15", "09:25-09:50"]


def test_a_run_in_error_goes_on_counting(day: Day) -> None:
    """Until an operator has repaired or stopped it, runs of the jobnet are skipped."""
    day.define(MultipleStart.SKIP)
    runs = day.schedule(*FOUR, "09:40")

    def fail() -> None:
        icon = day.bench.icon(runs[0], "JOB-1").inner_job_id
        day.bench.report(day.bench.result(icon, return_code=1))
        assert day.bench.status(runs[0], "JOB-1") is IconStatus.RUNERR

    def stop() -> None:
        Manager(day.db).send("stop_run", inner_jobnet_id=runs[0])
        day.bench.aborter.abort()

    day.live("08:59", "10:06", at_0905=fail, at_0935=stop)
    assert day.stories(runs[1:]) == [
        "skipped 09:10", "skipped 09:20", "skipped 09:30", "09:40-10:05",
    ]  # fmt: skip


def test_a_missed_start_is_in_nobodys_way(day: Day) -> None:
    """It waits for people; the next run starts in its minute, and the late one beside or after it.

    3.0.0 counted it as running.
    """
    day.define(MultipleStart.DELAY)
    day.takes = 5
    runs = day.schedule("09:00", "09:10")
    late = {"inner_jobnet_id": runs[0]}
    day.live("09:05", "09:25", at_0917=lambda: Manager(day.db).send("start_delayed_run", **late))
    assert day.stories(runs) == ["09:17-09:22", "09:10-09:15"]
    assert day.state(runs[0]) == (JobnetStatus.END, JobStatus.NORMAL, LoadStatus.NORMAL)


@pytest.mark.parametrize("mode", list(MultipleStart))
def test_beside_a_missed_start_every_mode_starts(day: Day, mode: MultipleStart) -> None:
    """Neither skipped nor put to wait."""
    day.define(mode)
    missed, following = day.schedule("09:00", "09:10")
    day.at("09:05")
    assert day.boot().missed == [missed]
    day.at("09:10")
    assert day.boot().started == [following]


def fatal(day: Day) -> tuple[int, int]:
    """Return a run that has ended abnormally while its job is with the agent, and one behind it."""
    day.define(MultipleStart.DELAY, "START M-1 JOB-1 END-1; M-1 SET-1 W-1")
    first, second = day.bench.start(count=2)
    day.move()
    broken = update(t.run_job).where(t.run_job.c.job_id == "SET-1").values(status=5)
    day.db.transaction(
        lambda unit: unit.execute(broken.where(t.run_job.c.inner_jobnet_id == first))
    )
    day.bench.mover.settle()
    assert day.bench.instance(first).status == JobnetStatus.ENDERR
    assert day.bench.summary(first).status == JobnetStatus.RUN
    assert day.bench.summary(second).load_status == LoadStatus.DELAY
    return first, second


def test_a_run_that_ended_abnormally_counts_while_its_jobs_run(day: Day) -> None:
    """Its summary goes on showing "running"; what counts is whether any icon is at work."""
    first, second = fatal(day)
    assert first in day.hints()
    assert day.boot({first}).started == []
    day.bench.report(day.bench.result(day.bench.icon(first, "JOB-1").inner_job_id))
    hints = day.hints()
    assert first in hints
    assert day.boot(hints).started == [second]
    assert day.bench.summary(first).status == JobnetStatus.RUN


def fail_for_good(day: Day, run: int) -> None:
    """Let every icon of a run fail in a way that takes its jobnet down."""
    broken = update(t.run_job).where(t.run_job.c.inner_jobnet_id == run).values(status=5)
    day.db.transaction(lambda unit: unit.execute(broken))


def end_well(day: Day, run: int) -> None:
    """Let the job of a run end."""
    day.bench.report(day.bench.result(day.bench.icon(run, "JOB-1").inner_job_id))


def change(db: Database, statement: Any) -> None:
    """Change rows in a transaction."""
    db.transaction(lambda unit: unit.execute(statement))


def ask_for_stop(day: Day, run: int) -> None:
    """Ask for the stop of a run, begun or not."""
    c = t.run_jobnet_summary.c
    asked = update(t.run_jobnet_summary).where(c.inner_jobnet_id == run)
    day.db.transaction(lambda unit: unit.execute(asked.values(jobnet_abort_flag=1)))
    day.bench.aborter.abort()


@pytest.mark.parametrize("end", [end_well, fail_for_good, ask_for_stop])
@pytest.mark.parametrize("mode", [MultipleStart.DELAY, MultipleStart.PARALLEL])
def test_every_end_wakes_those_that_wait(
    day: Day, end: Callable[[Day, int], None], mode: MultipleStart
) -> None:
    """A normal end, a fault and a stop name the run to boot, whatever the mode of that run is."""
    day.define(MultipleStart.DELAY)
    first, second = day.bench.start(count=2)
    other = update(t.run_jobnet).where(t.run_jobnet.c.inner_jobnet_id == first)
    day.db.transaction(lambda unit: unit.execute(other.values(multiple_start_up=int(mode))))
    day.move()
    day.hints()
    end(day, first)
    day.bench.drain()
    assert day.boot(day.hints()).started == [second]


def test_a_stop_before_the_beginning_wakes_those_that_wait(day: Day) -> None:
    """Boot has decided that the run starts, and somebody does not want it any more."""
    day.define(MultipleStart.DELAY)
    first, second = day.bench.start(count=2)
    day.hints()
    ask_for_stop(day, first)
    assert day.boot(day.hints()).started == [second]


def test_a_start_that_fails_wakes_those_that_wait(day: Day) -> None:
    """A run without START ends at once and lets the next one through."""
    day.define(MultipleStart.DELAY)
    first, second = day.bench.start(count=2)
    c = t.run_job.c
    gone = delete(t.run_job).where(c.inner_jobnet_id == first, c.job_id == "START")
    day.db.transaction(lambda unit: unit.execute(gone))
    day.hints()
    day.bench.drain()
    assert day.bench.instance(first).status == JobnetStatus.ENDERR
    assert day.boot(day.hints()).started == [second]


def test_many_that_wait_keep_nobody_else_waiting(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long one jobnet's queue is, a sweep reaches the runs of others behind it."""
    monkeypatch.setattr("jobarranger.loading.boot.PAGES", 3)
    day.define(MultipleStart.DELAY)
    day.bench.start(count=12)
    define(day.db, "START END-1", jobnet_id="OTHER")
    bench = day.bench
    request = StartRequest(
        jobnet_id="OTHER", execution_user_name="oper", run_type=RunType.IMMEDIATE
    )
    (other,) = register(day.db, bench.ids, [request], bench.clock, bench.zone)
    load_requests(day.db, bench.ids, bench.clock, bench.zone)
    assert boot_due(day.db, bench.clock, bench.zone, batch=1).started == [other]


def test_a_new_run_does_not_overtake_one_that_waits(day: Day) -> None:
    """Its hint may come before that of the end which both have waited for."""
    day.define(MultipleStart.DELAY)
    first, second, third = day.schedule("09:00", "09:10", "09:20")
    for time in ("09:00", "09:10"):
        day.at(time)
        day.boot()
    day.move()
    day.at("09:20")
    day.bench.report(day.bench.result(day.bench.icon(first, "JOB-1").inner_job_id))
    day.bench.drain()
    report = day.boot({third})
    assert (report.started, report.waiting) == ([second], [third])


def test_runs_that_others_start_go_beside(day: Day) -> None:
    """A TASK icon's run has mode parallel whatever the definition says, but counts for others."""
    day.define(MultipleStart.SKIP)
    (first,) = day.bench.start()
    (submitted,) = day.load([0], RunType.IMMEDIATE)
    for table in _RUN_TABLES:
        beside = update(table).where(table.c.inner_jobnet_id == submitted)
        change(day.db, beside.values(multiple_start_up=0))
    assert day.boot().started == [submitted]
    ask_for_stop(day, first)
    (third,) = day.bench.start()
    assert day.bench.summary(third).load_status == LoadStatus.SKIP


def test_a_job_alone_goes_beside(day: Day) -> None:
    """It is a jobnet of its own name."""
    day.define(MultipleStart.DELAY)
    day.bench.start()
    run = Manager(day.db).run_single_job(host_name="web01", command="true")
    assert day.boot().started == [run]


def test_two_servers_decide_one_after_the_other(database: Database, another: Any) -> None:
    """Two processes that get different runs of a jobnet at the same instant let one start."""
    names = [f"NET{number}" for number in range(6)]
    bench = Bench(database)
    for name in names:
        define(database, "START SET-1 END-1", jobnet_id=name)
    rule = update(t.jobnet_control).values(multiple_start_up=int(MultipleStart.DELAY))
    database.transaction(lambda unit: unit.execute(rule))
    for name in names:
        bench.start(name, count=2, run_type=RunType.TIME, scheduled_time=203011220900)
    due = update(t.run_jobnet_summary).values(scheduled_time=0)
    database.transaction(lambda unit: unit.execute(due))
    column = t.run_jobnet_summary.c.inner_jobnet_id
    ids = [row[0] for row in bench.rows(select(column).order_by(column))]
    first, second = tuple(ids[::2]), tuple(ids[1::2])
    barrier = threading.Barrier(2)
    started: list[int] = []

    def boot(db: Database, runs: tuple[int, ...]) -> None:
        barrier.wait()
        for run in runs:
            started.extend(boot_due(db, bench.clock, UTC, frozenset({run})).started)

    threads = [threading.Thread(target=boot, args=(another(), runs)) for runs in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(started) == len(names)
    query = select(t.ext_gate).order_by(t.ext_gate.c.jobnet_id)
    assert [(row.jobnet_id, row.passed) for row in bench.rows(query)] == [(n, 1) for n in names]


# -- late starts ------------------------------------------------------------------------------


def late(day: Day, missed: MissedStart, run_type: RunType = RunType.NORMAL) -> int:
    """Return a run that comes 61 s after its grace."""
    day.define()
    day.rules = BootRules(grace_seconds=300, missed=missed)
    (run,) = day.schedule("09:00", run_type=run_type)
    day.at("09:05:59")
    return run


@pytest.mark.parametrize("run_type", [RunType.NORMAL, RunType.TIME])
@pytest.mark.parametrize("missed", list(MissedStart))
def test_within_the_grace_it_starts_as_if_in_time(
    day: Day, missed: MissedStart, run_type: RunType
) -> None:
    """Five minutes after its minute at most; nothing is said."""
    run = late(day, missed, run_type)
    report = day.boot()
    assert (report.started, report.raised) == ([run], [])


@pytest.mark.parametrize("run_type", [RunType.NORMAL, RunType.TIME])
def test_late_starts_all_the_same(day: Day, run_type: RunType) -> None:
    """JaMissedStart=late: with a warning."""
    run = late(day, MissedStart.LATE, run_type)
    day.at("09:06")
    report = day.boot()
    assert report.started == [run]
    assert [one.id for one in report.raised] == ["JABOOT300001"]
    assert day.bench.rows(select(t.send_message)) == []


@pytest.mark.parametrize("run_type", [RunType.NORMAL, RunType.TIME])
def test_late_ends_unstarted(day: Day, run_type: RunType) -> None:
    """JaMissedStart=skip: skipped, with a message that people are sent."""
    run = late(day, MissedStart.SKIP, run_type)
    day.at("09:06")
    report = day.boot()
    assert report.skipped == [run]
    assert [one.id for one in report.raised] == ["JABOOT300002"]
    assert day.state(run) == (JobnetStatus.END, JobStatus.NORMAL, LoadStatus.SKIP)
    assert day.story(run) == "skipped 09:06"
    (note,) = day.bench.rows(select(t.send_message))
    assert (note.log_message_id, note.inner_jobnet_id) == ("JABOOT300002", run)
    assert day.boot().skipped == []


@pytest.mark.parametrize("run_type", [RunType.NORMAL, RunType.TIME])
def test_late_is_held(day: Day, run_type: RunType) -> None:
    """JaMissedStart=hold: the missed start of 3.0.0."""
    run = late(day, MissedStart.HOLD, run_type)
    day.at("09:06")
    report = day.boot()
    assert report.missed == [run]
    assert [one.id for one in report.raised] == ["JABOOT200006"]
    assert day.state(run) == (JobnetStatus.RUN, JobStatus.ERROR, LoadStatus.DELAY)
    assert day.bench.status(run, "START") is IconStatus.RUNERR
    assert day.bench.log(run) == [("JC90000001", None)]


@pytest.mark.parametrize(
    ("held", "released", "back", "story"),
    [
        ("08:55", "09:20", None, "09:20-09:45"),
        ("08:55", "08:58", "09:03", "09:03-09:28"),
        (None, None, "09:03", "never"),
    ],
)
def test_holds(
    day: Day, held: str | None, released: str | None, back: str | None, story: str
) -> None:
    """What was released is never late, however long the server was away."""
    day.define()
    (run,) = day.schedule("09:00")
    manager = Manager(day.db)
    deeds = {
        f"at_{time.replace(':', '')}": lambda name=name: manager.send(name, inner_jobnet_id=run)
        for time, name in ((held, "hold_run"), (released, "release_run"))
        if time
    }
    if back:
        day.live("08:54", "08:58", **deeds)
    day.live(back or "08:54", "09:46", **deeds)
    assert day.story(run) == story
    is_missed = day.bench.summary(run).load_status == LoadStatus.DELAY
    assert is_missed == (story == "never")


@pytest.mark.parametrize(
    ("down", "back", "story"), [("08:50", "09:00:40", "09:00"), ("08:50", "09:05", "-")]
)
def test_outages(day: Day, down: str, back: str, story: str) -> None:
    """Without a grace the rest of the minute is what there is, as in 3.0.0."""
    day.define()
    (run,) = day.schedule("09:00")
    day.live("08:49", down)
    day.at(back)
    day.boot()
    day.move()
    assert _clock(day.bench.summary(run).start_time) == story


# -- the next start ---------------------------------------------------------------------------


def test_a_turn_knows_when_the_next_run_is_due(day: Day) -> None:
    """A sweep finds the next slot of all, a hint that of the run it names."""
    day.define()
    first, second = day.schedule("09:30", "09:10")
    day.at("09:05")
    assert day.boot().next_at == instant_of(202611220910, UTC)
    assert day.boot({first}).next_at == instant_of(202611220930, UTC)
    assert day.boot(()).next_at is None
    Manager(day.db).send("hold_run", inner_jobnet_id=second)
    assert day.boot().next_at == instant_of(202611220930, UTC)
    day.at("09:30")
    assert day.boot().next_at is None


# -- daylight saving and steps of the clock ---------------------------------------------------


@pytest.fixture
def berlin(database: Database) -> Any:
    """Return a day in Berlin."""
    made = Day(database, BERLIN)
    yield made
    made.db.close()


def utc(*parts: int) -> int:
    """Return an instant in UTC milliseconds."""
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


def test_a_minute_that_is_left_out_starts_after_the_gap(berlin: Day) -> None:
    """02:15 and 02:45 of the night that has no such times start at 03:00, in their order."""
    berlin.define()
    berlin.clock.at = utc(2026, 3, 29, 0)
    berlin.date = 20260329
    runs = berlin.schedule("02:45", "02:15")
    berlin.clock.at = utc(2026, 3, 29, 0, 59, 59)
    assert berlin.boot().started == []
    assert berlin.boot().next_at == utc(2026, 3, 29, 1)
    berlin.clock.at = utc(2026, 3, 29, 1)
    assert berlin.boot().started == [runs[1], runs[0]]


def test_a_minute_that_comes_twice_is_over_after_the_first(berlin: Day) -> None:
    """02:15 starts in summer time; an hour later, when it is 02:15 again, it would be late."""
    berlin.define()
    berlin.clock.at = utc(2026, 10, 25, 0)
    berlin.date = 20261025
    first, second = berlin.schedule("02:15", "02:45")
    berlin.clock.at = utc(2026, 10, 25, 0, 15)
    assert berlin.boot().started == [first]
    berlin.clock.at = utc(2026, 10, 25, 1, 15)
    assert berlin.boot().missed == [second]


STEPS = st.lists(
    st.one_of(
        st.integers(1, 90),  # time passes
        st.sampled_from([-7200, -3600, -61, -1, 61, 3600, 7200]),  # somebody sets the clock
    ),
    min_size=5,
    max_size=40,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    start=st.sampled_from([utc(2026, 3, 29, 0, 30), utc(2026, 10, 24, 23, 50)]),
    steps=STEPS,
    missed=st.sampled_from(MissedStart),
    mode=st.sampled_from(MultipleStart),
    grace=st.sampled_from([0, 90, 3600]),
)
def test_no_run_starts_twice_or_is_lost(
    berlin: Day,
    start: int,
    steps: list[int],
    missed: MissedStart,
    mode: MultipleStart,
    grace: int,
) -> None:
    """Whatever the clock does, each run starts once at most, or is skipped, missed, or waits."""
    everything = delete(t.run_jobnet)
    versions = [delete(table) for table in (t.jobnet_control, t.ext_gate, t.run_log)]
    berlin.db.transaction(lambda unit: [unit.execute(one) for one in (everything, *versions)])
    berlin.define(mode)
    berlin.clock.at = start
    slots = [stamp12(start + minute * MINUTE, BERLIN) for minute in range(-20, 90, 10)]
    slots += [202603290210, 202603290250]  # slots that one of the nights leaves out
    runs = berlin.load(slots)
    berlin.rules = BootRules(grace_seconds=grace, missed=missed)
    decided: dict[int, str] = {}
    waited: set[int] = set()
    for number, step in enumerate(steps):
        report = berlin.boot()
        for kind in ("started", "skipped", "missed"):
            for run in getattr(report, kind):
                assert run not in decided
                decided[run] = kind
        waited |= set(report.waiting)
        if number % 3 == 0:  # what runs has ended
            ended = update(t.run_jobnet_summary).where(t.run_jobnet_summary.c.status == 1)
            change(berlin.db, ended.values(status=3))
        berlin.clock.at += step * 1000
    for run in runs:
        summary = berlin.bench.summary(run)
        if run in decided:
            assert summary.status != JobnetStatus.BEGIN
        else:
            assert summary.status == JobnetStatus.BEGIN
            is_due = instant_of(summary.scheduled_time, BERLIN) <= berlin.clock.at - step * 1000
            assert not is_due or run in waited
