"""The scheduled load on every database: windows, guards, outages, missing parts."""

import re
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, update

from jobarranger.db import objects, pauses
from jobarranger.db import tables as t
from jobarranger.db.ids import IdPool
from jobarranger.loading import scheduled, slotted
from jobarranger.loading.requests import StartRequest, register
from jobarranger.loading.rows import loaded_starts, runs
from jobarranger.loading.scheduled import BATCH
from jobarranger.loading.start_scan import StartScan
from jobarranger.purging.passing import Purger
from jobarranger.states import ObjectKind, PauseScope
from jobarranger.wakes import Role, Wake
from processes.loader import Loader
from processes.worker import Turn
from tests.schedules import VERSION, MovedClock, Timetabled, at, days

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")


def timetabled(db, text, zone=TOKYO, **options):
    """Return an installation at a local time."""
    return Timetabled(db, MovedClock(at(text, zone)), zone, **options)


def daily(db, text="2026-03-31 08:10", *times, zone=TOKYO, **options):
    """Return an installation with a schedule for every day of a fortnight."""
    here = timetabled(db, text, zone, **options)
    here.jobnet()
    here.calendar("DAILY", days("2026-03-25", 14))
    here.schedule("S", [("DAILY", time) for time in times or ("0900",)])
    return here


def ids_of(report):
    """Return the ids of a report's messages."""
    return [one.id for one in report.raised]


def test_rows_of_a_scheduled_run(database):
    """Run row, summary and guard of a scheduled start are as the tables' readers expect them."""
    here = daily(database)
    (run,) = here.load().loaded
    assert here.rows(t.run_jobnet) == [{
        "inner_jobnet_id": run, "inner_jobnet_main_id": run, "inner_job_id": 0,
        "update_date": VERSION, "run_type": 0, "main_flag": 0, "timeout_flag": 0, "status": 0,
        "scheduled_time": 202603310900, "start_time": 0, "end_time": 0, "public_flag": 0,
        "multiple_start_up": 0, "jobnet_id": "J", "user_name": "owner", "jobnet_name": "J",
        "memo": "", "schedule_id": "S", "calendar_id": "DAILY", "boot_time": "0900",
        "execution_user_name": "owner", "running_job_id": None, "running_job_name": None,
        "virtual_time": 0, "virtual_start_time": 0, "virtual_end_time": 0,
        "initial_scheduled_time": 202603310900,
    }]  # fmt: skip
    assert here.rows(t.run_jobnet_summary) == [{
        "inner_jobnet_id": run, "update_date": VERSION, "invo_flag": 1, "run_type": 0,
        "status": 0, "job_status": 0, "jobnet_abort_flag": 0, "load_status": 0,
        "scheduled_time": 202603310900, "start_time": 0, "end_time": 0, "public_flag": 0,
        "multiple_start_up": 0, "jobnet_id": "J", "user_name": "owner", "jobnet_name": "J",
        "memo": "", "schedule_id": "S", "calendar_id": "DAILY", "boot_time": "0900",
        "execution_user_name": "owner", "running_job_id": None, "running_job_name": None,
        "virtual_time": 0, "virtual_start_time": 0, "virtual_end_time": 0,
        "start_pending_flag": 0, "initial_scheduled_time": 202603310900,
    }]  # fmt: skip
    assert sorted(row["job_id"] for row in here.rows(t.run_job)) == ["END-1", "SET-1", "START"]
    assert len(here.rows(t.run_flow)) == 2
    assert here.rows(t.ext_slot) == [{
        "slot": 202603310900, "schedule_id": "S", "calendar_id": "DAILY", "jobnet_id": "J",
        "inner_jobnet_id": run, "slot_at": at("2026-03-31 09:00", TOKYO), "at": here.clock.at,
    }]  # fmt: skip


def test_boot_is_informed_after_the_commit(database, another):
    """The boot process gets a hint with the loaded runs."""
    wakes: list[Wake] = []
    here = daily(database)
    loaded = here.load(here.loader(another(on_wake=wakes.extend))).loaded
    assert [(wake.role, wake.ids) for wake in wakes] == [(Role.BOOT, tuple(loaded))]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-31 07:59:59", []),
        ("2026-03-31 08:00:00", [202603310900]),
        ("2026-03-31 09:00:59", [202603310900]),
        ("2026-03-31 09:01:00", []),
    ],
)
def test_both_ends_of_the_window_belong_to_it(database, now, expected):
    """A slot is loaded from its span before the minute until the minute itself is over."""
    here = daily(database, now)
    here.load()
    assert here.slots() == expected


