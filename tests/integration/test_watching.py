"""Late starts and silent servers found in real databases, with an injected clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, select, update

from jobarranger.db import pauses
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.loading.rows import loaded_starts
from jobarranger.loading.rows.loaded_starts import KnownVersion
from jobarranger.states import DatabaseType, DatedKind, IconEvent, PauseScope
from jobarranger.watching.calendar_expiry import CalendarWatch
from jobarranger.watching.late import LateRules
from jobarranger.watching.limits import LimitWatch
from jobarranger.watching.rows import reported, servers
from jobarranger.watching.watch import Reporter, ServerWatch, StartWatch
from tests.plans import (
    VERSION,
    FixedClock,
    calendar,
    days,
    jobnet,
    month_filter,
    run,
    schedule,
    store,
)
from tests.statements import explained

MINUTE = 60_000
NINE = round(datetime(2026, 6, 1, 9, tzinfo=UTC).timestamp() * 1000)
JUNE = days(date(2026, 6, 1), 30)


class Watching:
    """A watch with its reporter, on a clock that a test sets."""

    def __init__(
        self,
        db: Database,
        at: int,
        name: str = "monitor",
        *,
        beside_boot: bool = False,
        **rules: int,
    ) -> None:
        self.db = db
        self.clock = FixedClock(at)
        self.reporter = Reporter(db, self.clock, UTC, name)
        rules = {"load_span": 0, "confirm_ms": 60_000, **rules}
        self.starts = StartWatch(
            db, self.clock, UTC, self.reporter, LateRules(**rules), beside_boot=beside_boot
        )
        self.servers = ServerWatch(db, self.clock, UTC, self.reporter, 120)

    def look(self, minutes: float = 0.0) -> list[str]:
        """Let time pass, check, report; return the lines."""
        self.clock.sleep(60 * minutes)
        alarms = [*self.servers.look(), *self.starts.look()]
        self.reporter.note(alarms)
        return [alarm.raised.line for alarm in alarms]

    def starts_only(self, minutes: float = 0.0) -> list[str]:
        """Look for starts alone."""
        self.clock.sleep(60 * minutes)
        alarms = self.starts.look()
        self.reporter.note(alarms)
        return [alarm.raised.line for alarm in alarms]


def queued(db: Database) -> list[tuple[str, str, int]]:
    """Return the notifications that wait to be sent."""
    c = t.send_message.c
    rows = db.read(
        lambda conn: conn.execute(
            select(c.log_message_id, c.jobnet_id, c.inner_jobnet_id).order_by(c.send_no)
        ).all()
    )
    return [tuple(row) for row in rows]


def test_a_start_that_is_not_loaded_is_reported_once(database):
    """With calendar, schedule, jobnet and owner; and queued for those who are to be notified."""
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0900")], ["NET"]))
    watching = Watching(database, NINE - 60 * MINUTE)
    assert watching.starts_only() == []
    (line,) = watching.starts_only(1)
    assert line == (
        "[JAMONITOR200001] The start of jobnet NET at 2026/06/01 09:00 is not loaded"
        " (calendar or filter C, schedule S, user ann)."
    )
    assert watching.starts_only(1) == []
    assert queued(database) == [("JAMONITOR200001", "NET", 0)]
    again = Watching(database, NINE - 30 * MINUTE)
    assert again.starts_only() + again.starts_only(2) == []


def test_filters_and_late_hours_are_covered(database):
    """A filter, and boot times of the days after their operating day."""
    store(
        database,
        calendar("C", JUNE),
        month_filter("LAST", "C"),
        jobnet("NET"),
        schedule("S", [(1, "LAST", "2530"), (0, "C", "9959")], ["NET"]),
    )
    july = round(datetime(2026, 7, 1, 0, 45, tzinfo=UTC).timestamp() * 1000)
    watching = Watching(database, july)
    watching.look()
    (line,) = watching.starts_only(1)
    assert "2026/07/01 01:30" in line
    assert "LAST" in line
    later = Watching(database, round(datetime(2026, 7, 4, 3, 30, tzinfo=UTC).timestamp() * 1000))
    later.look()
    (line,) = later.starts_only(1)
    assert "2026/07/04 03:59" in line


@pytest.mark.parametrize("columns", [{}, {"status": 3, "start_time": 1}, {"scheduled_time": 5}])
def test_what_was_loaded_is_not_missing(database, columns):
    """Whatever has become of it, and if somebody has moved it to another time."""
    store(
        database,
        calendar("C", JUNE),
        jobnet("NET"),
        schedule("S", [(0, "C", "0900")], ["NET"]),
        run(1, 202606010900, **columns),
    )
    watching = Watching(database, NINE - 50 * MINUTE)
    assert [watching.starts_only(1) for _ in range(3)] == [[], [], []]


def test_a_schedule_that_has_just_come_into_force_is_given_time(database):
    """The loader comes only now and then; what it loads in between is not reported."""
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0900")], ["NET"]))
    watching = Watching(database, NINE - 10 * MINUTE)
    assert watching.starts_only() == []
    store(database, run(1, 202606010900))
    assert watching.starts_only(1) == []


def test_a_start_taken_out_of_the_schedule_is_not_missed(database):
    """What is not to happen any more is not missing."""
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0900")], ["NET"]))
    watching = Watching(database, NINE - 40 * MINUTE)
    watching.look()
    database.transaction(lambda unit: unit.execute(update(t.schedule_control).values(valid_flag=0)))
    assert watching.starts_only(1) == []


def test_the_load_span_is_read_at_each_look(database):
    """A change counts at once."""
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0900")], ["NET"]))
    watching = Watching(database, NINE - 30 * MINUTE)
    change = update(t.parameter).where(t.parameter.c.parameter_name == "JOBNET_LOAD_SPAN")
    database.transaction(lambda unit: unit.execute(change.values(value="10")))
    assert watching.starts_only() + watching.starts_only(15) == []
    assert watching.starts_only(10) == []
    assert len(watching.starts_only(1)) == 1


def test_nothing_is_loaded_in_a_pause_of_loading(database):
    """The server does as it was asked."""
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0900")], ["NET"]))
    watching = Watching(database, NINE - 30 * MINUTE)
    database.transaction(
        lambda unit: pauses.add(
            unit.conn,
            scope=PauseScope.ALL,
            name="",
            since=watching.clock.at,
            until_at=NINE,
            actor_user="ann",
            reason="x",
            hold_loading=True,
        )
    )
    assert watching.starts_only() + watching.starts_only(20) == []


def outage(database, *, since=NINE - 24 * 60 * MINUTE, version=VERSION):
    """Let the loader have been away since half past eight; it has known what is in force."""

    def work(unit):
        loaded_starts.note_window(unit.conn, NINE - 30 * MINUTE, NINE - 30 * MINUTE)
        names = [(DatedKind.SCHEDULE, "S"), (DatedKind.CALENDAR, "C"), (DatedKind.FILTER, "F")]
        known = {name: KnownVersion(version, since) for name in names}
        loaded_starts.note_in_force(unit.conn, [], known)

    database.transaction(work)


def test_starts_of_an_outage_are_reported(database):
    """Those whose time has passed while nobody loaded them, by calendar and by filter."""
    store(
        database,
        calendar("C", JUNE),
        month_filter("F", "C", flag=0),
        jobnet("NET"),
        schedule("S", [(0, "C", "0820"), (0, "C", "0840"), (1, "F", "0850")], ["NET"]),
    )
    outage(database)
    watching = Watching(database, NINE)
    assert watching.starts_only() == []
    reported = watching.starts_only(1)
    assert [line.partition("at 2026/06/01 ")[2][:5] for line in reported] == ["08:40", "08:50"]


@pytest.mark.parametrize("known", [{"since": NINE - 5 * MINUTE}, {"version": VERSION + 1}])
def test_what_came_into_force_in_an_outage_misses_nothing_before(database, known):
    """Later than the start, or another version than that which was known."""
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0840")], ["NET"]))
    outage(database, **known)
    watching = Watching(database, NINE)
    assert watching.starts_only() + watching.starts_only(2) == []


def test_a_start_whose_run_was_purged_was_loaded(database):
    """The loader's account outlives the run."""
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0840")], ["NET"]))
    outage(database)
    row = {
        "slot": 202606010840,
        "schedule_id": "S",
        "calendar_id": "C",
        "jobnet_id": "NET",
        "inner_jobnet_id": 7,
        "slot_at": NINE,
        "at": NINE,
    }
    database.transaction(lambda unit: loaded_starts.add_slots(unit.conn, [row]))
    watching = Watching(database, NINE)
    assert watching.starts_only() + watching.starts_only(2) == []


def test_a_run_that_has_not_begun_is_reported_once(database):
    """A minute after its own; not if it is held, or has begun, or was not started by a schedule."""
    store(
        database,
        run(1, 202606010900),
        run(2, 202606010900, start_pending_flag=1),
        run(3, 202606010900, status=2, start_time=20260601090000),
        run(4, 202606010900, run_type=4),
        run(5, 202606010900, status=5, start_time=20260601085000),
    )
    watching = Watching(database, NINE)
    assert watching.starts_only() == []
    (line,) = watching.starts_only(1)
    assert line == (
        "[JAMONITOR200002] Jobnet NET, to start at 2026/06/01 09:00, has not begun (run 1, calendar"
        " or filter C, schedule S, user ann): nothing is known to hold it up."
    )
    assert queued(database) == [("JAMONITOR200002", "NET", 1)]
    assert watching.starts_only(1) == []


def daemon_and_server(database):
    """Return the watch of the daemon, and that of the server beside its boot process."""
    return Watching(database, NINE), Watching(database, NINE, "server", beside_boot=True)


def test_a_missed_start_is_notified_by_boot_alone(database):
    """The boot process has reported it: the server does not again, the daemon does not notify."""
    store(database, run(1, 202606010900, status=2, load_status=2, job_status=2))
    daemon, server = daemon_and_server(database)
    assert daemon.starts_only() + server.starts_only() == []
    (line,) = daemon.starts_only(1)
    assert "its start was missed" in line
    assert server.starts_only(1) == []
    assert queued(database) == []