@pytest.mark.parametrize(
    ("value", "loaded", "reported"),
    [
        (None, 202605010900, []),
        ("next-first", 202605010900, []),
        ("last-day", 202604300900, []),
        (" Skip", None, []),
        ("never", 202605010900, ["JALOADER300003"]),
    ],
)
def test_what_filters_do_in_a_month_without_their_day_can_be_set(database, value, loaded, reported):
    """Day 31 of April with shift 0; a value that says nothing is reported once."""
    here = timetabled(database, "2026-04-30 08:30")
    here.jobnet()
    here.calendar("DAILY", days("2026-04-01", 60))
    here.filter("F", "DAILY", base_date_flag=2, designated_day=31, shift_day=0)
    here.schedule("S", [("F", "0900")], filtered=True)
    c = t.parameter.c.parameter_name
    change = update(t.parameter).values(value=value) if value else delete(t.parameter)
    name = "FILTER_MISSING_DAY"
    database.transaction(lambda unit: unit.execute(change.where(c == name)))
    loader = here.loader()
    first = here.load(loader)
    here.clock.go(days=1)
    second = here.load(loader)
    assert here.slots() == ([] if loaded is None else [loaded])
    assert ids_of(first) + ids_of(second) == reported


def test_past_midnight(database):
    """A boot time of 25:30 starts on the day after the operating day."""
    here = timetabled(database, "2026-04-04 00:40")
    here.jobnet()
    here.calendar("BIZ26", days("2026-03-30", 5))
    here.schedule("S1", [("BIZ26", "2530")])
    here.load()
    (row,) = here.rows(t.run_jobnet)
    assert (row["scheduled_time"], row["boot_time"]) == (202604040130, "2530")


def test_two_ways_to_one_minute(database):
    """One calendar leads to a minute once; another calendar with the same day is a second run."""
    here = timetabled(database, "2026-03-31 01:00")
    here.jobnet()
    here.calendar("BIZ26", days("2026-03-30", 5))
    here.calendar("COPY", days("2026-03-30", 5))
    here.schedule("S2", [("BIZ26", "2530"), ("BIZ26", "0130"), ("COPY", "0130")])
    here.load()
    assert [row["calendar_id"] for row in here.rows(t.run_jobnet)] == ["BIZ26", "COPY"]


def test_filter(database):
    """A run by a filter has the filter's id in the place of the calendar's."""
    here = timetabled(database, "2026-05-29 23:00")
    here.jobnet()
    here.calendar("BIZ26", days("2026-05-25", 5))
    here.filter("LAST", "BIZ26", base_date_flag=1, shift_day=-1)
    here.schedule("S3", [("LAST", "2400")], filtered=True)
    here.load()
    (row,) = here.rows(t.run_jobnet)
    assert (row["scheduled_time"], row["calendar_id"]) == (202605300000, "LAST")


def test_span_is_read_again_and_a_bad_one_is_reported_once(database):
    """JOBNET_LOAD_SPAN counts from the next pass on; what is no number is 60, with a warning."""
    here = daily(database, "2026-03-31 05:00")
    loader = here.loader()

    def span(value):
        database.transaction(
            lambda unit: unit.execute(
                update(t.parameter)
                .where(t.parameter.c.parameter_name == "JOBNET_LOAD_SPAN")
                .values(value=value)
            )
        )
        here.clock.go(seconds=30)
        return ids_of(here.load(loader))

    assert here.load(loader).loaded == []
    assert span("soon") == ["JALOADER300002"]
    assert span("soon") == []
    assert here.slots() == []
    assert span("0300") == []
    assert here.slots() == [202603310900]


def test_nothing_is_loaded_twice(database):
    """Neither a later pass nor another process loads a start again, purged or not."""
    here = daily(database)
    loader = here.loader()
    assert len(here.load(loader).loaded) == 1
    here.clock.go(seconds=30)
    assert here.load(loader).loaded == []
    assert here.load().loaded == []
    here.purge()
    assert here.load().loaded == []
    here.clock.go(seconds=600)
    assert here.load(loader).loaded == []
    assert here.slots() == []


def test_moved_and_cancelled_runs_are_not_loaded_again(database):
    """Another time for a run, and a cancelled run, leave its slot handled."""
    here = daily(database)
    here.load()
    database.transaction(
        lambda unit: unit.execute(update(t.run_jobnet).values(scheduled_time=202603310830))
    )
    assert here.load().loaded == []
    database.transaction(lambda unit: unit.execute(update(t.run_jobnet_summary).values(status=5)))
    assert here.load().loaded == []


def test_runs_of_the_original_are_respected(database):
    """A run that a 3.0.0 server has loaded gets its guard and is not loaded again."""
    here = daily(database)
    (run,) = here.load().loaded
    database.transaction(lambda unit: unit.execute(delete(t.ext_slot)))
    assert here.load().loaded in ([], [run + 1])
    assert len(here.rows(t.run_jobnet)) == 1
    assert [row["inner_jobnet_id"] for row in here.rows(t.ext_slot)] == [run]


def test_a_window_that_another_loader_has_reopened(database, another, monkeypatch):
    """What one has seen in force and not loaded yet, the other does not declare loaded."""
    here = daily(database, "2026-03-31 08:10", "0900")
    loader = here.loader(another())
    here.load(loader)
    here.clock.go(minutes=6)
    real = StartScan.take

    def meanwhile(walk, db, most):
        """Another loader sees a new schedule just now, and dies before it has loaded it."""
        monkeypatch.setattr(StartScan, "take", real)
        here.schedule("T", [("DAILY", "0905")])
        now = here.clock.at
        database.transaction(lambda unit: loaded_starts.reopen_window(unit.conn, now - 1, now))
        return real(walk, db, most)

    monkeypatch.setattr(StartScan, "take", meanwhile)
    loader.turn()
    assert [row["until_at"] for row in here.rows(t.ext_window)] == [here.clock.at - 1]
    here.load(loader)
    assert here.slots() == [202603310900, 202603310905]
    assert [row["until_at"] for row in here.rows(t.ext_window)] > [here.clock.at]


def test_a_loader_that_is_behind_takes_nothing_back(database, another):
    """Of two loaders whose clocks differ the one that is further is believed."""
    here = daily(database, "2026-03-31 08:10", "0900")
    loader = here.loader(another())
    here.load(loader)
    later = at("2026-03-31 09:40", TOKYO)
    database.transaction(lambda unit: loaded_starts.note_window(unit.conn, later, 0))
    here.clock.go(minutes=6)
    here.load(loader)
    assert [row["until_at"] for row in here.rows(t.ext_window)] == [later]


def test_two_loaders_at_once(database, another):
    """Two processes on one database load every start once."""
    here = timetabled(database, "2026-03-31 08:10")
    here.jobnet()
    here.calendar("DAILY", days("2026-03-25", 14))
    for number in range(40):
        here.schedule(f"S{number}", [("DAILY", "0900"), ("DAILY", "0905")])
    loaders = [here.loader(another()) for _ in range(2)]
    gate = threading.Barrier(2)
    errors = []

    def work(loader):
        try:
            gate.wait()
            here.load(loader, batch=7)
        except Exception as error:  # noqa: BLE001 - reported by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(loader,)) for loader in loaders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    starts = [(row["schedule_id"], row["scheduled_time"]) for row in here.rows(t.run_jobnet)]
    assert len(starts) == len(set(starts)) == 80
    assert {row["inner_jobnet_id"] for row in here.rows(t.ext_slot)} == {
        row["inner_jobnet_id"] for row in here.rows(t.run_jobnet)
    }


def test_guards_are_kept_for_a_week(database):
    """A guard outlives its run by far; it stays while its slot may still be caught up."""
    here = daily(database)
    here.load()

    def removed():
        passing = Purger(database, here.clock, TOKYO).pass_over()
        return sum(portion.done for portion in passing if portion.kind == "handled starts")

    here.clock.go(days=6)
    assert removed() == 0
    here.clock.go(days=2)
    assert removed() == 0
    here.load()
    assert removed() == 1


# -- outages ---------------------------------------------------------------------------------


def test_the_first_start_has_no_past(database):
    """A new database, or one of the original, begins with the present minute."""
    here = daily(database, "2026-03-31 09:05")
    assert here.load().raised == []
    assert here.slots() == []