def test_a_run_that_waits_as_it_should_is_reported_by_the_daemon_alone(database):
    """By the server when the run that it waits for is in error: then somebody must act."""
    store(
        database,
        run(1, 202606010800, status=2, start_time=20260601080000),
        run(2, 202606010900, load_status=2),
        run(3, 202606010800, status=2, start_time=20260601080000, job_status=2, jobnet_id="OTHER"),
    )
    daemon, server = daemon_and_server(database)
    assert daemon.starts_only() + server.starts_only() == []
    (line,) = daemon.starts_only(1)
    assert "it waits for an earlier run of the jobnet" in line
    assert server.starts_only(1) + server.starts_only(60) == []
    c = t.run_jobnet_summary.c
    fail = update(t.run_jobnet_summary).where(c.inner_jobnet_id == 1).values(job_status=2)
    database.transaction(lambda unit: unit.execute(fail))
    assert server.starts_only(1) == []
    assert "run 2," in server.starts_only(1)[0]


def test_a_run_moved_to_another_time_is_late_by_that_time(database):
    """And it is another problem than before."""
    store(database, run(1, 202606010900, scheduled_time=202606010930))
    watching = Watching(database, NINE, run_shift=5)
    assert watching.starts_only() + watching.starts_only(34) == []
    assert watching.starts_only(1) == []
    assert "09:30" in watching.starts_only(1)[0]


def test_what_cannot_be_noted_is_not_reported_again_and_again(database, monkeypatch):
    """A user that may only read, or a full disk; it is noted and queued as soon as it can be."""
    store(database, run(1, 202606010900))
    watching = Watching(database, NINE)
    watching.starts_only()

    def refuse(*words):
        raise ValueError("read only")

    with monkeypatch.context() as patch:
        patch.setattr(reported, "note", refuse)
        with pytest.raises(ValueError, match="read only"):
            watching.starts_only(1)
        watching.clock.sleep(60)
        assert watching.starts.look() == []
        assert queued(database) == []
    assert watching.starts_only(1) == []
    assert queued(database) == [("JAMONITOR200002", "NET", 1)]
    assert Watching(database, watching.clock.at).starts_only(1) == []


def test_both_who_watch_report_and_one_notifies(database):
    """Server and daemon have logs of their own; the queue is one."""
    store(database, run(1, 202606010900))
    both = [Watching(database, NINE, name) for name in ("server", "monitor")]
    assert [one.starts_only() for one in both] == [[], []]
    assert [len(one.starts_only(1)) for one in both] == [1, 1]
    assert len(queued(database)) == 1