def test_an_outage_is_caught_up(database):
    """Starts between the last window and now are loaded after an outage, and reported."""
    here = daily(database, "2026-03-31 05:00", "0700", "0900", "1000")
    here.load()
    here.clock.go(hours=4, minutes=5)
    report = here.load()
    assert here.slots() == [202603310700, 202603310900, 202603311000]
    assert ids_of(report) == ["JALOADER000001"]
    assert "2 scheduled starts from 202603310700 to 202603310900" in report.raised[0].text


def test_what_is_too_long_ago_is_counted(database):
    """Beyond JaCatchUp nothing is loaded, but reported with its number and times."""
    here = daily(database, "2026-03-31 05:00", "0700", "0900", catch_up=60)
    here.load()
    here.clock.go(days=1, hours=4, minutes=5)
    report = here.load()
    assert here.slots() == [202604010900]
    assert ids_of(report) == ["JALOADER000001", "JALOADER200012"]
    assert "3 scheduled starts from 202603310700 to 202604010700" in report.raised[1].text
    assert ids_of(here.load()) == []
    (note,) = here.rows(t.send_message)
    assert note["log_message_id"] == "JALOADER200012"


def test_nothing_is_caught_up_that_was_not_in_force(database):
    """A schedule put in force during the outage starts nothing that lies before; it is reported."""
    here = daily(database, "2026-03-31 05:00", "0700")
    here.load()
    here.schedule("NEW", [("DAILY", "0800"), ("DAILY", "0930")])
    here.clock.go(hours=4)
    report = here.load()
    assert here.slots() == [202603310700, 202603310930]
    assert ids_of(report) == ["JALOADER000001", "JALOADER300001"]
    assert "1 scheduled starts from 202603310800 to 202603310800" in report.raised[1].text


def test_days_added_during_an_outage_start_nothing_before(database):
    """Another version of the calendar is a change of what was wanted; the past stays as it was."""
    here = timetabled(database, "2026-03-31 05:00")
    here.jobnet()
    here.calendar("C", days("2026-04-10", 1))
    here.schedule("S", [("C", "0700"), ("C", "0930")])
    here.load()
    here.switch(t.calendar_control, "C", 0)
    here.calendar("C", days("2026-03-31", 1), version=VERSION + 1)
    here.clock.go(hours=4)
    here.load()
    assert here.slots() == [202603310930]


def test_one_for_another_of_the_same_second(database):
    """Another schedule is put in force in the place of one that was imported together with it."""
    here = daily(database, "2026-03-31 08:10", "0900")
    here.schedule("T", [("DAILY", "0905")])
    here.switch(t.schedule_control, "T", 0)
    loader = here.loader()
    here.load(loader)
    here.switch(t.schedule_control, "S", 0)
    here.switch(t.schedule_control, "T", 1)
    here.clock.go(seconds=30)
    here.load(loader)
    assert here.slots() == [202603310900, 202603310905]


def test_versions_change_places(database):
    """Two calendars go to each other's version: numbers, newest and sum stay what they were."""
    here = daily(database, "2026-03-31 08:10", "0900")
    days_of = {"A": VERSION, "B": VERSION + 1}
    for name, version in days_of.items():
        here.calendar(name, [], version=version)
        here.calendar(name, days("2026-03-31", 1), version=2 * VERSION + 1 - version, valid=0)
        here.schedule(f"S{name}", [(name, "0905")])
    loader = here.loader()
    here.load(loader)
    for name, version in days_of.items():
        here.switch(t.calendar_control, name, 0, version=version)
        here.switch(t.calendar_control, name, 1, version=2 * VERSION + 1 - version)
    here.clock.go(seconds=30)
    here.load(loader)
    assert here.slots() == [202603310900, 202603310905, 202603310905]


@pytest.mark.parametrize("kind", [ObjectKind.SCHEDULE, ObjectKind.CALENDAR])
def test_what_was_out_of_force_during_an_outage_starts_nothing(database, kind):
    """Out of force and in force again by command while no server ran: that was not wanted then."""
    here = daily(database, "2026-03-31 05:00", "0700", "0930")
    here.load()
    name = objects.Name(kind, {ObjectKind.SCHEDULE: "S", ObjectKind.CALENDAR: "DAILY"}[kind])
    here.db.transaction(lambda unit: objects.disable(unit.conn, name))
    here.db.transaction(lambda unit: objects.enable(unit.conn, name, VERSION))
    here.clock.go(hours=4)
    report = here.load()
    assert here.slots() == [202603310930]
    assert ids_of(report) == ["JALOADER300001"]