def test_two_who_report_at_the_same_moment_notify_once(database, another):
    """The unique key decides; the slower one starts over and sees it."""
    other = another()

    def interrupted(unit):
        reported.known(unit.conn, ["x"], reported.ANYBODY)
        if database.kind.value != "sqlite" and not done:
            done.append(1)
            assert other.transaction(lambda u: reported.note(u, ["x"], "server", 1)) == {"x"}
        return reported.note(unit, ["x"], "monitor", 1)

    done: list[int] = []
    first = database.transaction(interrupted)
    assert first == (set() if done else {"x"})


def test_notifications_can_be_switched_off(database):
    """ZBXSND_ON = 0; the log is written all the same."""
    change = update(t.parameter).where(t.parameter.c.parameter_name == "ZBXSND_ON")
    database.transaction(lambda unit: unit.execute(change.values(value="0")))
    store(database, run(1, 202606010900))
    watching = Watching(database, NINE)
    watching.look()
    assert len(watching.starts_only(1)) == 1
    assert queued(database) == []


def test_many_problems_are_reported_in_portions(database):
    """No look takes for ever; none is lost."""
    nets = [f"NET{number}" for number in range(450)]
    store(
        database,
        calendar("C", JUNE),
        *(jobnet(net) for net in nets),
        schedule("S", [(0, "C", "0900")], nets),
    )
    watching = Watching(database, NINE - 50 * MINUTE)
    watching.look()
    counts = [len(watching.starts_only(1)) for _ in range(4)]
    assert counts == [200, 200, 50, 0]


def test_a_server_is_watched_through_its_signs(database, caplog):
    """Never there, there, silent, back, stopped: each is reported once."""
    watching = Watching(database, NINE)
    assert watching.look() == watching.look(1) == []
    assert "[JAMONITOR100003]" in watching.look(1)[0]
    assert watching.look(1) == []

    def beat() -> None:
        at = watching.clock.at
        database.transaction(lambda unit: servers.beat(unit, "17", "host1", at))

    with caplog.at_level("INFO"):
        beat()
        assert watching.look() == []
    assert "[JAMONITOR000003]" in caplog.text
    watching.look(1)
    (line,) = watching.look(1)
    assert line.startswith("[JAMONITOR100001] The job server on host1 has given no sign of life")
    assert "2026/06/01 09:03:00" in line
    assert watching.look(60) == []
    again = Watching(database, watching.clock.at)
    assert again.look() == []
    beat()
    watching.look()
    at = watching.clock.at
    database.transaction(lambda unit: servers.stopped(unit, "17", at))
    assert watching.look() == watching.look(1) == []
    (line,) = watching.look(1)
    assert line.startswith("[JAMONITOR300001] The job server on host1 ended in order at")
    ids = [row[0] for row in queued(database)]
    assert ids == ["JAMONITOR100003", "JAMONITOR100001", "JAMONITOR300001"]


def test_signs_of_servers_are_kept_for_a_while(database):
    """One row for each start; old ones go."""
    for number in range(3):
        database.transaction(
            lambda unit, n=number: servers.beat(unit, f"{n}", "host1", NINE + n * MINUTE)
        )
    database.transaction(lambda unit: servers.beat(unit, "0", "host1", NINE + 5 * MINUTE))
    found = database.read(servers.signs)
    assert [sign.server_id for sign in found] == ["0", "2", "1"]
    assert found[0].started_at == NINE
    database.transaction(lambda unit: servers.forget(unit, NINE + 2 * MINUTE))
    assert [sign.server_id for sign in database.read(servers.signs)] == ["0", "2"]


def test_what_was_reported_long_ago_is_forgotten(database):
    """The account does not grow for ever."""
    database.transaction(lambda unit: reported.note(unit, ["a"], "monitor", NINE))
    store(database, run(1, 202606010900))
    watching = Watching(database, NINE + 32 * 24 * 60 * MINUTE)
    database.transaction(lambda unit: unit.execute(delete(t.ext_server)))
    watching.look(3)
    watching.look(3)
    left = database.read(lambda conn: conn.execute(select(t.ext_told.c.cause)).scalars().all())
    assert "a" not in left