def test_what_is_put_in_force_again_changes_nothing(database):
    """What is in force already was wanted all the time."""
    here = daily(database, "2026-03-31 05:00", "0700")
    here.load()
    name = objects.Name(ObjectKind.SCHEDULE, "S")
    here.db.transaction(lambda unit: objects.enable(unit.conn, name, VERSION))
    here.clock.go(hours=4)
    assert ids_of(here.load()) == ["JALOADER000001"]
    assert here.slots() == [202603310700]


def test_versions_that_were_not_seen_in_force_stay_noted(database):
    """The table shows since when each definition is known to be in force."""
    here = daily(database, "2026-03-31 05:00")
    loader = here.loader()
    here.load(loader)
    began = here.clock.at
    here.clock.go(seconds=30)
    here.schedule("T", [("DAILY", "0900")])
    here.load(loader)
    found = {row["object_id"]: row["since_at"] for row in here.rows(t.ext_in_force)}
    assert found == {"DAILY": began, "S": began, "T": here.clock.at}
    here.switch(t.schedule_control, "S", 0)
    here.clock.go(seconds=30)
    here.load(loader)
    assert {row["object_id"] for row in here.rows(t.ext_in_force)} == {"DAILY", "T"}


def test_new_minutes_come_before_the_past(database):
    """The window of the present is loaded first: catching up makes nothing else late."""
    here = daily(database, "2026-03-31 05:00", "0700", "0900", "1000")
    here.load()
    here.clock.go(hours=4, minutes=30)
    loader = here.loader()
    loader.turn(1)
    assert here.slots() == [202603311000]
    assert loader.turn(1).more
    here.load(loader)
    assert here.slots() == [202603310700, 202603310900, 202603311000]


def test_a_death_while_catching_up_loses_nothing(database):
    """The old end of the window is kept until the gap is closed."""
    here = daily(database, "2026-03-31 05:00", "0700", "0730", "0800")
    here.load()
    here.clock.go(hours=4)
    dying = here.loader()
    for _ in range(2):
        dying.turn(1)
    assert 0 < len(here.slots()) < 3
    here.load()
    assert here.slots() == [202603310700, 202603310730, 202603310800]


class Killed(BaseException):
    """Stands for the death of a process."""


def test_a_death_before_a_new_schedule_is_loaded(database, monkeypatch):
    """Its starts are caught up, although the window had been loaded before it was enabled."""
    here = daily(database, "2026-03-31 08:10")
    here.load()
    here.clock.go(minutes=1)
    here.schedule("T", [("DAILY", "0830")])

    def die(*_args):
        raise Killed

    monkeypatch.setattr(scheduled, "load_slots", die)
    with pytest.raises(Killed):
        here.load()
    monkeypatch.undo()
    here.clock.go(minutes=30)
    here.load()
    assert here.slots() == [202603310830, 202603310900]


@pytest.mark.parametrize("wrong", ["1970-01-02 00:00", "2050-01-02 00:00"])
def test_a_clock_that_was_wrong_by_decades(database, monkeypatch, wrong):
    """The gap that it leaves keeps no turn long, and no start is lost or doubled."""
    here = daily(database, "2026-03-31 08:10")
    loader = here.loader()
    here.load(loader)
    right = here.clock.at
    here.clock.go(minutes=1)
    here.clock.set(at(wrong, TOKYO))
    here.load(loader)
    here.clock.go(minutes=1)
    here.clock.set(right + 120_000)
    looked: list[int] = []
    real = StartScan._starts_of

    def count(self, *args):
        looked[-1] += 1
        return real(self, *args)

    monkeypatch.setattr(StartScan, "_starts_of", count)
    more = True
    while more:
        looked.append(0)
        more = loader.turn().more
    assert max(looked) <= 48
    assert sum(looked) < 400 * 24
    assert here.slots() == [202603310900]


def test_a_clock_set_forward_is_an_outage(database):
    """Starts that the clock has jumped over are loaded, in the same process."""
    here = daily(database, "2026-03-31 05:00", "0700")
    loader = here.loader()
    here.load(loader)
    here.clock.set(here.clock.at + 3 * 3_600_000)
    here.clock.elapsed += 30
    here.load(loader)
    assert here.slots() == [202603310700]


def test_a_clock_set_back_loads_nothing_again(database):
    """Slots that come into the window again are known, also when their runs are purged."""
    here = daily(database)
    loader = here.loader()
    here.load(loader)
    here.purge()
    for _ in range(30):
        here.clock.set(here.clock.at - 6 * 60_000)
        here.clock.elapsed += 30
        assert here.load(loader).loaded == []
    assert here.load().loaded == []
    assert here.slots() == []


@pytest.mark.parametrize("catch_up", [1440, 0])
def test_minutes_that_come_twice_are_loaded_once(database, catch_up):
    """In the hour that is repeated nothing is loaded a second time."""
    here = timetabled(database, "2026-10-25 00:30", BERLIN, catch_up=catch_up)
    here.jobnet()
    here.calendar("DAILY", days("2026-10-20", 14))
    here.schedule("S", [("DAILY", "0130"), ("DAILY", "0230"), ("DAILY", "0330")])
    loader = here.loader()
    loaded = []
    for _ in range(10):
        loaded += here.load(loader).loaded
        here.purge()
        here.clock.go(minutes=30)
    assert len(loaded) == 3
    assert [row["slot_at"] for row in here.rows(t.ext_slot)] == [
        at("2026-10-25 01:30", BERLIN),
        at("2026-10-25 02:30", BERLIN),
        at("2026-10-25 03:30", BERLIN),
    ]


def test_a_minute_that_is_left_out_is_loaded_once(database):
    """A slot in the hour that is skipped stands for the first instant after it."""
    here = timetabled(database, "2026-03-29 01:00", BERLIN)
    here.jobnet()
    here.calendar("DAILY", days("2026-03-25", 14))
    here.schedule("S", [("DAILY", "0230"), ("DAILY", "0300")])
    loader = here.loader()
    for _ in range(8):
        here.load(loader)
        here.clock.go(minutes=30)
    assert here.slots() == [202603290230, 202603290300]
    after = at("2026-03-29 03:00", BERLIN)
    assert [row["slot_at"] for row in here.rows(t.ext_slot)] == [after, after]


def pause(here, **span):
    """Pause loading from now on."""
    begin = here.clock.at
    end = begin + round(timedelta(**span).total_seconds() * 1000)
    here.db.transaction(
        lambda unit: pauses.add(
            unit.conn, scope=PauseScope.ALL, name="", since=begin, until_at=end,
            actor_user="x", reason="y", hold_loading=True,
        )
    )  # fmt: skip


def test_a_pause_of_loading(database):
    """While loading is paused nothing is loaded; then the gap is caught up."""
    here = daily(database, "2026-03-31 05:00", "0700", "0900")
    loader = here.loader()
    here.load(loader)
    pause(here, hours=3)
    here.clock.go(hours=2, minutes=30)
    here.load(loader)
    assert here.slots() == []
    here.clock.go(hours=1)
    here.load(loader)
    assert here.slots() == [202603310700, 202603310900]


def test_a_pause_in_the_midst_of_a_pass(database):
    """The pass ends with the present batch; the rest is loaded after the pause."""
    here = daily(database, "2026-03-31 05:00", "0500", "0530", "0600")
    loader = here.loader()
    assert loader.turn(1).more
    pause(here, hours=1)
    assert here.load(loader).loaded == []
    here.clock.go(hours=1, minutes=10)
    here.load(loader)
    assert here.slots() == [202603310500, 202603310530, 202603310600]


# -- changes and what is missing ---------------------------------------------------------------


def test_a_pause_before_a_new_schedule_is_loaded(database, monkeypatch):
    """What a schedule enabled just before would have started meanwhile is caught up."""
    here = daily(database, "2026-03-31 08:10")
    loader = here.loader()
    here.load(loader)
    here.clock.go(minutes=1)
    here.schedule("T", [("DAILY", "0830")])
    real = loader._step

    def step(batch, report):
        pause(here, minutes=10)
        real(batch, report)

    monkeypatch.setattr(loader, "_step", step)
    loader.turn()
    monkeypatch.undo()
    here.clock.go(minutes=30)
    here.load(loader)
    assert here.slots() == [202603310830, 202603310900]