# -- calendars that end ------------------------------------------------------------------------


class Ends:
    """A look for calendars that end within fourteen days."""

    def __init__(self, db: Database, at: int, name: str = "monitor", days: int = 14) -> None:
        self.clock = FixedClock(at)
        self.reporter = Reporter(db, self.clock, UTC, name)
        self.watch = CalendarWatch(db, self.clock, UTC, self.reporter, days)

    def look(self, hours: float = 0.0) -> list[str]:
        """Let time pass, check, report; return the lines."""
        self.clock.sleep(3600 * hours)
        alarms = self.watch.look()
        self.reporter.note(alarms)
        return [alarm.raised.line for alarm in alarms]


def test_a_calendar_that_ends_soon_is_reported_once(database):
    """A fortnight before; with who suffers from it, directly or through a filter; in the queue."""
    store(
        database,
        calendar("C", JUNE),
        month_filter("F", "C"),
        jobnet("NET"),
        *(schedule(name, [(0, "C", "0900")], ["NET"]) for name in ("S1", "S2", "S3", "S4")),
        schedule("T", [(1, "F", "0900")], ["NET"]),
        calendar("UNUSED", JUNE),
        calendar("OVER", days(date(2026, 5, 1), 3)),
        schedule("ONCE", [(0, "OVER", "0900")], ["NET"]),
        calendar("LONG", days(date(2026, 6, 1), 400)),
        schedule("U", [(0, "LONG", "0900")], ["NET"]),
    )
    ends = Ends(database, NINE)
    assert ends.look() == ends.look(14 * 24) == []
    (line,) = ends.look(24)
    assert line == (
        "[JAMONITOR300003] Calendar C has its last operating day on 2026-06-30: nothing starts by"
        " it later (schedules S1, S2, S3 and 2 more)."
    )
    assert queued(database) == [("JAMONITOR300003", "none", 0)]
    assert ends.look(24) == Ends(database, ends.clock.at).look() == []
    assert len(Ends(database, ends.clock.at, "server").look()) == 1
    assert len(queued(database)) == 1
    assert ends.look(20 * 24) == []


def test_a_calendar_that_was_filled_further_is_reported_at_its_new_end(database):
    """Another last day is another cause."""
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0900")], ["NET"]))
    ends = Ends(database, NINE + 20 * 24 * 60 * MINUTE)
    assert len(ends.look()) == 1
    more = [{"calendar_id": "C", "update_date": VERSION, "operating_date": 20260704}]
    database.transaction(lambda unit: unit.execute(insert(t.calendar_detail), more))
    assert "2026-07-04" in ends.look(1)[0]


def test_calendars_are_not_looked_at_all_the_time(database):
    """An hour lies between two looks, and 0 days look at none."""
    ends, never = Ends(database, NINE), Ends(database, NINE, days=0)
    assert ends.look() == never.look() == []
    store(database, calendar("C", JUNE), jobnet("NET"), schedule("S", [(0, "C", "0900")], ["NET"]))
    ends.clock.at += 20 * 24 * 60 * MINUTE
    ends.watch._due = ends.clock.monotonic() + 3600
    never.clock.at = ends.clock.at
    assert ends.look(0.9) == never.look() == []
    assert len(ends.look(0.1)) == 1


# -- runs over their time limit ----------------------------------------------------------------


class Limits:
    """A look for runs over their time limit."""

    def __init__(
        self, db: Database, at: int, name: str = "monitor", zone: tzinfo | None = None
    ) -> None:
        self.clock = FixedClock(at)
        self.reporter = Reporter(db, self.clock, zone or UTC, name)
        self.watch = LimitWatch(db, self.clock, zone or UTC, self.reporter)

    def look(self, minutes: float = 0.0) -> list[str]:
        """Let time pass, check, report; return the lines."""
        self.clock.sleep(60 * minutes)
        alarms = self.watch.look()
        self.reporter.note(alarms)
        return [alarm.raised.line for alarm in alarms]


def limit(minutes: int, jobnet_id: str = "NET", update_date: int = VERSION) -> list[Any]:
    """Return the time limit of a version."""
    row = {"jobnet_id": jobnet_id, "update_date": update_date, "minutes": minutes}
    return [(t.ext_jobnet_limit, [row])]