def test_a_schedule_put_in_force_within_the_window_is_loaded(database):
    """Also in the very minute of its boot time, by the next pass."""
    here = daily(database, "2026-03-31 09:00:10", "1200")
    loader = here.loader()
    here.load(loader)
    here.schedule("NEW", [("DAILY", "0900"), ("DAILY", "0859")])
    here.clock.go(seconds=30)
    here.load(loader)
    assert here.slots() == [202603310900]


def test_another_version_counts_from_the_next_load(database):
    """What is loaded keeps its content; the next start has the version in force by then."""
    here = daily(database, "2026-03-31 08:10", "0900", "1000")
    loader = here.loader()
    here.load(loader)
    here.jobnet()
    here.clock.go(hours=1)
    here.load(loader)
    first, second = (row["update_date"] for row in here.rows(t.run_jobnet))
    assert (first, second) == (VERSION, VERSION + 1)


@pytest.mark.parametrize(
    ("table", "name", "message"),
    [
        (t.calendar_control, "OTHER", "JALOADER200006"),
        (t.filter_control, "FIRST", "JALOADER200008"),
        (t.calendar_control, "BASE", "JALOADER200006"),
        (t.jobnet_control, "K", "JALOADER200004"),
    ],
)
def test_missing_references(database, table, name, message):
    """What is missing is reported once, with a notification; only what needs it is left out."""
    here = daily(database, "2026-04-01 08:10")
    here.jobnet("K")
    for calendar in ("OTHER", "BASE"):
        here.calendar(calendar, days("2026-03-25", 14))
    here.filter("FIRST", "BASE", base_date_flag=0)
    here.schedule("A", [("OTHER", "0900")])
    here.schedule("B", [("FIRST", "0900")], filtered=True)
    here.schedule("C", [("DAILY", "0900")], ["J", "K"])
    loader = here.loader()
    here.switch(table, name, 0)
    report = here.load(loader)
    assert ids_of(report) == [message]
    assert len(here.slots()) == 4
    (note,) = here.rows(t.send_message)
    assert (note["log_message_id"], note["user_name"]) == (message, "owner")
    assert {row["valid_flag"] for row in here.rows(t.schedule_control)} == {1}
    here.clock.go(seconds=30)
    assert here.load(loader).raised == []
    here.switch(table, name, 1)
    here.clock.go(seconds=30)
    assert len(here.load(loader).loaded) == 1
    assert len(here.slots()) == 5
    here.switch(table, name, 0)
    here.clock.go(hours=24)
    assert ids_of(here.load(loader)).count(message) == 1


def test_a_sub_jobnet_that_is_missing(database):
    """A jobnet that cannot be expanded is reported with its schedule; nothing of it is written."""
    here = daily(database)
    here.jobnet("SUB", enable=False)
    here.jobnet("J", """
jobnet: {name}
owner: owner
icons:
  START: {{type: start}}
  SUB-1: {{type: jobnet, jobnet: SUB}}
  END-1: {{type: end}}
flows: [START -> SUB-1 -> END-1]
""")  # fmt: skip
    here.jobnet("FINE")
    here.schedule("T", [("DAILY", "0900")], ["FINE"])
    loader = here.loader()
    report = here.load(loader)
    assert ids_of(report) == ["JALOADER200005"]
    assert "J (schedule S) contains sub-jobnet SUB" in report.raised[0].text
    assert [row["jobnet_id"] for row in here.rows(t.run_jobnet)] == ["FINE"]
    here.switch(t.jobnet_control, "SUB", 1)
    here.clock.go(seconds=30)
    here.load(loader)
    found = sorted((row["jobnet_id"], row["main_flag"]) for row in here.rows(t.run_jobnet))
    assert found == [("FINE", 0), ("J", 0), ("SUB", 1)]


def test_a_boot_time_that_is_none(database):
    """It is reported, and the other boot times of the schedule count."""
    here = daily(database, "2026-03-31 08:10", "0900", "95")
    report = here.load()
    assert ids_of(report) == ["JALOADER200010"]
    assert here.slots() == [202603310900]