def going(number: int, start: int = 20260601090000, **summary: Any) -> list[Any]:
    """Return a run at work."""
    columns = {"status": 2, "start_time": start, "update_date": VERSION, **summary}
    return run(number, 202606010900, **columns)


def begun(number: int, at: int) -> list[Any]:
    """Return the instant at which a run has begun, and that of an icon later in it."""
    key = {"inner_jobnet_main_id": number, "attempt": 0}
    ready = [
        {**key, "inner_job_id": icon, "event": int(IconEvent.READY), "at": at + icon * MINUTE}
        for icon in (0, 1)
    ]
    before = {**key, "inner_job_id": 0, "event": int(IconEvent.FAILED), "at": at - 600 * MINUTE}
    return [(t.ext_event, [before, *ready])]


def test_a_run_over_its_time_limit_is_reported_once(database):
    """By both who watch, also over a restart; notified once; in error it counts as well."""
    store(database, limit(30), going(1), going(2, 20260601091500, job_status=2))
    first = Limits(database, NINE)
    assert first.look() == first.look(29.9) == []
    (line,) = first.look(0.1)
    assert line == (
        "[JAMONITOR300004] Run 1 of jobnet NET (user ann) began at 2026/06/01 09:00:00 and has not"
        " ended within its time limit of 30 minutes. Nothing is stopped."
    )
    assert "Run 2 " in first.look(15)[0]
    assert first.look(600) == Limits(database, first.clock.at).look() == []
    assert len(Limits(database, first.clock.at, "server").look()) == 2
    assert queued(database) == [("JAMONITOR300004", "NET", 1), ("JAMONITOR300004", "NET", 2)]


@pytest.mark.parametrize(
    "columns",
    [
        {"status": 3, "end_time": 20260601100000},
        {"status": 5, "end_time": 20260601100000},
        {"start": 0, "load_status": 2},
        {"start": 0, "status": 0},
        {"update_date": VERSION + 1},
        {"jobnet_id": "net"},
        {"jobnet_id": "OTHER"},
        {"start": 20261341000000},
    ],
)
def test_what_has_no_limit_or_is_not_at_work_is_not_over_it(database, columns):
    """Ended, stopped, start missed, not begun; another version or jobnet; no time at all."""
    store(database, limit(30), going(1, **columns))
    assert Limits(database, NINE + 1000 * MINUTE).look() == []


def test_the_instant_of_a_start_counts_where_it_is_known(database):
    """In the hour that comes twice the digits alone would be an hour early."""
    berlin = ZoneInfo("Europe/Berlin")
    second_time = round(datetime(2026, 10, 25, 1, 10, tzinfo=UTC).timestamp() * 1000)
    store(database, limit(30), *(going(number, 20261025021000) for number in (1, 2)))
    store(database, begun(1, second_time))
    limits = Limits(database, second_time, zone=berlin)
    (line,) = limits.look()
    assert "Run 2 " in line, "nothing but its digits is known: they stand for the first time"
    assert limits.look(29) == []
    (line,) = limits.look(1)
    assert "Run 1 of jobnet NET (user ann) began at 2026/10/25 02:10:00" in line


def test_many_runs_over_their_limit_are_reported_in_portions(database):
    """None is lost; the beginning of each is asked for once."""
    store(database, limit(30), *(going(number) for number in range(1, 1202)))
    limits = Limits(database, NINE + 30 * MINUTE)
    assert [len(limits.look()) for _ in range(8)] == [200] * 6 + [1, 0]


def test_the_history_is_not_scanned_for_limits(database):
    """The runs at work are found by their state, their limits and beginnings by keys."""
    if database.kind is not DatabaseType.SQLITE:
        pytest.skip("the others plan by the size of the table, which is small here")
    store(database, limit(30), going(1))
    with explained("SELECT ja_") as steps:
        assert len(Limits(database, NINE + 30 * MINUTE).look()) == 1
    plans = [step[3] for step in steps]
    assert not [plan for plan in plans if plan.startswith("SCAN ")], plans
    assert any(
        "ja_run_jobnet_summary_table USING INDEX" in plan and "(status=" in plan for plan in plans
    ), plans