def test_rows_that_mean_nothing_stop_nobody_else(database):
    """A jobnet with an icon of no known kind is reported; the others of its batch are loaded."""
    here = daily(database)
    here.jobnet("ODD")
    here.schedule("T", [("DAILY", "0900")], ["ODD"])
    icon = t.job_control.c
    database.transaction(
        lambda unit: unit.execute(
            update(t.job_control).where(icon.jobnet_id == "ODD").values(job_type=90)
        )
    )
    report = here.load()
    assert ids_of(report) == ["JALOADER200009"]
    assert "is of type 90, which is not known" in report.raised[0].text
    assert [row["jobnet_id"] for row in here.rows(t.run_jobnet)] == ["J"]


def test_a_run_that_the_database_refuses_is_tried_again(database, monkeypatch):
    """It fails alone; its window is not over until it is loaded."""
    here = daily(database, "2026-03-31 08:10", "0900", "0905")
    real = runs.insert_rows

    def refuse(unit, expanded):
        chosen = list(expanded)
        if any(into[t.run_jobnet][0]["scheduled_time"] == 202603310900 for into in chosen):
            unit.execute(insert(t.ext_window), [{"id": 1, "until_at": 0, "at": 0}] * 2)
        real(unit, chosen)

    monkeypatch.setattr(slotted, "insert_rows", refuse)
    loader = here.loader()
    here.load(loader)
    assert here.slots() == [202603310905]
    for _ in range(2):
        report = loader.turn()
    assert ids_of(report) == ["JALOADER200002"]
    assert not {"\n", "INSERT"} & set(re.split("( |\n)", report.raised[0].text))
    (window,) = here.rows(t.ext_window)
    assert window["until_at"] < at("2026-03-31 09:00", TOKYO)
    monkeypatch.undo()
    here.clock.go(hours=1)
    here.load()
    assert here.slots() == [202603310900, 202603310905]


def test_a_run_that_the_database_refuses_for_good_is_given_up(database, monkeypatch):
    """It holds the window, and with it the purge of guards, no longer than starts are caught up."""
    here = daily(database, "2026-03-31 08:10", "0900", catch_up=60)

    def refuse(unit, expanded):
        raise ValueError(f"{len(list(expanded))} runs that mean nothing")

    monkeypatch.setattr(slotted, "insert_rows", refuse)
    loader = here.loader()
    here.load(loader)
    here.clock.go(minutes=109)
    here.load(loader)
    (window,) = here.rows(t.ext_window)
    assert window["until_at"] == at("2026-03-31 09:00", TOKYO) - 1
    here.clock.go(minutes=3)
    assert "JALOADER200012" in ids_of(here.load(loader))
    here.clock.go(minutes=1)
    here.load(loader)
    (window,) = here.rows(t.ext_window)
    assert window["until_at"] > here.clock.at
    assert here.slots() == []


# -- cost --------------------------------------------------------------------------------------


def test_an_idle_pass_costs_three_statements(database):
    """Nothing is read again as long as nothing changes."""
    here = daily(database)
    loader = here.loader()
    here.load(loader)
    here.clock.go(seconds=30)
    before = database.statements
    here.load(loader)
    assert database.statements - before <= 3
    before = database.statements
    loader.turn()
    assert database.statements == before


def test_requests_have_their_turn_between_batches(database):
    """The loader's duty loads a request before it goes on with a large scheduled load."""
    here = timetabled(database, "2026-03-31 08:10")
    here.jobnet()
    here.calendar("DAILY", days("2026-03-25", 14))
    for number in range(3 * BATCH):
        here.schedule(f"S{number}", [("DAILY", "0900")])
    config = SimpleNamespace(ja_time_zone="Asia/Tokyo", ja_loader_interval=30, ja_catch_up=1440)
    duty = Loader()
    context: Any = SimpleNamespace(clock=here.clock, config=config, database=lambda: database)
    duty.open(context)
    assert duty.turn(None) == Turn(done=BATCH, unit="runs", again=True)
    request = StartRequest(jobnet_id="J", execution_user_name="u")
    (registered,) = register(database, IdPool(database), [request], here.clock)
    assert isinstance(registered, int)
    assert duty.turn(frozenset({registered})).again
    summaries = [row["inner_jobnet_id"] for row in here.rows(t.run_jobnet_summary)]
    assert registered in summaries
    assert len(summaries) == 2 * BATCH + 1
